#include "transport/drift.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/callback_private.h"
#include "core/error/fit_private.h"
#include "core/require_private.h"
#include "transport/drift_private.h"

static tr_status check_times(tr_drift *drift, tr_times times, int64_t rows) {
  if (times.n != 1 && times.n != rows)
    return TR_FAIL(drift->ctx, TR_E_SHAPE, "%s: %lld times for %lld rows: give one, or one a row",
                   drift->ops->name, (long long)times.n, (long long)rows);
  if (times.n && !times.t) return TR_FAIL(drift->ctx, TR_E_ARG, "%s: times.t is NULL", drift->ops->name);
  for (int64_t i = 0; i < times.n; i++)
    if (!(times.t[i] >= 0 && times.t[i] <= 1))
      return TR_FAIL(drift->ctx, TR_E_ARG, "%s at t = %.17g: times lie between 0 (noise) and 1 (data)",
                     drift->ops->name, times.t[i]);
  return TR_OK;
}

static tr_status check_labels(tr_drift *drift, const tr_cond *cond, int64_t rows) {
  bool given = cond && cond->labels;
  if (drift->num_classes == 0)
    return given ? TR_FAIL(drift->ctx, TR_E_ARG, "%s is unconditional: it takes no class labels",
                           drift->ops->name)
                 : TR_OK;
  if (!given)
    return TR_FAIL(drift->ctx, TR_E_ARG, "%s needs class labels, 0 to %d", drift->ops->name,
                   drift->num_classes - 1);
  if (cond->n != 1 && cond->n != rows)
    return TR_FAIL(drift->ctx, TR_E_SHAPE, "%s: %lld class labels for %lld rows: give one, or one a row",
                   drift->ops->name, (long long)cond->n, (long long)rows);
  for (int64_t i = 0; i < cond->n; i++) {
    int32_t label = cond->labels[i];
    if ((label >= 0 && label < drift->num_classes) || (drift->null_class >= 0 && label == drift->null_class))
      continue;
    return TR_FAIL(drift->ctx, TR_E_ARG, "class label %d of row %lld: %s has classes 0 to %d%s", label,
                   (long long)i, drift->ops->name, drift->num_classes - 1,
                   drift->null_class >= drift->num_classes ? " and the null class after them" : "");
  }
  return TR_OK;
}

static tr_status check_array(tr_drift *drift, const tr_array *x, const tr_array *other, const char *what) {
  if (other->ctx == drift->ctx && other->dtype == x->dtype && tr_array_same_shape(x, other)) return TR_OK;
  char a[80], b[80];
  return TR_FAIL(drift->ctx, TR_E_SHAPE, "%s: the state is %s and %s %s: they must agree", drift->ops->name,
                 tr_array_describe(x, a, sizeof a), what, tr_array_describe(other, b, sizeof b));
}

tr_status tr_drift_check(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond) {
  TR_REQUIRE(TR_CTX_FROM(drift, x), drift, x);
  TR_REQUIRE(TR_CTX_FROM(drift, x), drift->ops);
  TR_TRY(tr_array_check(x));
  if (x->ctx != drift->ctx)
    return TR_FAIL(drift->ctx, TR_E_SHAPE, "%s: the state belongs to another context", drift->ops->name);
  TR_TRY(check_times(drift, times, x->shape[0]));
  return check_labels(drift, cond, x->shape[0]);
}

static tr_status lacking(tr_drift *drift, const char *what) {
  return TR_FAIL(drift->ctx, TR_E_UNSUPPORTED, "the provider %s has no %s", drift->ops->name, what);
}

static double first_time(tr_times times) {
  return times.n > 0 ? times.t[0] : NAN;
}

/* What a provider's function returned: its own words, or a line that says whose it was. */
static tr_status said(const tr_drift *drift, tr_times times, const char *what, tr_status status) {
  char callback[160];
  if (status == TR_OK) return TR_OK;
  snprintf(callback, sizeof callback, "%s of %.100s", what, drift->ops->name);
  return tr_callback_status(drift->ctx, status, callback, first_time(times));
}

/* ---- announcing a solve ---- */

tr_status tr_drift_reserve_exactly(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  const tr_times somewhere = {1, &(double){0}};
  TR_TRY(tr_drift_check(drift, somewhere, x, cond));
  if (vectors < 0)
    return TR_FAIL(drift->ctx, TR_E_ARG, "room for %lld covectors a row: use 0 or more", (long long)vectors);
  if (!drift->ops->reserve) return TR_OK;
  return said(drift, somewhere, "the preparation", drift->ops->reserve(drift, x, cond, vectors));
}

void tr_drift_give_back(tr_drift *drift) {
  if (drift->ops->give_back) drift->ops->give_back(drift);
}

/* States that a solver holds beside its own, at most. */
#define SOLVER_STATES 40

typedef struct {
  tr_drift *drift;
  const tr_array *x;
  const tr_cond *cond;
  int64_t vectors;
} announced;

bool tr_drift_fits(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t n, int64_t vectors) {
  const tr_cond labels = cond ? (tr_cond){cond->n == 1 ? 1 : n, cond->labels} : (tr_cond){0};
  tr_array rows = tr_rows(x, 0, n), *states[SOLVER_STATES] = {NULL};
  tr_status status = tr_drift_reserve_exactly(drift, &rows, &labels, vectors);
  for (int i = 0; i < SOLVER_STATES && status == TR_OK; i++) status = tr_array_like(&rows, &states[i]);
  for (int i = 0; i < SOLVER_STATES; i++) tr_array_destroy(&states[i]);
  return status == TR_OK;
}

static bool would_fit(void *user, int64_t n) {
  const announced *a = user;
  return tr_drift_fits(a->drift, a->x, a->cond, n, a->vectors);
}

tr_status tr_drift_tell_fit(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors,
                            tr_status status) {
  announced asked = {drift, x, cond, vectors};
  if (status != TR_E_MEM || tr_ctx_error(drift->ctx)->status != TR_E_MEM || tr_fit_is_told(drift->ctx))
    return status;
  tr_drift_give_back(drift);
  return tr_tell_what_fits(drift->ctx, x->shape[0], would_fit, &asked);
}

tr_status tr_drift_reserve(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  TR_REQUIRE(TR_CTX_FROM(drift, x), drift, x);
  return tr_drift_tell_fit(drift, x, cond, vectors, tr_drift_reserve_exactly(drift, x, cond, vectors));
}

/* ---- counts ---- */

typedef struct {
  long forward, vjp, jvp;
} counts;

static counts counts_within(const tr_drift *drift) {
  const tr_drift *inner;
  counts all = {0};
  for (int i = 0; (inner = drift->ops->around(drift, i)); i++)
    all.forward += inner->n_forward, all.vjp += inner->n_vjp, all.jvp += inner->n_jvp;
  return all;
}

static void add(tr_drift *drift, counts now, counts before) {
  drift->n_forward += now.forward - before.forward;
  drift->n_vjp += now.vjp - before.vjp;
  drift->n_jvp += now.jvp - before.jvp;
}

/* Before a call, which takes `own` of a provider that is around no others; what end_count is to be given. */
static counts begin_count(tr_drift *drift, counts own) {
  if (drift->ops->around) return counts_within(drift);
  add(drift, own, (counts){0});
  return (counts){0};
}

static void end_count(tr_drift *drift, counts before) {
  if (drift->ops->around) add(drift, counts_within(drift), before);
}

/* ---- calls ---- */

tr_status tr_drift_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                        tr_array *f) {
  TR_REQUIRE(TR_CTX_FROM(drift, x, f), drift, x, f);
  TR_REQUIRE(TR_CTX_FROM(drift, x, f), drift->ops);
  TR_TRY(tr_drift_check(drift, times, x, cond));
  TR_TRY(check_array(drift, x, f, "the result"));
  const counts before = begin_count(drift, (counts){.forward = 1});
  drift->n_eval++;
  const tr_status status = drift->ops->eval(drift, times, x, cond, f);
  end_count(drift, before);
  return said(drift, times, "the evaluation", status);
}

tr_status tr_drift_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                       const tr_array *w, tr_array *f, tr_array *wJ) {
  TR_REQUIRE(TR_CTX_FROM(drift, x, w, f, wJ), drift, x, w, f, wJ);
  TR_REQUIRE(TR_CTX_FROM(drift, x, w, f, wJ), drift->ops);
  if (!drift->ops->vjp) return lacking(drift, "vector-Jacobian product");
  TR_TRY(tr_drift_check(drift, times, x, cond));
  TR_TRY(check_array(drift, x, w, "the covector"));
  TR_TRY(check_array(drift, x, f, "the result"));
  TR_TRY(check_array(drift, x, wJ, "the product"));
  const counts before = begin_count(drift, (counts){.forward = 1, .vjp = 1});
  const tr_status status = drift->ops->vjp(drift, times, x, cond, w, f, wJ);
  end_count(drift, before);
  return said(drift, times, "the vector-Jacobian product", status);
}

tr_status tr_drift_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                       const tr_array *v, tr_array *Jv) {
  TR_REQUIRE(TR_CTX_FROM(drift, x, v, Jv), drift, x, v, Jv);
  TR_REQUIRE(TR_CTX_FROM(drift, x, v, Jv), drift->ops);
  if (!drift->ops->jvp) return lacking(drift, "Jacobian-vector product");
  TR_TRY(tr_drift_check(drift, times, x, cond));
  TR_TRY(check_array(drift, x, v, "the vector"));
  TR_TRY(check_array(drift, x, Jv, "the product"));
  const counts before = begin_count(drift, (counts){.forward = 1, .jvp = 1});
  const tr_status status = drift->ops->jvp(drift, times, x, cond, v, Jv);
  end_count(drift, before);
  return said(drift, times, "the Jacobian-vector product", status);
}

/* w or wJ: (R, N, ...) of R states. */
static tr_status check_stack(tr_drift *drift, const tr_array *x, const tr_array *stack, int64_t n,
                             const char *what) {
  bool fits = stack->ctx == drift->ctx && stack->dtype == x->dtype && stack->ndim == x->ndim + 1 &&
              stack->shape[0] == n && n > 0;
  for (int i = 0; fits && i < x->ndim; i++) fits = stack->shape[i + 1] == x->shape[i];
  if (fits) return TR_OK;
  char a[80], b[80];
  return TR_FAIL(drift->ctx, TR_E_SHAPE, "%s: the state is %s and %s %s: one such state for each probe",
                 drift->ops->name, tr_array_describe(x, a, sizeof a), what,
                 tr_array_describe(stack, b, sizeof b));
}

static tr_status one_by_one(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            const tr_array *w, tr_array *f, tr_array *wJ) {
  for (int64_t r = 0; r < w->shape[0]; r++) {
    if (r) TR_TRY(tr_ctx_check_interrupt(drift->ctx, times.t[0]));
    tr_array covector = tr_view(w, r * x->count, x->ndim, x->shape);
    tr_array product = tr_view(wJ, r * x->count, x->ndim, x->shape);
    TR_TRY(drift->ops->vjp(drift, times, x, cond, &covector, f, &product));
  }
  return TR_OK;
}

static tr_status check_stacks(tr_drift *drift, const tr_array *x, const tr_array *w, const tr_array *wJ) {
  TR_TRY(check_stack(drift, x, w, w->shape[0], "the covectors"));
  return check_stack(drift, x, wJ, w->shape[0], "the products");
}

/* What is checked already. */
static tr_status multi(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                       const tr_array *w, tr_array *f, tr_array *wJ) {
  const long n = (long)w->shape[0];
  const counts before = begin_count(drift, (counts){.forward = drift->ops->vjp_multi ? 1 : n, .vjp = n});
  const tr_status status =
      (drift->ops->vjp_multi ? drift->ops->vjp_multi : one_by_one)(drift, times, x, cond, w, f, wJ);
  end_count(drift, before);
  return said(drift, times, "the vector-Jacobian product", status);
}

tr_status tr_drift_vjp_multi(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                             const tr_array *w, tr_array *f, tr_array *wJ) {
  TR_REQUIRE(TR_CTX_FROM(drift, x, w, f, wJ), drift, x, w, f, wJ);
  TR_REQUIRE(TR_CTX_FROM(drift, x, w, f, wJ), drift->ops);
  if (!drift->ops->vjp) return lacking(drift, "vector-Jacobian product");
  TR_TRY(tr_drift_check(drift, times, x, cond));
  TR_TRY(check_stacks(drift, x, w, wJ));
  TR_TRY(check_array(drift, x, f, "the result"));
  return multi(drift, times, x, cond, w, f, wJ);
}

/* The passes of the caller, whose `next` is heard. */
typedef struct {
  const tr_drift_passes *passes;
  tr_ctx *ctx;
  double t;
} heard;

static tr_status hear_next(void *user, int pass, int64_t first, int64_t rows) {
  const heard *h = user;
  tr_status status = h->passes->next(h->passes->user, pass, first, rows);
  return tr_callback_status(h->ctx, status, "what makes the covectors of a later pass", h->t);
}

/* What is checked already. */
static tr_status passes_of(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_drift_passes *passes, tr_array *f) {
  if (drift->ops->vjp_passes) {
    counts own = {.forward = 1};
    for (int k = 0; k < passes->n; k++) own.vjp += (long)passes->w[k]->shape[0];
    const counts before = begin_count(drift, own);
    const tr_status status = drift->ops->vjp_passes(drift, times, x, cond, passes, f);
    end_count(drift, before);
    return said(drift, times, "the products", status);
  }
  for (int k = 0; k < passes->n; k++) {
    if (k) TR_TRY(passes->next(passes->user, k, 0, x->shape[0]));
    TR_TRY(multi(drift, times, x, cond, passes->w[k], f, passes->wJ[k]));
  }
  return TR_OK;
}

tr_status tr_drift_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                              const tr_drift_passes *passes, tr_array *f) {
  TR_REQUIRE(TR_CTX_FROM(drift, x, f), drift, x, passes, f);
  TR_REQUIRE(TR_CTX_FROM(drift, x, f), drift->ops);
  if (!drift->ops->vjp) return lacking(drift, "vector-Jacobian product");
  TR_TRY(tr_drift_check(drift, times, x, cond));
  TR_TRY(check_array(drift, x, f, "the result"));
  if (passes->n < 1 || (passes->n > 1 && !passes->next))
    return TR_FAIL(drift->ctx, TR_E_ARG, "%s: products in %d passes%s", drift->ops->name, passes->n,
                   passes->n < 1 ? ": use at least one" : " need what makes the covectors of the later ones");
  if (passes->n_work < 0 || passes->n_work > TR_DRIFT_WORK || (passes->n_work && !passes->work))
    return TR_FAIL(drift->ctx, TR_E_ARG, "%s: passes that know %d arrays%s: use 0 to %d", drift->ops->name,
                   passes->n_work, passes->work ? "" : ", of which none are given", TR_DRIFT_WORK);
  for (int k = 0; k < passes->n; k++) TR_TRY(check_stacks(drift, x, passes->w[k], passes->wJ[k]));
  heard h = {passes, drift->ctx, first_time(times)};
  tr_drift_passes all = *passes;
  all.next = hear_next;
  all.user = &h;
  return passes_of(drift, times, x, cond, &all, f);
}

/* ---- calls in two halves ---- */

static const char *const asked[] = {"the evaluation", "the vector-Jacobian product",
                                    "the Jacobian-vector product"};

tr_status tr_drift_begin(tr_drift *drift, const tr_drift_call *call, tr_record_key *key) {
  TR_TRY(tr_drift_check(drift, call->times, call->x, call->cond));
  counts own = {.forward = 1, .jvp = call->ask == TR_DRIFT_ASK_JVP};
  if (call->ask == TR_DRIFT_ASK_VJP && call->x->count) own.vjp = (long)(call->v->count / call->x->count);
  const counts before = begin_count(drift, own);
  drift->n_eval += call->ask == TR_DRIFT_ASK_EVAL;
  const tr_status status = drift->ops->begin(drift, call, key);
  end_count(drift, before);
  return said(drift, call->times, asked[call->ask], status);
}

tr_status tr_drift_launch(tr_drift *drift, const tr_drift_call *call) {
  return said(drift, call->times, asked[call->ask], drift->ops->launch(drift, call));
}

void tr_drift_tell_record(const tr_drift_call *call, tr_record_call *record) {
  const tr_array *const given[] = {call->x, call->v, call->f, call->product};
  record->n_moving = 0;
  for (int i = 0; i < 4; i++)
    if (given[i]) record->moving[record->n_moving++] = given[i];
  record->t = first_time(call->times);
}

void tr_drift_destroy(tr_drift **drift) {
  if (!drift) return;
  if (*drift) (*drift)->ops->destroy(*drift);
  *drift = NULL;
}

/* ---- a provider from a C function ---- */

typedef struct {
  tr_drift drift;
  tr_drift_ops ops; /* its own, for its name */
  tr_field_fn fn;
  void *user;
} callback_drift;

static tr_status callback_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                               tr_array *f) {
  const callback_drift *self = drift->impl;
  return self->fn(times, x, cond, f, self->user);
}

static void callback_destroy(tr_drift *drift) {
  free(drift->impl);
}

tr_status tr_drift_create_callback(tr_ctx *ctx, const char *name, tr_quantity kind, tr_field_fn fn,
                                   void *user, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, name, out);
  TR_REQUIRE_FUNCTION(ctx, fn);
  TR_TRY(tr_quantity_check(ctx, kind));
  callback_drift *self = calloc(1, sizeof *self);
  if (!self) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the provider %s", name);
  self->fn = fn;
  self->user = user;
  self->ops = (tr_drift_ops){
      .name = name, .caps = TR_DRIFT_DETERMINISTIC, .eval = callback_eval, .destroy = callback_destroy};
  self->drift = (tr_drift){.ops = &self->ops, .ctx = ctx, .impl = self, .kind = kind, .null_class = -1};
  *out = &self->drift;
  return TR_OK;
}
