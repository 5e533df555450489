/* Linear layers on the CPU. A task is one panel of the weight (weight.c) times one tile of rows: the product
 * in working memory that stays in the cache, then the epilogue row by row. The inputs are summed in chunks
 * that depend on their number alone; how rows fall into tiles cannot matter, because a kernel treats every
 * row alike (gemm.h). A weight kept in bf16 is widened chunk by chunk, in working memory too; for products of
 * bf16 it has words of two inputs (kernels.h), and so get the rows first: a word is then what an input is
 * else. */
#include <omp.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/nn/words.h"

/* Bytes of inputs summed at a time, and rows of a tile (of f32). AVX2 as measured on a processor with 512 KiB
 * of L2 (docs/decisions.md), although such a tile does not stay there: fewer, longer tasks outweigh it.
 * AVX-512 processors have 1 MiB or more; the baseline was not measured. */
static const int64_t chunk_bytes[] = {[TR_CPU_BASELINE] = 1024, [TR_CPU_AVX2] = 2048, [TR_CPU_AVX512] = 2048};
static const int64_t most_tile_rows[] = {[TR_CPU_BASELINE] = 256, [TR_CPU_AVX2] = 512, [TR_CPU_AVX512] = 256};

#define TILE_ROWS_MIN 16
#define TASKS_WANTED  4 /* per thread */

typedef struct {
  const tr_nn_linear_args *args;
  const tr_cpu_kernels *loops;
  const tr_cpu_halves *halves; /* of products of bf16; NULL: operands as they are */
  const char *weight;          /* its panels */
  const char *x;               /* (rows, in) */
  int64_t in, out;             /* of this product, inputs in words where there are halves */
  int64_t weight_size;         /* bytes of an element as it is kept */
  tr_gemm_sum product[2][2];   /* [last panel][last tile] */
  int64_t size, rows, panel, panels, tile_rows, tiles;
  int64_t widened, scratch_stride; /* of a thread's working memory: bytes of the product, bytes in all */
} linear_job;

static int64_t width_of(const linear_job *job, int64_t panel) {
  return tr_cpu_smaller(job->panel, job->out - panel * job->panel);
}

static int64_t rows_of(const linear_job *job, int64_t tile) {
  return tr_cpu_smaller(job->tile_rows, job->rows - tile * job->tile_rows);
}

static void plan(linear_job *job, tr_cpu_level level, int threads) {
  const tr_nn_linear_args *args = job->args;
  job->size = (int64_t)tr_dtype_size(args->y->dtype);
  job->rows = args->y->shape[0];
  job->panel = tr_cpu_panel(level, job->size);
  job->panels = tr_cpu_ceil_div(job->out, job->panel);
  job->tile_rows = most_tile_rows[level] * 4 / job->size;
  while (job->tile_rows > TILE_ROWS_MIN &&
         job->panels * tr_cpu_ceil_div(job->rows, job->tile_rows) < (int64_t)threads * TASKS_WANTED)
    job->tile_rows /= 2;
  job->tiles = tr_cpu_ceil_div(job->rows, job->tile_rows);
}

static tr_status prepare(tr_ctx *ctx, linear_job *job) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  for (int which = 0; which < 4; which++) {
    const int last_panel = which >> 1, last_tile = which & 1;
    const int m = (int)tr_cpu_padded(width_of(job, last_panel ? job->panels - 1 : 0), job->size);
    const tr_gemm_shape shape = {.dtype = job->halves ? TR_BF16 : job->args->y->dtype,
                                 .m = m,
                                 .n = (int)rows_of(job, last_tile ? job->tiles - 1 : 0),
                                 .k = (int)job->in,
                                 .lda = m,
                                 .ldb = (int)job->in,
                                 .ldc = m};
    TR_TRY(tr_gemm_sum_prepare(ctx, &shape, tr_gemm_even_chunk(&shape, chunk_bytes[state->level]),
                               &job->product[last_panel][last_tile]));
  }
  return TR_OK;
}

/* Behind the product, a chunk of the weight that has to be widened. */
static void plan_memory(linear_job *job) {
  job->widened = job->tile_rows * job->panel * job->size;
  job->scratch_stride = job->widened;
  if (job->weight_size != job->size) job->scratch_stride += job->product[0][0].chunk * job->panel * job->size;
}

static const char *at(const tr_array *a, int64_t index, int64_t size) {
  return a ? (const char *)a->data + index * size : NULL;
}

/* From `row` on, how many rows lie in the same stretch of `period` rows. */
static int64_t stretch(int64_t row, int64_t period) {
  return period - row % period;
}

/* What the activation is given into `before`, and from there on as tr_cpu_activate does. */
static void finish_twice(const linear_job *job, tr_cpu_epilogue e, char *before) {
  void *y = e.y;
  const tr_nn_activation activation = e.activation;
  e.y = before, e.activation = TR_NN_IDENTITY;
  job->loops->finish(&e);
  e.product = before, e.product_stride = e.stride, e.bias = NULL;
  e.y = y, e.activation = activation;
  job->loops->finish(&e);
}

/* Runs of rows that share the gate's row and walk through the residual without wrapping. */
static void finish_tile(const linear_job *job, int64_t first_row, int64_t rows, int64_t first_col,
                        int64_t width, const char *product) {
  const tr_nn_linear_args *args = job->args;
  const tr_array *gate = args->gate.table, *residual = args->residual;
  int64_t size = job->size, out = job->out;
  int64_t gate_rows = gate ? job->rows / gate->shape[0] : job->rows;
  int64_t residual_rows = residual ? residual->shape[0] : job->rows;
  tr_cpu_epilogue e = {.cols = width,
                       .activation = args->activation,
                       .product_stride = tr_cpu_padded(width, size),
                       .bias = at(args->bias, first_col, size),
                       .stride = out};
  for (int64_t done = 0; done < rows; done += e.rows) {
    int64_t row = first_row + done;
    e.rows =
        tr_cpu_smaller(rows - done, tr_cpu_smaller(stretch(row, gate_rows), stretch(row, residual_rows)));
    e.product = product + done * e.product_stride * size;
    if (gate) e.gate = at(gate, row / gate_rows * gate->shape[1] + args->gate.offset + first_col, size);
    e.residual = at(residual, row % residual_rows * out + first_col, size);
    e.y = (char *)args->y->data + (row * out + first_col) * size;
    if (args->before)
      finish_twice(job, e, (char *)args->before->data + (row * out + first_col) * size);
    else
      job->loops->finish(&e);
  }
}

/* Rows behind an activation, on the way back. */
static void slope_tile(const linear_job *job, int64_t first_row, int64_t rows, int64_t first_col,
                       int64_t width, const char *product) {
  const tr_nn_linear_args *args = job->args;
  const int64_t stride = tr_cpu_padded(width, job->size) * job->size;
  for (int64_t r = 0; r < rows; r++)
    job->loops->activation_backward(
        args->activation, width,
        tr_cpu_row(args->slope_at, (first_row + r) % args->slope_at->shape[0], first_col),
        product + r * stride, tr_cpu_row(args->y, first_row + r, first_col));
}

/* `length` inputs of a panel from `first` on, in the compute type; room: for what has to be widened. */
static const char *weight_chunk(const linear_job *job, int64_t panel, int64_t first, int64_t length,
                                char *room) {
  int64_t ld = tr_cpu_padded(width_of(job, panel), job->size);
  const char *kept = job->weight + (panel * job->panel * job->in + first * ld) * job->weight_size;
  if (job->weight_size == job->size) return kept;
  job->loops->widen(length * ld, kept, room);
  return room;
}

static void run_task(const linear_job *job, int64_t task, char *product) {
  int64_t tile = task / job->panels, panel = task % job->panels, in = job->in, size = job->size;
  int64_t row = tile * job->tile_rows, rows = rows_of(job, tile), width = width_of(job, panel);
  const tr_gemm_sum *sum = &job->product[panel == job->panels - 1][tile == job->tiles - 1];
  const char *x = job->x + row * in * size;
  for (int64_t c = 0; c < sum->chunks; c++) {
    const tr_gemm_kernel *part = tr_gemm_sum_part(sum, c, false);
    const int64_t first = c * sum->chunk;
    tr_gemm_run(part, weight_chunk(job, panel, first, part->shape.k, product + job->widened),
                x + first * size, product);
  }
  (job->args->slope_at ? slope_tile : finish_tile)(job, row, rows, panel * job->panel, width, product);
}

/* x in words, one row by each thread at a time. */
static void pair_rows_of_x(linear_job *job, int threads, uint32_t *words) {
  const tr_array *x = job->args->x;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t r = 0; r < job->rows; r++)
    tr_words_along(job->halves, 1, x->shape[1], tr_cpu_row(x, r, 0), 0, words + r * job->in);
  job->x = (const char *)words;
}

static linear_job job_of(tr_ctx *ctx, const tr_nn_linear_args *args) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const tr_nn_weight_spec *w = &args->w->spec;
  const bool words = w->products == TR_NN_BF16;
  return (linear_job){.args = args,
                      .loops = tr_cpu_kernels_of(ctx, args->y->dtype),
                      .halves = words ? tr_cpu_halves_for(state->level) : NULL,
                      .x = args->x->data,
                      .in = words ? tr_cpu_words(args->x->shape[1]) : args->x->shape[1],
                      .out = args->y->shape[1],
                      .weight_size = (int64_t)tr_dtype_size(words ? w->compute : w->storage)};
}

tr_status tr_cpu_linear(tr_ctx *ctx, const tr_nn_linear_args *args) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  linear_job job = job_of(ctx, args);
  const double seconds = (double)args->y->count * (double)args->x->shape[1] / TR_CPU_PRODUCT_RATE;
  int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  void *scratch;
  if (args->y->count == 0) return TR_OK;
  TR_TRY(tr_cpu_weight_panels(ctx, args->w, args->transposed, &job.weight));
  plan(&job, state->level, threads);
  TR_TRY(prepare(ctx, &job));
  plan_memory(&job);
  int64_t words = job.halves ? tr_cpu_ceil_div(job.rows * job.in * job.size, 64) * 64 : 0;
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(words + threads * job.scratch_stride), &scratch));
  if (job.halves) pair_rows_of_x(&job, threads, scratch);
#pragma omp parallel num_threads(threads)
  {
    char *product = (char *)scratch + words + omp_get_thread_num() * job.scratch_stride;
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < job.tiles * job.panels; task++)
      if (!tr_cpu_is_stopped(&work)) run_task(&job, task, product);
  }
  return tr_cpu_end(&work);
}
