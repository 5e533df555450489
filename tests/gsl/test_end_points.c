/* End points of the ODE of a mixture, for every ODE method, three paths and both directions, against a
 * reference that shares no code with the library: the field written out here, solved by GSL's Dormand-Prince
 * pair of order 8 at 1e-13 in a clock of its own, t = 1 - (1 - u)^2, in which VP is smooth at the data. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>

#include "core/module/registry.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"

enum { N = 2, K = 3, ROWS = 4, ALL = N * ROWS };
static const char *const paths[] = {"Linear", "GVP", "VP"};
static const double weights[K] = {0.25, 0.5, 0.25}, means[K * N] = {1, 0.5, -0.5, 1, 0, -1},
                    variances[K * N] = {0.05, 0.02, 0.03, 0.08, 0.02, 0.05};
static const double start[ALL] = {0.3, -1.1, 1.4, 0.2, -0.6, 0.9, 0.1, 0.4};

/* ---- the reference ---- */

/* alpha, sigma and their derivatives in u. */
typedef struct {
  double a, da, g, dg;
} level;

static level level_at(int path, double u) {
  double w = 1 - u, t = 1 - w * w, dt = 2 * w, pi = acos(-1);
  if (path == 0) return (level){t, dt, 1 - t, -dt};
  if (path == 1) {
    double sine = sin(pi / 2 * t), cosine = sin(pi / 2 * w * w);
    return (level){sine, pi / 2 * cosine * dt, cosine, -pi / 2 * sine * dt};
  }
  const double least = 0.1, most = 20; /* beta */
  double L = -w * w * w * w * (most - least) / 4 - w * w * least / 2, beta = least + w * w * (most - least);
  double a = exp(L), g_over_w = w > 1e-8 ? sqrt(-expm1(2 * L)) / w : sqrt(least);
  return (level){a, a * beta / 2 * dt, w * g_over_w, -a * a * beta / g_over_w};
}

/* v = sum_k r_k (a' mu_k + (a a' c_k + g g') / V_k (x - a mu_k)), in u. */
static int velocity(double u, const double *x, double *v, void *user) {
  level l = level_at(*(const int *)user, u);
  double r[K], most = -INFINITY, sum = 0;
  for (int k = 0; k < K; k++) {
    r[k] = log(weights[k]);
    for (int i = 0; i < N; i++) {
      double V = l.a * l.a * variances[k * N + i] + l.g * l.g, d = x[i] - l.a * means[k * N + i];
      r[k] -= d * d / (2 * V) + log(V) / 2;
    }
    most = fmax(most, r[k]);
  }
  for (int k = 0; k < K; k++) sum += r[k] = exp(r[k] - most);
  for (int i = 0; i < N; i++) {
    v[i] = 0;
    for (int k = 0; k < K; k++) {
      double mu = means[k * N + i], c = variances[k * N + i], V = l.a * l.a * c + l.g * l.g;
      v[i] += r[k] / sum * (l.da * mu + (l.a * l.da * c + l.g * l.dg) / V * (x[i] - l.a * mu));
    }
  }
  return GSL_SUCCESS;
}

static void reference(int path, double from, double to, double *x) {
  gsl_odeiv2_system system = {velocity, NULL, N, &path};
  double u = from, tolerance = 1e-13;
  gsl_odeiv2_driver *driver = gsl_odeiv2_driver_alloc_y_new(&system, gsl_odeiv2_step_rk8pd,
                                                            to > from ? 1e-3 : -1e-3, tolerance, tolerance);
  CHECK(driver && gsl_odeiv2_driver_apply(driver, &u, to, x) == GSL_SUCCESS);
  gsl_odeiv2_driver_free(driver);
}

/* ---- the library ---- */

static double distance(tr_ctx *ctx, const tr_sampler *s, const double *want) {
  double got[ALL], most = 0;
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, start));
  CHECK_OK(ctx, tr_sample_ode(s, NULL, x, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, got));
  tr_array_destroy(&x);
  for (int i = 0; i < ALL; i++) most = fmax(most, fabs(got[i] - want[i]));
  return most;
}

/* Adaptive methods reach the end point to their tolerance; on grids the error falls with the steps. */
static void method_reaches(tr_ctx *ctx, tr_sampler s, const tr_ode_method *method, const double *want) {
  s.ode.method = method;
  if (method->caps & TR_ODE_ADAPTIVE) {
    s.ode.rtol = s.ode.atol = 1e-11;
    s.clock = TR_CLOCK_ANGLE;
    double error = distance(ctx, &s, want);
    printf(" %s %.0e", method->info.name, error);
    CHECK(error < 1e-8);
    return;
  }
  CHECK_OK(ctx, tr_grid_find(ctx, "cosine", &s.grid)); /* short steps where lambda runs to infinity */
  s.n_steps = 101;
  double coarse = distance(ctx, &s, want);
  s.n_steps = 801;
  double fine = distance(ctx, &s, want);
  printf(" %s %.0e", method->info.name, fine);
  CHECK(fine < 0.2 * coarse); /* order 1 and above: 1/8 in the limit */
  CHECK(fine < (method->order == 1 ? 2e-2 : 1e-3));
}

static void end_points(tr_ctx *ctx, int path, bool reverse) {
  double want[ALL];
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, paths[path], &s.interpolant));
  CHECK_OK(ctx, tr_exact_create_mixture(ctx, &s.interpolant, TR_VELOCITY, N, K, weights, means, variances,
                                        &s.drift));
  s.sample_eps = 0;
  s.reverse = reverse;
  for (int i = 0; i < ALL; i++) want[i] = start[i];
  for (int row = 0; row < ROWS; row++) reference(path, reverse ? 1 : 0, reverse ? 0 : 1, want + row * N);
  printf("%s%s:", paths[path], reverse ? ", reverse" : "");
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, i)); i++)
    method_reaches(ctx, s, (const tr_ode_method *)module, want);
  printf("\n");
  tr_drift_destroy(&s.drift);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  gsl_set_error_handler_off();
  for (int path = 0; path < 3; path++)
    for (int reverse = 0; reverse < 2; reverse++) end_points(ctx, path, reverse);
  tr_ctx_close(&ctx);
  return check_report();
}
