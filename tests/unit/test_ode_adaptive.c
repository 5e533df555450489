/* Adaptive methods: error falls with the tolerance, forward and backward, f64 and f32. */
#include "integrators/ode.h"
#include "integrators/register.h"
#include "tests/support/ode_problems.h"

/* TR_TEST_RESOURCES */

static const char *const methods[] = {"cvode-adams", "cvode-bdf", "dopri5", "bosh3"};
enum { METHODS = sizeof methods / sizeof *methods };

/* The largest error is at most 300 x tolerance (Adams and BDF keep 10 to 70 in rms on such problems), and
 * falls from decade to decade of tolerance but for luck at the looser one (a factor 3). */
static void converges(tr_ctx *ctx, const problem *p, tr_dtype dtype, double tightest, double t0, double t1) {
  for (int m = 0; m < METHODS; m++) {
    double before = INFINITY;
    for (double tol = 1e-2; tol > 0.9 * tightest; tol *= 0.1) {
      tr_ode_spec spec = {.method = find_ode(ctx, methods[m]), .rtol = tol, .atol = tol};
      tr_ode_stats stats;
      double error = solve_error(ctx, p, &spec, dtype, t0, t1, &stats);
      CHECK(error < 300 * tol);
      CHECK(error < before);
      CHECK(stats.rtol_used == tol && stats.t_end == t1);
      CHECK(strcmp(stats.stop_reason, "end") == 0);
      before = 3 * error;
    }
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
  tr_ctx_close(&ctx);
  return check_report();
}
