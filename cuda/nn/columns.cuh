/* Sums of columns over the rows that share a row of a table. */
#ifndef TR_CUDA_NN_COLUMNS_CUH
#define TR_CUDA_NN_COLUMNS_CUH

#include "cuda/nn/quads.cuh"

enum { TR_COLUMN_GROUPS = 8 }; /* of rows: one takes every 8th, and then their sums are added in order */

template <class N, int SUMS> struct tr_column_sums { tr_matrix<N> to[SUMS]; };

/* A block has 32 columns of one row of the table. add(row, c, sum) adds what row brings. For its registers
 * see tr_norm_rows. */
template <class N, class F>
static __global__ __launch_bounds__(32 * TR_COLUMN_GROUPS,
                                    32 / sizeof(N)) void tr_columns_sum(F add, int64_t each, int64_t parts,
                                                                        tr_column_sums<N, F::SUMS> s) {
  __shared__ N part[F::SUMS][TR_COLUMN_GROUPS][32];
  const int64_t q = blockIdx.x / parts, c = blockIdx.x % parts * 32 + threadIdx.x;
  const bool there = c < s.to[0].cols;
  N sum[F::SUMS] = {};
  for (int64_t r = threadIdx.y; there && r < each; r += TR_COLUMN_GROUPS) add(q * each + r, c, sum);
  for (int i = 0; i < F::SUMS; i++) part[i][threadIdx.y][threadIdx.x] = sum[i];
  __syncthreads();
  if (threadIdx.y > 0 || !there) return;
  for (int i = 0; i < F::SUMS; i++) {
    N total = 0;
    for (int g = 0; g < TR_COLUMN_GROUPS; g++) total += part[i][g][threadIdx.x];
    ((N *)s.to[i].data)[q * s.to[i].stride + c] = total;
  }
}

/* `rows` rows behind `tables` rows of the table, in whose columns, which are N, the sums are assigned. */
template <class N, class F, size_t SUMS>
static tr_status tr_launch_columns(tr_ctx *ctx, const char *op, int64_t rows, int64_t tables, F add,
                                   const tr_matrix<N> (&to)[SUMS]) {
  static_assert(SUMS == F::SUMS, "a place for each sum");
  const int64_t parts = (to[0].cols + 31) / 32;
  if (tables == 0 || parts == 0) return TR_OK;
  tr_column_sums<N, F::SUMS> s;
  for (size_t i = 0; i < SUMS; i++) s.to[i] = to[i];
  return tr_cuda_launch(ctx, op, rows, to[0].cols, tr_columns_sum<N, F>, tr_cuda_blocks(tables * parts, 1),
                        dim3(32, TR_COLUMN_GROUPS), 0, add, rows / tables, parts, s);
}

#endif
