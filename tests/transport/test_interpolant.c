/* Interpolants: coefficients and diffusion forms against the reference's numbers, exact ends, finite ratios,
 * derivatives against differences, the inverse of the angle. */
#include <stdlib.h>

#include "core/io/npz.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "transport/diffusion/diffusion.h"
#include "transport/exact/exact.h"
#include "transport/loss/loss.h"
#include "transport/sampler/sampler.h"
#include "transport/transfer.h"

static const char *const paths[] = {"Linear", "GVP", "VP"}; /* the reference's */

static tr_interpolant find(tr_ctx *ctx, const char *name) {
  tr_interpolant interpolant = {0};
  CHECK_OK(ctx, tr_interpolant_find(ctx, name, &interpolant));
  return interpolant;
}

static int read_entry(tr_ctx *ctx, tr_npz *npz, const char *name, double *out, int room) {
  tr_npy npy = {0};
  CHECK_OK(ctx, tr_npz_get(npz, name, &npy));
  int n = npy.count <= room ? (int)npy.count : 0;
  if (n) tr_npy_get_f64(&npy, out);
  tr_npy_close(&npy);
  return n;
}

/* ---- parity: 1e-12 relative, at every time of the reference's grid ---- */

static void near_golden(double got, double want) {
  CHECK_NEAR(got, want, 1e-12 * (fabs(want) > 1e-3 ? fabs(want) : 1e-3));
}

static double alpha_of(const tr_coeffs *c) {
  return c->alpha;
}
static double sigma_of(const tr_coeffs *c) {
  return c->sigma;
}
static double dalpha_of(const tr_coeffs *c) {
  return c->dalpha;
}
static double dsigma_of(const tr_coeffs *c) {
  return c->dsigma;
}
static double drift_of(const tr_coeffs *c) {
  return -c->dalpha / c->alpha;
}
static double drift_var_of(const tr_coeffs *c) {
  return c->g2_W;
}

static void coefficients_parity(tr_ctx *ctx, const char *path, tr_npz *npz) {
  static const struct {
    const char *name;
    double (*get)(const tr_coeffs *);
  } entry[] = {{"alpha", alpha_of},    {"sigma", sigma_of}, {"d_alpha", dalpha_of},
               {"d_sigma", dsigma_of}, {"drift", drift_of}, {"drift_var", drift_var_of}};
  tr_interpolant interpolant = find(ctx, path);
  double t[64], want[64];
  int n = read_entry(ctx, npz, "t", t, 64);
  CHECK(n > 30);
  for (size_t k = 0; k < sizeof entry / sizeof *entry; k++) {
    CHECK(read_entry(ctx, npz, entry[k].name, want, 64) == n);
    for (int i = 0; i < n; i++) {
      tr_coeffs c = tr_interpolant_at(&interpolant, t[i]);
      if (isfinite(want[i])) near_golden(entry[k].get(&c), want[i]);
    }
  }
}

static void forms_parity(tr_ctx *ctx, const char *path, tr_npz *npz) {
  static const char *const forms[] = {"constant", "SBDM",       "sigma",
                                      "linear",   "decreasing", "increasing-decreasing"};
  tr_interpolant interpolant = find(ctx, path);
  double t[64], want[64], norm;
  int n = read_entry(ctx, npz, "t", t, 64);
  CHECK(read_entry(ctx, npz, "norm", &norm, 1) == 1);
  for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
    char name[64];
    tr_diffusion form;
    snprintf(name, sizeof name, "form_%s", forms[k]);
    CHECK(read_entry(ctx, npz, name, want, 64) == n);
    CHECK_OK(ctx, tr_diffusion_find(ctx, forms[k], &form));
    form.norm = norm;
    for (int i = 0; i < n; i++) {
      tr_coeffs c = tr_interpolant_at(&interpolant, t[i]);
      if (isfinite(want[i])) near_golden(tr_diffusion_D(&form, &c), want[i]);
    }
  }
}

static void parity(tr_ctx *ctx) {
  for (int i = 0; i < 3; i++) {
    char file[512];
    tr_npz *npz = NULL;
    snprintf(file, sizeof file, "%s/goldens/coefficients_%s.npz", TR_TEST_DATA, paths[i]);
    CHECK_OK(ctx, tr_npz_open(ctx, file, &npz));
    coefficients_parity(ctx, paths[i], npz);
    forms_parity(ctx, paths[i], npz);
    tr_npz_close(&npz);
  }
}

/* ---- the ends ---- */

static void ends(tr_ctx *ctx) {
  for (int i = 0; i < 3; i++) {
    tr_interpolant interpolant = find(ctx, paths[i]);
    tr_coeffs zero = tr_interpolant_at(&interpolant, 0), one = tr_interpolant_at(&interpolant, 1);
    CHECK(one.alpha == 1 && one.sigma == 0 && one.theta == atan2(1, 0) && one.c == 1 && one.g2_W >= 0);
    if (i < 2) CHECK(zero.alpha == 0 && zero.sigma == 1 && zero.theta == 0 && isinf(zero.g2_W));
    if (i == 2) CHECK(zero.alpha > 0.0065 && zero.alpha < 0.0066 && isinf(one.W) && isinf(one.dsigma));
    for (int k = 0; k <= 64; k++) {
      tr_coeffs c = tr_interpolant_at(&interpolant, k / 64.0);
      CHECK(isfinite(c.inv_W) && isfinite(c.dalpha_W) && isfinite(c.dsigma_W) && isfinite(c.sigma_dsigma));
      CHECK_NEAR(c.c * c.c, c.alpha * c.alpha + c.sigma * c.sigma, 1e-14);
      CHECK(c.t == k / 64.0);
    }
    tr_coeffs outside = tr_interpolant_at(&interpolant, 1.25), nowhere = tr_interpolant_at(&interpolant, NAN);
    CHECK(isnan(outside.alpha) && isnan(outside.t) && isnan(outside.theta) && isnan(nowhere.W));
  }
  /* sigma of VP keeps its digits near the data: sqrt(bmin (1 - t)) there. */
  tr_interpolant vp = find(ctx, "VP");
  double u = 0x1p-40;
  CHECK_NEAR(tr_interpolant_at(&vp, 1 - u).sigma / sqrt(0.1 * u), 1, 1e-9);
  tr_interpolant gvp = find(ctx, "GVP");
  CHECK_NEAR(tr_interpolant_at(&gvp, 1 - u).sigma / (TR_PI / 2 * u), 1, 1e-15);
}

/* The stated derivatives are those of alpha and sigma: central differences. */
static void derivatives(tr_ctx *ctx) {
  double h = 1e-6;
  for (int i = 0; i < 3; i++) {
    tr_interpolant interpolant = find(ctx, paths[i]);
    for (double t = 0.05; t < 0.96; t += 0.09) {
      tr_coeffs c = tr_interpolant_at(&interpolant, t), a = tr_interpolant_at(&interpolant, t - h),
                b = tr_interpolant_at(&interpolant, t + h);
      CHECK_NEAR((b.alpha - a.alpha) / (2 * h), c.dalpha, 1e-7);
      CHECK_NEAR((b.sigma - a.sigma) / (2 * h), c.dsigma, 1e-7);
      CHECK_NEAR((b.theta - a.theta) / (2 * h), c.W / (c.c * c.c), 1e-7);
      CHECK_NEAR(c.W, c.dalpha * c.sigma - c.alpha * c.dsigma, 1e-13 * c.W);
      CHECK_NEAR(tr_coeffs_log_snr_step(&a, &b) / (2 * h), c.W / (c.alpha * c.sigma),
                 1e-6 * c.W / (c.alpha * c.sigma));
    }
  }
}

/* ---- the angle ---- */

static void inverse(tr_ctx *ctx, const tr_interpolant *interpolant, double tolerance) {
  (void)ctx;
  for (int k = 0; k <= 50; k++) {
    double t = k / 50.0;
    CHECK_NEAR(tr_interpolant_time(interpolant, tr_interpolant_at(interpolant, t).theta), t, tolerance);
  }
  CHECK(tr_interpolant_time(interpolant, 0) == 0 && tr_interpolant_time(interpolant, atan2(1, 0)) == 1);
  CHECK(tr_interpolant_time(interpolant, -1) == 0 && tr_interpolant_time(interpolant, 1.6) == 1);
}

static void angles(tr_ctx *ctx) {
  for (int i = 0; i < 3; i++) {
    tr_interpolant interpolant = find(ctx, paths[i]);
    inverse(ctx, &interpolant, 2e-15);
    tr_interpolant_type without = *interpolant.type; /* the same path, found by bisection */
    without.time_of_angle = NULL;
    interpolant.type = &without;
    inverse(ctx, &interpolant, 1e-14);
  }
  tr_interpolant other = find(ctx, "VP");
  CHECK_OK(ctx, tr_interpolant_set(ctx, &other, "sigma_min", 5));
  CHECK_OK(ctx, tr_interpolant_set(ctx, &other, "sigma_max", 2));
  CHECK(other.values.v[0] == 5 && other.values.v[1] == 2);
  inverse(ctx, &other, 2e-15);
  tr_interpolant usual = find(ctx, "VP"), same = usual;
  CHECK_OK(ctx, tr_interpolant_set(ctx, &same, "sigma_max", 20)); /* its default */
  CHECK(tr_interpolant_same(&usual, &same) && !tr_interpolant_same(&usual, &other));
  same = find(ctx, "GVP");
  CHECK(!tr_interpolant_same(&usual, &same));
}

static tr_status never(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  (void)times, (void)x, (void)cond, (void)f, (void)user;
  return TR_OK;
}

/* Nothing runs along a path whose values do not go together. */
static void runs_along(tr_ctx *ctx, const tr_interpolant *bad, const char *word) {
  tr_sampler sampler;
  tr_drift *drift, *made;
  tr_interpolant linear = find(ctx, "Linear");
  tr_array *x;
  double *points;
  int n;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, 2}, &x));
  CHECK_OK(ctx, tr_fill(0, x));
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "never", TR_VELOCITY, never, NULL, &drift));
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &sampler));
  sampler.drift = drift;
  sampler.interpolant = *bad;
  CHECK_ERROR(ctx, tr_sample_ode(&sampler, NULL, x, NULL), TR_E_ARG, word);
  CHECK_ERROR(ctx, tr_sample_sde(&sampler, NULL, x, NULL), TR_E_ARG, word);
  CHECK_ERROR(ctx, tr_drift_create_transferred(drift, &linear, bad, &made), TR_E_ARG, word);
  CHECK_ERROR(ctx, tr_drift_create_transferred(drift, bad, &linear, &made), TR_E_ARG, word);
  CHECK_ERROR(ctx, tr_grid_points(ctx, &sampler.grid, bad, 0, 1, 3, &points, &n), TR_E_ARG, word);
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &sampler.diffusion, bad), TR_E_ARG, word);
  CHECK_ERROR(ctx, tr_interpolate(bad, (tr_times){1, &(double){0.5}}, x, x, x), TR_E_ARG, word);
  CHECK_ERROR(ctx, tr_exact_create_gaussian(ctx, bad, TR_VELOCITY, 1, (double[]){0}, (double[]){1}, &made),
              TR_E_ARG, word);
  tr_drift_destroy(&drift);
  tr_array_destroy(&x);
}

static void bad_input(tr_ctx *ctx) {
  tr_interpolant interpolant;
  CHECK_ERROR(ctx, tr_interpolant_find(ctx, "Liner", &interpolant), TR_E_ARG, "Linear");
  interpolant = find(ctx, "VP");
  CHECK_ERROR(ctx, tr_interpolant_set(ctx, &interpolant, "sigma_mn", 1), TR_E_ARG,
              "did you mean 'sigma_min'");
  CHECK_ERROR(ctx, tr_interpolant_set(ctx, &interpolant, "sigma_min", 0), TR_E_ARG, "from 1e-06 to 1000");
  CHECK_ERROR(ctx, tr_interpolant_set(ctx, &interpolant, "sigma_max", NAN), TR_E_ARG, "nan");
  CHECK_OK(ctx, tr_interpolant_check(ctx, &interpolant));
  CHECK_OK(ctx, tr_interpolant_set(ctx, &interpolant, "sigma_min", 20));
  CHECK_OK(ctx, tr_interpolant_check(ctx, &interpolant));
  CHECK_OK(ctx, tr_interpolant_set(ctx, &interpolant, "sigma_min", 30));
  CHECK_ERROR(ctx, tr_interpolant_check(ctx, &interpolant), TR_E_ARG, "sigma_min = 30 above sigma_max = 20");
  runs_along(ctx, &interpolant, "sigma_min = 30 above sigma_max = 20");
  runs_along(ctx, &(tr_interpolant){interpolant.type, {0}}, "sigma_min of VP is 0");
  interpolant = find(ctx, "Linear");
  CHECK_ERROR(ctx, tr_interpolant_set(ctx, &interpolant, "sigma_min", 1), TR_E_ARG,
              "Linear has no parameter 'sigma_min': it has none");
}

/* DDPM's levels are the cumulated products of its betas, and the path is smooth between them. */
static void discrete_levels(tr_ctx *ctx) {
  const tr_interpolant ddpm = find(ctx, "DDPM");
  double kept = 1;
  for (int k = 1; k <= 1000; k++) {
    kept *= 1 - (1e-4 + (0.02 - 1e-4) * (k - 1) / 999);
    const tr_coeffs c = tr_interpolant_at(&ddpm, 1 - k / 1000.);
    CHECK_NEAR(c.alpha, sqrt(kept), 2e-13);
    CHECK_NEAR(c.sigma, sqrt(1 - kept), 2e-13 / sqrt(1 - kept));
  }
  for (int i = 1; i < 5000; i++) {
    const double t = i / 5000., h = 1e-5 * (1 - t);
    const tr_coeffs c = tr_interpolant_at(&ddpm, t), a = tr_interpolant_at(&ddpm, t - h),
                    b = tr_interpolant_at(&ddpm, t + h);
    CHECK_NEAR((b.alpha - a.alpha) / (2 * h), c.dalpha, 1e-7);
    CHECK_NEAR((b.sigma - a.sigma) / (2 * h) / c.dsigma, 1, 1e-7);
    CHECK_NEAR(tr_interpolant_time(&ddpm, c.theta), t, 1e-12 / (1 - t));
  }
  const tr_coeffs end = tr_interpolant_at(&ddpm, 1);
  CHECK(end.alpha == 1 && end.sigma == 0 && end.inv_W == 0 && isfinite(end.g2_W));
  CHECK_NEAR(tr_interpolant_at(&ddpm, 0).alpha, 0.00635282, 1e-8);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  parity(ctx);
  ends(ctx);
  derivatives(ctx);
  angles(ctx);
  discrete_levels(ctx);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
