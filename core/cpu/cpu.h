/* The tables of the CPU backend's parts, shared with the guard backend. */
#ifndef TR_CORE_CPU_CPU_H
#define TR_CORE_CPU_CPU_H

#include "core/backend.h"
#include "core/cpu/nn/gemm.h"
#include "core/nn/ops_private.h"
#include "core/vec/program.h"

extern const tr_vec_ops tr_cpu_vec;
extern const tr_nn_ops tr_cpu_nn;

/* The backend state of cpu and guard: what the processor can do, and working memory of the operations. */
typedef struct {
  tr_cpu_level level;
  tr_gemm_engine engine;
  bool bf16; /* whether products of bf16 have an instruction of their own */
  void *scratch;
  size_t scratch_size;
  double slots[TR_SLOTS][TR_MAX_SEGMENTS]; /* as the operations left them */
  double shown[TR_SLOTS][TR_MAX_SEGMENTS]; /* as the host sees them */
  bool late;                               /* the host sees what came after a wait only (core/cpu/guard.h) */
} tr_cpu_state;

tr_status tr_cpu_open(int device, void **state, tr_error *err);
void tr_cpu_close(void *state);
tr_status tr_cpu_describe(char *text, size_t size);

/* Working memory for one operation, 64-byte aligned, kept between operations; contents undefined. */
tr_status tr_cpu_scratch(tr_ctx *ctx, size_t bytes, void **out);

/* Threads for an operation that one thread would do in about `seconds`: as many as the context allows, each
 * with work that outweighs its waking (core/cpu/backend.c). Results never depend on the number. */
int tr_cpu_threads_for(const tr_ctx *ctx, double seconds);
/* For one that works on so many elements one by one. */
int tr_cpu_threads_for_elements(const tr_ctx *ctx, int64_t count);
/* What one thread does in a second, on the slow side: multiply-adds of matrix products, elements of the
 * operations that work element by element. */
#define TR_CPU_PRODUCT_RATE 3e10
#define TR_CPU_ELEMENT_RATE 2e9

/* An operation that would take one thread a second or more asks before each of its tasks whether it was
 * interrupted; what is left is then not done. Shorter ones end first: networks ask between them, and know the
 * time to name. */
typedef struct {
  tr_ctx *ctx;
  bool asks, stopped; /* stopped: some task was not done */
} tr_cpu_long_work;
tr_cpu_long_work tr_cpu_begin(tr_ctx *ctx, double seconds);
/* Whether the next task shall not be done; any thread may ask. */
bool tr_cpu_is_stopped(tr_cpu_long_work *work);
/* TR_E_INTERRUPTED where something was not done. */
tr_status tr_cpu_end(const tr_cpu_long_work *work);

/* Memory of a device: 64-byte aligned, with huge pages where it is large; goes back by free. */
tr_status tr_cpu_alloc(tr_ctx *ctx, size_t bytes, void **out);

/* Outputs of a linear layer that one kernel makes, elements of `size` bytes: the width of a packed panel.
 * Four vectors measured best on AVX2 and AVX-512 (docs/decisions.md). */
int64_t tr_cpu_panel(tr_cpu_level level, int64_t size);
/* Columns of a panel in memory: the last one is filled up with zeros to whole pairs of 64-byte vectors,
 * because libxsmm's AVX-512 code for a single vector sums in an order that depends on the number of rows. */
int64_t tr_cpu_padded(int64_t width, int64_t size);

/* What was left in the slots becomes visible to the host. */
void tr_cpu_show_slots(tr_cpu_state *state);

/* Vector operations on elements from .. to - 1 of arrays given by their memory (core/cpu/vec_chunk.c). */
void tr_chunk_lincomb(tr_dtype dtype, int k, const double *a, const void *const *x, void *z, int64_t from,
                      int64_t to);
void tr_chunk_map(tr_dtype dtype, tr_map_op op, double c, const void *x, const void *y, void *z, int64_t from,
                  int64_t to);
void tr_chunk_weights(tr_dtype dtype, double rtol, double atol, const void *y, void *w, int64_t from,
                      int64_t to);
double tr_chunk_reduce(tr_dtype dtype, tr_reduce_op op, const void *x, const void *y, int64_t from,
                       int64_t to);
bool tr_chunk_finite(tr_dtype dtype, const void *x, int64_t from, int64_t to);

tr_status tr_cpu_deflate(tr_ctx *ctx, const tr_deflate_args *args); /* core/cpu/vec_deflate.c */

int64_t tr_cpu_rows_at_once(tr_ctx *ctx, bool kept, int64_t bytes);

/* The loops of this context's level for f32 or f64. */
const struct tr_cpu_kernels *tr_cpu_kernels_of(tr_ctx *ctx, tr_dtype dtype);

/* The words of so many numbers in a row, see tr_cpu_halves. */
static inline int64_t tr_cpu_words(int64_t numbers) {
  return (numbers + 1) / 2;
}

/* Element `column` of row `row` of a matrix. */
static inline char *tr_cpu_row(const tr_array *a, int64_t row, int64_t column) {
  return (char *)a->data + (row * a->shape[1] + column) * (int64_t)tr_dtype_size(a->dtype);
}

/* Element i of an array of f32 or f64. */
static inline double tr_cpu_load(const tr_array *a, int64_t i) {
  return a->dtype == TR_F32 ? (double)((const float *)a->data)[i] : ((const double *)a->data)[i];
}
static inline void tr_cpu_store(const tr_array *a, int64_t i, double value) {
  if (a->dtype == TR_F32)
    ((float *)a->data)[i] = (float)value;
  else
    ((double *)a->data)[i] = value;
}

static inline int64_t tr_cpu_smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static inline int64_t tr_cpu_ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/* Weights, see core/cpu/nn/weight.c. */
tr_status tr_cpu_weight_create(tr_ctx *ctx, const tr_nn_weight_spec *spec, void **own);
tr_status tr_cpu_weight_set(tr_ctx *ctx, void *own, const tr_array *values);
void tr_cpu_weight_destroy(tr_ctx *ctx, void *own);
/* The panels of W, or of W^T. */
tr_status tr_cpu_weight_panels(tr_ctx *ctx, const tr_nn_weight *weight, bool transposed, const char **out);

/* tr_cpu_attention of wide heads, operands as they are (core/cpu/nn/attention_wide.c). */
tr_status tr_cpu_attention_wide(tr_ctx *ctx, const tr_nn_attention_args *args);

/* The operations behind tr_cpu_nn, each in a file of core/cpu/nn. */
#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  tr_status tr_cpu_##op(tr_ctx *ctx, const tr_nn_##op##_args *args);
#include "core/nn/ops.def"
#undef TR_NN_OP

#endif
