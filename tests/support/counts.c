#include "tests/support/counts.h"

tr_counts counts_between(tr_counts from, tr_counts to) {
  return (tr_counts){.allocations = to.allocations - from.allocations,
                     .uploads = to.uploads - from.uploads,
                     .downloads = to.downloads - from.downloads,
                     .small_sets = to.small_sets - from.small_sets,
                     .waits = to.waits - from.waits,
                     .operations = to.operations - from.operations,
                     .programs = to.programs - from.programs,
                     .bytes_up = to.bytes_up - from.bytes_up,
                     .bytes_down = to.bytes_down - from.bytes_down,
                     .recorded = to.recorded - from.recorded,
                     .replays = to.replays - from.replays,
                     .unrecorded = to.unrecorded - from.unrecorded};
}

tr_counts counts_since(const tr_ctx *ctx, tr_counts before) {
  return counts_between(before, tr_ctx_counts(ctx));
}

bool counts_quiet(tr_counts c) {
  return c.allocations == 0 && c.uploads == 0 && c.downloads == 0 && c.small_sets == 0;
}

tr_counts meter_enter(meter *m) {
  m->last = tr_ctx_counts(m->ctx);
  if (m->calls++ == 0) m->began = m->last;
  return m->last;
}

void meter_leave(meter *m, tr_counts entered) {
  tr_counts before = counts_between(m->own, (tr_counts){0}); /* own + evaluation = evaluation - (-own) */
  m->own = counts_between(before, counts_since(m->ctx, entered));
}

void meter_progress(double t, long n_rhs, void *user) {
  meter *m = user;
  (void)t, (void)n_rhs;
  if (m->stepped.operations == 0) m->stepped = tr_ctx_counts(m->ctx);
}

tr_counts meter_beside(const meter *m) {
  return counts_between(m->own, counts_since(m->ctx, m->began));
}
