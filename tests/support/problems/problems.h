/* The problems on which ODE solvers are compared: four exact mixtures (2 and 64 dimensions, smooth and sharp)
 * and the bundled digits checkpoint, as `transit sweep` runs them; reference ends and errors are the sweep's.
 * experiments/figures.sh sweeps over the same. */
#ifndef TR_TESTS_PROBLEMS_H
#define TR_TESTS_PROBLEMS_H

#include "experiments/sweep/scenes.h"

enum { PROBLEMS = 5, PROBLEM_MIXTURES = 4, PROBLEM_SEEDS = 4 };

typedef struct {
  const char *name;
  const char
      *ab3_grid;   /* on which ab3 beats Heun and uniform ab2 at every number of evaluations from 6 to 50 */
  program program; /* owns the context */
  sweep_options options;
  sweep_target target;
  sweep_plan plan;
  sweep_scenes scenes;
  progress progress;
} problem;

/* The i-th problem with this many seeds, 1 .. PROBLEM_SEEDS. problem_close in any case. */
tr_status problem_open(int i, int seeds, problem *out);
void problem_close(problem *p);

/* On a fixed grid of that many steps: rms over the seeds of the relative error; infinite if one diverged. */
tr_status problem_fixed(problem *p, const char *method, const char *grid, long steps, double *error,
                        long *nfe);
/* With rtol = atol = tolerance on one seed; rms is not relative. */
tr_status problem_adaptive(problem *p, const char *method, double tolerance, int seed, double *rms,
                           long *nfe);

/* What a budget of evaluations buys: errors of Heun's method in budget / 2 steps, of ab2 on a uniform grid,
 * and of ab3 on the problem's grid. */
typedef struct {
  double heun2, ab2, ab3;
} problem_budget;
tr_status problem_spend(problem *p, int budget, problem_budget *out);

#endif
