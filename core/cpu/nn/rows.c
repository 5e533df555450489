/* The network operations of the CPU that work row by row. */
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

static const char *columns_at(const tr_nn_columns *columns, int64_t row, int64_t rows) {
  return tr_cpu_row(columns->table, row / (rows / columns->table->shape[0]), columns->offset);
}

tr_status tr_cpu_norm_modulate(tr_ctx *ctx, const tr_nn_norm_modulate_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_modulate(cols, tr_cpu_row(a->x, r, 0), columns_at(&a->shift, r, rows),
                           columns_at(&a->scale, r, rows), a->eps, tr_cpu_row(a->y, r, 0));
  return TR_OK;
}

tr_status tr_cpu_linear_norm(tr_ctx *ctx, const tr_nn_linear_norm_args *a) {
  TR_TRY(tr_cpu_linear(ctx, &a->linear));
  return tr_cpu_norm_modulate(ctx, &a->norm);
}

tr_status tr_cpu_norm_backward(tr_ctx *ctx, const tr_nn_norm_backward_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->dx->dtype);
  int64_t rows = a->dx->shape[0], cols = a->dx->shape[1], given = a->x->shape[0];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->dx->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_backward(cols, tr_cpu_row(a->x, r % given, 0), columns_at(&a->scale, r % given, given),
                           a->eps, tr_cpu_row(a->dy, r, 0),
                           a->residual ? tr_cpu_row(a->residual, r, 0) : NULL, tr_cpu_row(a->dx, r, 0));
  return TR_OK;
}

tr_status tr_cpu_norm_jvp(tr_ctx *ctx, const tr_nn_norm_jvp_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_jvp(cols, tr_cpu_row(a->x, r, 0), columns_at(&a->scale, r, rows), a->eps,
                      tr_cpu_row(a->v, r, 0), tr_cpu_row(a->y, r, 0));
  return TR_OK;
}

tr_status tr_cpu_gate(tr_ctx *ctx, const tr_nn_gate_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->finish(&(tr_cpu_epilogue){.rows = 1,
                                       .cols = cols,
                                       .product = tr_cpu_row(a->x, r, 0),
                                       .gate = columns_at(&a->gate, r, rows),
                                       .residual = a->residual ? tr_cpu_row(a->residual, r, 0) : NULL,
                                       .y = tr_cpu_row(a->y, r, 0)});
  return TR_OK;
}

tr_status tr_cpu_activate(tr_ctx *ctx, const tr_nn_activate_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->finish(&(tr_cpu_epilogue){.rows = 1,
                                       .cols = cols,
                                       .activation = a->activation,
                                       .product = tr_cpu_row(a->v, r, 0),
                                       .y = tr_cpu_row(a->y, r, 0)});
  return TR_OK;
}

tr_status tr_cpu_activation_backward(tr_ctx *ctx, const tr_nn_activation_backward_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->dv->dtype);
  int64_t rows = a->dv->shape[0], cols = a->dv->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->dv->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->activation_backward(a->activation, cols, tr_cpu_row(a->v, r % a->v->shape[0], 0),
                                 tr_cpu_row(a->dy, r, 0), tr_cpu_row(a->dv, r, 0));
  return TR_OK;
}

/* ---- gradients of columns of a table: sums over the rows that share one of it ---- */

/* Rows of `a` per row of the table. */
static int64_t rows_per(const tr_array *a, const tr_array *table) {
  return a->shape[0] / table->shape[0];
}

tr_status tr_cpu_gradient_of_gate(tr_ctx *ctx, const tr_nn_gradient_of_gate_args *a) {
  const tr_array *x = a->x;
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, x->dtype);
  int64_t cols = x->shape[1], each = rows_per(x, a->dgate);
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, x->count)) schedule(static)
  for (int64_t q = 0; q < a->dgate->shape[0]; q++) {
    char *sum = tr_cpu_row(a->dgate, q, a->offset);
    memset(sum, 0, (size_t)cols * tr_dtype_size(x->dtype));
    for (int64_t r = q * each; r < (q + 1) * each; r++)
      kernels->multiply_add(cols, tr_cpu_row(x, r, 0), tr_cpu_row(a->dy, r, 0), sum);
  }
  return TR_OK;
}

tr_status tr_cpu_gradient_of_norm(tr_ctx *ctx, const tr_nn_gradient_of_norm_args *a) {
  const tr_array *x = a->x;
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, x->dtype);
  int64_t cols = x->shape[1], each = rows_per(x, a->table);
  size_t bytes = (size_t)cols * tr_dtype_size(x->dtype);
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, x->count)) schedule(static)
  for (int64_t q = 0; q < a->table->shape[0]; q++) {
    char *shift = tr_cpu_row(a->table, q, a->shift), *scale = tr_cpu_row(a->table, q, a->scale);
    memset(shift, 0, bytes), memset(scale, 0, bytes);
    for (int64_t r = q * each; r < (q + 1) * each; r++)
      kernels->gradient_of_norm(cols, tr_cpu_row(x, r, 0), a->eps, tr_cpu_row(a->dy, r, 0), shift, scale);
  }
  return TR_OK;
}
