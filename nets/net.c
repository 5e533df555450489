#include "nets/net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/callback_private.h"
#include "core/record/record.h"
#include "core/require_private.h"
#include "nets/layers/entries_private.h"
#include "nets/net_private.h"

/* ---- making ---- */

static tr_status check_options(tr_ctx *ctx, const tr_net_config *config, const tr_net_options *options) {
  if (!config->type || !config->sizes)
    return TR_FAIL(ctx, TR_E_ARG, "a network without sizes: find them by tr_net_configure or its like");
  if ((unsigned)options->storage > TR_WEIGHTS_BF16)
    return TR_FAIL(ctx, TR_E_ARG, "there is no way %d to keep weights", (int)options->storage);
  if (options->dtype != TR_F32 && options->dtype != TR_F64)
    return TR_FAIL(ctx, TR_E_ARG, "a network in %s: use f32 or f64", tr_dtype_name(options->dtype));
  TR_TRY(tr_nn_products_check(ctx, options->dtype, options->products));
  return config->type->check(ctx, config->sizes);
}

static tr_status fill(tr_net *net, const tr_net_config *config, const tr_net_options *options,
                      tr_weight_source *source) {
  net->sizes = malloc(net->type->sizes_bytes);
  if (!net->sizes) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for a network");
  memcpy(net->sizes, config->sizes, net->type->sizes_bytes);
  TR_TRY(tr_entries_load(net, options->trained, source));
  return net->type->open ? net->type->open(net) : TR_OK;
}

static tr_status create(tr_ctx *ctx, const tr_net_config *config, const tr_net_options *options,
                        tr_weight_source *source, tr_net **out) {
  *out = NULL;
  TR_TRY(check_options(ctx, config, options));
  tr_net *net = calloc(1, sizeof *net);
  if (!net) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a network");
  *net = (tr_net){.type = config->type,
                  .ctx = ctx,
                  .dtype = options->dtype,
                  .info = config->info,
                  .storage = options->storage,
                  .products = options->products};
  tr_status status = fill(net, config, options, source);
  if (status != TR_OK)
    tr_net_destroy(&net);
  else
    *out = net;
  return status;
}

tr_status tr_net_create(tr_ctx *ctx, const tr_net_config *config, const tr_net_options *options,
                        const tr_tensors *weights, tr_net **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, config, options, weights, out);
  tr_tensor_source source = tr_tensor_source_of(ctx, weights, config);
  return create(ctx, config, options, &source.base, out);
}

tr_status tr_net_create_random(tr_ctx *ctx, const tr_net_config *config, const tr_net_options *options,
                               tr_net_start start, uint64_t seed, tr_net **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, config, options, out);
  if ((unsigned)start > TR_NET_INITIAL)
    return TR_FAIL(ctx, TR_E_ARG, "there is no way %d to begin a network", (int)start);
  tr_random_source source = tr_random_source_of(config->sizes, start, seed);
  return create(ctx, config, options, &source.base, out);
}

tr_status tr_net_create_named(tr_ctx *ctx, const char *name, int n, const tr_net_size *sizes,
                              const tr_net_options *options, uint64_t seed, tr_net **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, name, sizes, options, out);
  tr_net_config config;
  tr_status status = tr_net_configure_named(ctx, name, n, sizes, &config);
  if (status == TR_OK) status = tr_net_create_random(ctx, &config, options, TR_NET_RANDOM, seed, out);
  tr_net_config_clear(&config);
  return status;
}

void tr_net_destroy(tr_net **net) {
  if (!net || !*net) return;
  tr_record_drop((*net)->ctx, *net);
  if ((*net)->type->close && (*net)->work) (*net)->type->close(*net);
  tr_entries_clear(*net);
  free((*net)->sizes);
  free(*net);
  *net = NULL;
}

/* ---- what it is ---- */

const char *tr_net_name(const tr_net *net) {
  if (!net || !net->type) return "";
  return net->type->info.name;
}

tr_ctx *tr_net_ctx(const tr_net *net) {
  if (!net) return NULL;
  return net->ctx;
}

tr_dtype tr_net_dtype(const tr_net *net) {
  if (!net) return (tr_dtype){0};
  return net->dtype;
}

tr_nn_products tr_net_products(const tr_net *net) {
  if (!net) return TR_NN_FULL;
  return net->products;
}

const tr_net_info *tr_net_info_of(const tr_net *net) {
  if (!net) return NULL;
  return &net->info;
}

long tr_net_value(const tr_net *net, const char *key) {
  if (!net || !key) return 0;
  return tr_net_config_value(&(tr_net_config){net->type, net->info, net->sizes}, key);
}

tr_params *tr_net_params(const tr_net *net) {
  if (!net) return NULL;
  return net->params;
}

static tr_status no_parameters(const tr_net *net) {
  return TR_FAIL(net->ctx, TR_E_ARG, "the network %s was made without parameters to train: make it with them",
                 tr_net_name(net));
}

static tr_status refresh(void *net) {
  return tr_entries_refresh(net);
}

/* A launch for every layer, after each step of a training: recorded. The parameters have changed already, so
 * that nothing ends it. */
tr_status tr_net_refresh(tr_net *net) {
  TR_REQUIRE(TR_CTX_OF(net), net);
  if (!net->params) return no_parameters(net);
  const tr_record_call call = {
      .key = {net, {0}}, .what = "setting the weights anew", .finishes = true, .body = refresh, .user = net};
  return tr_record(net->ctx, &call);
}

tr_net_counts tr_net_counted(const tr_net *net) {
  if (!net) return (tr_net_counts){0};
  return net->counts;
}

tr_status tr_net_begin_anew(tr_net *net) {
  if (!net->type->open || !net->type->close) return TR_OK;
  net->type->close(net);
  net->work = NULL;
  TR_TRY(net->type->open(net));
  if (net->recompute) net->type->set_recompute(net, true);
  return TR_OK;
}

tr_status tr_net_set_recompute(tr_net *net, bool recompute) {
  TR_REQUIRE(TR_CTX_OF(net), net);
  TR_REQUIRE(net->ctx, net->type);
  if (!net->type->set_recompute || !net->type->repeats)
    return TR_FAIL(net->ctx, TR_E_ARG, "the network %s keeps no activations by blocks", tr_net_name(net));
  tr_record_drop(net->ctx, NULL);
  net->recompute = recompute;
  net->type->set_recompute(net, recompute);
  return TR_OK;
}

long tr_net_recomputed(const tr_net *net) {
  if (!net) return 0;
  return net->n_recomputed;
}

/* ---- calls ---- */

tr_status tr_net_lacking(const tr_net *net, const char *what) {
  return TR_FAIL(net->ctx, TR_E_UNSUPPORTED, "the network %s has no %s", tr_net_name(net), what);
}

tr_status tr_net_check_states(const tr_net *net, const tr_array *x) {
  const tr_net_info *info = &net->info;
  bool fits = x->ndim == info->ndim + 1 && x->dtype == net->dtype;
  for (int i = 0; fits && i < info->ndim; i++) fits = x->shape[i + 1] == info->shape[i];
  if (fits) return TR_OK;
  char shape[96] = "", got[96];
  for (int i = 0; i < info->ndim; i++)
    snprintf(shape + strlen(shape), sizeof shape - strlen(shape), ", %lld", (long long)info->shape[i]);
  return TR_FAIL(net->ctx, TR_E_SHAPE, "the network takes %s %s (N%s), not %s",
                 info->ndim == 3 ? "latents" : "states", tr_dtype_name(net->dtype), shape,
                 tr_array_describe(x, got, sizeof got));
}

/* As a provider checks what it is asked for. */
static tr_status check_call(const tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond) {
  const tr_drift_ops ops = {.name = tr_net_name(net)};
  tr_drift like = {
      .ops = &ops, .ctx = net->ctx, .num_classes = net->info.num_classes, .null_class = net->info.null_class};
  if (!(net->type->caps & TR_NET_FIELD)) return tr_net_lacking(net, "field");
  TR_TRY(tr_drift_check(&like, times, x, cond));
  return tr_net_check_states(net, x);
}

static tr_status check_array(const tr_net *net, const tr_array *x, const tr_array *other, const char *what) {
  if (!other || (other->ctx == x->ctx && other->dtype == x->dtype && tr_array_same_shape(x, other)))
    return TR_OK;
  char a[80], b[80];
  return TR_FAIL(net->ctx, TR_E_SHAPE, "the state is %s and %s %s: they must agree",
                 tr_array_describe(x, a, sizeof a), what, tr_array_describe(other, b, sizeof b));
}

tr_status tr_net_forward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f) {
  TR_REQUIRE(TR_CTX_FROM(net, x, f), net, x, f);
  TR_REQUIRE(TR_CTX_FROM(net, x, f), net->type);
  TR_TRY(check_call(net, times, x, cond));
  TR_TRY(check_array(net, x, f, "the result"));
  net->counts.n_forward++;
  return net->type->forward(net, times, x, cond, f);
}

static tr_status check_gradient(const tr_net *net, const tr_net_backward_args *args) {
  bool wanted = args->want & TR_GRAD_PARAMS;
  if (wanted != (args->gradient != NULL))
    return TR_FAIL(net->ctx, TR_E_ARG,
                   "the gradient of the parameters is %s: give it exactly with TR_GRAD_PARAMS",
                   wanted ? "wanted but has no room" : "given room but not wanted");
  if (!wanted) return TR_OK;
  return net->params ? tr_params_check(net->params, args->gradient, "the gradient") : no_parameters(net);
}

static tr_status check_args(const tr_net *net, const tr_array *x, const tr_net_backward_args *args) {
  if (!args->want || args->want & ~(unsigned)(TR_GRAD_INPUT | TR_GRAD_PARAMS))
    return TR_FAIL(net->ctx, TR_E_ARG, "gradients %u are wanted: TR_GRAD_INPUT, TR_GRAD_PARAMS or both",
                   args->want);
  if (!args->w == !args->covector)
    return TR_FAIL(net->ctx, TR_E_ARG, "%s: a backward takes dL/df or a function that makes it",
                   args->w ? "both w and covector are given" : "neither w nor covector is given");
  if (!args->wJ == !!(args->want & TR_GRAD_INPUT))
    return TR_FAIL(net->ctx, TR_E_ARG, "the input gradient is %s: give wJ exactly with TR_GRAD_INPUT",
                   args->wJ ? "given room but not wanted" : "wanted but has no room");
  if (args->finished && !args->gradient)
    return TR_FAIL(net->ctx, TR_E_ARG, "finished gradients are asked for, and none of parameters are wanted");
  TR_TRY(check_gradient(net, args));
  TR_TRY(check_array(net, x, args->w, "the covector"));
  TR_TRY(check_array(net, x, args->f, "the result"));
  return check_array(net, x, args->wJ, "the product");
}

/* The caller's covectors, whose failure is heard. */
typedef struct {
  const tr_net_backward_args *args;
  tr_ctx *ctx;
  double t;
} heard;

static tr_status hear_covector(void *user, int64_t first, const tr_array *f, tr_array *w) {
  const heard *h = user;
  return tr_callback_status(h->ctx, h->args->covector(h->args->user, first, f, w), "what makes the covectors",
                            h->t);
}

static tr_status hear_finished(void *user, int from) {
  const heard *h = user;
  return tr_callback_status(h->ctx, h->args->finished(h->args->user, from), "who asks for finished gradients",
                            h->t);
}

void tr_net_count_repeats(tr_net *net, const tr_array *x, const tr_net_request *request) {
  if (net->recompute && x->count) net->n_recomputed += net->type->repeats(net, x, request);
}

/* What the kind is asked for, and what that points to. */
typedef struct {
  tr_net_gradient gradient;
  tr_drift_passes one;
  heard heard;
  tr_net_request request;
} back_request;

static void fill_request(const tr_net *net, tr_times times, const tr_net_backward_args *args,
                         back_request *out) {
  out->gradient = (tr_net_gradient){net->params, args->gradient};
  out->one = (tr_drift_passes){.n = 1, .w = &args->w, .wJ = &args->wJ};
  out->heard = (heard){args, net->ctx, times.n > 0 ? times.t[0] : NAN};
  out->request = (tr_net_request){.passes = &out->one,
                                  .covector = args->covector ? hear_covector : NULL,
                                  .finished = args->finished ? hear_finished : NULL,
                                  .user = &out->heard,
                                  .f = args->f,
                                  .gradient = args->gradient ? &out->gradient : NULL};
}

/* Checked, too. */
static tr_status count_back(tr_net *net, tr_times times, const tr_array *x,
                            const tr_net_backward_args *args) {
  back_request r;
  TR_TRY(check_args(net, x, args));
  fill_request(net, times, args, &r);
  net->counts.n_forward++, net->counts.n_vjp += (args->want & TR_GRAD_INPUT) != 0;
  tr_net_count_repeats(net, x, &r.request);
  return TR_OK;
}

tr_status tr_net_launch_back(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                             const tr_net_backward_args *args) {
  back_request r;
  fill_request(net, times, args, &r);
  TR_TRY(net->type->backward(net, times, x, cond, &r.request));
  return args->finished ? hear_finished(&r.heard, 0) : TR_OK;
}

tr_status tr_net_go_back(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                         const tr_net_backward_args *args) {
  TR_TRY(count_back(net, times, x, args));
  return tr_net_launch_back(net, times, x, cond, args);
}

tr_status tr_net_tell_finished(const tr_net_request *request, const tr_layer *layer) {
  if (!layer) return TR_FAIL(NULL, TR_E_ARG, "tr_net_tell_finished: layer is NULL");
  return request && request->finished ? request->finished(request->user, layer->parameter) : TR_OK;
}

tr_status tr_net_begin_back(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                            const tr_net_backward_args *args) {
  if (!net->type->backward) return tr_net_lacking(net, "backward");
  TR_TRY(check_call(net, times, x, cond));
  TR_TRY(count_back(net, times, x, args));
  return net->type->send && x->count ? net->type->send(net, times, cond) : TR_OK;
}

tr_status tr_net_backward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                          const tr_net_backward_args *args) {
  TR_REQUIRE(TR_CTX_FROM(net, x), net, x, args);
  TR_REQUIRE(TR_CTX_FROM(net, x), net->type);
  TR_TRY(tr_net_begin_back(net, times, x, cond, args));
  return tr_net_launch_back(net, times, x, cond, args);
}

int64_t tr_net_probes(const tr_net_request *request, int64_t elements, int k) {
  if (!request || !request->passes || k < 0 || k >= request->passes->n) return 0;
  const tr_array *w = request->passes->w[k];
  return !w ? 1 : elements > 0 ? w->count / elements : 0;
}

int64_t tr_net_most_probes(const tr_net_request *request, int64_t elements) {
  if (!request || !request->passes) return 0;
  int64_t most = 0;
  for (int k = 0; k < request->passes->n; k++) {
    int64_t probes = tr_net_probes(request, elements, k);
    most = probes > most ? probes : most;
  }
  return most;
}
