/* The headline problem: the bundled digits checkpoint, ten digits (one per class) as one system in f64, from
 * t = 0 (noise) to t = 1, without guidance (scale 1) and with guidance on all channels. The starting state of
 * seed S is what `transit sample --seed S` draws; errors are relative rms errors at t = 1. Reference end
 * states and dopri5's numbers of evaluations come from torchdiffeq: tests/compare_torchdiffeq.py --write
 * makes both files. */
#ifndef TR_TESTS_SUPPORT_NETS_DIGITS_H
#define TR_TESTS_SUPPORT_NETS_DIGITS_H

#include "nets/checkpoint/checkpoint.h"
#include "transport/sampler/sampler.h"

typedef struct {
  tr_ctx *ctx;
  double guidance;
  tr_drift *network, *guided; /* guided: NULL without guidance */
  tr_sampler sampler;
  tr_array *x;
} digits;

/* The modules must be registered. Guidance 1 or 4. Close it in any case. */
tr_status digits_open(tr_ctx *ctx, double guidance, digits *out);
void digits_close(digits *d);

/* One solve, and where a solver stood on it. */
typedef struct {
  double guidance;
  int seed; /* 0 ... DIGITS_SEEDS - 1 */
  double rtol, atol;
  long nfe;
  double error;
} digits_run;
enum { DIGITS_SEEDS = 5 };

/* Solves with run->rtol, run->atol from run->seed; fills nfe, error and guidance. */
tr_status digits_solve(digits *d, const tr_ode_method *method, digits_run *run);

/* The runs of torchdiffeq's dopri5, at most `max` of them: a ladder rtol = atol of four tolerances per
 * decade, and rtol 1e-3, atol 1e-6. *n = 0 when the file cannot be read. */
void digits_dopri5(digits_run *runs, int max, int *n);
enum { DIGITS_RUNS = 512 };

/* Evaluations of the cheapest of the runs with rtol = atol that attain the error, -1 if none does; runs of
 * other seeds and guidances are passed over. */
long digits_needed(const digits_run *runs, int n, double guidance, int seed, double error);
/* The run with exactly these tolerances (to 1e-6 relative); NULL if there is none. */
const digits_run *digits_find(const digits_run *runs, int n, double guidance, int seed, double rtol,
                              double atol);

#endif
