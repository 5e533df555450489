/* The forward pass of a SiT. A batch goes in runs of samples that share one pass over the conditioning
 * weights; inside a block a run goes in groups just large enough to keep the device busy, so that what its
 * layers hand to each other stays in the cache and little memory is needed. A row's result never depends on
 * either cut. A norm is made by the layer before it, also by that of the block before; but not where a run
 * has several groups, of which the others' rows would come between. */
#include "nets/sit/sit_private.h"

void tr_sit_work_clear(tr_sit_work *work) {
  for (int i = 0; i < TR_SIT_BUFFERS; i++) tr_array_destroy(&work->buffer[i]);
  work->samples = work->group = 0;
}

static int64_t larger(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

int64_t tr_sit_widest(const tr_sit_config *c) {
  return larger(3 * (int64_t)c->hidden, c->mlp_hidden);
}

int64_t tr_sit_patch_columns(const tr_sit_config *c) {
  return (int64_t)c->patch * c->patch * larger(c->channels, c->out_channels);
}

static bool only_products_read(int buffer) {
  return buffer == TR_SIT_HIDDEN || buffer == TR_SIT_WIDE;
}

tr_status tr_sit_provide_work(tr_ctx *ctx, tr_sit *net, int64_t samples, int64_t group) {
  if (samples <= net->work.samples && group <= net->work.group) return TR_OK;
  samples = larger(samples, net->work.samples), group = larger(group, net->work.group);
  int64_t d = net->config.hidden;
  const int64_t shape[TR_SIT_BUFFERS][2] = {
      [TR_SIT_TOKENS] = {samples * net->tokens, d},
      [TR_SIT_HIDDEN] = {group * net->tokens, d},
      [TR_SIT_WIDE] = {group * net->tokens, tr_sit_widest(&net->config)},
      [TR_SIT_PATCHES] = {group * net->tokens, tr_sit_patch_columns(&net->config)},
      [TR_SIT_EMBEDDING] = {samples, net->config.time_frequencies},
      [TR_SIT_TIME1] = {samples, d},
      [TR_SIT_TIME2] = {samples, d},
      [TR_SIT_CONDITION] = {samples, d},
      [TR_SIT_MODULATION] = {2 * samples, 6 * d},
  };
  tr_sit_work_clear(&net->work);
  for (int i = 0; i < TR_SIT_BUFFERS; i++)
    TR_TRY(tr_array_create(ctx, only_products_read(i) ? net->product_dtype : net->dtype, 2, shape[i],
                           &net->work.buffer[i]));
  net->work.samples = samples, net->work.group = group;
  return TR_OK;
}

static tr_array matrix(const tr_sit *net, int buffer, int64_t rows, int64_t cols) {
  return tr_net_matrix(net->work.buffer[buffer], rows, cols);
}

tr_status tr_sit_apply_gated(const tr_array *x, const tr_layer *layer, tr_nn_columns gate,
                             const tr_array *residual, tr_array *y) {
  return tr_nn_linear(&(tr_nn_linear_args){
      .x = x, .w = layer->w, .bias = &layer->bias, .gate = gate, .residual = residual, .y = y});
}

tr_status tr_sit_norm(const tr_array *x, const tr_array *modulation, int64_t shift, int64_t scale,
                      tr_array *y) {
  return tr_nn_norm_modulate(&(tr_nn_norm_modulate_args){
      .x = x, .shift = {modulation, shift}, .scale = {modulation, scale}, .eps = TR_SIT_NORM_EPS, .y = y});
}

tr_status tr_sit_condition(const tr_sit *net, int64_t first, int64_t n_times, tr_array *condition) {
  int64_t d = net->config.hidden, n = condition->shape[0];
  tr_array t = tr_conditions_times(&net->conditions, first, n);
  tr_array labels = tr_conditions_labels(&net->conditions, first, n);
  tr_array embedding = matrix(net, TR_SIT_EMBEDDING, n_times, net->config.time_frequencies);
  tr_array inner = matrix(net, TR_SIT_TIME1, n_times, d), time = matrix(net, TR_SIT_TIME2, n_times, d);
  TR_TRY(tr_nn_embed_times(&(tr_nn_embed_times_args){.t = &t, .y = &embedding}));
  TR_TRY(tr_layer_apply(&embedding, net->time1, TR_NN_SILU, &inner));
  TR_TRY(tr_layer_apply(&inner, net->time2, TR_NN_IDENTITY, &time));
  return tr_nn_condition(
      &(tr_nn_condition_args){.e = &time, .table = &net->labels->table, .labels = &labels, .y = condition});
}

tr_status tr_sit_apply_normed(const tr_array *x, const tr_layer *layer, tr_nn_columns gate,
                              const tr_array *residual, tr_array *y, tr_nn_columns shift, tr_array *normed) {
  return tr_nn_linear_norm(&(tr_nn_linear_norm_args){
      .linear = {.x = x, .w = layer->w, .bias = &layer->bias, .gate = gate, .residual = residual, .y = y},
      .norm = {.x = y,
               .shift = shift,
               .scale = {shift.table, shift.offset + y->shape[1]},
               .eps = TR_SIT_NORM_EPS,
               .y = normed}});
}

tr_status tr_sit_first_norm(const tr_sit *net, const tr_array *mod, const tr_array *tokens) {
  int64_t d = net->config.hidden;
  tr_array hidden = matrix(net, TR_SIT_HIDDEN, tokens->shape[0], d);
  return tr_sit_norm(tokens, mod, 0, d, &hidden);
}

tr_status tr_sit_run_block(const tr_sit *net, const tr_sit_block *block, const tr_array *mod,
                           const tr_array *next, int64_t samples, tr_array *tokens) {
  int64_t d = net->config.hidden, rows = tokens->shape[0];
  tr_array hidden = matrix(net, TR_SIT_HIDDEN, rows, d), qkv = matrix(net, TR_SIT_WIDE, rows, 3 * d);
  tr_array mlp = matrix(net, TR_SIT_WIDE, rows, net->config.mlp_hidden);
  const tr_nn_columns gate = {mod, 5 * d};
  TR_TRY(tr_layer_apply(&hidden, block->qkv, TR_NN_IDENTITY, &qkv));
  TR_TRY(tr_nn_attention(&(tr_nn_attention_args){
      .qkv = &qkv, .samples = samples, .heads = net->config.heads, .products = net->products, .y = &hidden}));
  TR_TRY(tr_sit_apply_normed(&hidden, block->proj, (tr_nn_columns){mod, 2 * d}, tokens, tokens,
                             (tr_nn_columns){mod, 3 * d}, &hidden));
  TR_TRY(tr_layer_apply(&hidden, block->fc1, TR_NN_GELU_TANH, &mlp));
  if (!next) return tr_sit_apply_gated(&mlp, block->fc2, gate, tokens, tokens);
  return tr_sit_apply_normed(&mlp, block->fc2, gate, tokens, tokens, (tr_nn_columns){next, 0}, &hidden);
}

/* A run of samples, from `first` on. Where time and label are common to all rows, so is the conditioning: one
 * row of it. t: of the first, to be named. */
typedef struct {
  int64_t first, samples, n_times, n_conditions, group;
  double t;
} run;

/* That of block i of a run, or, behind the last, of the final layer: it reads its weight once for all
 * samples. The one before stays. */
static tr_status modulate(const tr_sit *net, const run *r, int i, tr_array *mod) {
  const bool last = i == net->config.depth;
  const tr_layer *layer = last ? net->final_modulation : net->blocks[i].modulation;
  int64_t d = net->config.hidden, half = net->work.buffer[TR_SIT_MODULATION]->shape[0] / 2;
  tr_array condition = matrix(net, TR_SIT_CONDITION, r->n_conditions, d);
  tr_array room = tr_rows(net->work.buffer[TR_SIT_MODULATION], i % 2 * half, half);
  *mod = tr_net_matrix(&room, r->n_conditions, (last ? 2 : 6) * d);
  return tr_layer_apply(&condition, layer, TR_NN_IDENTITY, mod);
}

/* Rows of the samples of a group from `first` on: of the tokens, and of a modulation. */
static tr_array tokens_of(const tr_sit *net, const run *r, int64_t first, const tr_array *tokens) {
  return tr_rows(tokens, first * net->tokens, smaller(r->group, r->samples - first) * net->tokens);
}

static tr_array modulation_of(const run *r, int64_t first, const tr_array *mod) {
  return mod->shape[0] == 1 ? *mod : tr_rows(mod, first, smaller(r->group, r->samples - first));
}

/* Whether the norm of the next is made by a block of this run. */
static bool norms_ahead(const run *r) {
  return r->samples <= r->group;
}

static tr_status run_block(const tr_sit *net, const run *r, int i, const tr_array *mod, const tr_array *next,
                           tr_array *tokens) {
  for (int64_t first = 0; first < r->samples; first += r->group) {
    tr_array part = tokens_of(net, r, first, tokens), part_mod = modulation_of(r, first, mod);
    tr_array part_next = modulation_of(r, first, next);
    TR_TRY(tr_ctx_check_interrupt(tokens->ctx, r->t));
    if (i == 0 || !norms_ahead(r)) TR_TRY(tr_sit_first_norm(net, &part_mod, &part));
    TR_TRY(tr_sit_run_block(net, &net->blocks[i], &part_mod, norms_ahead(r) ? &part_next : NULL,
                            part.shape[0] / net->tokens, &part));
  }
  return TR_OK;
}

tr_status tr_sit_cut(const tr_sit *net, const tr_array *latents, tr_array *patches) {
  return tr_nn_patchify(
      &(tr_nn_patchify_args){.latents = latents, .patch = net->config.patch, .tokens = patches});
}

tr_status tr_sit_join(const tr_sit *net, const tr_array *patches, tr_array *latents) {
  return tr_nn_unpatchify(
      &(tr_nn_unpatchify_args){.tokens = patches, .patch = net->config.patch, .latents = latents});
}

tr_status tr_sit_embed(const tr_sit *net, const tr_array *x, tr_array *tokens) {
  int64_t values = (int64_t)net->config.channels * net->config.patch * net->config.patch;
  tr_array patches = matrix(net, TR_SIT_PATCHES, tokens->shape[0], values);
  TR_TRY(tr_sit_cut(net, x, &patches));
  return tr_nn_linear(&(tr_nn_linear_args){.x = &patches,
                                           .w = net->patch->w,
                                           .bias = &net->patch->bias,
                                           .residual = &net->position->table,
                                           .y = tokens});
}

static tr_status embed_all(const tr_sit *net, const run *r, const tr_array *x, tr_array *tokens) {
  for (int64_t first = 0; first < r->samples; first += r->group) {
    tr_array part_tokens = tokens_of(net, r, first, tokens);
    tr_array part = tr_rows(x, first, part_tokens.shape[0] / net->tokens);
    TR_TRY(tr_sit_embed(net, &part, &part_tokens));
  }
  return TR_OK;
}

tr_status tr_sit_finish(const tr_sit *net, int64_t rows, tr_array *f) {
  tr_array hidden = matrix(net, TR_SIT_HIDDEN, rows, net->config.hidden),
           patches = matrix(net, TR_SIT_PATCHES, rows, tr_layer_out(net->final));
  TR_TRY(tr_layer_apply(&hidden, net->final, TR_NN_IDENTITY, &patches));
  return tr_sit_join(net, &patches, f);
}

static tr_status final_layer(const tr_sit *net, const run *r, const tr_array *mod, const tr_array *tokens,
                             tr_array *f) {
  for (int64_t first = 0; first < r->samples; first += r->group) {
    tr_array part = tokens_of(net, r, first, tokens), part_mod = modulation_of(r, first, mod);
    tr_array result = tr_rows(f, first, part.shape[0] / net->tokens);
    if (!norms_ahead(r)) TR_TRY(tr_sit_first_norm(net, &part_mod, &part));
    TR_TRY(tr_sit_finish(net, part.shape[0], &result));
  }
  return TR_OK;
}

static tr_status forward_run(const tr_sit *net, const run *r, const tr_array *x, tr_array *f) {
  int64_t d = net->config.hidden;
  tr_array tokens = matrix(net, TR_SIT_TOKENS, r->samples * net->tokens, d), mod, next;
  tr_array condition = matrix(net, TR_SIT_CONDITION, r->n_conditions, d);
  TR_TRY(tr_sit_condition(net, r->first, r->n_times, &condition));
  TR_TRY(embed_all(net, r, x, &tokens));
  TR_TRY(modulate(net, r, 0, &mod));
  for (int i = 0; i < net->config.depth; i++, mod = next) {
    TR_TRY(modulate(net, r, i + 1, &next));
    TR_TRY(run_block(net, r, i, &mod, &next, &tokens));
  }
  return final_layer(net, r, &mod, &tokens, f);
}

/* What a row takes: what a block works in, and in a backward what it keeps of every block. */
static int64_t row_bytes(const tr_sit *net, bool kept) {
  const tr_sit_config *c = &net->config;
  int64_t d = c->hidden, work = 5 * d + 2 * tr_sit_widest(c) + tr_sit_patch_columns(c),
          block = 8 * d + c->mlp_hidden;
  int64_t columns = work + (kept ? (net->recompute ? block + c->depth * d : c->depth * block) : 0);
  return columns * (int64_t)tr_dtype_size(net->dtype);
}

int64_t tr_sit_group(tr_ctx *ctx, const tr_sit *net, int64_t samples, bool kept) {
  int64_t rows = tr_nn_rows_at_once(ctx, kept, row_bytes(net, kept));
  return smaller(larger(rows / net->tokens, 1), samples);
}

/* Samples of a run; *group: of a group. */
static int64_t run_of(tr_ctx *ctx, const tr_sit *net, int64_t samples, int64_t *group) {
  *group = tr_sit_group(ctx, net, samples, false);
  const bool enough = *group * net->tokens >= TR_SIT_ROWS_OF_A_RUN;
  return smaller(*group * (enough ? 1 : TR_SIT_GROUPS_OF_A_RUN), samples);
}

tr_status tr_sit_reserve_forward(tr_ctx *ctx, tr_sit *net, int64_t samples) {
  int64_t group, most = run_of(ctx, net, samples, &group);
  return tr_sit_provide_work(ctx, net, most, group);
}

tr_status tr_sit_forward(tr_ctx *ctx, tr_sit *net, tr_times times, const tr_array *x, const tr_cond *labels,
                         tr_array *f) {
  int64_t samples = x->shape[0];
  if (samples == 0) return TR_OK;
  int64_t group, most = run_of(ctx, net, samples, &group);
  TR_TRY(tr_sit_provide_work(ctx, net, most, group));
  TR_TRY(tr_conditions_set(ctx, &net->conditions, times, labels));
  for (int64_t first = 0; first < samples; first += most) {
    int64_t n = smaller(most, samples - first);
    tr_array part = tr_rows(x, first, n), result = tr_rows(f, first, n);
    const run r = {.first = first,
                   .samples = n,
                   .n_times = times.n == 1 ? 1 : n,
                   .n_conditions = times.n == 1 && labels->n == 1 ? 1 : n,
                   .group = group,
                   .t = times.t[times.n == 1 ? 0 : first]};
    TR_TRY(forward_run(net, &r, &part, &result));
  }
  return TR_OK;
}
