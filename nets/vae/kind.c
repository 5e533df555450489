/* An autoencoder as a kind of network: its sizes from the shapes of its tensors. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nets/layers/weights.h"
#include "nets/modules_private.h"
#include "nets/vae/vae_private.h"

enum { GROUPS, PARAMS };
static const tr_param params_of[PARAMS] = {
    [GROUPS] = {.name = "norm_num_groups",
                .value = NAN,
                .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1, .high = TR_VAE_CHANNELS_MOST},
                .help = "groups of channels that its norms take together"}};
enum { USUAL_GROUPS = 32 };

/* ---- from tensors ---- */

static bool has(const tr_tensors *weights, const char *name) {
  return tr_tensors_find(weights, name) != NULL;
}

static tr_status find(tr_ctx *ctx, const tr_tensors *weights, const char *name, const tr_tensor **out) {
  return tr_weights_find(ctx, weights, name, 4, "(out, in, height, width)", "an autoencoder (AutoencoderKL)",
                         out);
}

/* The channels behind the first block of each level, and of pictures and latents. */
static tr_status take_encoder(tr_ctx *ctx, const tr_tensors *weights, tr_vae_config *c) {
  const tr_tensor *tensor;
  char name[64];
  c->levels = tr_weights_count(weights, "encoder.down_blocks");
  c->layers = tr_weights_count(weights, "encoder.down_blocks.0.resnets");
  for (int i = 0; i < c->levels && i < TR_VAE_LEVELS; i++) {
    snprintf(name, sizeof name, "encoder.down_blocks.%d.resnets.0.conv1.weight", i);
    TR_TRY(find(ctx, weights, name, &tensor));
    c->widths[i] = (int)tensor->shape[0];
  }
  TR_TRY(find(ctx, weights, "encoder.conv_in.weight", &tensor));
  c->channels = (int)tensor->shape[1];
  TR_TRY(find(ctx, weights, "encoder.conv_out.weight", &tensor));
  c->latent_channels = (int)tensor->shape[0] / 2;
  return TR_OK;
}

static tr_status take_decoder(tr_ctx *ctx, const tr_tensors *weights, tr_vae_config *c) {
  const tr_tensor *tensor;
  char name[64];
  c->levels = tr_weights_count(weights, "decoder.up_blocks");
  c->layers = tr_weights_count(weights, "decoder.up_blocks.0.resnets") - 1;
  for (int i = 0; i < c->levels && i < TR_VAE_LEVELS; i++) {
    snprintf(name, sizeof name, "decoder.up_blocks.%d.resnets.0.conv1.weight", c->levels - 1 - i);
    TR_TRY(find(ctx, weights, name, &tensor));
    c->widths[i] = (int)tensor->shape[0];
  }
  TR_TRY(find(ctx, weights, "decoder.conv_out.weight", &tensor));
  c->channels = (int)tensor->shape[0];
  TR_TRY(find(ctx, weights, "decoder.conv_in.weight", &tensor));
  c->latent_channels = (int)tensor->shape[1];
  return TR_OK;
}

/* The first width that so many groups do not divide; 0: they divide all. */
static int undivided(int groups, const tr_vae_config *c) {
  for (int i = 0; i < c->levels; i++)
    if (c->widths[i] % groups) return c->widths[i];
  return 0;
}

static bool is_count(int channels) {
  return channels >= 1 && channels <= TR_VAE_CHANNELS_MOST;
}

/* `status` for sizes of which there is no autoencoder. */
static tr_status check_sizes(tr_ctx *ctx, tr_status status, const tr_vae_config *c) {
  if (c->levels < 1 || c->levels > TR_VAE_LEVELS)
    return TR_FAIL(ctx, status, "an autoencoder (AutoencoderKL) of %d levels: use 1 to %d", c->levels,
                   TR_VAE_LEVELS);
  if (c->layers < 1 || c->layers > TR_VAE_LAYERS_MOST)
    return TR_FAIL(ctx, status, "an autoencoder (AutoencoderKL) of %d layers a block: use 1 to %d", c->layers,
                   TR_VAE_LAYERS_MOST);
  for (int i = 0; i < c->levels; i++)
    if (!is_count(c->widths[i]))
      return TR_FAIL(ctx, status, "an autoencoder (AutoencoderKL) of width %d: use 1 to %d", c->widths[i],
                     TR_VAE_CHANNELS_MOST);
  if (!is_count(c->channels) || !is_count(c->latent_channels))
    return TR_FAIL(ctx, status,
                   "an autoencoder (AutoencoderKL) of pictures of %d channels and latents of %d: use 1 to %d",
                   c->channels, c->latent_channels, TR_VAE_CHANNELS_MOST);
  return TR_OK;
}

static tr_status check_groups(tr_ctx *ctx, const tr_vae_config *c) {
  if (c->groups < 1)
    return TR_FAIL(ctx, TR_E_ARG, "%d groups of a norm (norm_num_groups): use 1 or more", c->groups);
  const int width = undivided(c->groups, c);
  if (width == 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%d groups of a norm (norm_num_groups) do not divide the width %d", c->groups,
                 width);
}

/* As told, NAN: not told; else as usual, or not known. */
static tr_status settle_groups(tr_ctx *ctx, double told, bool open, tr_vae_config *c) {
  c->groups = isnan(told) ? USUAL_GROUPS : (int)told;
  if (!isnan(told)) return check_groups(ctx, c);
  const int width = undivided(c->groups, c);
  if (width && !open)
    return TR_FAIL(ctx, TR_E_ARG,
                   "the number of groups of its norms is not told: %d, which is usual, do not divide "
                   "the width %d",
                   c->groups, width);
  if (width) c->groups = 0;
  return TR_OK;
}

static tr_status configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           const double *params, void *sizes) {
  static const char attention[] = "mid_block.attentions.0.group_norm.weight";
  tr_vae_config c = {.encoder = has(weights, "encoder.conv_in.weight"),
                     .decoder = has(weights, "decoder.conv_in.weight"),
                     .quant = has(weights, "quant_conv.weight"),
                     .post_quant = has(weights, "post_quant_conv.weight")};
  char name[80];
  TR_TRY(c.encoder ? take_encoder(ctx, weights, &c) : take_decoder(ctx, weights, &c));
  TR_TRY(check_sizes(ctx, TR_E_SHAPE, &c));
  snprintf(name, sizeof name, "%s.%s", c.encoder ? "encoder" : "decoder", attention);
  c.attention = has(weights, name);
  TR_TRY(settle_groups(ctx, params[GROUPS], settings->open, &c));
  TR_TRY(tr_weights_check(ctx, weights, &tr_net_vae, &c, "an autoencoder (AutoencoderKL) of these widths"));
  *(tr_vae_config *)sizes = c;
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const void *sizes) {
  const tr_vae_config *c = sizes;
  TR_TRY(check_sizes(ctx, TR_E_ARG, c));
  if (!c->encoder && !c->decoder)
    return TR_FAIL(ctx, TR_E_ARG,
                   "an autoencoder (AutoencoderKL) without encoder and decoder: one is needed");
  return check_groups(ctx, c);
}

/* ---- what is said ---- */

static void say(const void *sizes, char *text, size_t size) {
  const tr_vae_config *c = sizes;
  char widths[96] = "";
  size_t used = 0;
  for (int i = 0; i < c->levels; i++)
    used += (size_t)snprintf(widths + used, sizeof widths - used, " %d", c->widths[i]);
  snprintf(text, size,
           "autoencoder (AutoencoderKL)%s, pictures of %d channels, latents (%d, H/%d, W/%d), widths%s, "
           "%d layer%s a block%s",
           !c->decoder   ? ", encoder only"
           : !c->encoder ? ", decoder only"
                         : "",
           c->channels, c->latent_channels, 1 << (c->levels - 1), 1 << (c->levels - 1), widths, c->layers,
           c->layers == 1 ? "" : "s", c->attention ? "" : ", no attention");
}

#define SIZE(member, text) .key = text, .offset = offsetof(tr_vae_config, member), .recorded = true

static const tr_net_key keys[] = {
    {SIZE(levels, "levels")},
    {SIZE(widths[0], "width_0")},
    {SIZE(widths[1], "width_1")},
    {SIZE(widths[2], "width_2")},
    {SIZE(widths[3], "width_3")},
    {SIZE(widths[4], "width_4")},
    {SIZE(widths[5], "width_5")},
    {SIZE(layers, "layers_per_block")},
    {SIZE(channels, "channels")},
    {SIZE(latent_channels, "latent_channels")},
    {SIZE(attention, "mid_block_add_attention"), .flag = true},
    {SIZE(quant, "use_quant_conv"), .flag = true},
    {SIZE(post_quant, "use_post_quant_conv"), .flag = true},
    {SIZE(encoder, "encoder"), .flag = true},
    {SIZE(decoder, "decoder"), .flag = true},
    {SIZE(groups, "norm_num_groups"), .param = "norm_num_groups"},
    {0},
};

/* The attention of files from before diffusers 0.15. */
static const char *older(const char *name, char *text, size_t size) {
  static const char *const names[][2] = {
      {".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *at = strstr(name, names[i][0]);
    if (!at) continue;
    snprintf(text, size, "%.*s%s%s", (int)(at - name), name, names[i][1], at + strlen(names[i][0]));
    return text;
  }
  return NULL;
}

static const char *const beginnings[] = {"encoder.", "decoder.", "quant_conv.", "post_quant_conv.", NULL};

const tr_net_type tr_net_vae = {.info = {.name = "vae",
                                         .summary = "autoencoder of pictures and latents (AutoencoderKL)",
                                         .params = params_of,
                                         .n_params = PARAMS},
                                .beginnings = beginnings,
                                .older = older,
                                .sizes_bytes = sizeof(tr_vae_config),
                                .keys = keys,
                                .entry = tr_vae_entry,
                                .configure = configure,
                                .check = check,
                                .say = say,
                                .open = tr_vae_open_work,
                                .close = tr_vae_close_work};
const tr_module *const tr_network_vae = &tr_net_vae.info;
