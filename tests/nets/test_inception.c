/* TR_TEST_RESOURCES: the Inception network against the numbers of its PyTorch port, widths divided by 16. */
#include <stdlib.h>

#include "core/backend.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/inception/inception.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"

#define FILE_NAME TR_TEST_DATA "/goldens/inception/inception.pth"
enum { IMAGES = 3, FEATURES = 128, SPATIAL = 2023, CLASSES = 1008 };

static tr_npz *golden;

typedef struct {
  tr_npy pixels;
  int64_t height, width;
} image;

static image get_image(tr_ctx *ctx, int i) {
  char name[32];
  image result;
  snprintf(name, sizeof name, "image_%d", i);
  CHECK_OK(ctx, tr_npz_get(golden, name, &result.pixels));
  result.height = result.pixels.shape[0], result.width = result.pixels.shape[1];
  return result;
}

static tr_net *open_net(tr_ctx *ctx, tr_dtype dtype) {
  tr_net *net;
  CHECK_OK(ctx, tr_inception_open(ctx, FILE_NAME, &(tr_net_options){.dtype = dtype}, &net));
  return net;
}

/* Results of n pictures, each (n, columns). */
typedef struct {
  tr_array *pool, *spatial, *logits, *nobias;
} results;

static results make_results(tr_ctx *ctx, tr_dtype dtype, int64_t n) {
  results r;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){n, FEATURES}, &r.pool));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){n, SPATIAL}, &r.spatial));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){n, CLASSES}, &r.logits));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){n, CLASSES}, &r.nobias));
  return r;
}

static void free_results(results *r) {
  tr_array_destroy(&r->pool), tr_array_destroy(&r->spatial);
  tr_array_destroy(&r->logits), tr_array_destroy(&r->nobias);
}

static tr_inception_args args_of(const image *picture, int64_t n, const results *r) {
  return (tr_inception_args){.n = n,
                             .height = picture->height,
                             .width = picture->width,
                             .levels = picture->pixels.data,
                             .pool = r->pool,
                             .spatial = r->spatial,
                             .logits = r->logits,
                             .logits_nobias = r->nobias};
}

/* ---- numbers ---- */

typedef struct {
  int image, seen;
  double tolerance;
} stages;

/* Means of the channels behind a block, where the goldens have them. */
static tr_status check_stage(void *user, const char *block, int64_t first, const tr_array *x) {
  stages *s = user;
  char name[64];
  const int64_t channels = x->shape[3];
  snprintf(name, sizeof name, "stage_%s_%d", block, s->image);
  CHECK(first == 0 && x->shape[0] == 1);
  if (!tr_npz_has(golden, name)) return TR_OK;
  double *values = malloc((size_t)x->count * sizeof *values),
         *means = calloc((size_t)channels, sizeof *means);
  tr_npy want;
  TR_TRY(tr_array_get_f64(x, values));
  TR_TRY(tr_npz_get(golden, name, &want));
  CHECK(want.count == channels);
  for (int64_t i = 0; i < x->count; i++)
    means[i % channels] += values[i] * (double)channels / (double)x->count;
  if (want.count == channels) CHECK_NEAR(check_relative(means, want.data, channels), 0, s->tolerance);
  s->seen++;
  tr_npy_close(&want);
  free(values), free(means);
  return TR_OK;
}

static void check_result(const char *name, int i, const tr_array *a, double tolerance) {
  char entry[64];
  snprintf(entry, sizeof entry, "%s_%d", name, i);
  CHECK_NEAR(golden_difference(golden, entry, a), 0, tolerance);
}

static void test_numbers(tr_ctx *ctx, tr_dtype dtype, double tolerance) {
  tr_net *net = open_net(ctx, dtype);
  results r = make_results(ctx, dtype, 1);
  tr_inception_sizes sizes;
  CHECK_OK(ctx, tr_inception_sizes_of(net, &sizes));
  CHECK(sizes.features == FEATURES && sizes.spatial == SPATIAL && sizes.classes == CLASSES);
  for (int i = 0; i < IMAGES; i++) {
    image picture = get_image(ctx, i);
    tr_inception_args args = args_of(&picture, 1, &r);
    stages s = {i, 0, tolerance};
    args.behind = check_stage, args.user = &s;
    CHECK_OK(ctx, tr_inception_eval(net, &args));
    CHECK(s.seen == 16);
    check_result("pool", i, r.pool, tolerance);
    check_result("spatial", i, r.spatial, tolerance);
    check_result("logits", i, r.logits, tolerance);
    check_result("logits_nobias", i, r.nobias, tolerance);
    args.preprocess = TR_INCEPTION_TORCH;
    args.behind = NULL, args.spatial = args.logits = args.logits_nobias = NULL;
    CHECK_OK(ctx, tr_inception_eval(net, &args));
    check_result("pool_torchfid", i, r.pool, tolerance);
    tr_npy_close(&picture.pixels);
  }
  free_results(&r);
  tr_net_destroy(&net);
}

/* ---- batches ---- */

/* Alone, beside others, as bytes and as numbers. */
static void test_batch(tr_ctx *ctx) {
  enum { N = 19, SIDE = 9, ROW = SIDE * SIDE * 3 };
  static uint8_t levels[N * ROW];
  static float numbers[N * ROW], all[N * FEATURES], one[FEATURES];
  tr_net *net = open_net(ctx, TR_F32);
  tr_array *pool, *alone, *x;
  for (int i = 0; i < N * ROW; i++) numbers[i] = levels[i] = (uint8_t)((i * 7919 + i / 13 * 31) % 256);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){N, FEATURES}, &pool));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){1, FEATURES}, &alone));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, (int64_t[]){1, SIDE, SIDE, 3}, &x));
  tr_inception_args args = {.n = N, .height = SIDE, .width = SIDE, .levels = levels, .pool = pool};
  CHECK_OK(ctx, tr_inception_eval(net, &args));
  CHECK(tr_net_counted(net).n_forward == 1); /* calls, in however many groups */
  CHECK_OK(ctx, tr_array_download(pool, all));
  for (int i = 0; i < N; i += 6) {
    CHECK_OK(ctx, tr_array_upload(x, numbers + i * ROW));
    args = (tr_inception_args){.n = 1, .height = SIDE, .width = SIDE, .x = x, .pool = alone};
    CHECK_OK(ctx, tr_inception_eval(net, &args));
    CHECK_OK(ctx, tr_array_download(alone, one));
    if (promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) CHECK(memcmp(one, all + i * FEATURES, sizeof one) == 0);
    for (int k = 0; k < FEATURES; k++) CHECK_NEAR(one[k], all[i * FEATURES + k], 1e-4);
  }
  tr_array_destroy(&pool), tr_array_destroy(&alone), tr_array_destroy(&x);
  tr_net_destroy(&net);
}

/* ---- what is refused ---- */

static void test_arguments(tr_ctx *ctx) {
  tr_net *net = open_net(ctx, TR_F64), *other = golden_net(ctx, &(tr_net_options){.dtype = TR_F64});
  results r = make_results(ctx, TR_F64, 1);
  image picture = get_image(ctx, 0);
  const tr_inception_args right = args_of(&picture, 1, &r);
  tr_inception_sizes sizes;
  CHECK_ERROR(ctx, tr_inception_eval(other, &right), TR_E_ARG, "sit");
  CHECK_ERROR(ctx, tr_inception_sizes_of(other, &sizes), TR_E_ARG, "sit");
  tr_inception_args args = right;
  args.levels = NULL;
  CHECK_ERROR(ctx, tr_inception_eval(net, &args), TR_E_ARG, "neither");
  args = right, args.x = r.pool;
  CHECK_ERROR(ctx, tr_inception_eval(net, &args), TR_E_ARG, "both");
  args = right, args.height = 0;
  CHECK_ERROR(ctx, tr_inception_eval(net, &args), TR_E_ARG, "0 x");
  args = right, args.n = -1;
  CHECK_ERROR(ctx, tr_inception_eval(net, &args), TR_E_ARG, "-1");
  args = right, args.preprocess = (tr_inception_preprocess)7;
  CHECK_ERROR(ctx, tr_inception_eval(net, &args), TR_E_ARG, "7");
  args = right, args.pool = r.spatial;
  CHECK_ERROR(ctx, tr_inception_eval(net, &args), TR_E_SHAPE, "pool");
  args = right, args.levels = NULL, args.x = r.pool;
  CHECK_ERROR(ctx, tr_inception_eval(net, &args), TR_E_SHAPE, "x is");
  args = right, args.n = 0, args.pool = args.spatial = args.logits = args.logits_nobias = NULL;
  CHECK_OK(ctx, tr_inception_eval(net, &args));
  tr_npy_close(&picture.pixels);
  free_results(&r);
  tr_net_destroy(&net);
  tr_net_destroy(&other);
}

/* The file's tensors and one more, or another in the place of one. */
static tr_status configure_changed(tr_ctx *ctx, const tr_tensors *weights, const char *name, int ndim,
                                   const int64_t *shape, const double *data) {
  tr_tensor *items = malloc((size_t)(weights->n + 1) * sizeof *items);
  tr_tensors changed = {.n = weights->n, .items = items};
  tr_net_config config = {0};
  int at = 0;
  memcpy(items, weights->items, (size_t)weights->n * sizeof *items);
  while (at < weights->n && strcmp(items[at].name, name) != 0) at++;
  items[at] = tr_tensor_of_f64(name, ndim, shape, data);
  if (at == weights->n) changed.n++;
  tr_status status = tr_net_configure(ctx, &changed, NULL, &config);
  if (status == TR_OK) CHECK(strcmp(tr_net_config_kind(&config), "inception") == 0);
  tr_net_config_clear(&config);
  free(items);
  return status;
}

static void test_files(tr_ctx *ctx) {
  static double data[1008 * FEATURES];
  const tr_net_options options = {.dtype = TR_F32};
  tr_checkpoint *file;
  tr_tensors weights;
  tr_net *net;
  CHECK_OK(ctx, tr_checkpoint_open(ctx, FILE_NAME, &file));
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, file, NULL, &weights));
  CHECK(weights.n == 472);
  const int64_t one = 1, three = 3, last[] = {1000, FEATURES}, kernel[] = {2, 3, 5, 5}, few[] = {4, 48, 1, 1};
  CHECK_OK(ctx, configure_changed(ctx, &weights, "Mixed_7c.branch1x1.bn.num_batches_tracked", 1, &one, data));
  CHECK_ERROR(ctx, configure_changed(ctx, &weights, "AuxLogits.fc.bias", 1, &three, data), TR_E_UNSUPPORTED,
              "torchvision");
  CHECK_ERROR(ctx, configure_changed(ctx, &weights, "fc.weight", 2, last, data), TR_E_UNSUPPORTED,
              "torchvision");
  CHECK_ERROR(ctx, configure_changed(ctx, &weights, "Conv2d_1a_3x3.conv.weight", 4, kernel, data), TR_E_SHAPE,
              "(2, 3, 3, 3)");
  CHECK_ERROR(ctx, configure_changed(ctx, &weights, "Mixed_5b.branch1x1.bn.bias", 1, &three, data),
              TR_E_SHAPE, "Mixed_5b.branch1x1.bn.bias");
  CHECK_ERROR(ctx, configure_changed(ctx, &weights, "Mixed_6d.branch1x1.conv.weight", 4, few, data),
              TR_E_SHAPE, "spatial");
  CHECK_ERROR(ctx, configure_changed(ctx, &weights, "Mixed_8a.weight", 1, &three, data), TR_E_SHAPE,
              "Mixed_8a");
  CHECK_ERROR(ctx, tr_inception_open(ctx, TR_TEST_DATA "/goldens/ema.pt", &options, &net), TR_E_SHAPE, "SiT");
  CHECK_ERROR(ctx, tr_inception_open(ctx, TR_TEST_DATA "/goldens/README.md", &options, &net), TR_E_IO,
              "README.md");
  CHECK_ERROR(ctx,
              tr_inception_open(ctx, FILE_NAME, &(tr_net_options){.dtype = TR_F32, .trained = true}, &net),
              TR_E_UNSUPPORTED, "trained");
  tr_checkpoint_close(&file);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  golden = golden_open(ctx, "inception/inception");
  test_numbers(ctx, TR_F64, 1e-9);
  test_numbers(ctx, TR_F32, 2e-4);
  test_batch(ctx);
  test_arguments(ctx);
  test_files(ctx);
  tr_npz_close(&golden);
  tr_ctx_close(&ctx);
  return check_report();
}
