/* Estimates of the trace: hutchinson against its own formula and exact on a diagonal, hutch++ exact once its
 * sketch spans everything, unbiased, and better than hutchinson on a few large eigenvalues; the same numbers
 * for any batch and any stack of unit vectors, in bounded memory; products counted; an interruption inside an
 * evaluation, and what solvers make of it; bad arguments. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/random.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/mixtures.h"
#include "transport/likelihood/likelihood.h"

enum { N = 6, ROWS = 3 };

/* A linear drift f = M x with its products. */
typedef struct {
  tr_drift drift;
  tr_drift_ops ops;
  double M[N][N];
  long products, raise_at; /* of one vector; the one that asks to stop, 0: none */
} linear;

static volatile sig_atomic_t stop_flag;

static void count_product(linear *l) {
  if (++l->products == l->raise_at) stop_flag = 1;
}

static void multiply(const linear *l, const tr_array *x, bool transposed, tr_array *y) {
  double *in = malloc((size_t)x->count * sizeof *in), *out = calloc((size_t)x->count, sizeof *out);
  if (!in || !out) exit(1);
  CHECK_OK(x->ctx, tr_array_get_f64(x, in));
  for (int64_t r = 0; r < x->shape[0]; r++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) out[r * N + i] += (transposed ? l->M[j][i] : l->M[i][j]) * in[r * N + j];
  CHECK_OK(x->ctx, tr_array_set_f64(y, out));
  free(in), free(out);
}

static tr_status eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f) {
  (void)times, (void)cond;
  multiply(drift->impl, x, false, f);
  return TR_OK;
}
static tr_status vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                     const tr_array *w, tr_array *f, tr_array *wJ) {
  count_product(drift->impl);
  multiply(drift->impl, w, true, wJ);
  return eval(drift, times, x, cond, f);
}
static tr_status jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                     const tr_array *v, tr_array *Jv) {
  (void)x;
  count_product(drift->impl);
  return eval(drift, times, v, cond, Jv);
}
static void destroy(tr_drift *drift) {
  (void)drift;
}

static void make(tr_ctx *ctx, bool backward, linear *l) {
  l->ops = (tr_drift_ops){.name = "linear",
                          .eval = eval,
                          .vjp = backward ? vjp : NULL,
                          .jvp = backward ? NULL : jvp,
                          .destroy = destroy};
  l->drift = (tr_drift){.ops = &l->ops, .ctx = ctx, .impl = l, .null_class = -1};
}

static double trace_of(const linear *l) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += l->M[i][i];
  return sum;
}

/* z (columns, ROWS) of `name` with R probes, and in f what eval gives. */
static int estimate(linear *l, const char *name, int R, uint32_t draw, uint64_t first, int rows, double a,
                    double b, double *z) {
  tr_ctx *ctx = l->drift.ctx;
  tr_trace_spec spec = {.n_probes = R, .seed = 5, .first_sample = first, .draw = draw};
  tr_array *x, *f, *out, *want;
  tr_trace *trace;
  double t = 0.5, norm;
  CHECK_OK(ctx, tr_trace_find(ctx, name, &spec.type));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){rows, N}, &x));
  CHECK_OK(ctx, tr_fill(0.25, x));
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_array_like(x, &want));
  CHECK_OK(ctx, tr_trace_create(&spec, &l->drift, x, &trace));
  int columns = trace->columns;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){(int64_t)columns * rows}, &out));
  CHECK_OK(ctx, tr_trace_apply(trace, (tr_times){1, &t}, x, NULL, f, a, b, out));
  CHECK_OK(ctx, tr_array_get_f64(out, z));
  multiply(l, x, false, want);
  CHECK_OK(ctx, tr_axpby(1, f, -1, want, want));
  CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, want, NULL, NULL, &norm));
  CHECK(norm == 0);
  tr_trace_destroy(&trace);
  tr_array_destroy(&x), tr_array_destroy(&f), tr_array_destroy(&out), tr_array_destroy(&want);
  return columns;
}

static void hutchinson_formula(tr_ctx *ctx) {
  linear l = {.M = {{1, 2, 0, 0, 0, 1},
                    {0, -1, 3, 0, 0, 0},
                    {1, 0, 0.5, 0, 2, 0},
                    {0, 0, 0, 2, 0, 0},
                    {4, 0, 0, 1, 1, 0},
                    {0, 1, 0, 0, 0, 3}}};
  double z[4 * ROWS], signs[N];
  make(ctx, true, &l);
  CHECK(estimate(&l, "hutchinson", 4, 1, 10, ROWS, -2, 0.5, z) == 4);
  CHECK(l.drift.n_vjp == 4 && l.drift.n_eval == 0);
  for (int k = 0; k < 4; k++)
    for (int r = 0; r < ROWS; r++) {
      tr_random_address address = {.seed = 5, .purpose = TR_RANDOM_PROBE, .step = (uint32_t)(4 + k)};
      double form = 0;
      tr_random_signs(&address, (uint64_t)(10 + r), N, signs);
      for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) form += signs[i] * l.M[i][j] * signs[j];
      CHECK_NEAR(z[k * ROWS + r], -2 * form + 0.5, 1e-13);
    }
}

static void exact_sum(tr_ctx *ctx, bool backward) {
  linear l = {.M = {{1, 2, 0, 0, 0, 1},
                    {0, -1, 3, 0, 0, 0},
                    {1, 0, 0.5, 0, 2, 0},
                    {0, 0, 0, 2, 0, 0},
                    {4, 0, 0, 1, 1, 0},
                    {0, 1, 0, 0, 0, 3}}};
  double z[ROWS];
  make(ctx, backward, &l);
  CHECK(estimate(&l, "exact", 0, 0, 0, ROWS, 3, -1, z) == 1);
  for (int r = 0; r < ROWS; r++) CHECK_NEAR(z[r], 3 * trace_of(&l) - 1, 1e-13);
}

static void diagonal(tr_ctx *ctx) {
  linear l = {.M = {{1}, {0, -1}, {0, 0, 0.5}, {0, 0, 0, 2}, {0, 0, 0, 0, 7}, {0, 0, 0, 0, 0, 3}}};
  double z[2 * ROWS];
  make(ctx, true, &l);
  estimate(&l, "hutchinson", 2, 0, 0, ROWS, 1, 0, z);
  for (int i = 0; i < 2 * ROWS; i++) CHECK_NEAR(z[i], trace_of(&l), 1e-13);
  for (int i = 0; i < N; i++) l.M[i][i] = 4; /* J = k I: nothing is left of the sketch */
  estimate(&l, "hutch++", 2, 0, 0, ROWS, 1, 0, z);
  for (int i = 0; i < 2 * ROWS; i++) CHECK_NEAR(z[i], 24, 1e-13);
}

/* A rotation-like matrix that is dense and not symmetric. */
static void dense(linear *l) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) l->M[i][j] = sin(1.0 + 3 * i + 7 * j) + (i == j ? 2 : 0);
}

static void spanned(tr_ctx *ctx, bool backward) {
  linear l;
  double z[3 * N * ROWS];
  dense(&l);
  make(ctx, backward, &l);
  estimate(&l, "hutch++", 3 * N, 0, 0, ROWS, 1, 0, z); /* more sketch vectors than dimensions */
  for (int i = 0; i < 3 * N * ROWS; i++) CHECK_NEAR(z[i], trace_of(&l), 1e-11);
}

/* One eigenvalue 1e8 times the others: what is left of a second vector of the sketch after the first is
 * taken out is small, and Q must be orthogonal all the same. */
static void nearly_dependent(tr_ctx *ctx) {
  linear l;
  double z[2 * N * ROWS];
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) l.M[i][j] = 1e8 * cos(1.0 + i) * cos(1.0 + 2 * j) + sin(1.0 + 3 * i + 7 * j);
  make(ctx, true, &l);
  estimate(&l, "hutch++", 2 * N, 0, 0, ROWS, 1, 0, z);
  for (int i = 0; i < 2 * N * ROWS; i++) CHECK_NEAR(z[i], trace_of(&l), 1e-7);
}

typedef struct {
  double mean, deviation; /* of single columns */
} spread;

/* Over `draws` draws: mean and standard deviation of the mean over the columns. */
static spread statistics(linear *l, const char *name, int R, int draws) {
  double z[8], sum = 0, squares = 0;
  for (int d = 0; d < draws; d++) {
    estimate(l, name, R, (uint32_t)d, 0, 1, 1, 0, z);
    double mean = 0;
    for (int r = 0; r < R; r++) mean += z[r] / R;
    sum += mean;
    squares += mean * mean;
  }
  double mean = sum / draws;
  return (spread){mean, sqrt((squares / draws - mean * mean) * draws / (draws - 1))};
}

static void unbiased(tr_ctx *ctx) {
  enum { DRAWS = 1500 };
  linear l;
  dense(&l);
  make(ctx, true, &l);
  const char *const names[] = {"hutchinson", "hutch++"};
  for (int i = 0; i < 2; i++) {
    spread s = statistics(&l, names[i], 2, DRAWS);
    CHECK_NEAR(s.mean, trace_of(&l), 4 * s.deviation / sqrt(DRAWS));
    CHECK(s.deviation > 0.05);
  }
}

/* One large eigenvalue off the axes: the sketch takes it out. Equal work: 6 products each. */
static void large_eigenvalue(tr_ctx *ctx) {
  linear l;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) l.M[i][j] = 20 * cos(1.0 + i) * cos(1.0 + j) + 0.1 * sin(3.0 * i + 5.0 * j);
  make(ctx, true, &l);
  spread plain = statistics(&l, "hutchinson", 6, 200), sketched = statistics(&l, "hutch++", 2, 200);
  CHECK(sketched.deviation < 0.5 * plain.deviation);
}

static void any_batch(tr_ctx *ctx, const char *name) {
  linear l;
  double whole[2 * ROWS], one[2];
  dense(&l);
  make(ctx, true, &l);
  estimate(&l, name, 2, 3, 100, ROWS, 1, 0, whole);
  for (int r = 0; r < ROWS; r++) {
    estimate(&l, name, 2, 3, (uint64_t)(100 + r), 1, 1, 0, one);
    for (int k = 0; k < 2; k++) CHECK(one[k] == whole[k * ROWS + r]);
  }
  CHECK(whole[0] != whole[1] || whole[1] != whole[2] || whole[0] != whole[ROWS]);
}

/* Five rows of a mixture, in f32, where the order of a sum shows. */
static void any_stack(tr_ctx *ctx) {
  enum { MANY = 5, DIM = 23 };
  const int64_t vector = MANY * DIM * 4, bytes[] = {0, 1, vector, 4 * vector + 3, 7 * vector};
  float want[MANY], got[MANY], field[MANY * DIM], other[MANY * DIM];
  tr_interpolant gvp;
  tr_array *x, *f, *z;
  double t = 0.4;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "GVP", &gvp));
  tr_drift *drift = mixture_random(ctx, &gvp, TR_VELOCITY, DIM, 3, 0.1, 4);
  tr_array *points = mixture_points(ctx, MANY, DIM, 6);
  double *host = malloc((size_t)points->count * sizeof *host);
  if (!host) exit(1);
  CHECK_OK(ctx, tr_array_get_f64(points, host));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, points->shape, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, host));
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, points->shape, &z));
  for (int i = 0; i < 5; i++) {
    tr_trace_spec spec = {.stack_bytes = bytes[i]};
    tr_trace *trace;
    long forwards = drift->n_forward, products = drift->n_vjp;
    CHECK_OK(ctx, tr_trace_find(ctx, "exact", &spec.type));
    CHECK_OK(ctx, tr_trace_create(&spec, drift, x, &trace));
    CHECK(trace->products->count == MANY * DIM * ((int64_t[]){DIM, 1, 1, 4, 7})[i]);
    CHECK_OK(ctx, tr_trace_apply(trace, (tr_times){1, &t}, x, NULL, f, -1, 0.1, z));
    CHECK(drift->n_forward == forwards + 1 && drift->n_vjp == products + DIM);
    CHECK_OK(ctx, tr_array_download(z, i ? got : want));
    CHECK_OK(ctx, tr_array_download(f, i ? other : field));
    if (i) CHECK(memcmp(got, want, sizeof got) == 0 && memcmp(field, other, sizeof field) == 0);
    tr_trace_destroy(&trace);
  }
  for (int r = 0; r < MANY; r++) {
    double divergence;
    CHECK_OK(ctx, tr_array_get_f64(x, host));
    CHECK_OK(ctx, tr_exact_divergence(drift, TR_VELOCITY, t, host + r * DIM, &divergence));
    CHECK_NEAR(want[r], 0.1 - divergence, 1e-5 * (1 + fabs(divergence)));
  }
  free(host);
  tr_array_destroy(&x), tr_array_destroy(&f), tr_array_destroy(&z), tr_array_destroy(&points);
  tr_drift_destroy(&drift);
}

/* Unit vectors and products of all elements would be 2 x 93 MiB. */
static void bounded_memory(const char *resource) {
  enum { MANY = 21, DIM = 760 };
  const int64_t vector = MANY * DIM * 8, stack = (int64_t)64 << 20;
  double logp[MANY], se[MANY];
  tr_ctx *ctx;
  tr_sampler sampler;
  tr_density density;
  tr_sample_stats stats;
  if (tr_ctx_open(resource, 0, &ctx, NULL) != TR_OK) exit(1);
  CHECK_OK(ctx, tr_register_all(ctx));
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &sampler));
  CHECK_OK(ctx, tr_density_defaults(ctx, &density));
  CHECK_OK(ctx, tr_trace_find(ctx, "exact", &density.trace));
  const tr_module *euler;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "euler", &euler));
  sampler.ode.method = (const tr_ode_method *)euler;
  sampler.n_steps = 2;
  tr_drift *drift = mixture_random(ctx, &sampler.interpolant, TR_VELOCITY, DIM, 1, 0.1, 1);
  tr_array *x = mixture_points(ctx, MANY, DIM, 2);
  sampler.drift = drift;
  int64_t before = tr_ctx_memory(ctx);
  CHECK_OK(ctx, tr_sample_density(&sampler, &density, NULL, x, logp, se, &stats));
  CHECK(DIM * vector > stack + vector && stats.n_vjp == DIM * stats.nfe && stats.nfe == drift->n_forward);
  CHECK(tr_ctx_memory_peak(ctx) > before + 2 * (stack - vector));
  CHECK(tr_ctx_memory_peak(ctx) < before + 2 * stack + 20 * vector);
  tr_array_destroy(&x);
  tr_drift_destroy(&drift);
  tr_ctx_close(&ctx);
}

/* Asked to stop inside an evaluation: within one product, whatever the provider has. */
static void interrupted_apply(tr_ctx *ctx, bool backward, int64_t stack_bytes) {
  linear l = {.raise_at = 3};
  tr_trace_spec spec = {.stack_bytes = stack_bytes};
  tr_array *x, *f, *z;
  tr_trace *trace;
  double t = 0.25;
  dense(&l);
  make(ctx, backward, &l);
  CHECK_OK(ctx, tr_trace_find(ctx, "exact", &spec.type));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_fill(0.25, x));
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, x->shape, &z));
  CHECK_OK(ctx, tr_trace_create(&spec, &l.drift, x, &trace));
  stop_flag = 0;
  CHECK_ERROR(ctx, tr_trace_apply(trace, (tr_times){1, &t}, x, NULL, f, 1, 0, z), TR_E_INTERRUPTED,
              "interrupted at t = 0.25");
  CHECK(l.products == 3);
  stop_flag = 0;
  CHECK_OK(ctx, tr_trace_apply(trace, (tr_times){1, &t}, x, NULL, f, 1, 0, z)); /* and it can be used again */
  CHECK(l.products == 3 + N);
  tr_trace_destroy(&trace);
  tr_array_destroy(&x), tr_array_destroy(&f), tr_array_destroy(&z);
}

/* A solver hands the interruption on as such, and evaluates nothing more. */
static void interrupted_solve(tr_ctx *ctx, const char *method) {
  linear l = {.raise_at = 4 * N + 3};
  double logp[ROWS], se[ROWS];
  const tr_module *module;
  tr_sampler sampler;
  tr_density density;
  tr_sample_stats stats;
  tr_array *x;
  dense(&l);
  make(ctx, true, &l);
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &sampler));
  CHECK_OK(ctx, tr_density_defaults(ctx, &density));
  CHECK_OK(ctx, tr_trace_find(ctx, "exact", &density.trace));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, method, &module));
  sampler.ode.method = (const tr_ode_method *)module;
  sampler.drift = &l.drift;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_fill(0.25, x));
  stop_flag = 0;
  CHECK_ERROR(ctx, tr_sample_density(&sampler, &density, NULL, x, logp, se, &stats), TR_E_INTERRUPTED,
              "interrupted at t = ");
  CHECK(l.products == l.raise_at);
  stop_flag = 0;
  tr_array_destroy(&x);
}

static void interruptions(tr_ctx *ctx) {
  const char *const methods[] = {"cvode-adams", "cvode-bdf", "dopri5", "bosh3",   "euler",
                                 "heun2",       "rk4",       "ab3",    "dpmpp-2m"};
  tr_ctx_set_interrupt(ctx, &stop_flag);
  for (int backward = 0; backward < 2; backward++)
    for (int64_t vectors = 0; vectors <= N; vectors++)
      interrupted_apply(ctx, backward, vectors * ROWS * N * (int64_t)sizeof(double));
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) interrupted_solve(ctx, methods[i]);
  tr_ctx_set_interrupt(ctx, NULL);
}

/* Draws whose addresses would be those of others, and given probes that say nothing. */
static void probe_refusals(tr_ctx *ctx) {
  enum { R = 4 };
  linear l;
  double given[R * ROWS * N];
  tr_array *x, *probes;
  tr_trace *trace;
  tr_trace_spec spec = {.n_probes = 100000, .draw = 42948}; /* 42949 R is below 2^32, 42950 R above */
  dense(&l);
  make(ctx, true, &l);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_trace_find(ctx, "hutchinson", &spec.type));
  CHECK_OK(ctx, tr_trace_create(&spec, &l.drift, x, &trace));
  tr_trace_destroy(&trace);
  spec.draw++;
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG,
              "draw 42949 of 100000 probe vectors: with as many use draws 0 to 42948");
  spec.draw = 42948 / 2 + 1;
  CHECK_OK(ctx, tr_trace_find(ctx, "hutch++", &spec.type)); /* twice as many vectors */
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG, "0 to 21473");
  for (int i = 0; i < R * ROWS * N; i++) given[i] = (i / N == 2 * ROWS + 1) == (i % N == 4);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){R * ROWS, N}, &probes));
  CHECK_OK(ctx, tr_array_set_f64(probes, given)); /* one element of one probe of a row is enough */
  CHECK_OK(ctx, tr_trace_find(ctx, "hutchinson", &spec.type));
  spec = (tr_trace_spec){.type = spec.type, .n_probes = R, .probes = probes};
  CHECK_OK(ctx, tr_trace_create(&spec, &l.drift, x, &trace));
  tr_trace_destroy(&trace);
  given[(2 * ROWS + 1) * N + 4] = -0.0;
  CHECK_OK(ctx, tr_array_set_f64(probes, given));
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG, "probe 2 of row 1 is all zeros");
  tr_array_destroy(&x), tr_array_destroy(&probes);
}

static void refusals(tr_ctx *ctx) {
  linear l;
  tr_array *x, *probes;
  tr_trace *trace;
  tr_trace_spec spec = {.n_probes = 0};
  dense(&l);
  make(ctx, true, &l);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N - 1}, &probes));
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG, "trace");
  CHECK_OK(ctx, tr_trace_find(ctx, "hutchinson", &spec.type));
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG, "0 probes");
  spec.n_probes = 1;
  spec.probes = probes;
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_SHAPE, "probes");
  CHECK_OK(ctx, tr_trace_find(ctx, "exact", &spec.type));
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG, "hutchinson");
  spec.probes = NULL;
  spec.draw = 1u << 20;
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG, "draw");
  spec.draw = 0;
  spec.stack_bytes = -1;
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_ARG, "-1 bytes");
  spec.stack_bytes = 0;
  l.ops.vjp = NULL;
  CHECK_ERROR(ctx, tr_trace_create(&spec, &l.drift, x, &trace), TR_E_UNSUPPORTED, "linear");
  CHECK_ERROR(ctx, tr_trace_find(ctx, "hutchison", &spec.type), TR_E_ARG, "hutchinson");
  tr_array_destroy(&x);
  tr_array_destroy(&probes);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  hutchinson_formula(ctx);
  diagonal(ctx);
  for (int backward = 0; backward < 2; backward++) {
    exact_sum(ctx, backward);
    spanned(ctx, backward);
  }
  nearly_dependent(ctx);
  unbiased(ctx);
  large_eigenvalue(ctx);
  any_batch(ctx, "hutchinson");
  any_batch(ctx, "hutch++");
  any_stack(ctx);
  bounded_memory(tr_ctx_resource(ctx));
  interruptions(ctx);
  probe_refusals(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
