/* A SIMT emulator: stands in for <cuda_runtime.h> when a .cu file is compiled as C++17 by a host compiler.
 * Threads of a block are fibers of one OS thread, blocks run one after the other. It knows barriers, warp
 * collectives, shared memory and the few calls of the runtime that launchers use; check.cpp adds bounds,
 * races and reads of what was never written. A misuse is reported with its line and ends the launch. */
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <cuda_runtime_api.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__   static /* one block at a time: a static is the block's */
#define __align__(n) alignas(n)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}
inline float rsqrtf(float v) {
  return 1 / sqrtf(v);
}

namespace simt {
enum state { READY, AT_BARRIER, AT_WARP, AT_SYNCWARP, DONE };
struct lane {
  void *sp;
  char *stack;
  dim3 id;
  int number; /* in the block */
  state where;
  int line;
  unsigned mask;
  uint64_t give;
};
struct running { /* the block under way */
  int lanes;
  void *dynamic;
  size_t dynamic_size;
  const char *file;
  uint32_t barriers;       /* never reset: an interval between barriers has one number */
  uint32_t warp_turns[32]; /* the same between __syncwarp of each warp; shuffles order no memory */
  uint64_t got[32];        /* what the lanes of the warp gave at the last collective */
};
extern running now;
extern lane *me; /* NULL outside kernels */
extern long switches;
extern const void *place; /* of the access that is looked at, for the report of the checked emulator */
void begin_block();       /* for the checked emulator */
void wait(state where, int line, unsigned mask);
[[noreturn]] void fail(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));
int run(dim3 grid, dim3 block, size_t dynamic, void (*call)(void *), void *kernel);

template <class T> T exchange(unsigned mask, T v, int source, int line) {
  static_assert(sizeof(T) <= 8);
  me->give = 0;
  memcpy(&me->give, &v, sizeof v);
  wait(AT_WARP, line, mask);
  if (source < 0 || source > 31) return v;
  if (!(mask >> source & 1))
    fail(line, "a shuffle reads lane %d, which is not in its mask %08x", source, mask);
  memcpy(&v, &now.got[source], sizeof v);
  return v;
}
/* Of a shuffle of width w: the source, or the lane itself where it would leave its part of the warp. */
inline int in_part(int lane, int source, int w) {
  return lane / w == source / w && source >= 0 ? source : lane;
}
} // namespace simt

extern dim3 threadIdx, blockIdx, blockDim,
    gridDim; /* not macros: cudaLaunchConfig_t has members of these names */
constexpr int warpSize = 32;
#define SIMT_LINE int line = __builtin_LINE()

inline void __syncthreads(SIMT_LINE) {
  simt::wait(simt::AT_BARRIER, line, 0);
}
inline void __syncwarp(unsigned mask = ~0u, SIMT_LINE) {
  simt::wait(simt::AT_SYNCWARP, line, mask);
}
template <class T> T __shfl_xor_sync(unsigned m, T v, int x, int w = 32, SIMT_LINE) {
  int l = simt::me->number % 32;
  return simt::exchange(m, v, simt::in_part(l, l ^ x, w), line);
}
template <class T> T __shfl_down_sync(unsigned m, T v, int d, int w = 32, SIMT_LINE) {
  int l = simt::me->number % 32;
  return simt::exchange(m, v, simt::in_part(l, l + d, w), line);
}
template <class T> T __shfl_sync(unsigned m, T v, int s, int w = 32, SIMT_LINE) {
  int l = simt::me->number % 32;
  return simt::exchange(m, v, l / w * w + s % w, line);
}
inline unsigned __ballot_sync(unsigned m, int v, SIMT_LINE) {
  simt::exchange(m, v, -1, line);
  unsigned all = 0;
  for (int i = 0; i < 32; i++) all |= (unsigned)(simt::now.got[i] != 0 && (m >> i & 1)) << i;
  return all;
}
inline void __threadfence() {}

namespace simt {
void touch_atomic(void *p, size_t n, int line);
}
template <class T> __attribute__((no_sanitize("thread"), noinline)) T atomicAdd(T *p, T v, SIMT_LINE) {
  simt::touch_atomic(p, sizeof *p, line);
  T old = *p;
  *p = old + v;
  return old;
}

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  void *attrs;
  unsigned numAttrs;
};
#define SIMT_UNCHECKED __attribute__((no_sanitize("thread")))
template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *c, void (*kernel)(P...), A &&...args) {
  auto body = [&]() SIMT_UNCHECKED { kernel(args...); };
  using type = decltype(body);
  struct call {
    SIMT_UNCHECKED static void run(void *b) {
      (*(type *)b)();
    }
  };
  return simt::run(c->gridDim, c->blockDim, c->dynamicSmemBytes, call::run, &body) ? cudaErrorLaunchFailure
                                                                                   : cudaSuccess;
}
#define TR_DYNAMIC_SHARED(type, name) type *name = (type *)simt::now.dynamic
