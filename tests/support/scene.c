#include "tests/support/scene.h"

#include "core/vec.h"
#include "tests/support/check.h"

const tr_sit_config scene_odd = {.channels = 2,
                                 .out_channels = 3,
                                 .patch = 3,
                                 .grid = 3,
                                 .hidden = 66,
                                 .depth = 2,
                                 .heads = 3,
                                 .mlp_hidden = 131,
                                 .time_frequencies = 34,
                                 .num_classes = 7,
                                 .null_class = 7};

const tr_sit_config scene_large = {.channels = 4,
                                   .out_channels = 8,
                                   .patch = 2,
                                   .grid = 16,
                                   .hidden = 32,
                                   .depth = 1,
                                   .heads = 2,
                                   .mlp_hidden = 128,
                                   .time_frequencies = 256,
                                   .num_classes = 10,
                                   .null_class = 10};

void open_scene(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, int64_t rows, scene *s) {
  const tr_random_address address[] = {{.seed = 3, .purpose = TR_RANDOM_INIT},
                                       {.seed = 4, .purpose = TR_RANDOM_INIT}};
  int64_t side = (int64_t)config->grid * config->patch;
  *s = (scene){.rows = rows, .row = config->channels * side * side};
  CHECK_OK(ctx, tr_sit_create_random(ctx, config, dtype, 5, TR_VELOCITY, &s->network));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 4, (int64_t[]){rows, config->channels, side, side}, &s->x));
  CHECK_OK(ctx, tr_array_like(s->x, &s->w));
  CHECK_OK(ctx, tr_randn(&address[0], s->x));
  CHECK_OK(ctx, tr_randn(&address[1], s->w));
  for (int i = 0; i < rows; i++)
    s->times[i] = (i + 0.5) / (double)rows, s->labels[i] = i % config->num_classes;
}

void close_scene(scene *s) {
  tr_drift_destroy(&s->network);
  tr_array_destroy(&s->x);
  tr_array_destroy(&s->w);
}

tr_times scene_times(const scene *s, int64_t first, int64_t n) {
  return (tr_times){n, s->times + first};
}

tr_cond scene_cond(const scene *s, int64_t first, int64_t n) {
  return (tr_cond){n, s->labels + first};
}

double scene_dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}
