/* A kind of network without a field, of convolutions and what a norm multiplies with: it is recognised,
 * loaded, made at random and listed like any other, also under the names and shapes of older files, and
 * nothing takes it for a field. */
/* TR_TEST_RESOURCES */
#include "nets/layers/weights.h"
#include "nets/model.h"
#include "nets/network.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/nets/safetensors.h"
#include "tests/support/scratch.h"

typedef struct {
  int channels;
} sizes;

enum { FIRST, MIXED, SCALE, OUT = 3, OTHER = 4, SIDE = 3 };

/* first.weight (3, channels, 3, 3) and first.bias; mixed.weight (4, 3, 1, 1); scale (4). */
static bool entry(const void *of, int i, tr_net_entry *out) {
  const int64_t channels = ((const sizes *)of)->channels;
  if (i == FIRST)
    *out = (tr_net_entry){
        .name = "first", .kind = TR_ENTRY_CONV, .ndim = 4, .shape = {OUT, channels, SIDE, SIDE}};
  if (i == MIXED)
    *out =
        (tr_net_entry){.name = "mixed", .kind = TR_ENTRY_BARE_CONV, .ndim = 4, .shape = {OTHER, OUT, 1, 1}};
  if (i == SCALE)
    *out = (tr_net_entry){
        .name = "scale", .kind = TR_ENTRY_TABLE, .ndim = 1, .shape = {OTHER}, .start = TR_START_ONE};
  return i <= SCALE;
}

static const tr_net_type pictures;

static tr_status configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           const double *params, void *of) {
  const tr_tensor *first;
  (void)settings, (void)params;
  TR_TRY(tr_weights_find(ctx, weights, "first.weight", 4, "(3, channels, 3, 3)", "of pictures", &first));
  ((sizes *)of)->channels = (int)first->shape[1];
  return tr_weights_check(ctx, weights, &pictures, of, "a network of pictures");
}

static tr_status check(tr_ctx *ctx, const void *of) {
  const int channels = ((const sizes *)of)->channels;
  return channels > 0 ? TR_OK : TR_FAIL(ctx, TR_E_ARG, "pictures of %d channels", channels);
}

static void say(const void *of, char *text, size_t size) {
  snprintf(text, size, "pictures of %d channels", ((const sizes *)of)->channels);
}

static const char *older(const char *name, char *text, size_t size) {
  if (strcmp(name, "mixed.weight") != 0) return NULL;
  snprintf(text, size, "mixture.weight");
  return text;
}

static const char *const beginnings[] = {"first.", "mixed.", "mixture.", "scale", NULL};
static const tr_net_key keys[] = {{.key = "channels", .offset = offsetof(sizes, channels), .recorded = true},
                                  {0}};
static const tr_net_type pictures = {.info = {.name = "pictures", .summary = "convolutions, for a test"},
                                     .beginnings = beginnings,
                                     .older = older,
                                     .sizes_bytes = sizeof(sizes),
                                     .keys = keys,
                                     .entry = entry,
                                     .configure = configure,
                                     .check = check,
                                     .say = say};

/* ---- the test ---- */

enum { CHANNELS = 2, ROWS = 5, TENSORS = 4 };
static double first_weight[OUT * CHANNELS * SIDE * SIDE], first_bias[OUT], mixed[OTHER * OUT], scale[OTHER];

/* With the tensor of the mixture under this name and of so many dimensions. */
static tr_tensors tensors(const char *name, int ndim, tr_tensor items[TENSORS]) {
  for (int i = 0; i < OUT * CHANNELS * SIDE * SIDE; i++) first_weight[i] = 0.125 * (i % 7);
  for (int i = 0; i < OTHER * OUT; i++) mixed[i] = 0.5 * i - 2;
  for (int i = 0; i < OTHER; i++) scale[i] = i;
  items[0] = tr_tensor_of_f64("first.weight", 4, (int64_t[]){OUT, CHANNELS, SIDE, SIDE}, first_weight);
  items[1] = tr_tensor_of_f64("first.bias", 1, (int64_t[]){OUT}, first_bias);
  items[2] = tr_tensor_of_f64(name, ndim, (int64_t[]){OTHER, OUT, 1, 1}, mixed);
  items[3] = tr_tensor_of_f64("scale", 1, (int64_t[]){OTHER}, scale);
  return (tr_tensors){.n = TENSORS, .items = items};
}

static void has_weights(tr_ctx *ctx, const tr_net *net) {
  const tr_layer *first = &net->layers[FIRST], *mixes = &net->layers[MIXED];
  double x[ROWS * OUT], y[ROWS * OTHER], table[OTHER];
  tr_array *in, *out;
  CHECK(tr_layer_out(first) == OUT && tr_layer_in(first) == CHANNELS * SIDE * SIDE);
  CHECK(tr_layer_bias(first) && tr_layer_bias(first)->count == OUT && !tr_layer_bias(mixes));
  for (int i = 0; i < ROWS * OUT; i++) x[i] = i % 4 - 1.5;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){1, 1, ROWS, OUT}, &in));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){1, 1, ROWS, OTHER}, &out));
  CHECK_OK(ctx, tr_array_set_f64(in, x));
  CHECK_OK(ctx, tr_nn_conv2d(&(tr_nn_conv2d_args){
                    .x = in, .w = mixes->w, .window = {.size = {1, 1}, .stride = 1}, .y = out}));
  CHECK_OK(ctx, tr_array_get_f64(out, y));
  for (int i = 0; i < ROWS * OTHER; i++) {
    double want = 0;
    for (int k = 0; k < OUT; k++) want += x[i / OTHER * OUT + k] * mixed[i % OTHER * OUT + k];
    CHECK_NEAR(y[i], want, 1e-14);
  }
  CHECK_OK(ctx, tr_array_get_f64(&net->layers[SCALE].table, table));
  for (int i = 0; i < OTHER; i++) CHECK_NEAR(table[i], scale[i], 0);
  tr_array_destroy(&in), tr_array_destroy(&out);
}

static void is_no_field(tr_ctx *ctx, tr_net *net) {
  const tr_times now = {.n = 1, .t = (double[]){0.5}};
  tr_array *x;
  tr_drift *drift;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, 1}, &x));
  CHECK_ERROR(ctx, tr_net_forward(net, now, x, NULL, x), TR_E_UNSUPPORTED, "pictures has no field");
  CHECK_ERROR(ctx, tr_drift_of_net(net, TR_VELOCITY, &drift), TR_E_UNSUPPORTED, "pictures has no field");
  tr_array_destroy(&x);
}

static void loads(tr_ctx *ctx, const char *name, int ndim) {
  tr_tensor items[TENSORS];
  const tr_tensors all = tensors(name, ndim, items);
  tr_net_config config;
  tr_net *net;
  CHECK_OK(ctx, tr_net_configure(ctx, &all, NULL, &config));
  CHECK(strcmp(tr_net_config_kind(&config), "pictures") == 0);
  CHECK(tr_net_config_value(&config, "channels") == CHANNELS);
  CHECK_OK(ctx, tr_net_create(ctx, &config, &(tr_net_options){.dtype = TR_F64}, &all, &net));
  has_weights(ctx, net);
  is_no_field(ctx, net);
  tr_net_destroy(&net);
  tr_net_config_clear(&config);
}

static void refuses(tr_ctx *ctx) {
  tr_tensor items[TENSORS];
  tr_tensors all = tensors("mixed.weight", 3, items);
  tr_net_config config;
  CHECK_ERROR(ctx, tr_net_configure(ctx, &all, NULL, &config), TR_E_SHAPE,
              "'mixed.weight' has the shape (4, 3, 1), but (4, 3, 1, 1)");
  all = tensors("mixing.weight", 4, items);
  CHECK_ERROR(ctx, tr_net_configure(ctx, &all, NULL, &config), TR_E_SHAPE, "lack the tensor 'mixed.weight'");
  all = tensors("mixed.weight", 4, items);
  items[0].ndim = 2; /* only what is 1 x 1 may be flat */
  CHECK_ERROR(ctx, tr_net_configure(ctx, &all, NULL, &config), TR_E_SHAPE, "'first.weight'");
}

static void in_a_file(tr_ctx *ctx, const char *path) {
  tr_tensor items[TENSORS];
  const tr_tensors all = tensors("mixed.weight", 4, items);
  tr_model *model;
  char text[80];
  safetensors_write(path, &all, "F32");
  CHECK_ERROR(ctx, tr_model_open(ctx, path, NULL, &model), TR_E_UNSUPPORTED, "no field of states");
  CHECK_OK(ctx, tr_model_open(ctx, path, &(tr_model_options){.open = true}, &model));
  CHECK(strcmp(tr_net_config_say(&model->config, text, sizeof text), "pictures of 2 channels") == 0);
  tr_model_close(&model);
}

static void of_its_own(tr_ctx *ctx) {
  const tr_net_size size = {"channels", CHANNELS};
  const tr_net_options options = {.dtype = TR_F64, .trained = true};
  tr_net_config config;
  tr_net *random, *initial;
  double table[OTHER];
  CHECK_OK(ctx, tr_net_configure_sizes(ctx, "pictures", 1, &size, &config));
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, &options, TR_NET_RANDOM, 1, &random));
  CHECK_OK(ctx, tr_array_get_f64(&random->layers[SCALE].table, table));
  for (int i = 0; i < OTHER; i++) CHECK(table[i] != 1 && fabs(table[i] - 1) < 0.5);
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, &options, TR_NET_INITIAL, 1, &initial));
  CHECK_OK(ctx, tr_array_get_f64(&initial->layers[SCALE].table, table));
  for (int i = 0; i < OTHER; i++) CHECK_NEAR(table[i], 1, 0);
  const tr_params *params = tr_net_params(initial);
  CHECK(tr_params_n(params) == TENSORS && tr_params_find(params, "mixed.weight") == 2);
  CHECK(tr_params_entry(params, 0)->ndim == 4 && tr_params_count(params, true) == 54 + 3 + 12 + 4);
  CHECK_OK(ctx, tr_net_refresh(initial));
  tr_net_destroy(&random), tr_net_destroy(&initial);
  tr_net_config_clear(&config);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_NETWORK, &pictures.info));
  loads(ctx, "mixed.weight", 4);
  loads(ctx, "mixed.weight", 2);
  loads(ctx, "mixture.weight", 2);
  refuses(ctx);
  in_a_file(ctx, scratch("pictures.safetensors"));
  of_its_own(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
