/* Averages made after the training (Karras et al., arXiv 2312.02696, section 3.2 and algorithm 3): the
 * profile that is wanted is fitted by those of the snapshots, by least squares in closed form, and the files
 * are summed with these weights.
 *
 * Where the paper solves for free weights, theirs sum to 1 here, so that the sum is a mean of parameters
 * however poor the fit is. */
#ifndef TR_NETS_TRAIN_POST_HOC_H
#define TR_NETS_TRAIN_POST_HOC_H

#include "core/params.h"
#include "nets/train/power.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An average of the parameters at one step as a file (tr_trainer_export). */
typedef struct {
  const char *path; /* any checkpoint */
  tr_power_profile profile;
} tr_snapshot;

/* Arguments by which a file says of which profile it is: numbers. */
#define TR_SNAPSHOT_STEP      "ema_step"
#define TR_SNAPSHOT_GAMMA     "ema_gamma"
#define TR_SNAPSHOT_SIGMA_REL "ema_sigma_rel" /* for people: gamma tells it */

/* *out = the profile of a file, with its path borrowed. TR_E_IO naming what the file does not say. */
TR_API tr_status tr_snapshot_open(tr_ctx *ctx, const char *path, tr_snapshot *out);

typedef struct {
  double residual; /* of the profile: |f - fit| / |f|, 0 to about 1; below 1e-7 it is rounding */
  double size;     /* sum of |weights|: by how much rounding of the files may grow; 1 at least */
  int used;        /* files that count */
} tr_post_hoc_fit;

/* weights (n) = those of the best fit of the profile `want` by 1 <= n <= TR_SNAPSHOTS_MOST snapshots among
 * those that sum to 1; a snapshot of that very profile gets 1, all others 0. Profiles that others give to
 * 1e-5, and those that end after the one wanted, get 0. TR_E_ARG for what is no profile, and when none ends
 * in time. Paths are not looked at. */
#define TR_SNAPSHOTS_MOST 4096
TR_API tr_status tr_post_hoc_weights(tr_ctx *ctx, int n, const tr_snapshot *snapshots,
                                     const tr_power_profile *want, double *weights, tr_post_hoc_fit *out);

/* *out = the weighted sum of the parameters of n files: in double, in the order of the list, rounded once to
 * the type of the first one that counts (f32, f64). Files of weight 0 are not opened; of the others a set is
 * taken as tr_checkpoint_weights does without a name. Memory is that of the result and of one tensor.
 * TR_E_SHAPE for files of different networks, naming file and tensor; errors of tr_checkpoint_open. The
 * caller destroys *out. */
TR_API tr_status tr_post_hoc_sum(tr_ctx *ctx, int n, const tr_snapshot *snapshots, const double *weights,
                                 tr_params **out);

#ifdef __cplusplus
}
#endif

#endif
