/* Sums of columns over many rows: of chunks of rows first, then of these. */
#include "cuda/nn/linear.h"
#include "cuda/nn/quads.cuh"

enum { CHUNK = 128, GROUPS = 8 }; /* rows of a chunk; a group has every 8th of them */

static int64_t chunks_of(const tr_array *x) {
  return (x->shape[0] + CHUNK - 1) / CHUNK;
}

/* A block has 128 columns of a chunk: a warp for each group, four neighbours a thread. */
template <class N>
static __global__ __launch_bounds__(32 * GROUPS) void sum_chunks(tr_matrix<N> x, int64_t rows, int64_t parts,
                                                                 N *sums) {
  __shared__ N part[GROUPS][128];
  const int64_t chunk = blockIdx.x / parts, c = blockIdx.x % parts * 128 + 4 * threadIdx.x;
  const int64_t end = (chunk + 1) * CHUNK < rows ? (chunk + 1) * CHUNK : rows;
  N sum[4] = {}, v[4];
  for (int64_t r = chunk * CHUNK + threadIdx.y; c < x.cols && r < end; r += GROUPS) {
    x.load(r, c, v);
    for (int i = 0; i < 4; i++) sum[i] += v[i];
  }
  for (int i = 0; i < 4; i++) part[threadIdx.y][4 * threadIdx.x + i] = sum[i];
  __syncthreads();
  const int64_t own = blockIdx.x % parts * 128 + 32 * threadIdx.y + threadIdx.x;
  if (threadIdx.y >= 4 || own >= x.cols) return;
  N total = 0;
  for (int g = 0; g < GROUPS; g++) total += part[g][32 * threadIdx.y + threadIdx.x];
  sums[chunk * x.cols + own] = total;
}

template <class N>
static __global__ __launch_bounds__(128) void add_chunks(const N *sums, int64_t chunks, int64_t cols, N *to) {
  const int64_t c = (int64_t)blockIdx.x * 128 + threadIdx.x;
  if (c >= cols) return;
  double total = 0;
  for (int64_t i = 0; i < chunks; i++) total += (double)sums[i * cols + c];
  to[c] = (N)((double)to[c] + total);
}

size_t tr_cuda_column_sums_room(const tr_array *x) {
  return (size_t)(chunks_of(x) * x->shape[1]) * 8;
}

template <class N> static tr_status add(tr_ctx *ctx, const void *sums, int64_t n, tr_array *to) {
  return tr_cuda_launch(ctx, "the sum of a bias's gradient", n, to->count, add_chunks<N>,
                        tr_cuda_blocks(to->count, 128), 128, 0, (const N *)sums, n, to->count, (N *)to->data);
}

tr_status tr_cuda_add_sums(tr_ctx *ctx, const void *sums, int64_t n, tr_array *to) {
  return to->dtype == TR_F64 ? add<double>(ctx, sums, n, to) : add<float>(ctx, sums, n, to);
}

template <class N> static tr_status run(tr_ctx *ctx, const tr_cuda_column_sums_args *a) {
  const int64_t rows = a->x->shape[0], cols = a->x->shape[1], chunks = chunks_of(a->x),
                parts = (cols + 127) / 128;
  if (rows == 0 || cols == 0) return TR_OK;
  TR_TRY(tr_cuda_launch(ctx, "the sum of a bias's gradient", rows, cols, sum_chunks<N>,
                        tr_cuda_blocks(chunks * parts, 1), dim3(32, GROUPS), 0, tr_matrix_of<N>(a->x), rows,
                        parts, (N *)a->room));
  return add<N>(ctx, a->room, chunks, a->sums);
}

tr_status tr_cuda_column_sums(tr_ctx *ctx, const tr_cuda_column_sums_args *a) {
  return a->sums->dtype == TR_F64 ? run<double>(ctx, a) : run<float>(ctx, a);
}
