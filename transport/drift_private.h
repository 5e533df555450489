/* What those who are given a provider, or make one, look at. */
#ifndef TR_TRANSPORT_DRIFT_PRIVATE_H
#define TR_TRANSPORT_DRIFT_PRIVATE_H

#include "transport/drift.h"

/* TR_E_ARG unless a value is one of tr_quantity, or in the range that users have. */
static inline tr_status tr_quantity_check(tr_ctx *ctx, tr_quantity kind) {
  const int tag = (int)kind;
  if ((tag >= TR_VELOCITY && tag <= TR_CANONICAL) || (tag >= TR_QUANTITY_USER && tag <= TR_QUANTITY_MAX))
    return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG,
                 "a provider of quantity %d: use velocity to canonical, or one of your own from %d on", tag,
                 TR_QUANTITY_USER);
}

/* tr_drift_reserve, without looking for how many rows would fit: for providers around others. */
tr_status tr_drift_reserve_exactly(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors);

/* Returns the status of a solve at states like x; of one that lacked memory the error then tells how many
 * rows there would be memory for, if it does not yet. The solve's own memory is to be given back before. */
tr_status tr_drift_tell_fit(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors,
                            tr_status status);
/* Whether there is memory for the first n rows of states x, beside what is held, with some for a solver. */
bool tr_drift_fits(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t n, int64_t vectors);
/* For providers around others. */
void tr_drift_give_back(tr_drift *drift);

/* The checked first half of a call, counted as the whole, of a provider that has halves; then the second,
 * which may be recorded. */
tr_status tr_drift_begin(tr_drift *drift, const tr_drift_call *call, tr_record_key *key);
tr_status tr_drift_launch(tr_drift *drift, const tr_drift_call *call);
/* What a recording of a call is told of it: its arrays, which move, and its time. */
void tr_drift_tell_record(const tr_drift_call *call, tr_record_call *record);

/* The most forwards that one evaluation takes. */
static inline long tr_drift_forwards(const tr_drift *drift) {
  return drift->forwards > 1 ? drift->forwards : 1;
}

/* TR_E_ARG unless the struct is that of a provider: with operations, and the jumps that it announces. */
static inline tr_status tr_drift_check_struct(tr_ctx *ctx, const tr_drift *drift) {
  if (!drift->ops) return TR_FAIL(ctx, TR_E_ARG, "a provider without operations: its ops is NULL");
  if (drift->n_breaks >= 0 && (drift->n_breaks == 0 || drift->breaks)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s announces %d jumps in time and gives %s", drift->ops->name,
                 drift->n_breaks, drift->breaks ? "some" : "none");
}

#endif
