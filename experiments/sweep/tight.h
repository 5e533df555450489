/* The tight solves of a sweep: dopri5 in f64 at --tight-rtol, from the starts of a seed, or from those of
 * a set that the law of a checkpoint is known by. They are what errors are measured against, take most of the
 * time of a sweep on a checkpoint, and are kept in its folder, so that one that goes on need not make them
 * again. */
#ifndef TR_EXPERIMENTS_SWEEP_TIGHT_H
#define TR_EXPERIMENTS_SWEEP_TIGHT_H

#include "experiments/common/progress.h"
#include "experiments/sweep/plan.h"
#include "experiments/sweep/target.h"

/* Which one: of the starts of a seed, or of those of a set. */
typedef struct {
  const tr_interpolant *path;
  long seed; /* -1: of a set */
  int set;
} sweep_tight_key;

typedef struct {
  sweep_target *target; /* borrowed */
  progress *progress;   /* borrowed */
  char base[65];        /* hash of what all of them depend on; "": none are kept */
  long made, loaded;    /* solved here, and taken from the folder */
  long evaluations;     /* of the last one made */
} sweep_tight;

/* Without a folder to keep them in; what tune-grid has. */
sweep_tight sweep_tight_here(sweep_target *target, progress *progress);
/* Kept in options->machine.out, as tight-PATH-seed-S-HASH.npz and tight-PATH-set-K-HASH.npz: HASH is of
 * target, labels, guidance, prediction, number of samples, types, tolerance, version, path and start, so that
 * a file that is there is the one wanted. */
tr_status sweep_tight_open(sweep_target *target, progress *progress, sweep_tight *out);

/* Whether the folder has it. */
bool sweep_tight_has(const sweep_tight *tight, const sweep_tight_key *key);
/* state (n, row): where the flow takes the starts, from the folder; as it was unless *found. A file that is
 * damaged is warned of, and not found. */
tr_status sweep_tight_load(sweep_tight *tight, const sweep_tight_key *key, double *state, bool *found);
/* state (n, row): the starts, and then where the flow takes them, which is kept; x: room for them in f64. Of
 * a path that the target has entered. */
tr_status sweep_tight_solve(sweep_tight *tight, const sweep_tight_key *key, tr_array *x, double *state);

#endif
