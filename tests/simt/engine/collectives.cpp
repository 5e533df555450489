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

/* PTX ISA, shfl.sync, with the operands that the functions of CUDA give it. */
static int source_of(shuffle how, int by, int width) {
  int l = lane_number(), first = l & -width, last = first + width - 1;
  switch (how) {
  case FROM:
    return first + (by & (width - 1));
  case UP:
    return l - by >= first ? l - by : l;
  case DOWN:
    return l + by <= last ? l + by : l;
  case ACROSS:
    return (l ^ by) <= last ? l ^ by : l;
  }
  return l;
}

uint64_t exchange(unsigned mask, uint64_t give, shuffle how, int by, int width, const char *file, int line) {
  if (width < 1 || width > 32 || width & (width - 1))
    fail(PLACE, cudaErrorLaunchFailure, "a shuffle in parts of %d lanes: a power of two to 32 is needed",
         width);
  if (how != FROM && (by < 0 || by > 31))
    fail(PLACE, cudaErrorLaunchFailure, "a shuffle by %d lanes: a device takes the last 5 bits", by);
  wait(AT_WARP, mask, give, file, line, PLACE);
  int source = source_of(how, by, width);
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
