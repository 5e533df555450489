/* transit tune-grid: the time grids that compete, and what they did. */
#ifndef TR_EXPERIMENTS_TUNE_GRID_H
#define TR_EXPERIMENTS_TUNE_GRID_H

#include "experiments/output/run_record.h"
#include "experiments/sweep/scenes.h"
#include "experiments/tune/judge.h"

typedef struct {
  sweep_options sweep; /* the target, as in a sweep; seeds: those held out */
  const char *method, *pilot_seeds;
  long nfe;
} tune_options;

extern const tr_option_table tune_table;

#define TUNE_CANDIDATES 32

typedef struct {
  program *program;
  const tr_parsed *parsed;
  tune_options *options;
  sweep_target target;
  sweep_plan plan, pilot_plan; /* these differ in their seeds alone, the rest is owned by `plan` */
  sweep_scenes held, pilot;
  progress progress;
  out_dir *dir;
  sweep_setting setting; /* the method; the grid is a candidate's */
  tune_candidate candidate[TUNE_CANDIDATES];
  int n_candidates, chosen; /* number 0 is uniform */
  double started;
} tune;

/* Every registered grid, uniform first, its parameters those given or the defaults. One that lacks a
 * parameter does not compete, of which a warning tells. Needs the plan alone. */
tr_status tune_add_registered(tune *t);
/* Grids whose points are as dense as the rms over the pilot samples of |d^p F / dtheta^p|^(1/(p+1)), F the
 * canonical field along its flow and p the order of the method or next to it, mixed with the uniform density;
 * each step at most TUNE_STEP_RATIO times its neighbours in theta. */
tr_status tune_add_densities(tune *t);
/* The candidate that is best on the pilot seeds, its steps stretched by factors exp(w(theta)), w piecewise
 * linear, that are searched coordinate by coordinate for the smallest error there. */
tr_status tune_add_warped(tune *t);
/* Shortens steps h (n) until each is at most TUNE_STEP_RATIO times its neighbours, and stretches all to the
 * sum that they had. */
void tune_bound_steps(int n, double *h);
#define TUNE_STEP_RATIO  2
#define TUNE_PILOT_STEPS 256 /* of rk4-classical, for the derivatives */
#define TUNE_WARP_RUNS   48  /* at most, for each pilot seed */

/* Forwards that a step takes, the guide's included. */
long tune_nfe_per_step(const tune *t);

/* Runs a candidate on scenes; errors (n scenes) may be NULL, *rms over them. */
tr_status tune_measure(tune *t, sweep_scenes *scenes, const tune_candidate *c, double *errors, double *rms);

/* table.md and grid.txt, staged; the table on a stream. */
void tune_print_table(const tune *t, FILE *out);
tr_status tune_save(tune *t);

#endif
