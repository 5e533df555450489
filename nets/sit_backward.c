/* The backward pass of a SiT: the gradient of w' f with respect to the latents. A batch goes group by group:
 * the forward of a group keeps what each block was given, the backward walks the blocks from the last, makes
 * the inputs of a block's layers again and sends the gradient of the residual stream through them. A row's
 * result never depends on the cut into groups. Gradients of the parameters belong where a layer's input and
 * the gradient behind it meet (back_mlp, back_attention). */
#include <stdlib.h>

#include "nets/sit_private.h"

void tr_sit_back_work_clear(tr_sit_back_work *work) {
  for (int i = 0; i < TR_SIT_BACK_BUFFERS; i++) tr_array_destroy(&work->buffer[i]);
  work->group = 0;
}

static tr_status provide_back_work(tr_ctx *ctx, tr_sit *net, int64_t group) {
  if (group <= net->back.group) return TR_OK;
  int64_t d = net->config.hidden, depth = net->config.depth, rows = group * net->tokens;
  const int64_t shape[TR_SIT_BACK_BUFFERS][2] = {
      [TR_SIT_KEPT] = {(depth + 1) * rows, d},
      [TR_SIT_KEPT_MOD] = {depth * group, 6 * d},
      [TR_SIT_KEPT_LAST_MOD] = {group, 2 * d},
      [TR_SIT_GRADIENT] = {rows, d},
      [TR_SIT_MIDDLE] = {rows, d},
      [TR_SIT_QKV] = {rows, 3 * d},
      [TR_SIT_MLP] = {rows, net->config.mlp_hidden},
  };
  tr_sit_back_work_clear(&net->back);
  for (int i = 0; i < TR_SIT_BACK_BUFFERS; i++)
    TR_TRY(tr_array_create(ctx, net->dtype, 2, shape[i], &net->back.buffer[i]));
  net->back.group = group;
  return TR_OK;
}

static tr_status provide_transposed(tr_sit_linear *layer) {
  return layer->back.packed ? TR_OK : tr_nn_pack_transposed(&layer->w, &layer->back);
}

/* Of the layers between the latents and the result; the conditioning does not see the latents. */
static tr_status provide_all_transposed(tr_sit *net) {
  TR_TRY(provide_transposed(&net->patch));
  TR_TRY(provide_transposed(&net->final));
  for (int i = 0; i < net->config.depth; i++) {
    tr_sit_block *block = &net->blocks[i];
    tr_sit_linear *const layers[] = {&block->qkv, &block->proj, &block->fc1, &block->fc2};
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++) TR_TRY(provide_transposed(layers[k]));
  }
  return TR_OK;
}

/* One group on its way through the network. */
typedef struct {
  const tr_sit *net;
  int64_t samples, rows, conditions; /* rows of tokens; 1 condition for all or one a sample */
} back_group;

static tr_array work(const back_group *g, int buffer, int64_t cols) {
  return tr_sit_matrix(g->net->work.buffer[buffer], g->rows, cols);
}

static tr_array back_work(const back_group *g, int buffer, int64_t cols) {
  return tr_sit_matrix(g->net->back.buffer[buffer], g->rows, cols);
}

/* What block `i` was given; i = depth: what the last one gave. */
static tr_array kept(const back_group *g, int i) {
  return tr_sit_leading(g->net->back.buffer[TR_SIT_KEPT], i * g->rows, g->rows);
}

static tr_array kept_mod(const back_group *g, int i) {
  return tr_sit_leading(g->net->back.buffer[TR_SIT_KEPT_MOD], i * g->conditions, g->conditions);
}

static tr_array last_mod(const back_group *g) {
  return tr_sit_leading(g->net->back.buffer[TR_SIT_KEPT_LAST_MOD], 0, g->conditions);
}

/* The forward of tr_sit_forward, with what the backward needs kept. */
static tr_status forward_group(const back_group *g, tr_times times, const int32_t *labels, const tr_array *x,
                               tr_array *f) {
  const tr_sit *net = g->net;
  tr_array condition = tr_sit_matrix(net->work.buffer[TR_SIT_CONDITION], g->conditions, net->config.hidden);
  tr_array tokens = kept(g, 0), final_mod = last_mod(g);
  TR_TRY(tr_sit_condition(net, times, labels, &condition));
  TR_TRY(tr_sit_embed(net, x, &tokens));
  for (int i = 0; i < net->config.depth; i++) {
    tr_array next = kept(g, i + 1), mod = kept_mod(g, i);
    TR_TRY(tr_sit_apply(&condition, &net->blocks[i].modulation, TR_NN_IDENTITY, &mod));
    TR_TRY(tr_array_copy(&tokens, &next));
    TR_TRY(tr_sit_run_block(net, &net->blocks[i], &mod, g->samples, &next));
    tokens = next;
  }
  TR_TRY(tr_sit_apply(&condition, &net->final_modulation, TR_NN_IDENTITY, &final_mod));
  return tr_sit_finish(net, &final_mod, &tokens, f);
}

/* dx = dy W */
static tr_status back_linear(const tr_array *dy, const tr_sit_linear *layer, tr_array *dx) {
  return tr_nn_linear(&(tr_nn_linear_args){.x = dy, .w = &layer->back, .y = dx});
}

/* gradient = residual + what comes back through the norm at x */
static tr_status back_norm(const tr_array *x, const tr_array *mod, int64_t scale, const tr_array *dy,
                           const tr_array *residual, tr_array *gradient) {
  return tr_nn_norm_backward(&(tr_nn_norm_backward_args){
      .x = x, .scale = {mod, scale}, .eps = TR_SIT_NORM_EPS, .dy = dy, .residual = residual, .dx = gradient});
}

/* The inputs of a block's layers again: QKV, MIDDLE and MLP. */
static tr_status recompute_block(const back_group *g, const tr_sit_block *block, const tr_array *mod,
                                 const tr_array *tokens) {
  const tr_sit_config *c = &g->net->config;
  int64_t d = c->hidden;
  tr_array hidden = work(g, TR_SIT_HIDDEN, d), middle = back_work(g, TR_SIT_MIDDLE, d);
  tr_array qkv = back_work(g, TR_SIT_QKV, 3 * d), mlp = back_work(g, TR_SIT_MLP, c->mlp_hidden);
  TR_TRY(tr_sit_norm(tokens, mod, 0, d, &hidden));
  TR_TRY(tr_sit_apply(&hidden, &block->qkv, TR_NN_IDENTITY, &qkv));
  TR_TRY(tr_nn_attention(&qkv, g->samples, c->heads, &hidden));
  TR_TRY(tr_sit_apply_gated(&hidden, &block->proj, (tr_nn_columns){mod, 2 * d}, tokens, &middle));
  TR_TRY(tr_sit_norm(&middle, mod, 3 * d, 4 * d, &hidden));
  return tr_sit_apply(&hidden, &block->fc1, TR_NN_IDENTITY, &mlp);
}

/* Through tokens = middle + gate fc2(gelu(fc1(norm(middle)))). */
static tr_status back_mlp(const back_group *g, const tr_sit_block *block, const tr_array *mod,
                          tr_array *gradient) {
  const tr_sit_config *c = &g->net->config;
  int64_t d = c->hidden;
  tr_array hidden = work(g, TR_SIT_HIDDEN, d), wide = work(g, TR_SIT_WIDE, c->mlp_hidden);
  tr_array middle = back_work(g, TR_SIT_MIDDLE, d), mlp = back_work(g, TR_SIT_MLP, c->mlp_hidden);
  TR_TRY(tr_nn_gate(gradient, (tr_nn_columns){mod, 5 * d}, &hidden));
  TR_TRY(back_linear(&hidden, &block->fc2, &wide));
  TR_TRY(tr_nn_activation_backward(TR_NN_GELU_TANH, &mlp, &wide, &wide));
  TR_TRY(back_linear(&wide, &block->fc1, &hidden));
  return back_norm(&middle, mod, 4 * d, &hidden, gradient, gradient);
}

/* Through middle = tokens + gate proj(attention(qkv(norm(tokens)))); MIDDLE is free by now. */
static tr_status back_attention(const back_group *g, const tr_sit_block *block, const tr_array *mod,
                                const tr_array *tokens, tr_array *gradient) {
  int64_t d = g->net->config.hidden;
  tr_array hidden = work(g, TR_SIT_HIDDEN, d), wide = work(g, TR_SIT_WIDE, 3 * d);
  tr_array mixed = back_work(g, TR_SIT_MIDDLE, d), qkv = back_work(g, TR_SIT_QKV, 3 * d);
  TR_TRY(tr_nn_gate(gradient, (tr_nn_columns){mod, 2 * d}, &hidden));
  TR_TRY(back_linear(&hidden, &block->proj, &mixed));
  TR_TRY(tr_nn_attention_backward(&qkv, g->samples, g->net->config.heads, &mixed, &wide));
  TR_TRY(back_linear(&wide, &block->qkv, &hidden));
  return back_norm(tokens, mod, d, &hidden, gradient, gradient);
}

static tr_status back_final(const back_group *g, const tr_array *w, tr_array *gradient) {
  const tr_sit *net = g->net;
  int64_t d = net->config.hidden;
  tr_array hidden = work(g, TR_SIT_HIDDEN, d), patches = work(g, TR_SIT_WIDE, net->final.w.out);
  tr_array tokens = kept(g, net->config.depth), mod = last_mod(g);
  TR_TRY(tr_nn_unpatchify_adjoint(w, net->config.patch, &patches));
  TR_TRY(back_linear(&patches, &net->final, &hidden));
  return back_norm(&tokens, &mod, d, &hidden, NULL, gradient);
}

static tr_status backward_group(const back_group *g, const tr_array *w, tr_array *wJ) {
  const tr_sit *net = g->net;
  tr_array gradient = back_work(g, TR_SIT_GRADIENT, net->config.hidden);
  tr_array patches = work(g, TR_SIT_WIDE, net->patch.w.in);
  TR_TRY(back_final(g, w, &gradient));
  for (int i = net->config.depth - 1; i >= 0; i--) {
    const tr_sit_block *block = &net->blocks[i];
    tr_array tokens = kept(g, i), mod = kept_mod(g, i);
    TR_TRY(recompute_block(g, block, &mod, &tokens));
    TR_TRY(back_mlp(g, block, &mod, &gradient));
    TR_TRY(back_attention(g, block, &mod, &tokens, &gradient));
  }
  TR_TRY(back_linear(&gradient, &net->patch, &patches));
  return tr_nn_patchify_adjoint(&patches, net->config.patch, wJ);
}

tr_status tr_sit_backward(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                          const tr_array *w, tr_array *f, tr_array *wJ) {
  int64_t samples = x->shape[0];
  if (samples == 0) return TR_OK;
  int64_t group = tr_sit_group(ctx, net, samples);
  TR_TRY(provide_all_transposed(net));
  TR_TRY(tr_sit_provide_work(ctx, net, group, group));
  TR_TRY(provide_back_work(ctx, net, group));
  int32_t *row_labels;
  TR_TRY(tr_sit_row_labels(ctx, labels, samples, &row_labels));
  tr_status status = TR_OK;
  for (int64_t first = 0; first < samples && status == TR_OK; first += group) {
    int64_t n = samples - first < group ? samples - first : group;
    back_group g = {net, n, n * net->tokens, times.n == 1 && labels->n == 1 ? 1 : n};
    tr_array x_part = tr_sit_leading(x, first, n), w_part = tr_sit_leading(w, first, n);
    tr_array f_part = tr_sit_leading(f, first, n), wJ_part = tr_sit_leading(wJ, first, n);
    tr_times part_times = {times.n == 1 ? 1 : n, times.n == 1 ? times.t : times.t + first};
    status = forward_group(&g, part_times, row_labels + first, &x_part, &f_part);
    if (status == TR_OK) status = backward_group(&g, &w_part, &wJ_part);
  }
  free(row_labels);
  return status;
}
