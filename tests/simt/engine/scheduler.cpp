/* Threads of a block are fibers of one OS thread. A thread runs until it waits for others: then the next of
 * its warp goes on, or, when all of the warp wait, the next warp. Who arrives last sees whether all that must
 * meet have met. One that never waits leaves its stack to the next, without a switch. */
#include "tests/simt/engine/engine.h"
#include "tests/simt/engine/fiber.h"
#include "tests/simt/runtime/runtime.h"

#include <cstdarg>
#include <numeric>
#include <unistd.h>

#define OWN __attribute__((section("simt_own"))) /* what the checked emulator lets pass */
OWN uint3 threadIdx, blockIdx;
OWN dim3 blockDim, gridDim;
namespace simt {
OWN running now;
OWN lane *me;
namespace {
struct warp {
  uint32_t ready, fresh, done; /* lanes that can run; those that have not begun; those that have left */
  uint32_t waiting;            /* in a collective of the warp */
  bool alike;                  /* those wait in the same one */
  uint64_t give[32];
};
OWN lane lanes[1024];
warp warps[32];
uint32_t warps_ready; /* have a lane that can run */
stack home;
std::vector<stack *> spare;
void (*body)(const void *);
const void *body_args;
bool over; /* a misuse has ended the launch */
uint64_t random_state;

/* One of the bits: the lowest, or with SIMT_SEED any. */
int choose(uint32_t bits) {
  if (!random_state) return __builtin_ctz(bits);
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  for (int skip = (int)((random_state >> 33) % (unsigned)__builtin_popcount(bits)); skip; skip--)
    bits &= bits - 1;
  return __builtin_ctz(bits);
}

bool same_place(const lane &a, const lane &b) {
  return a.where == b.where && a.line == b.line && a.mask == b.mask && a.file == b.file;
}

/* Whether all lanes of the mask of lane i wait with it; one that cannot come any more is a misuse. */
bool complete(const warp &w, const lane *first, int i) {
  unsigned mask = first[i].mask;
  if ((w.waiting & mask) != mask) return false;
  if (w.alike) return true;
  for (int j = 0; j < 32; j++)
    if (mask >> j & 1 && !same_place(first[j], first[i])) return false;
  return true;
}

/* Lets the lanes of a warp go on that have all met at one collective; false when none has. */
bool release_warp(int number) {
  warp &w = warps[number];
  const lane *first = &lanes[number * 32];
  uint32_t released = 0;
  for (uint32_t left = w.waiting; left; left &= left - 1) {
    int i = __builtin_ctz(left);
    if (released >> i & 1 || !complete(w, first, i)) continue;
    for (uint32_t m = first[i].mask; m; m &= m - 1) now.got[__builtin_ctz(m)] = w.give[__builtin_ctz(m)];
    released |= first[i].mask;
    if (first[i].where == AT_SYNCWARP) now.warp_turns[number]++;
    if (released == w.waiting) break;
  }
  w.ready |= released, w.waiting &= ~released;
  return released != 0;
}

/* No lane can run: they wait at one barrier, or something is wrong. False when the block is done. */
bool release_block() {
  int done = 0;
  for (int w = 0; w < now.lanes / 32; w++) done += __builtin_popcount(warps[w].done);
  if (done == now.lanes) return false;
  const lane *first = nullptr;
  uint64_t count = 0;
  for (int i = 0; i < now.lanes; i++) {
    lane *l = me = &lanes[i];
    const warp &w = warps[i / 32];
    if (w.waiting >> i % 32 & 1)
      fail(l->place, cudaErrorLaunchFailure, "a collective that not all lanes of its mask %08x reach",
           l->mask);
    if (w.done >> i % 32 & 1) continue;
    if (!first) first = l;
    if (l->line != first->line || l->file != first->file)
      fail(l->place, cudaErrorLaunchFailure, "divergent barrier: thread %d waits at another, line %d",
           first->number, first->line);
    count += w.give[i % 32];
  }
  me = &lanes[first->number];
  if (done)
    fail(first->place, cudaErrorLaunchFailure,
         "a barrier that %d threads have left the kernel without reaching", done);
  now.barriers++, now.count = (int)count;
  for (int w = 0; w < now.lanes / 32; w++) warps[w].ready = ~0u;
  warps_ready = now.lanes == 1024 ? ~0u : (1u << now.lanes / 32) - 1;
  return true;
}

/* Who runs next, a lane of this warp if there is one; NULL when the block is done. */
lane *next_lane(int number) {
  for (;;) {
    warp &w = warps[number];
    if (w.ready || (w.waiting && release_warp(number))) return &lanes[number * 32 + choose(w.ready)];
    warps_ready &= ~(1u << number);
    if (!warps_ready && !release_block()) return nullptr;
    number = choose(warps_ready);
  }
}

void enter();
/* Goes on with another lane, on the stack that it has, or on one of its own. */
void go_on(stack *here, lane *next) {
  if (!next) return stack_switch(here, &home);
  warp &w = warps[next->number / 32];
  me = next, threadIdx = next->id;
  if (w.fresh >> next->number % 32 & 1) {
    w.fresh &= ~(1u << next->number % 32);
    if (spare.empty()) spare.push_back(stack_new());
    next->own = spare.back(), spare.pop_back();
    stack_begin(next->own, enter);
  }
  if (here != next->own) stack_switch(here, next->own);
}

/* Lanes on one stack, one after the other, as long as the next one has not begun. */
void run_lanes() {
  for (;;) {
    body(body_args);
    lane *l = me;
    warp &w = warps[l->number / 32];
    uint32_t bit = 1u << l->number % 32;
    w.ready &= ~bit, w.done |= bit;
    if (l->copies) forget_copies(l);
    lane *next = next_lane(l->number / 32);
    if (!next || !(warps[next->number / 32].fresh >> next->number % 32 & 1)) {
      spare.push_back(l->own);
      go_on(l->own, next);
    }
    warps[next->number / 32].fresh &= ~(1u << next->number % 32);
    next->own = l->own, me = next, threadIdx = next->id;
  }
}

/* The first function of a stack. */
__attribute__((no_sanitize("address"))) void enter() {
  stack_entered(me->own);
  run_lanes();
}

void run_block() {
  now.barriers++;
  begin_block();
  memset(now.dynamic, 0xff, now.dynamic_size); /* NaN */
  int count = now.lanes / 32;
  for (int w = 0; w < count; w++) {
    warps[w].ready = warps[w].fresh = ~0u;
    warps[w].done = warps[w].waiting = 0, warps[w].alike = true;
  }
  warps_ready = count == 32 ? ~0u : (1u << count) - 1;
  go_on(&home, next_lane(choose(warps_ready)));
  me = nullptr;
}

void run_blocks() {
  uint64_t n = (uint64_t)gridDim.x * gridDim.y * gridDim.z, step = 1, at = 0;
  if (random_state && n > 2) { /* a walk that comes to every block once */
    step = (random_state >> 20) % n | 1, at = (random_state >> 10) % n;
    while (std::gcd(step, n) != 1) step += 2;
  }
  for (uint64_t i = 0; i < n && !over; i++, at = (at + step) % n) {
    blockIdx = {(unsigned)(at % gridDim.x), (unsigned)(at / gridDim.x % gridDim.y),
                (unsigned)(at / gridDim.x / gridDim.y)};
    run_block();
  }
}

void number_lanes(dim3 block) {
  for (int i = 0; i < now.lanes; i++) {
    unsigned n = (unsigned)i;
    lanes[i].turn = 0, lanes[i].number = i,
    lanes[i].id = {n % block.x, n / block.x % block.y, n / block.x / block.y};
  }
}

/* After a misuse: every stack is free again. */
void give_up_lanes() {
  for (int i = 0; i < now.lanes; i++) {
    uint32_t bit = 1u << i % 32;
    if (!(warps[i / 32].fresh & bit) && !(warps[i / 32].done & bit)) spare.push_back(lanes[i].own);
    if (lanes[i].copies) forget_copies(&lanes[i]);
  }
  me = nullptr;
}
} // namespace

void wait(state where, unsigned mask, uint64_t give, const char *file, int line, const void *place) {
  lane *l = me;
  int number = l->number / 32;
  warp &w = warps[number];
  uint32_t bit = 1u << l->number % 32;
  l->where = where, l->mask = mask, l->file = file, l->line = line, l->place = place;
  w.give[l->number % 32] = give;
  w.ready &= ~bit;
  if (where != AT_BARRIER) {
    if (!(mask & bit))
      fail(place, cudaErrorLaunchFailure, "a lane outside the mask %08x of its collective", mask);
    w.alike = w.waiting ? w.alike && same_place(*l, lanes[number * 32 + __builtin_ctz(w.waiting)]) : true;
    w.waiting |= bit;
  }
  lane *next = next_lane(number);
  if (next == l)
    me = l;
  else
    go_on(l->own, next);
}

/* What nobody asked the device for any more still makes the program fail. */
static void end_in_error() {
  if (broken) fflush(nullptr), _exit(86);
}

void fail(const void *place, cudaError_t error, const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  report(place, text);
  static int once = atexit(end_in_error);
  (void)once;
  broken = error;
  if (!me) return;
  lane *l = me;
  over = true;
  stack_switch(l->own, &home);
}

cudaError_t run(dim3 grid, dim3 block, size_t dynamic, void (*call)(const void *), const void *args) {
  alignas(1024) static char arena[DYNAMIC_MOST];
  gridDim = grid, blockDim = block, now.lanes = (int)(block.x * block.y * block.z);
  now.dynamic = arena, now.dynamic_size = dynamic;
  body = call, body_args = args, over = false;
  uint64_t seed = (uint64_t)setting("SIMT_SEED", 0);
  if (!seed) random_state = 0;
  if (seed && !random_state) random_state = seed * 0x9e3779b97f4a7c15u | 1;
  number_lanes(block);
  begin_launch();
  run_blocks();
  if (over) give_up_lanes();
  return broken;
}
} // namespace simt
