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

/* What a device was really asked for, where the emulator counts it (tests/simt/counters.h). */
typedef struct {
  int64_t launches, copies, sets; /* copies and sets on the device */
  int64_t waits;                  /* but those in which memory is freed */
  int64_t transfers, bytes;       /* copies between host and device */
} device_counts;

/* Since the program began; false, and zeros, where nobody counts. */
bool device_count(device_counts *out);
device_counts device_between(device_counts from, device_counts to);

/* Set the context, the others 0. */
typedef struct {
  tr_ctx *ctx;
  long calls;
  tr_counts began, last; /* before the first evaluation and before the latest */
  tr_counts stepped;     /* after the first step */
  tr_counts own;         /* of the evaluations */
  tr_counts own_last;    /* of these but the latest */
  device_counts device_began, device_last, device_own, device_own_last;
} meter;

/* Around each evaluation: enter gives leave its argument. */
tr_counts meter_enter(meter *m);
void meter_leave(meter *m, tr_counts entered);
/* A tr_progress_fn; user is the meter. */
void meter_progress(double t, long n_rhs, void *user);
/* What was counted since the first evaluation began, less the evaluations. */
tr_counts meter_beside(const meter *m);
/* Between the first evaluation and the latest, beside them: what the table was asked for, the device was, and
 * no more. An operation is a launch or a copy on the device, a wait is one, and nothing goes between host and
 * device. True where nobody counts. */
bool meter_agrees(const meter *m);

#endif
