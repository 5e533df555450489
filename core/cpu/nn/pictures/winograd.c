/* Convolutions with stride 1 in f32 by tiles of the result, for the kernels of core/cpu/tiles.def: of 3 x 3,
 * the 6 x 6 pixels of the input that a tile of 4 x 4 takes become 36 values, so do the 3 x 3 numbers of the
 * weight, and where a direct sum multiplies 144 times, 36 products do. A group of tiles is a block of one
 * sample, or several whole samples; its values, and what comes of them for one panel of the weight, stay in
 * the caches. The weight is transformed anew in each call: kept, it would take four times the memory of the
 * network. How tiles are grouped cannot matter, because a product treats every tile alike
 * (core/cpu/nn/gemm.h). */
#include <omp.h>

#include "core/cpu/nn/pictures/conv_private.h"

#define VALUES_OF_A_GROUP 1152 /* of a channel */
#define TILES_OF_A_ROW    8 /* of a block at most, where both axes have tiles: little is around its patch */
#define MANY_WEIGHTS      131072 /* that do not stay in a cache: larger groups read them less often */
#define LEAST_CHANNELS    16
#define LEAST_TILES       4 /* of a sample */
#define TASKS_WANTED      4 /* per thread */
#define LINE              16 /* numbers that stagger the elements, which else would meet in few sets of a cache */

typedef struct {
  const tr_cpu_conv *conv;
  const tr_cpu_tiles *transforms;
  int64_t elements;
  float *weight;                                /* of each panel `elements` times (channels, outputs) */
  int64_t samples, groups;                      /* of one group; in all */
  int64_t values, sums;                         /* from one element of them to the next */
  int64_t patch_at, sums_at, pixels_at, stride; /* of a thread's working memory: values first; numbers */
  tr_gemm_sum products[2][2][2];                /* [last panel][last rows, or samples][last columns] */
} tiles_job;

static int64_t elements_of(const tr_cpu_tiles *t) {
  return (int64_t)(t->kernel[0] + t->pixels[0] - 1) * (t->kernel[1] + t->pixels[1] - 1);
}

static int64_t tiles_of(const tr_cpu_tiles *t, int64_t rows, int64_t cols) {
  return tr_cpu_ceil_div(rows, t->pixels[0]) * tr_cpu_ceil_div(cols, t->pixels[1]);
}

const tr_cpu_tiles *tr_cpu_conv_tiles(const tr_cpu_conv *conv) {
  const tr_nn_window *w = &conv->args->window;
  const tr_cpu_tiles *t = conv->loops->pictures->tiles;
  if (!t || w->stride != 1 || conv->channels < LEAST_CHANNELS) return NULL;
  while (t->weight && (t->kernel[0] != w->size[0] || t->kernel[1] != w->size[1])) t++;
  if (!t->weight) return NULL;
  const int64_t tiles = tiles_of(t, conv->height, conv->width);
  const int64_t products = conv->args->w->spec.taps * conv->height * conv->width; /* of a direct sum */
  return tiles >= LEAST_TILES && 2 * elements_of(t) * tiles <= products ? t : NULL;
}

/* ---- groups ---- */

typedef struct {
  tr_cpu_block block; /* of each of its samples */
  int64_t samples, down, across;
} group;

static group group_of(const tiles_job *job, int64_t number) {
  const tr_cpu_conv *c = job->conv;
  group g = {.block = tr_cpu_conv_block(c, number * job->samples)};
  g.samples = tr_cpu_smaller(job->samples, c->samples - g.block.n);
  g.down = tr_cpu_ceil_div(g.block.rows, job->transforms->pixels[0]);
  g.across = tr_cpu_ceil_div(g.block.cols, job->transforms->pixels[1]);
  return g;
}

static void plan(tiles_job *job, tr_cpu_conv *conv, const tr_cpu_tiles *transforms, int threads) {
  const int64_t down = transforms->pixels[0], across = transforms->pixels[1],
                elements = elements_of(transforms);
  const int64_t tiles = (conv->channels * conv->out > MANY_WEIGHTS ? 2 : 1) * (VALUES_OF_A_GROUP / elements);
  const bool both = transforms->kernel[0] > 1 && transforms->kernel[1] > 1;
  tr_cpu_conv_cut(conv, &(tr_cpu_block_limits){.pixels = tiles * down * across,
                                               .bytes = INT64_MAX,
                                               .tasks = (int64_t)threads * TASKS_WANTED,
                                               .least = tiles * down * across / 2,
                                               .step = {down, across},
                                               .cols = both ? TILES_OF_A_ROW * across : INT64_MAX});
  const int64_t of_a_block = tiles_of(transforms, conv->block_rows, conv->block_cols);
  job->conv = conv;
  job->transforms = transforms;
  job->elements = elements;
  job->samples = 1;
  if (conv->down * conv->across == 1)
    while (2 * job->samples * of_a_block <= tiles && conv->samples >= 2 * job->samples * threads)
      job->samples *= 2;
  job->groups = tr_cpu_ceil_div(tr_cpu_conv_blocks(conv), job->samples);
  job->values = job->samples * of_a_block * conv->channels + LINE;
  job->sums = job->samples * of_a_block * conv->panel + LINE;
  job->patch_at = tr_cpu_ceil_div(elements * job->values, LINE) * LINE;
  const int64_t patch = tr_cpu_patch_bytes(conv, conv->block_rows, conv->block_cols) / conv->size;
  job->sums_at = job->patch_at + tr_cpu_ceil_div(patch, LINE) * LINE;
  job->pixels_at = job->sums_at + tr_cpu_ceil_div(elements * job->sums, LINE) * LINE;
  job->stride = job->pixels_at + down * conv->block_cols * conv->panel;
}

static tr_status prepare(tr_ctx *ctx, tiles_job *job) {
  const tr_cpu_conv *c = job->conv;
  for (int which = 0; which < 8; which++) {
    const int last_panel = which >> 2, last_rows = which >> 1 & 1, last_cols = which & 1;
    const int64_t rows = last_rows ? c->height - (c->down - 1) * c->block_rows : c->block_rows;
    const int64_t cols = last_cols ? c->width - (c->across - 1) * c->block_cols : c->block_cols;
    const int64_t samples = last_rows
                                ? c->samples - (tr_cpu_ceil_div(c->samples, job->samples) - 1) * job->samples
                                : job->samples;
    const int m = (int)tr_cpu_padded(tr_cpu_conv_width(c, last_panel ? c->panels - 1 : 0), c->size);
    const tr_gemm_shape shape = {.dtype = TR_F32,
                                 .m = m,
                                 .n = (int)(samples * tiles_of(job->transforms, rows, cols)),
                                 .k = (int)c->channels,
                                 .lda = m,
                                 .ldb = (int)c->channels,
                                 .ldc = m};
    TR_TRY(tr_gemm_sum_prepare(ctx, &shape, tr_gemm_even_chunk(&shape, TR_CPU_CONV_CHUNK),
                               &job->products[last_panel][last_rows][last_cols]));
  }
  return TR_OK;
}

/* ---- the weight ---- */

static float *weight_of(const tiles_job *job, int64_t panel) {
  return job->weight + job->elements * panel * job->conv->panel * job->conv->channels;
}

static int64_t weight_numbers(const tr_cpu_conv *c, int64_t elements) {
  return elements * c->channels * tr_cpu_padded(c->out, c->size);
}

/* One channel of one panel. */
static void transform_weight(const tiles_job *job, int64_t panel, int64_t channel) {
  const tr_cpu_conv *c = job->conv;
  const int64_t ld = tr_cpu_padded(tr_cpu_conv_width(c, panel), c->size), place = c->channels * ld;
  const float *from = (const float *)c->weight + panel * c->panel * c->args->w->spec.in + channel * ld;
  job->transforms->weight(ld, place, from, place, weight_of(job, panel) + channel * ld);
}

/* ---- a group ---- */

/* The values of the tiles of sample `s` of the group. */
static void transform_sample(const tiles_job *job, const group *g, int64_t s, float *memory) {
  const tr_cpu_conv *c = job->conv;
  const tr_nn_window *w = &c->args->window;
  const tr_cpu_tiles *t = job->transforms;
  const int64_t rows = tr_cpu_patch_extent(c, 0, g->down * t->pixels[0]);
  const int64_t cols = tr_cpu_patch_extent(c, 1, g->across * t->pixels[1]), row = cols * c->channels;
  float *patch = memory + job->patch_at, *values = memory + s * g->down * g->across * c->channels;
  tr_cpu_patch_fill(c, g->block.n + s, g->block.i - w->before[0], g->block.j - w->before[1], rows, cols,
                    (char *)patch);
  for (int64_t k = 0; k < g->down * g->across; k++)
    t->input(c->channels, row,
             patch + k / g->across * t->pixels[0] * row + k % g->across * t->pixels[1] * c->channels,
             job->values, values + k * c->channels);
}

/* A row of tiles of sample `s`, the k-th, of the outputs of a panel, into y. */
static void finish_tiles(const tiles_job *job, const group *g, int64_t panel, int64_t s, int64_t k,
                         float *memory) {
  const tr_cpu_conv *c = job->conv;
  const int64_t width = tr_cpu_conv_width(c, panel), ld = tr_cpu_padded(width, c->size);
  const int64_t down = job->transforms->pixels[0], across = job->transforms->pixels[1];
  const int64_t rows = tr_cpu_smaller(down, g->block.rows - k * down), row = g->across * across * ld;
  const float *sums = memory + job->sums_at + (s * g->down + k) * g->across * ld;
  float *pixels = memory + job->pixels_at;
  for (int64_t t = 0; t < g->across; t++)
    job->transforms->output(ld, job->sums, sums + t * ld, row, pixels + t * across * ld);
  for (int64_t r = 0; r < rows; r++)
    tr_cpu_conv_finish(c, g->block.n + s, g->block.i + k * down + r, g->block.j, g->block.cols,
                       panel * c->panel, width, (const char *)(pixels + r * row), ld);
}

static void run_group(const tiles_job *job, int64_t number, float *memory) {
  const tr_cpu_conv *c = job->conv;
  const group g = group_of(job, number);
  const bool last_rows = g.block.rows < c->block_rows || g.samples < job->samples;
  const bool last_cols = g.block.cols < c->block_cols;
  for (int64_t s = 0; s < g.samples; s++) transform_sample(job, &g, s, memory);
  for (int64_t panel = 0; panel < c->panels; panel++) {
    const tr_gemm_sum *product = &job->products[panel == c->panels - 1][last_rows][last_cols];
    const int64_t element = c->channels * tr_cpu_padded(tr_cpu_conv_width(c, panel), c->size);
    for (int64_t e = 0; e < job->elements; e++)
      tr_gemm_sum_run(product, false, weight_of(job, panel) + e * element, memory + e * job->values,
                      memory + job->sums_at + e * job->sums);
    for (int64_t k = 0; k < g.samples * g.down; k++)
      finish_tiles(job, &g, panel, k / g.down, k % g.down, memory);
  }
}

tr_status tr_cpu_conv_by_tiles(tr_ctx *ctx, tr_cpu_conv *conv, const tr_cpu_tiles *transforms) {
  const int64_t elements = elements_of(transforms), weights = weight_numbers(conv, elements);
  const double tiles = (double)(conv->samples * tiles_of(transforms, conv->height, conv->width));
  const double seconds =
      tiles * (double)conv->out * (double)conv->channels * (double)elements / TR_CPU_PRODUCT_RATE;
  const int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  tiles_job job = {0};
  void *scratch;
  plan(&job, conv, transforms, threads);
  TR_TRY(prepare(ctx, &job));
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(weights + threads * job.stride) * sizeof(float), &scratch));
  job.weight = scratch;
#pragma omp parallel num_threads(threads)
  {
    float *mine = job.weight + weights + omp_get_thread_num() * job.stride;
#pragma omp for schedule(static)
    for (int64_t row = 0; row < conv->panels * conv->channels; row++)
      transform_weight(&job, row / conv->channels, row % conv->channels);
#pragma omp for schedule(dynamic)
    for (int64_t number = 0; number < job.groups; number++)
      if (!tr_cpu_is_stopped(&work)) run_group(&job, number, mine);
  }
  return tr_cpu_end(&work);
}
