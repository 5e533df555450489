/* SiT networks as providers: a row's result is the same to the bit for any batch, any place in it and any
 * number of threads; sizes that nothing divides nicely; what is refused. Parity with the reference's numbers
 * is in tests/parity/test_forward.c. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "nets/sit/sit_private.h"
#include "tests/support/check.h"
#include "tests/support/problems/scene.h"

/* TR_TEST_RESOURCES */

/* Rows first .. first + n - 1 as one batch, read back as raw bits in double. */
static double *batch(tr_ctx *ctx, const scene *s, int64_t first, int64_t n, int threads) {
  tr_array *f;
  double *host = malloc((size_t)(n * s->row) * sizeof *host);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  tr_array x = tr_rows(s->x, first, n);
  CHECK_OK(ctx, tr_array_like(&x, &f));
  CHECK_OK(ctx, tr_drift_eval(s->network, (tr_times){n, s->times + first}, &x,
                              &(tr_cond){n, s->labels + first}, f));
  CHECK_OK(ctx, tr_array_get_f64(f, host));
  tr_array_destroy(&f);
  return host;
}

/* Samples of more than so many groups that the forward makes on one thread; more on several. A device's
 * groups are larger than the batch of any test, unless SIMT_ROWS says otherwise. */
static int64_t more_than(tr_ctx *ctx, const scene_sizes *config, int64_t groups) {
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1));
  const int64_t group = tr_nn_rows_at_once(ctx, false, 1) / (config->grid * config->grid),
                samples = groups * (group > 1 ? group : 1) + 8;
  return samples <= SCENE_ROWS ? samples : 40;
}

static void rows_independent(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype, int64_t rows) {
  if (!promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  const struct {
    int64_t first, n;
    int threads;
  } batches[] = {{0, 1, 1}, {1, 1, 2}, {3, 1, 3},        {2, 5, 1},       {0, 5, 2},
                 {0, 8, 2}, {1, 7, 1}, {rows - 1, 1, 1}, {rows - 3, 3, 2}};
  scene s;
  open_scene(ctx, config, dtype, rows, &s);
  double *all = batch(ctx, &s, 0, rows, 1), size = 0;
  for (int64_t i = 0; i < rows * s.row; i++) size = fmax(size, fabs(all[i]));
  CHECK(size > 0.01 && size < 1e3);
  for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
    double *part = batch(ctx, &s, batches[i].first, batches[i].n, batches[i].threads);
    CHECK(memcmp(part, all + batches[i].first * s.row, (size_t)(batches[i].n * s.row) * sizeof *part) == 0);
    free(part);
  }
  double *again = batch(ctx, &s, 0, rows, 2);
  CHECK(memcmp(again, all, (size_t)(rows * s.row) * sizeof *again) == 0);
  free(again);
  free(all);
  close_scene(&s);
}

/* One time and one label for all rows means the same as giving them to each row. */
static void common_condition(tr_ctx *ctx, const scene_sizes *config, tr_dtype dtype) {
  enum { ROWS = 3 };
  scene s;
  open_scene(ctx, config, dtype, ROWS, &s);
  const double t = 0.3, every[ROWS] = {t, t, t};
  const int32_t null = config->null_class, nulls[ROWS] = {null, null, null};
  const tr_times times[] = {{1, &t}, {ROWS, every}};
  const tr_cond conds[] = {{1, &null}, {ROWS, nulls}};
  double *first = NULL;
  tr_array *f;
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  for (int i = 0; i < 4; i++) {
    double *host = malloc((size_t)f->count * sizeof *host);
    CHECK_OK(ctx, tr_drift_eval(s.network, times[i % 2], s.x, &conds[i / 2], f));
    CHECK_OK(ctx, tr_array_get_f64(f, host));
    if (first) CHECK(memcmp(host, first, (size_t)f->count * sizeof *host) == 0);
    if (first)
      free(host);
    else
      first = host;
  }
  free(first);
  tr_array_destroy(&f);
  close_scene(&s);
}

/* The same weights in f32 and f64 agree to single precision. */
static void precisions_agree(tr_ctx *ctx, const scene_sizes *config) {
  scene narrow, wide;
  open_scene(ctx, config, TR_F32, 4, &narrow);
  open_scene(ctx, config, TR_F64, 4, &wide);
  double *a = batch(ctx, &narrow, 0, 4, 2), *b = batch(ctx, &wide, 0, 4, 2);
  CHECK(check_relative(a, b, 4 * narrow.row) < 2e-5);
  CHECK(check_relative(a, b, 4 * narrow.row) > 1e-9); /* they are two computations */
  free(a), free(b);
  close_scene(&narrow);
  close_scene(&wide);
}

static void refused_sizes(tr_ctx *ctx, const scene_sizes *sizes) {
  scene_sizes bad = *sizes;
  tr_net_config config;
  tr_net *net;
  tr_tensors none = {0};
  bad.heads = 5;
  CHECK_ERROR(ctx, scene_configure(ctx, &bad, &config), TR_E_ARG, "5 heads");
  bad = *sizes, bad.depth = 0;
  CHECK_ERROR(ctx, scene_configure(ctx, &bad, &config), TR_E_ARG, "depth 0");
  CHECK_OK(ctx, scene_configure(ctx, sizes, &config));
  const tr_net_options half = {.dtype = TR_BF16}, single = {.dtype = TR_F32};
  CHECK_ERROR(ctx, tr_net_create_random(ctx, &config, &half, TR_NET_RANDOM, 1, &net), TR_E_ARG, "bf16");
  CHECK_ERROR(ctx, tr_net_create(ctx, &config, &single, &none, &net), TR_E_SHAPE,
              "lack the tensor 'x_embedder.proj.weight'"); /* pos_embed can be made */
  CHECK(net == NULL);
  tr_net_config_clear(&config);
  const tr_net_size unknown[] = {{"width", 3}}, follows[] = {{"tokens", 3}};
  CHECK_ERROR(ctx, tr_net_configure_sizes(ctx, "sit", 1, unknown, &config), TR_E_ARG, "'width' is no size");
  CHECK_ERROR(ctx, tr_net_configure_sizes(ctx, "sit", 1, follows, &config), TR_E_ARG,
              "follows from the others");
  CHECK_ERROR(ctx, tr_net_configure_sizes(ctx, "sot", 1, follows, &config), TR_E_ARG, "did you mean 'sit'");
  CHECK(config.sizes == NULL);
}

static void refused(tr_ctx *ctx, const scene_sizes *config) {
  scene s;
  open_scene(ctx, config, TR_F32, 2, &s);
  CHECK(tr_net_value(s.net, "hidden") == config->hidden && tr_net_value(s.net, "nothing") == 0);
  tr_array *f, *wide, *x;
  CHECK_OK(ctx, tr_array_like(s.x, &f));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, s.x->shape, &wide));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){2, 1, 4, 4}, &x));
  const tr_times times = {1, s.times};
  const tr_cond label = {1, s.labels};
  CHECK_ERROR(ctx, tr_drift_eval(s.network, times, wide, &label, wide), TR_E_SHAPE, "f64");
  CHECK_ERROR(ctx, tr_drift_eval(s.network, times, x, &label, x), TR_E_SHAPE, "(N, 1, 8, 8)");
  CHECK_ERROR(ctx, tr_drift_eval(s.network, times, s.x, &(tr_cond){1, (int32_t[]){99}}, f), TR_E_ARG, "99");
  tr_array_destroy(&f);
  tr_array_destroy(&wide);
  tr_array_destroy(&x);
  close_scene(&s);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  const scene_sizes digits = {.channels = 1,
                              .out_channels = 2,
                              .patch = 2,
                              .grid = 4,
                              .hidden = 64,
                              .depth = 3,
                              .heads = 4,
                              .mlp_hidden = 256,
                              .time_frequencies = 256,
                              .num_classes = 10,
                              .null_class = 10};
  scene_sizes odd = scene_odd;
  odd.channels = odd.out_channels = 3, odd.patch = 4, odd.grid = 5;
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    rows_independent(ctx, &digits, dtype, more_than(ctx, &digits, 1));
    rows_independent(ctx, &odd, dtype, more_than(ctx, &odd, 1));
    rows_independent(ctx, &scene_large, dtype, more_than(ctx, &scene_large, TR_SIT_GROUPS_OF_A_RUN));
    common_condition(ctx, &digits, dtype);
  }
  precisions_agree(ctx, &digits);
  precisions_agree(ctx, &odd);
  refused_sizes(ctx, &digits);
  refused(ctx, &digits);
  tr_ctx_close(&ctx);
  return check_report();
}
