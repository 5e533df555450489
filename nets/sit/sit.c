/* SiT networks as drift providers. */
#include "nets/sit/sit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/vec.h"
#include "nets/sit/sit_private.h"

static const tr_drift_ops sit_ops;

tr_sit *tr_sit_of(const tr_drift *drift) {
  return drift->ops == &sit_ops ? drift->impl : NULL;
}

tr_status tr_sit_check_input(const tr_drift *drift, const tr_array *x, const tr_array *f) {
  const tr_sit *net = drift->impl;
  const tr_sit_config *c = &net->config;
  int64_t side = (int64_t)c->grid * c->patch;
  if (x->ndim == 4 && x->dtype == net->dtype && x->shape[1] == c->channels && x->shape[2] == side &&
      x->shape[3] == side && tr_array_same_shape(x, f) && f->dtype == x->dtype)
    return TR_OK;
  char got[96];
  return TR_FAIL(drift->ctx, TR_E_SHAPE, "the network takes latents %s (N, %d, %lld, %lld), not %s",
                 tr_dtype_name(net->dtype), c->channels, (long long)side, (long long)side,
                 tr_array_describe(x, got, sizeof got));
}

/* Labels are there: tr_drift_eval asks for them where a network has classes, and a SiT always has. */
static tr_status sit_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                          tr_array *f) {
  tr_sit *net = drift->impl;
  TR_TRY(tr_sit_check_input(drift, x, f));
  return tr_sit_forward(drift->ctx, net, times, x, cond, f);
}

static tr_status sit_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                const tr_drift_passes *passes, tr_array *f) {
  tr_sit *net = drift->impl;
  TR_TRY(tr_sit_check_input(drift, x, f));
  return tr_sit_backward(drift->ctx, net, times, x, cond, &(tr_net_request){.passes = passes, .f = f});
}

/* One covector a row, or several. */
static tr_status sit_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_array *w, tr_array *f, tr_array *wJ) {
  return sit_vjp_passes(drift, times, x, cond, &(tr_drift_passes){.n = 1, .w = &w, .wJ = &wJ}, f);
}

static tr_status sit_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_array *v, tr_array *Jv) {
  tr_sit *net = drift->impl;
  TR_TRY(tr_sit_check_input(drift, x, Jv));
  return tr_sit_jvp(drift->ctx, net, times, x, cond, v, Jv);
}

static void sit_destroy(tr_drift *drift) {
  tr_sit *net = drift->impl;
  tr_sit_clear(net);
  free(net);
  free(drift);
}

static const tr_drift_ops sit_ops = {.name = "sit",
                                     .caps = TR_DRIFT_VJP | TR_DRIFT_JVP | TR_DRIFT_VJP_MULTI |
                                             TR_DRIFT_VJP_PASSES | TR_DRIFT_DETERMINISTIC,
                                     .eval = sit_eval,
                                     .vjp = sit_vjp,
                                     .jvp = sit_jvp,
                                     .vjp_multi = sit_vjp,
                                     .vjp_passes = sit_vjp_passes,
                                     .destroy = sit_destroy};

static tr_status net_backward(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                              const tr_net_request *request) {
  TR_TRY(tr_sit_check_input(drift, x, x));
  return tr_sit_backward(drift->ctx, drift->impl, times, x, cond, request);
}

const tr_net_type tr_net_sit = {.ops = &sit_ops,
                                .n_parameters = tr_sit_n_parameters,
                                .list_parameters = tr_sit_list_parameters,
                                .backward = net_backward};

const tr_sit_config *tr_sit_config_of(const tr_drift *drift) {
  const tr_sit *net = tr_sit_of(drift);
  return net ? &net->config : NULL;
}

tr_status tr_sit_set_recompute(tr_drift *drift, bool recompute) {
  if (drift->ops != &sit_ops)
    return TR_FAIL(drift->ctx, TR_E_ARG, "%s is not a SiT: it keeps no activations", drift->ops->name);
  tr_sit *net = drift->impl;
  if (net->recompute != recompute) tr_sit_back_work_clear(&net->back);
  net->recompute = recompute;
  return TR_OK;
}

long tr_sit_recomputed(const tr_drift *drift) {
  const tr_sit *net = tr_sit_of(drift);
  return net ? net->n_recomputed : 0;
}

static tr_status check_config(tr_ctx *ctx, const tr_sit_config *c, tr_dtype dtype) {
  const int positive[] = {c->channels, c->out_channels, c->patch,      c->grid,       c->hidden,
                          c->depth,    c->heads,        c->mlp_hidden, c->num_classes};
  for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
    if (positive[i] <= 0)
      return TR_FAIL(ctx, TR_E_ARG,
                     "a SiT of %d channels, patch %d, grid %d, width %d, depth %d, %d heads, MLP %d: "
                     "every size must be positive",
                     c->channels, c->patch, c->grid, c->hidden, c->depth, c->heads, c->mlp_hidden);
  if (c->hidden % c->heads)
    return TR_FAIL(ctx, TR_E_ARG, "%d heads do not divide the width %d", c->heads, c->hidden);
  if (c->out_channels < c->channels)
    return TR_FAIL(ctx, TR_E_ARG, "%d output channels are fewer than the %d of the latents", c->out_channels,
                   c->channels);
  if (c->time_frequencies < 2 || c->time_frequencies % 2)
    return TR_FAIL(ctx, TR_E_ARG, "a time embedding of width %d: it must be even", c->time_frequencies);
  if (dtype != TR_F32 && dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_ARG, "a network in %s: use f32 or f64", tr_dtype_name(dtype));
  return TR_OK;
}

static tr_status create(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, tr_weight_source *source,
                        tr_quantity kind, tr_drift **out) {
  *out = NULL;
  TR_TRY(check_config(ctx, config, dtype));
  tr_drift *drift = calloc(1, sizeof *drift);
  tr_sit *net = calloc(1, sizeof *net);
  if (!drift || !net) {
    free(drift);
    free(net);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for a network");
  }
  net->config = *config, net->dtype = dtype, net->tokens = (int64_t)config->grid * config->grid;
  *drift = (tr_drift){.ops = &sit_ops, .ctx = ctx, .impl = net, .kind = kind};
  drift->rel_noise = dtype == TR_F64 ? 0 : 1e-7;
  drift->null_class = config->null_class, drift->num_classes = config->num_classes;
  tr_status status = tr_sit_load(ctx, net, source);
  if (status != TR_OK)
    sit_destroy(drift);
  else
    *out = drift;
  return status;
}

tr_status tr_sit_create(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, const tr_tensors *weights,
                        tr_quantity kind, tr_drift **out) {
  tr_tensor_source source = tr_tensor_source_of(ctx, weights);
  return create(ctx, config, dtype, &source.base, kind, out);
}

/* Random weights: normals addressed by the tensor's place in the order of reading. */
typedef struct {
  tr_weight_source base;
  uint64_t seed;
  uint32_t tensors;
} random_source;

/* Matrices keep the size of what passes through; vectors and tables are small. */
static tr_status read_random(tr_weight_source *base, const char *name, tr_array *out) {
  random_source *source = (random_source *)base;
  tr_random_address address = {.seed = source->seed, .purpose = TR_RANDOM_WEIGHTS, .step = source->tensors++};
  bool matrix = strstr(name, ".weight") && !strstr(name, "table");
  TR_TRY(tr_randn(&address, out));
  return tr_scale(matrix ? 1 / sqrt((double)out->shape[1]) : 0.1, out, out);
}

tr_status tr_sit_create_random(tr_ctx *ctx, const tr_sit_config *config, tr_dtype dtype, uint64_t seed,
                               tr_quantity kind, tr_drift **out) {
  random_source source = {{read_random}, seed, 0};
  return create(ctx, config, dtype, &source.base, kind, out);
}
