/* Unlocking and locking of guarded arrays, for the operations of the guard backend. */
#ifndef TR_CORE_CPU_GUARD_H
#define TR_CORE_CPU_GUARD_H

#include "core/array.h"

void tr_guard_unlock(const tr_array *a); /* NULL is fine */
void tr_guard_lock(const tr_array *a);

/* Makes the guard of a context as late as a device may be, or prompt again: the host then sees results of
 * reductions and latches of watches after a wait or a download only. */
void tr_guard_set_late(tr_ctx *ctx, bool late);

/* Body of a guarded operation: unlock the arrays named after the call, make the call, lock them, return its
 * status. */
#define TR_GUARDED(call, ...)                                                                                \
  const tr_array *const tr_guarded_[] = {__VA_ARGS__};                                                       \
  const int tr_guarded_n_ = (int)(sizeof tr_guarded_ / sizeof *tr_guarded_);                                 \
  for (int i_ = 0; i_ < tr_guarded_n_; i_++) tr_guard_unlock(tr_guarded_[i_]);                               \
  tr_status tr_guarded_status_ = (call);                                                                     \
  for (int i_ = 0; i_ < tr_guarded_n_; i_++) tr_guard_lock(tr_guarded_[i_]);                                 \
  return tr_guarded_status_

#endif
