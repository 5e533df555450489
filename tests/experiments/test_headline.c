/* The library's headline on the bundled digits checkpoint: CVODE Adams against torchdiffeq's dopri5 at equal
 * relative rms error, and at the default tolerances. dopri5's evaluations and the end states come from
 * torchdiffeq (tests/compare_torchdiffeq.py); build/bench_ode prints the whole table. */
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/nets/digits.h"

/* Largest evaluations over dopri5's for a relative rms error. */
static const struct {
  double error, ratio;
} bounds[] = {{1e-2, 0.30}, {1e-3, 0.45}, {1e-4, 0.60}, {1e-5, 0.65}};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

/* A part of the ladder: what our solver needs for an error is at most what it needed with these. */
static const double ladder[] = {5.6e-3, 3.2e-3, 2.4e-3, 1.8e-3, 1.8e-4, 1e-4, 2.3e-5, 1.8e-5, 5.6e-6, 3.2e-6};
enum { LADDER = sizeof ladder / sizeof *ladder };

static digits_run dopri5[DIGITS_RUNS];
static int n_dopri5;

static void fewer_evaluations(digits *d, const tr_ode_method *method, int seed) {
  digits_run runs[LADDER];
  for (int i = 0; i < LADDER; i++) {
    runs[i] = (digits_run){.seed = seed, .rtol = ladder[i], .atol = ladder[i]};
    CHECK_OK(d->ctx, digits_solve(d, method, &runs[i]));
  }
  for (int i = 0; i < BOUNDS; i++) {
    long ours = digits_needed(runs, LADDER, d->guidance, seed, bounds[i].error);
    long theirs = digits_needed(dopri5, n_dopri5, d->guidance, seed, bounds[i].error);
    CHECK(ours > 0 && theirs > 0);
    CHECK((double)ours <= bounds[i].ratio * (double)theirs);
  }
}

/* At rtol 1e-3, atol 1e-6: no more evaluations, and no larger an error. */
static void default_tolerances(digits *d, const tr_ode_method *method, int seed) {
  digits_run ours = {.seed = seed, .rtol = d->sampler.ode.rtol, .atol = d->sampler.ode.atol};
  const digits_run *theirs = digits_find(dopri5, n_dopri5, d->guidance, seed, 1e-3, 1e-6);
  CHECK_OK(d->ctx, digits_solve(d, method, &ours));
  CHECK(theirs && ours.nfe <= theirs->nfe);
  CHECK(theirs && ours.error <= theirs->error);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1)); /* so small a network gains nothing from more */
  digits_dopri5(dopri5, DIGITS_RUNS, &n_dopri5);
  CHECK(n_dopri5 > 0);
  for (double guidance = 1; guidance <= 4; guidance += 3) {
    digits d;
    CHECK_OK(ctx, digits_open(ctx, guidance, &d));
    const tr_ode_method *method = d.sampler.ode.method; /* the default */
    CHECK(strcmp(method->info.name, "cvode-adams") == 0);
    default_tolerances(&d, method, 0);
    fewer_evaluations(&d, method, 0);
    digits_close(&d);
  }
  tr_ctx_close(&ctx);
  return check_report();
}
