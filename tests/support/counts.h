/* Differences of the counts of a context, and a meter for what a solve asks for beside its evaluations. */
#ifndef TR_TESTS_COUNTS_H
#define TR_TESTS_COUNTS_H

#include "core/context.h"

/* Each count of `to` less that of `from`. */
tr_counts counts_between(tr_counts from, tr_counts to);
/* What was counted since `before`. */
tr_counts counts_since(const tr_ctx *ctx, tr_counts before);
/* Nothing allocated, no copy between host and device. */
bool counts_quiet(tr_counts c);

/* Set the context, the others 0. */
typedef struct {
  tr_ctx *ctx;
  long calls;
  tr_counts began, last; /* before the first evaluation and before the latest */
  tr_counts stepped;     /* after the first step */
  tr_counts own;         /* of the evaluations */
} meter;

/* Around each evaluation: enter gives leave its argument. */
tr_counts meter_enter(meter *m);
void meter_leave(meter *m, tr_counts entered);
/* A tr_progress_fn; user is the meter. */
void meter_progress(double t, long n_rhs, void *user);
/* What was counted since the first evaluation began, less the evaluations. */
tr_counts meter_beside(const meter *m);

#endif
