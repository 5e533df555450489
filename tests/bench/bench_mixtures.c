/* Evaluations of CVODE Adams over those of dopri5 for the same rms error at t = 1 on the four mixtures
 * (tests/support/problems/problems.h), rtol = atol, four tolerances a decade from 1e-1 to 1e-8: for every
 * starting state the cheapest run that attains the error; medians over the states and the worst ratio, as a
 * Markdown table. The status is 1 if a median is above its goal. usage: bench_mixtures */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/problems/problems.h"
#include "tests/support/seconds.h"

enum { LADDER = 29, GOALS = 3 };
static const struct { double error, ratio; } goals[GOALS] = {{1e-2, 0.67}, {1e-3, 0.83}, {1e-4, 1.0}};

typedef struct {
  double rms;
  long nfe;
} attained;

static tr_status climb(problem *p, const char *method, int seed, attained *runs) {
  for (int i = 0; i < LADDER; i++)
    TR_TRY(problem_adaptive(p, method, pow(10, -1 - i / 4.0), seed, &runs[i].rms, &runs[i].nfe));
  return TR_OK;
}

/* NaN if no run attains it. */
static double needed(const attained *runs, double error) {
  double nfe = NAN;
  for (int i = 0; i < LADDER; i++)
    if (runs[i].rms <= error) nfe = fmin(nfe, (double)runs[i].nfe);
  return nfe;
}

static tr_status compare(problem *p, bool *all) {
  static attained ours[PROBLEM_SEEDS][LADDER], theirs[PROBLEM_SEEDS][LADDER];
  for (int seed = 0; seed < PROBLEM_SEEDS; seed++) {
    TR_TRY(climb(p, "cvode-adams", seed, ours[seed]));
    TR_TRY(climb(p, "dopri5", seed, theirs[seed]));
  }
  for (int g = 0; g < GOALS; g++) {
    double a[PROBLEM_SEEDS], b[PROBLEM_SEEDS], ratio[PROBLEM_SEEDS], worst = 0;
    for (int seed = 0; seed < PROBLEM_SEEDS; seed++) {
      a[seed] = needed(ours[seed], goals[g].error);
      b[seed] = needed(theirs[seed], goals[g].error);
      ratio[seed] = a[seed] / b[seed];
      worst = fmax(worst, ratio[seed]);
    }
    printf("| %s | %g | %g | %g | %.2f (%.2f) | %.2f |\n", p->name, goals[g].error, median(a, PROBLEM_SEEDS),
           median(b, PROBLEM_SEEDS), median(ratio, PROBLEM_SEEDS), worst, goals[g].ratio);
    *all = *all && median(ratio, PROBLEM_SEEDS) <= goals[g].ratio;
  }
  return TR_OK;
}

int main(void) {
  bool all = true;
  puts("| mixture | rms error | cvode-adams | dopri5 | ratio (worst) | goal |");
  puts("|---|---|---|---|---|---|");
  for (int i = 0; i < PROBLEM_MIXTURES; i++) {
    problem p;
    tr_status status = problem_open(i, PROBLEM_SEEDS, &p);
    if (status == TR_OK) status = compare(&p, &all);
    if (status != TR_OK) fprintf(stderr, "bench_mixtures: %s\n", program_error(&p.program)->message);
    all = all && status == TR_OK;
    problem_close(&p);
  }
  return all ? 0 : 1;
}
