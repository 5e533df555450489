/* Barriers and collectives, on top of waiting. */
#include "tests/simt/engine/engine.h"

#define PLACE __builtin_return_address(0)

namespace simt {
int lane_number() {
  return me->number % 32;
}

void barrier(int give, const char *file, int line) {
  wait(AT_BARRIER, 0, (uint64_t)give, file, line, PLACE);
}

void barrier_of_warp(unsigned mask, const char *file, int line) {
  wait(AT_SYNCWARP, mask, 0, file, line, PLACE);
}

uint64_t exchange(unsigned mask, uint64_t give, int source, const char *file, int line) {
  wait(AT_WARP, mask, give, file, line, PLACE);
  if (!(mask >> source & 1))
    fail(PLACE, cudaErrorLaunchFailure, "a shuffle reads lane %d, which is not in its mask %08x", source,
         mask);
  return now.got[source];
}

unsigned ballot(unsigned mask, uint64_t give, const char *file, int line) {
  wait(AT_WARP, mask, give, file, line, PLACE);
  unsigned all = 0;
  for (unsigned i = 0; i < 32; i++)
    if (mask >> i & 1) all |= (unsigned)(now.got[i] != 0) << i;
  return all;
}

unsigned match(unsigned mask, uint64_t give, const char *file, int line) {
  wait(AT_WARP, mask, give, file, line, PLACE);
  unsigned same = 0;
  for (unsigned i = 0; i < 32; i++)
    if (mask >> i & 1) same |= (unsigned)(now.got[i] == give) << i;
  return same;
}

static int64_t two(int64_t a, int64_t b, fold how) {
  switch (how) {
  case ADD:
    return a + b;
  case MIN:
    return a < b ? a : b;
  case MAX:
    return a > b ? a : b;
  case AND:
    return a & b;
  case OR:
    return a | b;
  case XOR:
    return a ^ b;
  }
  return 0;
}

int64_t reduce(unsigned mask, int64_t give, fold how, const char *file, int line) {
  wait(AT_WARP, mask, (uint64_t)give, file, line, PLACE);
  unsigned left = mask & (mask - 1);
  int64_t v = (int64_t)now.got[__builtin_ctz(mask)];
  for (; left; left &= left - 1) v = two(v, (int64_t)now.got[__builtin_ctz(left)], how);
  return v;
}
} // namespace simt
