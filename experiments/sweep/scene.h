/* What the runs of one path and seed share: the starting states, where the exact flow takes them, and exact
 * samples of the target. */
#ifndef TR_EXPERIMENTS_SWEEP_SCENE_H
#define TR_EXPERIMENTS_SWEEP_SCENE_H

#include "experiments/common/progress.h"
#include "experiments/common/statistics.h"
#include "experiments/sweep/forecast.h"
#include "experiments/sweep/plan.h"
#include "experiments/sweep/rows.h"
#include "experiments/sweep/target.h"
#include "experiments/sweep/tight.h"
#include "transport/sampler/sampler.h"

typedef struct {
  const sweep_plan *plan;
  sweep_target *target;
  progress *progress;
  sweep_tight *tight;
  sweep_forecast *forecast; /* OPTIONAL */
  int row, n_rows;          /* with a forecast: the run to come is this one of so many, from 1 on */
  double total_cost;        /* of what is left to do, in the unit of sweep_scene_cost */
  double began;             /* the part going on */
  char warning[256];        /* the last one of the run going on */
  int path, seed;           /* numbers in the plan; -1: none yet */
  tr_array *start;          /* of the dtype of the runs */
  double *end; /* (n, row): the exact flow of it, once it is solved; NULL without an ODE solver */
  bool solved;
  double end_rms;
  const double *samples; /* (n, row) of the law that results are compared with, NULL: with none */
  double sw2_floor;      /* distance between two sets of these */
  double *drawn;         /* exact: these samples; a checkpoint: all sets of the path's law */
  stat_law law;          /* a checkpoint whose sweep has an SDE: of these sets */
  double *result;        /* (n, row): room for the state of a run */
} sweep_scene;

/* Whether results are compared in law: on exact targets, and on a checkpoint for the sake of an SDE. */
bool sweep_scene_has_law(const sweep_scene *scene);
/* How many sets of tight solves a path takes before its first scene. */
int sweep_scene_path_sets(const sweep_scene *scene);
/* Whether errors of ODE runs are measured against tight solves, not a closed form. */
bool sweep_scene_solves(const sweep_scene *scene);
/* Sets the scene of a path and a seed, if it is not set; the sets of a path are solved here. */
tr_status sweep_scene_set(sweep_scene *scene, int path, int seed);
/* The exact flow of its starts, if it is not there: the tight solve happens here. */
tr_status sweep_scene_solve(sweep_scene *scene);
void sweep_scene_free(sweep_scene *scene);

/* What the sampler of a run needs but its method: target, start and end of time, noise. */
tr_status sweep_scene_sampler(const sweep_scene *scene, const sweep_setting *setting, tr_sampler *out);

/* Runs a setting on the scene, after the tight solve if that is needed. A run that diverges or that its
 * solver gives up is a result, not an error. */
tr_status sweep_scene_run(sweep_scene *scene, const sweep_setting *setting, sweep_result *out);
/* Whether it can work at all, at the price of one evaluation of one sample: TR_E_ARG with the reason, which
 * `why` gets without what it is that cannot work. */
tr_status sweep_scene_try(sweep_scene *scene, int path, const sweep_setting *setting, char why[256]);

/* Whether the setting's last step multiplies noise on this path, and then what form_last_step says. */
tr_status sweep_scene_last_step(sweep_scene *scene, int path, const sweep_setting *setting, bool *multiplies,
                                char *text, size_t size);

/* Rough costs in evaluations, for the progress line. */
double sweep_scene_cost(const sweep_setting *setting);
#define SWEEP_TIGHT_COST 1000

#endif
