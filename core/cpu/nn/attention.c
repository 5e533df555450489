/* Attention on the CPU. A task is one head of one sample, or a run of its queries when there are few heads:
 * keys transposed and values side by side in working memory, then tiles of queries, whose scores stay in the
 * cache: S = Q K^T, softmax by rows, O = S V. The backward makes S again, tile by tile, and adds up what the
 * tiles say about keys and values in their order. For products of bf16 both make words of their
 * operands (words.h); forward mode rounds them, and multiplies them as f32. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/nn/words.h"

#define SCORE_BYTES  49152 /* of a tile of queries */
#define QUERIES_MIN  4
#define QUERIES_MAX  64
#define TASKS_WANTED 2   /* per thread */
#define WIDE_HEAD    128 /* wider ones: attention_wide.c */

/* Working memory of a thread, in parts: the operands of products, and what comes of them. ALONG: words of
 * what is summed over columns, ACROSS: over rows. */
enum {
  KEYS,   /* (head_size, tokens), as are the words of columns */
  VALUES, /* (tokens, head_size); backward as the keys */
  P,      /* (tile, tokens): scores and their softmax */
  DS,     /* (tile, tokens) */
  TURNED, /* words that are transposed next; from here on only for words */
  Q_ALONG,
  P_ALONG,
  K_ACROSS,
  Q_ACROSS,
  P_ACROSS, /* of the columns of P, as are those of dS */
  DY_ALONG,
  DY_ACROSS,
  DS_ALONG,
  DS_ACROSS,
  PARTS
};
typedef struct {
  int64_t at[PARTS], bytes;
} memory_plan;

typedef struct {
  const tr_cpu_kernels *loops;
  const tr_cpu_halves *halves; /* of products of bf16; NULL: operands as they are */
  const char *qkv_data;        /* in forward mode rounded, if so */
  const tr_array *qkv;
  tr_array *y, *stats; /* stats NULL: not wanted */
  int64_t size, tokens, hidden, heads, head_size;
  int64_t tile, tiles; /* queries at once; tiles of all queries */
  int64_t run, runs;   /* tiles of one task; tasks of one head */
  memory_plan memory;
  tr_gemm_kernel scores[2], mix[2]; /* S and O of a whole tile and of the last one */
} attention_job;

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

static int64_t queries_of(const attention_job *job, int64_t tile) {
  return clamp(job->tokens - tile * job->tile, 0, job->tile);
}

/* Of a pass that makes `products` matrix products of tokens x tokens x head_size a head. */
static double seconds_of(const attention_job *job, int64_t samples, int products) {
  double scores = (double)(samples * job->heads) * (double)job->tokens * (double)job->tokens;
  return products * scores * (double)job->head_size / TR_CPU_PRODUCT_RATE;
}

static void plan(attention_job *job, int64_t samples, int threads) {
  job->tile = clamp(SCORE_BYTES / (job->tokens * job->size), QUERIES_MIN, QUERIES_MAX);
  if (job->tile > job->tokens) job->tile = job->tokens;
  job->tiles = tr_cpu_ceil_div(job->tokens, job->tile);
  int64_t runs = tr_cpu_ceil_div((int64_t)threads * TASKS_WANTED, samples * job->heads);
  job->run = tr_cpu_ceil_div(job->tiles, clamp(runs, 1, job->tiles));
  job->runs = tr_cpu_ceil_div(job->tiles, job->run);
}

static attention_job job_of(tr_ctx *ctx, const tr_array *qkv, int64_t samples, int heads,
                            tr_nn_products products) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  int64_t hidden = qkv->shape[1] / 3;
  return (attention_job){.loops = tr_cpu_kernels_of(ctx, qkv->dtype),
                         .halves = products == TR_NN_BF16 ? tr_cpu_halves_for(state->level) : NULL,
                         .qkv_data = qkv->data,
                         .qkv = qkv,
                         .size = (int64_t)tr_dtype_size(qkv->dtype),
                         .tokens = qkv->shape[0] / samples,
                         .hidden = hidden,
                         .heads = heads,
                         .head_size = hidden / heads};
}

/* Terms of a sum of so many, as a product counts them. */
static int terms(int64_t n, bool words) {
  return (int)(words ? tr_cpu_words(n) : n);
}

static tr_status prepare(tr_ctx *ctx, attention_job *job, bool words) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  for (int last = 0; last < 2; last++) {
    tr_gemm_shape scores = {.dtype = words ? TR_BF16 : job->qkv->dtype,
                            .m = (int)job->tokens,
                            .n = (int)queries_of(job, last ? job->tiles - 1 : 0),
                            .k = terms(job->head_size, words),
                            .lda = (int)job->tokens,
                            .ldb = words ? terms(job->head_size, words) : (int)(3 * job->hidden),
                            .ldc = (int)job->tokens};
    tr_gemm_shape mix = scores;
    mix.m = (int)job->head_size, mix.k = mix.ldb = terms(job->tokens, words);
    mix.lda = (int)job->head_size, mix.ldc = (int)job->hidden;
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, scores, &job->scores[last]));
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, mix, &job->mix[last]));
  }
  return TR_OK;
}

/* Elements of the parts that any pass needs; those of the backward are added by it. */
static void plan_parts(const attention_job *job, int64_t elements[PARTS]) {
  const int64_t matrix = job->head_size * 2 * tr_cpu_words(job->tokens), head = tr_cpu_words(job->head_size);
  elements[KEYS] = elements[VALUES] = matrix;
  elements[P] = job->tile * job->tokens;
  if (!job->halves) return;
  elements[TURNED] = job->tokens * (head + tr_cpu_words(job->tile));
  elements[Q_ALONG] = job->tile * head;
  elements[P_ALONG] = job->tile * tr_cpu_words(job->tokens);
}

static memory_plan placed(const attention_job *job, const int64_t elements[PARTS]) {
  memory_plan plan = {0};
  for (int i = 0; i < PARTS; i++) {
    plan.at[i] = plan.bytes;
    plan.bytes += tr_cpu_ceil_div(elements[i] * job->size, 64) * 64;
  }
  return plan;
}

static char *part_of(const attention_job *job, char *memory, int part) {
  return memory + job->memory.at[part];
}

/* A matrix of a head that is summed over its columns, as the left operand: transposed, `to`. */
static void left_along(const attention_job *job, const char *x, int64_t stride, char *memory, char *to) {
  const int64_t words = tr_cpu_words(job->head_size);
  uint32_t *turned = (uint32_t *)part_of(job, memory, TURNED);
  if (!job->halves) {
    job->loops->transpose(job->tokens, job->head_size, x, stride, to, job->tokens);
    return;
  }
  tr_words_along(job->halves, job->tokens, job->head_size, x, stride, turned);
  job->loops->transpose(job->tokens, words, turned, words, to, job->tokens);
}

/* `rows` rows that are summed over, as the left operand: x as it is, or words in a part. */
static const char *left_across(const attention_job *job, int64_t rows, const char *x, int64_t stride,
                               char *memory, int part) {
  if (!job->halves) return x;
  char *words = part_of(job, memory, part);
  tr_words_across(job->halves, rows, job->head_size, x, stride, (uint32_t *)words);
  return words;
}

/* Rows whose columns are summed over, as the right operand. */
static const char *right_along(const attention_job *job, int64_t rows, int64_t cols, const char *x,
                               int64_t stride, char *memory, int part) {
  if (!job->halves) return x;
  char *words = part_of(job, memory, part);
  tr_words_along(job->halves, rows, cols, x, stride, (uint32_t *)words);
  return words;
}

/* `rows` rows of a tile that are summed over, as the right operand: by rows, or transposed words. */
static const char *right_across(const attention_job *job, int64_t rows, const char *x, char *memory,
                                int part) {
  if (!job->halves) return x;
  char *words = part_of(job, memory, part), *turned = part_of(job, memory, TURNED);
  tr_words_across(job->halves, rows, job->tokens, x, job->tokens, (uint32_t *)turned);
  job->loops->transpose(tr_cpu_words(rows), job->tokens, turned, job->tokens, words, tr_cpu_words(job->tile));
  return words;
}

/* Bytes of a rounded copy. */
static int64_t copy_bytes(const attention_job *job, const tr_array *a) {
  return job->halves ? tr_cpu_ceil_div(a->count * job->size, 64) * 64 : 0;
}

/* The elements of an operand, or a rounded copy of them in `room`. */
static const char *operand(const attention_job *job, int threads, const tr_array *a, char *room) {
  const float *from = a->data;
  float *to = (float *)room;
  if (!job->halves) return a->data;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t r = 0; r < a->shape[0]; r++)
    job->halves->round(a->shape[1], from + r * a->shape[1], to + r * a->shape[1]);
  return room;
}

/* `rows` rows of scores, before they are multiplied. */
static void round_scores(const attention_job *job, int64_t rows, const char *scores, char *to) {
  if (job->halves) job->halves->round(rows * job->tokens, (const float *)scores, (float *)to);
}

static void copy_values(const attention_job *job, const char *v, char *to) {
  int64_t row = job->head_size * job->size, stride = 3 * job->hidden * job->size;
  for (int64_t t = 0; t < job->tokens; t++) memcpy(to + t * row, v + t * stride, (size_t)row);
}

/* Keys transposed and values side by side, of one head of one sample. */
static void gather_head(const attention_job *job, const char *q, char *keys, char *values) {
  int64_t part = job->hidden * job->size;
  job->loops->transpose(job->tokens, job->head_size, q + part, 3 * job->hidden, keys, job->tokens);
  copy_values(job, q + 2 * part, values);
}

static void run_tile(const attention_job *job, int64_t tile, int64_t head, const char *q, char *memory,
                     char *o) {
  int64_t size = job->size, queries = queries_of(job, tile), row = job->tokens * size;
  int last = tile == job->tiles - 1;
  char *scores = part_of(job, memory, P);
  double inverse[QUERIES_MAX], log_sum, scale = 1 / sqrt((double)job->head_size);
  q = right_along(job, queries, job->head_size, q + tile * job->tile * 3 * job->hidden * size,
                  3 * job->hidden, memory, Q_ALONG);
  tr_gemm_run(&job->scores[last], part_of(job, memory, KEYS), q, scores);
  for (int64_t i = 0; i < queries; i++) {
    inverse[i] = job->loops->softmax(job->tokens, scale, scores + i * row, job->stats ? &log_sum : NULL);
    if (job->stats) tr_cpu_store(job->stats, head * job->tokens + tile * job->tile + i, log_sum);
  }
  o += tile * job->tile * job->hidden * size;
  tr_gemm_run(&job->mix[last], part_of(job, memory, VALUES),
              right_along(job, queries, job->tokens, scores, job->tokens, memory, P_ALONG), o);
  for (int64_t i = 0; i < queries; i++)
    job->loops->scale(job->head_size, inverse[i], o + i * job->hidden * size);
}

static void run_task(const attention_job *job, int64_t task, char *memory) {
  int64_t size = job->size, part = task % job->runs, head = task / job->runs % job->heads;
  int64_t sample = task / job->runs / job->heads, column = head * job->head_size, wide = 3 * job->hidden;
  const char *q = job->qkv_data + (sample * job->tokens * wide + column) * size;
  const char *k = q + job->hidden * size, *v = k + job->hidden * size;
  char *o = (char *)job->y->data + (sample * job->tokens * job->hidden + column) * size;
  left_along(job, k, wide, memory, part_of(job, memory, KEYS));
  if (left_across(job, job->tokens, v, wide, memory, VALUES) == v)
    copy_values(job, v, part_of(job, memory, VALUES));
  for (int64_t tile = part * job->run; tile < job->tiles && tile < (part + 1) * job->run; tile++)
    run_tile(job, tile, sample * job->heads + head, q, memory, o);
}

tr_status tr_cpu_attention(tr_ctx *ctx, const tr_nn_attention_args *args) {
  attention_job job = job_of(ctx, args->qkv, args->samples, args->heads, args->products);
  int64_t samples = args->samples, elements[PARTS] = {0};
  const double seconds = seconds_of(&job, samples, 2);
  int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  void *scratch;
  job.y = args->y, job.stats = args->stats;
  if (args->y->count == 0) return TR_OK;
  if (!job.halves && job.head_size > WIDE_HEAD) return tr_cpu_attention_wide(ctx, args);
  plan(&job, samples, threads);
  TR_TRY(prepare(ctx, &job, job.halves != NULL));
  plan_parts(&job, elements);
  job.memory = placed(&job, elements);
  int64_t tasks = samples * job.heads * job.runs;
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(threads * job.memory.bytes), &scratch));
#pragma omp parallel num_threads(threads)
  {
    char *mine = (char *)scratch + omp_get_thread_num() * job.memory.bytes;
#pragma omp for schedule(guided)
    for (int64_t task = 0; task < tasks; task++)
      if (!tr_cpu_is_stopped(&work)) run_task(&job, task, mine);
  }
  return tr_cpu_end(&work);
}

/* ---- backward ---- */

/* Products of a tile, whole or last, first or adding: with P the softmax, dS the gradient of the scores,
 * dP = dO V^T, dQ = dS K, dK += dS^T Q, dV += P^T dO. */
typedef struct {
  attention_job base;
  const tr_array *y, *given; /* what attention gave, and its statistics; NULL: the softmax is made anew */
  const tr_array *dy;
  tr_array *dqkv;
  int64_t probes, state;       /* gradients behind every row; bytes of dy from one to the next */
  tr_gemm_kernel upstream[2];  /* dP */
  tr_gemm_kernel queries[2];   /* dQ */
  tr_gemm_kernel keys[2][2];   /* dK: [last][add] */
  tr_gemm_kernel values[2][2]; /* dV: [last][add] */
} backward_job;

static tr_status prepare_backward_tile(tr_ctx *ctx, backward_job *job, int last) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const attention_job *base = &job->base;
  const bool words = base->halves != NULL;
  const tr_dtype dtype = words ? TR_BF16 : base->qkv->dtype;
  int tokens = (int)base->tokens, head = (int)base->head_size, hidden = (int)base->hidden, wide = 3 * hidden;
  int64_t n = queries_of(base, last ? base->tiles - 1 : 0);
  const int over_head = terms(head, words), over_tokens = terms(tokens, words), over_tile = terms(n, words);
  /* Distances of columns of left operands by rows, and of the right ones of a tile. */
  const int of_qkv = words ? head : wide, of_dy = words ? head : hidden;
  const int of_tile = words ? terms(base->tile, words) : tokens;
  const tr_gemm_shape upstream = {dtype,  tokens, (int)n, over_head, tokens, words ? over_head : hidden,
                                  tokens, false,  false};
  const tr_gemm_shape queries = {dtype, head, (int)n, over_tokens, of_qkv, over_tokens, wide, false, false};
  TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, upstream, &job->upstream[last]));
  TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, queries, &job->queries[last]));
  for (int add = 0; add < 2; add++) {
    const tr_gemm_shape keys = {dtype, head, tokens, over_tile, of_qkv, of_tile, wide, add, !words};
    const tr_gemm_shape values = {dtype, head, tokens, over_tile, of_dy, of_tile, wide, add, !words};
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, keys, &job->keys[last][add]));
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, values, &job->values[last][add]));
  }
  return TR_OK;
}

static void plan_backward_parts(const attention_job *job, int64_t elements[PARTS]) {
  plan_parts(job, elements);
  elements[DS] = elements[P];
  if (!job->halves) return;
  elements[K_ACROSS] = tr_cpu_words(job->tokens) * job->head_size;
  elements[Q_ACROSS] = elements[DY_ACROSS] = tr_cpu_words(job->tile) * job->head_size;
  elements[P_ACROSS] = elements[DS_ACROSS] = job->tokens * tr_cpu_words(job->tile);
  elements[DY_ALONG] = elements[Q_ALONG], elements[DS_ALONG] = elements[P_ALONG];
}

/* One head of one sample. */
typedef struct {
  const char *q, *k, *y, *dy;
  int64_t stats; /* where its statistics begin */
  char *dq, *dk, *dv;
  const char *rows_of_k; /* the left operand of dQ */
  char *memory;
} backward_head;

/* A tile's right operand of dV and left one of dK, which all probes share. */
typedef struct {
  const char *p, *q;
} tile_operands;

/* One of the gradients behind a tile whose P is there. */
static void backward_probe(const backward_job *job, int64_t tile, const backward_head *h, int64_t probe,
                           const tile_operands *shared) {
  const attention_job *base = &job->base;
  const tr_cpu_kernels *loops = base->loops;
  int64_t size = base->size, tokens = base->tokens, queries = queries_of(base, tile), row = tokens * size;
  int64_t first = tile * base->tile * base->hidden * size, state = probe * job->state;
  int last = tile == base->tiles - 1, add = tile > 0;
  const char *dy = h->dy + state + first, *p = part_of(base, h->memory, P);
  char *ds = part_of(base, h->memory, DS);
  double scale = 1 / sqrt((double)base->head_size);
  tr_gemm_run(&job->upstream[last], part_of(base, h->memory, VALUES),
              right_along(base, queries, base->head_size, dy, base->hidden, h->memory, DY_ALONG), ds);
  for (int64_t i = 0; i < queries; i++) {
    int64_t place = i * base->hidden * size;
    double sum = job->given ? loops->dot(base->head_size, h->y + first + place, dy + place)
                            : loops->dot(tokens, p + i * row, ds + i * row);
    loops->softmax_backward(tokens, scale, sum, p + i * row, ds + i * row);
  }
  tr_gemm_run(&job->queries[last], h->rows_of_k,
              right_along(base, queries, tokens, ds, tokens, h->memory, DS_ALONG),
              h->dq + 3 * (state + first));
  tr_gemm_run(&job->values[last][add], left_across(base, queries, dy, base->hidden, h->memory, DY_ACROSS),
              shared->p, h->dv + 3 * state);
  tr_gemm_run(&job->keys[last][add], shared->q, right_across(base, queries, ds, h->memory, DS_ACROSS),
              h->dk + 3 * state);
}

static void backward_tile(const backward_job *job, int64_t tile, const backward_head *h) {
  const attention_job *base = &job->base;
  const tr_cpu_kernels *loops = base->loops;
  int64_t tokens = base->tokens, queries = queries_of(base, tile), row = tokens * base->size;
  int64_t wide = 3 * base->hidden;
  int last = tile == base->tiles - 1;
  const char *q = h->q + tile * base->tile * wide * base->size;
  char *p = part_of(base, h->memory, P);
  double scale = 1 / sqrt((double)base->head_size);
  tr_gemm_run(&base->scores[last], part_of(base, h->memory, KEYS),
              right_along(base, queries, base->head_size, q, wide, h->memory, Q_ALONG), p);
  for (int64_t i = 0; i < queries; i++) {
    if (job->given)
      loops->softmax_known(tokens, scale, tr_cpu_load(job->given, h->stats + tile * base->tile + i),
                           p + i * row);
    else
      loops->scale(tokens, loops->softmax(tokens, scale, p + i * row, NULL), p + i * row);
  }
  const tile_operands shared = {right_across(base, queries, p, h->memory, P_ACROSS),
                                left_across(base, queries, q, wide, h->memory, Q_ACROSS)};
  for (int64_t probe = 0; probe < job->probes; probe++) backward_probe(job, tile, h, probe, &shared);
}

static void backward_task(const backward_job *job, int64_t task, char *memory) {
  const attention_job *base = &job->base;
  int64_t size = base->size, tokens = base->tokens, wide = 3 * base->hidden;
  int64_t row = task / base->heads * tokens, column = task % base->heads * base->head_size;
  int64_t part = base->hidden * size, behind = (row * base->hidden + column) * size;
  backward_head h = {.q = base->qkv_data + (row * wide + column) * size,
                     .dy = (const char *)job->dy->data + behind,
                     .stats = task * tokens,
                     .dq = (char *)job->dqkv->data + (row * wide + column) * size,
                     .memory = memory};
  if (job->y) h.y = (const char *)job->y->data + behind;
  h.k = h.q + part, h.dk = h.dq + part, h.dv = h.dk + part;
  left_along(base, h.k, wide, memory, part_of(base, memory, KEYS));
  left_along(base, h.k + part, wide, memory, part_of(base, memory, VALUES));
  h.rows_of_k = left_across(base, tokens, h.k, wide, memory, K_ACROSS);
  for (int64_t i = 0; i < base->tiles; i++) backward_tile(job, i, &h);
}

tr_status tr_cpu_attention_backward(tr_ctx *ctx, const tr_nn_attention_backward_args *args) {
  const tr_array *qkv = args->qkv, *dy = args->dy;
  int64_t samples = args->samples, elements[PARTS] = {0};
  backward_job job = {.base = job_of(ctx, qkv, samples, args->heads, args->products),
                      .y = args->y,
                      .given = args->stats,
                      .dy = dy,
                      .dqkv = args->dqkv};
  const double seconds = seconds_of(&job.base, samples, 5);
  int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  void *scratch;
  if (dy->count == 0) return TR_OK;
  job.probes = dy->shape[0] / qkv->shape[0];
  job.state = qkv->shape[0] * job.base.hidden * job.base.size;
  plan(&job.base, samples, threads);
  TR_TRY(prepare(ctx, &job.base, job.base.halves != NULL));
  for (int last = 0; last < 2; last++) TR_TRY(prepare_backward_tile(ctx, &job, last));
  plan_backward_parts(&job.base, elements);
  job.base.memory = placed(&job.base, elements);
  int64_t tasks = samples * args->heads;
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(threads * job.base.memory.bytes), &scratch));
#pragma omp parallel num_threads(threads)
  {
    char *mine = (char *)scratch + omp_get_thread_num() * job.base.memory.bytes;
#pragma omp for schedule(guided)
    for (int64_t task = 0; task < tasks; task++)
      if (!tr_cpu_is_stopped(&work)) backward_task(&job, task, mine);
  }
  return tr_cpu_end(&work);
}

/* ---- forward mode ---- */

/* With d for tangents: dS = dQ K^T + Q dK^T, dP the softmax's tangent, dO = dP V + P dV. The products of the
 * forward, and the same adding to what is there. */
typedef struct {
  attention_job base;
  const char *v;
  tr_gemm_kernel more_scores[2], more_mix[2];
} jvp_job;

static tr_status prepare_jvp(tr_ctx *ctx, jvp_job *job) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  TR_TRY(prepare(ctx, &job->base, false));
  for (int last = 0; last < 2; last++) {
    tr_gemm_shape scores = job->base.scores[last].shape, mix = job->base.mix[last].shape;
    scores.accumulate = mix.accumulate = true;
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, scores, &job->more_scores[last]));
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, mix, &job->more_mix[last]));
  }
  return TR_OK;
}

typedef struct {
  const char *q, *dq; /* of one head of one sample */
  char *o, *keys, *values, *dkeys, *dvalues, *p, *ds;
} jvp_head;

static void jvp_tile(const jvp_job *job, int64_t tile, const jvp_head *h) {
  const attention_job *base = &job->base;
  const tr_cpu_kernels *loops = base->loops;
  int64_t tokens = base->tokens, queries = queries_of(base, tile), row = tokens * base->size;
  int64_t first = tile * base->tile * base->hidden * base->size;
  int last = tile == base->tiles - 1;
  double scale = 1 / sqrt((double)base->head_size);
  tr_gemm_run(&base->scores[last], h->keys, h->q + 3 * first, h->p);
  tr_gemm_run(&base->scores[last], h->keys, h->dq + 3 * first, h->ds);
  tr_gemm_run(&job->more_scores[last], h->dkeys, h->q + 3 * first, h->ds);
  for (int64_t i = 0; i < queries; i++) {
    char *p = h->p + i * row, *ds = h->ds + i * row;
    loops->scale(tokens, loops->softmax(tokens, scale, p, NULL), p);
    loops->softmax_backward(tokens, scale, loops->dot(tokens, p, ds), p, ds);
  }
  round_scores(base, queries, h->p, h->p);
  round_scores(base, queries, h->ds, h->ds);
  tr_gemm_run(&base->mix[last], h->values, h->ds, h->o + first);
  tr_gemm_run(&job->more_mix[last], h->dvalues, h->p, h->o + first);
}

static void jvp_task(const jvp_job *job, int64_t task, char *scratch) {
  const attention_job *base = &job->base;
  int64_t size = base->size, part = task % base->runs, head = task / base->runs % base->heads;
  int64_t row = task / base->runs / base->heads * base->tokens, column = head * base->head_size;
  int64_t place = (row * 3 * base->hidden + column) * size, matrix = base->tokens * base->head_size * size;
  jvp_head h = {.q = base->qkv_data + place,
                .dq = job->v + place,
                .o = (char *)base->y->data + (row * base->hidden + column) * size,
                .keys = scratch};
  h.values = h.keys + matrix, h.dkeys = h.values + matrix, h.dvalues = h.dkeys + matrix;
  h.p = h.dvalues + matrix, h.ds = h.p + base->tile * base->tokens * size;
  gather_head(base, h.q, h.keys, h.values);
  gather_head(base, h.dq, h.dkeys, h.dvalues);
  for (int64_t tile = part * base->run; tile < base->tiles && tile < (part + 1) * base->run; tile++)
    jvp_tile(job, tile, &h);
}

static tr_status tangent(tr_ctx *ctx, const tr_nn_attention_jvp_args *args) {
  int threads = tr_ctx_threads(ctx);
  int64_t samples = args->samples;
  jvp_job job = {.base = job_of(ctx, args->qkv, samples, args->heads, args->products)};
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds_of(&job.base, samples, 5));
  void *scratch;
  job.base.y = args->y;
  if (args->y->count == 0) return TR_OK;
  plan(&job.base, samples, threads);
  TR_TRY(prepare_jvp(ctx, &job));
  int64_t elements = (4 * job.base.head_size + 2 * job.base.tile) * job.base.tokens;
  int64_t stride = tr_cpu_ceil_div(elements * job.base.size, 64) * 64,
          tasks = samples * args->heads * job.base.runs;
  int64_t copy = copy_bytes(&job.base, args->qkv);
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(2 * copy + threads * stride), &scratch));
  job.base.qkv_data = operand(&job.base, threads, args->qkv, scratch);
  job.v = operand(&job.base, threads, args->v, (char *)scratch + copy);
#pragma omp parallel num_threads(threads)
  {
    char *mine = (char *)scratch + 2 * copy + omp_get_thread_num() * stride;
#pragma omp for schedule(guided)
    for (int64_t task = 0; task < tasks; task++)
      if (!tr_cpu_is_stopped(&work)) jvp_task(&job, task, mine);
  }
  return tr_cpu_end(&work);
}

tr_status tr_cpu_attention_jvp(tr_ctx *ctx, const tr_nn_attention_jvp_args *args) {
  const tr_nn_attention_args forward = {.qkv = args->qkv,
                                        .samples = args->samples,
                                        .heads = args->heads,
                                        .products = args->products,
                                        .y = args->value};
  if (args->value) TR_TRY(tr_cpu_attention(ctx, &forward));
  return tangent(ctx, args);
}
