/* An autoencoder's folder: what is read of it, and what is refused of config.json and of the weights. */
#include <stdlib.h>
#include <sys/stat.h>

#include "nets/checkpoint/checkpoint.h"
#include "nets/model.h"
#include "nets/register.h"
#include "nets/vae/vae_private.h"
#include "tests/support/check.h"
#include "tests/support/damage.h"
#include "tests/support/nets/safetensors.h"
#include "tests/support/scratch.h"

#define PLAIN TR_TEST_DATA "/goldens/vae2/plain"
#define OLD   TR_TEST_DATA "/goldens/vae2/old"
#define MODEL "diffusion_pytorch_model.safetensors"

/* ---- config.json ---- */

static tr_status read_text(tr_ctx *ctx, const char *text, tr_vae_settings *out) {
  static char path[] = "config.json";
  const tr_file_map map = {.data = (const unsigned char *)text, .size = strlen(text), .path = path};
  return tr_vae_parse_config(ctx, &map, out);
}

static void has_defaults(tr_ctx *ctx) {
  tr_vae_settings s;
  CHECK_OK(ctx, read_text(ctx, "{\"_anything\": 1, \"force_upcast\": true, \"shift_factor\": null}", &s));
  CHECK(s.sizes.levels == 1 && s.sizes.widths[0] == 64 && s.sizes.layers == 1 && s.sizes.groups == 32);
  CHECK(s.sizes.channels == 3 && s.sizes.latent_channels == 4 && s.sample_size == 32);
  CHECK(s.sizes.quant && s.sizes.post_quant && s.sizes.attention);
  CHECK(s.scaling == 0.18215 && s.shift == 0);
  CHECK_OK(ctx,
           read_text(ctx,
                     "{\"block_out_channels\": [32, 64], \"sample_size\": [96, 64], \"act_fn\": \"swish\"}",
                     &s));
  CHECK(s.sizes.levels == 2 && s.sizes.widths[1] == 64 && s.sample_size == 96);
}

static void refuses_config(tr_ctx *ctx) {
  static const struct {
    const char *text, *word;
    tr_status status;
  } cases[] = {
      {"", "is empty", TR_E_IO},
      {"{", "line 1", TR_E_IO},
      {"[1]", "holds no JSON object", TR_E_IO},
      {"{\"sample_size\": 1, \"sample_size\": 2}", "duplicate", TR_E_IO},
      {"{\"_class_name\": \"VQModel\"}", "another network, VQModel", TR_E_UNSUPPORTED},
      {"{\"act_fn\": \"gelu\"}", "act_fn = gelu: only \"silu\"", TR_E_UNSUPPORTED},
      {"{\"act_fn\": 3}", "act_fn", TR_E_UNSUPPORTED},
      {"{\"block_out_channels\": []}", "block_out_channels = []", TR_E_IO},
      {"{\"block_out_channels\": 64}", "block_out_channels = 64: a list", TR_E_IO},
      {"{\"block_out_channels\": [64, 0]}", "block_out_channels", TR_E_IO},
      {"{\"block_out_channels\": [32, 32, 32, 32, 32, 32, 32]}", "1 to 6 whole numbers", TR_E_IO},
      {"{\"block_out_channels\": [48]}", "32 groups of a norm (norm_num_groups) do not divide", TR_E_ARG},
      {"{\"block_out_channels\": [32, 48, 64]}", "do not divide the width 48", TR_E_ARG},
      {"{\"down_block_types\": [\"AttnDownEncoderBlock2D\"]}",
       "only a list of 1 times \"DownEncoderBlock2D\"", TR_E_UNSUPPORTED},
      {"{\"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"]}", "up_block_types",
       TR_E_UNSUPPORTED},
      {"{\"layers_per_block\": 1.5}", "layers_per_block = 1.5: a whole number", TR_E_IO},
      {"{\"layers_per_block\": 0}", "layers_per_block = 0", TR_E_IO},
      {"{\"latent_channels\": \"4\"}", "latent_channels", TR_E_IO},
      {"{\"in_channels\": 1}", "in_channels = 1 and out_channels = 3", TR_E_UNSUPPORTED},
      {"{\"scaling_factor\": 0}", "scaling_factor = 0: a number above 0", TR_E_IO},
      {"{\"shift_factor\": \"x\"}", "shift_factor = x: a number is needed", TR_E_IO},
      {"{\"use_quant_conv\": 1}", "use_quant_conv = 1: true or false", TR_E_IO},
      {"{\"latents_mean\": [0, 0, 0, 0]}", "latents_mean", TR_E_UNSUPPORTED},
      {"{\"sample_size\": []}", "sample_size", TR_E_IO},
      {"{\"sample_size\": -1}", "sample_size", TR_E_IO},
  };
  tr_vae_settings s;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_ERROR(ctx, read_text(ctx, cases[i].text, &s), cases[i].status, cases[i].word);
}

static tr_status read_damaged(const unsigned char *bytes, size_t size, void *user) {
  static char path[] = "config.json";
  const tr_file_map map = {.data = size ? bytes : NULL, .size = size, .path = path};
  tr_vae_settings s;
  return tr_vae_parse_config(user, &map, &s);
}

static void survives_damage(tr_ctx *ctx) {
  size_t size;
  unsigned char *bytes = read_whole(PLAIN "/config.json", &size);
  while (size > 0 && bytes[size - 1] != '}') size--;
  damage_truncate(ctx, bytes, size, read_damaged, ctx, TR_E_IO);
  damage_flip(ctx, bytes, size, read_damaged, ctx);
  damage_mutate(ctx, bytes, size, 300, read_damaged, ctx);
  free(bytes);
}

/* ---- folders ---- */

static void copy(const char *from, const char *to) {
  size_t size;
  unsigned char *bytes = read_whole(from, &size);
  write_whole(to, bytes, size);
  free(bytes);
}

/* The path of a file in a folder of the scratch folder, which is made. */
static const char *in_folder(const char *folder, const char *name) {
  char path[200];
  mkdir(scratch(folder), 0777);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return scratch(path);
}

static tr_status open_as(tr_ctx *ctx, const char *folder, const tr_vae_options *options) {
  tr_vae *vae;
  const tr_status status = tr_vae_open(ctx, folder, options, &vae);
  CHECK((vae != NULL) == (status == TR_OK));
  tr_vae_destroy(&vae);
  return status;
}

static tr_status open_any(tr_ctx *ctx, const char *folder) {
  return open_as(ctx, scratch(folder), &(tr_vae_options){.dtype = TR_F32});
}

static void refuses_folders(tr_ctx *ctx) {
  CHECK_ERROR(ctx, open_any(ctx, "none"), TR_E_IO, "none': No such file");
  CHECK_ERROR(ctx, open_as(ctx, PLAIN "/config.json", &(tr_vae_options){0}), TR_E_IO, "is no folder");
  in_folder("empty", "x");
  CHECK_ERROR(ctx, open_any(ctx, "empty"), TR_E_IO, "config.json");
  copy(PLAIN "/config.json", in_folder("empty", "config.json"));
  CHECK_ERROR(ctx, open_any(ctx, "empty"), TR_E_IO, "has no weights of an autoencoder");
}

static void refuses_weights(tr_ctx *ctx) {
  size_t size;
  copy(PLAIN "/config.json", in_folder("bad", "config.json"));
  unsigned char *bytes = read_whole(PLAIN "/" MODEL, &size);
  write_whole(in_folder("bad", MODEL), bytes, size - 2);
  CHECK_ERROR(ctx, open_any(ctx, "bad"), TR_E_IO, MODEL);
  write_whole(in_folder("bad", MODEL), bytes, size);
  CHECK_OK(ctx, open_any(ctx, "bad"));
  copy(TR_TEST_DATA "/goldens/vae2/names/config.json", in_folder("bad", "config.json"));
  CHECK_ERROR(ctx, open_any(ctx, "bad"), TR_E_SHAPE, "is not as the config.json beside it says: ");
  copy(TR_TEST_DATA "/goldens/ema.pt", in_folder("bad", MODEL));
  CHECK_ERROR(ctx, open_any(ctx, "bad"), TR_E_SHAPE, "holds no autoencoder");
  free(bytes);
  const double one = 1;
  tr_tensor items[] = {tr_tensor_of_f64("encoder.down.0.block.0.conv1.weight", 1, (int64_t[]){1}, &one),
                       tr_tensor_of_f64("decoder.up.0.block.0.conv1.weight", 1, (int64_t[]){1}, &one)};
  safetensors_write(in_folder("bad", MODEL), &(tr_tensors){.n = 2, .items = items}, "F32");
  CHECK_ERROR(ctx, open_any(ctx, "bad"), TR_E_UNSUPPORTED, "latent diffusion's own code");
}

/* ---- tensors in other ways ---- */

/* Writes those whose names begin so, at most; attention as it was once stored. */
static void write_some(tr_ctx *ctx, const char *from, const char *to, const char *const beginnings[2],
                       const char *dtype) {
  tr_checkpoint *file;
  tr_tensors all;
  CHECK_OK(ctx, tr_checkpoint_open(ctx, from, &file));
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, file, NULL, &all));
  tr_tensor *items = calloc((size_t)all.n, sizeof *items);
  int n = 0;
  for (int i = 0; i < all.n; i++) {
    const tr_tensor *t = &all.items[i];
    bool wanted = false;
    for (int k = 0; k < 2; k++) wanted |= strncmp(t->name, beginnings[k], strlen(beginnings[k])) == 0;
    if (!wanted) continue;
    double *x = malloc((size_t)t->count * sizeof *x);
    CHECK_OK(ctx, tr_tensor_to_f64(ctx, t, x));
    int64_t shape[TR_MAX_DIMS] = {1, 1, 1, 1};
    memcpy(shape, t->shape, (size_t)t->ndim * sizeof *shape);
    const bool attends = strstr(t->name, "attentions") && t->ndim == 2;
    items[n++] = tr_tensor_of_f64(t->name, attends ? 4 : t->ndim, shape, x);
  }
  safetensors_write(to, &(tr_tensors){.n = n, .items = items}, dtype);
  for (int i = 0; i < n; i++) free((void *)(uintptr_t)items[i].data);
  free(items);
  tr_checkpoint_close(&file);
}

static void decode(tr_ctx *ctx, const char *folder, double out[3 * 4 * 6]) {
  tr_vae *vae;
  tr_array *z, *y;
  double x[4 * 2 * 3];
  for (int i = 0; i < 4 * 2 * 3; i++) x[i] = cos(i);
  CHECK_OK(ctx, tr_vae_open(ctx, folder, &(tr_vae_options){.dtype = TR_F64, .decoder = true}, &vae));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){1, 4, 2, 3}, &z));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){1, 3, 4, 6}, &y));
  CHECK_OK(ctx, tr_array_set_f64(z, x));
  CHECK_OK(ctx, tr_vae_decode(vae, z, y));
  CHECK_OK(ctx, tr_array_get_f64(y, out));
  tr_array_destroy(&z), tr_array_destroy(&y);
  tr_vae_destroy(&vae);
}

/* One half alone, its attention as convolutions of 1 x 1. */
static void reads_a_half(tr_ctx *ctx) {
  double whole[3 * 4 * 6], half[3 * 4 * 6];
  copy(OLD "/config.json", in_folder("half", "config.json"));
  write_some(ctx, OLD "/diffusion_pytorch_model.bin", in_folder("half", MODEL),
             (const char *const[]){"decoder.", "post_quant_conv."}, "F32");
  decode(ctx, OLD, whole);
  decode(ctx, scratch("half"), half);
  CHECK(memcmp(whole, half, sizeof whole) == 0 && whole[0] != whole[1]);
  write_some(ctx, OLD "/diffusion_pytorch_model.bin", in_folder("half", MODEL),
             (const char *const[]){"decoder.", "post_quant_conv."}, "BF16");
  decode(ctx, scratch("half"), half);
  const double cut = check_relative(half, whole, 3 * 4 * 6);
  CHECK(cut > 1e-4 && cut < 0.1); /* weights with 8 bits of fraction */
  CHECK_ERROR(ctx, open_as(ctx, scratch("half"), &(tr_vae_options){.encoder = true}), TR_E_SHAPE,
              "has no encoder");
  write_some(ctx, OLD "/diffusion_pytorch_model.bin", in_folder("half", MODEL),
             (const char *const[]){"encoder.", "quant_conv."}, "F32");
  CHECK_ERROR(ctx, open_as(ctx, scratch("half"), &(tr_vae_options){.encoder = true, .decoder = true}),
              TR_E_SHAPE, "has no decoder");
}

/* As any network: recognised by its tensors, described, and no field. */
static void is_a_network(tr_ctx *ctx) {
  tr_model *model;
  char text[300];
  const tr_net_size told = {"norm_num_groups", 8};
  CHECK_OK(ctx,
           tr_model_open(ctx, OLD "/diffusion_pytorch_model.bin", &(tr_model_options){.open = true}, &model));
  CHECK(strcmp(tr_net_config_kind(&model->config), "vae") == 0);
  CHECK(tr_net_config_value(&model->config, "levels") == 2 &&
        tr_net_config_value(&model->config, "width_1") == 32);
  CHECK(tr_net_config_value(&model->config, "norm_num_groups") == 32);
  CHECK(strstr(tr_net_config_say(&model->config, text, sizeof text), "latents (4, H/2, W/2)"));
  tr_model_close(&model);
  CHECK_OK(ctx, tr_model_open(ctx, PLAIN "/" MODEL, &(tr_model_options){.open = true}, &model));
  CHECK(tr_net_config_value(&model->config, "norm_num_groups") == 0); /* 32 do not divide 24 */
  tr_model_close(&model);
  CHECK_ERROR(ctx, tr_model_open(ctx, PLAIN "/" MODEL, NULL, &model), TR_E_UNSUPPORTED, "is no field");
  CHECK_ERROR(
      ctx, tr_model_open(ctx, PLAIN "/" MODEL, &(tr_model_options){.n_told = 1, .told = &told}, &model),
      TR_E_UNSUPPORTED, "vae (autoencoder of pictures and latents (AutoencoderKL)), which is no field");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  has_defaults(ctx);
  refuses_config(ctx);
  survives_damage(ctx);
  refuses_folders(ctx);
  refuses_weights(ctx);
  reads_a_half(ctx);
  is_a_network(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
