/* A field network as a drift provider. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/require_private.h"
#include "core/vec/vec.h"
#include "nets/net_private.h"
#include "transport/drift_private.h"

typedef struct {
  tr_drift drift;
  tr_drift_ops ops; /* its own: name and capabilities are the network's */
  tr_net *net;
  bool owned;
  tr_net_clock clock;
  double *times; /* of the network, for `room` of the provider */
  int64_t room;
  char what[64]; /* for messages of its recordings */
  /* Copies of what a call is given, x, v, f, product, for networks that need them in a recording; and whether
   * the call under way does. */
  bool copies;
  tr_array *copy[4];
} field;

/* ---- the network's own time and sign ---- */

static bool is_plain(const tr_net_clock *clock) {
  return clock->at_noise == 0 && clock->at_data == 1;
}

/* *times as the network counts them. */
static tr_status tell_times(field *self, tr_times *times) {
  const tr_net_clock *clock = &self->clock;
  if (is_plain(clock)) return TR_OK;
  if (times->n > self->room) {
    free(self->times);
    self->room = 0;
    self->times = malloc((size_t)times->n * sizeof *self->times);
    if (!self->times)
      return TR_FAIL(self->drift.ctx, TR_E_MEM, "out of memory for %lld times", (long long)times->n);
    self->room = times->n;
  }
  for (int64_t i = 0; i < times->n; i++)
    self->times[i] = fmax(clock->at_noise + (clock->at_data - clock->at_noise) * times->t[i], 0);
  times->t = self->times;
  return TR_OK;
}

static tr_status turn(const field *self, tr_array *x) {
  return self->clock.factor == 1 ? TR_OK : tr_scale(self->clock.factor, x, x);
}

/* ---- calls ---- */

/* What a product of rounded operands may be off, see tr_drift.rel_noise: 2^-8 for bf16, 2^-10 for TF32. */
static double noise_of(const tr_net *net) {
  if (net->products == TR_NN_BF16) return 4e-3;
  if (net->products == TR_NN_TF32) return 1e-3;
  return net->dtype == TR_F64 ? 0 : 1e-7;
}

static tr_net *net_of(const tr_drift *drift) {
  return ((const field *)drift->impl)->net;
}

/* What rows share is known once. */
static tr_times common(tr_times times) {
  bool same = times.n > 0;
  for (int64_t i = 1; same && i < times.n; i++) same = times.t[i] == times.t[0];
  return same ? (tr_times){1, times.t} : times;
}

/* The times that the network is asked at. */
static tr_status times_of(field *self, tr_times *times) {
  TR_TRY(tell_times(self, times));
  *times = common(*times);
  return TR_OK;
}

/* ---- a call in two halves ---- */

/* A call, and its passes where it has more than one: then v and product of the call are NULL. */
typedef struct {
  tr_drift *drift;
  const tr_drift_call *call;
  const tr_drift_passes *passes;
} whole_call;

/* Covectors a row of pass k. */
static int64_t covectors(const whole_call *w, int k) {
  const tr_drift_call *c = w->call;
  const tr_array *v = w->passes ? w->passes->w[k] : c->v;
  return c->x->count ? v->count / c->x->count : 0;
}

/* What the network is asked for by a backward. */
typedef struct {
  tr_drift_passes passes;
  tr_net_request request;
} back_request;

static void fill_request(const whole_call *w, back_request *out) {
  const tr_drift_call *c = w->call;
  out->passes =
      w->passes ? *w->passes : (tr_drift_passes){.n = 1, .w = &c->v, .wJ = (tr_array *const *)&c->product};
  out->request = (tr_net_request){.passes = &out->passes, .f = c->f};
}

static void count_call(tr_net *net, const whole_call *w) {
  const tr_drift_call *c = w->call;
  back_request back;
  net->counts.n_forward++;
  net->counts.n_jvp += c->ask == TR_DRIFT_ASK_JVP;
  if (c->ask != TR_DRIFT_ASK_VJP) return;
  fill_request(w, &back);
  for (int k = 0; k < back.passes.n; k++) net->counts.n_vjp += covectors(w, k);
  tr_net_count_repeats(net, c->x, &back.request);
}

/* Passes in which the caller's code does anything it likes are not. */
static bool can_be_recorded(const tr_net *net, const whole_call *w) {
  if (w->passes && (w->passes->n != 2 || w->passes->n_work == 0)) return false;
  return w->call->x->count > 0 && net->type->send;
}

/* Without passes what tells them apart is 0, and the last number always. */
static void fill_key(field *self, const whole_call *w, int64_t n_times, tr_record_key *key) {
  const tr_drift_call *c = w->call;
  *key = (tr_record_key){self, {c->ask, c->x->shape[0], n_times, c->cond ? c->cond->n : 0}};
  if (!w->passes) return;
  key->number[4] = (int64_t)(intptr_t)w->passes->next_is;
  key->number[5] = covectors(w, 0), key->number[6] = covectors(w, 1);
}

static void destroy_copies(field *self) {
  for (int i = 0; i < 4; i++) tr_array_destroy(&self->copy[i]);
}

static void arrays_of(const tr_drift_call *c, const tr_array *out[4]) {
  out[0] = c->x, out[1] = c->v, out[2] = c->f, out[3] = c->product;
}

/* Those of the call; what others need stays. */
static tr_status provide_copies(field *self, const tr_drift_call *c) {
  const tr_array *given[4];
  arrays_of(c, given);
  for (int i = 0; i < 4; i++) {
    tr_array **copy = &self->copy[i];
    if (*copy && given[i] && !tr_array_same_shape(*copy, given[i])) tr_array_destroy(copy);
    if (given[i] && !*copy) TR_TRY(tr_array_like(given[i], copy));
  }
  return TR_OK;
}

static bool needs_copies(const field *self, const tr_record_key *key) {
  return key->owner && !(self->net->type->caps & TR_NET_MOVES) && tr_record_possible(self->drift.ctx);
}

static tr_status begin(const whole_call *w, tr_record_key *key) {
  field *self = w->drift->impl;
  const tr_drift_call *c = w->call;
  tr_times times = c->times;
  TR_TRY(tr_net_check_states(self->net, c->x));
  TR_TRY(times_of(self, &times));
  count_call(self->net, w);
  *key = (tr_record_key){0};
  if (can_be_recorded(self->net, w)) fill_key(self, w, times.n, key);
  self->copies = needs_copies(self, key);
  if (self->copies) TR_TRY(provide_copies(self, c));
  const bool sends = self->net->type->send && c->x->count;
  return sends ? self->net->type->send(self->net, times, c->cond) : TR_OK;
}

/* ---- passes ---- */

/* Products are turned before the covectors of the next pass are made of them. */
typedef struct {
  const field *self;
  const tr_drift_passes *passes;
  const tr_array *x;
} turned_passes;

/* Rows first .. first + rows - 1 of every product of a pass. */
static tr_status turn_rows(const field *self, const tr_array *products, const tr_array *x, int64_t first,
                           int64_t rows) {
  const int64_t row = x->count / x->shape[0], vectors = products->count / x->count;
  for (int64_t r = 0; r < vectors && rows > 0; r++) {
    tr_array part = tr_view(products, r * x->count + first * row, 2, (int64_t[]){rows, row});
    TR_TRY(turn(self, &part));
  }
  return TR_OK;
}

static tr_status next_turned(void *user, int pass, int64_t first, int64_t rows) {
  const turned_passes *t = user;
  TR_TRY(turn_rows(t->self, t->passes->wJ[pass - 1], t->x, first, rows));
  return t->passes->next(t->passes->user, pass, first, rows);
}

/* ---- the second half ---- */

static tr_status run_back(field *self, tr_times times, const whole_call *w) {
  const tr_drift_call *c = w->call;
  back_request back;
  fill_request(w, &back);
  turned_passes turned = {self, w->passes, c->x};
  if (w->passes) back.passes.next = next_turned, back.passes.user = &turned;
  TR_TRY(self->net->type->backward(self->net, times, c->x, c->cond, &back.request));
  TR_TRY(turn(self, c->f));
  return turn(self, back.passes.wJ[back.passes.n - 1]);
}

/* The network's, at the arrays of the call. */
static tr_status run_network(field *self, const whole_call *w) {
  const tr_drift_call *c = w->call;
  tr_net *net = self->net;
  tr_times times = c->times;
  TR_TRY(times_of(self, &times));
  if (c->ask == TR_DRIFT_ASK_EVAL) {
    TR_TRY(net->type->forward(net, times, c->x, c->cond, c->f));
    return turn(self, c->f);
  }
  if (c->ask == TR_DRIFT_ASK_JVP) {
    TR_TRY(net->type->jvp(net, times, c->x, c->cond, c->v, c->product));
    return turn(self, c->product);
  }
  return run_back(self, times, w);
}

static tr_status launch_whole(void *user) {
  const whole_call *w = user;
  const tr_drift_call *c = w->call;
  field *self = w->drift->impl;
  if (!self->copies) return run_network(self, w);
  tr_drift_call own = *c;
  own.x = self->copy[0], own.v = c->v ? self->copy[1] : NULL;
  own.f = c->f ? self->copy[2] : NULL, own.product = c->product ? self->copy[3] : NULL;
  TR_TRY(tr_array_copy(c->x, self->copy[0]));
  if (c->v) TR_TRY(tr_array_copy(c->v, self->copy[1]));
  TR_TRY(run_network(self, &(whole_call){w->drift, &own, w->passes}));
  if (c->f) TR_TRY(tr_array_copy(own.f, c->f));
  return c->product ? tr_array_copy(own.product, c->product) : TR_OK;
}

/* The halves for those around a provider, who ask for no passes. */
static tr_status field_begin(tr_drift *drift, const tr_drift_call *c, tr_record_key *key) {
  return begin(&(whole_call){drift, c, NULL}, key);
}

static tr_status field_launch(tr_drift *drift, const tr_drift_call *c) {
  return launch_whole(&(whole_call){drift, c, NULL});
}

/* ---- calls as a whole ---- */

/* Both halves, the second recorded where all that differs between calls was sent by the first. */
static tr_status ask_whole(whole_call *w) {
  const field *self = w->drift->impl;
  tr_record_call r = {.what = self->what, .body = launch_whole, .user = w};
  tr_drift_tell_record(w->call, &r);
  TR_TRY(begin(w, &r.key));
  if (!r.key.owner) return launch_whole(w);
  for (int i = 0; w->passes && i < w->passes->n_work; i++) r.moving[r.n_moving++] = w->passes->work[i];
  return tr_record(w->drift->ctx, &r);
}

static tr_status ask(tr_drift *drift, const tr_drift_call *c) {
  return ask_whole(&(whole_call){drift, c, NULL});
}

static tr_status field_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            tr_array *f) {
  return ask(drift, &(tr_drift_call){TR_DRIFT_ASK_EVAL, times, x, cond, NULL, f, NULL});
}

/* One covector a row, or several. */
static tr_status field_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_array *w, tr_array *f, tr_array *wJ) {
  return ask(drift, &(tr_drift_call){TR_DRIFT_ASK_VJP, times, x, cond, w, f, wJ});
}

static tr_status field_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_array *v, tr_array *Jv) {
  return ask(drift, &(tr_drift_call){TR_DRIFT_ASK_JVP, times, x, cond, v, NULL, Jv});
}

static tr_status field_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                  const tr_drift_passes *passes, tr_array *f) {
  if (passes->n == 1) return field_vjp(drift, times, x, cond, passes->w[0], f, passes->wJ[0]);
  const tr_drift_call call = {TR_DRIFT_ASK_VJP, times, x, cond, NULL, f, NULL};
  return ask_whole(&(whole_call){drift, &call, passes});
}

/* What does not fit as a whole is not held. */
static tr_status field_reserve(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  tr_net *net = net_of(drift);
  TR_TRY(tr_net_check_states(net, x));
  const tr_status status = net->type->reserve(net, x, cond, vectors);
  if (status == TR_E_MEM) TR_TRY(tr_net_begin_anew(net));
  return status;
}

/* A failure is that of the next evaluation, too. */
static void field_give_back(tr_drift *drift) {
  (void)tr_net_begin_anew(net_of(drift));
}

static void field_destroy(tr_drift *drift) {
  field *self = drift->impl;
  tr_record_drop(drift->ctx, self);
  destroy_copies(self);
  if (self->owned) tr_net_destroy(&self->net);
  free(self->times);
  free(self);
}

static tr_drift_ops ops_of(const tr_net_type *type) {
  tr_drift_ops ops = {
      .name = type->info.name, .caps = TR_DRIFT_DETERMINISTIC, .eval = field_eval, .destroy = field_destroy};
  if (type->backward) {
    ops.caps |= TR_DRIFT_VJP | TR_DRIFT_VJP_MULTI | TR_DRIFT_VJP_PASSES;
    ops.vjp = ops.vjp_multi = field_vjp, ops.vjp_passes = field_vjp_passes;
  }
  if (type->reserve) ops.reserve = field_reserve, ops.give_back = field_give_back;
  if (type->jvp) ops.caps |= TR_DRIFT_JVP, ops.jvp = field_jvp;
  if (type->send) ops.begin = field_begin, ops.launch = field_launch;
  return ops;
}

tr_status tr_drift_of_net(tr_net *net, tr_quantity kind, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(net), net, out);
  TR_REQUIRE(net->ctx, net->type);
  TR_TRY(tr_quantity_check(net->ctx, kind));
  if (!(net->type->caps & TR_NET_FIELD)) return tr_net_lacking(net, "field");
  field *self = calloc(1, sizeof *self);
  if (!self) return TR_FAIL(net->ctx, TR_E_MEM, "out of memory for a provider");
  self->net = net;
  self->ops = ops_of(net->type);
  snprintf(self->what, sizeof self->what, "an evaluation of %s", net->type->info.name);
  self->clock = (tr_net_clock){0, 1, 1};
  self->drift = (tr_drift){.ops = &self->ops,
                           .ctx = net->ctx,
                           .impl = self,
                           .kind = kind,
                           .rel_noise = noise_of(net),
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

static tr_status check_is_field(const tr_drift *drift, const char *what) {
  return tr_net_of_drift(drift)
             ? TR_OK
             : TR_FAIL(drift->ctx, TR_E_ARG, "the provider %s is no network: only those have %s",
                       drift->ops ? drift->ops->name : "?", what);
}

tr_status tr_drift_set_clock(tr_drift *drift, const tr_net_clock *clock) {
  TR_REQUIRE(drift ? drift->ctx : NULL, drift, clock);
  TR_TRY(check_is_field(drift, "a clock"));
  if (!isfinite(clock->at_noise) || !isfinite(clock->at_data) || !isfinite(clock->factor))
    return TR_FAIL(drift->ctx, TR_E_ARG, "a clock from %g to %g with the factor %g: finite values are needed",
                   clock->at_noise, clock->at_data, clock->factor);
  ((field *)drift->impl)->clock = *clock;
  tr_record_drop(drift->ctx, NULL); /* the factor is recorded, also in what stands around the network */
  return TR_OK;
}

/* A covector of the prediction becomes one of what the network said. */
typedef struct {
  const field *self;
  tr_net_covector covector;
  void *user;
} turned_covector;

static tr_status covector_of_network(void *user, int64_t first, const tr_array *f, tr_array *w) {
  const turned_covector *t = user;
  if (t->self->clock.factor == 1) return t->covector(t->user, first, f, w);
  TR_TRY(tr_scale(t->self->clock.factor, f, w));
  TR_TRY(t->covector(t->user, first, w, w));
  return turn(t->self, w);
}

tr_status tr_drift_gradient(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            tr_net_covector covector, void *user, tr_array *gradient) {
  TR_REQUIRE(TR_CTX_FROM(drift, x, gradient), drift, x, gradient);
  TR_REQUIRE_FUNCTION(TR_CTX_FROM(drift, x, gradient), covector);
  TR_TRY(check_is_field(drift, "parameters"));
  field *self = drift->impl;
  if (!self->net->type->backward) return tr_net_lacking(self->net, "backward");
  TR_TRY(tr_drift_check(drift, times, x, cond));
  TR_TRY(tr_net_check_states(self->net, x));
  turned_covector turned = {self, covector, user};
  TR_TRY(tell_times(self, &times));
  drift->n_eval++, drift->n_forward++;
  return tr_net_go_back(
      self->net, times, x, cond,
      &(tr_net_backward_args){
          .want = TR_GRAD_PARAMS, .covector = covector_of_network, .user = &turned, .gradient = gradient});
}

tr_net *tr_net_of_drift(const tr_drift *drift) {
  if (!drift || !drift->ops) return NULL;
  return drift->ops->destroy == field_destroy ? net_of(drift) : NULL;
}
