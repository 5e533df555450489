/* Copies on the device in a recording, from or to memory that moves between its replays. */
#include "cuda/launch.h"
#include "cuda/memory/memory_private.h"

template <class T>
static __global__ __launch_bounds__(256) void copy(tr_moving<const T> from, tr_moving<T> to, int64_t n) {
  const T *x = from.get();
  T *y = to.get();
  for (int64_t i = (int64_t)blockIdx.x * 256 + threadIdx.x; i < n; i += (int64_t)gridDim.x * 256) y[i] = x[i];
}

template <class T> static tr_status run(tr_ctx *ctx, void *to, const void *from, size_t bytes) {
  const int64_t n = (int64_t)(bytes / sizeof(T));
  const unsigned most = 4096, blocks = n < most * 256ll ? tr_cuda_blocks(n, 256) : most;
  return tr_cuda_launch(ctx, "a copy", n, (int64_t)sizeof(T), copy<T>, blocks, 256, 0,
                        tr_cuda_moving<const T>(ctx, from), tr_cuda_moving<T>(ctx, to), n);
}

tr_status tr_cuda_copy_moving(tr_ctx *ctx, void *to, const void *from, size_t bytes) {
  const uintptr_t all = (uintptr_t)to | (uintptr_t)from | bytes;
  if (all % sizeof(float4) == 0) return run<float4>(ctx, to, from, bytes);
  if (all % sizeof(float) == 0) return run<float>(ctx, to, from, bytes);
  return run<unsigned char>(ctx, to, from, bytes);
}
