/* Adaptive methods: error falls with the tolerance, forward and backward, f64 and f32. */
#include "integrators/ode/ode.h"
#include "integrators/register.h"
#include "tests/support/problems/ode_problems.h"

/* TR_TEST_RESOURCES */

static const char *const methods[] = {"cvode-adams", "cvode-bdf", "dopri5", "bosh3"};
enum { METHODS = sizeof methods / sizeof *methods };

/* The largest error is at most 300 x tolerance (Adams and BDF keep 10 to 70 in rms on such problems), and
 * falls from decade to decade of tolerance but for luck at the looser one (a factor 3). */
static void converges(tr_ctx *ctx, const problem *p, tr_dtype dtype, double tightest, double t0, double t1) {
  for (int m = 0; m < METHODS; m++) {
    double before = INFINITY;
    for (double tol = 1e-2; tol > 0.9 * tightest; tol *= 0.1) {
      const tr_ode_method *method = find_ode(ctx, methods[m]);
      double scale = method->tolerance_scale > 0 ? method->tolerance_scale : 1;
      tr_ode_spec spec = {.method = method, .rtol = tol, .atol = tol};
      tr_ode_stats stats;
      double error = solve_error(ctx, p, &spec, dtype, t0, t1, &stats);
      CHECK(error < 300 * tol);
      CHECK(error < before);
      CHECK(stats.rtol_used == scale * tol && stats.t_end == t1);
      CHECK(stats.stop_reason == TR_STOP_END);
      before = 3 * error;
    }
  }
}

/* Evaluations of a solve with these options; its error stays in bounds. */
static long cost(tr_ctx *ctx, tr_ode_spec spec) {
  tr_ode_stats stats;
  CHECK(solve_error(ctx, &rotation, &spec, TR_F64, 0, 1, &stats) < 1e-2);
  return stats.n_rhs;
}

/* Every option reaches the integrator. */
static void options_act(tr_ctx *ctx) {
  tr_ode_spec adams = {.method = find_ode(ctx, "cvode-adams"), .rtol = 1e-6, .atol = 1e-6}, bdf = adams, spec;
  bdf.method = find_ode(ctx, "cvode-bdf");
  CHECK((spec = adams, spec.max_order = 2, cost(ctx, spec)) > 2 * cost(ctx, adams));
  CHECK((spec = adams, spec.nonlin_coef = 0.01, cost(ctx, spec)) > 1.3 * cost(ctx, adams));
  CHECK((spec = adams, spec.h0 = 1e-12, cost(ctx, spec)) != cost(ctx, adams));
  CHECK((spec = bdf, spec.max_order = 1, cost(ctx, spec)) > 2 * cost(ctx, bdf));
  spec = bdf, spec.nonlin_coef = 0.001;
  long plain = cost(ctx, spec);
  CHECK((spec.krylov = 1, cost(ctx, spec)) > plain);
  spec = adams, spec.nonlin_coef = 0.001;
  double picard = solve_error(ctx, &rotation, &spec, TR_F64, 0, 1, NULL);
  CHECK((spec.anderson = 3, solve_error(ctx, &rotation, &spec, TR_F64, 0, 1, NULL)) != picard);
  static const char *const pairs[] = {"dopri5", "bosh3"};
  for (int i = 0; i < 2; i++) {
    spec = (tr_ode_spec){.method = find_ode(ctx, pairs[i]), .rtol = 1e-3, .atol = 1e-3};
    long by_default = cost(ctx, spec);
    CHECK((spec.h0 = 1e-9, cost(ctx, spec)) > by_default);
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  converges(ctx, &rotation, TR_F64, 1e-9, 0, 1);
  converges(ctx, &rotation, TR_F64, 1e-9, 1, 0);
  converges(ctx, &logistic, TR_F64, 1e-9, 0, 1);
  converges(ctx, &logistic, TR_F64, 1e-9, 1, -0.5);
  converges(ctx, &rotation, TR_F32, 1e-5, 0, 1);
  options_act(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
