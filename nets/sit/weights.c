/* Weights of a SiT: which tensors it has, and how they reach the device. */
#include <stdio.h>
#include <stdlib.h>

#include "nets/sit/sit_private.h"

static tr_status load_block(tr_ctx *ctx, const tr_sit *net, tr_weight_source *source, int index,
                            tr_sit_block *block) {
  int64_t d = net->config.hidden, mlp = net->config.mlp_hidden;
  const struct {
    const char *name;
    int64_t out, in;
    tr_layer *layer;
  } layers[] = {{"adaLN_modulation.1", 6 * d, d, &block->modulation},
                {"attn.qkv", 3 * d, d, &block->qkv},
                {"attn.proj", d, d, &block->proj},
                {"mlp.fc1", mlp, d, &block->fc1},
                {"mlp.fc2", d, mlp, &block->fc2}};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    char name[48];
    snprintf(name, sizeof name, "blocks.%d.%s", index, layers[i].name);
    TR_TRY(tr_layer_load(ctx, net->dtype, source, name, layers[i].out, layers[i].in, layers[i].layer));
  }
  return TR_OK;
}

tr_status tr_sit_load(tr_ctx *ctx, tr_sit *net, tr_weight_source *source) {
  const tr_sit_config *c = &net->config;
  int64_t d = c->hidden, area = (int64_t)c->patch * c->patch;
  int64_t classes = c->num_classes + (c->null_class >= 0 ? 1 : 0);
  TR_TRY(tr_layer_load(ctx, net->dtype, source, "x_embedder.proj", d, c->channels * area, &net->patch));
  TR_TRY(tr_layer_load(ctx, net->dtype, source, "t_embedder.mlp.0", d, c->time_frequencies, &net->time1));
  TR_TRY(tr_layer_load(ctx, net->dtype, source, "t_embedder.mlp.2", d, d, &net->time2));
  TR_TRY(
      tr_weight_load(ctx, net->dtype, source, "pos_embed", 2, (int64_t[]){net->tokens, d}, &net->position));
  TR_TRY(tr_weight_load(ctx, net->dtype, source, TR_SIT_LABELS, 2, (int64_t[]){classes, d}, &net->labels));
  net->blocks = calloc((size_t)c->depth, sizeof *net->blocks);
  if (!net->blocks) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d blocks", c->depth);
  for (int i = 0; i < c->depth; i++) TR_TRY(load_block(ctx, net, source, i, &net->blocks[i]));
  TR_TRY(tr_layer_load(ctx, net->dtype, source, "final_layer.adaLN_modulation.1", 2 * d, d,
                       &net->final_modulation));
  return tr_layer_load(ctx, net->dtype, source, "final_layer.linear", area * c->out_channels, d, &net->final);
}

enum { LAYERS = 5, BLOCK_LAYERS = 5 }; /* outside the blocks; in each */

int tr_sit_n_parameters(const tr_drift *drift) {
  const tr_sit *net = drift->impl;
  return 2 * (LAYERS + BLOCK_LAYERS * net->config.depth) + 1;
}

/* Those whose weight is a matrix. */
static tr_status list_layers(int count, tr_layer *const *layers, tr_net_param *params, int *n) {
  for (int i = 0; i < count; i++) TR_TRY(tr_layer_list_matrix(layers[i], params, n));
  return TR_OK;
}

tr_status tr_sit_list_parameters(tr_drift *drift, tr_net_param *params) {
  tr_sit *net = drift->impl;
  const tr_sit_config *c = &net->config;
  const int64_t patch[] = {c->hidden, c->channels, c->patch, c->patch};
  int n = 0;
  TR_TRY(tr_layer_list(&net->patch, 4, patch, params, &n));
  TR_TRY(list_layers(2, (tr_layer *const[]){&net->time1, &net->time2}, params, &n));
  net->label_parameter = n++;
  params[net->label_parameter].name = TR_SIT_LABELS;
  TR_TRY(tr_array_like(net->labels, &params[net->label_parameter].gradient));
  for (int i = 0; i < c->depth; i++) {
    tr_sit_block *b = &net->blocks[i];
    tr_layer *const layers[BLOCK_LAYERS] = {&b->qkv, &b->proj, &b->fc1, &b->fc2, &b->modulation};
    TR_TRY(list_layers(BLOCK_LAYERS, layers, params, &n));
  }
  return list_layers(2, (tr_layer *const[]){&net->final, &net->final_modulation}, params, &n);
}

void tr_sit_clear(tr_sit *net) {
  tr_layer *const layers[] = {&net->patch, &net->time1, &net->time2, &net->final_modulation, &net->final};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) tr_layer_clear(layers[i]);
  for (int i = 0; net->blocks && i < net->config.depth; i++) {
    tr_sit_block *b = &net->blocks[i];
    tr_layer *const inner[] = {&b->modulation, &b->qkv, &b->proj, &b->fc1, &b->fc2};
    for (size_t k = 0; k < sizeof inner / sizeof *inner; k++) tr_layer_clear(inner[k]);
  }
  free(net->blocks);
  tr_array_destroy(&net->position);
  tr_array_destroy(&net->labels);
  tr_conditions_clear(&net->conditions);
  tr_sit_work_clear(&net->work);
  tr_sit_back_work_clear(&net->back);
  tr_sit_jvp_work_clear(&net->tangent);
}
