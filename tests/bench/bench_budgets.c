/* What a fixed number of evaluations buys on the mixtures and on the digits
 * (tests/support/problems/problems.h): relative rms errors of ab3 on the problem's grid beside Heun's method
 * (budget / 2 steps) and ab2 on a uniform grid, as a Markdown table, at every budget from 5 to 50. The status
 * is 1 if one of them is not beaten at 6 or more (at 5 ab3 and ab2 are level on the digits). usage:
 * bench_budgets */
#include <math.h>
#include <stdio.h>

#include "tests/support/problems/problems.h"

static const int shown[] = {5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50};
enum { SHOWN = sizeof shown / sizeof *shown, LEAST = 5, CLAIMED = 6, MOST = 50 };

typedef struct {
  double ratio; /* largest error of ab3 over that of the better of the two others */
  int budget;
} worst;

static tr_status compare(problem *p, worst *w) {
  for (int budget = LEAST, k = 0; budget <= MOST; budget++) {
    problem_budget b;
    TR_TRY(problem_spend(p, budget, &b));
    double ratio = b.ab3 / fmin(b.heun2, b.ab2);
    if (budget >= CLAIMED && ratio > w->ratio) *w = (worst){ratio, budget};
    if (k == SHOWN || budget != shown[k]) continue;
    printf("| %s | %d | %.1e | %.1e | %.1e | %.2f |\n", p->name, budget, b.heun2, b.ab2, b.ab3, ratio);
    k++;
  }
  return TR_OK;
}

static bool beaten(int i) {
  problem p;
  worst w = {0};
  tr_status status = problem_open(i, PROBLEM_SEEDS, &p);
  if (status == TR_OK) status = compare(&p, &w);
  if (status != TR_OK)
    fprintf(stderr, "bench_budgets: %s\n", program_error(&p.program)->message);
  else
    fprintf(stderr, "%s: ab3 on the %s grid, worst ratio %.2f at %d of the budgets %d to %d\n", p.name,
            p.ab3_grid, w.ratio, w.budget, CLAIMED, MOST);
  problem_close(&p);
  return status == TR_OK && w.ratio < 1;
}

int main(void) {
  bool all = true;
  puts("| problem | evaluations | heun2 | ab2, uniform | ab3, its grid | ratio to the better |");
  puts("|---|---|---|---|---|---|");
  for (int i = 0; i < PROBLEMS; i++) all = beaten(i) && all;
  return all ? 0 : 1;
}
