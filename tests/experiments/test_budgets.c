/* ab3 on the right grid beats Heun's method and ab2 on a uniform grid whatever the number of evaluations, on
 * mixtures and on the digits; every budget from 5 to 50, on more seeds, by build/bench_budgets. */
#include "tests/support/check.h"
#include "tests/support/problems/problems.h"

static const int budgets[] = {5, 8, 15, 30, 50};

static void spend(problem *p) {
  for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
    problem_budget b;
    CHECK_OK(p->program.ctx, problem_spend(p, budgets[i], &b));
    printf("%-10s %2d: heun2 %.2e  ab2 %.2e  ab3 %.2e\n", p->name, budgets[i], b.heun2, b.ab2, b.ab3);
    CHECK(b.ab3 < b.heun2 && b.ab3 < b.ab2);
  }
}

int main(void) {
  for (int i = 0; i < PROBLEMS; i++) {
    problem p;
    CHECK_OK(p.program.ctx, problem_open(i, 1, &p));
    spend(&p);
    problem_close(&p);
  }
  return check_report();
}
