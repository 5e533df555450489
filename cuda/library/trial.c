/* Whether two ways to multiply have the same bits: one entry of random numbers by each. The second half of k
 * takes back what the first one adds, so that of the sums only their rounding is left: which has another
 * value for any other order, and is not rounded away in a result of bf16. */
#include "cuda/library/trial.h"
#include "cuda/library/blas_private.h"

typedef struct {
  char *room, *a, *b, *bias, *aux, *one, *other, *differs;
} memory;

static int64_t count_a(const tr_cuda_shape *s) {
  return s->lda * (s->turn_a ? s->m : s->k);
}
static int64_t count_b(const tr_cuda_shape *s) {
  return s->ldb * (s->turn_b ? s->k : s->n);
}

static tr_status take(tr_ctx *ctx, const tr_cuda_shape *s, memory *m) {
  const int64_t in = (int64_t)tr_dtype_size(tr_cuda_operand_type(s->arithmetic));
  const int64_t d = s->n * s->ldd * (int64_t)tr_dtype_size(s->d);
  const tr_cuda_part parts[] = {{&m->room, (int64_t)tr_cuda_product_room(ctx)},
                                {&m->a, count_a(s) * in},
                                {&m->b, count_b(s) * in},
                                {&m->bias, s->m * 8},
                                {&m->aux, d},
                                {&m->one, d},
                                {&m->other, d},
                                {&m->differs, sizeof(int)}};
  return tr_cuda_scratch_parts(ctx, sizeof parts / sizeof *parts, parts);
}

static tr_status clear(tr_ctx *ctx, char *memory, int64_t bytes) {
  return tr_cuda_check(ctx, cudaMemsetAsync(memory, 0, (size_t)bytes, tr_cuda(ctx)->stream),
                       "clearing working memory");
}

static tr_status fill(tr_ctx *ctx, const tr_cuda_shape *s, const memory *m) {
  const tr_dtype in = tr_cuda_operand_type(s->arithmetic);
  const tr_cuda_trial_matrix a = {
      .type = in, .to = m->a, .cols = count_a(s) / s->lda, .ld = s->lda, .k = s->k, .across = !s->turn_a};
  const tr_cuda_trial_matrix b = {.type = in,
                                  .to = m->b,
                                  .cols = count_b(s) / s->ldb,
                                  .ld = s->ldb,
                                  .k = s->k,
                                  .across = s->turn_b,
                                  .opposite = true};
  const tr_cuda_trial_matrix aux = {.type = s->d, .to = m->aux, .cols = s->n, .ld = s->ldd, .k = s->ldd};
  TR_TRY(tr_cuda_trial_fill(ctx, &a));
  TR_TRY(tr_cuda_trial_fill(ctx, &b));
  if (s->epilogue & TR_CUDA_SLOPE) TR_TRY(tr_cuda_trial_fill(ctx, &aux));
  if (s->adds || s->ldd > s->m) { /* what is added to, and what lies between */
    TR_TRY(clear(ctx, m->one, s->n * s->ldd * (int64_t)tr_dtype_size(s->d)));
    TR_TRY(clear(ctx, m->other, s->n * s->ldd * (int64_t)tr_dtype_size(s->d)));
  }
  return clear(ctx, m->bias, s->m * 8);
}

tr_status tr_cuda_same_bits(tr_ctx *ctx, tr_cuda_way one, tr_cuda_way other, bool *same) {
  const tr_cuda_shape *s = &one.product->shape, *first = &other.product->shape;
  const cudaStream_t stream = tr_cuda(ctx)->stream;
  memory m;
  int differs = 0;
  *same = false;
  TR_TRY(take(ctx, s, &m));
  TR_TRY(fill(ctx, s, &m));
  tr_cuda_operands o = {
      .a = m.a, .b = m.b, .bias = m.bias, .d = m.one, .aux = m.aux, .room = m.room, .batch = 1};
  if (tr_cuda_multiply(ctx, one.product, one.algorithm, &o) != CUBLAS_STATUS_SUCCESS) return TR_OK;
  o.d = m.other;
  if (tr_cuda_multiply(ctx, other.product, other.algorithm, &o) != CUBLAS_STATUS_SUCCESS) return TR_OK;
  TR_TRY(tr_cuda_trial_compare(ctx, first->n * first->ldd * (int64_t)tr_dtype_size(s->d) / 2, m.one, m.other,
                               m.differs));
  TR_TRY(tr_cuda_check(ctx,
                       cudaMemcpyAsync(&differs, m.differs, sizeof differs, cudaMemcpyDeviceToHost, stream),
                       "a copy from the device"));
  TR_TRY(tr_cuda_check(ctx, cudaStreamSynchronize(stream), "waiting for the device"));
  *same = differs == 0;
  return TR_OK;
}
