/* The network operations of the CPU that work row by row. */
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

static const tr_cpu_kernels *kernels_for(tr_ctx *ctx, tr_dtype dtype) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  return tr_cpu_kernels_for(state->level, dtype);
}

static const char *row_at(const tr_array *a, int64_t row, int64_t offset) {
  return (const char *)a->data + (row * a->shape[1] + offset) * (int64_t)tr_dtype_size(a->dtype);
}

static char *row_of(tr_array *a, int64_t row, int64_t offset) {
  return (char *)a->data + (row * a->shape[1] + offset) * (int64_t)tr_dtype_size(a->dtype);
}

static const char *columns_at(const tr_nn_columns *columns, int64_t row, int64_t rows) {
  return row_at(columns->table, row / (rows / columns->table->shape[0]), columns->offset);
}

tr_status tr_cpu_norm_modulate(tr_ctx *ctx, const tr_nn_norm_modulate_args *a) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_modulate(cols, row_at(a->x, r, 0), columns_at(&a->shift, r, rows),
                           columns_at(&a->scale, r, rows), a->eps, row_of(a->y, r, 0));
  return TR_OK;
}

tr_status tr_cpu_norm_backward(tr_ctx *ctx, const tr_nn_norm_backward_args *a) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, a->dx->dtype);
  int64_t rows = a->dx->shape[0], cols = a->dx->shape[1], given = a->x->shape[0];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->dx->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_backward(cols, row_at(a->x, r % given, 0), columns_at(&a->scale, r % given, given), a->eps,
                           row_at(a->dy, r, 0), a->residual ? row_at(a->residual, r, 0) : NULL,
                           row_of(a->dx, r, 0));
  return TR_OK;
}

tr_status tr_cpu_norm_jvp(tr_ctx *ctx, const tr_nn_norm_jvp_args *a) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_jvp(cols, row_at(a->x, r, 0), columns_at(&a->scale, r, rows), a->eps, row_at(a->v, r, 0),
                      row_of(a->y, r, 0));
  return TR_OK;
}

tr_status tr_cpu_gate(tr_ctx *ctx, const tr_nn_gate_args *a) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->multiply(cols, row_at(a->x, r, 0), columns_at(&a->gate, r, rows), row_of(a->y, r, 0));
  return TR_OK;
}

tr_status tr_cpu_activate(tr_ctx *ctx, const tr_nn_activate_args *a) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, a->y->dtype);
  int64_t rows = a->y->shape[0], cols = a->y->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->finish(&(tr_cpu_epilogue){.rows = 1,
                                       .cols = cols,
                                       .activation = a->activation,
                                       .product = row_at(a->v, r, 0),
                                       .y = row_of(a->y, r, 0)});
  return TR_OK;
}

tr_status tr_cpu_activation_backward(tr_ctx *ctx, const tr_nn_activation_backward_args *a) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, a->dv->dtype);
  int64_t rows = a->dv->shape[0], cols = a->dv->shape[1];
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->dv->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->activation_backward(a->activation, cols, row_at(a->v, r % a->v->shape[0], 0),
                                 row_at(a->dy, r, 0), row_of(a->dv, r, 0));
  return TR_OK;
}

/* ---- gradients of columns of a table: sums over the rows that share one of it ---- */

/* Rows of `a` per row of the table. */
static int64_t rows_per(const tr_array *a, const tr_array *table) {
  return a->shape[0] / table->shape[0];
}

tr_status tr_cpu_gradient_of_gate(tr_ctx *ctx, const tr_nn_gradient_of_gate_args *a) {
  const tr_array *x = a->x;
  const tr_cpu_kernels *kernels = kernels_for(ctx, x->dtype);
  int64_t cols = x->shape[1], each = rows_per(x, a->dgate);
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, x->count)) schedule(static)
  for (int64_t q = 0; q < a->dgate->shape[0]; q++) {
    char *sum = row_of(a->dgate, q, a->offset);
    memset(sum, 0, (size_t)cols * tr_dtype_size(x->dtype));
    for (int64_t r = q * each; r < (q + 1) * each; r++)
      kernels->multiply_add(cols, row_at(x, r, 0), row_at(a->dy, r, 0), sum);
  }
  return TR_OK;
}

tr_status tr_cpu_gradient_of_norm(tr_ctx *ctx, const tr_nn_gradient_of_norm_args *a) {
  const tr_array *x = a->x;
  const tr_cpu_kernels *kernels = kernels_for(ctx, x->dtype);
  int64_t cols = x->shape[1], each = rows_per(x, a->table);
  size_t bytes = (size_t)cols * tr_dtype_size(x->dtype);
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, x->count)) schedule(static)
  for (int64_t q = 0; q < a->table->shape[0]; q++) {
    char *shift = row_of(a->table, q, a->shift), *scale = row_of(a->table, q, a->scale);
    memset(shift, 0, bytes), memset(scale, 0, bytes);
    for (int64_t r = q * each; r < (q + 1) * each; r++)
      kernels->gradient_of_norm(cols, row_at(x, r, 0), a->eps, row_at(a->dy, r, 0), shift, scale);
  }
  return TR_OK;
}
