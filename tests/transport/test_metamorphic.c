/* What must hold between runs, whatever the solver: every diffusion form has the marginals of the ODE, at
 * every saved time; guidance commutes with the conversions; the ODE forward and back returns the state; a
 * batch is its rows. (Exponential methods on one grid of lambda, DDIM as Euler's method in ratios and the
 * last step to sigma = 0: transport.exponential. Transfer: transport.transfer. Log-determinants:
 * transport.gaussian.) */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "transport/exact/gaussian.h"
#include "transport/guidance.h"

enum { N = 2 };
static const char *const paths[] = {"Linear", "GVP", "VP"};
static const tr_quantity kinds[] = {TR_VELOCITY, TR_NOISE, TR_SCORE, TR_DENOISER, TR_CANONICAL};
static const double weights[] = {1, 2, 1}, means[] = {1, 0.5, -0.5, 1, 0, -1},
                    variances[] = {0.2, 0.1, 0.15, 0.3, 0.1, 0.2};

static tr_sampler sampler_of(tr_ctx *ctx, const char *path) {
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  s.sample_eps = 0;
  return s;
}

static tr_array *rows_of(tr_ctx *ctx, int rows) {
  tr_array *x = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){rows, N}, &x));
  return x;
}

/* ---- marginals at saved times ---- */

enum { ROWS = 2000, TIMES = 4 };
static const double mean[N] = {0.8, -0.4}, covariance[N * N] = {0.5, 0.3, 0.3, 0.4},
                    times[TIMES] = {0.25, 0.5, 0.75, 0.96};

typedef struct {
  const tr_gaussian *target;
  const tr_interpolant *path;
  double worst; /* z-score */
  int calls;
} marginals;

/* Mean and covariance of the rows against those of p_t, in standard errors of a Gaussian sample, plus 1 % of
 * the variance for the solver. */
static tr_status compare(int index, double t, const tr_array *x, void *user) {
  marginals *out = user;
  static double rows[ROWS * N];
  double m[N], C[N * N], got[N] = {0};
  (void)index;
  TR_TRY(tr_array_get_f64(x, rows));
  tr_gaussian_moments(out->target, out->path, t, m, C);
  for (int i = 0; i < ROWS * N; i++) got[i % N] += rows[i] / ROWS;
  for (int i = 0; i < N; i++) {
    double bias = 0.01 * sqrt(C[i * N + i]);
    out->worst = fmax(out->worst, (fabs(got[i] - m[i]) - bias) / sqrt(C[i * N + i] / ROWS));
    for (int j = 0; j < N; j++) {
      double sum = 0, size = C[i * N + i] * C[j * N + j],
             noise = sqrt((size + C[i * N + j] * C[i * N + j]) / ROWS);
      for (int r = 0; r < ROWS; r++) sum += (rows[r * N + i] - m[i]) * (rows[r * N + j] - m[j]) / ROWS;
      out->worst = fmax(out->worst, (fabs(sum - C[i * N + j]) - 0.02 * sqrt(size)) / noise);
    }
  }
  out->calls++;
  return TR_OK;
}

/* form NULL: the ODE. Starts from exact samples of p_0 (VP: not N(0, I)) by turning drawn normals. */
static double marginal_run(tr_ctx *ctx, const tr_gaussian *target, const char *path, const char *form) {
  tr_sampler s = sampler_of(ctx, path);
  tr_array *x = rows_of(ctx, ROWS);
  marginals out = {.target = target, .path = &s.interpolant};
  static double rows[ROWS * N];
  double m[N], C[N * N];
  CHECK_OK(ctx,
           tr_exact_create_gaussian_full(ctx, &s.interpolant, TR_VELOCITY, N, mean, covariance, &s.drift));
  CHECK_OK(ctx, tr_sample_init(&s, x));
  CHECK_OK(ctx, tr_array_get_f64(x, rows));
  tr_gaussian_moments(target, &s.interpolant, 0, m, C);
  double a = sqrt(C[0]), b = C[1] / a, c = sqrt(C[3] - b * b); /* Cholesky */
  for (int r = 0; r < ROWS; r++) {
    double u = rows[r * N], v = rows[r * N + 1];
    rows[r * N] = m[0] + a * u;
    rows[r * N + 1] = m[1] + b * u + c * v;
  }
  CHECK_OK(ctx, tr_array_set_f64(x, rows));
  s.save_times = times;
  s.n_save = TIMES;
  s.on_output = compare;
  s.out_user = &out;
  s.n_steps = 97;
  s.sde.method = flow_sde_method(ctx, "shark");
  s.ode.method = flow_ode_method(ctx, "heun2");
  if (form) CHECK_OK(ctx, tr_diffusion_find(ctx, form, &s.diffusion));
  CHECK_OK(ctx, form ? tr_sample_sde(&s, NULL, x, NULL) : tr_sample_ode(&s, NULL, x, NULL));
  CHECK(out.calls == TIMES);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
  return out.worst;
}

static void same_marginals(tr_ctx *ctx) {
  static const char *const forms[] = {NULL, "sigma", "SBDM", "linear", "increasing-decreasing"};
  tr_gaussian target;
  CHECK_OK(ctx, tr_gaussian_create(ctx, N, mean, covariance, &target));
  for (int p = 0; p < 3; p++)
    for (int f = 0; f < 5; f++) CHECK_NEAR(marginal_run(ctx, &target, paths[p], forms[f]), 0, 4.5);
  tr_gaussian_free(&target);
}

/* ---- guidance before and after a conversion ---- */

/* Class k of 3 (and the null class 3) is the exact field of the mixture with its means moved by k. */
enum { CLASSES = 4, FEW = 3 };
typedef struct {
  tr_drift *of_class[CLASSES];
} classes;

static tr_status class_field(tr_times t, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  const classes *c = user;
  for (int64_t i = 0; i < x->shape[0]; i++) {
    tr_array xi = tr_rows(x, i, 1);
    tr_array fi = tr_rows(f, i, 1);
    TR_TRY(tr_drift_eval(c->of_class[cond->labels[cond->n == 1 ? 0 : i]],
                         (tr_times){1, t.t + (t.n == 1 ? 0 : i)}, &xi, NULL, &fi));
  }
  return TR_OK;
}

/* out = the wanted quantity of the guided field of a model that predicts `kind`. */
static void guided_field(tr_ctx *ctx, const tr_interpolant *path, tr_quantity kind, tr_quantity wanted,
                         double t, double *out) {
  static const double start[FEW * N] = {0.3, -1.1, 1.4, 0.2, -0.6, 0.9};
  classes c;
  tr_drift *model, *guide;
  tr_array *x = rows_of(ctx, FEW), *f = rows_of(ctx, FEW);
  for (int k = 0; k < CLASSES; k++) {
    double moved[6];
    for (int i = 0; i < 6; i++) moved[i] = means[i] + 0.3 * k;
    CHECK_OK(ctx, tr_exact_create_mixture(ctx, path, kind, N, 3, weights, moved, variances, &c.of_class[k]));
  }
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "classes", kind, class_field, &c, &model));
  model->num_classes = 3;
  model->null_class = 3;
  CHECK_OK(ctx, tr_drift_create_guided(model, &(tr_guidance){2.5, 0, 0, 1}, &guide));
  CHECK_OK(ctx, tr_array_set_f64(x, start));
  CHECK_OK(ctx, tr_field_eval(path, guide, wanted, (tr_times){1, &t}, x,
                              &(tr_cond){FEW, (int32_t[]){0, 1, 2}}, f));
  CHECK_OK(ctx, tr_array_get_f64(f, out));
  tr_array_destroy(&x);
  tr_array_destroy(&f);
  tr_drift_destroy(&guide);
  tr_drift_destroy(&model);
  for (int k = 0; k < CLASSES; k++) tr_drift_destroy(&c.of_class[k]);
}

/* A guided model of any prediction, converted, is the guided model of what it is converted to. */
static void guidance_commutes(tr_ctx *ctx) {
  double after[FEW * N], before[FEW * N];
  for (int p = 0; p < 3; p++) {
    tr_sampler s = sampler_of(ctx, paths[p]);
    for (double t = 0.1; t < 0.95; t += 0.2)
      for (int k = 0; k < 5; k++)
        for (int w = 0; w < 5; w++) {
          guided_field(ctx, &s.interpolant, kinds[k], kinds[w], t, after);
          guided_field(ctx, &s.interpolant, kinds[w], kinds[w], t, before);
          CHECK_NEAR(check_relative(after, before, FEW * N), 0, 1e-12);
        }
  }
}

/* ---- forward and back ---- */

static void there_and_back(tr_ctx *ctx) {
  static const double start[N] = {0.7, -1.3};
  const tr_module *module;
  for (int p = 0; p < 3; p++)
    for (int m = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, m)); m++) {
      tr_sampler s = sampler_of(ctx, paths[p]);
      tr_array *x = rows_of(ctx, 1);
      double back[N];
      s.ode.method = (const tr_ode_method *)module;
      bool adaptive = s.ode.method->caps & TR_ODE_ADAPTIVE;
      s.ode.rtol = s.ode.atol = 1e-9;
      s.n_steps = 801;
      s.sample_eps = 0.05; /* of the exponential methods only the inside has their order */
      CHECK_OK(ctx, tr_exact_create_mixture(ctx, &s.interpolant, TR_VELOCITY, N, 3, weights, means, variances,
                                            &s.drift));
      CHECK_OK(ctx, tr_array_set_f64(x, start));
      CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, NULL));
      s.reverse = true;
      CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, NULL));
      CHECK_OK(ctx, tr_array_get_f64(x, back));
      CHECK_NEAR(check_relative(back, start, N), 0, adaptive ? 1e-6 : s.ode.method->order > 1 ? 1e-3 : 5e-2);
      tr_array_destroy(&x);
      tr_drift_destroy(&s.drift);
    }
}

/* ---- a batch is its rows, bit for bit, on fixed grids ---- */

static void run_rows(tr_ctx *ctx, tr_sampler s, bool sde, int first, int rows, double *out) {
  tr_array *x = rows_of(ctx, rows);
  s.first_sample = (uint64_t)first;
  CHECK_OK(ctx, tr_sample_init(&s, x));
  CHECK_OK(ctx, sde ? tr_sample_sde(&s, NULL, x, NULL) : tr_sample_ode(&s, NULL, x, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, out));
  tr_array_destroy(&x);
}

static void batch_is_rows(tr_ctx *ctx, const tr_sampler *s, bool sde) {
  enum { BATCH = 5 };
  double all[BATCH * N], alone[BATCH * N];
  run_rows(ctx, *s, sde, 0, BATCH, all);
  for (int r = 0; r < BATCH; r++) run_rows(ctx, *s, sde, r, 1, alone + r * N);
  CHECK(memcmp(all, alone, sizeof all) == 0);
}

static void batches(tr_ctx *ctx) {
  static const tr_restart again = {0.3, 0.8, 2, 4};
  const tr_module *module;
  for (int p = 0; p < 3; p++) {
    tr_sampler s = sampler_of(ctx, paths[p]);
    CHECK_OK(ctx, tr_exact_create_mixture(ctx, &s.interpolant, TR_VELOCITY, N, 3, weights, means, variances,
                                          &s.drift));
    s.n_steps = 9;
    for (int m = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, m)); m++) {
      s.ode.method = (const tr_ode_method *)module;
      if (!(s.ode.method->caps & TR_ODE_ADAPTIVE)) batch_is_rows(ctx, &s, false);
    }
    s.ode.method = flow_ode_method(ctx, "ab2"); /* of churn and restart */
    s.restarts = &again;
    s.n_restarts = 1;
    for (int m = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, m)); m++) {
      s.sde.method = (const tr_sde_method *)module;
      batch_is_rows(ctx, &s, true);
    }
    tr_drift_destroy(&s.drift);
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  same_marginals(ctx);
  guidance_commutes(ctx);
  there_and_back(ctx);
  batches(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
