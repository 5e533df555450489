/* The sizes of a SiT: by name, or from the shapes of its tensors. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nets/layers/weights.h"
#include "nets/sit/sit_private.h"

/* ---- named sizes (Ma et al. 2024, table 1; those of DiT) ---- */

static const struct {
  const char *letter;
  int hidden, depth, heads;
} sizes[] = {{"S", 384, 12, 6}, {"B", 768, 12, 12}, {"L", 1024, 24, 16}, {"XL", 1152, 28, 16}};
const char *const tr_sit_names[] = {"SiT-S/2",  "SiT-S/4",  "SiT-S/8", "SiT-B/2", "SiT-B/4",
                                    "SiT-B/8",  "SiT-L/2",  "SiT-L/4", "SiT-L/8", "SiT-XL/2",
                                    "SiT-XL/4", "SiT-XL/8", NULL};
enum { PATCHES = 3, MLP_RATIO = 4, TIME_FREQUENCIES = 256 };

/* hidden, depth, heads, mlp_hidden, patch and time_frequencies of a name, "SiT-" or "DiT-" before the size;
 * false when it is unknown. */
static bool find_name(const char *name, tr_sit_config *out) {
  for (int i = 0; name && tr_sit_names[i]; i++) {
    const bool dit = strncmp(name, "DiT-", 4) == 0 && strcmp(tr_sit_names[i] + 4, name + 4) == 0;
    if (!dit && strcmp(tr_sit_names[i], name) != 0) continue;
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

/* What a name leaves open: latents (channels, latent_size, latent_size), the classes without the null class,
 * and whether twice the channels come out. */
enum { CHANNELS, LATENT_SIZE, LATENT_WIDTH, NUM_CLASSES, LEARN_SIGMA, N_OPEN };
static const char *const left_open[N_OPEN] = {"channels", "latent_size", "latent_width", "num_classes",
                                              "learn_sigma"};

static tr_status take_open(tr_ctx *ctx, const char *name, int n, const tr_net_size *given, int open[N_OPEN]) {
  for (int i = 0; i < n; i++) {
    int k = 0;
    while (k < N_OPEN && strcmp(left_open[k], given[i].key) != 0) k++;
    if (k == N_OPEN)
      return TR_FAIL(ctx, TR_E_ARG,
                     "'%s' is not left open by the name %s: channels, latent_size, latent_width, "
                     "num_classes and learn_sigma are",
                     given[i].key, name);
    open[k] = given[i].value;
  }
  return TR_OK;
}

tr_status tr_sit_named(tr_ctx *ctx, const char *name, int n, const tr_net_size *given, void *sizes) {
  int open[N_OPEN] = {0};
  tr_sit_config config;
  if (!find_name(name, &config)) return TR_FAIL(ctx, TR_E_ARG, "no model '%s'", name);
  TR_TRY(take_open(ctx, name, n, given, open));
  const int channels = open[CHANNELS], side = open[LATENT_SIZE], num_classes = open[NUM_CLASSES],
            width = open[LATENT_WIDTH] ? open[LATENT_WIDTH] : side;
  if (channels < 1 || channels > 65536)
    return TR_FAIL(ctx, TR_E_ARG, "latents of %d channels: use 1 to 65536", channels);
  for (int i = 0; i < 2; i++) {
    const int extent = i ? width : side;
    if (extent < config.patch || extent % config.patch != 0 || extent > 65536)
      return TR_FAIL(
          ctx, TR_E_ARG,
          "latents of side %d cannot be cut into patches of side %d (%s): use a multiple, at most 65536",
          extent, config.patch, name);
  }
  if (num_classes < 1 || num_classes > 1 << 30)
    return TR_FAIL(ctx, TR_E_ARG, "%d classes: use at least 1", num_classes);
  config.channels = channels;
  config.out_channels = open[LEARN_SIGMA] ? 2 * channels : channels;
  config.grid = side / config.patch;
  config.grid_width = width == side ? 0 : width / config.patch;
  config.num_classes = num_classes;
  config.null_class = num_classes;
  *(tr_sit_config *)sizes = config;
  return TR_OK;
}

tr_status tr_sit_check(tr_ctx *ctx, const void *sizes) {
  const tr_sit_config *c = sizes;
  const int positive[] = {c->channels, c->out_channels, c->patch,      c->grid,       c->hidden,
                          c->depth,    c->heads,        c->mlp_hidden, c->num_classes};
  for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
    if (positive[i] <= 0 || c->grid_width < 0)
      return TR_FAIL(ctx, TR_E_ARG,
                     "a SiT of %d channels, patch %d, grid %d x %d, width %d, depth %d, %d heads, MLP %d: "
                     "every size must be positive",
                     c->channels, c->patch, c->grid, tr_sit_columns(c), c->hidden, c->depth, c->heads,
                     c->mlp_hidden);
  if (c->hidden % c->heads)
    return TR_FAIL(ctx, TR_E_ARG, "%d heads do not divide the width %d", c->heads, c->hidden);
  if (c->out_channels < c->channels)
    return TR_FAIL(ctx, TR_E_ARG, "%d output channels are fewer than the %d of the latents", c->out_channels,
                   c->channels);
  if (c->time_frequencies < 2 || c->time_frequencies % 2)
    return TR_FAIL(ctx, TR_E_ARG, "a time embedding of width %d: it must be even", c->time_frequencies);
  return TR_OK;
}

/* ---- the tensors of a network ---- */

/* The table of the reference: sines, then cosines, of the column, then of the row, of a token, over
 * frequencies 10000^(-j / (D / 4)). Columns and rows are counted from 0 by ones whatever the size, as the
 * reference's get_2d_sincos_pos_embed does: nothing is stretched to the size of training. */
static void fill_position(const void *sizes, double *values) {
  const tr_sit_config *c = sizes;
  const int64_t d = c->hidden, waves = d / 4, tokens = tr_sit_tokens(c), columns = tr_sit_columns(c);
  memset(values, 0,
         (size_t)(tokens * d) * sizeof *values); /* columns that a width of no multiple of 4 leaves */
  for (int64_t n = 0; n < tokens; n++)
    for (int64_t j = 0; j < waves; j++) {
      const double frequency = pow(10000, -(double)j / (double)waves);
      const double column = (double)(n % columns) * frequency, row = (double)(n / columns) * frequency;
      double *at = values + n * d + j;
      at[0] = sin(column), at[waves] = cos(column), at[2 * waves] = sin(row), at[3 * waves] = cos(row);
    }
}

/* Beginnings as in the reference: modulations and the last layer are zero, so that a block is the identity.
 */
bool tr_sit_entry(const void *sizes, int i, tr_net_entry *out) {
  const tr_sit_config *c = sizes;
  const int64_t d = c->hidden, m = c->mlp_hidden, p = c->patch, tokens = tr_sit_tokens(c);
  const int64_t rows = (int64_t)c->num_classes + (c->null_class >= 0), last = p * p * c->out_channels;
  const tr_net_entry before[TR_SIT_FIRST_BLOCK] = {
      [TR_SIT_POSITION] = {"pos_embed", TR_ENTRY_FIXED, 3, {1, tokens, d}, TR_START_FILL, 0, fill_position},
      [TR_SIT_PATCH] =
          {"x_embedder.proj", TR_ENTRY_LAYER, 4, {d, c->channels, p, p}, TR_START_XAVIER, 0, NULL},
      [TR_SIT_TIME_1] =
          {"t_embedder.mlp.0", TR_ENTRY_LAYER, 2, {d, c->time_frequencies}, TR_START_NORMAL, 0.02, NULL},
      [TR_SIT_TIME_2] = {"t_embedder.mlp.2", TR_ENTRY_LAYER, 2, {d, d}, TR_START_NORMAL, 0.02, NULL},
      [TR_SIT_LABELS] = {
          "y_embedder.embedding_table.weight", TR_ENTRY_TABLE, 2, {rows, d}, TR_START_NORMAL, 0.02, NULL}};
  const tr_net_entry block[TR_SIT_LAYERS] = {
      [TR_SIT_LAYER_QKV] = {"attn.qkv", TR_ENTRY_LAYER, 2, {3 * d, d}, TR_START_XAVIER, 0, NULL},
      [TR_SIT_LAYER_PROJ] = {"attn.proj", TR_ENTRY_LAYER, 2, {d, d}, TR_START_XAVIER, 0, NULL},
      [TR_SIT_LAYER_FC1] = {"mlp.fc1", TR_ENTRY_LAYER, 2, {m, d}, TR_START_XAVIER, 0, NULL},
      [TR_SIT_LAYER_FC2] = {"mlp.fc2", TR_ENTRY_LAYER, 2, {d, m}, TR_START_XAVIER, 0, NULL},
      [TR_SIT_MODULATES] = {"adaLN_modulation.1", TR_ENTRY_LAYER, 2, {6 * d, d}, TR_START_ZERO, 0, NULL}};
  const tr_net_entry behind[TR_SIT_BEHIND] = {
      [TR_SIT_LAST] = {"final_layer.linear", TR_ENTRY_LAYER, 2, {last, d}, TR_START_ZERO, 0, NULL},
      [TR_SIT_LAST_MODULATES] = {
          "final_layer.adaLN_modulation.1", TR_ENTRY_LAYER, 2, {2 * d, d}, TR_START_ZERO, 0, NULL}};
  const int inner = i - TR_SIT_FIRST_BLOCK, outer = inner - c->depth * TR_SIT_LAYERS;
  if (outer >= TR_SIT_BEHIND) return false;
  *out = inner < 0 ? before[i] : outer < 0 ? block[inner % TR_SIT_LAYERS] : behind[outer];
  if (inner >= 0 && outer < 0)
    snprintf(out->name, sizeof out->name, "blocks.%d.%s", inner / TR_SIT_LAYERS,
             block[inner % TR_SIT_LAYERS].name);
  return true;
}

/* Tokens, but one row where times and labels go through. */
int64_t tr_sit_rows(const void *sizes, int i) {
  const tr_sit_config *c = sizes;
  const int in_block = (i - TR_SIT_FIRST_BLOCK) % TR_SIT_LAYERS,
            behind = i - TR_SIT_FIRST_BLOCK - c->depth * TR_SIT_LAYERS;
  const bool once = behind >= 0              ? behind == TR_SIT_LAST_MODULATES
                    : i < TR_SIT_FIRST_BLOCK ? i != TR_SIT_PATCH
                                             : in_block == TR_SIT_MODULATES;
  return once ? 1 : tr_sit_tokens(c);
}

/* ---- sizes from shapes ---- */

static tr_status find_shape(tr_ctx *ctx, const tr_tensors *weights, const char *name, int ndim,
                            const char *meaning, const tr_tensor **out) {
  return tr_weights_find(ctx, weights, name, ndim, meaning, "a SiT", out);
}

/* Latents of Stable Diffusion's autoencoder are an eighth of the image along a side; pixels have three
 * channels. */
enum { LATENT_SCALE = 8, PIXEL_CHANNELS = 3 };

/* The tokens of latents of this height and width; `wrong`: the status where they cannot be cut. */
static tr_status set_grid(tr_ctx *ctx, int height, int width, tr_status wrong, tr_sit_config *config) {
  if (height % config->patch || width % config->patch)
    return TR_FAIL(ctx, wrong,
                   "latents of %d x %d cannot be cut into patches of side %d: use multiples of it", height,
                   width, config->patch);
  config->grid = height / config->patch;
  config->grid_width = width == height ? 0 : width / config->patch;
  return TR_OK;
}

/* The tokens along a side when no table tells: from the side of the latents, or of the images. */
static tr_status infer_grid_untold(tr_ctx *ctx, const tr_net_settings *told, tr_sit_config *config) {
  if (told->height > 0 && told->width > 0) return set_grid(ctx, told->height, told->width, TR_E_ARG, config);
  if (told->stored_height > 0 && told->stored_width > 0)
    return set_grid(ctx, told->stored_height, told->stored_width, TR_E_SHAPE, config);
  const int scale = config->channels == PIXEL_CHANNELS ? 1 : LATENT_SCALE;
  const int side = told->side ? told->side : told->image_side / scale;
  if (side == 0)
    return TR_FAIL(
        ctx, TR_E_SHAPE,
        "the weights lack the tensor 'pos_embed' of shape (1, tokens, hidden): the table of sines and "
        "cosines can be made again, if the arguments tell its size: give input_size, the side of the "
        "latents, or image_size");
  if (side % config->patch != 0 || (!told->side && told->image_side % scale != 0))
    return TR_FAIL(ctx, TR_E_SHAPE, "latents of side %d cannot be cut into patches of side %d", side,
                   config->patch);
  config->grid = side / config->patch;
  return TR_OK;
}

static tr_status infer_grid(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *told,
                            tr_sit_config *config) {
  const tr_tensor *position;
  if (!tr_tensors_find(weights, "pos_embed")) return infer_grid_untold(ctx, told, config);
  TR_TRY(find_shape(ctx, weights, "pos_embed", 3, "(1, tokens, hidden)", &position));
  int64_t tokens = position->shape[1];
  if (told->stored_height > 0 && told->stored_width > 0) {
    TR_TRY(set_grid(ctx, told->stored_height, told->stored_width, TR_E_SHAPE, config));
    if (tr_sit_tokens(config) == tokens) return TR_OK;
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "tensor 'pos_embed' has %" PRId64 " tokens: latents of %d x %d have %" PRId64, tokens,
                   told->stored_height, told->stored_width, tr_sit_tokens(config));
  }
  while ((int64_t)config->grid * config->grid < tokens) config->grid++;
  if ((int64_t)config->grid * config->grid != tokens)
    return TR_FAIL(
        ctx, TR_E_SHAPE,
        "tensor 'pos_embed' has %" PRId64
        " tokens, which is no square: arguments latent_height and latent_width are to tell the sides",
        tokens);
  return TR_OK;
}

static tr_status infer_patches(tr_ctx *ctx, const tr_tensors *weights, tr_sit_config *config) {
  const tr_tensor *patches;
  char text[128];
  TR_TRY(find_shape(ctx, weights, "x_embedder.proj.weight", 4, "(hidden, channels, patch, patch)", &patches));
  if (patches->shape[2] != patches->shape[3] || patches->shape[2] > 1024)
    return TR_FAIL(
        ctx, TR_E_SHAPE,
        "tensor 'x_embedder.proj.weight' has the shape %s: patches must be square, of side 1 to 1024",
        tr_shape_text(4, patches->shape, text, sizeof text));
  config->hidden = (int)patches->shape[0];
  config->channels = (int)patches->shape[1];
  config->patch = (int)patches->shape[2];
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

static tr_status no_heads(tr_ctx *ctx, const tr_net_settings *told, tr_sit_config *config) {
  const char *name = told->model_name;
  config->heads = 0;
  if (told->open) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "the weights do not tell the number of heads, and %s%s%s known model: give the number of heads",
      name ? "'" : "the file names no", name ? name : "", name ? "' is no" : "");
}

/* The name says the number of heads only of the network that it names. */
static tr_status infer_heads(tr_ctx *ctx, const tr_net_settings *told, double num_heads,
                             tr_sit_config *config) {
  int heads = isnan(num_heads) ? 0 : (int)num_heads;
  tr_sit_config named;
  if (heads == 0) {
    if (!find_name(told->model_name, &named)) return no_heads(ctx, told, config);
    if (named.hidden != config->hidden || named.depth != config->depth || named.patch != config->patch)
      return TR_FAIL(ctx, TR_E_SHAPE,
                     "the weights (width %d, depth %d, patch %d) are not those of %s (%d, %d, %d): give the "
                     "number of heads",
                     config->hidden, config->depth, config->patch, told->model_name, named.hidden,
                     named.depth, named.patch);
    heads = named.heads;
  }
  if (config->hidden % heads != 0)
    return TR_FAIL(ctx, TR_E_ARG, "%d heads do not divide the width %d", heads, config->hidden);
  config->heads = heads;
  return TR_OK;
}

static tr_status infer_classes(tr_ctx *ctx, const tr_tensors *weights, int declared, tr_sit_config *config) {
  const tr_tensor *table;
  TR_TRY(find_shape(ctx, weights, "y_embedder.embedding_table.weight", 2, "(classes, hidden)", &table));
  return tr_weights_classes(ctx, (int)table->shape[0], declared, &config->num_classes, &config->null_class);
}

const tr_param tr_sit_params[TR_SIT_PARAMS] = {
    [TR_SIT_NUM_HEADS] = {.name = "num_heads",
                          .value = NAN,
                          .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1, .high = 4096},
                          .unset = "unset: as the model's name says",
                          .help = "attention heads"}};

tr_status tr_sit_configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           const double *params, void *sizes) {
  tr_sit_config config = {.depth = tr_weights_count(weights, "blocks")};
  const tr_tensor *fc1, *time;
  TR_TRY(infer_patches(ctx, weights, &config));
  TR_TRY(infer_grid(ctx, weights, settings, &config));
  TR_TRY(infer_output(ctx, weights, &config));
  TR_TRY(infer_classes(ctx, weights, settings->num_classes, &config));
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
  TR_TRY(tr_weights_check(ctx, weights, &tr_net_sit, &config, network));
  TR_TRY(infer_heads(ctx, settings, params[TR_SIT_NUM_HEADS], &config));
  *(tr_sit_config *)sizes = config;
  return TR_OK;
}
