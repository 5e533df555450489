/* A convolution as sums over the places of its kernel, without a copy of the input for each of them: pixels
 * lie side by side with all their channels, so that a row of pixels is, for one place, the right operand of a
 * product with the weight of that place. */
#include <omp.h>

#include "core/cpu/nn/pictures/conv_private.h"

#define BLOCK_PIXELS 256    /* whose products by one panel stay in the near caches, */
#define BLOCK_BYTES  393216 /* with the patch in L2 */
#define LEAST_PIXELS 64
#define TASKS_WANTED 4 /* per thread */

typedef struct {
  const tr_cpu_conv *conv;
  bool there;                  /* patches are parts of x */
  bool merged;                 /* rows of a block follow each other in its patch: one product */
  int64_t patch_bytes, stride; /* of a thread's working memory: the patch; all */
  tr_gemm_sum products[2][2];  /* [last panel][last block] */
} direct_job;

/* Whether patches are parts of x. */
static bool patch_is_there(const tr_cpu_conv *conv) {
  const tr_nn_conv2d_args *a = conv->args;
  const tr_nn_window *w = &a->window;
  return !a->affine && !a->doubled && w->before[0] + w->after[0] + w->before[1] + w->after[1] == 0;
}

/* Pixels of a product of a block. */
static int64_t pixels_of(const direct_job *job, int64_t rows, int64_t cols) {
  return job->merged ? rows * cols : cols;
}

static void plan(direct_job *job, tr_cpu_conv *conv, int threads) {
  const tr_nn_window *w = &conv->args->window;
  tr_cpu_conv_cut(conv, &(tr_cpu_block_limits){.pixels = BLOCK_PIXELS * 4 / conv->size,
                                               .bytes = BLOCK_BYTES,
                                               .tasks = (int64_t)threads * TASKS_WANTED,
                                               .least = LEAST_PIXELS,
                                               .step = {1, 1},
                                               .cols = INT64_MAX});
  job->conv = conv;
  job->there = patch_is_there(conv);
  job->merged = w->size[1] == 1 && w->stride == 1 && conv->across == 1;
  const int64_t patch = job->there ? 0 : tr_cpu_patch_bytes(conv, conv->block_rows, conv->block_cols);
  job->patch_bytes = tr_cpu_ceil_div(patch, 64) * 64;
  job->stride = job->patch_bytes +
                tr_cpu_ceil_div(conv->block_rows * conv->block_cols * conv->panel * conv->size, 64) * 64;
}

static tr_status prepare(tr_ctx *ctx, direct_job *job) {
  const tr_cpu_conv *c = job->conv;
  for (int which = 0; which < 4; which++) {
    const int last_panel = which >> 1, last = which & 1;
    const int64_t rows = last ? c->height - (c->down - 1) * c->block_rows : c->block_rows;
    const int64_t cols = last ? c->width - (c->across - 1) * c->block_cols : c->block_cols;
    const int m = (int)tr_cpu_padded(tr_cpu_conv_width(c, last_panel ? c->panels - 1 : 0), c->size);
    const tr_gemm_shape shape = {.dtype = c->args->y->dtype,
                                 .m = m,
                                 .n = (int)pixels_of(job, rows, cols),
                                 .k = (int)c->channels,
                                 .lda = m,
                                 .ldb = (int)(c->args->window.stride * c->channels),
                                 .ldc = m,
                                 .accumulate = c->args->w->spec.taps > 1};
    TR_TRY(tr_gemm_sum_prepare(ctx, &shape, tr_gemm_even_chunk(&shape, TR_CPU_CONV_CHUNK),
                               &job->products[last_panel][last]));
  }
  return TR_OK;
}

/* Pixels of the input of one sample, side by side in a row; rows lie `row` elements apart. */
typedef struct {
  const char *data;
  int64_t row;
} patch;

static patch patch_of(const direct_job *job, const tr_cpu_block *b, char *room) {
  const tr_cpu_conv *c = job->conv;
  const tr_nn_window *w = &c->args->window;
  const int64_t i = b->i * w->stride - w->before[0], j = b->j * w->stride - w->before[1];
  if (job->there)
    return (patch){(const char *)c->args->x->data +
                       ((b->n * c->in_height + i) * c->in_width + j) * c->channels * c->size,
                   c->in_width * c->channels};
  const int64_t rows = tr_cpu_patch_extent(c, 0, b->rows), cols = tr_cpu_patch_extent(c, 1, b->cols);
  tr_cpu_patch_fill(c, b->n, i, j, rows, cols, room);
  return (patch){room, cols * c->channels};
}

/* All of the block with the weight of one place of the kernel. */
static void multiply(const direct_job *job, const tr_cpu_block *b, const patch *p, int64_t panel, int64_t tap,
                     char *sums) {
  const tr_cpu_conv *c = job->conv;
  const tr_nn_window *w = &c->args->window;
  const int64_t ld = tr_cpu_padded(tr_cpu_conv_width(c, panel), c->size), rows = job->merged ? 1 : b->rows;
  const char *weight =
      c->weight + (panel * c->panel * c->args->w->spec.in + tap * c->channels * ld) * c->size;
  const int64_t at = tap / w->size[1] * p->row + tap % w->size[1] * c->channels;
  const bool last = job->merged ? b->rows < c->block_rows : b->cols < c->block_cols;
  for (int64_t r = 0; r < rows; r++)
    tr_gemm_sum_run(&job->products[panel == c->panels - 1][last], tap > 0, weight,
                    p->data + (at + r * w->stride * p->row) * c->size, sums + r * b->cols * ld * c->size);
}

static void run_panel(const direct_job *job, const tr_cpu_block *b, const patch *p, int64_t panel,
                      char *sums) {
  const tr_cpu_conv *c = job->conv;
  const int64_t width = tr_cpu_conv_width(c, panel), ld = tr_cpu_padded(width, c->size);
  for (int64_t tap = 0; tap < c->args->w->spec.taps; tap++) multiply(job, b, p, panel, tap, sums);
  for (int64_t r = 0; r < b->rows; r++)
    tr_cpu_conv_finish(c, b->n, b->i + r, b->j, b->cols, panel * c->panel, width,
                       sums + r * b->cols * ld * c->size, ld);
}

static void run_block(const direct_job *job, int64_t number, char *memory) {
  const tr_cpu_block b = tr_cpu_conv_block(job->conv, number);
  const patch p = patch_of(job, &b, memory);
  for (int64_t panel = 0; panel < job->conv->panels; panel++)
    run_panel(job, &b, &p, panel, memory + job->patch_bytes);
}

tr_status tr_cpu_conv_direct(tr_ctx *ctx, tr_cpu_conv *conv) {
  const double pixels = (double)(conv->samples * conv->height * conv->width);
  const double seconds = pixels * (double)conv->out * (double)conv->args->w->spec.in / TR_CPU_PRODUCT_RATE;
  const int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  direct_job job;
  void *scratch;
  plan(&job, conv, threads);
  TR_TRY(prepare(ctx, &job));
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(threads * job.stride), &scratch));
#pragma omp parallel num_threads(threads)
  {
    char *mine = (char *)scratch + omp_get_thread_num() * job.stride;
#pragma omp for schedule(dynamic)
    for (int64_t block = 0; block < tr_cpu_conv_blocks(conv); block++)
      if (!tr_cpu_is_stopped(&work)) run_block(&job, block, mine);
  }
  return tr_cpu_end(&work);
}
