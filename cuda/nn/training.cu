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

/* ---- x = a x1 + b x0 ---- */

template <class N> struct interpolate_work {
  tr_matrix<N> x1, x0;
  const double *at;
  tr_matrix<N> x;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N u[4], v[4];
    const double a = at[2 * row], b = at[2 * row + 1];
    x1.load(row, c, u);
    x0.load(row, c, v);
    for (int i = 0; i < 4; i++) u[i] = (N)(a * (double)u[i] + b * (double)v[i]);
    x.store(row, c, u);
  }
};

template <class N> static tr_status run_interpolate(tr_ctx *ctx, const tr_nn_interpolate_args *a) {
  const int64_t rows = a->x->shape[0];
  const tr_matrix<N> x = rows_of<N>(a->x, rows);
  return tr_launch_quads(
      ctx, "an interpolation", rows, x.cols,
      interpolate_work<N>{rows_of<N>(a->x1, rows), rows_of<N>(a->x0, rows), (const double *)a->at->data, x});
}

tr_status tr_cuda_interpolate(tr_ctx *ctx, const tr_nn_interpolate_args *a) {
  return a->x->dtype == TR_F64 ? run_interpolate<double>(ctx, a) : run_interpolate<float>(ctx, a);
}

/* ---- losses ---- */

template <class N> struct loss_rows {
  tr_matrix<N> p, x1, x0, dp; /* dp may be absent */
  const double *at;
  double factor;
  double *loss;
};

enum { LOSS_THREADS = 256 }; /* of a row: so its sum has one order */

template <class N> static __global__ __launch_bounds__(LOSS_THREADS) void loss_kernel(loss_rows<N> l) {
  __shared__ double part[32];
  const int64_t row = blockIdx.x, cols = l.p.cols;
  const double a = l.at[4 * row], b = l.at[4 * row + 1], c = l.at[4 * row + 2], w = l.at[4 * row + 3];
  const double slope = 2 * l.factor * w * a / (double)cols;
  double sum = 0;
  for (int64_t i = 4 * (int64_t)threadIdx.x; i < cols; i += 4 * LOSS_THREADS) {
    N p[4], x1[4], x0[4], d[4];
    l.p.load(row, i, p);
    l.x1.load(row, i, x1);
    l.x0.load(row, i, x0);
    for (int k = 0; k < 4; k++) {
      const double r = a * (double)p[k] + b * (double)x1[k] + c * (double)x0[k];
      sum += i + k < cols ? r * r : 0;
      d[k] = (N)(slope * r);
    }
    if (l.dp.data) l.dp.store(row, i, d);
  }
  sum = tr_block_sum(sum, part);
  if (threadIdx.x == 0) l.loss[row] = w * sum / (double)cols;
}

template <class N> static tr_status run_loss(tr_ctx *ctx, const tr_nn_loss_args *a) {
  const int64_t rows = a->p->shape[0];
  const loss_rows<N> l = {rows_of<N>(a->p, rows),  rows_of<N>(a->x1, rows),     rows_of<N>(a->x0, rows),
                          rows_of<N>(a->dp, rows), (const double *)a->at->data, a->factor,
                          (double *)a->loss->data};
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
