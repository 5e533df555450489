/* Launches, and what kernels have in common. For .cu files. No <<<>>>: cudaLaunchKernelEx gives an error
 * back, and is what the emulator defines, too. No fast-math anywhere. */
#ifndef TR_CUDA_LAUNCH_H
#define TR_CUDA_LAUNCH_H

#include <cuda_runtime.h>

#include <cuda_bf16.h>

#include <type_traits>

#include "cuda/cuda_private.h"

/* The dynamic shared memory of a block, 16-byte aligned. */
#ifndef TR_DYNAMIC_SHARED
#define TR_DYNAMIC_SHARED(type, name)                                                                        \
  extern __shared__ __align__(16) unsigned char tr_dynamic_shared[];                                         \
  type *name = (type *)tr_dynamic_shared
#endif

template <class A> static tr_status tr_cuda_check_argument(tr_ctx *ctx, const char *op, const A &argument) {
  (void)ctx, (void)op, (void)argument;
  if constexpr (std::is_pointer_v<A>) return tr_cuda_stays(ctx, op, argument);
  return TR_OK;
}

/* Launches on the stream of the context. `op`, rows and cols are for messages. */
template <class... P, class... A>
static tr_status tr_cuda_launch(tr_ctx *ctx, const char *op, int64_t rows, int64_t cols, void (*kernel)(P...),
                                dim3 grid, dim3 block, size_t shared, A... args) {
  const tr_cuda_state *state = tr_cuda(ctx);
  cudaLaunchConfig_t config = {};
  config.gridDim = grid, config.blockDim = block, config.dynamicSmemBytes = shared;
  config.stream = state->stream;
  tr_cuda_note(ctx, op, rows, cols);
  if (state->recording) {
    tr_status status = TR_OK;
    (void)(((status = tr_cuda_check_argument(ctx, op, args)) == TR_OK) && ...);
    TR_TRY(status);
  }
  return tr_cuda_launched(ctx, cudaLaunchKernelEx(&config, kernel, static_cast<P>(args)...));
}

/* Blocks for n of which each has so many; too many are refused by the launch. */
static inline unsigned tr_cuda_blocks(int64_t n, int64_t each) {
  const int64_t blocks = (n + each - 1) / each;
  return blocks > UINT32_MAX ? UINT32_MAX : (unsigned)blocks;
}

/* The address of elements, as large as a pointer. Between two replays of a recording (core/record/record.h)
 * states, results and covectors may have moved: of those it is the address of a cell that holds theirs,
 * marked by its lowest bit. Operations that are given them take this in the place of pointers: patches and
 * their adjoints, programs, blends, deflations, interpolations and losses. */
template <class T> struct tr_moving {
  uintptr_t bits;
  __device__ __forceinline__ T *get() const {
    return bits & 1 ? *(T *const *)(bits - 1) : (T *)bits;
  }
};
template <class T> static tr_moving<T> tr_cuda_moving(tr_ctx *ctx, const void *data) {
  const void *cell = tr_cuda_cell(ctx, data);
  return {cell ? (uintptr_t)cell + 1 : (uintptr_t)data};
}

/* Sum over the 32 lanes, the same in all. */
template <class T> static __device__ __forceinline__ T tr_warp_sum(T v) {
  for (int d = 16; d; d /= 2) v += __shfl_xor_sync(~0u, v, d);
  return v;
}

/* Sum over the block, whose threads are a multiple of 32, the same in all; part: 32 numbers of shared memory,
 * which may be used again after the next barrier. */
template <class T> static __device__ __forceinline__ T tr_block_sum(T v, T *part) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  v = tr_warp_sum(v);
  if (lane == 0) part[warp] = v;
  __syncthreads();
  v = lane < (int)blockDim.x / 32 ? part[lane] : T(0);
  return tr_warp_sum(v);
}

/* Elements of f32, f64 and bf16 as numbers to compute with: `of` f64 is double, of the others float. */
template <class T> struct tr_number { typedef float type; };
template <> struct tr_number<double> { typedef double type; };
static __device__ __forceinline__ float tr_load(float v) {
  return v;
}
static __device__ __forceinline__ double tr_load(double v) {
  return v;
}
static __device__ __forceinline__ float tr_load(__nv_bfloat16 v) {
  return __bfloat162float(v);
}
static __device__ __forceinline__ void tr_store(float *p, float v) {
  *p = v;
}
static __device__ __forceinline__ void tr_store(double *p, double v) {
  *p = v;
}
static __device__ __forceinline__ void tr_store(__nv_bfloat16 *p, float v) {
  *p = __float2bfloat16_rn(v);
}

#endif
