/* Autoguidance between two exact Gaussians: the field and its products, on all and on some channels; the flow
 * and its density in closed form, with a guide of another path and prediction too; the order of a solver;
 * scales 1 and 0, which are one of the two alone, bit for bit; counts and limits; refusals. */
/* TR_TEST_RESOURCES */
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "transport/autoguidance.h"
#include "transport/likelihood/likelihood.h"
#include "transport/transfer.h"

enum { ROWS = 2, N = 4, ALL = ROWS * N };
static const double start[ALL] = {0.3, -1.2, 0.9, -0.5, 0.1, 2.1, -0.8, 0.4},
                    direction[ALL] = {1, -0.4, 0.7, 2, -1, 0.3, 0.6, -0.2};
/* One mean, so that the flow of the combination is known. */
static const double mean[N] = {0.5, -1, 0.25, 2}, sharp[N] = {0.2, 0.1, 0.5, 0.3},
                    wide[N] = {0.6, 0.4, 1.5, 0.5};
static const gaussian model = {N, mean, sharp}, guide = {N, mean, wide};

static tr_drift *field_of(tr_ctx *ctx, const tr_interpolant *path, tr_quantity kind, const gaussian *g) {
  tr_drift *drift = NULL;
  CHECK_OK(ctx, tr_exact_create_gaussian(ctx, path, kind, g->n, g->mean, g->variance, &drift));
  return drift;
}

static tr_array *array_of(tr_ctx *ctx, const double *values) {
  tr_array *x = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, values));
  return x;
}

typedef struct {
  tr_drift *model, *guide, *both;
} trio;

static trio trio_of(tr_ctx *ctx, const char *name, tr_quantity kind, tr_guidance guidance) {
  tr_interpolant path;
  CHECK_OK(ctx, tr_interpolant_find(ctx, name, &path));
  trio t = {field_of(ctx, &path, kind, &model), field_of(ctx, &path, kind, &guide), NULL};
  CHECK_OK(ctx, tr_drift_create_autoguided(t.model, t.guide, &guidance, &t.both));
  return t;
}

static void trio_close(trio *t) {
  tr_drift_destroy(&t->both);
  tr_drift_destroy(&t->model);
  tr_drift_destroy(&t->guide);
}

/* ---- the field and its products ---- */

/* guide + scale (model - guide) of values; the model's beyond the first so many elements of a row (0: all).
 */
static double combined(int i, double scale, int channels, const double *m, const double *g) {
  return channels == 0 || i % N < channels ? g[i] + scale * (m[i] - g[i]) : m[i];
}

static void check_field(tr_ctx *ctx, tr_quantity kind, double scale, int channels, tr_times times) {
  trio t = trio_of(ctx, "GVP", kind, (tr_guidance){scale, channels, 0, 1});
  tr_drift *drifts[3] = {t.model, t.guide, t.both};
  tr_array *x = array_of(ctx, start), *v = array_of(ctx, direction), *f = array_of(ctx, start),
           *product = array_of(ctx, start);
  double value[3][ALL], wJ[3][ALL], Jv[3][ALL];
  for (int i = 0; i < 3; i++) {
    CHECK_OK(ctx, tr_drift_eval(drifts[i], times, x, NULL, f));
    CHECK_OK(ctx, tr_array_get_f64(f, value[i]));
    CHECK_OK(ctx, tr_drift_jvp(drifts[i], times, x, NULL, v, product));
    CHECK_OK(ctx, tr_array_get_f64(product, Jv[i]));
    CHECK_OK(ctx, tr_drift_vjp(drifts[i], times, x, NULL, v, f, product));
    CHECK_OK(ctx, tr_array_get_f64(product, wJ[i]));
  }
  for (int i = 0; i < ALL; i++) {
    CHECK_NEAR(value[2][i], combined(i, scale, channels, value[0], value[1]), 1e-12);
    CHECK_NEAR(Jv[2][i], combined(i, scale, channels, Jv[0], Jv[1]), 1e-12);
    CHECK_NEAR(wJ[2][i], combined(i, scale, channels, wJ[0], wJ[1]), 1e-12); /* the Jacobians are diagonal */
  }
  tr_array_destroy(&x);
  tr_array_destroy(&v);
  tr_array_destroy(&f);
  tr_array_destroy(&product);
  trio_close(&t);
}

static void fields(tr_ctx *ctx) {
  static const double t = 0.4, each[ROWS] = {0.15, 0.8}, scales[] = {0, 0.5, 1, 2.5};
  static const tr_quantity kinds[] = {TR_VELOCITY, TR_DENOISER, TR_SCORE};
  for (int k = 0; k < 3; k++)
    for (int s = 0; s < 4; s++)
      for (int channels = 0; channels <= N; channels += 2) {
        check_field(ctx, kinds[k], scales[s], channels, (tr_times){1, &t});
        check_field(ctx, kinds[k], scales[s], channels, (tr_times){ROWS, each});
      }
}

/* ---- the flow: both fields are affine in x with the slopes (ln V)' / 2, so that
 *   x_t - alpha_t mu = (x_s - alpha_s mu) (V1_t / V1_s)^(w / 2) (V2_t / V2_s)^((1 - w) / 2) ---- */

static double stretch(const tr_interpolant *path, int i, double scale, double s, double t) {
  double m = gaussian_variance(&model, path, i, t) / gaussian_variance(&model, path, i, s),
         g = gaussian_variance(&guide, path, i, t) / gaussian_variance(&guide, path, i, s);
  return pow(m, scale / 2) * pow(g, (1 - scale) / 2);
}

static double worst_flow(const tr_interpolant *path, double scale, const tr_sample_stats *stats,
                         const double *got) {
  double worst = 0;
  for (int i = 0; i < ALL; i++) {
    double want = gaussian_mean(&model, path, i % N, stats->t1) +
                  stretch(path, i % N, scale, stats->t0, stats->t1) *
                      (start[i] - gaussian_mean(&model, path, i % N, stats->t0));
    worst = fmax(worst, fabs(got[i] - want));
  }
  return worst;
}

static double flow_error(tr_ctx *ctx, tr_sampler *s, double scale) {
  tr_array *x = array_of(ctx, start);
  tr_sample_stats stats;
  double got[ALL];
  CHECK_OK(ctx, tr_sample_ode(s, NULL, x, &stats));
  CHECK_OK(ctx, tr_array_get_f64(x, got));
  tr_array_destroy(&x);
  return worst_flow(&s->interpolant, scale, &stats, got);
}

static void flows(tr_ctx *ctx) {
  static const char *const paths[] = {"Linear", "GVP", "VP"};
  static const tr_quantity kinds[] = {TR_VELOCITY, TR_NOISE, TR_DENOISER};
  for (int p = 0; p < 3; p++)
    for (int k = 0; k < 3; k++) {
      trio t = trio_of(ctx, paths[p], kinds[k], (tr_guidance){2.5, 0, 0, 1});
      tr_sampler s = flow_sampler(ctx, paths[p], kinds[k], &model);
      tr_drift_destroy(&s.drift);
      s.drift = t.both;
      s.ode.method = flow_ode_method(ctx, "dopri5");
      s.ode.rtol = s.ode.atol = 1e-10;
      s.sample_eps = 1e-3;
      CHECK_NEAR(flow_error(ctx, &s, 2.5), 0, 1e-7);
      trio_close(&t);
    }
}

/* A guide that was trained on another path, and predicts the noise: both brought to the canonical field. */
static void other_guide(tr_ctx *ctx) {
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &model);
  tr_interpolant trained;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "GVP", &trained));
  tr_drift *own = s.drift, *other = field_of(ctx, &trained, TR_NOISE, &guide), *a, *b;
  CHECK_OK(ctx, tr_drift_create_transferred(own, &s.interpolant, &s.interpolant, &a));
  CHECK_OK(ctx, tr_drift_create_transferred(other, &trained, &s.interpolant, &b));
  CHECK_OK(ctx, tr_drift_create_autoguided(a, b, &(tr_guidance){1.75, 0, 0, 1}, &s.drift));
  s.ode.method = flow_ode_method(ctx, "dopri5");
  s.ode.rtol = s.ode.atol = 1e-10;
  s.sample_eps = 1e-3;
  CHECK_NEAR(flow_error(ctx, &s, 1.75), 0, 1e-7);
  tr_drift_destroy(&s.drift);
  tr_drift_destroy(&a);
  tr_drift_destroy(&b);
  tr_drift_destroy(&own);
  tr_drift_destroy(&other);
}

/* Halving the steps of a method of order 2 leaves a quarter of the error. */
static void order(tr_ctx *ctx) {
  trio t = trio_of(ctx, "GVP", TR_VELOCITY, (tr_guidance){2, 0, 0, 1});
  tr_sampler s = flow_sampler(ctx, "GVP", TR_VELOCITY, &model);
  double errors[3];
  tr_drift_destroy(&s.drift);
  s.drift = t.both;
  s.ode.method = flow_ode_method(ctx, "heun2");
  for (int i = 0; i < 3; i++) {
    s.n_steps = (40 << i) + 1;
    errors[i] = flow_error(ctx, &s, 2);
  }
  for (int i = 1; i < 3; i++) CHECK_NEAR(log2(errors[i - 1] / errors[i]), 2, 0.15);
  trio_close(&t);
}

/* The change of ln p along the flow is minus the sum of the logarithms of the stretches. */
static void density(tr_ctx *ctx) {
  const double scale = 1.5;
  trio t = trio_of(ctx, "Linear", TR_VELOCITY, (tr_guidance){scale, 0, 0, 1});
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &model);
  tr_density d;
  tr_sample_stats stats;
  double logp[ROWS], se[ROWS], normal[ROWS], change = 0;
  tr_array *x = array_of(ctx, start);
  tr_drift_destroy(&s.drift);
  s.drift = t.both;
  s.ode.method = flow_ode_method(ctx, "dopri5");
  s.ode.rtol = s.ode.atol = 1e-9;
  CHECK_OK(ctx, tr_density_defaults(ctx, &d));
  CHECK_OK(ctx, tr_trace_find(ctx, "exact", &d.trace));
  CHECK_OK(ctx, tr_log_normal(x, normal));
  CHECK_OK(ctx, tr_sample_density(&s, &d, NULL, x, logp, se, &stats));
  for (int i = 0; i < N; i++) change -= log(stretch(&s.interpolant, i, scale, stats.t0, stats.t1));
  for (int r = 0; r < ROWS; r++) CHECK_NEAR(logp[r], normal[r] + change, 1e-6);
  /* The exact fields have no products of several covectors behind one forward. */
  CHECK(stats.nfe == t.model->n_forward + t.guide->n_forward && stats.n_vjp == 2 * N * stats.ode.n_rhs);
  tr_array_destroy(&x);
  trio_close(&t);
}

/* ---- one of the two alone ---- */

static void alone(tr_ctx *ctx) {
  for (int scale = 0; scale <= 1; scale++) {
    trio t = trio_of(ctx, "Linear", TR_VELOCITY, (tr_guidance){scale, 0, 0, 1});
    tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, scale ? &model : &guide);
    tr_drift *own = s.drift;
    double got[2][ALL];
    s.ode.method = flow_ode_method(ctx, "heun2");
    s.n_steps = 11;
    for (int i = 0; i < 2; i++) {
      tr_array *x = array_of(ctx, start);
      s.drift = i ? t.both : own;
      CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, NULL));
      CHECK_OK(ctx, tr_array_get_f64(x, got[i]));
      tr_array_destroy(&x);
    }
    CHECK(memcmp(got[0], got[1], sizeof got[0]) == 0);
    CHECK(t.model->n_forward == (scale ? 20 : 0) && t.guide->n_forward == (scale ? 0 : 20));
    CHECK(t.both->n_forward == 20);
    trio_close(&t);
    tr_drift_destroy(&own);
  }
}

/* ---- counts, limits, the interval ---- */

static void counts_and_limits(tr_ctx *ctx) {
  trio t = trio_of(ctx, "Linear", TR_VELOCITY, (tr_guidance){2, 0, 0.25, 0.75});
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &model);
  tr_sample_stats stats;
  tr_array *x = array_of(ctx, start);
  tr_drift_destroy(&s.drift);
  s.drift = t.both;
  s.ode.method = flow_ode_method(ctx, "euler");
  s.n_steps = 9;
  CHECK(t.both->n_breaks == 2 && t.both->forwards == 2);
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
  CHECK(stats.nfe == 8 + 4 && t.model->n_forward == 8 && t.guide->n_forward == 4); /* 4 steps within */
  s.max_nfe = 7;
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
  CHECK(stats.stop_reason == TR_STOP_MAX_NFE && stats.nfe <= 7 && stats.ode.n_rhs == 3);
  s.sde.method = flow_sde_method(ctx, "euler-maruyama");
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, &stats));
  CHECK(stats.stop_reason == TR_STOP_MAX_NFE && stats.nfe <= 7);
  s.max_nfe = 1;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, &stats), TR_E_ARG, "takes 2");
  tr_array_destroy(&x);
  trio_close(&t);
}

/* What is around it counts the forwards and products of both, and the limits of its runs are theirs. */
static void counts_around(tr_ctx *ctx) {
  const double t = 0.4;
  trio p = trio_of(ctx, "Linear", TR_VELOCITY, (tr_guidance){2, 0, 0, 1});
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &model);
  tr_sample_stats stats;
  tr_array *x = array_of(ctx, start), *v = array_of(ctx, direction), *f = array_of(ctx, start),
           *product = array_of(ctx, start);
  tr_drift *moved;
  tr_drift_destroy(&s.drift);
  CHECK_OK(ctx, tr_drift_create_transferred(p.both, &s.interpolant, &s.interpolant, &moved));
  CHECK_OK(ctx, tr_drift_eval(moved, (tr_times){1, &t}, x, NULL, f));
  CHECK_OK(ctx, tr_drift_vjp(moved, (tr_times){1, &t}, x, NULL, v, f, product));
  CHECK_OK(ctx, tr_drift_jvp(moved, (tr_times){1, &t}, x, NULL, v, product));
  CHECK(moved->n_forward == 6 && moved->n_vjp == 2 && moved->n_jvp == 2 && moved->n_eval == 1);
  CHECK(p.both->n_forward == 6 && p.both->n_eval == 1 && p.model->n_forward == 3 && p.guide->n_forward == 3);
  s.drift = moved;
  s.ode.method = flow_ode_method(ctx, "euler");
  s.n_steps = 9;
  s.max_nfe = 7;
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
  CHECK(stats.stop_reason == TR_STOP_MAX_NFE && stats.nfe == 6 && stats.ode.n_rhs == 3);
  tr_drift_destroy(&moved);
  tr_array *const arrays[] = {x, v, f, product};
  for (int i = 0; i < 4; i++) tr_array_destroy(&(tr_array *){arrays[i]});
  trio_close(&p);
}

static void bad_input(tr_ctx *ctx) {
  trio t = trio_of(ctx, "Linear", TR_VELOCITY, (tr_guidance){2, 0, 0, 1});
  const tr_guidance fine = {2, 0, 0, 1};
  tr_drift *out;
  t.guide->kind = TR_DENOISER;
  CHECK_ERROR(ctx, tr_drift_create_autoguided(t.model, t.guide, &fine, &out), TR_E_ARG,
              "gives the velocity and its guide the denoiser");
  CHECK(out == NULL);
  t.guide->kind = TR_VELOCITY;
  t.guide->num_classes = 7;
  CHECK_ERROR(ctx, tr_drift_create_autoguided(t.model, t.guide, &fine, &out), TR_E_ARG,
              "has 0 classes and its guide 7");
  t.guide->num_classes = 0;
  CHECK_ERROR(ctx, tr_drift_create_autoguided(t.model, t.guide, &(tr_guidance){NAN, 0, 0, 1}, &out), TR_E_ARG,
              "scale");
  CHECK_ERROR(ctx, tr_drift_create_autoguided(t.model, t.guide, &(tr_guidance){2, 0, 0.5, 0.5}, &out),
              TR_E_ARG, "interval");
  trio_close(&t);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  fields(ctx);
  flows(ctx);
  other_guide(ctx);
  order(ctx);
  density(ctx);
  alone(ctx);
  counts_and_limits(ctx);
  counts_around(ctx);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
