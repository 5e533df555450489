/* A small perceptron with a time. A batch goes in groups of samples just large enough to keep the device
 * busy. The tensors before the activations are kept, so forward, backward and tangent share one pass; for
 * gradients of parameters the inputs of the layers are made of them again. */
#include "nets/mlp/mlp.h"

#include <stdio.h>
#include <stdlib.h>

#include "nets/conditions_private.h"
#include "nets/layers_private.h"
#include "nets/net_private.h"
#include "nets/weights_private.h"

/* Working memory, for the largest group and number of probes so far. */
enum {
  EMBEDDING, /* (group, time_frequencies) */
  TIME,      /* (group, D): result of time_in */
  CONDITION, /* (group, D) */
  KEPT,      /* ((depth + 1) group, D): h_0 .. h_depth */
  HIDDEN,    /* (probes group, D): input of a layer, or a tangent, or a gradient */
  OTHER,     /* the same */
  STACK,     /* (probes group, dim): the covectors of a group, then their products */
  GIVEN,     /* (group, D), for gradients of parameters: input of a layer, then the gradient behind time_in */
  RESULT,    /* (group, dim): f, where the caller has no room for what makes covectors of it */
  BUFFERS
};

typedef struct {
  tr_mlp_config config;
  tr_dtype dtype;
  tr_layer x_in, time_in;
  tr_layer *layers;         /* those behind an activation: depth of them, then out */
  tr_array *labels;         /* (classes with the null class, D), or NULL */
  int label_parameter;      /* as tr_layer.parameter */
  tr_conditions conditions; /* of the evaluation under way */
  int64_t elements[BUFFERS];
  tr_array *buffer[BUFFERS];
} mlp;

#define LABELS "labels.weight"

static const tr_drift_ops mlp_ops;

/* ---- configuration ---- */

static void expect(tr_expected *out, const char *name, int ndim, int64_t rows, int64_t cols) {
  *out = (tr_expected){.ndim = ndim, .shape = {rows, cols}};
  snprintf(out->name, sizeof out->name, "%s", name);
  if (ndim == 1) out->shape[1] = 0;
}

/* x_in, time_in, out and the layers, each with a bias; then the label table. */
static bool expected_at(const void *config, int i, tr_expected *out) {
  const tr_mlp_config *c = config;
  const struct {
    const char *name;
    int64_t out, in;
  } outer[] = {
      {"x_in", c->hidden, c->dim}, {"time_in", c->hidden, c->time_frequencies}, {"out", c->dim, c->hidden}};
  const int outers = sizeof outer / sizeof *outer;
  int64_t rows = (int64_t)c->num_classes + (c->null_class >= 0);
  int layer = i / 2;
  bool bias = i % 2;
  char name[48];
  if (layer >= outers + c->depth) {
    expect(out, LABELS, 2, rows, c->hidden);
    return rows > 0 && i == 2 * (outers + c->depth);
  }
  if (layer < outers)
    snprintf(name, sizeof name, "%s.%s", outer[layer].name, bias ? "bias" : "weight");
  else
    snprintf(name, sizeof name, "layers.%d.%s", layer - outers, bias ? "bias" : "weight");
  expect(out, name, bias ? 1 : 2, layer < outers ? outer[layer].out : c->hidden,
         layer < outers ? outer[layer].in : c->hidden);
  return true;
}

static tr_status find(tr_ctx *ctx, const tr_tensors *weights, const char *name, const char *meaning,
                      const tr_tensor **out) {
  return tr_weights_find(ctx, weights, name, 2, meaning, "an MLP", out);
}

static tr_status infer_classes(tr_ctx *ctx, const tr_tensors *weights, int declared, tr_mlp_config *config) {
  const tr_tensor *table;
  if (declared == 0 && !tr_tensors_find(weights, LABELS)) return TR_OK;
  TR_TRY(find(ctx, weights, LABELS, "(classes, hidden)", &table));
  int rows = (int)table->shape[0];
  TR_TRY(tr_weights_classes(ctx, rows, declared, &config->num_classes, &config->null_class));
  if (config->num_classes > 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "tensor '" LABELS "' has one row, the null class: a class is missing");
}

tr_status tr_mlp_config_infer(tr_ctx *ctx, const tr_tensors *weights, int declared_classes,
                              tr_mlp_config *out) {
  tr_mlp_config config = {.depth = tr_weights_count(weights, "layers"), .null_class = -1};
  const tr_tensor *x_in, *time_in;
  char network[32];
  *out = (tr_mlp_config){0};
  TR_TRY(find(ctx, weights, "x_in.weight", "(hidden, dim)", &x_in));
  TR_TRY(find(ctx, weights, "time_in.weight", "(hidden, frequencies)", &time_in));
  TR_TRY(infer_classes(ctx, weights, declared_classes, &config));
  config.hidden = (int)x_in->shape[0], config.dim = (int)x_in->shape[1];
  config.time_frequencies = (int)time_in->shape[1];
  if (config.time_frequencies % 2 != 0)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "tensor 'time_in.weight' has %d columns: cosines and sines make an even number",
                   config.time_frequencies);
  snprintf(network, sizeof network, "an MLP of depth %d", config.depth);
  TR_TRY(tr_weights_check(ctx, weights, expected_at, &config, network));
  *out = config;
  return TR_OK;
}

const tr_mlp_config *tr_mlp_config_of(const tr_drift *drift) {
  return drift->ops == &mlp_ops ? &((const mlp *)drift->impl)->config : NULL;
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

static tr_status provide_work(tr_ctx *ctx, mlp *net, const group *g) {
  const tr_net_request *back = &g->asked->back;
  int64_t d = net->config.hidden, wide = g->rows * probes_of(g->asked);
  const int64_t elements[BUFFERS] = {
      [EMBEDDING] = g->rows * net->config.time_frequencies,
      [TIME] = g->rows * d,
      [CONDITION] = g->rows * d,
      [KEPT] = (net->config.depth + 1) * g->rows * d,
      [HIDDEN] = wide * d,
      [OTHER] = wide * d,
      [STACK] = wide * net->config.dim,
      [GIVEN] = back->params ? g->rows * d : 0,
      [RESULT] = back->covector && !back->f ? g->rows * net->config.dim : 0,
  };
  for (int i = 0; i < BUFFERS; i++) {
    if (elements[i] <= net->elements[i]) continue;
    tr_array_destroy(&net->buffer[i]);
    net->elements[i] = 0;
    TR_TRY(tr_array_create(ctx, net->dtype, 2, (int64_t[]){1, elements[i]}, &net->buffer[i]));
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
  TR_TRY(tr_layer_apply(&embedding, &net->time_in, TR_NN_IDENTITY, &time));
  return tr_nn_condition(&(tr_nn_condition_args){
      .e = &time, .table = net->labels, .labels = net->labels ? &labels : NULL, .y = c});
}

/* h_0 .. h_depth, and f unless it is NULL. */
static tr_status forward(const group *g, tr_array *f) {
  const mlp *net = g->net;
  int64_t d = net->config.hidden;
  tr_array c = work(g, CONDITION, g->conditions, d), hidden = work(g, HIDDEN, g->rows, d), h = kept(g, 0);
  TR_TRY(condition(g, &c));
  TR_TRY(tr_nn_linear(
      &(tr_nn_linear_args){.x = &g->x, .w = net->x_in.w, .bias = net->x_in.bias, .residual = &c, .y = &h}));
  for (int i = 0; i < net->config.depth + (f ? 1 : 0); i++) {
    tr_array next = i < net->config.depth ? kept(g, i + 1) : *f;
    TR_TRY(tr_net_activate(TR_NN_SILU, &h, &hidden));
    TR_TRY(tr_layer_apply(&hidden, &net->layers[i], TR_NN_IDENTITY, &next));
    h = next;
  }
  return TR_OK;
}

/* What the gradient behind a layer says of its parameters: of layers[i], ... */
static tr_status add_layer(const group *g, int i, const tr_array *gradient) {
  tr_array h = kept(g, i), given = work(g, GIVEN, g->rows, g->net->config.hidden);
  TR_TRY(tr_net_activate(TR_NN_SILU, &h, &given));
  return tr_layer_add_gradient(&g->net->layers[i], &given, gradient, g->asked->back.params);
}

/* ... and of those that h_0 is made with. */
static tr_status add_first(const group *g, const tr_array *gradient) {
  const mlp *net = g->net;
  tr_net_param *params = g->asked->back.params;
  tr_array embedding = work(g, EMBEDDING, g->rows, net->config.time_frequencies);
  tr_array time = work(g, TIME, g->rows, net->config.hidden);
  tr_array dtime = work(g, GIVEN, g->rows, net->config.hidden);
  TR_TRY(tr_layer_add_gradient(&net->x_in, &g->x, gradient, params));
  tr_array labels = labels_of(g);
  TR_TRY(tr_nn_gradient_of_condition(&(tr_nn_gradient_of_condition_args){
      .e = &time,
      .table = net->labels,
      .labels = net->labels ? &labels : NULL,
      .dy = gradient,
      .de = &dtime,
      .dtable = net->labels ? params[net->label_parameter].gradient : NULL}));
  return tr_layer_add_gradient(&net->time_in, &embedding, &dtime, params);
}

/* stack (probes rows, dim), probe after probe, becomes the products of what it held, if they are wanted. */
static tr_status backward(const group *g, bool wanted, tr_array *stack) {
  const mlp *net = g->net;
  const tr_net_request *back = &g->asked->back;
  int64_t rows = g->probes * g->rows, d = net->config.hidden;
  tr_array gradient = *stack, spare[2] = {work(g, HIDDEN, rows, d), work(g, OTHER, rows, d)};
  for (int i = net->config.depth; i >= 0; i--) {
    tr_array before = spare[i % 2], h = kept(g, i);
    if (back->params) TR_TRY(add_layer(g, i, &gradient));
    TR_TRY(tr_layer_backward(&gradient, &net->layers[i], &before));
    TR_TRY(tr_net_slope(TR_NN_SILU, &h, &before));
    gradient = before;
  }
  if (back->params) TR_TRY(add_first(g, &gradient));
  return wanted ? tr_layer_backward(&gradient, &net->x_in, stack) : TR_OK;
}

static tr_status tangent(const group *g, const tr_array *v, tr_array *Jv) {
  const mlp *net = g->net;
  int64_t d = net->config.hidden;
  tr_array moved = work(g, HIDDEN, g->rows, d), next = work(g, OTHER, g->rows, d);
  TR_TRY(tr_layer_jvp(v, &net->x_in, &moved));
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

static tr_status check_input(const tr_drift *drift, const mlp *net, const tr_array *x) {
  if (x->ndim == 2 && x->dtype == net->dtype && x->shape[1] == net->config.dim) return TR_OK;
  char got[96];
  return TR_FAIL(drift->ctx, TR_E_SHAPE, "the network takes states %s (N, %d), not %s",
                 tr_dtype_name(net->dtype), net->config.dim, tr_array_describe(x, got, sizeof got));
}

/* Samples whose rows, with a gradient for each probe, keep the device busy. The layers keep what they are
 * given, with or without a backward. */
static int64_t samples_at_once(tr_ctx *ctx, int64_t batch, int64_t probes) {
  int64_t samples = tr_nn_rows_at_once(ctx, true) / probes;
  samples = samples < 1 ? 1 : samples;
  return samples < batch ? samples : batch;
}

/* Where time and label are common to all rows, so is the condition: one row of it, unless its parameters need
 * one a sample. */
static tr_status run_groups(const request *q, mlp *net, tr_times times, bool common) {
  int64_t batch = q->x->shape[0], most = samples_at_once(q->x->ctx, batch, probes_of(q));
  bool one_time = times.n == 1 && !q->back.params, one = one_time && common;
  group g = {.net = net, .asked = q, .rows = most};
  TR_TRY(provide_work(q->x->ctx, net, &g));
  for (g.first = 0; g.first < batch; g.first += most) {
    g.rows = batch - g.first < most ? batch - g.first : most, g.conditions = one ? 1 : g.rows;
    g.x = tr_rows(q->x, g.first, g.rows);
    g.n_times = one_time ? 1 : g.rows, g.t = times.t[times.n == 1 ? 0 : g.first];
    TR_TRY(tr_ctx_check_interrupt(g.x.ctx, g.t));
    TR_TRY(run_group(&g));
  }
  return TR_OK;
}

static tr_status run(tr_drift *drift, tr_times times, const tr_cond *cond, const request *q) {
  mlp *net = drift->impl;
  int64_t batch = q->x->shape[0];
  TR_TRY(check_input(drift, net, q->x));
  if (batch == 0) return TR_OK;
  TR_TRY(tr_conditions_set(drift->ctx, &net->conditions, times, cond));
  return run_groups(q, net, times, !net->labels || cond->n == 1);
}

/* ---- the provider ---- */

static tr_status mlp_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                          tr_array *f) {
  return run(drift, times, cond, &(request){.x = x, .back = {.f = f}});
}

static tr_status mlp_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                const tr_drift_passes *passes, tr_array *f) {
  return run(drift, times, cond, &(request){.x = x, .back = {.passes = passes, .f = f}});
}

/* One covector a row, or several. */
static tr_status mlp_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_array *w, tr_array *f, tr_array *wJ) {
  return mlp_vjp_passes(drift, times, x, cond, &(tr_drift_passes){.n = 1, .w = &w, .wJ = &wJ}, f);
}

static tr_status mlp_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_array *v, tr_array *Jv) {
  return run(drift, times, cond, &(request){.x = x, .v = v, .Jv = Jv});
}

static void mlp_destroy(tr_drift *drift) {
  mlp *net = drift->impl;
  tr_layer_clear(&net->x_in);
  tr_layer_clear(&net->time_in);
  for (int i = 0; net->layers && i <= net->config.depth; i++) tr_layer_clear(&net->layers[i]);
  free(net->layers);
  tr_array_destroy(&net->labels);
  tr_conditions_clear(&net->conditions);
  for (int i = 0; i < BUFFERS; i++) tr_array_destroy(&net->buffer[i]);
  free(net);
  free(drift);
}

static const tr_drift_ops mlp_ops = {.name = "mlp",
                                     .caps = TR_DRIFT_VJP | TR_DRIFT_JVP | TR_DRIFT_VJP_MULTI |
                                             TR_DRIFT_VJP_PASSES | TR_DRIFT_DETERMINISTIC,
                                     .eval = mlp_eval,
                                     .vjp = mlp_vjp,
                                     .jvp = mlp_jvp,
                                     .vjp_multi = mlp_vjp,
                                     .vjp_passes = mlp_vjp_passes,
                                     .destroy = mlp_destroy};

static int n_parameters(const tr_drift *drift) {
  const mlp *net = drift->impl;
  return 2 * (net->config.depth + 3) + (net->labels ? 1 : 0);
}

static tr_status list_parameters(tr_drift *drift, tr_net_param *params) {
  mlp *net = drift->impl;
  int n = 0;
  TR_TRY(tr_layer_list_matrix(&net->x_in, params, &n));
  TR_TRY(tr_layer_list_matrix(&net->time_in, params, &n));
  for (int i = 0; i <= net->config.depth; i++) TR_TRY(tr_layer_list_matrix(&net->layers[i], params, &n));
  if (!net->labels) return TR_OK;
  net->label_parameter = n;
  params[n].name = LABELS;
  return tr_array_like(net->labels, &params[n].gradient);
}

static tr_status net_backward(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                              const tr_net_request *asked) {
  return run(drift, times, cond, &(request){.x = x, .back = *asked});
}

const tr_net_type tr_net_mlp = {.ops = &mlp_ops,
                                .n_parameters = n_parameters,
                                .list_parameters = list_parameters,
                                .backward = net_backward};

static tr_status load(tr_ctx *ctx, mlp *net, tr_weight_source *source) {
  const tr_mlp_config *c = &net->config;
  int64_t rows = (int64_t)c->num_classes + (c->null_class >= 0);
  net->layers = calloc((size_t)c->depth + 1, sizeof *net->layers);
  if (!net->layers) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d layers", c->depth);
  TR_TRY(tr_layer_load(ctx, net->dtype, source, "x_in", c->hidden, c->dim, &net->x_in));
  TR_TRY(tr_layer_load(ctx, net->dtype, source, "time_in", c->hidden, c->time_frequencies, &net->time_in));
  for (int i = 0; i < c->depth; i++) {
    char name[32];
    snprintf(name, sizeof name, "layers.%d", i);
    TR_TRY(tr_layer_load(ctx, net->dtype, source, name, c->hidden, c->hidden, &net->layers[i]));
  }
  TR_TRY(tr_layer_load(ctx, net->dtype, source, "out", c->dim, c->hidden, &net->layers[c->depth]));
  if (rows == 0) return TR_OK;
  return tr_weight_load(ctx, net->dtype, source, LABELS, 2, (int64_t[]){rows, c->hidden}, &net->labels);
}

tr_status tr_mlp_create(tr_ctx *ctx, const tr_tensors *weights, int declared_classes, tr_dtype dtype,
                        tr_quantity kind, tr_drift **out) {
  tr_mlp_config config;
  *out = NULL;
  TR_TRY(tr_mlp_config_infer(ctx, weights, declared_classes, &config));
  if (dtype != TR_F32 && dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_ARG, "a network in %s: use f32 or f64", tr_dtype_name(dtype));
  tr_drift *drift = calloc(1, sizeof *drift);
  mlp *net = calloc(1, sizeof *net);
  if (!drift || !net) {
    free(drift);
    free(net);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for a network");
  }
  net->config = config, net->dtype = dtype;
  *drift = (tr_drift){.ops = &mlp_ops, .ctx = ctx, .impl = net, .kind = kind};
  drift->rel_noise = dtype == TR_F64 ? 0 : 1e-7;
  drift->null_class = config.null_class, drift->num_classes = config.num_classes;
  tr_tensor_source source = tr_tensor_source_of(ctx, weights);
  tr_status status = load(ctx, net, &source.base);
  if (status != TR_OK)
    mlp_destroy(drift);
  else
    *out = drift;
  return status;
}
