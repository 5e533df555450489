#include "transport/guidance.h"

#include <stdlib.h>

#include "core/require_private.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/guidance_private.h"

typedef struct {
  tr_drift drift;
  tr_drift_ops ops; /* its own: with the products that inner has */
  tr_drift *inner;  /* borrowed */
  tr_guided_part part;
  double *breaks;        /* the two edges and the breaks of inner */
  tr_array *x, *f;       /* of 2 N rows, class rows first */
  tr_array *v, *product; /* as many for each of `stacked` vectors or covectors; made when asked for */
  tr_array *zero;        /* of N rows, for covectors on some channels */
  double *times;         /* 2 N */
  int32_t *labels;       /* 2 N */
  int64_t rows;          /* N that these are for */
  int64_t stacked;
} guide;

/* ---- segments ---- */

static void on_segment(tr_drift *drift, double from, double to) {
  guide *self = drift->impl;
  self->part.from = from;
  self->part.to = to;
  if (self->inner->on_segment) self->inner->on_segment(self->inner, from, to);
}

/* ---- buffers of 2 N rows ---- */

static void release_products(guide *self) {
  tr_array_destroy(&self->v);
  tr_array_destroy(&self->product);
  self->stacked = 0;
}

static void release_buffers(guide *self) {
  tr_array_destroy(&self->x);
  tr_array_destroy(&self->f);
  release_products(self);
  tr_array_destroy(&self->zero);
  free(self->times);
  free(self->labels);
  self->times = NULL;
  self->labels = NULL;
  self->rows = -1;
}

static bool fits(const guide *self, const tr_array *x) {
  if (self->rows != x->shape[0] || self->x->dtype != x->dtype || self->x->ndim != x->ndim) return false;
  for (int i = 1; i < x->ndim; i++)
    if (self->x->shape[i] != x->shape[i]) return false;
  return true;
}

static tr_status prepare_buffers(guide *self, const tr_array *x) {
  if (fits(self, x)) return TR_OK;
  release_buffers(self);
  size_t twice = 2 * (size_t)x->shape[0] + 1; /* never 0 */
  TR_TRY(tr_array_like_stacked(x, 2, &self->x));
  TR_TRY(tr_array_like_stacked(x, 2, &self->f));
  self->times = malloc(twice * sizeof *self->times);
  self->labels = malloc(twice * sizeof *self->labels);
  if (!self->times || !self->labels)
    return TR_FAIL(x->ctx, TR_E_MEM, "out of memory for %lld guided rows", (long long)x->shape[0]);
  self->rows = x->shape[0];
  return TR_OK;
}

/* For up to n vectors or covectors. */
static tr_status prepare_products(guide *self, const tr_array *x, int64_t n) {
  TR_TRY(prepare_buffers(self, x));
  if (self->stacked < n) {
    release_products(self);
    TR_TRY(tr_array_like_stacked(x, 2 * n, &self->v));
    TR_TRY(tr_array_like_stacked(x, 2 * n, &self->product));
    self->stacked = n;
  }
  if (self->zero) return TR_OK;
  TR_TRY(tr_array_like(x, &self->zero));
  return tr_fill(0, self->zero);
}

typedef struct {
  tr_array class_rows, null_rows;
} halves;

/* Of entry r of a stack. */
static halves split(const tr_array *both, int64_t rows, int64_t r) {
  return (halves){tr_rows(both, 2 * r * rows, rows), tr_rows(both, (2 * r + 1) * rows, rows)};
}

static tr_status copy_twice(const guide *self, const tr_array *from, const tr_array *to) {
  halves h = split(to, self->rows, 0);
  TR_TRY(tr_array_copy(from, &h.class_rows));
  return tr_array_copy(from, &h.null_rows);
}

/* The labels and as many null labels. */
static void fill_labels(guide *self, const tr_cond *cond) {
  for (int64_t i = 0; i < self->rows; i++) {
    self->labels[i] = cond->labels[cond->n == 1 ? 0 : i];
    self->labels[self->rows + i] = self->inner->null_class;
  }
}

/* Times twice unless one is for all. */
static void fill_times(guide *self, tr_times times) {
  for (int64_t i = 0; times.n > 1 && i < self->rows; i++)
    self->times[i] = self->times[self->rows + i] = times.t[i];
}

/* out = null + scale (class - null) of two halves. */
static tr_status combine(const guide *self, const tr_array *both, tr_array *out) {
  const halves h = split(both, self->rows, 0);
  return tr_guidance_combine(&self->part.guidance, &h.null_rows, &h.class_rows, out);
}

/* ---- evaluation ---- */

static tr_times doubled_times(const guide *self, tr_times times) {
  return times.n == 1 ? times : (tr_times){2 * self->rows, self->times};
}

static tr_cond doubled_cond(const guide *self) {
  return (tr_cond){2 * self->rows, self->labels};
}

/* ---- products ---- */

static tr_status fill_covectors(guide *self, int64_t r, tr_array *w) {
  halves h = split(self->v, self->rows, r);
  return tr_guidance_covectors(&self->part.guidance, w, self->zero, &h.null_rows, &h.class_rows);
}

static tr_status add_halves(guide *self, int64_t r, tr_array *wJ) {
  halves h = split(self->product, self->rows, r);
  return tr_axpby(1, &h.class_rows, 1, &h.null_rows, wJ);
}

/* With every entry of (R, N, ...), or the whole of (N, ...) with n = 1. */
static tr_status each_entry(guide *self, tr_status (*do_with)(guide *self, int64_t r, tr_array *entry),
                            const tr_array *stack, int64_t n, const tr_array *x) {
  for (int64_t r = 0; r < n; r++) {
    tr_array entry = tr_view(stack, r * x->count, x->ndim, x->shape);
    TR_TRY(do_with(self, r, &entry));
  }
  return TR_OK;
}

/* The front of a stack as inner takes it: (n, 2 N, ...). */
static tr_array inner_stack(const guide *self, const tr_array *stack, int64_t n) {
  int64_t shape[TR_MAX_DIMS + 1] = {n};
  for (int i = 0; i < self->x->ndim; i++) shape[1 + i] = self->x->shape[i];
  return tr_view(stack, 0, self->x->ndim + 1, shape);
}

/* What inner is asked for a call of the guide: the same of both halves. */
typedef struct {
  tr_drift_call call;
  tr_cond cond;
  tr_array v, product;
} inner_call;

/* Vectors or covectors a row. */
static int64_t vectors_of(const tr_drift_call *call) {
  return call->v && call->x->count ? call->v->count / call->x->count : 1;
}

static void fill_inner(const guide *self, const tr_drift_call *call, inner_call *out) {
  *out = (inner_call){.call = *call, .cond = doubled_cond(self)};
  out->call.times = doubled_times(self, call->times);
  out->call.x = self->x, out->call.cond = &out->cond, out->call.f = self->f;
  if (call->ask == TR_DRIFT_ASK_EVAL) return;
  if (call->ask == TR_DRIFT_ASK_VJP) {
    const int64_t n = vectors_of(call);
    out->v = inner_stack(self, self->v, n), out->product = inner_stack(self, self->product, n);
  } else {
    out->v = tr_rows(self->v, 0, 2 * self->rows), out->product = tr_rows(self->product, 0, 2 * self->rows);
    out->call.f = NULL;
  }
  out->call.v = &out->v, out->call.product = &out->product;
}

static bool has_halves(const guide *self) {
  return self->inner->ops->begin != NULL;
}

static tr_status call_inner(guide *self, const tr_drift_call *c) {
  if (has_halves(self)) return tr_drift_launch(self->inner, c);
  switch (c->ask) {
  case TR_DRIFT_ASK_EVAL:
    return tr_drift_eval(self->inner, c->times, c->x, c->cond, c->f);
  case TR_DRIFT_ASK_VJP:
    return tr_drift_vjp_multi(self->inner, c->times, c->x, c->cond, c->v, c->f, c->product);
  default:
    return tr_drift_jvp(self->inner, c->times, c->x, c->cond, c->v, c->product);
  }
}

/* ---- a call ---- */

typedef struct {
  guide *self;
  const tr_drift_call *call;
  inner_call inner;
} guided_call;

/* What the device does; with an inner that has halves nothing else happens. */
static tr_status launch(void *user) {
  guided_call *g = user;
  guide *self = g->self;
  const tr_drift_call *c = g->call;
  TR_TRY(copy_twice(self, c->x, self->x));
  if (c->ask == TR_DRIFT_ASK_VJP) TR_TRY(each_entry(self, fill_covectors, c->v, vectors_of(c), c->x));
  if (c->ask == TR_DRIFT_ASK_JVP) TR_TRY(copy_twice(self, c->v, self->v));
  TR_TRY(call_inner(self, &g->inner.call));
  if (c->ask == TR_DRIFT_ASK_JVP) return combine(self, &g->inner.product, c->product);
  TR_TRY(combine(self, self->f, c->f));
  return c->ask == TR_DRIFT_ASK_VJP ? each_entry(self, add_halves, c->product, vectors_of(c), c->x) : TR_OK;
}

/* Recorded with inner's own half: copies, network and combination are one launch. */
static tr_status record_launch(guided_call *g) {
  tr_record_call r = {.what = "a guided evaluation", .body = launch, .user = g};
  tr_drift_tell_record(g->call, &r);
  TR_TRY(tr_drift_begin(g->self->inner, &g->inner.call, &r.key));
  if (!r.key.owner) return launch(g);
  r.key.owner = g->self;
  return tr_record(g->call->x->ctx, &r);
}

/* Within the interval. */
static tr_status call_guided(guide *self, const tr_drift_call *call) {
  guided_call g = {.self = self, .call = call};
  TR_TRY(call->v ? prepare_products(self, call->x, vectors_of(call)) : prepare_buffers(self, call->x));
  fill_times(self, call->times);
  fill_labels(self, call->cond);
  fill_inner(self, call, &g.inner);
  return has_halves(self) ? record_launch(&g) : launch(&g);
}

static tr_status guided_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                             tr_array *f) {
  guide *self = drift->impl;
  bool guided;
  TR_TRY(tr_guidance_asked(&self->part, times, x, &guided));
  if (!guided) return tr_drift_eval(self->inner, times, x, cond, f);
  return call_guided(self, &(tr_drift_call){TR_DRIFT_ASK_EVAL, times, x, cond, NULL, f, NULL});
}

static tr_status guided_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            const tr_array *w, tr_array *f, tr_array *wJ) {
  guide *self = drift->impl;
  bool guided;
  TR_TRY(tr_guidance_asked(&self->part, times, x, &guided));
  if (!guided) return tr_drift_vjp(self->inner, times, x, cond, w, f, wJ);
  return call_guided(self, &(tr_drift_call){TR_DRIFT_ASK_VJP, times, x, cond, w, f, wJ});
}

static tr_status guided_vjp_multi(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                  const tr_array *w, tr_array *f, tr_array *wJ) {
  guide *self = drift->impl;
  bool guided;
  TR_TRY(tr_guidance_asked(&self->part, times, x, &guided));
  if (!guided) return tr_drift_vjp_multi(self->inner, times, x, cond, w, f, wJ);
  return call_guided(self, &(tr_drift_call){TR_DRIFT_ASK_VJP, times, x, cond, w, f, wJ});
}

static tr_status guided_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            const tr_array *v, tr_array *Jv) {
  guide *self = drift->impl;
  bool guided;
  TR_TRY(tr_guidance_asked(&self->part, times, x, &guided));
  if (!guided) return tr_drift_jvp(self->inner, times, x, cond, v, Jv);
  return call_guided(self, &(tr_drift_call){TR_DRIFT_ASK_JVP, times, x, cond, v, NULL, Jv});
}

/* What inner is asked for within the interval is the largest; its first labels are those of the class rows.
 */
static tr_status reserve_all(guide *self, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  TR_TRY(vectors ? prepare_products(self, x, vectors) : prepare_buffers(self, x));
  fill_labels(self, cond);
  tr_cond both = doubled_cond(self);
  return tr_drift_reserve_exactly(self->inner, self->x, &both, vectors);
}

/* What does not fit as a whole is not held. */
static tr_status guided_reserve(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  const tr_status status = reserve_all(drift->impl, x, cond, vectors);
  if (status == TR_E_MEM) release_buffers(drift->impl);
  return status;
}

static void guided_give_back(tr_drift *drift) {
  guide *self = drift->impl;
  release_buffers(self);
  tr_drift_give_back(self->inner);
}

static tr_drift *around(const tr_drift *drift, int i) {
  const guide *self = drift->impl;
  return i == 0 ? self->inner : NULL;
}

static void guided_destroy(tr_drift *drift) {
  guide *self = drift->impl;
  tr_record_drop(drift->ctx, self);
  release_buffers(self);
  free(self->breaks);
  free(self);
}

static tr_drift_ops ops_around(const tr_drift *inner) {
  return (tr_drift_ops){.name = "guided",
                        .caps = inner->ops->caps &
                                ~(unsigned)TR_DRIFT_VJP_PASSES, /* the halves of a row lie in two groups */
                        .eval = guided_eval,
                        .vjp = inner->ops->vjp ? guided_vjp : NULL,
                        .jvp = inner->ops->jvp ? guided_jvp : NULL,
                        .vjp_multi = inner->ops->vjp_multi ? guided_vjp_multi : NULL,
                        .reserve = guided_reserve,
                        .give_back = guided_give_back,
                        .destroy = guided_destroy,
                        .around = around};
}

static tr_status check_guidance(const tr_drift *inner, const tr_guidance *g) {
  if (inner->null_class < 0)
    return TR_FAIL(inner->ctx, TR_E_ARG,
                   "guidance needs the null class, which %s lacks (it was trained without label dropout)",
                   inner->ops->name);
  return tr_guidance_check(inner->ctx, g);
}

tr_status tr_drift_create_guided(tr_drift *inner, const tr_guidance *guidance, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(inner), inner, guidance, out);
  TR_TRY(tr_drift_check_struct(inner->ctx, inner));
  TR_TRY(check_guidance(inner, guidance));
  guide *self = calloc(1, sizeof *self);
  double *breaks = tr_guidance_breaks(guidance, inner, NULL);
  if (!self || !breaks) {
    free(self);
    free(breaks);
    return TR_FAIL(inner->ctx, TR_E_MEM, "out of memory for guidance");
  }
  *self = (guide){.drift = *inner,
                  .ops = ops_around(inner),
                  .inner = inner,
                  .part = {*guidance, 0, 1},
                  .breaks = breaks,
                  .rows = -1};
  self->drift.ops = &self->ops;
  self->drift.impl = self;
  self->drift.n_eval = self->drift.n_vjp = self->drift.n_jvp = self->drift.n_forward = 0;
  self->drift.on_segment = on_segment;
  self->drift.breaks = breaks;
  self->drift.n_breaks = 2 + inner->n_breaks;
  *out = &self->drift;
  return TR_OK;
}
