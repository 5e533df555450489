/* What a kernel sees of its block: indices, barriers and collectives. */
#pragma once
#include "tests/simt/device/vectors.h"

#include <cstdint>
#include <cstring>

/* Code whose accesses the checked emulator does not look at. */
#define SIMT_UNCHECKED __attribute__((no_sanitize("thread")))
/* Default arguments that give the place of a call in the source. */
#define SIMT_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

extern uint3 threadIdx, blockIdx; /* not macros: cudaLaunchConfig_t has members of these names */
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace simt {
constexpr size_t DYNAMIC_MOST = 232448; /* bytes of dynamic shared memory */
struct stack;
enum state { AT_BARRIER, AT_WARP, AT_SYNCWARP };
struct lane { /* a thread */
  stack *own;
  uint3 id;
  int number;  /* in the block */
  state where; /* it waits, or waited last, from here on */
  int line;
  const char *file;
  const void *place; /* in code */
  unsigned mask;
  int copies;    /* asynchronous ones that it has not waited for */
  unsigned turn; /* of the fragments of the warp, engine/fragments.cpp */
};
struct running { /* the block under way */
  int lanes;
  int count; /* sum of what threads gave at the last barrier */
  void *dynamic;
  size_t dynamic_size;
  uint32_t barriers;       /* never reset: an interval between barriers has one number */
  uint32_t warp_turns[32]; /* the same between __syncwarp of each warp; shuffles order no memory */
  uint64_t got[32];        /* what the lanes of the warp gave at the last collective */
};
extern running now;
extern lane *me; /* NULL outside kernels */

/* Waits for the threads that must come here, too, giving them a value. */
void wait(state where, unsigned mask, uint64_t give, const char *file, int line, const void *place);
void barrier(int give, const char *file, int line);
void barrier_of_warp(unsigned mask, const char *file, int line);
/* Shuffles, whose parts of the warp are of `width` lanes: `by` is the lane of the part, modulo width, or the
 * distance. A lane that may not read another has its own. Across, lanes of parts before its own may be read.
 */
enum shuffle { FROM, UP, DOWN, ACROSS };
uint64_t exchange(unsigned mask, uint64_t give, shuffle how, int by, int width, const char *file, int line);
/* A bit for each lane of the mask that gives other than 0. */
unsigned ballot(unsigned mask, uint64_t give, const char *file, int line);
unsigned match(unsigned mask, uint64_t give, const char *file, int line);
enum fold { ADD, MIN, MAX, AND, OR, XOR };
int64_t reduce(unsigned mask, int64_t give, fold how, const char *file, int line);

template <class T> uint64_t bits_of(T v) {
  static_assert(sizeof(T) <= 8, "a shuffle takes at most 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &v, sizeof v);
  return bits;
}
template <class T>
T shuffled(unsigned mask, T v, shuffle how, int by, int width, const char *file, int line) {
  uint64_t bits = exchange(mask, bits_of(v), how, by, width, file, line);
  memcpy(&v, &bits, sizeof v);
  return v;
}
int lane_number();
} // namespace simt

inline void __syncthreads(SIMT_HERE) {
  simt::barrier(0, file, line);
}
inline int __syncthreads_count(int v, SIMT_HERE) {
  return simt::barrier(v != 0, file, line), simt::now.count;
}
inline int __syncthreads_or(int v, SIMT_HERE) {
  return simt::barrier(v != 0, file, line), simt::now.count != 0;
}
inline int __syncthreads_and(int v, SIMT_HERE) {
  return simt::barrier(v != 0, file, line), simt::now.count == simt::now.lanes;
}
inline void __syncwarp(unsigned mask = ~0u, SIMT_HERE) {
  simt::barrier_of_warp(mask, file, line);
}

template <class T> T __shfl_sync(unsigned m, T v, int source, int w = 32, SIMT_HERE) {
  return simt::shuffled(m, v, simt::FROM, source, w, file, line);
}
template <class T> T __shfl_xor_sync(unsigned m, T v, int x, int w = 32, SIMT_HERE) {
  return simt::shuffled(m, v, simt::ACROSS, x, w, file, line);
}
template <class T> T __shfl_down_sync(unsigned m, T v, unsigned d, int w = 32, SIMT_HERE) {
  return simt::shuffled(m, v, simt::DOWN, (int)d, w, file, line);
}
template <class T> T __shfl_up_sync(unsigned m, T v, unsigned d, int w = 32, SIMT_HERE) {
  return simt::shuffled(m, v, simt::UP, (int)d, w, file, line);
}

inline unsigned __ballot_sync(unsigned m, int v, SIMT_HERE) {
  return simt::ballot(m, v != 0, file, line);
}
inline int __any_sync(unsigned m, int v, SIMT_HERE) {
  return simt::ballot(m, v != 0, file, line) != 0;
}
inline int __all_sync(unsigned m, int v, SIMT_HERE) {
  return simt::ballot(m, v != 0, file, line) == m;
}
template <class T> unsigned __match_any_sync(unsigned m, T v, SIMT_HERE) {
  return simt::match(m, simt::bits_of(v), file, line);
}
template <class T> unsigned __match_all_sync(unsigned m, T v, int *all, SIMT_HERE) {
  unsigned same = simt::match(m, simt::bits_of(v), file, line);
  return *all = same == m, *all ? m : 0;
}
unsigned __activemask() = delete; /* says nothing that a kernel may rely on */

#define SIMT_REDUCE(type, name, fold)                                                                        \
  inline type __reduce_##name##_sync(unsigned m, type v, SIMT_HERE) {                                        \
    return (type)simt::reduce(m, (int64_t)v, simt::fold, file, line);                                        \
  }
SIMT_REDUCE(int, add, ADD)
SIMT_REDUCE(int, min, MIN)
SIMT_REDUCE(int, max, MAX)
SIMT_REDUCE(unsigned, add, ADD)
SIMT_REDUCE(unsigned, min, MIN)
SIMT_REDUCE(unsigned, max, MAX)
SIMT_REDUCE(unsigned, and, AND)
SIMT_REDUCE(unsigned, or, OR)
SIMT_REDUCE(unsigned, xor, XOR)
#undef SIMT_REDUCE
