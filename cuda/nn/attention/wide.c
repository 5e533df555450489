/* Heads that are too wide for the tiles of the other kernels: the scores of a strip of queries with all keys
 * by one product, terms of their softmax, and by another product what these make of the values. The strip is
 * so long that its scores fit into working memory of bounded size, which the tokens alone decide: no bit
 * depends on how many samples there are. */
#include <math.h>

#include "cuda/nn/attention/wide.h"

/* Bytes of the scores of a strip, and of their terms. The emulator has little, so that there are several. */
#ifdef TR_SIMT
#define STRIP_MOST ((int64_t)16 << 10)
#else
#define STRIP_MOST ((int64_t)128 << 20)
#endif

enum { LD_UNIT = 8 }; /* rows of scores begin at multiples of so many, which are aligned in all types */

/* The products of a strip. */
typedef struct {
  int64_t rows;
  tr_cuda_product *scores, *mix;
} strip;

typedef struct {
  const tr_nn_attention_args *args;
  tr_cuda_arithmetic arithmetic;
  tr_dtype in, sum; /* types of operands, and of sums */
  int64_t in_size, sum_size;
  int64_t tokens, size, hidden, ld;
  bool copied;       /* q, k and v are rounded into working memory, sample by sample */
  bool apart;        /* what values make is: y is of another type */
  strip whole, last; /* last.rows may be 0 */
  char *room, *qkv, *scores, *halves, *y, *inverse;
} attention;

/* One head of one sample. */
typedef struct {
  const char *q, *k, *v;
  int64_t sample, head;
} head;

static void measure(attention *t) {
  const tr_nn_attention_args *a = t->args;
  t->arithmetic = a->qkv->dtype == TR_BF16 ? TR_CUDA_BF16 : tr_cuda_arithmetic_of(a->qkv->dtype, a->products);
  t->in = tr_cuda_operand_type(t->arithmetic), t->sum = tr_cuda_sum_type(t->arithmetic);
  t->in_size = (int64_t)tr_dtype_size(t->in), t->sum_size = (int64_t)tr_dtype_size(t->sum);
  t->tokens = a->qkv->shape[0] / a->samples;
  t->hidden = a->y->shape[1], t->size = t->hidden / a->heads;
  t->ld = (t->tokens + LD_UNIT - 1) / LD_UNIT * LD_UNIT;
  t->copied = a->qkv->dtype != t->in, t->apart = a->y->dtype != t->sum;
  const int64_t bytes = t->ld * (t->sum_size + (t->in == TR_BF16 ? t->in_size : 0));
  const int64_t most = STRIP_MOST / bytes < 1 ? 1 : STRIP_MOST / bytes;
  t->whole.rows = most < t->tokens ? most : t->tokens;
  t->last.rows = t->tokens % t->whole.rows;
}

/* What heads begin at is aligned as their size is, and no better than the array. */
static int64_t alignment(const attention *t, const tr_array *a, int64_t size, bool copied) {
  const int64_t by_size = tr_cuda_row_alignment(t->size * size);
  return copied || (uintptr_t)a->data % (uintptr_t)by_size == 0 ? by_size : size;
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* By columns k and v are (size, tokens), q and what becomes of it (size, rows), scores (tokens, rows). */
static tr_status find(tr_ctx *ctx, const attention *t, strip *s) {
  const tr_nn_attention_args *a = t->args;
  const int64_t in = alignment(t, a->qkv, t->in_size, t->copied);
  const int64_t out = alignment(t, a->y, t->sum_size, t->apart);
  tr_cuda_shape shape = {.arithmetic = t->arithmetic,
                         .d = t->sum,
                         .turn_a = true,
                         .m = t->tokens,
                         .n = s->rows,
                         .k = t->size,
                         .lda = 3 * t->hidden,
                         .ldb = 3 * t->hidden,
                         .ldd = t->ld,
                         .aligned = in,
                         .entries = 1};
  if (s->rows == 0) return TR_OK;
  TR_TRY(tr_cuda_product_find(ctx, &shape, &s->scores));
  shape.turn_a = false, shape.m = t->size, shape.k = t->tokens, shape.ldb = t->ld;
  shape.ldd = t->apart ? t->size : t->hidden, shape.aligned = smaller(in, out);
  return tr_cuda_product_find(ctx, &shape, &s->mix);
}

static tr_status take_memory(tr_ctx *ctx, attention *t) {
  const int64_t rows = t->whole.rows;
  const tr_cuda_part parts[] = {{&t->room, (int64_t)tr_cuda_product_room(ctx)},
                                {&t->qkv, t->copied ? t->tokens * 3 * t->hidden * t->in_size : 0},
                                {&t->scores, rows * t->ld * t->sum_size},
                                {&t->halves, t->in == TR_BF16 ? rows * t->ld * t->in_size : 0},
                                {&t->y, t->apart ? rows * t->size * t->sum_size : 0},
                                {&t->inverse, rows * t->sum_size}};
  return tr_cuda_scratch_parts(ctx, sizeof parts / sizeof *parts, parts);
}

/* Queries first .. first + s->rows - 1. */
static tr_status run_strip(tr_ctx *ctx, const attention *t, const strip *s, const head *h, int64_t first) {
  const tr_nn_attention_args *a = t->args;
  const int64_t row = h->sample * t->tokens + first, column = h->head * t->size;
  const int64_t stat = (h->sample * a->heads + h->head) * t->tokens + first;
  const bool half = t->in == TR_BF16;
  char *y = t->apart ? t->y : (char *)a->y->data + (row * t->hidden + column) * t->sum_size;
  tr_cuda_operands o = {
      .a = h->k, .b = h->q + first * 3 * t->hidden * t->in_size, .d = t->scores, .room = t->room, .batch = 1};
  TR_TRY(tr_cuda_product_run(ctx, s->scores, &o));
  TR_TRY(tr_cuda_terms(
      ctx, &(tr_cuda_terms_args){.type = t->sum,
                                 .scores = t->scores,
                                 .halves = half ? t->halves : NULL,
                                 .rows = s->rows,
                                 .tokens = t->tokens,
                                 .ld = t->ld,
                                 .scale = 1 / sqrt((double)t->size),
                                 .inverse = t->inverse,
                                 .stats = a->stats ? (char *)a->stats->data + stat * t->sum_size : NULL}));
  o.a = h->v, o.b = half ? t->halves : t->scores, o.d = y;
  TR_TRY(tr_cuda_product_run(ctx, s->mix, &o));
  return tr_cuda_divide(ctx, &(tr_cuda_divide_args){.product = y,
                                                    .type = t->sum,
                                                    .stride = t->apart ? t->size : t->hidden,
                                                    .inverse = t->inverse,
                                                    .y = a->y,
                                                    .first = row,
                                                    .rows = s->rows,
                                                    .offset = column,
                                                    .cols = t->size});
}

static tr_status run_sample(tr_ctx *ctx, const attention *t, int64_t sample) {
  const tr_array *qkv = t->args->qkv;
  const int64_t cols = 3 * t->hidden;
  const char *q = (const char *)qkv->data + sample * t->tokens * cols * (int64_t)tr_dtype_size(qkv->dtype);
  if (t->copied) {
    TR_TRY(tr_cuda_cast(ctx, &(tr_cuda_cast_args){.from_type = qkv->dtype,
                                                  .to_type = t->in,
                                                  .from = q,
                                                  .to = t->qkv,
                                                  .rows = t->tokens,
                                                  .all = t->tokens,
                                                  .cols = cols}));
    q = t->qkv;
  }
  for (head h = {.sample = sample}; h.head < t->args->heads; h.head++) {
    h.q = q + h.head * t->size * t->in_size;
    h.k = h.q + t->hidden * t->in_size, h.v = h.k + t->hidden * t->in_size;
    for (int64_t first = 0; first < t->tokens; first += t->whole.rows)
      TR_TRY(run_strip(ctx, t, first + t->whole.rows <= t->tokens ? &t->whole : &t->last, &h, first));
  }
  return TR_OK;
}

tr_status tr_cuda_attention_wide(tr_ctx *ctx, const tr_nn_attention_args *a) {
  attention t = {.args = a};
  measure(&t);
  TR_TRY(find(ctx, &t, &t.whole));
  TR_TRY(find(ctx, &t, &t.last));
  TR_TRY(take_memory(ctx, &t));
  for (int64_t sample = 0; sample < a->samples; sample++) TR_TRY(run_sample(ctx, &t, sample));
  return TR_OK;
}
