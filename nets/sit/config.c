/* The sizes of a SiT: by name, or from the shapes of its tensors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/registry.h"
#include "nets/sit/sit.h"
#include "nets/weights_private.h"

/* ---- named sizes (Ma et al. 2024, table 1; those of DiT) ---- */

static const struct {
  const char *letter;
  int hidden, depth, heads;
} sizes[] = {{"S", 384, 12, 6}, {"B", 768, 12, 12}, {"L", 1024, 24, 16}, {"XL", 1152, 28, 16}};
static const char *const names[] = {"SiT-S/2", "SiT-S/4", "SiT-S/8", "SiT-B/2",  "SiT-B/4",  "SiT-B/8",
                                    "SiT-L/2", "SiT-L/4", "SiT-L/8", "SiT-XL/2", "SiT-XL/4", "SiT-XL/8"};
enum { NAMES = sizeof names / sizeof *names, PATCHES = 3, MLP_RATIO = 4, TIME_FREQUENCIES = 256 };

/* hidden, depth, heads, mlp_hidden, patch and time_frequencies of a name; false when it is unknown. */
static bool find_name(const char *name, tr_sit_config *out) {
  for (int i = 0; name && i < NAMES; i++) {
    if (strcmp(names[i], name) != 0) continue;
    int size = i / PATCHES;
    *out = (tr_sit_config){.hidden = sizes[size].hidden,
                           .depth = sizes[size].depth,
                           .heads = sizes[size].heads,
                           .mlp_hidden = MLP_RATIO * sizes[size].hidden,
                           .patch = 2 << i % PATCHES,
                           .time_frequencies = TIME_FREQUENCIES};
    return true;
  }
  return false;
}

tr_status tr_sit_config_named(tr_ctx *ctx, const char *model_name, int channels, int side, int num_classes,
                              bool learn_sigma, tr_sit_config *out) {
  *out = (tr_sit_config){0};
  tr_sit_config config;
  if (!find_name(model_name, &config)) {
    const char *near = tr_nearest(model_name, names, NAMES);
    return TR_FAIL(ctx, TR_E_ARG, "no model '%s'%s%s%s: use SiT-S, SiT-B, SiT-L or SiT-XL with /2, /4 or /8",
                   model_name, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
  }
  if (channels < 1 || channels > 65536)
    return TR_FAIL(ctx, TR_E_ARG, "latents of %d channels: use 1 to 65536", channels);
  if (side < config.patch || side % config.patch != 0 || side > 65536)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "latents of side %d cannot be cut into patches of side %d (%s): use a multiple, at most 65536", side,
        config.patch, model_name);
  if (num_classes < 1 || num_classes > 1 << 30)
    return TR_FAIL(ctx, TR_E_ARG, "%d classes: use at least 1", num_classes);
  config.channels = channels;
  config.out_channels = learn_sigma ? 2 * channels : channels;
  config.grid = side / config.patch;
  config.num_classes = num_classes;
  config.null_class = num_classes;
  *out = config;
  return TR_OK;
}

/* ---- the tensors of a network ---- */

/* One entry of a table of tensors; extents of 0 end the shape. */
typedef struct {
  const char *name;
  int64_t shape[TR_MAX_DIMS];
} entry;

/* The i-th tensor that a network of this configuration has; false past the last. */
static bool expected_at(const void *config, int i, tr_expected *out) {
  const tr_sit_config *c = config;
  int64_t d = c->hidden, m = c->mlp_hidden, p = c->patch, tokens = (int64_t)c->grid * c->grid;
  int64_t rows = (int64_t)c->num_classes + (c->null_class >= 0), last = p * p * c->out_channels;
  const entry outer[] = {{"pos_embed", {1, tokens, d}},
                         {"x_embedder.proj.weight", {d, c->channels, p, p}},
                         {"x_embedder.proj.bias", {d}},
                         {"t_embedder.mlp.0.weight", {d, c->time_frequencies}},
                         {"t_embedder.mlp.0.bias", {d}},
                         {"t_embedder.mlp.2.weight", {d, d}},
                         {"t_embedder.mlp.2.bias", {d}},
                         {"y_embedder.embedding_table.weight", {rows, d}},
                         {"final_layer.linear.weight", {last, d}},
                         {"final_layer.linear.bias", {last}},
                         {"final_layer.adaLN_modulation.1.weight", {2 * d, d}},
                         {"final_layer.adaLN_modulation.1.bias", {2 * d}}};
  const entry block[] = {{"attn.qkv.weight", {3 * d, d}},
                         {"attn.qkv.bias", {3 * d}},
                         {"attn.proj.weight", {d, d}},
                         {"attn.proj.bias", {d}},
                         {"mlp.fc1.weight", {m, d}},
                         {"mlp.fc1.bias", {m}},
                         {"mlp.fc2.weight", {d, m}},
                         {"mlp.fc2.bias", {d}},
                         {"adaLN_modulation.1.weight", {6 * d, d}},
                         {"adaLN_modulation.1.bias", {6 * d}}};
  const int outers = sizeof outer / sizeof *outer, inners = sizeof block / sizeof *block;
  if (i >= outers + c->depth * inners) return false;
  const entry *from = i < outers ? &outer[i] : &block[(i - outers) % inners];
  *out = (tr_expected){0};
  if (i < outers)
    snprintf(out->name, sizeof out->name, "%s", from->name);
  else
    snprintf(out->name, sizeof out->name, "blocks.%d.%s", (i - outers) / inners, from->name);
  while (out->ndim < TR_MAX_DIMS && from->shape[out->ndim] > 0) {
    out->shape[out->ndim] = from->shape[out->ndim];
    out->ndim++;
  }
  return true;
}

/* ---- sizes from shapes ---- */

static tr_status find_shape(tr_ctx *ctx, const tr_tensors *weights, const char *name, int ndim,
                            const char *meaning, const tr_tensor **out) {
  return tr_weights_find(ctx, weights, name, ndim, meaning, "a SiT", out);
}

static tr_status infer_patches(tr_ctx *ctx, const tr_tensors *weights, tr_sit_config *config) {
  const tr_tensor *patches, *position;
  char text[128];
  TR_TRY(find_shape(ctx, weights, "x_embedder.proj.weight", 4, "(hidden, channels, patch, patch)", &patches));
  TR_TRY(find_shape(ctx, weights, "pos_embed", 3, "(1, tokens, hidden)", &position));
  if (patches->shape[2] != patches->shape[3] || patches->shape[2] > 1024)
    return TR_FAIL(
        ctx, TR_E_SHAPE,
        "tensor 'x_embedder.proj.weight' has the shape %s: patches must be square, of side 1 to 1024",
        tr_shape_text(4, patches->shape, text, sizeof text));
  config->hidden = (int)patches->shape[0];
  config->channels = (int)patches->shape[1];
  config->patch = (int)patches->shape[2];
  int64_t tokens = position->shape[1];
  while ((int64_t)config->grid * config->grid < tokens) config->grid++;
  if ((int64_t)config->grid * config->grid != tokens)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "tensor 'pos_embed' has %" PRId64
                   " tokens, which is no square: only square latents are supported",
                   tokens);
  return TR_OK;
}

static tr_status infer_output(tr_ctx *ctx, const tr_tensors *weights, tr_sit_config *config) {
  const tr_tensor *final;
  TR_TRY(
      find_shape(ctx, weights, "final_layer.linear.weight", 2, "(patch * patch * channels, hidden)", &final));
  int64_t plain = (int64_t)config->patch * config->patch * config->channels;
  if (final->shape[0] != plain && final->shape[0] != 2 * plain)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "tensor 'final_layer.linear.weight' has %" PRId64 " rows: %" PRId64 ", or %" PRId64
                   " with learn_sigma, are expected",
                   final->shape[0], plain, 2 * plain);
  config->out_channels = (final->shape[0] == plain ? 1 : 2) * config->channels;
  return TR_OK;
}

/* The name says the number of heads only of the network that it names. */
static tr_status infer_heads(tr_ctx *ctx, int heads, const char *model_name, tr_sit_config *config) {
  tr_sit_config named;
  if (heads == 0) {
    if (!find_name(model_name, &named))
      return TR_FAIL(
          ctx, TR_E_ARG,
          "the weights do not tell the number of heads, and %s%s%s known model: give the number of heads",
          model_name ? "'" : "the file names no", model_name ? model_name : "", model_name ? "' is no" : "");
    if (named.hidden != config->hidden || named.depth != config->depth || named.patch != config->patch)
      return TR_FAIL(ctx, TR_E_SHAPE,
                     "the weights (width %d, depth %d, patch %d) are not those of %s (%d, %d, %d): give the "
                     "number of heads",
                     config->hidden, config->depth, config->patch, model_name, named.hidden, named.depth,
                     named.patch);
    heads = named.heads;
  }
  if (heads < 0 || config->hidden % heads != 0)
    return TR_FAIL(ctx, TR_E_ARG, "%d heads do not divide the width %d", heads, config->hidden);
  config->heads = heads;
  return TR_OK;
}

static tr_status infer_classes(tr_ctx *ctx, const tr_tensors *weights, int declared, tr_sit_config *config) {
  const tr_tensor *table;
  TR_TRY(find_shape(ctx, weights, "y_embedder.embedding_table.weight", 2, "(classes, hidden)", &table));
  return tr_weights_classes(ctx, (int)table->shape[0], declared, &config->num_classes, &config->null_class);
}

tr_status tr_sit_config_infer(tr_ctx *ctx, const tr_tensors *weights, int heads, const char *model_name,
                              int declared_classes, tr_sit_config *out) {
  *out = (tr_sit_config){0};
  tr_sit_config config = {.depth = tr_weights_count(weights, "blocks")};
  const tr_tensor *fc1, *time;
  TR_TRY(infer_patches(ctx, weights, &config));
  TR_TRY(infer_output(ctx, weights, &config));
  TR_TRY(infer_classes(ctx, weights, declared_classes, &config));
  TR_TRY(find_shape(ctx, weights, "t_embedder.mlp.0.weight", 2, "(hidden, frequencies)", &time));
  TR_TRY(find_shape(ctx, weights, "blocks.0.mlp.fc1.weight", 2, "(mlp_hidden, hidden)", &fc1));
  if (time->shape[1] % 2 != 0)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "tensor 't_embedder.mlp.0.weight' has %" PRId64
                   " columns: cosines and sines make an even number",
                   time->shape[1]);
  config.time_frequencies = (int)time->shape[1];
  config.mlp_hidden = (int)fc1->shape[0];
  char network[32];
  snprintf(network, sizeof network, "a SiT of depth %d", config.depth);
  TR_TRY(tr_weights_check(ctx, weights, expected_at, &config, network));
  TR_TRY(infer_heads(ctx, heads, model_name, &config));
  *out = config;
  return TR_OK;
}
