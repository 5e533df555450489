/* Convolutions of 3 x 3 with stride 1 in f32 by tiles of 4 x 4 pixels of the result: each tile's 6 x 6 pixels
 * of the input become 36 values, so do the 3 x 3 numbers of the weight, and where a direct sum multiplies 144
 * times, 36 products do. A group of tiles is a block of one sample, or several whole samples; its values, and
 * what comes of them for one panel of the weight, stay in the caches. The weight is transformed anew in each
 * call: kept, it would take four times the memory of the network. How tiles are grouped cannot matter,
 * because a product treats every tile alike (core/cpu/nn/gemm.h). */
#include <omp.h>

#include "core/cpu/nn/pictures/conv_private.h"

#define TILES_OF_A_GROUP 32
#define TILES_OF_A_ROW   8      /* of a block at most: its patch has little around it then */
#define MANY_WEIGHTS     131072 /* that do not stay in a cache: larger groups read them less often */
#define LEAST_CHANNELS   16
#define LEAST_TILES      4 /* of a sample */
#define TASKS_WANTED     4 /* per thread */
#define LINE             16 /* numbers that stagger the 36 values, which else would meet in few sets of a cache */

enum { TILE = TR_CPU_TILE, ELEMENTS = TR_CPU_TILE_ELEMENTS };

typedef struct {
  const tr_cpu_conv *conv;
  const tr_cpu_tiles *transforms;
  float *weight;                              /* of each panel ELEMENTS times (channels, outputs) */
  int64_t samples, groups;                    /* of one group; in all */
  int64_t values, sums;                       /* from one element of them to the next */
  int64_t patch_at, sums_at, tile_at, stride; /* of a thread's working memory: values first; numbers */
  tr_gemm_sum products[2][2][2];              /* [last panel][last rows, or samples][last columns] */
} tiles_job;

static int64_t tiles_along(int64_t pixels) {
  return tr_cpu_ceil_div(pixels, TILE);
}

bool tr_cpu_conv_is_by_tiles(const tr_cpu_conv *conv) {
  const tr_nn_window *w = &conv->args->window;
  const int64_t tiles = tiles_along(conv->height) * tiles_along(conv->width);
  return conv->loops->pictures->tiles && w->size[0] == 3 && w->size[1] == 3 && w->stride == 1 &&
         conv->channels >= LEAST_CHANNELS && tiles >= LEAST_TILES &&
         2 * ELEMENTS * tiles <= 9 * conv->height * conv->width; /* half of the products or fewer */
}

/* ---- groups ---- */

typedef struct {
  tr_cpu_block block; /* of each of its samples */
  int64_t samples, down, across, tiles;
} group;

static group group_of(const tiles_job *job, int64_t number) {
  const tr_cpu_conv *c = job->conv;
  group g = {.block = tr_cpu_conv_block(c, number * job->samples)};
  g.samples = tr_cpu_smaller(job->samples, c->samples - g.block.n);
  g.down = tiles_along(g.block.rows), g.across = tiles_along(g.block.cols);
  g.tiles = g.samples * g.down * g.across;
  return g;
}

static void plan(tiles_job *job, tr_cpu_conv *conv, int threads) {
  const int64_t tiles = (conv->channels * conv->out > MANY_WEIGHTS ? 2 : 1) * TILES_OF_A_GROUP;
  const int64_t tasks = (int64_t)threads * TASKS_WANTED;
  tr_cpu_conv_cut(conv, &(tr_cpu_block_limits){.pixels = tiles * TILE * TILE,
                                               .bytes = INT64_MAX,
                                               .tasks = tasks,
                                               .least = tiles * TILE * TILE / 2,
                                               .step = TILE,
                                               .cols = TILES_OF_A_ROW * TILE});
  const int64_t of_a_block = tiles_along(conv->block_rows) * tiles_along(conv->block_cols);
  job->conv = conv;
  job->transforms = conv->loops->pictures->tiles;
  job->samples = 1;
  if (conv->down * conv->across == 1)
    while (2 * job->samples * of_a_block <= tiles && conv->samples >= 2 * job->samples * threads)
      job->samples *= 2;
  job->groups = tr_cpu_ceil_div(tr_cpu_conv_blocks(conv), job->samples);
  job->values = job->samples * of_a_block * conv->channels + LINE;
  job->sums = job->samples * of_a_block * conv->panel + LINE;
  job->patch_at = tr_cpu_ceil_div(ELEMENTS * job->values, LINE) * LINE;
  const int64_t patch = tr_cpu_patch_bytes(conv, conv->block_rows, conv->block_cols) / conv->size;
  job->sums_at = job->patch_at + tr_cpu_ceil_div(patch, LINE) * LINE;
  job->tile_at = job->sums_at + tr_cpu_ceil_div(ELEMENTS * job->sums, LINE) * LINE;
  job->stride = job->tile_at + TILE * TILE * conv->panel;
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
                                 .n = (int)(samples * tiles_along(rows) * tiles_along(cols)),
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
  return job->weight + ELEMENTS * panel * job->conv->panel * job->conv->channels;
}

static int64_t weight_numbers(const tr_cpu_conv *c) {
  return ELEMENTS * c->channels * tr_cpu_padded(c->out, c->size);
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
  const int64_t rows = g->down * TILE + 2, cols = g->across * TILE + 2, row = cols * c->channels;
  float *patch = memory + job->patch_at, *values = memory + s * g->down * g->across * c->channels;
  tr_cpu_patch_fill(c, g->block.n + s, g->block.i - w->before[0], g->block.j - w->before[1], rows, cols,
                    (char *)patch);
  for (int64_t t = 0; t < g->down * g->across; t++)
    job->transforms->input(c->channels, row,
                           patch + t / g->across * TILE * row + t % g->across * TILE * c->channels,
                           job->values, values + t * c->channels);
}

/* Tile t of the group, of the outputs of a panel, into y. */
static void finish_tile(const tiles_job *job, const group *g, int64_t panel, int64_t t, float *memory) {
  const tr_cpu_conv *c = job->conv;
  const int64_t width = tr_cpu_conv_width(c, panel), ld = tr_cpu_padded(width, c->size);
  const int64_t of_a_sample = g->down * g->across, s = t / of_a_sample;
  const int64_t i = t % of_a_sample / g->across * TILE, j = t % g->across * TILE;
  const int64_t rows = tr_cpu_smaller(TILE, g->block.rows - i),
                cols = tr_cpu_smaller(TILE, g->block.cols - j);
  float *pixels = memory + job->tile_at;
  job->transforms->output(ld, job->sums, memory + job->sums_at + t * ld, pixels);
  for (int64_t r = 0; r < rows; r++)
    tr_cpu_conv_finish(c, g->block.n + s, g->block.i + i + r, g->block.j + j, cols, panel * c->panel, width,
                       (const char *)(pixels + r * TILE * ld), ld);
}

static void run_group(const tiles_job *job, int64_t number, float *memory) {
  const tr_cpu_conv *c = job->conv;
  const group g = group_of(job, number);
  const bool last_rows = g.down < tiles_along(c->block_rows) || g.samples < job->samples;
  const bool last_cols = g.across < tiles_along(c->block_cols);
  for (int64_t s = 0; s < g.samples; s++) transform_sample(job, &g, s, memory);
  for (int64_t panel = 0; panel < c->panels; panel++) {
    const tr_gemm_sum *product = &job->products[panel == c->panels - 1][last_rows][last_cols];
    const int64_t element = c->channels * tr_cpu_padded(tr_cpu_conv_width(c, panel), c->size);
    for (int64_t e = 0; e < ELEMENTS; e++)
      tr_gemm_sum_run(product, false, weight_of(job, panel) + e * element, memory + e * job->values,
                      memory + job->sums_at + e * job->sums);
    for (int64_t t = 0; t < g.tiles; t++) finish_tile(job, &g, panel, t, memory);
  }
}

tr_status tr_cpu_conv_by_tiles(tr_ctx *ctx, tr_cpu_conv *conv) {
  const double pixels = (double)(conv->samples * conv->height * conv->width);
  const double seconds =
      pixels * (double)conv->out * (double)conv->channels * ELEMENTS / (TILE * TILE) / TR_CPU_PRODUCT_RATE;
  const int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  tiles_job job = {0};
  void *scratch;
  plan(&job, conv, threads);
  TR_TRY(prepare(ctx, &job));
  TR_TRY(
      tr_cpu_scratch(ctx, (size_t)(weight_numbers(conv) + threads * job.stride) * sizeof(float), &scratch));
  job.weight = scratch;
#pragma omp parallel num_threads(threads)
  {
    float *mine = job.weight + weight_numbers(conv) + omp_get_thread_num() * job.stride;
#pragma omp for schedule(static)
    for (int64_t row = 0; row < conv->panels * conv->channels; row++)
      transform_weight(&job, row / conv->channels, row % conv->channels);
#pragma omp for schedule(dynamic)
    for (int64_t number = 0; number < job.groups; number++)
      if (!tr_cpu_is_stopped(&work)) run_group(&job, number, mine);
  }
  return tr_cpu_end(&work);
}
