/* A small perceptron with a time, for densities of few dimensions. Rows x (N, dim), D the width, e(t) the
 * sinusoidal embedding: cosines, then sines, of t exp(-ln(10000) j / half), j < half:
 *
 *   c   = silu(time_in(e(t)) + labels[y])        without a label table: silu(time_in(e(t)))
 *   h_0 = x_in(x) + c,   h_{i+1} = layers.i(silu(h_i)),   f = out(silu(h_depth))
 *
 * Its tensors: x_in.weight (D, dim), x_in.bias (D), time_in.weight (D, frequencies), time_in.bias (D),
 * layers.I.weight (D, D) and layers.I.bias (D) for I = 0 .. depth - 1, out.weight (dim, D), out.bias (dim),
 * and, in a network with classes, labels.weight (classes, D), whose last row may be the null class. As a
 * module of PyTorch that makes its parts in this order lists them.
 *
 * A batch goes in groups of samples just large enough to keep the device busy. The tensors before the
 * activations are kept, so forward, backward and tangent share one pass; for gradients of parameters the
 * inputs of the layers are made of them again. Rows never depend on the batch or the threads. */
#include <stdio.h>
#include <stdlib.h>

#include "nets/conditions.h"
#include "nets/layers/weights.h"
#include "nets/modules_private.h"

typedef struct {
  int dim, hidden, depth;
  int time_frequencies; /* width of the embedding, even */
  int num_classes;      /* without the null class; 0: unconditional */
  int null_class;       /* = num_classes when the label table has that row, else -1 */
} config;

/* Places in the list of entries; behind them a layer for each of the depth, out, and the labels, if there. */
enum { X_IN, TIME_IN, FIRST_LAYER };

/* Working memory, for the largest group and number of probes so far. */
enum {
  EMBEDDING, /* (group, time_frequencies) */
  TIME,      /* (group, D): result of time_in */
  CONDITION, /* (group, D) */
  KEPT,      /* ((depth + 1) group, D): h_0 .. h_depth */
  GIVEN,     /* (group, D): input of a layer, which only products read */
  HIDDEN,    /* (probes group, D): a tangent, or a gradient */
  OTHER,     /* the same */
  STACK,     /* (probes group, dim): the covectors of a group, then their products */
  BACK_TIME, /* (group, D), for gradients of parameters: the gradient behind time_in */
  RESULT,    /* (group, dim): f, where the caller has no room for what makes covectors of it */
  BUFFERS
};

typedef struct {
  config config;
  tr_dtype dtype, product_dtype; /* see tr_nn_product_dtype */
  tr_layer *x_in, *time_in;      /* of the network's list, as all of these */
  tr_layer *layers;              /* those behind an activation: depth of them, then out */
  tr_layer *labels;              /* a table (classes with the null class, D), or NULL */
  tr_conditions conditions;      /* of the evaluation under way */
  int64_t elements[BUFFERS];
  tr_array *buffer[BUFFERS];
} mlp;

#define LABELS "labels.weight"

static const tr_net_type type;

/* ---- configuration ---- */

static int64_t label_rows(const config *c) {
  return (int64_t)c->num_classes + (c->null_class >= 0);
}

static bool entry(const void *sizes, int i, tr_net_entry *out) {
  const config *c = sizes;
  const int64_t d = c->hidden;
  const int last = FIRST_LAYER + c->depth;
  if (i > last + (label_rows(c) > 0)) return false;
  *out = (tr_net_entry){.kind = TR_ENTRY_LAYER, .ndim = 2, .shape = {d, d}, .start = TR_START_XAVIER};
  if (i < last) snprintf(out->name, sizeof out->name, "layers.%d", i - FIRST_LAYER);
  if (i == X_IN) *out = (tr_net_entry){"x_in", TR_ENTRY_LAYER, 2, {d, c->dim}, TR_START_XAVIER, 0, NULL};
  if (i == TIME_IN)
    *out = (tr_net_entry){"time_in", TR_ENTRY_LAYER, 2, {d, c->time_frequencies}, TR_START_XAVIER, 0, NULL};
  if (i == last) *out = (tr_net_entry){"out", TR_ENTRY_LAYER, 2, {c->dim, d}, TR_START_XAVIER, 0, NULL};
  if (i > last)
    *out = (tr_net_entry){LABELS, TR_ENTRY_TABLE, 2, {label_rows(c), d}, TR_START_NORMAL, 0.02, NULL};
  return true;
}

static tr_status find(tr_ctx *ctx, const tr_tensors *weights, const char *name, const char *meaning,
                      const tr_tensor **out) {
  return tr_weights_find(ctx, weights, name, 2, meaning, "an MLP", out);
}

static tr_status infer_classes(tr_ctx *ctx, const tr_tensors *weights, int declared, config *c) {
  const tr_tensor *table;
  if (declared == 0 && !tr_tensors_find(weights, LABELS)) return TR_OK;
  TR_TRY(find(ctx, weights, LABELS, "(classes, hidden)", &table));
  int rows = (int)table->shape[0];
  TR_TRY(tr_weights_classes(ctx, rows, declared, &c->num_classes, &c->null_class));
  if (c->num_classes > 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "tensor '" LABELS "' has one row, the null class: a class is missing");
}

static tr_status configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           const double *params, void *sizes) {
  config c = {.depth = tr_weights_count(weights, "layers"), .null_class = -1};
  const tr_tensor *x_in, *time_in;
  char network[32];
  (void)params; /* it has none */
  TR_TRY(find(ctx, weights, "x_in.weight", "(hidden, dim)", &x_in));
  TR_TRY(find(ctx, weights, "time_in.weight", "(hidden, frequencies)", &time_in));
  TR_TRY(infer_classes(ctx, weights, settings->num_classes, &c));
  c.hidden = (int)x_in->shape[0], c.dim = (int)x_in->shape[1];
  c.time_frequencies = (int)time_in->shape[1];
  if (c.time_frequencies % 2 != 0)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "tensor 'time_in.weight' has %d columns: cosines and sines make an even number",
                   c.time_frequencies);
  snprintf(network, sizeof network, "an MLP of depth %d", c.depth);
  TR_TRY(tr_weights_check(ctx, weights, &type, &c, network));
  *(config *)sizes = c;
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const void *sizes) {
  const config *c = sizes;
  if (c->dim < 1 || c->hidden < 1 || c->depth < 0 || c->num_classes < 0)
    return TR_FAIL(ctx, TR_E_ARG,
                   "an MLP of dimension %d, width %d, depth %d, %d classes: sizes are positive", c->dim,
                   c->hidden, c->depth, c->num_classes);
  if (c->time_frequencies < 2 || c->time_frequencies % 2)
    return TR_FAIL(ctx, TR_E_ARG, "a time embedding of width %d: it must be even", c->time_frequencies);
  return TR_OK;
}

#define SIZE(member) .key = #member, .offset = offsetof(config, member), .recorded = true

static const tr_net_key keys[] = {
    {SIZE(dim)},
    {SIZE(hidden)},
    {SIZE(depth), .absent = -1},
    {SIZE(time_frequencies)},
    {SIZE(num_classes), .absent = -1},
    {SIZE(null_class), .absent = -1},
    {0},
};

static void about(const void *sizes, tr_net_info *out) {
  const config *c = sizes;
  out->ndim = 1, out->shape[0] = c->dim;
  out->num_classes = c->num_classes, out->null_class = c->null_class;
}

static void say(const void *sizes, char *text, size_t size) {
  const config *c = sizes;
  snprintf(text, size, "MLP, states (%d), hidden %d, depth %d, %d time frequencies", c->dim, c->hidden,
           c->depth, c->time_frequencies);
}

/* ---- working memory ---- */

/* What is asked of a batch; absent is NULL. */
typedef struct {
  const tr_array *x;
  tr_net_request back; /* without passes for its f alone */
  const tr_array *v;   /* the shape of x */
  tr_array *Jv;        /* the same */
} request;

/* One group of samples on its way. */
typedef struct {
  const mlp *net;
  const request *asked;
  int64_t first, rows; /* samples of the batch */
  int64_t conditions;  /* 1 condition for all or one a row */
  int64_t n_times;     /* as many as conditions, or 1 */
  double t;            /* of the first, to be named */
  tr_array x;
  int64_t probes; /* of the present pass */
} group;

/* The most of a pass; 1 without any. */
static int64_t probes_of(const request *q) {
  return q->back.passes ? tr_net_most_probes(&q->back, q->x->count) : 1;
}

static tr_status provide_work(tr_ctx *ctx, mlp *net, const group *g, int64_t probes) {
  const tr_net_request *back = &g->asked->back;
  int64_t d = net->config.hidden, wide = g->rows * probes;
  const int64_t elements[BUFFERS] = {
      [EMBEDDING] = g->rows * net->config.time_frequencies,
      [TIME] = g->rows * d,
      [CONDITION] = g->rows * d,
      [KEPT] = (net->config.depth + 1) * g->rows * d,
      [GIVEN] = g->rows * d,
      [HIDDEN] = wide * d,
      [OTHER] = wide * d,
      [STACK] = wide * net->config.dim,
      [BACK_TIME] = back->gradient ? g->rows * d : 0,
      [RESULT] = back->covector && !back->f ? g->rows * net->config.dim : 0,
  };
  for (int i = 0; i < BUFFERS; i++) {
    if (elements[i] <= net->elements[i]) continue;
    tr_array_destroy(&net->buffer[i]);
    net->elements[i] = 0;
    TR_TRY(tr_array_create(ctx, i == GIVEN ? net->product_dtype : net->dtype, 2, (int64_t[]){1, elements[i]},
                           &net->buffer[i]));
    net->elements[i] = elements[i];
  }
  return TR_OK;
}

static tr_array work(const group *g, int buffer, int64_t rows, int64_t cols) {
  return tr_net_matrix(g->net->buffer[buffer], rows, cols);
}

/* h_i */
static tr_array kept(const group *g, int i) {
  tr_array all = work(g, KEPT, (i + 1) * g->rows, g->net->config.hidden);
  return tr_rows(&all, i * g->rows, g->rows);
}

/* ---- one group forward, backward and sideways ---- */

/* Those of its conditions; of no use without classes. */
static tr_array labels_of(const group *g) {
  return g->net->labels ? tr_conditions_labels(&g->net->conditions, g->first, g->conditions) : (tr_array){0};
}

static tr_status condition(const group *g, tr_array *c) {
  const mlp *net = g->net;
  tr_array embedding = work(g, EMBEDDING, g->n_times, net->config.time_frequencies);
  tr_array time = work(g, TIME, g->n_times, net->config.hidden);
  tr_array t = tr_conditions_times(&net->conditions, g->first, g->n_times);
  tr_array labels = labels_of(g);
  TR_TRY(tr_nn_embed_times(&(tr_nn_embed_times_args){.t = &t, .y = &embedding}));
  TR_TRY(tr_layer_apply(&embedding, net->time_in, TR_NN_IDENTITY, &time));
  return tr_nn_condition(&(tr_nn_condition_args){.e = &time,
                                                 .table = net->labels ? &net->labels->table : NULL,
                                                 .labels = net->labels ? &labels : NULL,
                                                 .y = c});
}

/* h_0 .. h_depth, and f unless it is NULL. */
static tr_status forward(const group *g, tr_array *f) {
  const mlp *net = g->net;
  int64_t d = net->config.hidden;
  tr_array c = work(g, CONDITION, g->conditions, d), given = work(g, GIVEN, g->rows, d), h = kept(g, 0);
  TR_TRY(condition(g, &c));
  TR_TRY(tr_nn_linear(&(tr_nn_linear_args){
      .x = &g->x, .w = net->x_in->w, .bias = &net->x_in->bias, .residual = &c, .y = &h}));
  for (int i = 0; i < net->config.depth + (f ? 1 : 0); i++) {
    tr_array next = i < net->config.depth ? kept(g, i + 1) : *f;
    TR_TRY(tr_net_activate(TR_NN_SILU, &h, &given));
    TR_TRY(tr_layer_apply(&given, &net->layers[i], TR_NN_IDENTITY, &next));
    h = next;
  }
  return TR_OK;
}

/* What the gradient behind a layer says of its parameters: of layers[i], ... */
static tr_status add_layer(const group *g, int i, const tr_array *gradient) {
  tr_array h = kept(g, i), given = work(g, GIVEN, g->rows, g->net->config.hidden);
  TR_TRY(tr_net_activate(TR_NN_SILU, &h, &given));
  return tr_layer_add_gradient(&g->net->layers[i], &given, gradient, g->asked->back.gradient);
}

/* ... and of those that h_0 is made with. */
static tr_status add_first(const group *g, const tr_array *gradient) {
  const mlp *net = g->net;
  const tr_net_gradient *of = g->asked->back.gradient;
  tr_array embedding = work(g, EMBEDDING, g->rows, net->config.time_frequencies);
  tr_array time = work(g, TIME, g->rows, net->config.hidden);
  tr_array dtime = work(g, BACK_TIME, g->rows, net->config.hidden), dlabels;
  tr_array labels = labels_of(g);
  TR_TRY(tr_layer_add_gradient(net->x_in, &g->x, gradient, of));
  if (net->labels) dlabels = tr_layer_table_gradient(net->labels, of);
  TR_TRY(tr_nn_gradient_of_condition(
      &(tr_nn_gradient_of_condition_args){.e = &time,
                                          .table = net->labels ? &net->labels->table : NULL,
                                          .labels = net->labels ? &labels : NULL,
                                          .dy = gradient,
                                          .de = &dtime,
                                          .dtable = net->labels ? &dlabels : NULL}));
  return tr_layer_add_gradient(net->time_in, &embedding, &dtime, of);
}

/* stack (probes rows, dim), probe after probe, becomes the products of what it held, if they are wanted. */
static tr_status backward(const group *g, bool wanted, tr_array *stack) {
  const mlp *net = g->net;
  const tr_net_request *back = &g->asked->back;
  int64_t rows = g->probes * g->rows, d = net->config.hidden;
  tr_array gradient = *stack, spare[2] = {work(g, HIDDEN, rows, d), work(g, OTHER, rows, d)};
  for (int i = net->config.depth; i >= 0; i--) {
    tr_array before = spare[i % 2], h = kept(g, i);
    if (back->gradient) TR_TRY(add_layer(g, i, &gradient));
    TR_TRY(tr_layer_backward_act(&gradient, &net->layers[i], TR_NN_SILU, &h, &before));
    gradient = before;
  }
  if (back->gradient) TR_TRY(add_first(g, &gradient));
  return wanted ? tr_layer_backward(&gradient, net->x_in, stack) : TR_OK;
}

static tr_status tangent(const group *g, const tr_array *v, tr_array *Jv) {
  const mlp *net = g->net;
  int64_t d = net->config.hidden;
  tr_array moved = work(g, HIDDEN, g->rows, d), next = work(g, OTHER, g->rows, d);
  TR_TRY(tr_layer_jvp(v, net->x_in, &moved));
  for (int i = 0; i <= net->config.depth; i++) {
    tr_array h = kept(g, i), spare = moved;
    TR_TRY(tr_net_slope(TR_NN_SILU, &h, &moved));
    if (i == net->config.depth) break;
    TR_TRY(tr_layer_jvp(&moved, &net->layers[i], &next));
    moved = next, next = spare;
  }
  return tr_layer_jvp(&moved, &net->layers[net->config.depth], Jv);
}

/* ---- a batch ---- */

/* The group's rows of each of the probes of `whole`, probe after probe, in `stack`; or back again. */
static tr_status move_probes(const group *g, const tr_array *whole, tr_array *stack, bool into_stack) {
  int64_t batch = g->asked->x->shape[0];
  tr_array all = tr_net_matrix(whole, g->probes * batch, g->net->config.dim);
  for (int64_t r = 0; r < g->probes; r++) {
    tr_array outside = tr_rows(&all, r * batch + g->first, g->rows);
    tr_array inside = tr_rows(stack, r * g->rows, g->rows);
    TR_TRY(into_stack ? tr_array_copy(&outside, &inside) : tr_array_copy(&inside, &outside));
  }
  return TR_OK;
}

/* Covectors of the group in pass k, given or made of its result f, and back. */
static tr_status run_pass(group *g, int k, const tr_array *f) {
  const tr_net_request *back = &g->asked->back;
  const tr_drift_passes *passes = back->passes;
  const tr_array *w = passes->w[k], *wJ = passes->wJ[k];
  g->probes = tr_net_probes(back, g->asked->x->count, k);
  tr_array stack = work(g, STACK, g->probes * g->rows, g->net->config.dim);
  TR_TRY(tr_ctx_check_interrupt(g->x.ctx, g->t));
  if (k) TR_TRY(passes->next(passes->user, k, g->first, g->rows));
  TR_TRY(w ? move_probes(g, w, &stack, true) : back->covector(back->user, g->first, f, &stack));
  TR_TRY(backward(g, wJ, &stack));
  return wJ ? move_probes(g, wJ, &stack, false) : TR_OK;
}

static tr_status run_group(group *g) {
  const request *q = g->asked;
  const tr_net_request *back = &q->back;
  tr_array f = {0};
  if (back->f)
    f = tr_rows(back->f, g->first, g->rows);
  else if (back->covector)
    f = work(g, RESULT, g->rows, g->net->config.dim);
  TR_TRY(forward(g, f.data ? &f : NULL));
  for (int k = 0; back->passes && k < back->passes->n; k++) TR_TRY(run_pass(g, k, &f));
  if (!q->v) return TR_OK;
  tr_array v = tr_rows(q->v, g->first, g->rows), Jv = tr_rows(q->Jv, g->first, g->rows);
  return tangent(g, &v, &Jv);
}

/* Samples whose rows, with a gradient for each probe, keep the device busy. The layers keep what they are
 * given, with or without a backward. */
static int64_t samples_at_once(tr_ctx *ctx, const mlp *net, int64_t batch, int64_t probes) {
  const int64_t columns =
      (net->config.depth + 6) * (int64_t)net->config.hidden + 2 * (int64_t)net->config.dim;
  int64_t samples = tr_nn_rows_at_once(ctx, true, columns * (int64_t)tr_dtype_size(net->dtype)) / probes;
  samples = samples < 1 ? 1 : samples;
  return samples < batch ? samples : batch;
}

/* Where time and label are common to all rows, so is the condition: one row of it, unless its parameters need
 * one a sample. */
static tr_status run_groups(const request *q, mlp *net, tr_times times, bool common) {
  int64_t batch = q->x->shape[0], most = samples_at_once(q->x->ctx, net, batch, probes_of(q));
  bool one_time = times.n == 1 && !q->back.gradient, one = one_time && common;
  group g = {.net = net, .asked = q, .rows = most};
  TR_TRY(provide_work(q->x->ctx, net, &g, probes_of(q)));
  for (g.first = 0; g.first < batch; g.first += most) {
    g.rows = batch - g.first < most ? batch - g.first : most, g.conditions = one ? 1 : g.rows;
    g.x = tr_rows(q->x, g.first, g.rows);
    g.n_times = one_time ? 1 : g.rows, g.t = times.t[times.n == 1 ? 0 : g.first];
    TR_TRY(tr_ctx_check_interrupt(g.x.ctx, g.t));
    TR_TRY(run_group(&g));
  }
  return TR_OK;
}

static tr_status run(tr_net *of, tr_times times, const tr_cond *cond, const request *q) {
  mlp *net = of->work;
  int64_t batch = q->x->shape[0];
  if (batch == 0) return TR_OK;
  TR_TRY(tr_conditions_set(of->ctx, &net->conditions, times, cond));
  return run_groups(q, net, times, !net->labels || cond->n == 1);
}

/* ---- the table ---- */

static tr_status forward_all(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                             tr_array *f) {
  return run(net, times, cond, &(request){.x = x, .back = {.f = f}});
}

static tr_status backward_all(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                              const tr_net_request *asked) {
  return run(net, times, cond, &(request){.x = x, .back = *asked});
}

static tr_status jvp_all(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_array *v, tr_array *Jv) {
  return run(net, times, cond, &(request){.x = x, .v = v, .Jv = Jv});
}

static tr_status send(tr_net *net, tr_times times, const tr_cond *cond) {
  return tr_conditions_set(net->ctx, &((mlp *)net->work)->conditions, times, cond);
}

static tr_status reserve(tr_net *of, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  mlp *net = of->work;
  const request asked = {.x = x};
  int64_t batch = x->shape[0], probes = vectors > 1 ? vectors : 1;
  if (batch == 0) return TR_OK;
  TR_TRY(tr_conditions_reserve(of->ctx, &net->conditions, batch, cond));
  const group g = {.net = net, .asked = &asked, .rows = samples_at_once(of->ctx, net, batch, probes)};
  return provide_work(of->ctx, net, &g, probes);
}

static tr_status open_mlp(tr_net *net) {
  const config *c = net->sizes;
  mlp *of = net->work = calloc(1, sizeof *of);
  if (!of) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for a network");
  of->config = *c, of->dtype = net->dtype;
  of->product_dtype = tr_nn_product_dtype(net->ctx, net->dtype, net->products);
  of->x_in = &net->layers[X_IN], of->time_in = &net->layers[TIME_IN];
  of->layers = &net->layers[FIRST_LAYER];
  of->labels = label_rows(c) ? &of->layers[c->depth + 1] : NULL;
  return TR_OK;
}

static void close_mlp(tr_net *net) {
  mlp *of = net->work;
  for (int i = 0; i < BUFFERS; i++) tr_array_destroy(&of->buffer[i]);
  tr_conditions_clear(&of->conditions);
  free(of);
}

static const char *const beginnings[] = {"x_in.", "time_in.", "layers.", "out.", LABELS, NULL};

static const tr_net_type type = {
    .info = {.name = "mlp", .summary = "small perceptron with a time: densities of few dimensions"},
    .caps = TR_NET_FIELD,
    .beginnings = beginnings,
    .sizes_bytes = sizeof(config),
    .keys = keys,
    .entry = entry,
    .configure = configure,
    .check = check,
    .about = about,
    .say = say,
    .open = open_mlp,
    .close = close_mlp,
    .forward = forward_all,
    .backward = backward_all,
    .jvp = jvp_all,
    .send = send,
    .reserve = reserve};
const tr_module *const tr_network_mlp = &type.info;
