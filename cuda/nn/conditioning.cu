/* Times and labels. Labels are on the device and not looked at there: who uploads them has checked them. */
#include "cuda/nn/activation.cuh"
#include "cuda/nn/quads.cuh"

/* ---- cosines and sines of times ---- */

template <class N> struct embed_work {
  const double *t;
  bool one; /* time for all rows */
  int64_t half;
  tr_matrix<N> y;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N v[4];
    for (int i = 0; i < 4; i++) {
      const int64_t j = c + i < half ? c + i : c + i - half;
      const double angle = t[one ? 0 : row] * exp(-log(10000.0) * (double)j / (double)half);
      v[i] = c + i >= 2 * half ? 0 : (N)(c + i < half ? cos(angle) : sin(angle));
    }
    y.store(row, c, v);
  }
};

template <class N> static tr_status run_embed(tr_ctx *ctx, const tr_nn_embed_times_args *a) {
  return tr_launch_quads(
      ctx, "an embedding of times", a->y->shape[0], a->y->shape[1],
      embed_work<N>{(const double *)a->t->data, a->t->count == 1, a->y->shape[1] / 2, tr_matrix_of<N>(a->y)});
}

tr_status tr_cuda_embed_times(tr_ctx *ctx, const tr_nn_embed_times_args *a) {
  return a->y->dtype == TR_F64 ? run_embed<double>(ctx, a) : run_embed<float>(ctx, a);
}

/* ---- v = e + table[label] ---- */

template <class N> struct labelled {
  tr_matrix<N> e;
  bool one_e;
  tr_matrix<N> table; /* may be absent */
  const int32_t *labels;
  bool one_label;

  __device__ __forceinline__ int64_t label(int64_t row) const {
    return labels[one_label ? 0 : row];
  }
  __device__ __forceinline__ void load(int64_t row, int64_t c, N v[4]) const {
    N more[4];
    e.load(one_e ? 0 : row, c, v);
    if (!table.data) return;
    table.load(label(row), c, more);
    for (int i = 0; i < 4; i++) v[i] += more[i];
  }
};

template <class N>
static labelled<N> labelled_of(const tr_array *e, const tr_array *table, const tr_array *labels) {
  return {tr_matrix_of<N>(e), e->shape[0] == 1, tr_matrix_of<N>(table),
          labels ? (const int32_t *)labels->data : NULL, labels && labels->count == 1};
}

template <class N> struct condition_work {
  labelled<N> given;
  tr_matrix<N> y;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N v[4];
    given.load(row, c, v);
    for (int i = 0; i < 4; i++) v[i] = tr_silu(v[i]);
    y.store(row, c, v);
  }
};

template <class N> static tr_status run_condition(tr_ctx *ctx, const tr_nn_condition_args *a) {
  return tr_launch_quads(ctx, "conditioning", a->y->shape[0], a->y->shape[1],
                         condition_work<N>{labelled_of<N>(a->e, a->table, a->labels), tr_matrix_of<N>(a->y)});
}

tr_status tr_cuda_condition(tr_ctx *ctx, const tr_nn_condition_args *a) {
  return a->y->dtype == TR_F64 ? run_condition<double>(ctx, a) : run_condition<float>(ctx, a);
}

/* ---- gradients: of e row by row, then of the table, the samples of a label in their order ---- */

template <class N> struct e_work {
  labelled<N> given;
  tr_matrix<N> dy, de;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N v[4], d[4];
    given.load(row, c, v);
    dy.load(row, c, d);
    for (int i = 0; i < 4; i++) d[i] *= tr_slope(TR_NN_SILU, v[i]);
    de.store(row, c, d);
  }
};

/* Of a sample: whether it is the first of its label, and the next one, the number of samples if there is
 * none.
 */
struct label_link {
  int32_t first, next;
};

static __global__ __launch_bounds__(256) void link_labels(const int32_t *labels, bool one_label, int samples,
                                                          label_link *links) {
  const int row = (int)(blockIdx.x * 256 + threadIdx.x);
  if (row >= samples) return;
  label_link link = {1, row + 1};
  if (!one_label) {
    for (int r = 0; r < row; r++) link.first &= labels[r] != labels[row];
    while (link.next < samples && labels[link.next] != labels[row]) link.next++;
  } else
    link.first = row == 0;
  links[row] = link;
}

/* The first sample of a label does it for all of them. */
template <class N> struct table_work {
  labelled<N> given;
  const label_link *links;
  int64_t samples;
  tr_matrix<N> de, dtable;

  __device__ __forceinline__ void operator()(int64_t row, int64_t c) const {
    N sum[4], d[4];
    if (!links[row].first) return;
    const int64_t label = given.label(row);
    dtable.load(label, c, sum);
    for (int64_t r = row; r < samples; r = links[r].next) {
      de.load(r, c, d);
      for (int i = 0; i < 4; i++) sum[i] += d[i];
    }
    dtable.store(label, c, sum);
  }
};

template <class N> static tr_status run_gradient(tr_ctx *ctx, const tr_nn_gradient_of_condition_args *a) {
  const int64_t rows = a->de->shape[0], cols = a->de->shape[1];
  labelled<N> given = labelled_of<N>(a->e, a->table, a->labels);
  TR_TRY(tr_launch_quads(ctx, "the gradient of conditioning", rows, cols,
                         e_work<N>{given, tr_matrix_of<N>(a->dy), tr_matrix_of<N>(a->de)}));
  if (!a->table || rows == 0) return TR_OK;
  void *links;
  TR_TRY(tr_cuda_scratch(ctx, (size_t)rows * sizeof(label_link), &links));
  TR_TRY(tr_cuda_launch(ctx, "the gradient of conditioning", rows, cols, link_labels,
                        tr_cuda_blocks(rows, 256), 256, 0, given.labels, given.one_label, (int)rows,
                        (label_link *)links));
  return tr_launch_quads(ctx, "the gradient of conditioning", rows, cols,
                         table_work<N>{given, (const label_link *)links, rows, tr_matrix_of<N>(a->de),
                                       tr_matrix_of<N>(a->dtable)});
}

tr_status tr_cuda_gradient_of_condition(tr_ctx *ctx, const tr_nn_gradient_of_condition_args *a) {
  return a->de->dtype == TR_F64 ? run_gradient<double>(ctx, a) : run_gradient<float>(ctx, a);
}
