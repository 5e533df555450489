/* The network operations of the CPU that work row by row, and the table of all. */
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

/* What the layers of a block hand to each other should stay in the last-level cache, and the threads should
 * not meet more often than that demands (docs/decisions.md). */
static const int64_t rows_passed_on[] = {
    [TR_CPU_BASELINE] = 512, [TR_CPU_AVX2] = 1024, [TR_CPU_AVX512] = 512};
#define ROWS_KEPT       512
#define ROWS_PER_THREAD 128

static int threads_for(const tr_ctx *ctx, int64_t count) {
  return tr_cpu_threads_for(ctx, (double)count / TR_CPU_ELEMENT_RATE);
}

static const tr_cpu_kernels *kernels_for(tr_ctx *ctx, tr_dtype dtype) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  return tr_cpu_kernels_for(state->level, dtype);
}

static int64_t cpu_rows_at_once(tr_ctx *ctx, bool kept) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  int64_t rows = ROWS_PER_THREAD * (int64_t)tr_ctx_threads(ctx);
  int64_t least = kept ? ROWS_KEPT : rows_passed_on[state->level];
  return rows > least ? rows : least;
}

static const char *row_at(const tr_array *a, int64_t row, int64_t offset) {
  return (const char *)a->data + (row * a->shape[1] + offset) * (int64_t)tr_dtype_size(a->dtype);
}

static const char *columns_at(const tr_nn_columns *columns, int64_t row, int64_t rows) {
  return row_at(columns->table, row / (rows / columns->table->shape[0]), columns->offset);
}

static tr_status cpu_norm_modulate(tr_ctx *ctx, const tr_nn_norm_args *args) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, args->y->dtype);
  int64_t rows = args->y->shape[0], cols = args->y->shape[1];
#pragma omp parallel for num_threads(threads_for(ctx, rows *cols)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_modulate(cols, row_at(args->x, r, 0), columns_at(&args->shift, r, rows),
                           columns_at(&args->scale, r, rows), args->eps, (char *)row_at(args->y, r, 0));
  return TR_OK;
}

static tr_status cpu_condition(tr_ctx *ctx, const tr_array *e, const tr_array *table, const int32_t *labels,
                               tr_array *y) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, y->dtype);
  for (int64_t r = 0; r < y->shape[0]; r++)
    kernels->silu_sum(y->shape[1], row_at(e, e->shape[0] == 1 ? 0 : r, 0),
                      table ? row_at(table, labels[r], 0) : NULL, (char *)row_at(y, r, 0));
  return TR_OK;
}

/* Where patches meet latents: token t of a sample covers rows t / wide * p + i and columns t % wide * p + j.
 */
typedef struct {
  int64_t channels, height, width, patch, wide, tokens;
} patch_grid;

static patch_grid grid_of(const tr_array *latents, int patch) {
  patch_grid g = {.channels = latents->shape[1],
                  .height = latents->shape[2],
                  .width = latents->shape[3],
                  .patch = patch,
                  .wide = latents->shape[3] / patch};
  g.tokens = g.height / patch * g.wide;
  return g;
}

/* Offset of the patch row (channel c, row i) of token t of sample n in the latents. */
static int64_t latent_offset(const patch_grid *g, int64_t n, int64_t t, int64_t c, int64_t i) {
  int64_t top = t / g->wide * g->patch + i, left = t % g->wide * g->patch;
  return ((n * g->channels + c) * g->height + top) * g->width + left;
}

static tr_status cpu_patchify(tr_ctx *ctx, const tr_array *x, int patch, tr_array *y) {
  const patch_grid g = grid_of(x, patch);
  int64_t size = (int64_t)tr_dtype_size(x->dtype), run = patch * size;
#pragma omp parallel for num_threads(threads_for(ctx, x->count)) schedule(static)
  for (int64_t r = 0; r < y->shape[0]; r++) {
    char *to = (char *)row_at(y, r, 0);
    for (int64_t c = 0; c < g.channels; c++)
      for (int64_t i = 0; i < patch; i++, to += run)
        memcpy(to, (const char *)x->data + latent_offset(&g, r / g.tokens, r % g.tokens, c, i) * size,
               (size_t)run);
  }
  return TR_OK;
}

static tr_status cpu_unpatchify(tr_ctx *ctx, const tr_array *y, int patch, tr_array *x) {
  const patch_grid g = grid_of(x, patch);
  int64_t size = (int64_t)tr_dtype_size(x->dtype), out_channels = y->shape[1] / patch / patch;
#pragma omp parallel for num_threads(threads_for(ctx, x->count)) schedule(static)
  for (int64_t r = 0; r < y->shape[0]; r++)
    for (int64_t c = 0; c < g.channels; c++)
      for (int64_t i = 0; i < patch; i++) {
        char *to = (char *)x->data + latent_offset(&g, r / g.tokens, r % g.tokens, c, i) * size;
        for (int64_t j = 0; j < patch; j++)
          memcpy(to + j * size, row_at(y, r, (i * patch + j) * out_channels + c), (size_t)size);
      }
  return TR_OK;
}

static tr_status cpu_gate(tr_ctx *ctx, const tr_array *x, const tr_nn_columns *gate, tr_array *y) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, y->dtype);
  int64_t rows = y->shape[0], cols = y->shape[1];
#pragma omp parallel for num_threads(threads_for(ctx, rows *cols)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->multiply(cols, row_at(x, r, 0), columns_at(gate, r, rows), (char *)row_at(y, r, 0));
  return TR_OK;
}

static tr_status cpu_activate(tr_ctx *ctx, tr_nn_activation activation, const tr_array *v, tr_array *y) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, y->dtype);
  int64_t rows = y->shape[0], cols = y->shape[1];
#pragma omp parallel for num_threads(threads_for(ctx, rows *cols)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->finish(&(tr_cpu_epilogue){.rows = 1,
                                       .cols = cols,
                                       .activation = activation,
                                       .product = row_at(v, r, 0),
                                       .y = (char *)row_at(y, r, 0)});
  return TR_OK;
}

static tr_status cpu_activation_backward(tr_ctx *ctx, tr_nn_activation activation, const tr_array *v,
                                         const tr_array *dy, tr_array *dv) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, dv->dtype);
  int64_t rows = dv->shape[0], cols = dv->shape[1];
#pragma omp parallel for num_threads(threads_for(ctx, rows *cols)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->activation_backward(activation, cols, row_at(v, r % v->shape[0], 0), row_at(dy, r, 0),
                                 (char *)row_at(dv, r, 0));
  return TR_OK;
}

static tr_status cpu_norm_backward(tr_ctx *ctx, const tr_nn_norm_backward_args *args) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, args->dx->dtype);
  int64_t rows = args->dx->shape[0], cols = args->dx->shape[1], given = args->x->shape[0];
#pragma omp parallel for num_threads(threads_for(ctx, rows *cols)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_backward(cols, row_at(args->x, r % given, 0), columns_at(&args->scale, r % given, given),
                           args->eps, row_at(args->dy, r, 0),
                           args->residual ? row_at(args->residual, r, 0) : NULL,
                           (char *)row_at(args->dx, r, 0));
  return TR_OK;
}

/* Rows of `a` per row of the table. */
static int64_t rows_per(const tr_array *a, const tr_array *table) {
  return a->shape[0] / table->shape[0];
}

static tr_status cpu_gradient_of_gate(tr_ctx *ctx, const tr_array *x, const tr_array *dy, tr_array *dgate,
                                      int64_t offset) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, x->dtype);
  int64_t cols = x->shape[1], each = rows_per(x, dgate);
#pragma omp parallel for num_threads(threads_for(ctx, x->count)) schedule(static)
  for (int64_t q = 0; q < dgate->shape[0]; q++) {
    char *sum = (char *)row_at(dgate, q, offset);
    memset(sum, 0, (size_t)cols * tr_dtype_size(x->dtype));
    for (int64_t r = q * each; r < (q + 1) * each; r++)
      kernels->multiply_add(cols, row_at(x, r, 0), row_at(dy, r, 0), sum);
  }
  return TR_OK;
}

static tr_status cpu_gradient_of_norm(tr_ctx *ctx, const tr_nn_gradient_of_norm_args *args) {
  const tr_array *x = args->x, *table = args->table;
  const tr_cpu_kernels *kernels = kernels_for(ctx, x->dtype);
  int64_t cols = x->shape[1], each = rows_per(x, table);
  size_t bytes = (size_t)cols * tr_dtype_size(x->dtype);
#pragma omp parallel for num_threads(threads_for(ctx, x->count)) schedule(static)
  for (int64_t q = 0; q < table->shape[0]; q++) {
    char *shift = (char *)row_at(table, q, args->shift), *scale = (char *)row_at(table, q, args->scale);
    memset(shift, 0, bytes), memset(scale, 0, bytes);
    for (int64_t r = q * each; r < (q + 1) * each; r++)
      kernels->gradient_of_norm(cols, row_at(x, r, 0), args->eps, row_at(args->dy, r, 0), shift, scale);
  }
  return TR_OK;
}

static void add_rows(const tr_cpu_kernels *kernels, int64_t cols, const char *a, const char *b, char *y) {
  kernels->finish(&(tr_cpu_epilogue){.rows = 1, .cols = cols, .product = a, .residual = b, .y = y});
}

/* Samples in turn: several may have the same label. */
static tr_status cpu_gradient_of_condition(tr_ctx *ctx, const tr_array *e, const tr_array *table,
                                           const int32_t *labels, const tr_array *dy, tr_array *de,
                                           tr_array *dtable) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, de->dtype);
  int64_t cols = de->shape[1];
  for (int64_t r = 0; r < de->shape[0]; r++) {
    const char *given = row_at(e, r, 0), *dout = row_at(dy, r, 0);
    char *v = (char *)row_at(de, r, 0);
    if (table) add_rows(kernels, cols, given, row_at(table, labels[r], 0), v);
    kernels->activation_backward(TR_NN_SILU, cols, table ? v : given, dout, v);
    if (!table) continue;
    char *row = (char *)row_at(dtable, labels[r], 0);
    add_rows(kernels, cols, v, row, row);
  }
  return TR_OK;
}

static tr_status cpu_norm_jvp(tr_ctx *ctx, const tr_nn_norm_jvp_args *args) {
  const tr_cpu_kernels *kernels = kernels_for(ctx, args->y->dtype);
  int64_t rows = args->y->shape[0], cols = args->y->shape[1];
#pragma omp parallel for num_threads(threads_for(ctx, rows *cols)) schedule(static)
  for (int64_t r = 0; r < rows; r++)
    kernels->norm_jvp(cols, row_at(args->x, r, 0), columns_at(&args->scale, r, rows), args->eps,
                      row_at(args->v, r, 0), (char *)row_at(args->y, r, 0));
  return TR_OK;
}

/* Every latent lies in one patch: the adjoint of cutting puts the values back. */
static tr_status cpu_patchify_adjoint(tr_ctx *ctx, const tr_array *dy, int patch, tr_array *dx) {
  const patch_grid g = grid_of(dx, patch);
  int64_t size = (int64_t)tr_dtype_size(dx->dtype), run = patch * size;
#pragma omp parallel for num_threads(threads_for(ctx, dx->count)) schedule(static)
  for (int64_t r = 0; r < dy->shape[0]; r++) {
    const char *from = row_at(dy, r, 0);
    for (int64_t c = 0; c < g.channels; c++)
      for (int64_t i = 0; i < patch; i++, from += run)
        memcpy((char *)dx->data + latent_offset(&g, r / g.tokens, r % g.tokens, c, i) * size, from,
               (size_t)run);
  }
  return TR_OK;
}

static tr_status cpu_unpatchify_adjoint(tr_ctx *ctx, const tr_array *dx, int patch, tr_array *dy) {
  const patch_grid g = grid_of(dx, patch);
  int64_t size = (int64_t)tr_dtype_size(dx->dtype), out_channels = dy->shape[1] / patch / patch;
#pragma omp parallel for num_threads(threads_for(ctx, dy->count)) schedule(static)
  for (int64_t r = 0; r < dy->shape[0]; r++) {
    memset((char *)row_at(dy, r, 0), 0, (size_t)(dy->shape[1] * size)); /* the dropped channels */
    for (int64_t c = 0; c < g.channels; c++)
      for (int64_t i = 0; i < patch; i++) {
        const char *from =
            (const char *)dx->data + latent_offset(&g, r / g.tokens, r % g.tokens, c, i) * size;
        for (int64_t j = 0; j < patch; j++)
          memcpy((char *)row_at(dy, r, (i * patch + j) * out_channels + c), from + j * size, (size_t)size);
      }
  }
  return TR_OK;
}

const tr_nn_ops tr_cpu_nn = {.rows_at_once = cpu_rows_at_once,
                             .weight_create = tr_cpu_weight_create,
                             .weight_set = tr_cpu_weight_set,
                             .weight_destroy = tr_cpu_weight_destroy,
                             .linear = tr_cpu_linear,
                             .norm_modulate = cpu_norm_modulate,
                             .attention = tr_cpu_attention,
                             .condition = cpu_condition,
                             .patchify = cpu_patchify,
                             .unpatchify = cpu_unpatchify,
                             .gate = cpu_gate,
                             .activate = cpu_activate,
                             .activation_backward = cpu_activation_backward,
                             .norm_backward = cpu_norm_backward,
                             .attention_backward = tr_cpu_attention_backward,
                             .patchify_adjoint = cpu_patchify_adjoint,
                             .unpatchify_adjoint = cpu_unpatchify_adjoint,
                             .gradient_of_linear = tr_cpu_gradient_of_linear,
                             .gradient_of_gate = cpu_gradient_of_gate,
                             .gradient_of_norm = cpu_gradient_of_norm,
                             .gradient_of_condition = cpu_gradient_of_condition,
                             .norm_jvp = cpu_norm_jvp,
                             .attention_jvp = tr_cpu_attention_jvp};
