/* Numbers that the user brings in .npy files: starting states, normals of the SDE, times. */
#ifndef TR_EXPERIMENTS_INPUT_GIVEN_H
#define TR_EXPERIMENTS_INPUT_GIVEN_H

#include "core/io/npz.h"

typedef struct given {
  const char *option; /* "--init", for messages */
  const char *path;   /* borrowed */
  tr_npy npy;
  tr_npz *archive; /* open when the file is a .npz */
} given;

/* Opens a .npy file (or the array `latents` of a .npz) of finite f16, f32 or f64 numbers with these extents
 * (-1: any). TR_E_SHAPE, TR_E_NONFINITE or TR_E_IO naming the option and the file. Close with given_close in
 * any case. */
tr_status given_open(tr_ctx *ctx, const char *option, const char *path, int ndim, const int64_t *shape,
                     given *out);
void given_close(given *g);
/* The times (n) of --times PATH, malloc'd. TR_E_ARG for one that is outside of [0, 1]. */
tr_status given_times(tr_ctx *ctx, const char *path, int64_t n, double **out);

/* Whether the n numbers from `offset` on are all zero. */
bool given_all_zero(const given *g, int64_t offset, int64_t n);
/* Fills an array from element `offset` on, converted to its dtype. */
tr_status given_read(const given *g, int64_t offset, tr_array *out);

#endif
