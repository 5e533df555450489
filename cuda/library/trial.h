/* Kernels of a trial of two algorithms. */
#ifndef TR_CUDA_LIBRARY_TRIAL_H
#define TR_CUDA_LIBRARY_TRIAL_H

#include "cuda/cuda_private.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A matrix by columns of numbers from -1 to 1, the same each time, and the same from both ends of k, or of
 * opposite signs. */
typedef struct {
  tr_dtype type;
  void *to;
  int64_t cols, ld, k;
  int across; /* k goes from column to column, not down them */
  int opposite;
} tr_cuda_trial_matrix;
tr_status tr_cuda_trial_fill(tr_ctx *ctx, const tr_cuda_trial_matrix *m);
/* *differs, an int, is 0 if n words of 16 bits are the same, else 1. */
tr_status tr_cuda_trial_compare(tr_ctx *ctx, int64_t n, const void *a, const void *b, void *differs);

#ifdef __cplusplus
}
#endif

#endif
