/* Times and labels on the CPU. */
#include <math.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

#define MAX_PERIOD 10000.0
#define EMBED_COST 40 /* of an element that is a cosine, to one that is moved */

tr_status tr_cpu_embed_times(tr_ctx *ctx, const tr_nn_embed_times_args *a) {
  const double *t = a->t->data;
  int64_t width = a->y->shape[1], half = width / 2;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, EMBED_COST * a->y->count))             \
    schedule(static)
  for (int64_t r = 0; r < a->y->shape[0]; r++) {
    for (int64_t j = 0; j < half; j++) {
      double angle = t[a->t->count == 1 ? 0 : r] * exp(-log(MAX_PERIOD) * (double)j / (double)half);
      tr_cpu_store(a->y, r * width + j, cos(angle));
      tr_cpu_store(a->y, r * width + half + j, sin(angle));
    }
    if (width % 2) tr_cpu_store(a->y, (r + 1) * width - 1, 0);
  }
  return TR_OK;
}

/* The label of row r, which the table must have. */
static int64_t label_of(const tr_array *labels, int64_t r) {
  return ((const int32_t *)labels->data)[labels->count == 1 ? 0 : r];
}

static tr_status check_labels(tr_ctx *ctx, const tr_array *labels, const tr_array *table) {
  for (int64_t r = 0; labels && r < labels->count; r++) {
    int64_t label = label_of(labels, r);
    if (label < 0 || label >= table->shape[0])
      return TR_FAIL(ctx, TR_E_ARG, "class label %lld is not one of 0 to %lld", (long long)label,
                     (long long)table->shape[0] - 1);
  }
  return TR_OK;
}

tr_status tr_cpu_condition(tr_ctx *ctx, const tr_nn_condition_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->y->dtype);
  TR_TRY(check_labels(ctx, a->labels, a->table));
  for (int64_t r = 0; r < a->y->shape[0]; r++)
    kernels->silu_sum(a->y->shape[1], tr_cpu_row(a->e, a->e->shape[0] == 1 ? 0 : r, 0),
                      a->table ? tr_cpu_row(a->table, label_of(a->labels, r), 0) : NULL,
                      tr_cpu_row(a->y, r, 0));
  return TR_OK;
}

static void add_rows(const tr_cpu_kernels *kernels, int64_t cols, const char *a, const char *b, char *y) {
  kernels->finish(&(tr_cpu_epilogue){.rows = 1, .cols = cols, .product = a, .residual = b, .y = y});
}

/* Samples in turn: several may have the same label. */
tr_status tr_cpu_gradient_of_condition(tr_ctx *ctx, const tr_nn_gradient_of_condition_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->de->dtype);
  int64_t cols = a->de->shape[1];
  TR_TRY(check_labels(ctx, a->labels, a->table));
  for (int64_t r = 0; r < a->de->shape[0]; r++) {
    const char *given = tr_cpu_row(a->e, r, 0), *dout = tr_cpu_row(a->dy, r, 0);
    char *v = tr_cpu_row(a->de, r, 0);
    if (a->table) add_rows(kernels, cols, given, tr_cpu_row(a->table, label_of(a->labels, r), 0), v);
    kernels->activation_backward(TR_NN_SILU, cols, a->table ? v : given, dout, v);
    if (!a->table) continue;
    char *row = tr_cpu_row(a->dtable, label_of(a->labels, r), 0);
    add_rows(kernels, cols, v, row, row);
  }
  return TR_OK;
}
