/* The operations of training, in double. Compiled without contraction: results elementwise are those of the
 * processor, which rounds products and sums one by one. */
#include <math.h>

#include "cuda/nn/quads.cuh"

/* Elements of any array from `from` on, as rows of cols; it may be NULL. */
template <class N> static tr_matrix<N> part_of(const tr_array *a, int64_t from, int64_t cols) {
  if (!a) return tr_matrix<N>{NULL, 0, cols, false, false};
  char *data = (char *)a->data + from * (int64_t)sizeof(N);
  return tr_matrix<N>{data, cols, cols, false, cols % 4 == 0 && (uintptr_t)data % 16 == 0};
}

/* All of it, as a row for each of `rows`. */
template <class N> static tr_matrix<N> rows_of(const tr_array *a, int64_t rows) {
  return part_of<N>(a, 0, a && rows ? a->count / rows : 0);
}

/* The same of arrays that may have moved between two replays of a recording, in whatever shape. */
template <class N> struct moving_rows {
  tr_moving<char> at;
  int64_t cols;
  bool whole;

  __device__ __forceinline__ tr_matrix<N> get() const {
    return {at.get(), cols, cols, false, whole};
  }
};
template <class N> static moving_rows<N> moving_rows_of(tr_ctx *ctx, const tr_array *a, int64_t rows) {
  const tr_matrix<N> m = rows_of<N>(a, rows);
  return {tr_cuda_moving<char>(ctx, m.data), m.cols, m.whole};
}

/* ---- x = a x1 + b x0 ---- */

template <class N> struct interpolate_work {
  moving_rows<N> x1, x0;
  tr_moving<const double> at;
  moving_rows<N> x;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N u[4], v[4];
    const double a = at.get()[2 * row], b = at.get()[2 * row + 1];
    x1.get().load(row, c, u);
    x0.get().load(row, c, v);
    for (int i = 0; i < 4; i++) u[i] = (N)(a * (double)u[i] + b * (double)v[i]);
    x.get().store(row, c, u);
  }
};

template <class N> static tr_status run_interpolate(tr_ctx *ctx, const tr_nn_interpolate_args *a) {
  const int64_t rows = a->x->shape[0];
  const moving_rows<N> x = moving_rows_of<N>(ctx, a->x, rows);
  return tr_launch_quads(ctx, "an interpolation", rows, x.cols,
                         interpolate_work<N>{moving_rows_of<N>(ctx, a->x1, rows),
                                             moving_rows_of<N>(ctx, a->x0, rows),
                                             tr_cuda_moving<const double>(ctx, a->at->data), x});
}

tr_status tr_cuda_interpolate(tr_ctx *ctx, const tr_nn_interpolate_args *a) {
  return a->x->dtype == TR_F64 ? run_interpolate<double>(ctx, a) : run_interpolate<float>(ctx, a);
}

/* ---- losses ---- */

template <class N> struct loss_rows {
  moving_rows<N> p, x1, x0, dp; /* dp may be absent */
  tr_moving<const double> at;
  double factor;
  tr_moving<double> loss;
};

enum { LOSS_THREADS = 256 }; /* of a row: so its sum has one order */

template <class N> static __global__ __launch_bounds__(LOSS_THREADS, 3) void loss_kernel(loss_rows<N> l) {
  __shared__ double part[32];
  const int64_t row = blockIdx.x, cols = l.p.cols;
  const tr_matrix<N> p_rows = l.p.get(), x1_rows = l.x1.get(), x0_rows = l.x0.get(), dp_rows = l.dp.get();
  const double *at = l.at.get() + 4 * row;
  const double a = at[0], b = at[1], c = at[2], w = at[3];
  const double slope = 2 * l.factor * w * a / (double)cols;
  double sum = 0;
  for (int64_t i = 4 * (int64_t)threadIdx.x; i < cols; i += 4 * LOSS_THREADS) {
    N p[4], x1[4], x0[4], d[4];
    p_rows.load(row, i, p);
    x1_rows.load(row, i, x1);
    x0_rows.load(row, i, x0);
    for (int k = 0; k < 4; k++) {
      const double r = a * (double)p[k] + b * (double)x1[k] + c * (double)x0[k];
      sum += i + k < cols ? r * r : 0;
      d[k] = (N)(slope * r);
    }
    if (dp_rows.data) dp_rows.store(row, i, d);
  }
  sum = tr_block_sum(sum, part);
  if (threadIdx.x == 0) l.loss.get()[row] = w * sum / (double)cols;
}

template <class N> static tr_status run_loss(tr_ctx *ctx, const tr_nn_loss_args *a) {
  const int64_t rows = a->p->shape[0];
  const auto part = [&](const tr_array *x) { return moving_rows_of<N>(ctx, x, rows); };
  const loss_rows<N> l = {part(a->p),
                          part(a->x1),
                          part(a->x0),
                          part(a->dp),
                          tr_cuda_moving<const double>(ctx, a->at->data),
                          a->factor,
                          tr_cuda_moving<double>(ctx, a->loss->data)};
  if (rows == 0) return TR_OK;
  return tr_cuda_launch(ctx, "a loss", rows, l.p.cols, loss_kernel<N>, tr_cuda_blocks(rows, 1), LOSS_THREADS,
                        0, l);
}

tr_status tr_cuda_loss(tr_ctx *ctx, const tr_nn_loss_args *a) {
  return a->p->dtype == TR_F64 ? run_loss<double>(ctx, a) : run_loss<float>(ctx, a);
}

/* ---- AdamW ---- */

template <class N> struct adamw_work {
  double factor, beta1, beta2, eps;
  double keep, rate, scale; /* 1 - rate decay; rate, and sqrt of v's, with the corrections of this step */
  tr_matrix<N> g, p, m, v, average[TR_NN_AVERAGES];
  double average_keep[TR_NN_AVERAGES];

  __device__ __forceinline__ void step(N g, N &p, N &m, N &v) const {
    const double slope = factor * (double)g;
    m = (N)(beta1 * (double)m + (1 - beta1) * slope);
    v = (N)(beta2 * (double)v + (1 - beta2) * slope * slope);
    p = (N)(keep * (double)p - rate * (double)m / (scale * sqrt((double)v) + eps));
  }

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N slope[4], value[4], first[4], second[4], mean[4];
    g.load(row, c, slope);
    p.load(row, c, value);
    m.load(row, c, first);
    v.load(row, c, second);
    for (int i = 0; i < 4; i++) step(slope[i], value[i], first[i], second[i]);
    p.store(row, c, value);
    m.store(row, c, first);
    v.store(row, c, second);
    for (int k = 0; k < TR_NN_AVERAGES; k++) {
      if (!average[k].data) continue;
      average[k].load(row, c, mean);
      for (int i = 0; i < 4; i++)
        mean[i] = (N)(average_keep[k] * (double)mean[i] + (1 - average_keep[k]) * (double)value[i]);
      average[k].store(row, c, mean);
    }
  }
};

/* The arena in rows of so many elements, that there be many blocks. */
enum { ADAMW_ROW = 1024 };

/* Elements from `from` on, as rows of cols. */
template <class N> static adamw_work<N> adamw_part(const tr_nn_adamw_args *a, int64_t from, int64_t cols) {
  const auto part = [&](const tr_array *x) { return part_of<N>(x, from, cols); };
  adamw_work<N> w = {a->factor,
                     a->beta1,
                     a->beta2,
                     a->eps,
                     1 - a->rate * a->decay,
                     a->rate / (1 - pow(a->beta1, (double)a->step)),
                     1 / sqrt(1 - pow(a->beta2, (double)a->step)),
                     part(a->g),
                     part(a->p),
                     part(a->m),
                     part(a->v),
                     {},
                     {}};
  for (int i = 0; i < TR_NN_AVERAGES; i++) w.average[i] = part(a->average[i]), w.average_keep[i] = a->keep[i];
  return w;
}

template <class N> static tr_status run_adamw(tr_ctx *ctx, const tr_nn_adamw_args *a) {
  const int64_t rows = a->p->count / ADAMW_ROW, rest = a->p->count % ADAMW_ROW;
  TR_TRY(tr_launch_quads(ctx, "a step of AdamW", rows, ADAMW_ROW, adamw_part<N>(a, 0, ADAMW_ROW)));
  return tr_launch_quads(ctx, "a step of AdamW", 1, rest, adamw_part<N>(a, rows * ADAMW_ROW, rest));
}

tr_status tr_cuda_adamw(tr_ctx *ctx, const tr_nn_adamw_args *a) {
  return a->p->dtype == TR_F64 ? run_adamw<double>(ctx, a) : run_adamw<float>(ctx, a);
}
