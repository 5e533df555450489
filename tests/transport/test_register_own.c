/* An example and a test: an interpolant, a prediction, a diffusion form, a last step and a drift of a user's
 * own, registered like the built-in ones and used by the sampler. Everything about them is in this file. */
#include <math.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "transport/loss/loss.h"
#include "transport/sampler/sampler.h"

/* The path alpha = t^2, sigma = 1 - t^2: the coefficients and their derivatives are enough, everything else
 * follows (the time of an angle by bisection). Its one parameter is the power. */
static void power_at(const double *params, double t, tr_coeffs *out) {
  out->alpha = pow(t, params[0]);
  out->sigma = 1 - out->alpha;
  out->dalpha = params[0] * pow(t, params[0] - 1);
  out->dsigma = -out->dalpha;
}
static const tr_param power_params[] = {
    {.name = "k", .value = 2, .range = {.ends = TR_RANGE_GE, .low = 1}, .help = "the power"}};
static const tr_interpolant_type power_path = {
    .info = {.name = "power",
             .summary = "alpha = t^k, sigma = 1 - t^k",
             .params = power_params,
             .n_params = 1},
    .at = power_at,
};

/* A network that gives x1 - x0 on average: m - e. With x = alpha m + sigma e, on a path with alpha + sigma =
 * 1: m = x + sigma p, e = x - alpha p. */
enum { DIFFERENCE = TR_QUANTITY_USER };
static void difference_estimate(const tr_coeffs *c, tr_affine *m, tr_affine *e, tr_affine *v) {
  *m = (tr_affine){1, c->sigma};
  *e = (tr_affine){1, -c->alpha};
  *v = (tr_affine){0, c->dalpha};
}
static const tr_prediction_type difference = {
    .info = {.name = "difference", .summary = "the network gives m - e"},
    .tag = (tr_quantity)DIFFERENCE,
    .estimate = difference_estimate,
};

/* D = n sigma^p, with p a parameter: D / sigma is finite at the data for p >= 1. */
enum { POWER };
static const tr_param sigma_power_params[] = {
    [POWER] = {.name = "power",
               .value = 2,
               .range = {.ends = TR_RANGE_GE | TR_RANGE_LT, .low = 1, .high = 8},
               .help = "p"},
};
static double sigma_power_D(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * pow(at->sigma, d->values.v[POWER]);
}
static double sigma_power_D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * pow(at->sigma, d->values.v[POWER] - 1);
}
static const tr_diffusion_type sigma_power = {
    .info = {.name = "sigma-power", .summary = "D = n sigma^p", .params = sigma_power_params, .n_params = 1},
    .D = sigma_power_D,
    .D_sigma = sigma_power_D_sigma,
};

/* A share of an Euler step. */
static const tr_param half_params[] = {
    {.name = "share", .value = 0.5, .range = {.ends = TR_RANGE_GE, .low = 0}, .help = "1: all of it"}};
static void half_map(const tr_last_step_args *args, tr_affine *out) {
  double size = args->params[0] * args->size;
  tr_affine_of(args->prediction, &args->at, TR_VELOCITY, out);
  *out = (tr_affine){1 + size * out->x, size * out->p};
}
static const tr_last_step_type half = {
    .info = {.name = "Half", .summary = "x + v L / 2", .params = half_params, .n_params = 1},
    .map = half_map};

/* The drift: data that is a point mu, for which e = (x - alpha mu) / sigma, m = mu, so that m - e =
 * (mu - x) / sigma with alpha + sigma = 1. */
static const double mu = 1.5;
static tr_status point_field(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                             void *user) {
  const tr_interpolant *path = user;
  (void)cond;
  double sigma = tr_interpolant_at(path, times.t[0]).sigma;
  TR_TRY(tr_scale(-1 / sigma, x, f));
  return tr_map(TR_MAP_ADDC, mu / sigma, f, NULL, f);
}

/* Kinds that have no place for values say so. */
static void without_a_place(tr_ctx *ctx) {
  static const tr_prediction_type p = {.info = {.name = "tuned", .params = half_params, .n_params = 1},
                                       .tag = (tr_quantity)(TR_QUANTITY_USER + 1)};
  static const tr_loss_weight w = {.info = {.name = "tuned", .params = half_params, .n_params = 1}};
  const tr_prediction_type *prediction;
  const tr_loss_weight *weight;
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_PREDICTION, &p.info));
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_LOSS_WEIGHT, &w.info));
  CHECK_ERROR(ctx, tr_prediction_find(ctx, "tuned", &prediction), TR_E_ARG,
              "tuned declares the parameter share: predictions have no place for its value");
  CHECK_ERROR(ctx, tr_loss_weight_find(ctx, "tuned", &weight), TR_E_ARG, "loss weights have no place");
}

static void register_all(tr_ctx *ctx) {
  CHECK_OK(ctx, tr_register_all(ctx));
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_INTERPOLANT, &power_path.info));
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_PREDICTION, &difference.info));
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_DIFFUSION, &sigma_power.info));
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_LAST_STEP, &half.info));
  CHECK_ERROR(ctx, tr_register(ctx, TR_KIND_LAST_STEP, &half.info), TR_E_ARG, "Half");
}

/* Everything is found by name, as the program would find it. */
static tr_sampler assemble(tr_ctx *ctx, tr_interpolant *path) {
  tr_sampler s;
  const tr_module *method = NULL;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, "power", path));
  CHECK_OK(ctx, tr_interpolant_set(ctx, path, "k", 3));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma-power", &s.diffusion));
  CHECK_OK(ctx, tr_last_step_find(ctx, "half", &s.last)); /* names are found whatever their case */
  CHECK_OK(ctx,
           tr_drift_create_callback(ctx, "a point", (tr_quantity)DIFFERENCE, point_field, path, &s.drift));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "dopri5", &method));
  s.ode.method = (const tr_ode_method *)method;
  s.ode.rtol = s.ode.atol = 1e-10;
  s.interpolant = *path;
  return s;
}

/* For a point x_t = alpha mu + sigma x_0 along the flow: at t1 = 1 - eps it is known exactly. */
static void sample_ode(tr_ctx *ctx, tr_sampler *s) {
  double start[3] = {-1, 0.2, 2}, got[3];
  tr_sample_stats stats;
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){3, 1}, &x));
  s->sample_eps = 0.1; /* from t = 0.1, where alpha = 0.001 and the state is what we say */
  for (int clock = TR_CLOCK_T; clock <= TR_CLOCK_ANGLE; clock++) {
    s->clock = (tr_clock)clock;
    CHECK_OK(ctx, tr_array_set_f64(x, start));
    CHECK_OK(ctx, tr_sample_ode(s, NULL, x, &stats));
    CHECK_OK(ctx, tr_array_get_f64(x, got));
    tr_coeffs a = tr_interpolant_at(&s->interpolant, stats.t0),
              b = tr_interpolant_at(&s->interpolant, stats.t1);
    CHECK(stats.t0 == 0.1 && stats.t1 == 0.9 && stats.clock == (tr_clock)clock);
    for (int i = 0; i < 3; i++) {
      double e = (start[i] - a.alpha * mu) / a.sigma;
      CHECK_NEAR(got[i], b.alpha * mu + b.sigma * e, 1e-7);
    }
  }
  tr_array_destroy(&x);
}

/* One row, normals all zero: x - alpha mu shrinks by the drift alone, d(x - alpha mu) = (sigma'/sigma - n
 * sigma^(p - 2))(x - alpha mu) dt; then half an Euler step. */
static tr_status no_noise(long step, tr_array *z, void *user) {
  (void)step, (void)user;
  return tr_fill(0, z);
}

static void sample_sde(tr_ctx *ctx, tr_sampler *s, double exponent, double share) {
  double start = 2, got;
  tr_brownian *path = NULL;
  tr_sample_stats stats;
  tr_array *x;
  s->sample_eps = 0;
  s->last_size = 0.2;
  s->n_steps = 4001;
  CHECK_OK(ctx, tr_brownian_create_given(ctx, 4000, no_noise, NULL, &path));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, 1}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, &start));
  s->path = path;
  CHECK_OK(ctx, tr_sample_sde(s, NULL, x, &stats));
  CHECK_OK(ctx, tr_array_get_f64(x, &got));
  tr_coeffs at = tr_interpolant_at(&s->interpolant, 0.8);
  double offset = start * at.sigma * exp(-exponent), before = at.alpha * mu + offset;
  double v = at.dalpha * mu + at.dsigma / at.sigma * offset;
  CHECK_NEAR(got, before + share * 0.2 * v, 1e-3);
  CHECK(stats.nfe == 4001 && stats.t_end == 1);
  tr_array_destroy(&x);
  tr_brownian_destroy(&path);
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  tr_interpolant path;
  register_all(ctx);
  tr_sampler s = assemble(ctx, &path);
  sample_ode(ctx, &s);
  sample_sde(ctx, &s, 0.8, 0.5);
  CHECK_OK(ctx, tr_diffusion_set(ctx, &s.diffusion, "power", 3));
  CHECK_OK(ctx, tr_last_step_set(ctx, &s.last, "share", 1));
  sample_sde(ctx, &s, 0.8 - pow(0.8, 4) / 4, 1); /* int sigma dt, sigma = 1 - t^3 */
  s.last.values.v[0] = -1;                       /* past the name */
  tr_affine map;
  CHECK_ERROR(ctx, tr_last_step_map(ctx, &s.last, &s.interpolant, &difference, &s.diffusion, 0.8, 0.2, &map),
              TR_E_ARG, "share of Half is -1");
  CHECK_ERROR(ctx, tr_diffusion_set(ctx, &s.diffusion, "power", 8), TR_E_ARG,
              "power of sigma-power is 8: use");
  CHECK_ERROR(ctx, tr_diffusion_set(ctx, &s.diffusion, "power", 0.5), TR_E_ARG, ">= 1 and < 8");
  CHECK_ERROR(ctx, tr_diffusion_set(ctx, &s.diffusion, "powr", 2), TR_E_ARG, "did you mean 'power'");
  without_a_place(ctx);
  tr_drift_destroy(&s.drift);
  tr_ctx_close(&ctx);
  return check_report();
}
