/* The times and labels of an evaluation on the device. They go there only when they are not the first of
 * those that went last, so labels once a solve, also where guidance is asked for on a part of it: the labels
 * of its class rows come before the null ones. They go in pieces for which nobody waits; memory is made only
 * when there are more of them than ever before or announced. For those who write a network (nets/network.h).
 */
#ifndef TR_NETS_CONDITIONS_H
#define TR_NETS_CONDITIONS_H

#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Elements on the device and what they are. */
typedef struct {
  tr_array *device;
  void *host;
  int64_t n;    /* of the evaluation under way */
  int64_t sent; /* that are there */
  int64_t room;
} tr_mirror;

typedef struct {
  tr_mirror times, labels;
} tr_conditions; /* all 0: nothing is there yet */

/* One time for all rows, or one a row, and the same of labels; without any (NULL) those that are there stay.
 */
TR_API tr_status tr_conditions_set(tr_ctx *ctx, tr_conditions *c, tr_times times, const tr_cond *labels);
/* Memory for as many times and labels as `rows`, and these labels; without any (NULL) for times alone. */
TR_API tr_status tr_conditions_reserve(tr_ctx *ctx, tr_conditions *c, int64_t rows, const tr_cond *labels);
TR_API void tr_conditions_clear(tr_conditions *c);

/* The times of rows first .. first + n - 1, f64 (n), or (1) where there is one for all; views. The same of
 * labels, i32. */
TR_API tr_array tr_conditions_times(const tr_conditions *c, int64_t first, int64_t n);
TR_API tr_array tr_conditions_labels(const tr_conditions *c, int64_t first, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
