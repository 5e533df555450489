/* The backward pass of a SiT: the gradient of w' f with respect to the latents, for one or several w, also in
 * passes whose w are made of what the pass before gave. A batch goes group by group: the forward of a group
 * keeps what each block was given (and the inputs of its layers, unless these are recomputed), the backward
 * walks the blocks from the last and sends the gradients of the residual stream through them, `part` probes
 * at a time; where the gradients of all probes would take too much memory, it walks several times. A row's
 * result never depends on the cuts. Gradients of the parameters are added where a layer's input and the
 * gradient behind it meet, of one probe; inputs of layers behind norms and activations are made again there
 * (find_..., add_...). For these, what gated layers gave is kept too.
 */
#include <string.h>

#include "nets/sit/sit_private.h"

#define GRADIENT_BYTES ((int64_t)64 << 20) /* of the residual stream, all probes that go back together */

void tr_sit_back_work_clear(tr_sit_back_work *work) {
  for (int i = 0; i < TR_SIT_BACK_BUFFERS; i++) tr_array_destroy(&work->buffer[i]);
  *work = (tr_sit_back_work){0};
}

/* One group on its way through the network. */
typedef struct {
  const tr_sit *net;
  int64_t samples, rows, conditions; /* rows of tokens; 1 condition for all or one a sample */
  int64_t most;                      /* gradients behind a row, or the most of them that go back together */
  int64_t probes, part;              /* those under way; of these, how many at a time in a block */
  const tr_array *x;
  int64_t first, n_times;        /* samples begin there; rows of their time MLP */
  double t;                      /* of the first, to be named */
  const tr_net_gradient *params; /* NULL: their gradients are not wanted */
  const tr_net_request *last;    /* of the group behind which no other adds to them; else NULL */
} back_group;

/* The type of a buffer, see TR_SIT_KEPT ... */
static tr_dtype type_of(const tr_sit *net, int buffer) {
  const bool products = buffer == TR_SIT_QKV || buffer == TR_SIT_ATTENDED || buffer == TR_SIT_MLP ||
                        buffer == TR_SIT_BACK_GATED || buffer == TR_SIT_BACK_MIXED ||
                        buffer == TR_SIT_BACK_WIDE;
  return products ? net->product_dtype : net->dtype;
}

static int64_t slots(const tr_sit *net) {
  return net->recompute ? 1 : net->config.depth;
}

/* For groups up to this one; result, covector: whether they have to be kept here. */
static tr_status provide_back_work(tr_ctx *ctx, tr_sit *net, const back_group *g, bool result,
                                   bool covector) {
  int64_t d = net->config.hidden, depth = net->config.depth, rows = g->rows, kept = slots(net) * rows;
  int64_t part = g->part * rows, conditions = g->params ? g->samples : 0, gave = g->params ? kept * d : 0;
  int64_t state = g->samples * (g->x->count / g->x->shape[0]);
  const int64_t elements[TR_SIT_BACK_BUFFERS] = {
      [TR_SIT_KEPT] = (depth + 1) * rows * d,
      [TR_SIT_KEPT_MOD] = depth * g->samples * 6 * d,
      [TR_SIT_KEPT_LAST_MOD] = g->samples * 2 * d,
      [TR_SIT_QKV] = kept * 3 * d,
      [TR_SIT_ATTENDED] = kept * d,
      [TR_SIT_STATS] = net->keeps_stats ? kept * net->config.heads : 0,
      [TR_SIT_MIDDLE] = kept * d,
      [TR_SIT_MLP] = kept * net->config.mlp_hidden,
      [TR_SIT_GRADIENT] = g->most * rows * d,
      [TR_SIT_BACK_HIDDEN] = part * d,
      [TR_SIT_BACK_GATED] = part * d,
      [TR_SIT_BACK_MIXED] = part * d,
      [TR_SIT_BACK_WIDE] = part * tr_sit_widest(&net->config),
      [TR_SIT_PROJECTED] = gave,
      [TR_SIT_MLP_GAVE] = gave,
      [TR_SIT_BACK_MOD] = conditions * 6 * d,
      [TR_SIT_BACK_CONDITION] = conditions * d,
      [TR_SIT_BACK_TIME2] = conditions * d,
      [TR_SIT_BACK_TIME1] = conditions * d,
      [TR_SIT_RESULT] = result ? state : 0,
      [TR_SIT_COVECTOR] = covector ? state : 0,
  };
  tr_sit_back_work *work = &net->back;
  for (int i = 0; i < TR_SIT_BACK_BUFFERS; i++) {
    if (elements[i] <= work->elements[i]) continue;
    tr_array_destroy(&work->buffer[i]);
    work->elements[i] = 0;
    TR_TRY(tr_array_create(ctx, type_of(net, i), 2, (int64_t[]){1, elements[i]}, &work->buffer[i]));
    work->elements[i] = elements[i];
  }
  return TR_OK;
}

static tr_array work(const back_group *g, int buffer, int64_t cols) {
  return tr_net_matrix(g->net->work.buffer[buffer], g->rows, cols);
}

/* Rows first .. first + rows - 1 of a buffer as a matrix of `cols` columns. */
static tr_array back_rows(const back_group *g, int buffer, int64_t first, int64_t rows, int64_t cols) {
  tr_array whole = tr_net_matrix(g->net->back.buffer[buffer], first + rows, cols);
  return tr_rows(&whole, first, rows);
}

/* What block `i` was given; i = depth: what the last one gave. */
static tr_array kept(const back_group *g, int i) {
  return back_rows(g, TR_SIT_KEPT, i * g->rows, g->rows, g->net->config.hidden);
}

static tr_array kept_mod(const back_group *g, int i) {
  return back_rows(g, TR_SIT_KEPT_MOD, i * g->conditions, g->conditions, 6 * (int64_t)g->net->config.hidden);
}

static tr_array last_mod(const back_group *g) {
  return back_rows(g, TR_SIT_KEPT_LAST_MOD, 0, g->conditions, 2 * (int64_t)g->net->config.hidden);
}

/* Gradients of the residual stream for the probes from `first` on. */
static tr_array gradients(const back_group *g, int64_t first, int64_t probes) {
  return back_rows(g, TR_SIT_GRADIENT, first * g->rows, probes * g->rows, g->net->config.hidden);
}

/* A block on its way back: what its layers were given. */
typedef struct {
  const tr_sit_block *layers;
  tr_array mod, tokens;                /* what it was given */
  tr_array qkv, attended, middle, mlp; /* see TR_SIT_QKV ... */
  tr_array stats;                      /* see TR_SIT_STATS; empty: none */
  tr_array projected, mlp_gave;        /* see TR_SIT_PROJECTED ...; without gradients of parameters empty */
} block_inputs;

static block_inputs inputs_of(const back_group *g, int i) {
  const tr_sit_config *c = &g->net->config;
  int64_t d = c->hidden, first = g->net->recompute ? 0 : i * g->rows;
  block_inputs b = {.layers = &g->net->blocks[i],
                    .mod = kept_mod(g, i),
                    .tokens = kept(g, i),
                    .qkv = back_rows(g, TR_SIT_QKV, first, g->rows, 3 * d),
                    .attended = back_rows(g, TR_SIT_ATTENDED, first, g->rows, d),
                    .middle = back_rows(g, TR_SIT_MIDDLE, first, g->rows, d),
                    .mlp = back_rows(g, TR_SIT_MLP, first, g->rows, c->mlp_hidden)};
  const int64_t rows = g->samples * c->heads;
  if (g->net->keeps_stats)
    b.stats = back_rows(g, TR_SIT_STATS, g->net->recompute ? 0 : i * rows, rows, g->net->tokens);
  if (!g->params) return b;
  b.projected = back_rows(g, TR_SIT_PROJECTED, first, g->rows, d);
  b.mlp_gave = back_rows(g, TR_SIT_MLP_GAVE, first, g->rows, d);
  return b;
}

static tr_array *stats_of(const block_inputs *b) {
  return b->stats.data ? (tr_array *)&b->stats : NULL;
}

/* y = residual + gate (x W^T + b), and `gave` is what the layer gave: for gradients of parameters. */
static tr_status apply_kept(const tr_array *x, const tr_layer *layer, tr_nn_columns gate,
                            const tr_array *residual, tr_array *gave, tr_array *y) {
  TR_TRY(tr_layer_apply(x, layer, TR_NN_IDENTITY, gave));
  return tr_nn_gate(&(tr_nn_gate_args){.x = gave, .gate = gate, .residual = residual, .y = y});
}

/* The residual stream between attention and MLP, and what the MLP is given of it. */
static tr_status make_middle(const back_group *g, block_inputs *b, tr_array *hidden) {
  int64_t d = g->net->config.hidden;
  const tr_nn_columns gate = {&b->mod, 2 * d};
  if (!g->params)
    return tr_sit_apply_normed(&b->attended, b->layers->proj, gate, &b->tokens, &b->middle,
                               (tr_nn_columns){&b->mod, 3 * d}, hidden);
  TR_TRY(apply_kept(&b->attended, b->layers->proj, gate, &b->tokens, &b->projected, &b->middle));
  return tr_sit_norm(&b->middle, &b->mod, 3 * d, 4 * d, hidden);
}

/* What the layers of a block are given, but for the last: activated (NULL: not wanted). */
static tr_status make_inputs(const back_group *g, block_inputs *b, tr_array *activated) {
  const tr_sit_config *c = &g->net->config;
  int64_t d = c->hidden;
  tr_array hidden = work(g, TR_SIT_HIDDEN, d);
  TR_TRY(tr_sit_norm(&b->tokens, &b->mod, 0, d, &hidden));
  TR_TRY(tr_layer_apply(&hidden, b->layers->qkv, TR_NN_IDENTITY, &b->qkv));
  TR_TRY(tr_nn_attention(&(tr_nn_attention_args){.qkv = &b->qkv,
                                                 .samples = g->samples,
                                                 .heads = c->heads,
                                                 .products = g->net->products,
                                                 .y = &b->attended,
                                                 .stats = stats_of(b)}));
  TR_TRY(make_middle(g, b, &hidden));
  const tr_layer *fc1 = b->layers->fc1;
  if (!activated) return tr_layer_apply(&hidden, fc1, TR_NN_IDENTITY, &b->mlp);
  return tr_nn_linear(&(tr_nn_linear_args){.x = &hidden,
                                           .w = fc1->w,
                                           .bias = &fc1->bias,
                                           .activation = TR_NN_GELU_TANH,
                                           .y = activated,
                                           .before = &b->mlp});
}

/* next = what block i makes of what it was given; its inputs are kept, or not. */
static tr_status forward_block(const back_group *g, int i, tr_array *next) {
  const tr_sit *net = g->net;
  block_inputs b = inputs_of(g, i);
  if (net->recompute) {
    TR_TRY(tr_array_copy(&b.tokens, next));
    TR_TRY(tr_sit_first_norm(net, &b.mod, next));
    return tr_sit_run_block(net, b.layers, &b.mod, NULL, g->samples, next);
  }
  tr_array wide = work(g, TR_SIT_WIDE, net->config.mlp_hidden);
  const tr_nn_columns gate = {&b.mod, 5 * (int64_t)net->config.hidden};
  TR_TRY(make_inputs(g, &b, &wide));
  if (g->params) return apply_kept(&wide, b.layers->fc2, gate, &b.middle, &b.mlp_gave, next);
  return tr_sit_apply_gated(&wide, b.layers->fc2, gate, &b.middle, next);
}

/* A buffer of the conditioning as one row of width D a condition. */
static tr_array conditioning(const back_group *g, int buffer) {
  return tr_net_matrix(g->net->work.buffer[buffer], g->conditions, g->net->config.hidden);
}

/* The forward of tr_sit_forward, with what the backward needs kept. */
static tr_status forward_group(const back_group *g, tr_array *f) {
  const tr_sit *net = g->net;
  tr_array condition = conditioning(g, TR_SIT_CONDITION);
  tr_array tokens = kept(g, 0), final_mod = last_mod(g);
  TR_TRY(tr_sit_condition(net, g->first, g->n_times, &condition));
  TR_TRY(tr_sit_embed(net, g->x, &tokens));
  for (int i = 0; i < net->config.depth; i++) {
    tr_array mod = kept_mod(g, i);
    tokens = kept(g, i + 1);
    TR_TRY(tr_ctx_check_interrupt(tokens.ctx, g->t));
    TR_TRY(tr_layer_apply(&condition, net->blocks[i].modulation, TR_NN_IDENTITY, &mod));
    TR_TRY(forward_block(g, i, &tokens));
  }
  TR_TRY(tr_layer_apply(&condition, net->final_modulation, TR_NN_IDENTITY, &final_mod));
  TR_TRY(tr_sit_first_norm(net, &final_mod, &tokens));
  return tr_sit_finish(net, g->rows, f);
}

/* gradient = residual + what comes back through the norm at x */
static tr_status back_norm(const tr_array *x, const tr_array *mod, int64_t scale, const tr_array *dy,
                           const tr_array *residual, tr_array *gradient) {
  return tr_nn_norm_backward(&(tr_nn_norm_backward_args){
      .x = x, .scale = {mod, scale}, .eps = TR_SIT_NORM_EPS, .dy = dy, .residual = residual, .dx = gradient});
}

static tr_array back_conditioning(const back_group *g, int buffer, int64_t cols) {
  return back_rows(g, buffer, 0, g->conditions, cols);
}

/* Of a modulation of `parts` D columns. */
static tr_array modulation_gradient(const back_group *g, int64_t parts) {
  return back_conditioning(g, TR_SIT_BACK_MOD, parts * g->net->config.hidden);
}

static tr_status add_layer(const back_group *g, const tr_layer *layer, const tr_array *x,
                           const tr_array *dy) {
  return tr_layer_add_gradient(layer, x, dy, g->params);
}

/* The same of a layer behind a norm of x. */
static tr_status add_normed_layer(const back_group *g, const tr_layer *layer, const tr_array *x,
                                  const tr_array *mod, int64_t shift, const tr_array *dy, tr_array *normed) {
  TR_TRY(tr_sit_norm(x, mod, shift, shift + g->net->config.hidden, normed));
  return add_layer(g, layer, normed, dy);
}

/* Gradients of the columns of the modulation, one row a sample: what a norm was shifted and scaled by ... */
static tr_status find_norm(const back_group *g, int64_t parts, const tr_array *x, int64_t shift,
                           const tr_array *dy) {
  tr_array dmod = modulation_gradient(g, parts);
  return tr_nn_gradient_of_norm(&(tr_nn_gradient_of_norm_args){.x = x,
                                                               .eps = TR_SIT_NORM_EPS,
                                                               .dy = dy,
                                                               .table = &dmod,
                                                               .shift = shift,
                                                               .scale = shift + g->net->config.hidden});
}

/* ... and what a layer that gave `gave` was gated by. */
static tr_status find_gate(const back_group *g, const tr_array *gave, int64_t gate,
                           const tr_array *gradient) {
  tr_array dmod = modulation_gradient(g, 6);
  return tr_nn_gradient_of_gate(
      &(tr_nn_gradient_of_gate_args){.x = gave, .dy = gradient, .dgate = &dmod, .offset = gate});
}

/* Through a modulation layer; the gradient of the condition is assigned by the first and then added to. */
static tr_status back_modulation(const back_group *g, const tr_layer *layer, bool first,
                                 const tr_array *dmod) {
  tr_array condition = conditioning(g, TR_SIT_CONDITION);
  tr_array gradient = back_conditioning(g, TR_SIT_BACK_CONDITION, g->net->config.hidden);
  TR_TRY(add_layer(g, layer, &condition, dmod));
  return tr_nn_linear(&(tr_nn_linear_args){
      .x = dmod, .w = layer->w, .transposed = true, .residual = first ? NULL : &gradient, .y = &gradient});
}

/* Through silu(time2(silu(time1(embedding))) + label). */
static tr_status back_condition(const back_group *g) {
  const tr_sit *net = g->net;
  int64_t d = net->config.hidden;
  tr_array embedding =
      tr_net_matrix(net->work.buffer[TR_SIT_EMBEDDING], g->conditions, net->config.time_frequencies);
  tr_array inner = conditioning(g, TR_SIT_TIME1), time = conditioning(g, TR_SIT_TIME2);
  tr_array dcondition = back_conditioning(g, TR_SIT_BACK_CONDITION, d);
  tr_array dtime = back_conditioning(g, TR_SIT_BACK_TIME2, d);
  tr_array dinner = back_conditioning(g, TR_SIT_BACK_TIME1, d);
  tr_array labels = tr_conditions_labels(&net->conditions, g->first, g->conditions);
  tr_array dlabels = tr_layer_table_gradient(net->labels, g->params);
  TR_TRY(tr_nn_gradient_of_condition(&(tr_nn_gradient_of_condition_args){.e = &time,
                                                                         .table = &net->labels->table,
                                                                         .labels = &labels,
                                                                         .dy = &dcondition,
                                                                         .de = &dtime,
                                                                         .dtable = &dlabels}));
  TR_TRY(add_layer(g, net->time2, &inner, &dtime));
  TR_TRY(tr_layer_backward(&dtime, net->time2, &dinner));
  TR_TRY(tr_layer_apply(&embedding, net->time1, TR_NN_IDENTITY, &inner));
  TR_TRY(tr_net_slope(TR_NN_SILU, &inner, &dinner));
  return add_layer(g, net->time1, &embedding, &dinner);
}

/* Gradients of some probes inside a block. */
typedef struct {
  int64_t probes;
  tr_array gradient; /* of the residual stream, behind the block and then before it */
  tr_array hidden, gated, mixed, wide;
} probe_part;

static probe_part part_of(const back_group *g, int64_t first) {
  int64_t probes = g->probes - first < g->part ? g->probes - first : g->part, rows = probes * g->rows;
  int64_t d = g->net->config.hidden;
  return (probe_part){.probes = probes,
                      .gradient = gradients(g, first, probes),
                      .hidden = back_rows(g, TR_SIT_BACK_HIDDEN, 0, rows, d),
                      .gated = back_rows(g, TR_SIT_BACK_GATED, 0, rows, d),
                      .mixed = back_rows(g, TR_SIT_BACK_MIXED, 0, rows, d),
                      .wide = back_rows(g, TR_SIT_BACK_WIDE, 0, rows, tr_sit_widest(&g->net->config))};
}

static tr_array wide_of(const probe_part *p, int64_t cols) {
  return tr_net_matrix(&p->wide, p->hidden.shape[0], cols);
}

/* gated = gradient * gate, the gate's rows anew for each probe. */
static tr_status back_gate(const back_group *g, const block_inputs *b, int64_t gate, probe_part *p) {
  for (int64_t r = 0; r < p->probes; r++) {
    tr_array from = tr_rows(&p->gradient, r * g->rows, g->rows);
    tr_array to = tr_rows(&p->gated, r * g->rows, g->rows);
    TR_TRY(tr_nn_gate(&(tr_nn_gate_args){.x = &from, .gate = {&b->mod, gate}, .y = &to}));
  }
  return TR_OK;
}

/* fc2's parameters and gate. */
static tr_status find_fc2(const back_group *g, const block_inputs *b, const probe_part *p) {
  tr_array given = work(g, TR_SIT_WIDE, g->net->config.mlp_hidden), gave = b->mlp_gave;
  TR_TRY(tr_net_activate(TR_NN_GELU_TANH, &b->mlp, &given));
  if (g->net->recompute) TR_TRY(tr_layer_apply(&given, b->layers->fc2, TR_NN_IDENTITY, &gave));
  TR_TRY(find_gate(g, &gave, 5 * (int64_t)g->net->config.hidden, &p->gradient));
  return add_layer(g, b->layers->fc2, &given, &p->gated);
}

/* Through tokens = middle + gate fc2(gelu(fc1(norm(middle)))). */
static tr_status back_mlp(const back_group *g, const block_inputs *b, probe_part *p) {
  int64_t d = g->net->config.hidden;
  tr_array wide = wide_of(p, g->net->config.mlp_hidden), normed = work(g, TR_SIT_HIDDEN, d);
  TR_TRY(back_gate(g, b, 5 * d, p));
  if (g->params) TR_TRY(find_fc2(g, b, p));
  TR_TRY(tr_layer_backward_act(&p->gated, b->layers->fc2, TR_NN_GELU_TANH, &b->mlp, &wide));
  if (g->params) TR_TRY(add_normed_layer(g, b->layers->fc1, &b->middle, &b->mod, 3 * d, &wide, &normed));
  TR_TRY(tr_layer_backward(&wide, b->layers->fc1, &p->hidden));
  if (g->params) TR_TRY(find_norm(g, 6, &b->middle, 3 * d, &p->hidden));
  return back_norm(&b->middle, &b->mod, 4 * d, &p->hidden, &p->gradient, &p->gradient);
}

/* proj's parameters and gate. */
static tr_status find_proj(const back_group *g, const block_inputs *b, const probe_part *p) {
  TR_TRY(find_gate(g, &b->projected, 2 * (int64_t)g->net->config.hidden, &p->gradient));
  return add_layer(g, b->layers->proj, &b->attended, &p->gated);
}

/* Through middle = tokens + gate proj(attention(qkv(norm(tokens)))). */
static tr_status back_attention(const back_group *g, const block_inputs *b, probe_part *p) {
  int64_t d = g->net->config.hidden;
  tr_array wide = wide_of(p, 3 * d), normed = work(g, TR_SIT_HIDDEN, d);
  TR_TRY(back_gate(g, b, 2 * d, p));
  if (g->params) TR_TRY(find_proj(g, b, p));
  TR_TRY(tr_layer_backward(&p->gated, b->layers->proj, &p->mixed));
  TR_TRY(tr_nn_attention_backward(&(tr_nn_attention_backward_args){.qkv = &b->qkv,
                                                                   .samples = g->samples,
                                                                   .heads = g->net->config.heads,
                                                                   .y = stats_of(b) ? &b->attended : NULL,
                                                                   .stats = stats_of(b),
                                                                   .products = g->net->products,
                                                                   .dy = &p->mixed,
                                                                   .dqkv = &wide}));
  if (g->params) TR_TRY(add_normed_layer(g, b->layers->qkv, &b->tokens, &b->mod, 0, &wide, &normed));
  TR_TRY(tr_layer_backward(&wide, b->layers->qkv, &p->hidden));
  if (g->params) TR_TRY(find_norm(g, 6, &b->tokens, 0, &p->hidden));
  return back_norm(&b->tokens, &b->mod, d, &p->hidden, &p->gradient, &p->gradient);
}

static tr_status back_block(const back_group *g, int i) {
  block_inputs b = inputs_of(g, i);
  if (g->net->recompute) TR_TRY(make_inputs(g, &b, NULL));
  for (int64_t first = 0; first < g->probes; first += g->part) {
    probe_part p = part_of(g, first);
    TR_TRY(tr_ctx_check_interrupt(g->x->ctx, g->t));
    TR_TRY(back_mlp(g, &b, &p));
    TR_TRY(back_attention(g, &b, &p));
  }
  if (!g->params) return TR_OK;
  tr_array dmod = modulation_gradient(g, 6);
  return back_modulation(g, b.layers->modulation, false, &dmod);
}

/* Of the final layer, its norm and its modulation: patches is the gradient behind it, hidden that before it.
 */
static tr_status find_final(const back_group *g, const tr_array *tokens, const tr_array *mod,
                            const tr_array *patches, const tr_array *hidden) {
  const tr_sit *net = g->net;
  tr_array normed = work(g, TR_SIT_HIDDEN, net->config.hidden);
  tr_array dmod = modulation_gradient(g, 2);
  TR_TRY(add_normed_layer(g, net->final, tokens, mod, 0, patches, &normed));
  TR_TRY(find_norm(g, 2, tokens, 0, hidden));
  return back_modulation(g, net->final_modulation, true, &dmod);
}

/* One probe through the final layer; w (samples, C, H, W). */
static tr_status back_final(const back_group *g, const tr_array *w, tr_array *gradient) {
  const tr_sit *net = g->net;
  int64_t d = net->config.hidden;
  tr_array hidden = back_rows(g, TR_SIT_BACK_HIDDEN, 0, g->rows, d);
  tr_array patches = work(g, TR_SIT_PATCHES, tr_layer_out(net->final));
  tr_array tokens = kept(g, net->config.depth), mod = last_mod(g);
  TR_TRY(tr_nn_unpatchify_adjoint(
      &(tr_nn_unpatchify_adjoint_args){.latents = w, .patch = net->config.patch, .tokens = &patches}));
  TR_TRY(tr_layer_backward(&patches, net->final, &hidden));
  if (g->params) TR_TRY(find_final(g, &tokens, &mod, &patches, &hidden));
  return back_norm(&tokens, &mod, d, &hidden, NULL, gradient);
}

static tr_status back_embed(const back_group *g, const tr_array *gradient, tr_array *wJ) {
  tr_array patches = work(g, TR_SIT_PATCHES, tr_layer_in(g->net->patch));
  TR_TRY(tr_layer_backward(gradient, g->net->patch, &patches));
  return tr_nn_patchify_adjoint(
      &(tr_nn_patchify_adjoint_args){.tokens = &patches, .patch = g->net->config.patch, .latents = wJ});
}

static tr_status find_embed(const back_group *g, const tr_array *gradient) {
  tr_array patches = work(g, TR_SIT_PATCHES, tr_layer_in(g->net->patch));
  TR_TRY(tr_sit_cut(g->net, g->x, &patches));
  return add_layer(g, g->net->patch, &patches, gradient);
}

/* Probe r of sample n is row r * samples + n of an array of `states` such rows. */
static tr_array probe_rows(const back_group *g, const tr_array *states, int64_t batch, int64_t first,
                           int64_t r) {
  return tr_rows(states, r * batch + first, g->samples);
}

/* The group is samples first ... of w, of `batch` samples a probe; wJ NULL: not wanted. */
static tr_status backward_group(const back_group *g, int64_t first, int64_t batch, const tr_array *w,
                                int64_t product_first, const tr_array *wJ) {
  for (int64_t r = 0; r < g->probes; r++) {
    tr_array gradient = gradients(g, r, 1), part = probe_rows(g, w, batch, first, r);
    TR_TRY(back_final(g, &part, &gradient));
  }
  TR_TRY(tr_net_tell_finished(g->last, g->net->final));
  for (int i = g->net->config.depth - 1; i >= 0; i--) {
    TR_TRY(back_block(g, i));
    TR_TRY(tr_net_tell_finished(g->last, g->net->blocks[i].qkv));
  }
  for (int64_t r = 0; wJ && r < g->probes; r++) {
    tr_array gradient = gradients(g, r, 1), part = probe_rows(g, wJ, batch, product_first, r);
    TR_TRY(back_embed(g, &gradient, &part));
  }
  if (!g->params) return TR_OK;
  tr_array gradient = gradients(g, 0, 1);
  TR_TRY(find_embed(g, &gradient));
  return back_condition(g);
}

/* w as one array of `states` states like the rows of x. */
static tr_array flattened(const tr_array *w, const tr_array *x, int64_t states) {
  int64_t shape[TR_MAX_DIMS];
  memcpy(shape, x->shape, sizeof shape);
  shape[0] = states;
  return tr_view(w, 0, x->ndim, shape);
}

/* As many of at most `probes` at a time as keep the device busy. */
static int64_t part_at_once(tr_ctx *ctx, const tr_sit *net, int64_t rows, int64_t probes) {
  int64_t columns = 3 * (int64_t)net->config.hidden + tr_sit_widest(&net->config);
  int64_t part = tr_nn_rows_at_once(ctx, true, columns * (int64_t)tr_dtype_size(net->dtype)) / rows;
  return part < 1 ? 1 : part > probes ? probes : part;
}

/* As many of at most `probes` as GRADIENT_BYTES holds the gradients of; never none. */
static int64_t probes_at_once(const tr_sit *net, int64_t rows, int64_t probes) {
  int64_t most = GRADIENT_BYTES / (rows * net->config.hidden * (int64_t)tr_dtype_size(net->dtype));
  return most < 1 ? 1 : most > probes ? probes : most;
}

/* One covector a row, made of the result. */
static tr_status run_made(back_group *g, const tr_array *f, int64_t first, int64_t batch,
                          const tr_array *products, const tr_net_request *request) {
  tr_array w = tr_view(g->net->back.buffer[TR_SIT_COVECTOR], 0, g->x->ndim, g->x->shape);
  TR_TRY(request->covector(request->user, first, f, &w));
  g->probes = 1;
  return backward_group(g, 0, batch, &w, first, products);
}

/* All probes of w back, some after the others. */
static tr_status run_given(back_group *g, int64_t first, int64_t batch, int64_t probes, const tr_array *w,
                           const tr_array *products) {
  for (int64_t done = 0; done < probes; done += g->most) {
    g->probes = probes - done < g->most ? probes - done : g->most;
    tr_array part = tr_rows(w, done * batch, g->probes * batch), to;
    if (products) to = tr_rows(products, done * batch, g->probes * batch);
    TR_TRY(backward_group(g, first, batch, &part, first, products ? &to : NULL));
  }
  return TR_OK;
}

/* One pass back. */
static tr_status run_pass(back_group *g, int k, const tr_array *f, int64_t first, int64_t batch,
                          const tr_net_request *request) {
  const tr_drift_passes *passes = request->passes;
  int64_t probes = tr_net_probes(request, batch * (g->x->count / g->samples), k);
  tr_array w, wJ;
  if (passes->wJ[k]) wJ = flattened(passes->wJ[k], g->x, batch * probes);
  const tr_array *products = passes->wJ[k] ? &wJ : NULL;
  if (k) TR_TRY(passes->next(passes->user, k, first, g->samples));
  if (!passes->w[k]) return run_made(g, f, first, batch, products, request);
  w = flattened(passes->w[k], g->x, batch * probes);
  return run_given(g, first, batch, probes, &w, products);
}

/* The group's samples: forward, and back in every pass. */
static tr_status run_group(back_group *g, int64_t batch, const tr_net_request *request) {
  int64_t first = g->first;
  tr_array f = request->f ? tr_rows(request->f, first, g->samples)
                          : tr_view(g->net->back.buffer[TR_SIT_RESULT], 0, g->x->ndim, g->x->shape);
  TR_TRY(forward_group(g, &f));
  for (int k = 0; k < request->passes->n; k++) TR_TRY(run_pass(g, k, &f, first, batch, request));
  return TR_OK;
}

/* Gradients of parameters need a row of conditions a sample, for sums in the order of the samples. */
static tr_status run_groups(back_group *g, int64_t group, tr_times times, const tr_array *x, bool common,
                            const tr_net_request *request) {
  int64_t samples = x->shape[0];
  bool one_time = times.n == 1 && !request->gradient;
  for (int64_t first = 0; first < samples; first += group) {
    int64_t n = samples - first < group ? samples - first : group;
    tr_array part = tr_rows(x, first, n);
    g->first = first, g->samples = n, g->rows = n * g->net->tokens, g->x = &part;
    g->conditions = common && !request->gradient ? 1 : n, g->n_times = one_time ? 1 : n;
    g->t = times.t[times.n == 1 ? 0 : first];
    g->last = first + n == samples ? request : NULL;
    TR_TRY(run_group(g, samples, request));
  }
  return TR_OK;
}

/* A group of x as large as they come, with so many probes a row. */
static back_group whole_group(tr_ctx *ctx, const tr_sit *net, const tr_array *x, int64_t probes) {
  int64_t group = tr_sit_group(ctx, net, x->shape[0], true), rows = group * net->tokens;
  int64_t most = probes_at_once(net, rows, probes);
  return (back_group){.net = net,
                      .samples = group,
                      .rows = rows,
                      .conditions = group,
                      .most = most,
                      .part = part_at_once(ctx, net, rows, most),
                      .x = x};
}

/* For all probes of a pass that go back together, once. */
long tr_sit_repeats(tr_ctx *ctx, const tr_sit *net, const tr_array *x, const tr_net_request *request) {
  const back_group g = whole_group(ctx, net, x, tr_net_most_probes(request, x->count));
  int64_t times = 0;
  for (int k = 0; k < request->passes->n; k++)
    times += (tr_net_probes(request, x->count, k) + g.most - 1) / g.most;
  return (long)times;
}

tr_status tr_sit_reserve_backward(tr_ctx *ctx, tr_sit *net, const tr_array *x, int64_t probes) {
  const back_group g = whole_group(ctx, net, x, probes);
  TR_TRY(tr_sit_provide_work(ctx, net, g.samples, g.samples));
  return provide_back_work(ctx, net, &g, false, false);
}

tr_status tr_sit_backward(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                          const tr_net_request *request) {
  if (x->shape[0] == 0) return TR_OK;
  back_group g = whole_group(ctx, net, x, tr_net_most_probes(request, x->count));
  g.params = request->gradient;
  TR_TRY(tr_sit_provide_work(ctx, net, g.samples, g.samples));
  TR_TRY(provide_back_work(ctx, net, &g, !request->f, request->covector));
  TR_TRY(tr_conditions_set(ctx, &net->conditions, times, labels));
  return run_groups(&g, g.samples, times, x, times.n == 1 && labels->n == 1, request);
}
