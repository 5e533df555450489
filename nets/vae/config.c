/* config.json of an AutoencoderKL, as diffusers writes it and reads it: what is not there has diffusers' own
 * default. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/io/file.h"
#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"
#include "nets/vae/vae_private.h"

/* The file, where its errors are said. */
typedef struct {
  tr_ctx *ctx;
  const char *path;
  const json_t *json;
} file;

/* The value under a key; NULL: there is none, or null. */
static const json_t *get(const file *f, const char *key) {
  const json_t *value = json_object_get(f->json, key);
  return json_is_null(value) ? NULL : value;
}

static tr_status says(const file *f, tr_status status, const char *key, const char *right) {
  char *text = tr_checkpoint_json_text(json_object_get(f->json, key));
  const tr_status failed = TR_FAIL(f->ctx, status, "'%s' says %s = %s: %s", TR_SHOW(f->path, 300), key,
                                   text ? TR_SHOW(text, 100) : "", right);
  free(text);
  return failed;
}

/* ---- values ---- */

static tr_status whole(const file *f, const char *key, int low, int high, int *out) {
  char right[64];
  const json_t *value = get(f, key);
  if (!value) return TR_OK;
  const json_int_t number = json_integer_value(value);
  snprintf(right, sizeof right, "a whole number from %d to %d is needed", low, high);
  if (!json_is_integer(value) || number < low || number > high) return says(f, TR_E_IO, key, right);
  *out = (int)number;
  return TR_OK;
}

static tr_status real(const file *f, const char *key, bool positive, double *out) {
  const json_t *value = get(f, key);
  if (!value) return TR_OK;
  const double number = json_number_value(value);
  if (!json_is_number(value) || !isfinite(number) || (positive && number <= 0))
    return says(f, TR_E_IO, key, positive ? "a number above 0 is needed" : "a number is needed");
  *out = number;
  return TR_OK;
}

static tr_status truth(const file *f, const char *key, int *out) {
  const json_t *value = get(f, key);
  if (!value) return TR_OK;
  if (!json_is_boolean(value)) return says(f, TR_E_IO, key, "true or false is needed");
  *out = json_is_true(value);
  return TR_OK;
}

static tr_status widths(const file *f, tr_vae_config *c) {
  const json_t *list = get(f, "block_out_channels");
  char right[96];
  c->levels = 1, c->widths[0] = 64;
  if (!list) return TR_OK;
  snprintf(right, sizeof right, "a list of 1 to %d whole numbers from 1 to %d is needed", TR_VAE_LEVELS,
           TR_VAE_CHANNELS_MOST);
  const size_t n = json_array_size(list);
  bool fits = n >= 1 && n <= TR_VAE_LEVELS;
  for (size_t i = 0; fits && i < n; i++) {
    const json_t *value = json_array_get(list, i);
    const json_int_t number = json_integer_value(value);
    fits = json_is_integer(value) && number >= 1 && number <= TR_VAE_CHANNELS_MOST;
    c->widths[i] = (int)number;
  }
  c->levels = (int)n;
  return fits ? TR_OK : says(f, TR_E_IO, "block_out_channels", right);
}

/* A number, or a list of height and width, of which diffusers takes the first. */
static tr_status sample_size(const file *f, int *out) {
  const json_t *value = get(f, "sample_size");
  if (!value) return TR_OK;
  if (json_is_array(value)) value = json_array_get(value, 0);
  const json_int_t number = json_integer_value(value);
  if (!json_is_integer(value) || number < 1 || number > 65536)
    return says(f, TR_E_IO, "sample_size", "a whole number from 1 to 65536 is needed");
  *out = (int)number;
  return TR_OK;
}

/* ---- what must be so ---- */

static tr_status check_class(const file *f) {
  const char *name = json_string_value(get(f, "_class_name"));
  if (!name || strcmp(name, "AutoencoderKL") == 0) return TR_OK;
  return TR_FAIL(f->ctx, TR_E_UNSUPPORTED, "'%s' is of another network, %s: an AutoencoderKL is needed",
                 TR_SHOW(f->path, 300), TR_SHOW(name, 80));
}

/* One block type for each level, all the same. */
static tr_status check_blocks(const file *f, const char *key, const char *type, int levels) {
  const json_t *list = get(f, key);
  char right[96];
  snprintf(right, sizeof right, "only a list of %d times \"%s\" is supported", levels, type);
  if (!list) return TR_OK;
  bool fits = (int)json_array_size(list) == levels;
  for (int i = 0; fits && i < levels; i++) {
    const char *name = json_string_value(json_array_get(list, (size_t)i));
    fits = name && strcmp(name, type) == 0;
  }
  return fits ? TR_OK : says(f, TR_E_UNSUPPORTED, key, right);
}

static tr_status check_activation(const file *f) {
  const json_t *value = get(f, "act_fn");
  const char *name = json_string_value(value);
  if (!value || (name && (strcmp(name, "silu") == 0 || strcmp(name, "swish") == 0))) return TR_OK;
  return says(f, TR_E_UNSUPPORTED, "act_fn", "only \"silu\" is supported");
}

static tr_status check_absent(const file *f, const char *key) {
  return get(f, key) ? says(f, TR_E_UNSUPPORTED, key, "only null is supported") : TR_OK;
}

static tr_status check_channels(const file *f, int in, int out) {
  if (in == out) return TR_OK;
  return TR_FAIL(f->ctx, TR_E_UNSUPPORTED,
                 "'%s' says in_channels = %d and out_channels = %d: only equal ones are supported",
                 TR_SHOW(f->path, 300), in, out);
}

/* What each size allows by itself and all together do not, said of this file. */
static tr_status check_sizes(const file *f, const tr_vae_config *c) {
  if (tr_net_vae.check(f->ctx, c) == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(f->ctx);
  tr_ctx_clear(f->ctx);
  return TR_FAIL(f->ctx, error.status, "'%s': %s", TR_SHOW(f->path, 300), TR_SHOW(error.message, 300));
}

/* Said, not silently ignored. Keys that begin with an underline say where the file comes from. */
static void warn_unknown(const file *f) {
  static const char *const known[] = {"act_fn",
                                      "block_out_channels",
                                      "down_block_types",
                                      "force_upcast",
                                      "in_channels",
                                      "latent_channels",
                                      "latents_mean",
                                      "latents_std",
                                      "layers_per_block",
                                      "mid_block_add_attention",
                                      "norm_num_groups",
                                      "out_channels",
                                      "sample_size",
                                      "scaling_factor",
                                      "shift_factor",
                                      "up_block_types",
                                      "use_post_quant_conv",
                                      "use_quant_conv"};
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)f->json, key, value) { /* what iterates takes no const */
    bool found = *key == '_';
    for (size_t i = 0; !found && i < sizeof known / sizeof *known; i++) found = strcmp(known[i], key) == 0;
    if (!found)
      tr_ctx_warn(f->ctx, "'%s': '%s' is not known and passed over", TR_SHOW(f->path, 300), TR_SHOW(key, 60));
  }
}

/* ---- the file ---- */

static tr_status take(const file *f, tr_vae_settings *out) {
  tr_vae_config *c = &out->sizes;
  int in = 3, from = 3;
  *out = (tr_vae_settings){.sizes = {.layers = 1,
                                     .latent_channels = 4,
                                     .groups = 32,
                                     .attention = 1,
                                     .quant = 1,
                                     .post_quant = 1,
                                     .encoder = 1,
                                     .decoder = 1},
                           .sample_size = 32,
                           .scaling = TR_VAE_SCALING};
  TR_TRY(check_class(f));
  TR_TRY(widths(f, c));
  TR_TRY(check_blocks(f, "down_block_types", "DownEncoderBlock2D", c->levels));
  TR_TRY(check_blocks(f, "up_block_types", "UpDecoderBlock2D", c->levels));
  TR_TRY(check_activation(f));
  TR_TRY(check_absent(f, "latents_mean"));
  TR_TRY(check_absent(f, "latents_std"));
  TR_TRY(whole(f, "in_channels", 1, TR_VAE_CHANNELS_MOST, &in));
  TR_TRY(whole(f, "out_channels", 1, TR_VAE_CHANNELS_MOST, &from));
  TR_TRY(check_channels(f, in, from));
  c->channels = in;
  TR_TRY(whole(f, "layers_per_block", 1, TR_VAE_LAYERS_MOST, &c->layers));
  TR_TRY(whole(f, "latent_channels", 1, TR_VAE_CHANNELS_MOST, &c->latent_channels));
  TR_TRY(whole(f, "norm_num_groups", 1, TR_VAE_CHANNELS_MOST, &c->groups));
  TR_TRY(truth(f, "mid_block_add_attention", &c->attention));
  TR_TRY(truth(f, "use_quant_conv", &c->quant));
  TR_TRY(truth(f, "use_post_quant_conv", &c->post_quant));
  TR_TRY(sample_size(f, &out->sample_size));
  TR_TRY(real(f, "scaling_factor", true, &out->scaling));
  TR_TRY(real(f, "shift_factor", false, &out->shift));
  TR_TRY(check_sizes(f, c));
  warn_unknown(f);
  return TR_OK;
}

tr_status tr_vae_parse_config(tr_ctx *ctx, const tr_file_map *map, tr_vae_settings *out) {
  json_t *json;
  if (map->size == 0) return TR_FAIL(ctx, TR_E_IO, "'%s' is empty", TR_SHOW(map->path, 300));
  TR_TRY(tr_checkpoint_parse_json(ctx, map, &json));
  const file f = {ctx, map->path, json};
  const tr_status status =
      json_is_object(json)
          ? take(&f, out)
          : TR_FAIL(ctx, TR_E_IO, "'%s' holds no JSON object: it is no config of an autoencoder",
                    TR_SHOW(map->path, 300));
  json_decref(json);
  return status;
}

tr_status tr_vae_read_config(tr_ctx *ctx, const char *path, tr_vae_settings *out) {
  tr_file_map map;
  TR_TRY(tr_file_map_open(ctx, path, &map));
  const tr_status status = tr_vae_parse_config(ctx, &map, out);
  tr_file_map_close(&map);
  return status;
}
