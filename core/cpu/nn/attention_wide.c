/* Attention of wide heads on the CPU, as autoencoders of pictures have them: one head of hundreds of numbers,
 * and as many tokens as a latent has pixels. Heads are taken one after the other. Keys and values are laid
 * out in panels, once for all threads, as weights are (weight.c): products then walk through memory in order,
 * however many tokens there are. A task is a tile of queries, large enough that keys are read from memory few
 * times. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

#define QUERIES     64
#define QUERIES_MIN 8
#define CHUNK_BYTES 2048 /* of tokens summed at a time */
#define TASKS       4    /* per thread */

/* A matrix in panels of `wide` columns, each with its columns side by side for every row; the last one takes
 * what is left over: a product of a single vector would sum in another order (core/cpu/cpu.h). */
typedef struct {
  int64_t rows, cols, wide, panels;
  char *data;
} panels;

/* Products with whole and last panels, of whole and last tiles. */
typedef struct {
  const tr_cpu_kernels *loops;
  const tr_nn_attention_args *args;
  int64_t size, tokens, hidden, head_size, heads;
  int64_t tile, tiles;
  panels keys, values; /* (head_size, tokens), (tokens, head_size) */
  tr_gemm_kernel scores[2][2];
  tr_gemm_sum mix[2][2];
} wide_job;

static int64_t width_of(const panels *p, int64_t panel) {
  return panel < p->panels - 1 ? p->wide : p->cols - (p->panels - 1) * p->wide;
}

static char *panel_of(const panels *p, int64_t panel, int64_t size) {
  return p->data + panel * p->wide * p->rows * size;
}

static panels panels_of(int64_t rows, int64_t cols, int64_t wide) {
  return (panels){.rows = rows, .cols = cols, .wide = wide, .panels = cols < wide ? 1 : cols / wide};
}

static int64_t queries_of(const wide_job *job, int64_t tile) {
  return tr_cpu_smaller(job->tile, job->tokens - tile * job->tile);
}

static wide_job job_of(tr_ctx *ctx, const tr_nn_attention_args *args, int threads) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const int64_t size = (int64_t)tr_dtype_size(args->qkv->dtype), panel = tr_cpu_panel(state->level, size);
  wide_job job = {.loops = tr_cpu_kernels_of(ctx, args->qkv->dtype),
                  .args = args,
                  .size = size,
                  .tokens = args->qkv->shape[0] / args->samples,
                  .hidden = args->y->shape[1],
                  .head_size = args->y->shape[1] / args->heads,
                  .heads = args->heads,
                  .tile = QUERIES};
  while (job.tile > QUERIES_MIN && tr_cpu_ceil_div(job.tokens, job.tile) < (int64_t)threads * TASKS)
    job.tile /= 2;
  job.tiles = tr_cpu_ceil_div(job.tokens, job.tile);
  job.keys = panels_of(job.head_size, job.tokens, panel);
  job.values = panels_of(job.tokens, job.head_size, panel);
  return job;
}

/* The products of a whole or last panel for a whole or last tile. */
static tr_status prepare(tr_ctx *ctx, wide_job *job, int last_panel, int last_tile) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const int keys = (int)width_of(&job->keys, last_panel ? job->keys.panels - 1 : 0);
  const int values = (int)width_of(&job->values, last_panel ? job->values.panels - 1 : 0);
  tr_gemm_shape shape = {.dtype = job->args->qkv->dtype,
                         .m = keys,
                         .n = (int)queries_of(job, last_tile ? job->tiles - 1 : 0),
                         .k = (int)job->head_size,
                         .lda = keys,
                         .ldb = (int)(3 * job->hidden),
                         .ldc = (int)job->tokens};
  TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, shape, &job->scores[last_panel][last_tile]));
  shape.m = shape.lda = values, shape.ldc = (int)job->hidden;
  shape.k = shape.ldb = (int)job->tokens;
  const int64_t chunk = tr_cpu_smaller(CHUNK_BYTES / job->size, job->tokens);
  return tr_gemm_sum_prepare(ctx, &shape, chunk, &job->mix[last_panel][last_tile]);
}

/* A head of a sample: where its rows of q begin, from which k and v lie `hidden` and twice that on, and those
 * of y. */
typedef struct {
  const char *q;
  char *y;
  int64_t number; /* through all samples */
} head;

static head head_of(const wide_job *job, int64_t number) {
  const int64_t row = number / job->heads * job->tokens, column = number % job->heads * job->head_size;
  return (head){(const char *)job->args->qkv->data + (row * 3 * job->hidden + column) * job->size,
                (char *)job->args->y->data + (row * job->hidden + column) * job->size, number};
}

static void pack_keys(const wide_job *job, const head *h, int64_t panel) {
  const int64_t width = width_of(&job->keys, panel), stride = 3 * job->hidden;
  job->loops->transpose(width, job->head_size,
                        h->q + (job->hidden + panel * job->keys.wide * stride) * job->size, stride,
                        panel_of(&job->keys, panel, job->size), width);
}

static void pack_values(const wide_job *job, const head *h, int64_t panel) {
  const int64_t width = width_of(&job->values, panel) * job->size;
  const char *v = h->q + (2 * job->hidden + panel * job->values.wide) * job->size;
  char *to = panel_of(&job->values, panel, job->size);
  for (int64_t t = 0; t < job->tokens; t++)
    memcpy(to + t * width, v + t * 3 * job->hidden * job->size, (size_t)width);
}

/* y of the queries of a tile, before each row is divided by its sum; from their terms. */
static void mix_values(const wide_job *job, int64_t tile, const char *terms, char *y) {
  const int64_t last_tile = tile == job->tiles - 1, chunks = job->mix[0][0].chunks;
  for (int64_t chunk = 0; chunk < chunks; chunk++)
    for (int64_t panel = 0; panel < job->values.panels; panel++) {
      const tr_gemm_sum *sum = &job->mix[panel == job->values.panels - 1][last_tile];
      const int64_t width = width_of(&job->values, panel), at = chunk * sum->chunk;
      tr_gemm_run(tr_gemm_sum_part(sum, chunk, false),
                  panel_of(&job->values, panel, job->size) + at * width * job->size, terms + at * job->size,
                  y + panel * job->values.wide * job->size);
    }
}

static void run_tile(const wide_job *job, const head *h, int64_t tile, char *scores) {
  const int64_t queries = queries_of(job, tile), first = tile * job->tile, row = job->tokens * job->size;
  const tr_array *stats = job->args->stats;
  const double scale = 1 / sqrt((double)job->head_size);
  char *y = h->y + first * job->hidden * job->size;
  double inverse[QUERIES], log_sum;
  for (int64_t panel = 0; panel < job->keys.panels; panel++)
    tr_gemm_run(&job->scores[panel == job->keys.panels - 1][tile == job->tiles - 1],
                panel_of(&job->keys, panel, job->size), h->q + first * 3 * job->hidden * job->size,
                scores + panel * job->keys.wide * job->size);
  for (int64_t i = 0; i < queries; i++) {
    inverse[i] = job->loops->softmax(job->tokens, scale, scores + i * row, stats ? &log_sum : NULL);
    if (stats) tr_cpu_store(stats, h->number * job->tokens + first + i, log_sum);
  }
  mix_values(job, tile, scores, y);
  for (int64_t i = 0; i < queries; i++)
    job->loops->scale(job->head_size, inverse[i], y + i * job->hidden * job->size);
}

/* By all threads of a region together. */
static void run_head(const wide_job *job, const head *h, tr_cpu_long_work *work, char *scores) {
#pragma omp for schedule(static) nowait
  for (int64_t panel = 0; panel < job->values.panels; panel++) pack_values(job, h, panel);
#pragma omp for schedule(static)
  for (int64_t panel = 0; panel < job->keys.panels; panel++) pack_keys(job, h, panel);
#pragma omp for schedule(dynamic)
  for (int64_t tile = 0; tile < job->tiles; tile++)
    if (!tr_cpu_is_stopped(work)) run_tile(job, h, tile, scores);
}

tr_status tr_cpu_attention_wide(tr_ctx *ctx, const tr_nn_attention_args *args) {
  const double tokens = (double)args->qkv->shape[0] / (double)args->samples;
  const double seconds =
      2 * tokens * tokens * (double)args->samples * (double)args->y->shape[1] / TR_CPU_PRODUCT_RATE;
  const int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  wide_job job = job_of(ctx, args, threads);
  const int64_t matrix = tr_cpu_ceil_div(job.tokens * job.head_size * job.size, 64) * 64;
  const int64_t scores = tr_cpu_ceil_div(job.tile * job.tokens * job.size, 64) * 64;
  void *scratch;
  for (int which = 0; which < 4; which++) TR_TRY(prepare(ctx, &job, which >> 1, which & 1));
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(2 * matrix + threads * scores), &scratch));
  job.keys.data = scratch, job.values.data = job.keys.data + matrix;
#pragma omp parallel num_threads(threads)
  for (int64_t number = 0; number < args->samples * job.heads; number++) {
    const head h = head_of(&job, number);
    run_head(&job, &h, &work, job.values.data + matrix + omp_get_thread_num() * scores);
  }
  return tr_cpu_end(&work);
}
