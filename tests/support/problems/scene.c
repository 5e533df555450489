#include "tests/support/problems/scene.h"

#include "core/vec.h"
#include "nets/mlp/mlp.h"
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

static void fill(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, scene *s) {
  const tr_random_address address[] = {{.seed = 3, .purpose = TR_RANDOM_INIT},
                                       {.seed = 4, .purpose = TR_RANDOM_INIT}};
  CHECK_OK(ctx, tr_array_create(ctx, dtype, ndim, shape, &s->x));
  CHECK_OK(ctx, tr_array_like(s->x, &s->w));
  CHECK_OK(ctx, tr_randn(&address[0], s->x));
  CHECK_OK(ctx, tr_randn(&address[1], s->w));
  s->rows = shape[0], s->row = s->x->count / shape[0];
  for (int i = 0; i < s->rows; i++) {
    s->times[i] = (i + 0.5) / (double)s->rows;
    if (s->network->num_classes) s->labels[i] = i % s->network->num_classes;
  }
}

void open_scene(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, int64_t rows, scene *s) {
  int64_t side = (int64_t)config->grid * config->patch;
  *s = (scene){0};
  CHECK_OK(ctx, tr_sit_create_random(ctx, config, dtype, 5, TR_VELOCITY, &s->network));
  fill(ctx, dtype, 4, (int64_t[]){rows, config->channels, side, side}, s);
}

void open_mlp_scene(tr_ctx *ctx, const weights *w, tr_dtype dtype, int64_t rows, scene *s) {
  const tr_tensors all = weights_tensors(w);
  *s = (scene){0};
  CHECK_OK(ctx, tr_mlp_create(ctx, &all, 0, dtype, TR_VELOCITY, &s->network));
  fill(ctx, dtype, 2, (int64_t[]){rows, tr_mlp_config_of(s->network)->dim}, s);
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
  return s->network->num_classes ? (tr_cond){n, s->labels + first} : (tr_cond){0};
}

double scene_dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}
