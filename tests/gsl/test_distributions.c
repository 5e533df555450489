/* Laws against GSL's distribution functions: the addressed normals and uniforms, Brownian paths and trees,
 * the states of every SDE method at saved times, and Student's quantiles of the sweeps. Seeds are fixed, so a
 * run repeats; each test of fit is shown to notice a law that is slightly wrong. */
#include <gsl/gsl_cdf.h>
#include <stdlib.h>

#include "core/random.h"
#include "core/vec/vec.h"
#include "experiments/common/intervals.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"

/* ---- tests of fit: whether u, in [0, 1], is uniform, as F(x) is for x of the law F ---- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: sqrt(n) times the largest distance of the distributions (with Stephens' correction
 * for finite n), and the probability of more. u is sorted. */
static double kolmogorov(const double *u, int n) {
  double most = 0, p = 0, root = sqrt(n);
  for (int i = 0; i < n; i++) most = fmax(most, fmax((i + 1.0) / n - u[i], u[i] - (double)i / n));
  double at = (root + 0.12 + 0.11 / root) * most;
  for (int k = 1; k <= 100; k++) p += (k % 2 ? 2 : -2) * exp(-2 * k * k * at * at);
  return at < 0.2 ? 1 : p; /* the series needs many terms there, where it is 1 to 12 digits */
}

/* Anderson and Darling's A^2, which looks at the tails. u is sorted. */
static double anderson(const double *u, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (2 * i + 1) * (log(u[i]) + log1p(-u[n - 1 - i])) / n;
  return -n - sum;
}

static double chi_squared(const double *u, int n, int bins) {
  int *count = calloc((size_t)bins, sizeof *count);
  double sum = 0, expected = (double)n / bins;
  for (int i = 0; i < n; i++) count[(int)fmin(u[i] * bins, bins - 1)]++;
  for (int k = 0; k < bins; k++) sum += (count[k] - expected) * (count[k] - expected) / expected;
  free(count);
  return gsl_cdf_chisq_Q(sum, bins - 1);
}

/* Sorts u. A true law fails one of the three in about one test of 300: p of 1e-3 and A^2 of 6.0 (Stephens).
 */
static bool fits(double *u, int n, bool print, const char *name) {
  qsort(u, (size_t)n, sizeof *u, ascending);
  double ks = kolmogorov(u, n), chi2 = chi_squared(u, n, 50), a2 = anderson(u, n);
  if (print) printf("%-44s p = %.3f (KS), %.3f (chi2), A2 = %.2f\n", name, ks, chi2, a2);
  return ks > 1e-3 && chi2 > 1e-3 && a2 < 6;
}

/* ---- random numbers ---- */

enum { MANY = 60000 };

static void set_normal(double *u, const double *x, double scale, double shift) {
  for (int i = 0; i < MANY; i++) u[i] = gsl_cdf_ugaussian_P(scale * x[i] + shift);
}

/* Rows x elements normals of one purpose; also that neighbours of every kind of address are uncorrelated. */
static void normals(tr_ctx *ctx) {
  static const int rows[] = {1, 100, MANY / 2};
  double *x = malloc(2 * MANY * sizeof *x), *u = x + MANY;
  for (int k = 0; k < 3; k++)
    for (uint32_t step = 0; step < 3; step++) {
      char name[64];
      tr_array *z;
      tr_random_address address = {.seed = 20 + step, .purpose = TR_RANDOM_SDE, .step = step};
      CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){rows[k], MANY / rows[k]}, &z));
      CHECK_OK(ctx, tr_randn(&address, z));
      CHECK_OK(ctx, tr_array_get_f64(z, x));
      snprintf(name, sizeof name, "normals, %d samples, step %u", rows[k], step);
      set_normal(u, x, 1, 0);
      CHECK(fits(u, MANY, true, name));
      set_normal(u, x, 1.03, 0);
      CHECK(!fits(u, MANY, false, name));
      set_normal(u, x, 1, 0.03);
      CHECK(!fits(u, MANY, false, name));
      tr_array_destroy(&z);
    }
  free(x);
}

static void uniforms(void) {
  double *u = malloc(MANY * sizeof *u);
  tr_random_address address = {.seed = 3, .purpose = TR_RANDOM_LABEL};
  for (int i = 0; i < MANY; i++) u[i] = tr_random_uniform(&address, (uint64_t)i / 100, (uint32_t)(i % 100));
  CHECK(fits(u, MANY, true, "uniforms"));
  for (int i = 0; i < MANY; i++) u[i] *= u[i] > 0.5 ? 1 : 0.99;
  CHECK(!fits(u, MANY, false, "uniforms, wrong"));
  free(u);
}

/* Products of normals at neighbouring addresses have mean 0: z-scores. */
static void neighbours(tr_ctx *ctx) {
  enum { ROWS = 250, COLUMNS = 250, COUNT = ROWS * COLUMNS };
  double *x = malloc(2 * COUNT * sizeof *x), *y = x + COUNT, column = 0, row = 0, step = 0, purpose = 0;
  tr_array *z;
  tr_random_address address = {.seed = 9, .purpose = TR_RANDOM_SDE, .step = 4};
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, COLUMNS}, &z));
  CHECK_OK(ctx, tr_randn(&address, z));
  CHECK_OK(ctx, tr_array_get_f64(z, x));
  for (int i = 0; i + COLUMNS < COUNT; i++) column += x[i] * x[i + 1], row += x[i] * x[i + COLUMNS];
  address.step++;
  CHECK_OK(ctx, tr_randn(&address, z));
  CHECK_OK(ctx, tr_array_get_f64(z, y));
  for (int i = 0; i < COUNT; i++) step += x[i] * y[i];
  address.step--, address.purpose = TR_RANDOM_SDE2;
  CHECK_OK(ctx, tr_randn(&address, z));
  CHECK_OK(ctx, tr_array_get_f64(z, y));
  for (int i = 0; i < COUNT; i++) purpose += x[i] * y[i];
  double scale = sqrt(COUNT);
  printf("neighbours in element, sample, step, purpose: z = %.2f, %.2f, %.2f, %.2f\n", column / scale,
         row / scale, step / scale, purpose / scale);
  CHECK(fabs(column / scale) < 3.5 && fabs(row / scale) < 3.5 && fabs(step / scale) < 3.5 &&
        fabs(purpose / scale) < 3.5);
  tr_array_destroy(&z);
  free(x);
}

/* Increments and Levy areas of a tree over uneven intervals, and of a coarse view, are standard normals. */
static void paths(tr_ctx *ctx) {
  static const double from[] = {0, 0.1, 0.37, 0.9}, to[] = {0.01, 0.75, 0.371, 1};
  double *u = malloc(MANY * sizeof *u);
  tr_array *z[2];
  tr_brownian *fine, *coarse, *tree;
  for (int k = 0; k < 2; k++)
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){500, MANY / 500}, &z[k]));
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 5, 0, &fine));
  CHECK_OK(ctx, tr_brownian_create_coarse(ctx, fine, 7, &coarse));
  CHECK_OK(ctx, tr_brownian_create_tree(ctx, 5, 0, 0, 1, &tree));
  for (int i = 0; i < 5; i++) {
    CHECK_OK(ctx, i < 4 ? tr_brownian_over(tree, from[i], to[i], z[0], z[1])
                        : tr_brownian_normals(coarse, 3, z[0], z[1]));
    for (int k = 0; k < 2; k++) {
      char name[64];
      snprintf(name, sizeof name, i < 4 ? "%s over [%g, %g] of a tree" : "%s of 7 steps",
               k ? "Levy area" : "increment", i < 4 ? from[i] : 0, i < 4 ? to[i] : 0);
      CHECK_OK(ctx, tr_array_get_f64(z[k], u));
      set_normal(u, u, 1, 0);
      CHECK(fits(u, MANY, true, name));
    }
  }
  for (int k = 0; k < 2; k++) tr_array_destroy(&z[k]);
  tr_brownian_destroy(&tree);
  tr_brownian_destroy(&coarse);
  tr_brownian_destroy(&fine);
  free(u);
}

/* ---- states of the SDE on a mixture of one dimension ---- */

enum { ROWS = 2000, SAVES = 3, K = 3 };
static const double weight[K] = {0.2, 0.5, 0.3}, mean[K] = {-1.2, 0.1, 1.4}, variance[K] = {0.05, 0.1, 0.2};
static const double times[SAVES] = {0.3, 0.7, 0.96};

typedef struct {
  const tr_interpolant *interpolant;
  double u[SAVES][ROWS];
  tr_status status;
} saved;

static double mixture_cdf(const tr_interpolant *interpolant, double t, double x) {
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  double sum = 0;
  for (int k = 0; k < K; k++)
    sum += weight[k] * gsl_cdf_gaussian_P(x - at.alpha * mean[k],
                                          sqrt(at.alpha * at.alpha * variance[k] + at.sigma * at.sigma));
  return sum;
}

static tr_status keep(int index, double t, const tr_array *x, void *user) {
  saved *s = user;
  TR_TRY(tr_array_get_f64(x, s->u[index]));
  for (int i = 0; i < ROWS; i++) s->u[index][i] = mixture_cdf(s->interpolant, t, s->u[index][i]);
  return TR_OK;
}

static void run_sde(tr_ctx *ctx, tr_sampler s, const double *variances, saved *out) {
  tr_array *x;
  CHECK_OK(ctx, tr_exact_create_mixture(ctx, &s.interpolant, TR_VELOCITY, 1, K, weight, mean, variances,
                                        &s.drift));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, 1}, &x));
  CHECK_OK(ctx, tr_sample_init(&s, x));
  out->interpolant = &s.interpolant;
  s.save_times = times;
  s.n_save = SAVES;
  s.on_output = keep;
  s.out_user = out;
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, NULL));
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

/* Every method keeps the marginals, with enough steps for its order. */
static void marginals(tr_ctx *ctx) {
  static saved states;
  static const double wrong[K] = {0.08, 0.14, 0.27};
  static const tr_restart again = {0.2, 0.8, 2, 30};
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, i)); i++)
    for (int p = 0; p < 2; p++) {
      const tr_sde_method *method = (const tr_sde_method *)module;
      tr_sampler s = moments_sampler(ctx, moments_paths[p], module->name, "None");
      CHECK_OK(ctx, tr_diffusion_find(ctx, p ? "SBDM" : "sigma", &s.diffusion));
      s.seed = 1;
      s.n_steps = method->weak_order == 1 ? 501 : 101; /* times are grid points */
      s.ode.method = flow_ode_method(ctx, "heun2");    /* of churn and restart */
      s.restarts = &again;
      s.n_restarts = 1;
      run_sde(ctx, s, variance, &states);
      for (int k = 0; k < SAVES; k++) {
        char name[80];
        snprintf(name, sizeof name, "%s, %s, t = %g", module->name, moments_paths[p], times[k]);
        CHECK(fits(states.u[k], ROWS, true, name));
      }
      if (i > 0) continue;
      run_sde(ctx, s, wrong, &states);
      CHECK(!fits(states.u[SAVES - 1], ROWS, false, ""));
    }
}

static void student(void) {
  for (int df = 1; df < 200; df++) {
    CHECK_NEAR(stat_student95(df) / gsl_cdf_tdist_Pinv(0.975, df), 1, 1e-9);
    CHECK_NEAR(stat_student(df, 0.998) / gsl_cdf_tdist_Pinv(0.999, df), 1, 1e-9);
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  normals(ctx);
  uniforms();
  neighbours(ctx);
  paths(ctx);
  marginals(ctx);
  student();
  tr_ctx_close(&ctx);
  return check_report();
}
