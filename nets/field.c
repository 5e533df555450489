/* A field network as a drift provider. */
#include <stdlib.h>

#include "nets/net_private.h"

#include "core/require_private.h"

typedef struct {
  tr_drift drift;
  tr_drift_ops ops; /* its own: name and capabilities are the network's */
  tr_net *net;
  bool owned;
} field;

static tr_net *net_of(const tr_drift *drift) {
  return ((const field *)drift->impl)->net;
}

/* What rows share is known once. */
static tr_times common(tr_times times) {
  bool same = times.n > 0;
  for (int64_t i = 1; same && i < times.n; i++) same = times.t[i] == times.t[0];
  return same ? (tr_times){1, times.t} : times;
}

static tr_status field_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            tr_array *f) {
  tr_net *net = net_of(drift);
  TR_TRY(tr_net_check_states(net, x));
  net->counts.n_forward++;
  return net->type->forward(net, common(times), x, cond, f);
}

static tr_status field_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                  const tr_drift_passes *passes, tr_array *f) {
  tr_net *net = net_of(drift);
  TR_TRY(tr_net_check_states(net, x));
  net->counts.n_forward++;
  for (int k = 0; k < passes->n && x->count; k++) net->counts.n_vjp += passes->w[k]->count / x->count;
  return net->type->backward(net, common(times), x, cond, &(tr_net_request){.passes = passes, .f = f});
}

/* One covector a row, or several. */
static tr_status field_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_array *w, tr_array *f, tr_array *wJ) {
  return field_vjp_passes(drift, times, x, cond, &(tr_drift_passes){.n = 1, .w = &w, .wJ = &wJ}, f);
}

static tr_status field_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_array *v, tr_array *Jv) {
  tr_net *net = net_of(drift);
  TR_TRY(tr_net_check_states(net, x));
  net->counts.n_forward++, net->counts.n_jvp++;
  return net->type->jvp(net, common(times), x, cond, v, Jv);
}

static tr_status field_reserve(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  tr_net *net = net_of(drift);
  TR_TRY(tr_net_check_states(net, x));
  return net->type->reserve(net, x, cond, vectors);
}

static void field_destroy(tr_drift *drift) {
  field *self = drift->impl;
  if (self->owned) tr_net_destroy(&self->net);
  free(self);
}

static tr_drift_ops ops_of(const tr_net_type *type) {
  tr_drift_ops ops = {
      .name = type->info.name, .caps = TR_DRIFT_DETERMINISTIC, .eval = field_eval, .destroy = field_destroy};
  if (type->backward) {
    ops.caps |= TR_DRIFT_VJP | TR_DRIFT_VJP_MULTI | TR_DRIFT_VJP_PASSES;
    ops.vjp = ops.vjp_multi = field_vjp, ops.vjp_passes = field_vjp_passes;
  }
  if (type->reserve) ops.reserve = field_reserve;
  if (type->jvp) ops.caps |= TR_DRIFT_JVP, ops.jvp = field_jvp;
  return ops;
}

tr_status tr_drift_of_net(tr_net *net, tr_quantity kind, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(net), net, out);
  if (!(net->type->caps & TR_NET_FIELD)) return tr_net_lacking(net, "field");
  field *self = calloc(1, sizeof *self);
  if (!self) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for a provider");
  self->net = net;
  self->ops = ops_of(net->type);
  self->drift = (tr_drift){.ops = &self->ops,
                           .ctx = net->ctx,
                           .impl = self,
                           .kind = kind,
                           .rel_noise = net->dtype == TR_F64 ? 0 : 1e-7,
                           .null_class = net->info.null_class,
                           .num_classes = net->info.num_classes};
  *out = &self->drift;
  return TR_OK;
}

tr_status tr_drift_take_net(tr_net **net, tr_quantity kind, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(net ? tr_net_ctx(*net) : NULL, net, out);
  tr_status status = tr_drift_of_net(*net, kind, out);
  if (status == TR_OK) {
    ((field *)(*out)->impl)->owned = true;
    *net = NULL;
  }
  tr_net_destroy(net);
  return status;
}

tr_net *tr_net_of_drift(const tr_drift *drift) {
  if (!drift) return NULL;
  return drift->ops->destroy == field_destroy ? net_of(drift) : NULL;
}
