/* Exponential methods of the SDE: the exact law on Gaussian fields for every form, path and prediction, weak
 * orders, the ODE as the limit of no noise, one lambda grid on every path, ends, guidance edges, refusals. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"
#include "tests/support/problems/orders.h"
#include "transport/exponential/sde_private.h"

static const char *const methods[] = {"exponential-euler", "dpmpp-2m-sde", "sa-solver", "sa-solver-3"};
enum { METHODS = sizeof methods / sizeof *methods };

/* From t = 0.04 on, where every lambda is finite, to 0.96, every form has the method's weak order. */
static void weak_orders(tr_ctx *ctx) {
  for (int m = 0; m < 2; m++)
    for (int p = 0; p < 3; p++) {
      const tr_sde_method *method = flow_sde_method(ctx, methods[m]);
      orders measured;
      orders_forms(ctx, moments_paths[p], method, 150, &measured);
      printf("%-18s %-7s measured", methods[m], moments_paths[p]);
      for (int f = 0; f < measured.n; f++) {
        double order = measured.order[f];
        printf(" %.2f", order);
        if (f == 0) /* the constant: much noise, steps of many relaxation times at the end */
          CHECK(order > 0.4 * method->weak_order);
        else
          CHECK_NEAR(order, method->weak_order, m ? 0.35 : 0.1);
        CHECK(measured.fine[f] < (m ? 2e-2 : 0.3));
      }
      CHECK(measured.nfe_per_step == 1);
      printf("\n");
    }
}

/* Every registered one on grids so fine that errors no longer change sign: with every form it has the weak
 * order of its claim, and less than the next. */
static void registered_orders(tr_ctx *ctx) {
  const tr_module *module;
  int n = 0;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)); i++) {
    const tr_sde_method *method = (const tr_sde_method *)module;
    orders measured;
    if (tr_noised_ode_of(method) || !tr_exponential_sde_of(method)) continue;
    orders_forms(ctx, "GVP", method, 600, &measured);
    printf("%-18s weak, claimed %g; measured", module->name, method->weak_order);
    for (int f = 0; f < measured.n; f++) {
      printf(" %.2f", measured.order[f]);
      CHECK(measured.order[f] > method->weak_order - (f == 0 ? 0.3 : 0.15)); /* f = 0: the constant */
      if (f > 0) CHECK(measured.order[f] < method->weak_order + 0.9);
    }
    printf("\n");
    n++;
  }
  CHECK(n >= METHODS);
}

/* On one Brownian path the methods go to the same limit as the others, with their strong order. */
static void strong_orders(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++) {
    const tr_sde_method *method = flow_sde_method(ctx, methods[m]);
    orders measured;
    orders_strong_sampled(ctx, method, &measured);
    printf("%-18s strong, claimed %g; measured %.2f\n", methods[m], method->strong_order, measured.order[0]);
    if (m < 2)
      CHECK_NEAR(measured.order[0], method->strong_order, 0.25);
    else
      CHECK(measured.order[0] > method->strong_order - 0.1); /* its part of higher order is still large */
    CHECK(measured.fine[0] < 0.05);
  }
}

/* Relative errors of the variance at the end of n, 2 n, 4 n steps. */
static void refine(tr_ctx *ctx, tr_sampler s, double spread, int n, double error[3]) {
  tr_coeffs at = tr_interpolant_at(&s.interpolant, 1 - s.sample_eps);
  double V = at.alpha * at.alpha * spread + at.sigma * at.sigma;
  for (int k = 0; k < 3; k++)
    error[k] = fabs(moments_run(ctx, s, TR_VELOCITY, spread, n << k).variance / V - 1);
}

/* SA-Solver: order 2, with a smaller error than 2M; order 3 without noise. */
static void sa_solver(tr_ctx *ctx) {
  static const int forms[] = {1, 2, 7}; /* their errors keep their sign */
  for (int m = 2; m < METHODS; m++)
    for (int p = 0; p < 2; p++) {
      double error[3], of_2m[3];
      tr_sampler s = moments_sampler(ctx, moments_paths[p], methods[m], "None");
      s.sample_eps = 0.04;
      printf("%-18s %-7s measured", methods[m], moments_paths[p]);
      for (int f = 0; f < 3; f++) {
        tr_table *table;
        s.diffusion = moments_form(ctx, moments_forms[forms[f]], &table);
        refine(ctx, s, 4, 150, error);
        printf(" %.2f,%.2f", log2(error[0] / error[1]), log2(error[1] / error[2]));
        /* of two points the part of order 3 is large, and fades */
        CHECK_NEAR(log2(error[1] / error[2]), 2, m == 2 ? 0.5 : 0.25);
        if (m == 2) CHECK(log2(error[1] / error[2]) < log2(error[0] / error[1]) - 0.1);
        s.sde.method = flow_sde_method(ctx, "dpmpp-2m-sde");
        refine(ctx, s, MOMENTS_C, 50, of_2m);
        s.sde.method = flow_sde_method(ctx, methods[m]);
        refine(ctx, s, MOMENTS_C, 50, error);
        CHECK(error[2] < 0.8 * of_2m[2]);
        tr_table_destroy(&table);
      }
      s.diffusion.table = NULL;
      s.diffusion.norm = 0;
      refine(ctx, s, MOMENTS_C, 100, error);
      printf("; without noise %.2f\n", log2(error[1] / error[2]));
      CHECK(log2(error[1] / error[2]) > 2.85);
    }
}

/* From pure noise to the data, with every form: right in the limit, to within the first-order ends. */
static void to_the_ends(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++)
    for (int p = 0; p < (m < 2 ? 3 : 1); p++)
      for (int f = 0; f < MOMENTS_FORMS; f += m < 2 ? 1 : 4) {
        tr_table *table;
        tr_sampler s = moments_sampler(ctx, moments_paths[p], methods[m], "None");
        s.diffusion = moments_form(ctx, moments_forms[f], &table);
        double error[2];
        for (int k = 0; k < 2; k++) {
          moments got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, 100 << 2 * k);
          error[k] = fabs(got.variance / MOMENTS_C - 1);
          CHECK(got.stats.t0 == 0 && got.stats.t_end == 1);
        }
        if (m < 2)
          CHECK(error[1] < (f == 0 ? 0.8 : 0.65) * error[0] + 1e-3); /* f = 0: the constant */
        else
          CHECK(error[1] < (f == 0 ? 0.1 : 7e-3)); /* they change sign */
        tr_table_destroy(&table);
      }
}

/* For data of no spread the denoiser is constant and one step of any size is exact, for every form that is
 * not infinite along it. */
static void exact_for_points(tr_ctx *ctx) {
  for (int m = 0; m < METHODS; m++)
    for (int p = 0; p < 3; p++)
      for (int f = 0; f < MOMENTS_FORMS; f++)
        for (int steps = 1; steps < 4; steps++) {
          tr_table *table;
          tr_sampler s = moments_sampler(ctx, moments_paths[p], methods[m], "None");
          s.diffusion = moments_form(ctx, moments_forms[f], &table);
          s.sample_eps = 0.2;
          moments got = moments_run(ctx, s, TR_VELOCITY, 0, steps);
          tr_coeffs at = tr_interpolant_at(&s.interpolant, 0.8);
          CHECK_NEAR(got.mean, at.alpha * MOMENTS_MU, 1e-12);
          CHECK_NEAR(got.variance, at.sigma * at.sigma, 1e-12);
          tr_table_destroy(&table);
        }
}

/* The same lambda grid and the same kappa give the same x / alpha on every path. */
static void path_invariance(tr_ctx *ctx) {
  enum { STEPS = 9 };
  for (int m = 0; m < METHODS; m++) {
    moments first = {0};
    for (int p = 0; p < 2; p++) {
      double t[STEPS + 1];
      tr_table *table;
      tr_sampler s = moments_sampler(ctx, moments_paths[p], methods[m], "None");
      s.diffusion = moments_form(ctx, "kappa", &table);
      s.sample_eps = p ? 0.2 : (1 - tan(TR_PI / 4 * 0.6)) / 2; /* the same angles on Linear and GVP */
      double low = tr_interpolant_at(&s.interpolant, s.sample_eps).theta;
      if (p) {
        CHECK_NEAR(low, TR_PI / 2 * 0.2, 1e-12);
      }
      for (int i = 0; i <= STEPS; i++) {
        double lambda = log(tan(low)) * (1 - 2.0 * i / STEPS);
        t[i] = tr_interpolant_time(&s.interpolant, atan(exp(lambda)));
      }
      CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
      s.grid.list = t;
      s.grid.n_list = STEPS + 1;
      moments got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, STEPS);
      tr_coeffs end = tr_interpolant_at(&s.interpolant, t[STEPS]);
      got.mean /= end.alpha;
      got.variance /= end.alpha * end.alpha;
      if (p == 0) first = got;
      CHECK_NEAR(got.mean, first.mean, 1e-12);
      CHECK_NEAR(got.variance, first.variance, 1e-12);
      tr_table_destroy(&table);
    }
  }
}

/* ---- on plain states ---- */

enum { N = 2, ROWS = 3 };
static const double mean[N] = {0.5, -0.5}, variance[N] = {0.09, 0.25};
static const gaussian target = {N, mean, variance};

static void sample(tr_ctx *ctx, const tr_sampler *s, bool sde, double *out, tr_sample_stats *stats) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_sample_init(s, x));
  CHECK_OK(ctx, sde ? tr_sample_sde(s, NULL, x, stats) : tr_sample_ode(s, NULL, x, stats));
  CHECK_OK(ctx, tr_array_get_f64(x, out));
  tr_array_destroy(&x);
}

/* Without noise the SDE's methods are DDIM and DPM-Solver++ (2M) of the ODE, ends included. */
static void no_noise_is_the_ode(tr_ctx *ctx) {
  static const char *const ode[] = {"ddim", "dpmpp-2m"};
  for (int m = 0; m < 2; m++)
    for (int p = 0; p < 3; p++)
      for (int k = 0; k < 2; k++) {
        double a[ROWS * N], b[ROWS * N];
        tr_sampler s = flow_sampler(ctx, moments_paths[p], k ? TR_DENOISER : TR_VELOCITY, &target);
        s.sample_eps = 0;
        s.n_steps = 12;
        s.diffusion.norm = 0;
        s.sde.method = flow_sde_method(ctx, methods[m]);
        s.ode.method = flow_ode_method(ctx, ode[m]);
        CHECK_OK(ctx, tr_last_step_find(ctx, "None", &s.last));
        CHECK_OK(ctx, tr_grid_find(ctx, "cosine", &s.grid));
        sample(ctx, &s, true, a, NULL);
        sample(ctx, &s, false, b, NULL);
        for (int i = 0; i < ROWS * N; i++) CHECK_NEAR(a[i], b[i], 1e-12);
        tr_drift_destroy(&s.drift);
      }
}

/* Noise and score say nothing about the denoiser at alpha = 0: it is taken TR_THETA_MIN away. */
static void every_prediction(tr_ctx *ctx) {
  static const tr_quantity kinds[] = {TR_NOISE, TR_SCORE, TR_DENOISER};
  for (int p = 0; p < 3; p++)
    for (int k = 0; k < 3; k++) {
      tr_sampler s = moments_sampler(ctx, moments_paths[p], "dpmpp-2m-sde", "None");
      moments want = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, 40),
              got = moments_run(ctx, s, kinds[k], MOMENTS_C, 40);
      CHECK_NEAR(got.mean, want.mean, 2e-5);
      CHECK_NEAR(got.variance / want.variance, 1, 2e-5);
    }
}

/* Large steps with a constant D, which make Euler-Maruyama diverge: bounded, without a warning. */
static int warnings;
static void count_warning(const char *message, void *user) {
  (void)message;
  (void)user;
  warnings++;
}
static void stiff_noise(tr_ctx *ctx) {
  tr_ctx_on_warning(ctx, count_warning, NULL);
  for (int m = 0; m < METHODS; m++) {
    tr_sampler s = moments_sampler(ctx, "Linear", methods[m], "None");
    CHECK_OK(ctx, tr_diffusion_find(ctx, "constant", &s.diffusion));
    s.diffusion.norm = 10;
    moments got = moments_run(ctx, s, TR_VELOCITY, 4e-4, 100);
    CHECK(got.variance < 10 * 4e-4);
    CHECK_NEAR(got.mean, MOMENTS_MU, 2e-2);
  }
  CHECK(warnings == 0);
  tr_ctx_on_warning(ctx, NULL, NULL);
}

/* Where the field jumps nothing is extrapolated: jumps in every step leave the first-order method. */
static void jumps(tr_ctx *ctx) {
  static const double breaks[] = {0.05, 0.15, 0.3, 0.45, 0.5, 0.65, 0.75, 0.85, 0.95};
  double a[ROWS * N], b[ROWS * N];
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  s.n_steps = 8;
  s.drift->breaks = breaks;
  s.drift->n_breaks = 9;
  for (int m = 0; m < METHODS; m++) {
    s.sde.method = flow_sde_method(ctx, methods[m]);
    sample(ctx, &s, true, m ? b : a, NULL);
  }
  CHECK(memcmp(a, b, sizeof a) == 0);
  s.drift->n_breaks = 0;
  sample(ctx, &s, true, b, NULL);
  CHECK(memcmp(a, b, sizeof a) != 0);
  tr_drift_destroy(&s.drift);
}

/* The denoiser is 1 on the closed interval of a guide, -2 outside. */
typedef struct {
  double low, high;
} guided;
static tr_status two_values(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  const guided *g = user;
  (void)x, (void)cond;
  return tr_fill(times.t[0] >= g->low && times.t[0] <= g->high ? 1 : -2, f);
}

/* Steps are exact for a denoiser that is constant on both sides of its jumps: none extrapolates or corrects
 * over a jump, also where it is a grid point. */
static void exact_between_jumps(tr_ctx *ctx) {
  static const double t[] = {0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.8, 0.9};
  static guided edges[] = {{0.4, 0.6}, {0.4, 0.65}, {0.45, 0.6}, {0.25, 0.25}, {0.1, 0.9}};
  enum { POINTS = sizeof t / sizeof *t };
  for (int m = 0; m < METHODS; m++)
    for (int e = 0; e < 5; e++) {
      double got[ROWS * N], start[ROWS * N];
      tr_sampler s = flow_sampler(ctx, "GVP", TR_DENOISER, &target);
      tr_array *x;
      tr_drift_destroy(&s.drift);
      CHECK_OK(ctx,
               tr_drift_create_callback(ctx, "two values", TR_DENOISER, two_values, &edges[e], &s.drift));
      s.drift->breaks = (const double *)&edges[e];
      s.drift->n_breaks = 2;
      s.sde.method = flow_sde_method(ctx, methods[m]);
      CHECK_OK(ctx, tr_last_step_find(ctx, "None", &s.last));
      CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
      s.grid.list = t;
      s.grid.n_list = POINTS;
      s.sample_eps = 0.1;
      s.diffusion.norm = 0;
      CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
      CHECK_OK(ctx, tr_sample_init(&s, x));
      CHECK_OK(ctx, tr_array_get_f64(x, start));
      tr_array_destroy(&x);
      sample(ctx, &s, true, got, NULL);
      for (int k = 0; k < ROWS * N; k++) {
        double want = start[k];
        for (int i = 0; i + 1 < POINTS; i++) {
          tr_coeffs a = tr_interpolant_at(&s.interpolant, t[i]),
                    b = tr_interpolant_at(&s.interpolant, t[i + 1]);
          double keep = b.sigma / a.sigma, M = t[i] >= edges[e].low && t[i] <= edges[e].high ? 1 : -2;
          want = keep * want + (b.alpha - a.alpha * keep) * M;
        }
        CHECK_NEAR(got[k], want, 1e-12);
      }
      tr_drift_destroy(&s.drift);
    }
}

/* Evaluations are counted and limited; a problem without steps of its own is refused. */
static tr_status zero(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)t;
  (void)x;
  (void)user;
  return tr_fill(0, dx);
}
static tr_status one(double t, double *out, void *user) {
  (void)t;
  (void)user;
  *out = 1;
  return TR_OK;
}
static void limits_and_refusals(tr_ctx *ctx) {
  double out[ROWS * N];
  tr_sample_stats stats;
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  s.sde.method = flow_sde_method(ctx, "dpmpp-2m-sde");
  s.n_steps = 13;
  sample(ctx, &s, true, out, &stats);
  CHECK(stats.nfe == 13 && stats.t_end == 1 && strcmp(stats.solver, "dpmpp-2m-sde") == 0);
  s.max_nfe = 6;
  sample(ctx, &s, true, out, &stats);
  CHECK(stats.nfe == 6 && stats.stop_reason == TR_STOP_MAX_NFE);
  tr_array *x;
  tr_brownian *path;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){3}, &x));
  CHECK_OK(ctx, tr_fill(0, x));
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 1, 0, &path));
  tr_sde_spec spec = {.method = s.sde.method, .grid = (double[]){0, 1}, .n_grid = 2};
  CHECK_ERROR(
      ctx,
      tr_sde_solve(&spec, &(tr_sde_problem){.drift = zero, .g2 = one}, path, NULL, 0, x, NULL, NULL, NULL),
      TR_E_NONFINITE, "no step of its own");
  const tr_module *module;
  CHECK_ERROR(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "dpmpp-2m-sde", &module), TR_E_ARG,
              "did you mean 'dpmpp-2m'");
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

/* m = a + b lambda, the same for every state. */
static const double line[] = {0.4, -0.7};
static tr_status on_a_line(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  tr_coeffs at = tr_interpolant_at(user, times.t[0]);
  (void)x, (void)cond;
  return tr_fill(line[0] + line[1] * log(at.alpha / at.sigma), f);
}

static tr_status no_noise(long step, tr_array *z, void *user) {
  (void)step, (void)user;
  return tr_fill(0, z);
}

/* The mean of the SDE with kappa = k for that denoiser, y = x / sigma: dy = (-k y + (1 + k) e^lambda m)
 * dlambda.
 */
static double mean_on_a_line(const tr_coeffs *from, const tr_coeffs *to, double k, double x) {
  double a = log(from->alpha / from->sigma), b = log(to->alpha / to->sigma), c = 1 + k;
  double low = exp(c * a) * (line[0] + line[1] * a - line[1] / c),
         high = exp(c * b) * (line[0] + line[1] * b - line[1] / c);
  return to->sigma * (exp(-k * (b - a)) * x / from->sigma + exp(-k * b) * (high - low));
}

/* SA-Solver corrects its first step by a line and goes on by polynomials: exact for a denoiser that is a line
 * in lambda, with noise and without. The last state, which is not corrected, follows from two denoisers. */
static void exact_on_a_line(tr_ctx *ctx) {
  static const double k[] = {0, 1, 4};
  for (int m = 2; m < METHODS; m++)
    for (int p = 0; p < 3; p++)
      for (int c = 0; c < 3; c++) {
        enum { STEPS = 24 };
        double start[ROWS * N], got[ROWS * N];
        tr_sampler s = flow_sampler(ctx, moments_paths[p], TR_DENOISER, &target);
        tr_array *x;
        tr_brownian *path;
        tr_drift_destroy(&s.drift);
        CHECK_OK(ctx,
                 tr_drift_create_callback(ctx, "a line", TR_DENOISER, on_a_line, &s.interpolant, &s.drift));
        CHECK_OK(ctx, tr_diffusion_find(ctx, "kappa", &s.diffusion));
        CHECK_OK(ctx, tr_last_step_find(ctx, "None", &s.last));
        CHECK_OK(ctx, tr_brownian_create_given(ctx, STEPS, no_noise, NULL, &path));
        s.diffusion.norm = k[c];
        s.path = path;
        s.sde.method = flow_sde_method(ctx, methods[m]);
        s.sample_eps = 0.2;
        s.n_steps = STEPS + 1;
        CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
        CHECK_OK(ctx, tr_sample_init(&s, x));
        CHECK_OK(ctx, tr_array_get_f64(x, start));
        tr_array_destroy(&x);
        sample(ctx, &s, true, got, NULL);
        tr_coeffs from = tr_interpolant_at(&s.interpolant, p == 2 ? 0 : 0.2),
                  to = tr_interpolant_at(&s.interpolant, 0.8);
        for (int i = 0; i < ROWS * N; i++)
          CHECK_NEAR(got[i], mean_on_a_line(&from, &to, k[c], start[i]), 1e-12);
        tr_brownian_destroy(&path);
        tr_drift_destroy(&s.drift);
      }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  weak_orders(ctx);
  registered_orders(ctx);
  strong_orders(ctx);
  sa_solver(ctx);
  to_the_ends(ctx);
  exact_for_points(ctx);
  path_invariance(ctx);
  no_noise_is_the_ode(ctx);
  every_prediction(ctx);
  stiff_noise(ctx);
  exact_on_a_line(ctx);
  jumps(ctx);
  exact_between_jumps(ctx);
  limits_and_refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
