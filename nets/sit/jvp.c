/* The Jacobian-vector product of a SiT by forward mode: the tangent of the residual stream goes through the
 * network beside it, group by group. The conditioning does not see the latents, so it has no tangent. A row's
 * result never depends on the cut into groups. */
#include "nets/sit/sit_private.h"

void tr_sit_jvp_work_clear(tr_sit_jvp_work *work) {
  for (int i = 0; i < TR_SIT_JVP_BUFFERS; i++) tr_array_destroy(&work->buffer[i]);
  work->group = 0;
}

static tr_status provide_jvp_work(tr_ctx *ctx, tr_sit *net, int64_t group) {
  if (group <= net->tangent.group) return TR_OK;
  int64_t rows = group * net->tokens;
  const int64_t d = net->config.hidden;
  const struct {
    tr_dtype dtype;
    int64_t columns;
  } of[TR_SIT_JVP_BUFFERS] = {
      [TR_SIT_JVP] = {net->dtype, d},
      [TR_SIT_JVP_HIDDEN] = {net->product_dtype, d},
      [TR_SIT_JVP_WIDE] = {net->product_dtype, tr_sit_widest(&net->config)},
      [TR_SIT_JVP_PATCHES] = {net->dtype, tr_sit_patch_columns(&net->config)},
  };
  tr_sit_jvp_work_clear(&net->tangent);
  for (int i = 0; i < TR_SIT_JVP_BUFFERS; i++)
    TR_TRY(tr_array_create(ctx, of[i].dtype, 2, (int64_t[]){rows, of[i].columns}, &net->tangent.buffer[i]));
  net->tangent.group = group;
  return TR_OK;
}

/* One group on its way: the residual stream and its tangent. */
typedef struct {
  const tr_sit *net;
  int64_t samples, rows;
  tr_array tokens, tangent;
} stream;

static tr_array work(const stream *s, int buffer, int64_t cols) {
  return tr_net_matrix(s->net->work.buffer[buffer], s->rows, cols);
}

static tr_array jvp_work(const stream *s, int buffer, int64_t cols) {
  return tr_net_matrix(s->net->tangent.buffer[buffer], s->rows, cols);
}

/* tangent += gate (v W^T) */
static tr_status push_gated(const tr_array *v, const tr_layer *layer, tr_nn_columns gate, tr_array *tangent) {
  return tr_nn_linear(
      &(tr_nn_linear_args){.x = v, .w = layer->w, .gate = gate, .residual = tangent, .y = tangent});
}

static tr_status push_norm(const stream *s, const tr_array *mod, int64_t scale, tr_array *y) {
  return tr_nn_norm_jvp(&(tr_nn_norm_jvp_args){
      .x = &s->tokens, .scale = {mod, scale}, .eps = TR_SIT_NORM_EPS, .v = &s->tangent, .y = y});
}

static tr_status push_attention(stream *s, const tr_sit_block *block, const tr_array *mod) {
  int64_t d = s->net->config.hidden;
  int heads = s->net->config.heads;
  const tr_nn_columns gate = {mod, 2 * d};
  tr_array hidden = work(s, TR_SIT_HIDDEN, d), qkv = work(s, TR_SIT_WIDE, 3 * d);
  tr_array dhidden = jvp_work(s, TR_SIT_JVP_HIDDEN, d);
  tr_array dqkv = jvp_work(s, TR_SIT_JVP_WIDE, 3 * d);
  TR_TRY(push_norm(s, mod, d, &dhidden));
  TR_TRY(tr_sit_norm(&s->tokens, mod, 0, d, &hidden));
  TR_TRY(tr_layer_jvp(&dhidden, block->qkv, &dqkv));
  TR_TRY(tr_layer_apply(&hidden, block->qkv, TR_NN_IDENTITY, &qkv));
  TR_TRY(tr_nn_attention_jvp(&(tr_nn_attention_jvp_args){.qkv = &qkv,
                                                         .v = &dqkv,
                                                         .samples = s->samples,
                                                         .heads = heads,
                                                         .products = s->net->products,
                                                         .y = &dhidden,
                                                         .value = &hidden}));
  TR_TRY(push_gated(&dhidden, block->proj, gate, &s->tangent));
  return tr_sit_apply_gated(&hidden, block->proj, gate, &s->tokens, &s->tokens);
}

static tr_status push_mlp(stream *s, const tr_sit_block *block, const tr_array *mod) {
  const tr_sit_config *c = &s->net->config;
  int64_t d = c->hidden;
  const tr_nn_columns gate = {mod, 5 * d};
  tr_array hidden = work(s, TR_SIT_HIDDEN, d), mlp = work(s, TR_SIT_WIDE, c->mlp_hidden);
  tr_array dhidden = jvp_work(s, TR_SIT_JVP_HIDDEN, d);
  tr_array dmlp = jvp_work(s, TR_SIT_JVP_WIDE, c->mlp_hidden);
  TR_TRY(push_norm(s, mod, 4 * d, &dhidden));
  TR_TRY(tr_sit_norm(&s->tokens, mod, 3 * d, 4 * d, &hidden));
  TR_TRY(tr_layer_jvp(&dhidden, block->fc1, &dmlp));
  TR_TRY(tr_layer_apply(&hidden, block->fc1, TR_NN_IDENTITY, &mlp));
  TR_TRY(tr_net_slope(TR_NN_GELU_TANH, &mlp, &dmlp));
  TR_TRY(tr_net_activate(TR_NN_GELU_TANH, &mlp, &mlp));
  TR_TRY(push_gated(&dmlp, block->fc2, gate, &s->tangent));
  return tr_sit_apply_gated(&mlp, block->fc2, gate, &s->tokens, &s->tokens);
}

static tr_status push_embed(stream *s, const tr_array *x, const tr_array *v) {
  const tr_sit *net = s->net;
  tr_array patches = jvp_work(s, TR_SIT_JVP_PATCHES, tr_layer_in(net->patch));
  TR_TRY(tr_sit_embed(net, x, &s->tokens));
  TR_TRY(tr_sit_cut(net, v, &patches));
  return tr_layer_jvp(&patches, net->patch, &s->tangent);
}

static tr_status push_final(const stream *s, const tr_array *mod, tr_array *Jv) {
  const tr_sit *net = s->net;
  int64_t d = net->config.hidden;
  tr_array dhidden = jvp_work(s, TR_SIT_JVP_HIDDEN, d);
  tr_array patches = jvp_work(s, TR_SIT_JVP_PATCHES, tr_layer_out(net->final));
  TR_TRY(push_norm(s, mod, d, &dhidden));
  TR_TRY(tr_layer_jvp(&dhidden, net->final, &patches));
  return tr_sit_join(net, &patches, Jv);
}

/* A group of samples, from `first` on; see run in forward.c. */
typedef struct {
  int64_t first, n_times, n_conditions;
  double t;
} place;

static tr_status push_group(const tr_sit *net, const place *at, const tr_array *x, const tr_array *v,
                            tr_array *Jv) {
  const int64_t conditions = at->n_conditions;
  int64_t samples = x->shape[0], d = net->config.hidden;
  stream s = {.net = net, .samples = samples, .rows = samples * net->tokens};
  s.tokens = work(&s, TR_SIT_TOKENS, d), s.tangent = jvp_work(&s, TR_SIT_JVP, d);
  tr_array condition = tr_net_matrix(net->work.buffer[TR_SIT_CONDITION], conditions, d);
  tr_array mod = tr_net_matrix(net->work.buffer[TR_SIT_MODULATION], conditions, 6 * d);
  tr_array last_mod = tr_net_matrix(net->work.buffer[TR_SIT_MODULATION], conditions, 2 * d);
  TR_TRY(tr_sit_condition(net, at->first, at->n_times, &condition));
  TR_TRY(push_embed(&s, x, v));
  for (int i = 0; i < net->config.depth; i++) {
    TR_TRY(tr_ctx_check_interrupt(x->ctx, at->t));
    TR_TRY(tr_layer_apply(&condition, net->blocks[i].modulation, TR_NN_IDENTITY, &mod));
    TR_TRY(push_attention(&s, &net->blocks[i], &mod));
    TR_TRY(push_mlp(&s, &net->blocks[i], &mod));
  }
  TR_TRY(tr_layer_apply(&condition, net->final_modulation, TR_NN_IDENTITY, &last_mod));
  return push_final(&s, &last_mod, Jv);
}

tr_status tr_sit_jvp(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                     const tr_array *v, tr_array *Jv) {
  int64_t samples = x->shape[0];
  if (samples == 0) return TR_OK;
  int64_t group = tr_sit_group(ctx, net, samples, true);
  TR_TRY(tr_sit_provide_work(ctx, net, group, group));
  TR_TRY(provide_jvp_work(ctx, net, group));
  TR_TRY(tr_conditions_set(ctx, &net->conditions, times, labels));
  for (int64_t first = 0; first < samples; first += group) {
    int64_t n = samples - first < group ? samples - first : group;
    tr_array x_part = tr_rows(x, first, n), v_part = tr_rows(v, first, n);
    tr_array Jv_part = tr_rows(Jv, first, n);
    const place at = {.first = first,
                      .n_times = times.n == 1 ? 1 : n,
                      .n_conditions = times.n == 1 && labels->n == 1 ? 1 : n,
                      .t = times.t[times.n == 1 ? 0 : first]};
    TR_TRY(push_group(net, &at, &x_part, &v_part, &Jv_part));
  }
  return TR_OK;
}
