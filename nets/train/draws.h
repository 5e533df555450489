/* What a training step draws, by address (seed, step, row of the global batch); the order of the data and
 * flips are those of core/data/order.h. Whatever the number of ranks, workers and pieces of a batch, and
 * after a resume, the same step sees the same numbers. All results are in host memory. */
#ifndef TR_NETS_TRAIN_DRAWS_H
#define TR_NETS_TRAIN_DRAWS_H

#include <stdbool.h>

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How times are drawn between t0 and t1: t0 + (t1 - t0) u with
 *   uniform     u uniform in [0, 1)
 *   logit-normal  u = 1 / (1 + exp(-z)), z normal with the given mean and deviation (Esser et al., arXiv
 *                 2403.03206)
 *   stratified  row i of a global batch of N: uniform in its N-th part, [i / N, (i + 1) / N) (Kingma et al.,
 *               arXiv 2107.00630, with a draw a row) */
typedef enum { TR_TIMES_UNIFORM, TR_TIMES_LOGIT_NORMAL, TR_TIMES_STRATIFIED } tr_time_sampling;
/* "uniform", "logit-normal", "stratified"; NULL past the last. */
TR_API const char *tr_time_sampling_name(tr_time_sampling sampling);

typedef struct {
  tr_time_sampling sampling;
  double mean, deviation; /* of logit-normal */
  double t0, t1;
} tr_time_law;

/* A batch: rows first .. first + n - 1 of the `global` rows of a step, 0 <= step < 2^32. */
typedef struct {
  uint64_t seed;
  int64_t step, first, n, global;
} tr_train_rows;

/* t (n) by a law. TR_E_ARG for a deviation that is not > 0, or times outside of [0, 1]. */
TR_API tr_status tr_draw_times(tr_ctx *ctx, const tr_train_rows *rows, const tr_time_law *law, double *t);
/* Sets each of labels (n) to null_class with the given probability, 0 <= probability <= 1. */
TR_API tr_status tr_draw_dropout(tr_ctx *ctx, const tr_train_rows *rows, double probability,
                                 int32_t null_class, int32_t *labels);

#ifdef __cplusplus
}
#endif

#endif
