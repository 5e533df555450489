/* The rules: bounds and alignment, reads of what nothing has written, races. */
#include "tests/simt/checked/shadow.h"
#include "tests/simt/engine/engine.h"
#include "tests/simt/runtime/runtime.h"

#include <unordered_map>

namespace simt {
namespace {
extern "C" const char __start_simt_own, __stop_simt_own;
uint32_t block_first, launch_first; /* the intervals with which the block and the launch under way began */
uint32_t block_number;
uint16_t fences[1024];                                  /* that threads of the block have made */
std::unordered_map<uint32_t, uint16_t> fences_in_all;   /* of threads of the launch that make any */
std::unordered_map<uint32_t, uint32_t> fenced_interval; /* of its blocks, that of the last one */

moment this_moment() {
  uint32_t number = (uint32_t)me->number;
  return {block_number * 1024 + number, now.barriers, now.warp_turns[number / 32]};
}

/* Whether a fence came behind a write: by the thread, or by one of its block behind a barrier. */
bool published(const cell &c) {
  const auto own = fences_in_all.find(c.write.thread);
  const auto last = fenced_interval.find(c.write.thread / 1024);
  return (own != fences_in_all.end() && own->second != c.fences) ||
         (last != fenced_interval.end() && last->second > c.write.interval);
}

bool atomic(access how) {
  return how == ATOMIC || how == STORE;
}

/* Whether something of long ago is ordered before what happens now; all before `first` is. */
inline bool ordered(const moment &then, const moment &self, uint32_t first) {
  if (then.thread == self.thread || then.interval < first) return true;
  if (then.thread / 1024 != self.thread / 1024) return false;
  if (then.interval < self.interval) return true;
  return then.thread / 32 == self.thread / 32 && then.turn < self.turn;
}

struct looked { /* an access, as far as the rules are concerned */
  const char *p;
  access how;
  const void *place;
  bool shared;
  uint32_t first; /* the interval with which what it may race with begins */
  moment self;
};

void race(const looked &a, const char *doing, const moment &with) {
  fail(a.place, cudaErrorLaunchFailure, "race at %p: %s by block %u thread %u, with no barrier between", a.p,
       doing, with.thread / 1024, with.thread % 1024);
}

inline void look_at_write_before(const cell &c, const looked &a, bool fresh, bool host) {
  if (fresh) {
    if ((a.how == READ || a.how == ATOMIC) && !host)
      fail(a.place, cudaErrorLaunchFailure,
           a.shared ? "reads shared memory at %p that nothing has written in this block"
                    : "reads memory at %p that nothing has written",
           a.p);
    return;
  }
  if (!(atomic(a.how) && c.by_atomic) && !ordered(c.write, a.self, a.first))
    race(a, a.how == READ ? "read after a write" : "write after a write", c.write);
}

inline void look_at_reads_before(const cell &c, const looked &a) {
  bool now_too = c.read.interval == a.self.interval,
       others = now_too && (c.other_warps || (c.other_lanes && c.read.turn == a.self.turn));
  if (!c.read.interval) return;
  if (others || (!a.shared && c.many_blocks == launch_first) || !ordered(c.read, a.self, a.first))
    race(a, "write after a read", c.read);
}

void note_read(cell &c, const looked &a) {
  const moment &self = a.self;
  bool same = c.read.interval == self.interval, warp = same && c.read.thread / 32 == self.thread / 32;
  if (!a.shared && c.read.interval >= launch_first && c.read.thread / 1024 != self.thread / 1024)
    c.many_blocks = launch_first;
  c.other_warps = same && (c.other_warps || !warp);
  c.other_lanes = warp && c.read.turn == self.turn && (c.other_lanes || c.read.thread != self.thread);
  c.read = self;
}

void look(cell &c, const looked &a, bool host) {
  if (c.pending && c.write.interval >= block_first) {
    if (a.how == WRITE && c.write.thread == a.self.thread) { /* the one that was announced */
      c.write = a.self, c.pending = 0;
      return;
    }
    fail(a.place, cudaErrorLaunchFailure, "touches shared memory at %p for which thread %u has yet to wait",
         a.p, c.write.thread % 1024);
  }
  bool fresh = !c.written || (a.shared && c.write.interval < block_first);
  look_at_write_before(c, a, fresh, host);
  if (a.how == READ) return note_read(c, a);
  look_at_reads_before(c, a);
  c.write = a.self, c.written = 1, c.by_atomic = atomic(a.how), c.pending = a.how == PENDING;
  c.fences = fences[a.self.thread % 1024];
}

/* A read that orders itself: of what another block has made known. */
void look_past_caches(const cell &c, const looked &a) {
  if (!c.written || c.by_atomic || c.write.interval < launch_first) return;
  if (c.write.thread / 1024 != block_number && !published(c))
    fail(a.place, cudaErrorLaunchFailure,
         "reads what block %u thread %u has written at %p, with no fence behind the write",
         c.write.thread / 1024, c.write.thread % 1024, a.p);
}

void look_at_all(cell *cells, size_t offset, const looked &a, size_t n, bool host) {
  each_cell(cells, offset, n, [&](cell &c, size_t) { look(c, a, host); });
}

void touch_shared(const looked &a, size_t n) {
  const shared_place s = shared_memory(a.p);
  if (a.p + n > s.end)
    fail(a.place, cudaErrorIllegalAddress, "access of %zu bytes %td past the end of shared memory", n,
         a.p - s.end);
  if (a.how != UNORDERED) look_at_all(s.cells, s.offset, a, n, false);
}

void touch_device(const looked &a, size_t n) {
  region *r = region_of(a.p);
  if (const char *why = forbidden(r, a.p, n))
    fail(a.place, cudaErrorIllegalAddress, "%s of %zu bytes at %p: %s",
         a.how == READ || a.how == UNORDERED ? "read" : "write", n, a.p, why);
  cell *cells = r->cells;
  const size_t offset = (size_t)(a.p - r->base);
  if (a.how != UNORDERED) return look_at_all(cells, offset, a, n, r->host);
  each_cell(cells, offset, n, [&](const cell &c, size_t) { look_past_caches(c, a); });
}

/* From outside of kernels, which is ordered before and after all of theirs. */
void now_written(cell &c, bool written) {
  bool split = c.split;
  c = {};
  c.written = written, c.split = split;
}
} // namespace

void touch(const void *address, size_t n, access how, const void *place) {
  const char *p = (const char *)address;
  if (!me || (p >= &__start_simt_own && p < &__stop_simt_own)) return;
  switch (space_of(p)) {
  case LOCAL:
    return;
  case SHARED:
    return touch_shared({p, how, place, true, block_first, this_moment()}, n);
  case PROGRAM:
    if (how == WRITE || atomic(how))
      fail(place, cudaErrorIllegalAddress, "writes a variable of the host at %p", p);
    return;
  case DEVICE:
    return touch_device({p, how, place, false, launch_first, this_moment()}, n);
  }
}

void fence() {
  const uint32_t number = (uint32_t)me->number;
  fences_in_all[block_number * 1024 + number] = ++fences[number];
  fenced_interval[block_number] = now.barriers;
}

void touch_range(const void *address, size_t bytes, bool write, const char *what) {
  const char *p = (const char *)address;
  region *r = region_of(p);
  if (const char *why = forbidden(r, p, bytes))
    return fail(nullptr, cudaErrorIllegalAddress, "%s %s %zu bytes at %p: %s", what,
                write ? "writes" : "reads", bytes, p, why);
  each_cell(r->cells, (size_t)(p - r->base), bytes, [&](cell &c, size_t i) {
    if (write)
      now_written(c, true);
    else if (!c.written && !r->host && !broken)
      fail(nullptr, cudaErrorLaunchFailure, "%s reads memory at %p that nothing has written", what,
           (const void *)(p + i));
  });
}

void copy_state(const void *to, const void *from, size_t bytes) {
  const char *p = (const char *)to, *q = (const char *)from;
  region *r = region_of(p);
  if (const char *why = forbidden(r, p, bytes))
    return fail(nullptr, cudaErrorIllegalAddress, "a copy writes %zu bytes at %p: %s", bytes, p, why);
  region *s = region_of(q);
  if (const char *why = forbidden(s, q, bytes))
    return fail(nullptr, cudaErrorIllegalAddress, "a copy reads %zu bytes at %p: %s", bytes, q, why);
  size_t first = (size_t)(q - s->base);
  each_cell(r->cells, (size_t)(p - r->base), bytes,
            [&](cell &c, size_t i) { now_written(c, s->host || written_at(s->cells, first + i)); });
}

void begin_block() {
  memset(fences, 0, sizeof fences);
  block_first = now.barriers;
  block_number = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
}

void begin_launch() {
  launch_first = ++now.barriers;
  fences_in_all.clear(), fenced_interval.clear();
}
} // namespace simt
