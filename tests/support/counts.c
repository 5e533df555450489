#include "tests/support/counts.h"

#include <stdio.h>

#include "tests/simt/counters.h"

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

bool device_count(device_counts *d) {
  simt_counters c;
  const bool counted = simt_counted(&c);
  *d = (device_counts){.launches = c.launches + c.launches_in_graphs,
                       .copies = c.copies[3].calls,
                       .sets = c.sets.calls,
                       .waits = c.waits - c.frees,
                       .transfers = c.copies[1].calls + c.copies[2].calls,
                       .bytes = c.copies[1].bytes + c.copies[2].bytes};
  return counted;
}

device_counts device_between(device_counts from, device_counts to) {
  return (device_counts){.launches = to.launches - from.launches,
                         .copies = to.copies - from.copies,
                         .sets = to.sets - from.sets,
                         .waits = to.waits - from.waits,
                         .transfers = to.transfers - from.transfers,
                         .bytes = to.bytes - from.bytes};
}

tr_counts meter_enter(meter *m) {
  m->last = tr_ctx_counts(m->ctx);
  m->own_last = m->own, m->device_own_last = m->device_own;
  (void)device_count(&m->device_last);
  if (m->calls++ == 0) m->began = m->last, m->device_began = m->device_last;
  return m->last;
}

void meter_leave(meter *m, tr_counts entered) {
  tr_counts before = counts_between(m->own, (tr_counts){0}); /* own + evaluation = evaluation - (-own) */
  m->own = counts_between(before, counts_since(m->ctx, entered));
  device_counts now, minus = device_between(m->device_own, (device_counts){0});
  (void)device_count(&now);
  m->device_own = device_between(minus, device_between(m->device_last, now));
}

void meter_progress(double t, long n_rhs, void *user) {
  meter *m = user;
  (void)t, (void)n_rhs;
  if (m->stepped.operations == 0) m->stepped = tr_ctx_counts(m->ctx);
}

tr_counts meter_beside(const meter *m) {
  return counts_between(m->own, counts_since(m->ctx, m->began));
}

bool meter_agrees(const meter *m) {
  device_counts d;
  if (!device_count(&d)) return true;
  d = device_between(m->device_own_last, device_between(m->device_began, m->device_last));
  const tr_counts c = counts_between(m->own_last, counts_between(m->began, m->last));
  const bool agree = d.launches + d.copies == c.operations && d.waits == c.waits && d.transfers == 0;
  if (!agree)
    printf("the table: %lld operations, %lld waits; the device: %lld launches, %lld copies, %lld waits, %lld "
           "transfers of %lld bytes\n",
           (long long)c.operations, (long long)c.waits, (long long)d.launches, (long long)d.copies,
           (long long)d.waits, (long long)d.transfers, (long long)d.bytes);
  return agree;
}
