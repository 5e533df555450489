/* The layer table of an autoencoder: its units in the order in which they run, and of each the tensors. */
#include <stdio.h>

#include "nets/vae/vae_private.h"

/* ---- units ---- */

static void add(tr_vae_plan *p, tr_vae_unit_kind kind, int in, int out, int side) {
  tr_vae_unit *u = &p->unit[p->n++];
  static const int entries[] = {[TR_VAE_CONV] = 1, [TR_VAE_RESNET] = 6, [TR_VAE_ATTENTION] = 6,
                                [TR_VAE_DOWN] = 1, [TR_VAE_UP] = 1,     [TR_VAE_LAST] = 3};
  u->kind = kind, u->in = in, u->out = out, u->side = side, u->entry = p->entries;
  p->entries += entries[kind] + (kind == TR_VAE_RESNET && in != out);
}

/* The same under a name. */
#define ADD(p, kind, in, out, side, ...)                                                                     \
  do {                                                                                                       \
    snprintf((p)->unit[(p)->n].name, sizeof(p)->unit[0].name, __VA_ARGS__);                                  \
    add((p), (kind), (in), (out), (side));                                                                   \
  } while (0)

static void add_middle(const tr_vae_config *c, const char *half, int width, tr_vae_plan *p) {
  ADD(p, TR_VAE_RESNET, width, width, 3, "%s.mid_block.resnets.0", half);
  if (c->attention) ADD(p, TR_VAE_ATTENTION, width, width, 1, "%s.mid_block.attentions.0", half);
  ADD(p, TR_VAE_RESNET, width, width, 3, "%s.mid_block.resnets.1", half);
}

static void add_encoder(const tr_vae_config *c, tr_vae_plan *p) {
  const int last = c->widths[c->levels - 1], moments = 2 * c->latent_channels;
  int in = c->widths[0];
  ADD(p, TR_VAE_CONV, c->channels, in, 3, "encoder.conv_in");
  for (int i = 0; i < c->levels; i++) {
    const int width = c->widths[i];
    for (int j = 0; j < c->layers; j++, in = width)
      ADD(p, TR_VAE_RESNET, in, width, 3, "encoder.down_blocks.%d.resnets.%d", i, j);
    if (i < c->levels - 1)
      ADD(p, TR_VAE_DOWN, width, width, 3, "encoder.down_blocks.%d.downsamplers.0.conv", i);
  }
  add_middle(c, "encoder", last, p);
  ADD(p, TR_VAE_LAST, last, moments, 3, "encoder");
  if (c->quant) ADD(p, TR_VAE_CONV, moments, moments, 1, "quant_conv");
}

static void add_decoder(const tr_vae_config *c, tr_vae_plan *p) {
  const int latents = c->latent_channels;
  int in = c->widths[c->levels - 1];
  if (c->post_quant) ADD(p, TR_VAE_CONV, latents, latents, 1, "post_quant_conv");
  ADD(p, TR_VAE_CONV, latents, in, 3, "decoder.conv_in");
  add_middle(c, "decoder", in, p);
  for (int i = 0; i < c->levels; i++) {
    const int width = c->widths[c->levels - 1 - i];
    for (int j = 0; j <= c->layers; j++, in = width)
      ADD(p, TR_VAE_RESNET, in, width, 3, "decoder.up_blocks.%d.resnets.%d", i, j);
    if (i < c->levels - 1) ADD(p, TR_VAE_UP, width, width, 3, "decoder.up_blocks.%d.upsamplers.0.conv", i);
  }
  ADD(p, TR_VAE_LAST, in, c->channels, 3, "decoder");
}

void tr_vae_make_plan(const tr_vae_config *c, tr_vae_plan *out) {
  out->n = out->encoder = out->entries = 0;
  if (c->encoder) add_encoder(c, out);
  out->encoder = out->n;
  if (c->decoder) add_decoder(c, out);
}

/* ---- tensors ---- */

/* A part of a unit: a norm's gamma or beta of the channels that come in or go out, or a convolution. */
typedef enum { GAMMA_IN, BETA_IN, GAMMA_OUT, BETA_OUT, CONV, CONV_OUT_TO_OUT, CONV_1 } part_kind;
typedef struct {
  const char *name; /* behind that of the unit; NULL: none */
  part_kind kind;
} part;

static const part conv_parts[] = {{NULL, CONV}};
static const part resnet_parts[] = {[TR_VAE_NORM1] = {"norm1", GAMMA_IN},
                                    {"norm1", BETA_IN},
                                    [TR_VAE_CONV1] = {"conv1", CONV},
                                    [TR_VAE_NORM2] = {"norm2", GAMMA_OUT},
                                    {"norm2", BETA_OUT},
                                    [TR_VAE_CONV2] = {"conv2", CONV_OUT_TO_OUT},
                                    [TR_VAE_SHORTCUT] = {"conv_shortcut", CONV_1}};
static const part attention_parts[] = {
    {"group_norm", GAMMA_IN},    {"group_norm", BETA_IN},     [TR_VAE_Q] = {"to_q", CONV},
    [TR_VAE_K] = {"to_k", CONV}, [TR_VAE_V] = {"to_v", CONV}, [TR_VAE_TO_OUT] = {"to_out.0", CONV}};
static const part last_parts[] = {
    {"conv_norm_out", GAMMA_IN}, {"conv_norm_out", BETA_IN}, [TR_VAE_CONV_OUT] = {"conv_out", CONV}};
static const part *const parts_of[] = {
    [TR_VAE_CONV] = conv_parts,           [TR_VAE_RESNET] = resnet_parts, [TR_VAE_DOWN] = conv_parts,
    [TR_VAE_ATTENTION] = attention_parts, [TR_VAE_UP] = conv_parts,       [TR_VAE_LAST] = last_parts};

static void set_table(bool gamma, int channels, tr_net_entry *out) {
  out->kind = TR_ENTRY_TABLE;
  out->ndim = 1;
  out->shape[0] = channels;
  out->start = gamma ? TR_START_ONE : TR_START_ZERO;
}

static void set_conv(int in, int to, int side, tr_net_entry *out) {
  out->kind = TR_ENTRY_CONV;
  out->ndim = 4;
  out->shape[0] = to, out->shape[1] = in, out->shape[2] = out->shape[3] = side;
  out->start = TR_START_XAVIER;
}

static void set_entry(const tr_vae_unit *u, const part *of, tr_net_entry *out) {
  const bool gamma = of->kind == GAMMA_IN || of->kind == GAMMA_OUT;
  const bool table = gamma || of->kind == BETA_IN || of->kind == BETA_OUT;
  *out = (tr_net_entry){0};
  snprintf(out->name, sizeof out->name, "%s%s%s%s", u->name, of->name ? "." : "", of->name ? of->name : "",
           !table  ? ""
           : gamma ? ".weight"
                   : ".bias");
  if (table)
    set_table(gamma, of->kind == GAMMA_IN || of->kind == BETA_IN ? u->in : u->out, out);
  else
    set_conv(of->kind == CONV_OUT_TO_OUT ? u->out : u->in, u->out, of->kind == CONV_1 ? 1 : u->side, out);
}

bool tr_vae_entry(const void *sizes, int i, tr_net_entry *out) {
  tr_vae_plan plan;
  tr_vae_make_plan(sizes, &plan);
  if (i >= plan.entries) return false;
  const tr_vae_unit *u = plan.unit;
  while (i >= (u + 1 < plan.unit + plan.n ? u[1].entry : plan.entries)) u++;
  set_entry(u, &parts_of[u->kind][i - u->entry], out);
  return true;
}
