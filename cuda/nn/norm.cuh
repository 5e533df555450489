/* A row and its layer norm in the hands of a warp or of a block. The columns alone decide which, so the bits
 * of a row do not depend on the batch. */
#ifndef TR_CUDA_NN_NORM_CUH
#define TR_CUDA_NN_NORM_CUH

#include "cuda/nn/activation.cuh"
#include "cuda/nn/quads.cuh"

/* Quads of a row that a thread keeps in registers; rows of more than a block can keep are read anew. */
enum { TR_NORM_KEPT = 4, TR_NORM_NARROW = 128, TR_NORM_WIDE = 512 };

/* Thread i of n has the quads i, i + n, ... KEPT 0: none are kept. WIDE: the threads are the block, else the
 * warp, of which a block has several, each with a row of its own. All of them come to sum and measure. */
template <class N, int KEPT, bool WIDE> struct tr_normed {
  typedef N quads[KEPT ? KEPT : 1][4]; /* of a row, in registers */
  int64_t cols;
  N *part; /* WIDE: shared memory, 2 x 32 */
  int turn;
  quads kept;
  N mean, inverse; /* one over the deviation */

  __device__ __forceinline__ tr_normed(int64_t cols, N *part) : cols(cols), part(part), turn(0) {}

  static __device__ __forceinline__ int64_t row() {
    return WIDE ? blockIdx.x : (int64_t)blockIdx.x * (TR_NORM_NARROW / 32) + threadIdx.x / 32;
  }

  /* work(k, c) for the own quads, the k-th of which begins at column c. */
  template <class F> __device__ __forceinline__ void each(F work) const {
    const int threads = WIDE ? blockDim.x : 32, me = WIDE ? threadIdx.x : threadIdx.x % 32;
    if constexpr (KEPT > 0) {
#pragma unroll
      for (int k = 0; k < KEPT; k++) {
        const int64_t c = 4 * (int64_t)(me + k * threads);
        if (c < cols) work(k, c);
      }
    } else
      for (int64_t c = 4 * (int64_t)me; c < cols; c += 4 * threads) work(0, c);
  }

  __device__ __forceinline__ N sum(N v) {
    if constexpr (!WIDE) return tr_warp_sum(v);
    turn ^= 32;
    return tr_block_sum(v, part + turn);
  }

  /* The k-th quad, read again by load(c, v) where it is not kept. */
  template <class F>
  static __device__ __forceinline__ void get(const quads &from, int k, int64_t c, F load, N v[4]) {
    if constexpr (KEPT > 0)
      for (int i = 0; i < 4; i++) v[i] = from[k][i];
    else
      load(c, v);
  }

  /* Reads the row by first(c, v), later by again(c, v), 0 past its end; then mean and deviation are there. */
  template <class F, class G> __device__ __forceinline__ void measure(N eps, F first, G again) {
    N total = 0, squares = 0;
    const auto add = [&](int k) {
      for (int i = 0; i < 4; i++) total += kept[k][i];
    };
    each([&](int k, int64_t c) {
      first(c, kept[k]);
      if constexpr (KEPT == 0) add(k);
    });
    if constexpr (KEPT > 0) each([&](int k, int64_t) { add(k); }); /* once all loads are on their way */
    mean = sum(total) / (N)cols;
    each([&](int k, int64_t c) {
      N v[4];
      get(kept, k, c, again, v);
      for (int i = 0; i < 4; i++) {
        const N d = c + i < cols ? v[i] - mean : 0;
        squares = tr_fma(d, d, squares);
      }
    });
    inverse = 1 / sqrt(sum(squares) / (N)cols + eps);
  }

  /* y = norm(x) (1 + scale) + shift, x being read again by load(c, v) where it is not kept. */
  template <class F>
  __device__ __forceinline__ void modulate(int64_t row, F load, const tr_columns<N> &shift,
                                           const tr_columns<N> &scale, const tr_matrix<N> &y) const {
    quads a, b;
    const auto send = [&](int k, int64_t c) { shift.send(row, c, a[k]), scale.send(row, c, b[k]); };
    if constexpr (KEPT > 0) each(send);
    each([&](int k, int64_t c) {
      N v[4];
      get(kept, k, c, load, v);
      if constexpr (KEPT == 0) send(k, c);
      shift.table.settle(a[k]), scale.table.settle(b[k]);
      for (int i = 0; i < 4; i++) v[i] = tr_fma((v[i] - mean) * inverse, 1 + b[k][i], a[k][i]);
      y.store(row, c, v);
    });
  }
};

/* work(team, row) for every row, by its warp or block. Where ptxas knows how many blocks a processor is to
 * hold at least, it takes the registers that it needs to spill nothing. */
template <class N, int KEPT, bool WIDE, class F>
static __global__ __launch_bounds__(WIDE ? TR_NORM_WIDE : TR_NORM_NARROW,
                                    WIDE ? 1 : 4) void tr_norm_rows(F work, int64_t rows, int64_t cols) {
  __shared__ N part[WIDE ? 64 : 1];
  tr_normed<N, KEPT, WIDE> team(cols, part);
  if (team.row() < rows) work(team, team.row());
}

template <class N, class F>
static tr_status tr_launch_norm(tr_ctx *ctx, const char *op, int64_t rows, int64_t cols, F work) {
  const int64_t quads = (cols + 3) / 4, most = TR_NORM_KEPT;
  if (rows == 0) return TR_OK;
  if (quads <= 32 * most)
    return tr_cuda_launch(ctx, op, rows, cols, tr_norm_rows<N, TR_NORM_KEPT, false, F>,
                          tr_cuda_blocks(rows, TR_NORM_NARROW / 32), TR_NORM_NARROW, 0, work, rows, cols);
  if (quads <= TR_NORM_WIDE * most)
    return tr_cuda_launch(ctx, op, rows, cols, tr_norm_rows<N, TR_NORM_KEPT, true, F>,
                          tr_cuda_blocks(rows, 1), 32 * tr_cuda_blocks(quads, 32 * most), 0, work, rows,
                          cols);
  return tr_cuda_launch(ctx, op, rows, cols, tr_norm_rows<N, 0, true, F>, tr_cuda_blocks(rows, 1),
                        TR_NORM_WIDE, 0, work, rows, cols);
}

/* x = (product + bias) gate + residual, and y = norm(x) (1 + scale) + shift, in one pass. bias, gate and
 * residual may be absent; the residual may be x, and spreads as that of a linear layer: row r adds row
 * r % given. */
template <class N> struct tr_gated_norm {
  tr_matrix<N> product, bias, residual, x;
  tr_columns<N> gate, shift, scale;
  int64_t given; /* rows of the residual */
  N eps;
  tr_matrix<N> y;

  struct operands {
    N product[4], gate[4], residual[4];
  };

  __device__ __forceinline__ void send(int64_t row, int64_t c, operands &o) const {
    product.send(row, c, o.product);
    if (gate.table.data) gate.send(row, c, o.gate);
    if (residual.data) residual.send(row % given, c, o.residual);
  }

  __device__ __forceinline__ void stream(int64_t row, int64_t c, operands &o, N v[4]) const {
    N b[4];
    product.settle(o.product), gate.table.settle(o.gate), residual.settle(o.residual);
    for (int i = 0; i < 4; i++) v[i] = o.product[i];
    if (bias.data) {
      bias.load(0, c, b);
      for (int i = 0; i < 4; i++) v[i] += b[i];
    }
    tr_gated(v, gate.table.data, o.gate, residual.data, o.residual);
    x.store(row, c, v);
  }

  /* All that a thread reads of a row is on its way before it writes any: a store may not be overtaken. */
  template <int KEPT, bool WIDE>
  __device__ __forceinline__ void operator()(tr_normed<N, KEPT, WIDE> &team, int64_t row) const {
    const auto again = [&](int64_t c, N v[4]) { x.load(row, c, v); };
    operands o[KEPT ? KEPT : 1] = {};
    if constexpr (KEPT > 0) {
      team.each([&](int k, int64_t c) { send(row, c, o[k]); });
      team.each([&](int k, int64_t c) { stream(row, c, o[k], team.kept[k]); });
    }
    team.measure(
        eps,
        [&](int64_t c, N v[4]) {
          if constexpr (KEPT > 0) return;
          send(row, c, o[0]), stream(row, c, o[0], v);
        },
        again);
    team.modulate(row, again, shift, scale, y);
  }
};

#endif
