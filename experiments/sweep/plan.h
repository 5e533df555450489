/* What a sweep runs: paths, seeds, and settings (solver, its tolerance or steps, and for an SDE the diffusion
 * form, norm and last step). Run number (path * n_seeds + seed) * n_settings + setting. */
#ifndef TR_EXPERIMENTS_SWEEP_PLAN_H
#define TR_EXPERIMENTS_SWEEP_PLAN_H

#include "experiments/sweep/options.h"
#include "integrators/ode/ode.h"
#include "integrators/sde/sde.h"
#include "transport/diffusion/diffusion.h"
#include "transport/grid/grid.h"
#include "transport/laststep/laststep.h"
#include "transport/sampler/noised_ode.h"

/* The ODE method of tight solves, and the one that the others are set against. */
#define SWEEP_TIGHT_METHOD "dopri5"

typedef struct {
  char solver[64];          /* "shark", "churn+heun2" */
  const tr_ode_method *ode; /* one of the two is NULL */
  const tr_sde_method *sde;
  const tr_ode_method *inner;     /* of churn and restart, else NULL */
  tr_values values, inner_values; /* of the method's parameters, and of the inner one's */
  int series;    /* settings that differ in rtol or steps only share it; they stand together */
  bool adaptive; /* varies rtol, else steps; an SDE method that can do both stands twice, and churn
                    around an adaptive method has both, a series for each rtol */
  double rtol;   /* else 0 */
  long steps;    /* else 0 */
  tr_grid grid;  /* fixed grids */
  tr_diffusion
      diffusion; /* SDE; without type and `last` for restart and EDM's churn, without `last` for churn */
  tr_last_step last;
} sweep_setting;

typedef struct {
  int n_settings, n_series, n_seeds, n_paths;
  sweep_setting *settings;
  long *seeds;
  tr_interpolant *paths;
  tr_restart *restarts; /* of restart */
  int n_restarts;
  tr_table *table;   /* of the diffusion forms, NULL: none */
  double *grid_list; /* of the time grid list, NULL: none */
  int n_grid_list;
  char **skipped; /* (n_paths, n_settings): why a combination cannot work, NULL where it can */
  char **noted;   /* (n_paths, n_settings): what its last step does to the noise, NULL: nothing to say */
} sweep_plan;

/* From the options; own: the path of a checkpoint, which runs along it or along --sample-paths; NULL: an
 * exact target, which runs on --path-types. Unknown names and repeated entries are TR_E_ARG.
 * sweep_plan_free in any case. */
tr_status sweep_plan_make(tr_ctx *ctx, const sweep_options *options, const tr_interpolant *own,
                          sweep_plan *out);
void sweep_plan_free(sweep_plan *plan);

/* "A:B" (B excluded) or a list, of the option of this name; the caller frees *seeds, on failure too. */
tr_status sweep_seeds_read(tr_ctx *ctx, const char *option, const char *text, long **seeds, int *n);

/* Whether some setting is an SDE, has a tolerance (of an SDE, or of an ODE, one in
 * churn and restart too), is on a fixed grid. */
bool sweep_plan_has_sde(const sweep_plan *plan);
bool sweep_plan_has_adaptive(const sweep_plan *plan, bool sde);
bool sweep_plan_has_fixed(const sweep_plan *plan);

int sweep_plan_runs(const sweep_plan *plan);
/* Leaves a combination of path and setting out, for this reason; why one is left out, NULL: it is not. */
tr_status sweep_plan_skip(tr_ctx *ctx, sweep_plan *plan, int path, int setting, const char *why);
const char *sweep_plan_skipped(const sweep_plan *plan, int path, int setting);
/* The same for a combination that works, and whose last step multiplies noise. */
tr_status sweep_plan_note(tr_ctx *ctx, sweep_plan *plan, int path, int setting, const char *text);
const char *sweep_plan_noted(const sweep_plan *plan, int path, int setting);
/* Whether this run is wanted, and how many are. */
bool sweep_plan_wants(const sweep_plan *plan, int run);
int sweep_plan_wanted(const sweep_plan *plan);

/* The first columns of a row of results.csv, which say what ran: "ODE,dopri5,Linear,,,,,0.001,,0". */
#define SWEEP_KEY_COLUMNS "mode,solver,path,grid,form,norm,last_step,rtol,steps,seed"
#define SWEEP_KEY_FIELDS  10
#define SWEEP_KEY_MAX     512
void sweep_plan_key(const sweep_plan *plan, int run, char key[SWEEP_KEY_MAX]);

/* "32 steps", "1 step", "rtol 0.001" */
void sweep_plan_amount(const sweep_setting *setting, char *text, size_t size);

/* A series in words: "dopri5", "ab2, cosine grid", "sra1, sigma n = 1, Mean". */
void sweep_plan_series(const sweep_setting *setting, char *text, size_t size);

#endif
