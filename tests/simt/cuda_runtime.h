/* Stands in for <cuda_runtime.h> when a .cu file is compiled as C++17 by a host compiler (README.md). */
#pragma once
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
#define __constant__    static const
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
/* Blocks run one after the other, on one OS thread: what is the thread's own is the block's. Being of that
 * kind tells it from the other variables of the program. */
#define __shared__ static thread_local

#include "tests/simt/device/memory.h"
#include "tests/simt/device/numbers.h"
#include "tests/simt/device/threads.h"
#include "tests/simt/device/vectors.h"

#define TR_DYNAMIC_SHARED(type, name) type *name = (type *)simt::now.dynamic

typedef enum cudaLaunchAttributeID {
  cudaLaunchAttributeIgnore = 0,
  cudaLaunchAttributeProgrammaticStreamSerialization = 6
} cudaLaunchAttributeID;
typedef union cudaLaunchAttributeValue {
  char pad[64];
  int programmaticStreamSerializationAllowed;
} cudaLaunchAttributeValue;
typedef struct cudaLaunchAttribute_st {
  cudaLaunchAttributeID id;
  cudaLaunchAttributeValue val;
} cudaLaunchAttribute;
typedef struct cudaLaunchConfig_st {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute *attrs;
  unsigned numAttrs;
} cudaLaunchConfig_t;

namespace simt {
/* Puts a launch on its stream: call(args) runs a thread, with a copy of the bytes at args. */
cudaError_t launch(const cudaLaunchConfig_t &config, const void *kernel, void (*call)(const void *),
                   const void *args, size_t bytes);

/* A kernel and its arguments, by value. */
template <size_t I, class T> struct argument { T value; };
template <class I, class... P> struct bound;
template <size_t... I, class... P> struct bound<std::index_sequence<I...>, P...> : argument<I, P>... {
  void (*kernel)(P...);
  bound(void (*k)(P...), P... v) : argument<I, P>{v}..., kernel(k) {}
  SIMT_UNCHECKED static void call(const void *p) {
    auto *b = (const bound *)p;
    b->kernel(b->argument<I, P>::value...);
  }
};
} // namespace simt

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(P...), A &&...args) {
  static_assert((std::is_trivially_copyable<P>::value && ...), "kernels take what can be copied as bytes");
  using type = simt::bound<std::index_sequence_for<P...>, P...>;
  static_assert(sizeof(type) <= 4096, "the arguments of a kernel are at most 4 kB");
  type b(kernel, std::forward<A>(args)...);
  return simt::launch(*config, (const void *)kernel, type::call, &b, sizeof b);
}
template <class... P>
cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute((const void *)kernel, attribute, value);
}
/* Programmatic launches: here the work before has ended. */
inline void cudaGridDependencySynchronize() {}
inline void cudaTriggerProgrammaticLaunchCompletion() {}
