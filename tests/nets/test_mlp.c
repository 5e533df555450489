/* The perceptron with a time: forward against plain loops, products against central differences and each
 * other, bits that depend on neither batch nor threads, sampling and log-densities, refused weights. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/nets/networks.h"
#include "tests/support/nets/weights.h"
#include "tests/support/problems/matrices.h"
#include "transport/likelihood/likelihood.h"

enum { DIM = 2, WIDTH = 19, DEPTH = 2, FREQUENCIES = 6, CLASSES = 3, ROWS = 5 };

static tr_ctx *ctx;

/* label_rows 0: unconditional. */
static weights *make_weights(int label_rows) {
  return weights_of_mlp(ctx, &(weights_mlp_sizes){DIM, WIDTH, DEPTH, FREQUENCIES, label_rows});
}

static const double *data_of(const weights *w, const char *name) {
  return w->data[weights_index(w, name)];
}

static tr_drift *network(const weights *w, int declared, tr_dtype dtype) {
  const tr_tensors all = weights_tensors(w);
  tr_drift *drift;
  CHECK_OK(ctx, networks_drift(ctx, &all, &(tr_net_settings){.num_classes = declared}, dtype, TR_VELOCITY,
                               &drift));
  if (!drift) exit(check_report());
  return drift;
}

/* ---- states ---- */

static tr_array *states(tr_dtype dtype, int64_t rows, uint64_t seed) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){rows, DIM}, &x));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = seed, .purpose = TR_RANDOM_TEST}, x));
  return x;
}

static void destroy(tr_array **arrays, int n) {
  for (int i = 0; i < n; i++) tr_array_destroy(&arrays[i]);
}

static double time_of(int64_t row) {
  return (double)(row * 7 % 11) / 10;
}

static int32_t label_of(int64_t row) {
  return (int32_t)(row % (CLASSES + 1)); /* the null class too */
}

/* ---- forward ---- */

static double silu(double v) {
  return v / (1 + exp(-v));
}

static void plain_layer(const weights *w, const char *name, int64_t out, int64_t in, const double *x,
                        double *y) {
  char full[32];
  snprintf(full, sizeof full, "%s.weight", name);
  const double *matrix = data_of(w, full);
  snprintf(full, sizeof full, "%s.bias", name);
  const double *bias = data_of(w, full);
  for (int64_t i = 0; i < out; i++) {
    y[i] = bias[i];
    for (int64_t k = 0; k < in; k++) y[i] += matrix[i * in + k] * x[k];
  }
}

/* label < 0: none */
static void plain_forward(const weights *w, double t, int label, const double *x, double *f) {
  double e[FREQUENCIES], c[WIDTH], h[WIDTH], a[WIDTH];
  for (int j = 0; j < FREQUENCIES / 2; j++) {
    double angle = t * pow(10000, -j / (FREQUENCIES / 2.0));
    e[j] = cos(angle), e[FREQUENCIES / 2 + j] = sin(angle);
  }
  plain_layer(w, "time_in", WIDTH, FREQUENCIES, e, c);
  plain_layer(w, "x_in", WIDTH, DIM, x, h);
  for (int i = 0; i < WIDTH; i++)
    h[i] += silu(c[i] + (label < 0 ? 0 : data_of(w, "labels.weight")[label * WIDTH + i]));
  for (int layer = 0; layer < DEPTH; layer++) {
    for (int i = 0; i < WIDTH; i++) a[i] = silu(h[i]);
    plain_layer(w, layer ? "layers.1" : "layers.0", WIDTH, WIDTH, a, h);
  }
  for (int i = 0; i < WIDTH; i++) a[i] = silu(h[i]);
  plain_layer(w, "out", DIM, WIDTH, a, f);
}

/* One time and label for all rows (each = false), or one a row. */
static void forward(tr_dtype dtype, bool classes, bool each, double tolerance) {
  weights *w = make_weights(classes ? CLASSES + 1 : 0);
  tr_drift *drift = network(w, 0, dtype);
  tr_array *x = states(dtype, ROWS, 1), *f = states(dtype, ROWS, 1);
  double t[ROWS], want[ROWS * DIM];
  int32_t labels[ROWS];
  const tr_cond cond = {each ? ROWS : 1, labels};
  double *in = values(x);
  for (int r = 0; r < ROWS; r++) {
    t[r] = time_of(each ? r : 2), labels[r] = label_of(each ? r : 2);
    plain_forward(w, t[r], classes ? labels[r] : -1, in + r * DIM, want + r * DIM);
  }
  CHECK_OK(ctx, tr_drift_eval(drift, (tr_times){each ? ROWS : 1, t}, x, classes ? &cond : NULL, f));
  double *got = values(f);
  CHECK(check_relative(got, want, ROWS * DIM) < tolerance);
  const tr_net *net = tr_net_of_drift(drift);
  CHECK(tr_net_value(net, "dim") == DIM && tr_net_value(net, "hidden") == WIDTH);
  CHECK(tr_net_value(net, "depth") == DEPTH && tr_net_value(net, "time_frequencies") == FREQUENCIES);
  CHECK(drift->num_classes == (classes ? CLASSES : 0) && drift->null_class == (classes ? CLASSES : -1));
  free(in), free(got);
  destroy((tr_array *[]){x, f}, 2);
  tr_drift_destroy(&drift);
  weights_free(w);
}

/* ---- products ---- */

/* The Jacobian of every row by covectors e_i behind one forward: J[r][i][j]. */
static void jacobian(tr_drift *drift, const tr_array *x, tr_times times, const tr_cond *cond, double *J) {
  int64_t rows = x->shape[0], shape[] = {DIM, rows, DIM};
  tr_array *w, *wJ, *f = states(x->dtype, rows, 1);
  double *host = calloc((size_t)(DIM * rows * DIM), sizeof *host);
  if (!host) exit(1);
  CHECK_OK(ctx, tr_array_create(ctx, x->dtype, 3, shape, &w));
  CHECK_OK(ctx, tr_array_like(w, &wJ));
  for (int64_t i = 0; i < DIM; i++)
    for (int64_t r = 0; r < rows; r++) host[(i * rows + r) * DIM + i] = 1;
  CHECK_OK(ctx, tr_array_set_f64(w, host));
  CHECK_OK(ctx, tr_drift_vjp_multi(drift, times, x, cond, w, f, wJ));
  CHECK_OK(ctx, tr_array_get_f64(wJ, host));
  for (int64_t i = 0; i < DIM; i++)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t j = 0; j < DIM; j++) J[(r * DIM + i) * DIM + j] = host[(i * rows + r) * DIM + j];
  free(host);
  destroy((tr_array *[]){w, wJ, f}, 3);
}

/* h^2 and rounding / h leave 1e-9. */
static void central_differences(void) {
  const double h = 1e-5;
  weights *w = make_weights(CLASSES + 1);
  tr_drift *drift = network(w, 0, TR_F64);
  tr_array *x = states(TR_F64, ROWS, 1), *f = states(TR_F64, ROWS, 1);
  double t[ROWS], J[ROWS * DIM * DIM], difference[ROWS * DIM * DIM], *in = values(x);
  int32_t labels[ROWS];
  for (int r = 0; r < ROWS; r++) t[r] = time_of(r), labels[r] = label_of(r);
  const tr_times times = {ROWS, t};
  const tr_cond cond = {ROWS, labels};
  jacobian(drift, x, times, &cond, J);
  CHECK(drift->n_forward == 1 && drift->n_vjp == DIM);
  for (int j = 0; j < DIM; j++) {
    double *side[2];
    for (int s = 0; s < 2; s++) {
      for (int r = 0; r < ROWS; r++) in[r * DIM + j] += s ? -2 * h : h;
      CHECK_OK(ctx, tr_array_set_f64(x, in));
      CHECK_OK(ctx, tr_drift_eval(drift, times, x, &cond, f));
      side[s] = values(f);
    }
    for (int r = 0; r < ROWS; r++) {
      in[r * DIM + j] += h;
      for (int i = 0; i < DIM; i++)
        difference[(r * DIM + i) * DIM + j] = (side[0][r * DIM + i] - side[1][r * DIM + i]) / (2 * h);
    }
    free(side[0]), free(side[1]);
  }
  CHECK(check_relative(J, difference, ROWS * DIM * DIM) < 1e-8);
  free(in);
  destroy((tr_array *[]){x, f}, 2);
  tr_drift_destroy(&drift);
  weights_free(w);
}

/* w' (J v) = (w' J) v for every row. */
static void adjoint(tr_dtype dtype, double tolerance) {
  weights *w = make_weights(0);
  tr_drift *drift = network(w, 0, dtype);
  tr_array *x = states(dtype, ROWS, 1), *u = states(dtype, ROWS, 2), *v = states(dtype, ROWS, 3);
  tr_array *f = states(dtype, ROWS, 1), *uJ = states(dtype, ROWS, 1), *Jv = states(dtype, ROWS, 1);
  const double t = 0.4;
  CHECK_OK(ctx, tr_drift_vjp(drift, (tr_times){1, &t}, x, NULL, u, f, uJ));
  CHECK_OK(ctx, tr_drift_jvp(drift, (tr_times){1, &t}, x, NULL, v, Jv));
  CHECK(drift->n_vjp == 1 && drift->n_jvp == 1 && drift->n_forward == 2);
  double *hu = values(u), *hv = values(v), *huJ = values(uJ), *hJv = values(Jv);
  for (int r = 0; r < ROWS * DIM; r += DIM) {
    double size = hypot(hu[r], hu[r + 1]) * hypot(hJv[r], hJv[r + 1]);
    CHECK(size > 1e-3);
    CHECK_NEAR(hu[r] * hJv[r] + hu[r + 1] * hJv[r + 1], huJ[r] * hv[r] + huJ[r + 1] * hv[r + 1],
               tolerance * size);
  }
  free(hu), free(hv), free(huJ), free(hJv);
  destroy((tr_array *[]){x, u, v, f, uJ, Jv}, 6);
  tr_drift_destroy(&drift);
  weights_free(w);
}

/* ---- bits ---- */

/* f, uJ, Jv and the Jacobian of rows first .. first + n - 1 side by side. */
enum { PER_ROW = 3 * DIM + DIM * DIM };

static double *all_of(tr_drift *drift, const tr_array *x, const tr_array *v, int64_t first, int64_t n,
                      int threads) {
  tr_array *f, *product, *tangent;
  double *host = malloc((size_t)(PER_ROW * n) * sizeof *host), *t = malloc((size_t)n * sizeof *t);
  int32_t *labels = malloc((size_t)n * sizeof *labels);
  if (!host || !t || !labels) exit(1);
  for (int64_t i = 0; i < n; i++) t[i] = time_of(first + i), labels[i] = label_of(first + i);
  const tr_times times = {n, t};
  const tr_cond cond = {n, labels};
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  tr_array part = tr_rows(x, first, n);
  tr_array vector = tr_rows(v, first, n);
  CHECK_OK(ctx, tr_array_like(&part, &f));
  CHECK_OK(ctx, tr_array_like(&part, &product));
  CHECK_OK(ctx, tr_array_like(&part, &tangent));
  CHECK_OK(ctx, tr_drift_vjp(drift, times, &part, &cond, &vector, f, product));
  CHECK_OK(ctx, tr_drift_jvp(drift, times, &part, &cond, &vector, tangent));
  double *columns[] = {values(f), values(product), values(tangent)}, *J = malloc((size_t)(4 * n) * sizeof *J);
  CHECK_OK(ctx, tr_drift_eval(drift, times, &part, &cond, f));
  double *eval = values(f);
  CHECK(memcmp(eval, columns[0], (size_t)(n * DIM) * sizeof *eval) == 0);
  if (!J) exit(1);
  jacobian(drift, &part, times, &cond, J);
  for (int64_t r = 0; r < n; r++) {
    for (int k = 0; k < 3; k++)
      memcpy(host + r * PER_ROW + k * DIM, columns[k] + r * DIM, DIM * sizeof *host);
    memcpy(host + r * PER_ROW + 3 * DIM, J + r * DIM * DIM, DIM * DIM * sizeof *host);
  }
  for (int k = 0; k < 3; k++) free(columns[k]);
  free(J), free(eval), free(t), free(labels);
  destroy((tr_array *[]){f, product, tangent}, 3);
  return host;
}

static void rows_independent(tr_dtype dtype) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  enum { BATCH = 1100 }; /* more than one group of samples */
  static const struct {
    int64_t first, n;
    int threads;
  } batches[] = {{0, 1, 1}, {3, 1, 2}, {2, 5, 3}, {500, 600, 2}, {0, BATCH, 2}};
  weights *w = make_weights(CLASSES + 1);
  tr_drift *drift = network(w, 0, dtype);
  tr_array *x = states(dtype, BATCH, 1), *v = states(dtype, BATCH, 2);
  double *all = all_of(drift, x, v, 0, BATCH, 1);
  for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
    double *part = all_of(drift, x, v, batches[i].first, batches[i].n, batches[i].threads);
    CHECK(memcmp(part, all + batches[i].first * PER_ROW, (size_t)(batches[i].n * PER_ROW) * sizeof *part) ==
          0);
    free(part);
  }
  free(all);
  destroy((tr_array *[]){x, v}, 2);
  tr_drift_destroy(&drift);
  weights_free(w);
}

/* ---- sampling and densities ---- */

static tr_sampler sampler_of(tr_drift *drift, double rtol, bool reverse) {
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  s.drift = drift;
  s.sample_eps = 0;
  s.reverse = reverse;
  s.ode.rtol = rtol, s.ode.atol = rtol;
  return s;
}

/* There and back again. */
static void samples(void) {
  weights *w = make_weights(0);
  tr_drift *drift = network(w, 0, TR_F64);
  tr_sampler s = sampler_of(drift, 1e-9, false);
  tr_array *x = states(TR_F64, ROWS, 1);
  tr_sample_stats stats;
  CHECK_OK(ctx, tr_sample_init(&s, x));
  double *start = values(x);
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
  double *end = values(x);
  CHECK(check_relative(end, start, ROWS * DIM) > 0.05);
  CHECK(stats.nfe > 0 && stats.nfe == drift->n_forward);
  s.reverse = true;
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, NULL));
  double *back = values(x);
  CHECK(check_relative(back, start, ROWS * DIM) < 1e-6);
  free(start), free(end), free(back);
  tr_array_destroy(&x);
  tr_drift_destroy(&drift);
  weights_free(w);
}

/* The trapezoid rule, spectrally accurate for a smooth density that is 0 at the ends: the velocity is small
 * enough to keep the mass inside, and large enough that the density is not the normal it starts from. */
static void integrates_to_one(void) {
  enum { SIDE = 81 };
  const double h = 0.25;
  weights *w = make_weights(CLASSES);
  double *out = w->data[weights_index(w, "out.weight")];
  for (int i = 0; i < DIM * WIDTH; i++) out[i] *= 0.1;
  tr_drift *drift = network(w, CLASSES, TR_F64);
  tr_sampler s = sampler_of(drift, 1e-6, true);
  tr_density density;
  double *points = malloc(4 * SIDE * SIDE * sizeof *points), *logp = points + 2 * SIDE * SIDE;
  double *se = logp + SIDE * SIDE, sum = 0, edge = 0, off = 0;
  const int32_t label = 1;
  tr_array *x = states(TR_F64, SIDE * SIDE, 1);
  if (!points) exit(1);
  for (int i = 0; i < SIDE * SIDE; i++) {
    points[2 * i] = h * (i % SIDE - SIDE / 2);
    points[2 * i + 1] = h * (i / SIDE - SIDE / 2);
  }
  CHECK(drift->null_class == -1);
  CHECK_OK(ctx, tr_density_defaults(ctx, &density));
  CHECK_OK(ctx, tr_trace_find(ctx, "exact", &density.trace));
  CHECK_OK(ctx, tr_array_set_f64(x, points));
  CHECK_OK(ctx, tr_sample_density(&s, &density, &(tr_cond){1, &label}, x, logp, se, NULL));
  for (int i = 0; i < SIDE * SIDE; i++) {
    int column = i % SIDE, row = i / SIDE;
    double radius = hypot(points[2 * i], points[2 * i + 1]);
    sum += exp(logp[i]) * h * h;
    off = fmax(off, fabs(exp(logp[i]) - exp(-0.5 * radius * radius) / (2 * TR_PI)));
    if (column == 0 || row == 0 || column == SIDE - 1 || row == SIDE - 1) edge = fmax(edge, exp(logp[i]));
  }
  CHECK_NEAR(edge, 0, 1e-8);
  CHECK(off > 0.02);
  CHECK_NEAR(sum, 1, 1e-5);
  free(points);
  tr_array_destroy(&x);
  tr_drift_destroy(&drift);
  weights_free(w);
}

/* ---- refused ---- */

static void refused_weights(const weights *w, int declared, tr_dtype dtype, tr_status want,
                            const char *word) {
  const tr_tensors all = weights_tensors(w);
  tr_drift *drift;
  CHECK_ERROR(
      ctx, networks_drift(ctx, &all, &(tr_net_settings){.num_classes = declared}, dtype, TR_VELOCITY, &drift),
      want, word);
  CHECK(!drift);
}

static void missing(const char *name) {
  weights *w = make_weights(CLASSES + 1);
  w->items[weights_index(w, name)].name = "unheard.of";
  refused_weights(w, CLASSES, TR_F64, TR_E_SHAPE, name);
  weights_free(w);
}

static void misshapen(const char *name, int axis, int64_t extent) {
  weights *w = make_weights(CLASSES + 1);
  w->items[weights_index(w, name)].shape[axis] = extent;
  refused_weights(w, 0, TR_F64, TR_E_SHAPE, name);
  weights_free(w);
}

static void refused(void) {
  static const char *const names[] = {"x_in.weight", "time_in.bias", "layers.0.weight", "out.bias",
                                      "labels.weight"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) missing(names[i]);
  misshapen("x_in.bias", 0, WIDTH - 1);
  misshapen("layers.1.weight", 1, WIDTH - 2);
  misshapen("out.weight", 0, 1);
  misshapen("labels.weight", 0, 1);
  misshapen("time_in.weight", 1, FREQUENCIES - 1);
  weights *w = make_weights(CLASSES + 1);
  refused_weights(w, CLASSES + 2, TR_F64, TR_E_SHAPE, "the label table has 4 rows");
  refused_weights(w, -1, TR_F64, TR_E_ARG, "-1 classes");
  refused_weights(w, 0, TR_BF16, TR_E_ARG, "bf16");
  const tr_tensors all = weights_tensors(w);
  tr_net_config config;
  const tr_net_settings heads = {.n_told = 1, .told = (tr_net_size[]){{"num_heads", 4}}};
  CHECK_ERROR(ctx, tr_net_configure(ctx, &all, &heads, &config), TR_E_ARG,
              "mlp has no parameter 'num_heads': it has none");
  CHECK_ERROR(ctx, tr_net_configure(ctx, &all, &(tr_net_settings){.n_told = 1}, &config), TR_E_ARG,
              "without told");
  weights_add(ctx, w, "layers.1.scale", 1, (int64_t[]){WIDTH}, 1);
  refused_weights(w, 0, TR_F64, TR_E_SHAPE, "'layers.1.scale', which an MLP of depth 2 does not have");
  w->n--;
  w->data[weights_index(w, "out.bias")][1] = NAN;
  refused_weights(w, 0, TR_F64, TR_E_NONFINITE, "out.bias");
  weights_free(w);
}

static void refused_states(void) {
  const double t = 0.5;
  const int32_t label = CLASSES + 1;
  const tr_times times = {1, &t};
  weights *w = make_weights(CLASSES + 1);
  tr_drift *drift = network(w, 0, TR_F64);
  tr_array *x = states(TR_F64, ROWS, 1), *f = states(TR_F64, ROWS, 1), *narrow = states(TR_F32, ROWS, 1);
  tr_array *wide;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, DIM + 1}, &wide));
  CHECK_ERROR(ctx, tr_drift_eval(drift, times, x, NULL, f), TR_E_ARG, "needs class labels");
  CHECK_ERROR(ctx, tr_drift_eval(drift, times, x, &(tr_cond){1, &label}, f), TR_E_ARG, "class label 4");
  const tr_cond good = {1, &(int32_t){CLASSES}};
  CHECK_ERROR(ctx, tr_drift_eval(drift, times, wide, &good, wide), TR_E_SHAPE, "states f64 (N, 2)");
  CHECK_ERROR(ctx, tr_drift_jvp(drift, times, narrow, &good, narrow, narrow), TR_E_SHAPE, "not f32 (5, 2)");
  CHECK_OK(ctx, tr_drift_eval(drift, times, x, &good, f));
  destroy((tr_array *[]){x, f, narrow, wide}, 4);
  tr_drift_destroy(&drift);
  weights_free(w);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int i = 0; i < 4; i++) {
    forward(TR_F64, i % 2, i / 2, 1e-13);
    forward(TR_F32, i % 2, i / 2, 1e-5);
  }
  central_differences();
  adjoint(TR_F64, 1e-12);
  adjoint(TR_F32, 1e-4);
  rows_independent(TR_F64);
  rows_independent(TR_F32);
  samples();
  integrates_to_one();
  refused();
  refused_states();
  tr_ctx_close(&ctx);
  return check_report();
}
