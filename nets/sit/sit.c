/* SiT networks (scalable interpolant transformers; Ma et al. 2024, architecture of DiT, Peebles and Xie
 * 2023). */
#include <stdio.h>
#include <stdlib.h>

#include "core/backend.h"
#include "nets/modules_private.h"
#include "nets/sit/sit_private.h"

/* ---- the sizes ---- */

static long learn_sigma(const void *sizes) {
  const tr_sit_config *c = sizes;
  return c->out_channels == 2 * c->channels;
}

static long latent_size(const void *sizes) {
  const tr_sit_config *c = sizes;
  return (long)c->grid * c->patch;
}

static long latent_width(const void *sizes) {
  const tr_sit_config *c = sizes;
  return (long)tr_sit_columns(c) * c->patch;
}

static long tokens(const void *sizes) {
  return (long)tr_sit_tokens(sizes);
}

#define SIZE(member) .key = #member, .offset = offsetof(tr_sit_config, member)

static const tr_net_key keys[] = {
    {SIZE(channels), .recorded = true},
    {SIZE(out_channels)},
    {.key = "learn_sigma", .of = learn_sigma, .flag = true},
    {SIZE(patch), .recorded = true},
    {SIZE(grid)},
    {SIZE(grid_width)},
    {.key = "latent_size", .of = latent_size},
    {.key = "latent_width", .of = latent_width},
    {.key = "tokens", .of = tokens},
    {SIZE(hidden), .recorded = true},
    {SIZE(depth), .recorded = true},
    {SIZE(mlp_hidden)},
    {SIZE(time_frequencies)},
    {SIZE(heads), .recorded = true, .param = "num_heads"},
    {SIZE(num_classes), .recorded = true},
    {SIZE(null_class), .absent = -1, .recorded = true},
    {0},
};

static void about(const void *sizes, tr_net_info *out) {
  const tr_sit_config *c = sizes;
  out->ndim = 3;
  out->shape[0] = c->channels, out->shape[1] = latent_size(c), out->shape[2] = latent_width(c);
  out->num_classes = c->num_classes, out->null_class = c->null_class;
}

static void say(const void *sizes, char *text, size_t size) {
  const tr_sit_config *c = sizes;
  snprintf(
      text, size,
      "SiT, latents (%d, %ld, %ld), patch %d, %ld tokens, hidden %d, depth %d, MLP %d\noutput: %d channels%s",
      c->channels, latent_size(c), latent_width(c), c->patch, tokens(c), c->hidden, c->depth, c->mlp_hidden,
      c->out_channels, learn_sigma(c) ? " (learn_sigma: the first half is used)" : "");
}

/* ---- one network ---- */

/* Every layer where the passes look for it. */
static void place_layers(const tr_net *net, tr_sit *sit) {
  tr_layer *all = net->layers, *behind = all + TR_SIT_FIRST_BLOCK + sit->config.depth * TR_SIT_LAYERS;
  sit->position = &all[TR_SIT_POSITION], sit->patch = &all[TR_SIT_PATCH];
  sit->time1 = &all[TR_SIT_TIME_1], sit->time2 = &all[TR_SIT_TIME_2], sit->labels = &all[TR_SIT_LABELS];
  sit->final = &behind[TR_SIT_LAST], sit->final_modulation = &behind[TR_SIT_LAST_MODULATES];
  for (int i = 0; i < sit->config.depth; i++) {
    tr_layer *of = all + TR_SIT_FIRST_BLOCK + i * TR_SIT_LAYERS;
    sit->blocks[i] = (tr_sit_block){.qkv = &of[TR_SIT_LAYER_QKV],
                                    .proj = &of[TR_SIT_LAYER_PROJ],
                                    .fc1 = &of[TR_SIT_LAYER_FC1],
                                    .fc2 = &of[TR_SIT_LAYER_FC2],
                                    .modulation = &of[TR_SIT_MODULATES]};
  }
}

static tr_status open_sit(tr_net *net) {
  const tr_sit_config *config = net->sizes;
  tr_sit *sit = net->work = calloc(1, sizeof *sit);
  tr_sit_block *blocks = calloc((size_t)config->depth, sizeof *blocks);
  if (!sit || !blocks) {
    free(blocks);
    return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for %d blocks", config->depth);
  }
  *sit = (tr_sit){.config = *config, .dtype = net->dtype, .products = net->products, .blocks = blocks};
  sit->product_dtype = tr_nn_product_dtype(net->ctx, net->dtype, net->products);
  sit->tokens = tr_sit_tokens(config);
  sit->keeps_stats = tr_ctx_backend(net->ctx)->promises & TR_BACKEND_WANTS_STATS;
  place_layers(net, sit);
  return TR_OK;
}

static void close_sit(tr_net *net) {
  tr_sit *sit = net->work;
  tr_sit_work_clear(&sit->work);
  tr_sit_back_work_clear(&sit->back);
  tr_sit_jvp_work_clear(&sit->tangent);
  tr_conditions_clear(&sit->conditions);
  free(sit->blocks);
  free(sit);
}

/* Labels are there: a network with classes is asked with them, and a SiT always has classes. */
static tr_status forward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f) {
  return tr_sit_forward(net->ctx, net->work, times, x, cond, f);
}

static tr_status backward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                          const tr_net_request *request) {
  return tr_sit_backward(net->ctx, net->work, times, x, cond, request);
}

static tr_status jvp(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond, const tr_array *v,
                     tr_array *Jv) {
  return tr_sit_jvp(net->ctx, net->work, times, x, cond, v, Jv);
}

static tr_status send(tr_net *net, tr_times times, const tr_cond *cond) {
  return tr_conditions_set(net->ctx, &((tr_sit *)net->work)->conditions, times, cond);
}

static tr_status reserve(tr_net *net, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  tr_sit *sit = net->work;
  int64_t samples = x->shape[0];
  if (samples == 0) return TR_OK;
  TR_TRY(tr_conditions_reserve(net->ctx, &sit->conditions, samples, cond));
  return vectors ? tr_sit_reserve_backward(net->ctx, sit, x, vectors)
                 : tr_sit_reserve_forward(net->ctx, sit, samples);
}

static void set_recompute(tr_net *net, bool recompute) {
  tr_sit *sit = net->work;
  if (sit->recompute != recompute) tr_sit_back_work_clear(&sit->back);
  sit->recompute = recompute;
}

static long repeats(const tr_net *net, const tr_array *x, const tr_net_request *request) {
  return tr_sit_repeats(net->ctx, net->work, x, request);
}

static const char *const beginnings[] = {"pos_embed", "x_embedder.",  "t_embedder.", "y_embedder.",
                                         "blocks.",   "final_layer.", NULL};

static const char *const unused[] = {"projectors.", NULL}; /* REPA's, onto the features of another network */

const tr_net_type tr_net_sit = {
    .info = {.name = "sit",
             .summary = "scalable interpolant transformer: images or latents, with classes",
             .params = tr_sit_params,
             .n_params = TR_SIT_PARAMS},
    .caps = TR_NET_FIELD | TR_NET_MOVES,
    .beginnings = beginnings,
    .unused = unused,
    .sizes_bytes = sizeof(tr_sit_config),
    .keys = keys,
    .entry = tr_sit_entry,
    .rows = tr_sit_rows,
    .configure = tr_sit_configure,
    .check = tr_sit_check,
    .about = about,
    .say = say,
    .relative = tr_sit_relative,
    .names = tr_sit_names,
    .named = tr_sit_named,
    .open = open_sit,
    .close = close_sit,
    .forward = forward,
    .backward = backward,
    .jvp = jvp,
    .send = send,
    .reserve = reserve,
    .set_recompute = set_recompute,
    .repeats = repeats};
const tr_module *const tr_network_sit = &tr_net_sit.info;
