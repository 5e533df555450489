/* The library's own adaptive quadrature of the diffusion (transport/diffusion/diffusion.c) against GSL's
 * QAGS: every form and forms of a user's with kinks, jumps, roots and peaks; prints errors and evaluations a
 * step of both, which is why the library does without GSL (docs/decisions.md). And the integrals of the
 * exponential methods. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/problems/moments.h"
#include "transport/exponential/exponential.h"

static long calls;

/* ---- forms of a user's ---- */

static const double kinks[] = {0.37123, 0.4456, 0.5123}; /* of the forms below, in order */
enum { KINKS = 3, LIMIT = 2000 };

static double bend(const tr_diffusion *d, const tr_coeffs *at) {
  (void)d;
  return calls++, fabs(at->t - kinks[2]);
}
static double jump(const tr_diffusion *d, const tr_coeffs *at) {
  (void)d;
  return calls++, at->t < kinks[0] ? 1 : 2;
}
static double root_at_data(const tr_diffusion *d, const tr_coeffs *at) {
  (void)d;
  return calls++, sqrt(fmax(0, 1 - at->t));
}
static double root_at_noise(const tr_diffusion *d, const tr_coeffs *at) {
  (void)d;
  return calls++, pow(at->t, 0.3);
}
static double peak(const tr_diffusion *d, const tr_coeffs *at) {
  double u = (at->t - kinks[1]) / 1e-2;
  (void)d;
  return calls++, 0.1 + exp(-u * u);
}
static double waves(const tr_diffusion *d, const tr_coeffs *at) {
  (void)d;
  return calls++, 1 + 0.5 * sin(200 * at->t);
}
static const tr_diffusion_type user_forms[] = {
    {.info = {.name = "bend", .summary = ""}, .D = bend},
    {.info = {.name = "jump", .summary = ""}, .D = jump},
    {.info = {.name = "root at the data", .summary = ""}, .D = root_at_data},
    {.info = {.name = "root at the noise", .summary = ""}, .D = root_at_noise},
    {.info = {.name = "peak", .summary = ""}, .D = peak},
    {.info = {.name = "waves", .summary = ""}, .D = waves},
};

/* ---- integrals over steps ---- */

typedef struct {
  const tr_diffusion *diffusion;
  const tr_interpolant *interpolant;
  bool churn; /* D / sigma^2, else 2 D */
} density;

static double density_at(double t, void *user) {
  const density *f = user;
  tr_coeffs at = tr_interpolant_at(f->interpolant, t);
  double D = tr_diffusion_D(f->diffusion, &at);
  return f->churn ? D / (at.sigma * at.sigma) : 2 * D;
}

/* QAGS over 16 pieces, and cut where a form is not smooth. */
static double by_pieces(density *f, double a, double b, gsl_integration_workspace *workspace) {
  enum { PIECES = 16 };
  double sum = 0, from = a, value, error;
  int next = 0;
  while (next < KINKS && kinks[next] <= a) next++;
  for (int i = 1; i <= PIECES; i++) {
    double to = a + (b - a) * i / PIECES;
    bool cut = next < KINKS && kinks[next] < to;
    if (cut) to = kinks[next++], i--;
    gsl_function g = {density_at, f};
    CHECK(gsl_integration_qags(&g, from, to, 0, 1e-13, LIMIT, workspace, &value, &error) == GSL_SUCCESS);
    sum += value;
    from = to;
  }
  return sum;
}

typedef struct {
  double error, gsl_error; /* largest relative errors */
  long evaluations, gsl_evaluations, steps;
} comparison;

static void compare_step(density *f, double a, double b, gsl_integration_workspace *workspace,
                         comparison *c) {
  double want = by_pieces(f, a, b, workspace), value, estimate;
  gsl_function g = {density_at, f};
  long before = calls;
  double own = f->churn ? tr_diffusion_churn(f->diffusion, f->interpolant, a, b)
                        : tr_diffusion_variance(f->diffusion, f->interpolant, a, b);
  c->evaluations += calls - before;
  before = calls;
  gsl_integration_qags(&g, a, b, 0, 1e-13, LIMIT, workspace, &value, &estimate);
  c->gsl_evaluations += calls - before;
  c->steps++;
  CHECK(isfinite(own) && isfinite(want));
  c->error = fmax(c->error, fabs(own / want - 1));
  c->gsl_error = fmax(c->gsl_error, fabs(value / want - 1));
}

/* All steps of 10 and of 50 where the integral is finite. */
static comparison compare(const tr_diffusion *diffusion, const tr_interpolant *interpolant,
                          gsl_integration_workspace *workspace) {
  comparison c = {0};
  for (int n = 10; n <= 50; n += 40)
    for (int churn = 0; churn < 2; churn++)
      for (int i = 0; i < n; i++) {
        density f = {diffusion, interpolant, churn};
        double a = (double)i / n, b = (i + 1.0) / n;
        tr_coeffs from = tr_interpolant_at(interpolant, a), to = tr_interpolant_at(interpolant, b);
        if (!isfinite(tr_diffusion_D(diffusion, &from)) || (churn && to.sigma == 0)) continue;
        compare_step(&f, a, b, workspace, &c);
      }
  return c;
}

static void steps_of_forms(tr_ctx *ctx, gsl_integration_workspace *workspace) {
  enum { USER = sizeof user_forms / sizeof *user_forms };
  printf("%-22s error %9s evaluations a step %6s\n", "form", "QAGS", "QAGS");
  for (int k = 0; k < MOMENTS_FORMS + USER; k++) {
    comparison all = {0};
    for (int p = 0; p < 3; p++) {
      tr_interpolant interpolant;
      tr_table *table = NULL;
      CHECK_OK(ctx, tr_interpolant_find(ctx, moments_paths[p], &interpolant));
      tr_diffusion d = k < MOMENTS_FORMS ? moments_form(ctx, moments_forms[k], &table)
                                         : (tr_diffusion){.type = &user_forms[k - MOMENTS_FORMS], .norm = 1};
      comparison c = compare(&d, &interpolant, workspace);
      all.error = fmax(all.error, c.error), all.gsl_error = fmax(all.gsl_error, c.gsl_error);
      all.evaluations += c.evaluations, all.gsl_evaluations += c.gsl_evaluations, all.steps += c.steps;
      tr_table_destroy(&table);
    }
    const char *name = k < MOMENTS_FORMS ? moments_forms[k] : user_forms[k - MOMENTS_FORMS].info.name;
    printf("%-22s %.1e  %.1e", name, all.error, all.gsl_error);
    if (k >= MOMENTS_FORMS) /* only these count */
      printf("  %6.1f %6.1f", (double)all.evaluations / (double)all.steps,
             (double)all.gsl_evaluations / (double)all.steps);
    printf("\n");
    CHECK(all.steps > 300);
    CHECK(all.error < 5e-12); /* kappa: its table bends at lambdas that QAGS does not know either */
    CHECK(all.evaluations <= 3 * all.gsl_evaluations);
  }
}

/* ---- weights of the exponential methods: int exp(s - s1) L_j(s) ds against the library's panels ---- */

typedef struct {
  const double *node;
  int n, own;
  double end;
} lagrange;

static double weighted(double s, void *user) {
  const lagrange *l = user;
  double product = exp(s - l->end);
  for (int i = 0; i < l->n; i++)
    if (i != l->own) product *= (s - l->node[i]) / (l->node[l->own] - l->node[i]);
  return product;
}

static void exponential_weights(gsl_integration_workspace *workspace) {
  static const double theta[] = {0.9, 0.7, 0.62, 0.4};
  for (int n = 2; n <= 4; n++)
    for (int k = 0; k < 20; k++) {
      double lambda[4], weight[TR_EXPONENTIAL_POINTS] = {0}, end = 0.92 + 0.03 * k, value, error;
      tr_exponential_lambda(theta, n, 0, end, weight);
      for (int i = 0; i < n; i++) lambda[i] = log(tan(theta[i]));
      for (int j = 1; j < n; j++) {
        lagrange l = {lambda, n, j, log(tan(end))};
        gsl_function g = {weighted, &l};
        CHECK(gsl_integration_qags(&g, lambda[0], l.end, 0, 1e-12, LIMIT, workspace, &value, &error) ==
              GSL_SUCCESS);
        CHECK_NEAR(weight[j] / (sin(end) * value), 1, 1e-11);
      }
    }
}

/* L_j weighed by cos(end) d tan(theta), in v = cos(end) tan(theta), which runs over a unit at most */
static double over_angles(double v, void *user) {
  const lagrange *l = user;
  double product = 1, theta = atan(v / cos(l->end));
  for (int i = 0; i < l->n; i++)
    if (i != l->own) product *= (theta - l->node[i]) / (l->node[l->own] - l->node[i]);
  return product;
}

static double over_sines(double v, void *user) {
  const lagrange *l = user;
  double product = 1, sine = sin(atan(v / cos(l->end)));
  for (int i = 0; i < l->n; i++)
    if (i != l->own) product *= (sine - sin(l->node[i])) / (sin(l->node[l->own]) - sin(l->node[i]));
  return product;
}

/* Forwards up to sigma = 0 almost, backwards to alpha = 0. */
static void angle_weights(gsl_integration_workspace *workspace) {
  static const double up[] = {0.9, 0.7, 0.62, 0.4}, down[] = {0.5, 0.8, 1.1, 1.3},
                      ends[] = {0.92, 1.1, 1.3, 1.5, 1.57, 1.5706, 1.5707, 0.48, 0.3, 0.1, 1e-3, 1e-9, 0};
  for (int n = 2; n <= 4; n++)
    for (int k = 0; k < 13; k++)
      for (int sines = 0; sines < 2; sines++) {
        double weight[TR_EXPONENTIAL_POINTS] = {0}, value, error;
        const double *theta = k < 7 ? up : down;
        tr_exponential_weights(sines ? tr_difference_of_sines : tr_difference_of_angles, theta, n, 0, ends[k],
                               weight);
        for (int j = 1; j < n; j++) {
          lagrange l = {theta, n, j, ends[k]};
          gsl_function g = {sines ? over_sines : over_angles, &l};
          CHECK(gsl_integration_qags(&g, cos(ends[k]) * tan(theta[0]), sin(ends[k]), 1e-13, 1e-11, LIMIT,
                                     workspace, &value, &error) == GSL_SUCCESS);
          CHECK_NEAR(weight[j], value, 1e-9 * (1 + fabs(value)));
        }
      }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  gsl_set_error_handler_off();
  gsl_integration_workspace *workspace = gsl_integration_workspace_alloc(LIMIT);
  steps_of_forms(ctx, workspace);
  exponential_weights(workspace);
  angle_weights(workspace);
  gsl_integration_workspace_free(workspace);
  tr_ctx_close(&ctx);
  return check_report();
}
