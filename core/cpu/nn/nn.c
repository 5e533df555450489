/* The table of the CPU's network operations, and how many rows keep it busy. */
#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

/* What the layers of a block hand to each other should stay in the last-level cache, and the threads should
 * not meet more often than that demands (docs/decisions.md). */
static const int64_t rows_passed_on[] = {
    [TR_CPU_BASELINE] = 512, [TR_CPU_AVX2] = 1024, [TR_CPU_AVX512] = 512};
#define ROWS_KEPT       512
#define ROWS_PER_THREAD 128

const tr_cpu_kernels *tr_cpu_kernels_of(tr_ctx *ctx, tr_dtype dtype) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  return tr_cpu_kernels_for(state->level, dtype);
}

/* Memory is not what bounds them: bytes are not looked at. */
int64_t tr_cpu_rows_at_once(tr_ctx *ctx, bool kept, int64_t bytes) {
  (void)bytes;
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  int64_t rows = ROWS_PER_THREAD * (int64_t)tr_ctx_threads(ctx);
  int64_t least = kept ? ROWS_KEPT : rows_passed_on[state->level];
  return rows > least ? rows : least;
}

const tr_nn_ops tr_cpu_nn = {
    .rows_at_once = tr_cpu_rows_at_once,
    .weight_create = tr_cpu_weight_create,
    .weight_set = tr_cpu_weight_set,
    .weight_destroy = tr_cpu_weight_destroy,
#define TR_NN_OP(op, what, need, moves, must, may) .op = tr_cpu_##op,
#include "core/nn/ops.def"
#undef TR_NN_OP
};
