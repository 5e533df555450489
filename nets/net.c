#include "nets/net.h"

#include <stdlib.h>

#include "core/vec.h"
#include "nets/net_private.h"

static const tr_net_type *const types[] = {&tr_net_sit, &tr_net_mlp};

/* NULL: not a network. */
static const tr_net_type *type_of(const tr_drift *drift) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i]->ops == drift->ops) return types[i];
  return NULL;
}

tr_status tr_net_open(tr_drift *drift, tr_net **out) {
  const tr_net_type *type = type_of(drift);
  *out = NULL;
  if (!type)
    return TR_FAIL(drift->ctx, TR_E_UNSUPPORTED,
                   "the provider %s has no parameters to train: use a network, a SiT or an MLP",
                   drift->ops->name);
  int n = type->n_parameters(drift);
  tr_net *net = calloc(1, sizeof *net);
  tr_net_param *params = calloc((size_t)n, sizeof *params);
  if (!net || !params) {
    free(net), free(params);
    return TR_FAIL(drift->ctx, TR_E_MEM, "out of memory for %d parameters", n);
  }
  *net = (tr_net){type, drift, n, params};
  tr_status status = type->list_parameters(drift, params);
  if (status == TR_OK) status = tr_net_zero(net);
  if (status != TR_OK)
    tr_net_close(&net);
  else
    *out = net;
  return status;
}

void tr_net_close(tr_net **net) {
  if (!*net) return;
  for (int i = 0; i < (*net)->n_params; i++) tr_array_destroy(&(*net)->params[i].gradient);
  free((*net)->params);
  free(*net);
  *net = NULL;
}

tr_status tr_net_zero(tr_net *net) {
  for (int i = 0; i < net->n_params; i++) TR_TRY(tr_fill(0, net->params[i].gradient));
  return TR_OK;
}

static tr_status check_array(tr_drift *drift, const tr_array *x, const tr_array *other, const char *what) {
  if (!other || (other->ctx == x->ctx && other->dtype == x->dtype && tr_array_same_shape(x, other)))
    return TR_OK;
  char a[80], b[80];
  return TR_FAIL(drift->ctx, TR_E_SHAPE, "the state is %s and %s %s: they must agree",
                 tr_array_describe(x, a, sizeof a), what, tr_array_describe(other, b, sizeof b));
}

static tr_status check_args(tr_drift *drift, const tr_array *x, const tr_net_backward_args *args) {
  if (!args->want || args->want & ~(unsigned)(TR_GRAD_INPUT | TR_GRAD_PARAMS))
    return TR_FAIL(drift->ctx, TR_E_ARG, "gradients %u are wanted: TR_GRAD_INPUT, TR_GRAD_PARAMS or both",
                   args->want);
  if (!args->w == !args->covector)
    return TR_FAIL(drift->ctx, TR_E_ARG, "%s: a backward takes dL/df or a function that makes it",
                   args->w ? "both w and covector are given" : "neither w nor covector is given");
  if (!args->wJ == !!(args->want & TR_GRAD_INPUT))
    return TR_FAIL(drift->ctx, TR_E_ARG, "the input gradient is %s: give wJ exactly with TR_GRAD_INPUT",
                   args->wJ ? "given room but not wanted" : "wanted but has no room");
  TR_TRY(check_array(drift, x, args->w, "the covector"));
  TR_TRY(check_array(drift, x, args->f, "the result"));
  return check_array(drift, x, args->wJ, "the product");
}

tr_status tr_net_backward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                          const tr_net_backward_args *args) {
  tr_drift *drift = net->drift;
  bool input = args->want & TR_GRAD_INPUT;
  TR_TRY(tr_drift_check(drift, times, x, cond));
  TR_TRY(check_args(drift, x, args));
  drift->n_forward++, drift->n_vjp += input;
  tr_drift_passes one = {.n = 1, .w = &args->w, .wJ = &args->wJ};
  tr_net_request request = {.passes = &one,
                            .covector = args->covector,
                            .user = args->user,
                            .f = args->f,
                            .params = args->want & TR_GRAD_PARAMS ? net->params : NULL};
  return net->type->backward(drift, times, x, cond, &request);
}

int64_t tr_net_probes(const tr_net_request *request, int64_t elements, int k) {
  const tr_array *w = request->passes->w[k];
  return w ? w->count / elements : 1;
}

int64_t tr_net_most_probes(const tr_net_request *request, int64_t elements) {
  int64_t most = 0;
  for (int k = 0; k < request->passes->n; k++) {
    int64_t probes = tr_net_probes(request, elements, k);
    most = probes > most ? probes : most;
  }
  return most;
}
