/* Diffusion forms: definitions, limits at the ends, integrals against closed forms, the drift v + D s in its
 * three ways of writing, tables, refusals. */
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"
#include "transport/diffusion/diffusion.h"

static const char *const paths[] = {"Linear", "GVP", "VP"};

static tr_interpolant find(tr_ctx *ctx, const char *name) {
  tr_interpolant interpolant = {0};
  CHECK_OK(ctx, tr_interpolant_find(ctx, name, &interpolant));
  return interpolant;
}

static tr_diffusion form_of(tr_ctx *ctx, const char *name, double norm, const tr_table *table) {
  tr_diffusion form = {0};
  CHECK_OK(ctx, tr_diffusion_find(ctx, name, &form));
  form.norm = norm;
  form.table = table;
  return form;
}

static double D_at(const tr_diffusion *form, const tr_interpolant *interpolant, double t) {
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  return tr_diffusion_D(form, &at);
}

static double D_sigma_at(const tr_diffusion *form, const tr_interpolant *interpolant, double t) {
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  return tr_diffusion_D_sigma(form, &at);
}

/* D / sigma and kappa agree with D inside, and with their own limits at the data. */
static void quotients(tr_ctx *ctx) {
  static const char *const names[] = {"constant", "SBDM",       "sigma",
                                      "linear",   "decreasing", "increasing-decreasing"};
  for (int p = 0; p < 3; p++) {
    tr_interpolant interpolant = find(ctx, paths[p]);
    for (int f = 0; f < 6; f++) {
      tr_diffusion form = form_of(ctx, names[f], 0.7, NULL);
      for (double t = 0.05; t < 1; t += 0.1) {
        tr_coeffs at = tr_interpolant_at(&interpolant, t);
        double D = tr_diffusion_D(&form, &at);
        CHECK_NEAR(tr_diffusion_D_sigma(&form, &at), D / at.sigma, 1e-13 * D / at.sigma);
        CHECK_NEAR(tr_diffusion_kappa(&form, &at), D / at.g2_W, 1e-13 * D / at.g2_W);
      }
      double end = D_sigma_at(&form, &interpolant, 1), near = D_sigma_at(&form, &interpolant, 1 - 1e-10);
      if (isfinite(end))
        CHECK_NEAR(end, near, 1e-4);
      else
        CHECK(near > 1e3);
    }
  }
  tr_interpolant gvp = find(ctx, "GVP");
  tr_diffusion one = form_of(ctx, "decreasing", 1, NULL), linear = form_of(ctx, "linear", 1, NULL);
  CHECK(D_at(&one, &gvp, 1) == 0 && D_sigma_at(&one, &gvp, 1) == 0);
  CHECK_NEAR(D_sigma_at(&linear, &gvp, 1), 2 / TR_PI, 1e-15);
}

/* KL-eta: the formula, SBDM for a small eta, its finite limit at pure noise; kappa = 1 is SBDM; the table. */
static void tabulated(tr_ctx *ctx) {
  static const double t[] = {0, 0.5, 1}, L[] = {0.5, 0.2, 0.4}, D[] = {1, 0.5, 0}, lambda[] = {-2, 2},
                      kappa[] = {0.5, 1.5};
  tr_table *loss, *values, *churn;
  CHECK_OK(ctx, tr_table_create(ctx, 3, t, L, &loss));
  CHECK_OK(ctx, tr_table_create(ctx, 3, t, D, &values));
  CHECK_OK(ctx, tr_table_create(ctx, 2, lambda, kappa, &churn));
  for (int p = 0; p < 3; p++) {
    tr_interpolant interpolant = find(ctx, paths[p]);
    tr_diffusion sbdm = form_of(ctx, "SBDM", 0.9, NULL), eta = form_of(ctx, "KL-eta", 0.9, loss);
    tr_diffusion plain = form_of(ctx, "kappa", 0.9, NULL), steep = form_of(ctx, "kappa", 0.9, churn);
    CHECK_OK(ctx, tr_diffusion_set(ctx, &eta, "eta", 0.3));
    for (double time = 0.1; time < 1; time += 0.1) {
      tr_coeffs at = tr_interpolant_at(&interpolant, time);
      double w = 2 * at.g2_W, full = tr_diffusion_D(&sbdm, &at);
      CHECK_NEAR(tr_diffusion_D(&eta, &at), 0.9 * w / 2 / sqrt(1 + 2 * 0.3 * w * w / tr_table_at(loss, time)),
                 1e-13);
      CHECK_NEAR(tr_diffusion_D(&plain, &at), full, 1e-14 * full);
      double k = fmin(fmax((log(at.alpha / at.sigma) + 4) / 4, 0.5), 1.5); /* two points: a straight line */
      CHECK_NEAR(tr_diffusion_D(&steep, &at), k * full, 1e-13 * full);
    }
    CHECK_OK(ctx, tr_diffusion_check(ctx, &eta, &interpolant));
    CHECK_OK(ctx, tr_diffusion_set(ctx, &eta, "eta", 1e-12));
    CHECK_NEAR(D_at(&eta, &interpolant, 0.5), D_at(&sbdm, &interpolant, 0.5), 1e-8);
  }
  tr_interpolant linear = find(ctx, "Linear");
  tr_diffusion eta = form_of(ctx, "KL-eta", 1, loss), own = form_of(ctx, "table", 2, values);
  CHECK_OK(ctx, tr_diffusion_set(ctx, &eta, "eta", 0.3));
  CHECK_NEAR(D_at(&eta, &linear, 0), sqrt(0.5 / (8 * 0.3)), 1e-15);
  CHECK_NEAR(D_at(&eta, &linear, 1e-9), sqrt(0.5 / (8 * 0.3)), 1e-6);
  CHECK(D_at(&own, &linear, 0) == 2 && D_at(&own, &linear, 0.5) == 1 && D_at(&own, &linear, 1) == 0);
  CHECK_NEAR(D_sigma_at(&own, &linear, 1), D_sigma_at(&own, &linear, 1 - 1e-7), 1e-6);
  tr_table_destroy(&loss);
  tr_table_destroy(&values);
  tr_table_destroy(&churn);
}

/* int 2 D and int D / sigma^2 against closed forms on the Linear path, near singular ends too. */
static void integrals(tr_ctx *ctx) {
  static const double ends[][2] = {{0, 0.1}, {1e-3, 0.1}, {0.3, 0.31}, {0.9, 0.96}, {0.5, 1}, {0.99999, 1}};
  tr_interpolant linear = find(ctx, "Linear"), gvp = find(ctx, "GVP"), vp = find(ctx, "VP");
  tr_diffusion sbdm = form_of(ctx, "SBDM", 0.7, NULL), sigma = form_of(ctx, "sigma", 0.7, NULL),
               constant = form_of(ctx, "constant", 0.7, NULL),
               wave = form_of(ctx, "increasing-decreasing", 1, NULL);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    double a = ends[i][0], b = ends[i][1], h = b - a, A = 1 - a, B = 1 - b;
    CHECK_NEAR(tr_diffusion_variance(&constant, &linear, a, b), 1.4 * h, 1e-13 * h);
    CHECK_NEAR(tr_diffusion_variance(&sigma, &linear, a, b), 0.7 * (A * A - B * B), 1e-12 * h);
    CHECK_NEAR(tr_diffusion_variance(&wave, &gvp, a, b),
               h - (sin(2 * TR_PI * b) - sin(2 * TR_PI * a)) / (2 * TR_PI), 1e-13);
    if (a > 0) CHECK_NEAR(tr_diffusion_variance(&sbdm, &linear, a, b), 1.4 * (log(b / a) - h), 1e-12);
    if (B > 0) {
      CHECK_NEAR(tr_diffusion_churn(&constant, &linear, a, b), 0.7 * (1 / B - 1 / A), 1e-12 / B);
      CHECK_NEAR(tr_diffusion_churn(&sigma, &linear, a, b), 0.7 * log(A / B), 1e-12);
      tr_coeffs from = tr_interpolant_at(&vp, a), to = tr_interpolant_at(&vp, b);
      CHECK_NEAR(tr_diffusion_churn(&sbdm, &vp, a, b),
                 0.7 * log(to.alpha * from.sigma / (from.alpha * to.sigma)), 1e-12);
    }
  }
  CHECK(isinf(tr_diffusion_variance(&sbdm, &linear, 0, 0.1)) &&
        isinf(tr_diffusion_churn(&sbdm, &linear, 0, 0.1)));
  CHECK(isinf(tr_diffusion_churn(&sigma, &linear, 0.5, 1)));
  sbdm.norm = 0;
  CHECK(tr_diffusion_churn(&sbdm, &linear, 0, 0.1) == 0);
  /* beta of VP: int 2 D = n int beta, a quadratic. */
  sbdm.norm = 1;
  CHECK_NEAR(tr_diffusion_variance(&sbdm, &vp, 0.2, 0.6), 0.1 * 0.4 + 19.9 * (0.64 - 0.16) / 2, 1e-12);
}

/* v + D s by its definition; at the ends, whichever way of writing is finite. */
static void drifts(tr_ctx *ctx) {
  static const char *const names[] = {"constant", "SBDM", "linear", "increasing-decreasing"};
  double m = 0.4, e = -1.1;
  for (int p = 0; p < 3; p++) {
    tr_interpolant interpolant = find(ctx, paths[p]);
    for (int f = 0; f < 4; f++)
      for (int k = TR_VELOCITY; k <= TR_DENOISER; k++) {
        tr_diffusion form = form_of(ctx, names[f], 0.6, NULL);
        const tr_prediction_type *prediction;
        CHECK_OK(ctx, tr_prediction_of(ctx, (tr_quantity)k, &prediction));
        for (double t = 0.05; t < 1; t += 0.15) {
          tr_coeffs c = tr_interpolant_at(&interpolant, t);
          double x = c.alpha * m + c.sigma * e, v = c.dalpha * m + c.dsigma * e, s = -e / c.sigma;
          double p_of[] = {v, e, s, m}, D = tr_diffusion_D(&form, &c);
          tr_affine a;
          CHECK_OK(ctx, tr_sde_drift(ctx, &interpolant, prediction, &form, t, &a));
          CHECK_NEAR(a.x * x + a.p * p_of[k], v + D * s, 1e-12 * (fabs(v) + fabs(D * s) + fabs(a.x * x)));
        }
      }
  }
  /* On VP, SBDM at the data: D s = kappa (v - (alpha'/alpha) x), regular although W is infinite. */
  tr_interpolant vp = find(ctx, "VP"), linear = find(ctx, "Linear");
  tr_diffusion sbdm = form_of(ctx, "SBDM", 1, NULL);
  const tr_prediction_type *velocity, *score;
  tr_affine a;
  CHECK_OK(ctx, tr_prediction_of(ctx, TR_VELOCITY, &velocity));
  CHECK_OK(ctx, tr_prediction_of(ctx, TR_SCORE, &score));
  CHECK_OK(ctx, tr_sde_drift(ctx, &vp, velocity, &sbdm, 1, &a));
  CHECK_NEAR(a.x, -0.05, 1e-15);
  CHECK_NEAR(a.p, 2, 1e-15);
  tr_diffusion constant = form_of(ctx, "constant", 1, NULL);
  CHECK_OK(ctx, tr_sde_drift(ctx, &linear, score, &constant, 1, &a));
  CHECK(a.x == 1 && a.p == 1);
  CHECK_ERROR(ctx, tr_sde_drift(ctx, &linear, velocity, &sbdm, 0, &a), TR_E_ARG,
              "of the form SBDM is infinite for a velocity prediction at t = 0 of Linear, where alpha = 0");
  CHECK_ERROR(ctx, tr_sde_drift(ctx, &linear, velocity, &constant, 1, &a), TR_E_ARG, "where sigma = 0");
}

static void bad_forms(tr_ctx *ctx) {
  static const double t[] = {0, 1}, negative[] = {0.5, -0.1};
  tr_interpolant linear = find(ctx, "Linear");
  tr_table *table;
  tr_diffusion form;
  CHECK_OK(ctx, tr_table_create(ctx, 2, t, negative, &table));
  CHECK_ERROR(ctx, tr_diffusion_find(ctx, "increasing-decreasin", &form), TR_E_ARG, "increasing-decreasing");
  CHECK_OK(ctx, tr_diffusion_find(ctx, "inccreasing-decreasing", &form)); /* the reference's spelling */
  CHECK_ERROR(ctx, tr_diffusion_set(ctx, &form, "eta", 1), TR_E_ARG, "has no parameter 'eta'");
  form.norm = INFINITY;
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "norm");
  form = form_of(ctx, "sigma", 1, table);
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "takes no table");
  form = form_of(ctx, "table", 1, NULL);
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "needs a table of t, D(t)");
  form = form_of(ctx, "table", 1, table);
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "the value -0.1");
  form = form_of(ctx, "kappa", 1, table);
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "kappa must not be negative");
  form = form_of(ctx, "KL-eta", 1, table);
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "needs its parameter eta");
  CHECK_ERROR(ctx, tr_diffusion_set(ctx, &form, "etta", 1), TR_E_ARG, "it has eta");
  CHECK_ERROR(ctx, tr_diffusion_set(ctx, &form, "eta", 0), TR_E_ARG,
              "eta of KL-eta is 0: use a finite number > 0");
  form.values.v[0] = 0; /* past the name */
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "number > 0");
  CHECK_OK(ctx, tr_diffusion_set(ctx, &form, "eta", 1));
  CHECK_ERROR(ctx, tr_diffusion_check(ctx, &form, &linear), TR_E_ARG, "losses are positive");
  tr_table_destroy(&table);
}

/* ---- tables ---- */

static void interpolation(tr_ctx *ctx) {
  static const double x[] = {0, 0.1, 0.4, 0.5, 0.9, 1}, y[] = {0, 1, 1.2, 1.2, 0.1, 0.05};
  tr_table *table;
  CHECK_OK(ctx, tr_table_create(ctx, 6, x, y, &table));
  for (int i = 0; i < 6; i++) CHECK_NEAR(tr_table_at(table, x[i]), y[i], 1e-15);
  CHECK(tr_table_at(table, -1) == 0 && tr_table_at(table, 7) == 0.05 && tr_table_slope(table, 7) == 0);
  CHECK(isnan(tr_table_at(table, NAN)) && tr_table_min(table) == 0);
  for (int i = 0; i < 5; i++) /* between two entries no value leaves their range, and the order is kept */
    for (int k = 0; k < 20; k++) {
      double a = x[i] + (x[i + 1] - x[i]) * k / 20, b = x[i] + (x[i + 1] - x[i]) * (k + 1) / 20;
      double at_a = tr_table_at(table, a), at_b = tr_table_at(table, b);
      CHECK((at_b - at_a) * (y[i + 1] - y[i]) >= -1e-15);
      CHECK(at_a >= fmin(y[i], y[i + 1]) - 1e-15 && at_a <= fmax(y[i], y[i + 1]) + 1e-15);
      double middle = (a + b) / 2, h = (b - a) / 100;
      CHECK_NEAR((tr_table_at(table, middle + h) - tr_table_at(table, middle - h)) / (2 * h),
                 tr_table_slope(table, middle), 1e-2);
    }
  tr_table_destroy(&table);
  CHECK(table == NULL);
  /* The slopes of Fritsch and Butland by hand: steps 1 and 2, secants 1 and 1/2. */
  CHECK_OK(ctx, tr_table_create(ctx, 3, (double[]){0, 1, 3}, (double[]){0, 1, 2}, &table));
  CHECK_NEAR(tr_table_slope(table, 1), 9 / (5 / 1.0 + 4 / 0.5), 1e-15);
  CHECK_NEAR(tr_table_slope(table, 0), (4 * 1 - 1 * 0.5) / 3, 1e-15);
  CHECK_NEAR(tr_table_slope(table, 3), (5 * 0.5 - 2 * 1) / 3, 1e-15);
  tr_table_destroy(&table);
  /* Smooth monotone data: fourth order inside would be too much to ask, third is there. */
  double error[2];
  for (int k = 0; k < 2; k++) {
    int n = (10 << k) + 1;
    double s[64], f[64];
    for (int i = 0; i < n; i++) f[i] = exp(s[i] = i / (n - 1.0));
    CHECK_OK(ctx, tr_table_create(ctx, n, s, f, &table));
    error[k] = 0;
    for (double u = 0.2; u < 0.8; u += 0.003) error[k] = fmax(error[k], fabs(tr_table_at(table, u) - exp(u)));
    tr_table_destroy(&table);
  }
  CHECK(log2(error[0] / error[1]) > 2.7);
}

static void files(tr_ctx *ctx) {
  static const char good[] = "t, L\n# measured\n0 0.5\n0.5,0.25 # middle\n\n1\t1e-1\n";
  static const char three[] = "0 1\n0.5 2 3\n", words[] = "0 1\nhalf 2\n", one[] = "0 1\n",
                    back[] = "0 1\n0 2\n";
  tr_table *table;
  write_whole(scratch("good"), good, sizeof good - 1);
  CHECK_OK(ctx, tr_table_read(ctx, scratch("good"), &table));
  CHECK(table && tr_table_at(table, 0.5) == 0.25 && tr_table_at(table, 1) == 0.1);
  tr_table_destroy(&table);
  write_whole(scratch("three"), three, sizeof three - 1);
  CHECK_ERROR(ctx, tr_table_read(ctx, scratch("three"), &table), TR_E_IO, "three:2: expected two numbers");
  write_whole(scratch("words"), words, sizeof words - 1);
  CHECK_ERROR(ctx, tr_table_read(ctx, scratch("words"), &table), TR_E_IO, "'half 2'");
  write_whole(scratch("one"), one, sizeof one - 1);
  CHECK_ERROR(ctx, tr_table_read(ctx, scratch("one"), &table), TR_E_IO, "1 lines of two numbers");
  write_whole(scratch("back"), back, sizeof back - 1);
  CHECK_ERROR(ctx, tr_table_read(ctx, scratch("back"), &table), TR_E_ARG, "must increase");
  CHECK_ERROR(ctx, tr_table_read(ctx, scratch("absent"), &table), TR_E_IO, "absent");
  static const double bad[] = {0, NAN};
  CHECK_ERROR(ctx, tr_table_create(ctx, 2, bad, bad, &table), TR_E_NONFINITE, "point 1");
  CHECK_ERROR(ctx, tr_table_create(ctx, 1, bad, bad, &table), TR_E_ARG, "at least 2");
  CHECK(table == NULL);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  quotients(ctx);
  tabulated(ctx);
  integrals(ctx);
  drifts(ctx);
  bad_forms(ctx);
  interpolation(ctx);
  files(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
