/* The scenes of every seed of a plan on its first path, kept together: for those who run many settings on a
 * few seeds. */
#ifndef TR_EXPERIMENTS_SWEEP_SCENES_H
#define TR_EXPERIMENTS_SWEEP_SCENES_H

#include "experiments/sweep/scene.h"

typedef struct {
  sweep_tight tight;
  int n;
  sweep_scene *scene;
} sweep_scenes;

/* Makes the tight solve of every seed, at SWEEP_TIGHT_COST each of total_cost. Plan, target and progress
 * are borrowed. sweep_scenes_close in any case. */
tr_status sweep_scenes_open(const sweep_plan *plan, sweep_target *target, progress *progress,
                            double total_cost, sweep_scenes *out);
void sweep_scenes_close(sweep_scenes *scenes);

/* error[i]: the error of an ODE setting on scene first + i, i < n, rms relative to the exact state; infinite
 * for a run that diverged or that its solver gave up. nfe: evaluations of the last run; may be NULL. */
tr_status sweep_scenes_errors(sweep_scenes *scenes, const sweep_setting *setting, int first, int n,
                              double *error, long *nfe);
/* Root mean square of n errors. */
double sweep_scenes_rms(const double *error, int n);

#endif
