/* Attention on the CPU. A task is one head of one sample, or a run of its queries when there are few heads:
 * keys transposed and values side by side in working memory, then tiles of queries, whose scores stay in the
 * cache: S = Q K^T, softmax by rows, O = S V. The backward makes S again, tile by tile, and adds up what the
 * tiles say about keys and values in their order. For products of bf16 the operands are rounded, and
 * multiplied as f32: what is given in a copy, what is made on the way where it stands. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

#define SCORE_BYTES  49152 /* of a tile of queries */
#define QUERIES_MIN  4
#define QUERIES_MAX  64
#define TASKS_WANTED 2 /* per thread */

typedef struct {
  const tr_cpu_kernels *loops;
  const tr_cpu_halves *halves; /* of products of bf16; NULL: operands as they are */
  const char *qkv_data;        /* rounded, if so */
  const tr_array *qkv;
  tr_array *y, *stats; /* stats NULL: not wanted */
  int64_t size, tokens, hidden, heads, head_size;
  int64_t tile, tiles;              /* queries at once; tiles of all queries */
  int64_t run, runs;                /* tiles of one task; tasks of one head */
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

static tr_status prepare(tr_ctx *ctx, attention_job *job) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  for (int last = 0; last < 2; last++) {
    tr_gemm_shape scores = {.dtype = job->qkv->dtype,
                            .m = (int)job->tokens,
                            .n = (int)queries_of(job, last ? job->tiles - 1 : 0),
                            .k = (int)job->head_size,
                            .lda = (int)job->tokens,
                            .ldb = (int)(3 * job->hidden),
                            .ldc = (int)job->tokens};
    tr_gemm_shape mix = scores;
    mix.m = (int)job->head_size, mix.k = (int)job->tokens;
    mix.lda = (int)job->head_size, mix.ldb = (int)job->tokens, mix.ldc = (int)job->hidden;
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, scores, &job->scores[last]));
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, mix, &job->mix[last]));
  }
  return TR_OK;
}

/* Working memory of a thread: keys (head_size, tokens), values (tokens, head_size), scores (tile, tokens). */
static int64_t scratch_bytes(const attention_job *job) {
  int64_t elements = (2 * job->head_size + job->tile) * job->tokens;
  return tr_cpu_ceil_div(elements * job->size, 64) * 64;
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

/* The statistic of query i of head `head`, heads counted through all samples. */
static void put_stat(const attention_job *job, int64_t head, int64_t i, double value) {
  int64_t at = head * job->tokens + i;
  if (job->stats->dtype == TR_F32)
    ((float *)job->stats->data)[at] = (float)value;
  else
    ((double *)job->stats->data)[at] = value;
}

static double stat_at(const tr_array *stats, int64_t at) {
  return stats->dtype == TR_F32 ? (double)((const float *)stats->data)[at]
                                : ((const double *)stats->data)[at];
}

static void run_tile(const attention_job *job, int64_t tile, int64_t head, const char *q, const char *keys,
                     const char *values, char *scores, char *o) {
  int64_t size = job->size, queries = queries_of(job, tile), row = job->tokens * size;
  int last = tile == job->tiles - 1;
  double inverse[QUERIES_MAX], log_sum, scale = 1 / sqrt((double)job->head_size);
  tr_gemm_run(&job->scores[last], keys, q + tile * job->tile * 3 * job->hidden * size, scores);
  for (int64_t i = 0; i < queries; i++) {
    inverse[i] = job->loops->softmax(job->tokens, scale, scores + i * row, job->stats ? &log_sum : NULL);
    if (job->stats) put_stat(job, head, tile * job->tile + i, log_sum);
  }
  round_scores(job, queries, scores, scores);
  o += tile * job->tile * job->hidden * size;
  tr_gemm_run(&job->mix[last], values, scores, o);
  for (int64_t i = 0; i < queries; i++)
    job->loops->scale(job->head_size, inverse[i], o + i * job->hidden * size);
}

static void run_task(const attention_job *job, int64_t task, char *scratch) {
  int64_t size = job->size, part = task % job->runs, head = task / job->runs % job->heads;
  int64_t sample = task / job->runs / job->heads, column = head * job->head_size;
  const char *q = job->qkv_data + (sample * job->tokens * 3 * job->hidden + column) * size;
  char *o = (char *)job->y->data + (sample * job->tokens * job->hidden + column) * size;
  char *keys = scratch, *values = keys + job->tokens * job->head_size * size;
  char *scores = values + job->tokens * job->head_size * size;
  gather_head(job, q, keys, values);
  for (int64_t tile = part * job->run; tile < job->tiles && tile < (part + 1) * job->run; tile++)
    run_tile(job, tile, sample * job->heads + head, q, keys, values, scores, o);
}

tr_status tr_cpu_attention(tr_ctx *ctx, const tr_nn_attention_args *args) {
  attention_job job = job_of(ctx, args->qkv, args->samples, args->heads, args->products);
  int64_t samples = args->samples;
  const double seconds = seconds_of(&job, samples, 2);
  int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  void *scratch;
  job.y = args->y, job.stats = args->stats;
  if (args->y->count == 0) return TR_OK;
  plan(&job, samples, threads);
  TR_TRY(prepare(ctx, &job));
  int64_t stride = scratch_bytes(&job), tasks = samples * job.heads * job.runs;
  int64_t copy = copy_bytes(&job, args->qkv);
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(copy + threads * stride), &scratch));
  job.qkv_data = operand(&job, threads, args->qkv, scratch);
#pragma omp parallel num_threads(threads)
  {
    char *mine = (char *)scratch + copy + omp_get_thread_num() * stride;
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
  const char *dy_data; /* rounded, for products of bf16 */
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
  int tokens = (int)base->tokens, head = (int)base->head_size, hidden = (int)base->hidden;
  int n = (int)queries_of(base, last ? base->tiles - 1 : 0);
  const tr_gemm_shape upstream = {base->qkv->dtype, tokens, n, head, tokens, hidden, tokens, false, false};
  const tr_gemm_shape queries = {base->qkv->dtype, head,       n,     tokens, 3 * hidden,
                                 tokens,           3 * hidden, false, false};
  TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, upstream, &job->upstream[last]));
  TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, queries, &job->queries[last]));
  for (int add = 0; add < 2; add++) {
    const tr_gemm_shape keys = {base->qkv->dtype, head, tokens, n, 3 * hidden, tokens, 3 * hidden, add, true};
    const tr_gemm_shape values = {base->qkv->dtype, head, tokens, n, hidden, tokens, 3 * hidden, add, true};
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, keys, &job->keys[last][add]));
    TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, values, &job->values[last][add]));
  }
  return TR_OK;
}

/* Working memory of a thread: keys and values (head_size, tokens), P, dS and P rounded (tile, tokens). */
static int64_t backward_scratch_bytes(const attention_job *job) {
  int64_t elements = (2 * job->head_size + (job->halves ? 3 : 2) * job->tile) * job->tokens;
  return tr_cpu_ceil_div(elements * job->size, 64) * 64;
}

typedef struct {
  const char *q, *k, *y, *dy; /* of one head of one sample */
  const char *dy_given;       /* the same before it was rounded */
  int64_t stats;              /* where its statistics begin */
  char *dq, *dk, *dv;
  char *keys, *values, *p, *ds, *rounded;
} backward_head;

/* One of the gradients behind a tile whose P is there. */
static void backward_probe(const backward_job *job, int64_t tile, const backward_head *h, int64_t probe) {
  const attention_job *base = &job->base;
  const tr_cpu_kernels *loops = base->loops;
  int64_t size = base->size, tokens = base->tokens, queries = queries_of(base, tile), row = tokens * size;
  int64_t first = tile * base->tile * base->hidden * size, state = probe * job->state;
  int last = tile == base->tiles - 1, add = tile > 0;
  const char *q = h->q + 3 * first, *dy = h->dy + state + first;
  double scale = 1 / sqrt((double)base->head_size);
  tr_gemm_run(&job->upstream[last], h->values, dy, h->ds);
  for (int64_t i = 0; i < queries; i++) {
    int64_t place = i * base->hidden * size;
    double sum = job->given
                     ? loops->dot(base->head_size, h->y + first + place, h->dy_given + state + first + place)
                     : loops->dot(tokens, h->p + i * row, h->ds + i * row);
    loops->softmax_backward(tokens, scale, sum, h->p + i * row, h->ds + i * row);
  }
  round_scores(base, queries, h->ds, h->ds);
  tr_gemm_run(&job->queries[last], h->k, h->ds, h->dq + 3 * (state + first));
  tr_gemm_run(&job->values[last][add], dy, h->rounded, h->dv + 3 * state);
  tr_gemm_run(&job->keys[last][add], q, h->ds, h->dk + 3 * state);
}

static void backward_tile(const backward_job *job, int64_t tile, const backward_head *h) {
  const attention_job *base = &job->base;
  const tr_cpu_kernels *loops = base->loops;
  int64_t tokens = base->tokens, queries = queries_of(base, tile), row = tokens * base->size;
  int last = tile == base->tiles - 1;
  double scale = 1 / sqrt((double)base->head_size);
  tr_gemm_run(&base->scores[last], h->keys, h->q + 3 * tile * base->tile * base->hidden * base->size, h->p);
  for (int64_t i = 0; i < queries; i++) {
    if (job->given)
      loops->softmax_known(tokens, scale, stat_at(job->given, h->stats + tile * base->tile + i),
                           h->p + i * row);
    else
      loops->scale(tokens, loops->softmax(tokens, scale, h->p + i * row, NULL), h->p + i * row);
  }
  round_scores(base, queries, h->p, h->rounded);
  for (int64_t probe = 0; probe < job->probes; probe++) backward_probe(job, tile, h, probe);
}

static void backward_task(const backward_job *job, int64_t task, char *scratch) {
  const attention_job *base = &job->base;
  int64_t size = base->size, tokens = base->tokens, wide = 3 * base->hidden;
  int64_t row = task / base->heads * tokens, column = task % base->heads * base->head_size;
  int64_t part = base->hidden * size, tile = base->tile * tokens * size;
  const int64_t behind = (row * base->hidden + column) * size;
  backward_head h = {.q = base->qkv_data + (row * wide + column) * size,
                     .dy = job->dy_data + behind,
                     .dy_given = (const char *)job->dy->data + behind,
                     .stats = task * tokens,
                     .dq = (char *)job->dqkv->data + (row * wide + column) * size,
                     .keys = scratch};
  if (job->y) h.y = (const char *)job->y->data + behind;
  h.k = h.q + part, h.dk = h.dq + part, h.dv = h.dk + part;
  h.values = h.keys + tokens * base->head_size * size, h.p = h.values + tokens * base->head_size * size;
  h.ds = h.p + tile, h.rounded = base->halves ? h.ds + tile : h.p;
  base->loops->transpose(tokens, base->head_size, h.k, wide, h.keys, tokens);
  base->loops->transpose(tokens, base->head_size, h.k + part, wide, h.values, tokens);
  for (int64_t i = 0; i < base->tiles; i++) backward_tile(job, i, &h);
}

tr_status tr_cpu_attention_backward(tr_ctx *ctx, const tr_nn_attention_backward_args *args) {
  const tr_array *qkv = args->qkv, *dy = args->dy;
  int64_t samples = args->samples;
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
  TR_TRY(prepare(ctx, &job.base));
  for (int last = 0; last < 2; last++) TR_TRY(prepare_backward_tile(ctx, &job, last));
  int64_t stride = backward_scratch_bytes(&job.base), tasks = samples * args->heads;
  int64_t copy = copy_bytes(&job.base, qkv), copies = copy + copy_bytes(&job.base, dy);
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(copies + threads * stride), &scratch));
  job.base.qkv_data = operand(&job.base, threads, qkv, scratch);
  job.dy_data = operand(&job.base, threads, dy, (char *)scratch + copy);
#pragma omp parallel num_threads(threads)
  {
    char *mine = (char *)scratch + copies + omp_get_thread_num() * stride;
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
  TR_TRY(prepare(ctx, &job->base));
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

tr_status tr_cpu_attention_jvp(tr_ctx *ctx, const tr_nn_attention_jvp_args *args) {
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
