/* A small perceptron with a time. A batch goes in groups of samples just large enough to keep the device
 * busy. The tensors before the activations are kept, so forward, backward and tangent share one pass. */
#include "nets/mlp.h"

#include <stdio.h>
#include <stdlib.h>

#include "nets/layers_private.h"
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
  BUFFERS
};

typedef struct {
  tr_mlp_config config;
  tr_dtype dtype;
  tr_layer x_in, time_in;
  tr_layer *layers; /* those behind an activation: depth of them, then out */
  tr_array *labels; /* (classes with the null class, D), or NULL */
  int64_t elements[BUFFERS];
  tr_array *buffer[BUFFERS];
} mlp;

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
    expect(out, "labels.weight", 2, rows, c->hidden);
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
  if (declared == 0 && !tr_tensors_find(weights, "labels.weight")) return TR_OK;
  TR_TRY(find(ctx, weights, "labels.weight", "(classes, hidden)", &table));
  int rows = (int)table->shape[0];
  TR_TRY(tr_weights_classes(ctx, rows, declared, &config->num_classes, &config->null_class));
  if (config->num_classes > 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "tensor 'labels.weight' has one row, the null class: a class is missing");
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

/* One group of samples on its way. */
typedef struct {
  const mlp *net;
  int64_t rows, conditions; /* 1 condition for all or one a row */
  int64_t probes;           /* gradients or tangents beside a row, 0 or more */
} group;

static tr_status provide_work(tr_ctx *ctx, mlp *net, const group *g) {
  int64_t d = net->config.hidden, wide = g->rows * (g->probes > 1 ? g->probes : 1);
  const int64_t elements[BUFFERS] = {
      [EMBEDDING] = g->rows * net->config.time_frequencies,
      [TIME] = g->rows * d,
      [CONDITION] = g->rows * d,
      [KEPT] = (net->config.depth + 1) * g->rows * d,
      [HIDDEN] = wide * d,
      [OTHER] = wide * d,
      [STACK] = wide * net->config.dim,
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
  return tr_net_leading(&all, i * g->rows, g->rows);
}

/* ---- one group forward, backward and sideways ---- */

static tr_status condition(const group *g, tr_times times, const int32_t *labels, tr_array *c) {
  const mlp *net = g->net;
  tr_array embedding = work(g, EMBEDDING, times.n, net->config.time_frequencies);
  tr_array time = work(g, TIME, times.n, net->config.hidden);
  TR_TRY(tr_net_embed_times(times.t, &embedding));
  TR_TRY(tr_layer_apply(&embedding, &net->time_in, TR_NN_IDENTITY, &time));
  return tr_nn_condition(&time, net->labels, labels, c);
}

/* h_0 .. h_depth, and f unless it is NULL. */
static tr_status forward(const group *g, tr_times times, const int32_t *labels, const tr_array *x,
                         tr_array *f) {
  const mlp *net = g->net;
  int64_t d = net->config.hidden;
  tr_array c = work(g, CONDITION, g->conditions, d), hidden = work(g, HIDDEN, g->rows, d), h = kept(g, 0);
  TR_TRY(condition(g, times, labels, &c));
  TR_TRY(tr_nn_linear(
      &(tr_nn_linear_args){.x = x, .w = &net->x_in.w, .bias = net->x_in.bias, .residual = &c, .y = &h}));
  for (int i = 0; i < net->config.depth + (f ? 1 : 0); i++) {
    tr_array next = i < net->config.depth ? kept(g, i + 1) : *f;
    TR_TRY(tr_nn_activate(TR_NN_SILU, &h, &hidden));
    TR_TRY(tr_layer_apply(&hidden, &net->layers[i], TR_NN_IDENTITY, &next));
    h = next;
  }
  return TR_OK;
}

/* stack (probes rows, dim), probe after probe, becomes the products of what it held. */
static tr_status backward(const group *g, tr_array *stack) {
  const mlp *net = g->net;
  int64_t rows = g->probes * g->rows, d = net->config.hidden;
  tr_array gradient = *stack, spare[2] = {work(g, HIDDEN, rows, d), work(g, OTHER, rows, d)};
  for (int i = net->config.depth; i >= 0; i--) {
    tr_array before = spare[i % 2], h = kept(g, i);
    TR_TRY(tr_layer_back(&gradient, &net->layers[i], &before));
    TR_TRY(tr_nn_activation_backward(TR_NN_SILU, &h, &before, &before));
    gradient = before;
  }
  return tr_layer_back(&gradient, &net->x_in, stack);
}

static tr_status tangent(const group *g, const tr_array *v, tr_array *Jv) {
  const mlp *net = g->net;
  int64_t d = net->config.hidden;
  tr_array moved = work(g, HIDDEN, g->rows, d), next = work(g, OTHER, g->rows, d);
  TR_TRY(tr_layer_push(v, &net->x_in, &moved));
  for (int i = 0; i <= net->config.depth; i++) {
    tr_array h = kept(g, i), spare = moved;
    TR_TRY(tr_nn_activation_backward(TR_NN_SILU, &h, &moved, &moved));
    if (i == net->config.depth) break;
    TR_TRY(tr_layer_push(&moved, &net->layers[i], &next));
    moved = next, next = spare;
  }
  return tr_layer_push(&moved, &net->layers[net->config.depth], Jv);
}

/* ---- a batch ---- */

/* What is asked of a batch; absent is NULL. */
typedef struct {
  const tr_array *x;
  tr_array *f;
  int64_t probes;    /* of w and wJ, 0 without */
  const tr_array *w; /* probes times the shape of x */
  tr_array *wJ;      /* the same */
  const tr_array *v; /* the shape of x */
  tr_array *Jv;      /* the same */
} request;

/* Rows first .. of each of the probes of `from`, probe after probe, in `stack`; or back again. */
static tr_status move_probes(const group *g, const tr_array *whole, int64_t first, int64_t batch,
                             tr_array *stack, bool into_stack) {
  tr_array all = *whole;
  all.shape[0] = g->probes * batch, all.shape[1] = g->net->config.dim, all.ndim = 2;
  for (int64_t r = 0; r < g->probes; r++) {
    tr_array outside = tr_net_leading(&all, r * batch + first, g->rows);
    tr_array inside = tr_net_leading(stack, r * g->rows, g->rows);
    TR_TRY(into_stack ? tr_array_copy(&outside, &inside) : tr_array_copy(&inside, &outside));
  }
  return TR_OK;
}

static tr_status run_group(const group *g, tr_times times, const int32_t *labels, const request *q,
                           int64_t first) {
  int64_t batch = q->x->shape[0];
  tr_array x = tr_net_leading(q->x, first, g->rows), f = {0};
  if (q->f) f = tr_net_leading(q->f, first, g->rows);
  TR_TRY(forward(g, times, labels, &x, q->f ? &f : NULL));
  if (q->w) {
    tr_array stack = work(g, STACK, g->probes * g->rows, g->net->config.dim);
    TR_TRY(move_probes(g, q->w, first, batch, &stack, true));
    TR_TRY(backward(g, &stack));
    TR_TRY(move_probes(g, q->wJ, first, batch, &stack, false));
  }
  if (!q->v) return TR_OK;
  tr_array v = tr_net_leading(q->v, first, g->rows), Jv = tr_net_leading(q->Jv, first, g->rows);
  return tangent(g, &v, &Jv);
}

static tr_status check_input(const tr_drift *drift, const mlp *net, const tr_array *x) {
  if (x->ndim == 2 && x->dtype == net->dtype && x->shape[1] == net->config.dim) return TR_OK;
  char got[96];
  return TR_FAIL(drift->ctx, TR_E_SHAPE, "the network takes states %s (N, %d), not %s",
                 tr_dtype_name(net->dtype), net->config.dim, tr_array_describe(x, got, sizeof got));
}

static tr_status provide_transposed(mlp *net) {
  TR_TRY(tr_layer_transpose(&net->x_in));
  for (int i = 0; i <= net->config.depth; i++) TR_TRY(tr_layer_transpose(&net->layers[i]));
  return TR_OK;
}

/* Samples whose rows, with a gradient for each probe, keep the device busy. */
static int64_t samples_at_once(tr_ctx *ctx, int64_t batch, int64_t probes) {
  int64_t samples = tr_nn_rows_at_once(ctx) / (probes > 1 ? probes : 1);
  samples = samples < 1 ? 1 : samples;
  return samples < batch ? samples : batch;
}

/* Where time and label are common to all rows, so is the condition: one row of it. */
static tr_status run(tr_drift *drift, tr_times times, const tr_cond *cond, const request *q) {
  mlp *net = drift->impl;
  int64_t batch = q->x->shape[0];
  TR_TRY(check_input(drift, net, q->x));
  if (batch == 0) return TR_OK;
  bool one = times.n == 1 && (!net->labels || cond->n == 1);
  int64_t most = samples_at_once(drift->ctx, batch, q->probes);
  group g = {net, most, one ? 1 : most, q->probes};
  if (q->w) TR_TRY(provide_transposed(net));
  TR_TRY(provide_work(drift->ctx, net, &g));
  int32_t *labels = NULL;
  if (net->labels) TR_TRY(tr_net_row_labels(drift->ctx, cond, batch, &labels));
  tr_status status = TR_OK;
  for (int64_t first = 0; first < batch && status == TR_OK; first += most) {
    g.rows = batch - first < most ? batch - first : most, g.conditions = one ? 1 : g.rows;
    tr_times part = {times.n == 1 ? 1 : g.rows, times.n == 1 ? times.t : times.t + first};
    status = run_group(&g, part, labels ? labels + first : NULL, q, first);
  }
  free(labels);
  return status;
}

/* ---- the provider ---- */

static tr_status mlp_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                          tr_array *f) {
  return run(drift, times, cond, &(request){.x = x, .f = f});
}

static tr_status mlp_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_array *w, tr_array *f, tr_array *wJ) {
  return run(drift, times, cond, &(request){.x = x, .f = f, .probes = 1, .w = w, .wJ = wJ});
}

static tr_status mlp_vjp_multi(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                               const tr_array *w, tr_array *f, tr_array *wJ) {
  return run(drift, times, cond, &(request){.x = x, .f = f, .probes = w->shape[0], .w = w, .wJ = wJ});
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
  for (int i = 0; i < BUFFERS; i++) tr_array_destroy(&net->buffer[i]);
  free(net);
  free(drift);
}

static const tr_drift_ops mlp_ops = {.name = "mlp",
                                     .caps = TR_DRIFT_VJP | TR_DRIFT_JVP | TR_DRIFT_VJP_MULTI |
                                             TR_DRIFT_DETERMINISTIC,
                                     .eval = mlp_eval,
                                     .vjp = mlp_vjp,
                                     .jvp = mlp_jvp,
                                     .vjp_multi = mlp_vjp_multi,
                                     .destroy = mlp_destroy};

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
  return tr_weight_load(ctx, net->dtype, source, "labels.weight", 2, (int64_t[]){rows, c->hidden},
                        &net->labels);
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
