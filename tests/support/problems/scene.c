#include "tests/support/problems/scene.h"

#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/nets/networks.h"

const scene_sizes scene_odd = {.channels = 2,
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

const scene_sizes scene_large = {.channels = 4,
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

tr_status scene_configure(tr_ctx *ctx, const scene_sizes *s, tr_net_config *out) {
  const tr_net_size sizes[] = {{"channels", s->channels},
                               {"out_channels", s->out_channels},
                               {"patch", s->patch},
                               {"grid", s->grid},
                               {"hidden", s->hidden},
                               {"depth", s->depth},
                               {"heads", s->heads},
                               {"mlp_hidden", s->mlp_hidden},
                               {"time_frequencies", s->time_frequencies},
                               {"num_classes", s->num_classes},
                               {"null_class", s->null_class}};
  TR_TRY(networks_register(ctx));
  return tr_net_configure_sizes(ctx, "sit", sizeof sizes / sizeof *sizes, sizes, out);
}

/* The provider and the states of a network that is there. */
static void fill(tr_ctx *ctx, int64_t rows, scene *s) {
  const tr_random_address address[] = {{.seed = 3, .purpose = TR_RANDOM_INIT},
                                       {.seed = 4, .purpose = TR_RANDOM_INIT}};
  const tr_net_info *info = tr_net_info_of(s->net);
  int64_t shape[TR_MAX_DIMS];
  int ndim = tr_net_states(info, rows, shape);
  CHECK_OK(ctx, tr_drift_of_net(s->net, TR_VELOCITY, &s->network));
  CHECK_OK(ctx, tr_array_create(ctx, tr_net_dtype(s->net), ndim, shape, &s->x));
  CHECK_OK(ctx, tr_array_like(s->x, &s->w));
  CHECK_OK(ctx, tr_randn(&address[0], s->x));
  CHECK_OK(ctx, tr_randn(&address[1], s->w));
  s->rows = rows, s->row = info->row;
  for (int i = 0; i < s->rows; i++) {
    s->times[i] = (i + 0.5) / (double)s->rows;
    if (info->num_classes) s->labels[i] = i % info->num_classes;
  }
}

static void open_sit(tr_ctx *ctx, const scene_sizes *sizes, const tr_net_options *options, int64_t rows,
                     scene *s) {
  tr_net_config config;
  *s = (scene){0};
  CHECK_OK(ctx, scene_configure(ctx, sizes, &config));
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, options, TR_NET_RANDOM, 5, &s->net));
  tr_net_config_clear(&config);
  fill(ctx, rows, s);
}

void open_scene(tr_ctx *ctx, const scene_sizes *sizes, tr_dtype dtype, int64_t rows, scene *s) {
  open_sit(ctx, sizes, &(tr_net_options){.dtype = dtype}, rows, s);
}

void open_trained_scene(tr_ctx *ctx, const scene_sizes *sizes, tr_dtype dtype, int64_t rows, scene *s) {
  open_sit(ctx, sizes, &(tr_net_options){.dtype = dtype, .trained = true}, rows, s);
}

static void open_mlp(tr_ctx *ctx, const weights *w, const tr_net_options *options, int64_t rows, scene *s) {
  const tr_tensors all = weights_tensors(w);
  *s = (scene){0};
  CHECK_OK(ctx, networks_open(ctx, &all, NULL, options, &s->net));
  fill(ctx, rows, s);
}

void open_mlp_scene(tr_ctx *ctx, const weights *w, tr_dtype dtype, int64_t rows, scene *s) {
  open_mlp(ctx, w, &(tr_net_options){.dtype = dtype}, rows, s);
}

void open_trained_mlp_scene(tr_ctx *ctx, const weights *w, tr_dtype dtype, int64_t rows, scene *s) {
  open_mlp(ctx, w, &(tr_net_options){.dtype = dtype, .trained = true}, rows, s);
}

void close_scene(scene *s) {
  tr_drift_destroy(&s->network);
  tr_net_destroy(&s->net);
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
