/* Linear layers on the CPU. The weight is packed into panels of tr_cpu_panel outputs, each panel with its
 * outputs side by side for every input, so that one kernel call streams it. A task is one panel times one
 * tile of rows: the product in working memory that stays in the cache, then the epilogue row by row. The
 * inputs are summed in chunks that depend on their number alone; how rows fall into tiles cannot matter,
 * because a kernel treats every row alike (gemm.h). */
#include <omp.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

/* Bytes of inputs summed at a time, and rows of a tile (of f32). AVX2 as measured on a processor with 512 KiB
 * of L2 (docs/decisions.md), although such a tile does not stay there: fewer, longer tasks outweigh it.
 * AVX-512 processors have 1 MiB or more; the baseline was not measured. */
static const int64_t chunk_bytes[] = {[TR_CPU_BASELINE] = 1024, [TR_CPU_AVX2] = 2048, [TR_CPU_AVX512] = 2048};
static const int64_t most_tile_rows[] = {[TR_CPU_BASELINE] = 256, [TR_CPU_AVX2] = 512, [TR_CPU_AVX512] = 256};

#define TILE_ROWS_MIN 16
#define TASKS_WANTED  4 /* per thread */

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/* Columns of a panel in memory: the last one is filled up with zeros to whole pairs of 64-byte vectors,
 * because libxsmm's AVX-512 code for a single vector sums in an order that depends on the number of rows. */
static int64_t padded(int64_t width, int64_t size) {
  return ceil_div(width * size, 128) * 128 / size;
}

int64_t tr_cpu_panel(tr_cpu_level level, int64_t size) {
  static const int64_t bytes[] = {[TR_CPU_BASELINE] = 256, [TR_CPU_AVX2] = 128, [TR_CPU_AVX512] = 256};
  return bytes[level] / size;
}

/* The same for every level: whole panels are whole pairs of vectors. */
int64_t tr_cpu_packed_count(tr_dtype dtype, int64_t out, int64_t in) {
  return padded(out, (int64_t)tr_dtype_size(dtype)) * in;
}

tr_status tr_cpu_pack(tr_ctx *ctx, const tr_array *w, tr_nn_weight *packed) {
  int64_t size = (int64_t)tr_dtype_size(w->dtype), in = packed->in, out = packed->out;
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const tr_cpu_kernels *kernels = tr_cpu_kernels_for(state->level, w->dtype);
  int64_t wide = tr_cpu_panel(state->level, size);
#pragma omp parallel for num_threads(tr_ctx_threads(ctx)) schedule(static)
  for (int64_t first = 0; first < out; first += wide) {
    int64_t width = smaller(wide, out - first), ld = padded(width, size);
    char *panel = (char *)packed->packed->data + first * in * size;
    if (ld > width) memset(panel, 0, (size_t)(ld * in * size));
    kernels->transpose(width, in, (const char *)w->data + first * in * size, in, panel, ld);
  }
  return TR_OK;
}

/* A panel of W^T takes `width` inputs of W from every panel of W, `wide` outputs each. */
static void fill_transposed_panel(const tr_cpu_kernels *kernels, int64_t wide, int64_t size,
                                  const tr_nn_weight *w, int64_t first, int64_t width, char *panel) {
  int64_t ld = padded(width, size);
  if (ld > width) memset(panel, 0, (size_t)(ld * w->out * size));
  for (int64_t row = 0; row < w->out; row += wide) {
    int64_t rows = smaller(wide, w->out - row), stride = padded(rows, size);
    const char *from = (const char *)w->packed->data + (row * w->in + first * stride) * size;
    kernels->transpose(width, rows, from, stride, panel + row * ld * size, ld);
  }
}

tr_status tr_cpu_pack_transposed(tr_ctx *ctx, const tr_nn_weight *w, tr_nn_weight *transposed) {
  int64_t size = (int64_t)tr_dtype_size(w->packed->dtype);
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const tr_cpu_kernels *kernels = tr_cpu_kernels_for(state->level, w->packed->dtype);
  int64_t wide = tr_cpu_panel(state->level, size);
#pragma omp parallel for num_threads(tr_ctx_threads(ctx)) schedule(static)
  for (int64_t first = 0; first < w->in; first += wide)
    fill_transposed_panel(kernels, wide, size, w, first, smaller(wide, w->in - first),
                          (char *)transposed->packed->data + first * w->out * size);
  return TR_OK;
}

/* Kernels of one product: for whole and last panels, whole and last tiles, and the chunks of inputs. */
enum { FIRST, MIDDLE, LAST, STAGES };
typedef struct {
  const tr_nn_linear_args *args;
  const tr_cpu_kernels *loops;
  tr_gemm_kernel product[2][2][STAGES];
  int64_t size, rows, panel, panels, tile_rows, tiles, chunks, chunk;
  int64_t scratch_stride;
} linear_job;

static int64_t width_of(const linear_job *job, int64_t panel) {
  return smaller(job->panel, job->args->w->out - panel * job->panel);
}

static int64_t rows_of(const linear_job *job, int64_t tile) {
  return smaller(job->tile_rows, job->rows - tile * job->tile_rows);
}

static void plan(linear_job *job, tr_cpu_level level, int threads) {
  const tr_nn_linear_args *args = job->args;
  job->size = (int64_t)tr_dtype_size(args->y->dtype);
  job->rows = args->y->shape[0];
  job->panel = tr_cpu_panel(level, job->size);
  job->panels = ceil_div(args->w->out, job->panel);
  job->chunks = ceil_div(args->w->in * job->size, chunk_bytes[level]);
  job->chunk = ceil_div(ceil_div(args->w->in, job->chunks), 8) * 8;
  job->chunks = ceil_div(args->w->in, job->chunk);
  job->tile_rows = most_tile_rows[level] * 4 / job->size;
  while (job->tile_rows > TILE_ROWS_MIN &&
         job->panels * ceil_div(job->rows, job->tile_rows) < (int64_t)threads * TASKS_WANTED)
    job->tile_rows /= 2;
  job->tiles = ceil_div(job->rows, job->tile_rows);
  job->scratch_stride = job->tile_rows * job->panel * job->size;
}

static tr_status prepare_stages(tr_ctx *ctx, linear_job *job, int64_t width, int64_t rows,
                                tr_gemm_kernel *stages) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  int64_t in = job->args->w->in, last = in - (job->chunks - 1) * job->chunk;
  int m = (int)padded(width, job->size);
  tr_gemm_shape shape = {
      .dtype = job->args->y->dtype, .m = m, .n = (int)rows, .lda = m, .ldb = (int)in, .ldc = m};
  const int64_t length[STAGES] = {smaller(job->chunk, in), job->chunk, last};
  const bool used[STAGES] = {true, job->chunks > 2, job->chunks > 1};
  for (int stage = FIRST; stage < STAGES; stage++) {
    shape.k = (int)length[stage], shape.accumulate = stage != FIRST;
    if (used[stage]) TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, shape, &stages[stage]));
  }
  return TR_OK;
}

static tr_status prepare(tr_ctx *ctx, linear_job *job) {
  for (int last_panel = 0; last_panel < 2; last_panel++)
    for (int last_tile = 0; last_tile < 2; last_tile++) {
      int64_t width = width_of(job, last_panel ? job->panels - 1 : 0);
      int64_t rows = rows_of(job, last_tile ? job->tiles - 1 : 0);
      TR_TRY(prepare_stages(ctx, job, width, rows, job->product[last_panel][last_tile]));
    }
  return TR_OK;
}

static const char *at(const tr_array *a, int64_t index, int64_t size) {
  return a ? (const char *)a->data + index * size : NULL;
}

/* From `row` on, how many rows lie in the same stretch of `period` rows. */
static int64_t stretch(int64_t row, int64_t period) {
  return period - row % period;
}

/* Runs of rows that share the gate's row and walk through the residual without wrapping. */
static void finish_tile(const linear_job *job, int64_t first_row, int64_t rows, int64_t first_col,
                        int64_t width, const char *product) {
  const tr_nn_linear_args *args = job->args;
  const tr_array *gate = args->gate.table, *residual = args->residual;
  int64_t size = job->size, out = args->w->out;
  int64_t gate_rows = gate ? job->rows / gate->shape[0] : job->rows;
  int64_t residual_rows = residual ? residual->shape[0] : job->rows;
  tr_cpu_epilogue e = {.cols = width,
                       .activation = args->activation,
                       .product_stride = padded(width, size),
                       .bias = at(args->bias, first_col, size),
                       .stride = out};
  for (int64_t done = 0; done < rows; done += e.rows) {
    int64_t row = first_row + done;
    e.rows = smaller(rows - done, smaller(stretch(row, gate_rows), stretch(row, residual_rows)));
    e.product = product + done * e.product_stride * size;
    if (gate) e.gate = at(gate, row / gate_rows * gate->shape[1] + args->gate.offset + first_col, size);
    e.residual = at(residual, row % residual_rows * out + first_col, size);
    e.y = (char *)args->y->data + (row * out + first_col) * size;
    job->loops->finish(&e);
  }
}

static void run_task(const linear_job *job, int64_t task, char *product) {
  int64_t tile = task / job->panels, panel = task % job->panels, in = job->args->w->in, size = job->size;
  int64_t row = tile * job->tile_rows, rows = rows_of(job, tile), width = width_of(job, panel);
  const tr_gemm_kernel *stages = job->product[panel == job->panels - 1][tile == job->tiles - 1];
  const char *weight = at(job->args->w->packed, panel * job->panel * in, size);
  const char *x = at(job->args->x, row * in, size);
  for (int64_t c = 0; c < job->chunks; c++) {
    int stage = c == 0 ? FIRST : c == job->chunks - 1 ? LAST : MIDDLE;
    tr_gemm_run(&stages[stage], weight + c * job->chunk * padded(width, size) * size,
                x + c * job->chunk * size, product);
  }
  finish_tile(job, row, rows, panel * job->panel, width, product);
}

tr_status tr_cpu_linear(tr_ctx *ctx, const tr_nn_linear_args *args) {
  double products = (double)args->y->count * (double)args->w->in;
  int threads = tr_cpu_threads_for(ctx, products / TR_CPU_PRODUCT_RATE);
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  linear_job job = {.args = args, .loops = tr_cpu_kernels_for(state->level, args->y->dtype)};
  void *scratch;
  if (args->y->count == 0) return TR_OK;
  plan(&job, state->level, threads);
  TR_TRY(prepare(ctx, &job));
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(threads * job.scratch_stride), &scratch));
#pragma omp parallel num_threads(threads)
  {
    char *product = (char *)scratch + omp_get_thread_num() * job.scratch_stride;
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < job.tiles * job.panels; task++) run_task(&job, task, product);
  }
  return TR_OK;
}
