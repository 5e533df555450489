#include "transport/autoguidance.h"

#include <math.h>
#include <stdlib.h>

#include "core/require_private.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/guidance_private.h"
#include "transport/prediction/prediction.h"

typedef struct {
  tr_drift drift;
  tr_drift_ops ops;        /* its own: with the products that both have */
  tr_drift *model, *guide; /* borrowed */
  tr_guided_part part;
  double *breaks; /* the two edges and the breaks of both */
  /* With room for the largest call so far: the guide's prediction, or its product with a vector; zeros; the
   * covectors of each, and the guide's products with them. */
  tr_array *f, *zero, *v_model, *v_guide, *product;
} pair;

/* ---- buffers ---- */

static void release(pair *self) {
  tr_array_destroy(&self->f);
  tr_array_destroy(&self->zero);
  tr_array_destroy(&self->v_model);
  tr_array_destroy(&self->v_guide);
  tr_array_destroy(&self->product);
}

static bool has_room(const tr_array *buffer, tr_dtype dtype, int64_t count) {
  return buffer && buffer->dtype == dtype && buffer->count >= count;
}

/* Room for n states like x. */
static tr_status provide(const tr_array *x, int64_t n, tr_array **buffer) {
  const int64_t count = n * x->count;
  if (has_room(*buffer, x->dtype, count)) return TR_OK;
  tr_array_destroy(buffer);
  return tr_array_create(x->ctx, x->dtype, 1, &count, buffer);
}

static tr_status provide_zero(pair *self, const tr_array *x) {
  if (has_room(self->zero, x->dtype, x->count)) return TR_OK;
  TR_TRY(provide(x, 1, &self->zero));
  return tr_fill(0, self->zero);
}

/* For up to n covectors a row. */
static tr_status provide_products(pair *self, const tr_array *x, int64_t n) {
  TR_TRY(provide(x, n, &self->v_model));
  TR_TRY(provide(x, n, &self->v_guide));
  TR_TRY(provide(x, n, &self->product));
  return provide_zero(self, x);
}

/* The front of a buffer in the shape of `like`. */
static tr_array front(const tr_array *buffer, const tr_array *like) {
  return tr_view(buffer, 0, like->ndim, like->shape);
}

/* ---- which of the two are asked ---- */

typedef struct {
  bool model, guide;
} asked;

static tr_status who_is_asked(const pair *self, tr_times times, const tr_array *x, asked *out) {
  const tr_guidance *g = &self->part.guidance;
  bool guided;
  TR_TRY(tr_guidance_asked(&self->part, times, x, &guided));
  out->guide = guided && g->scale != 1;
  out->model = !out->guide || g->scale != 0 || g->channels > 0;
  return TR_OK;
}

/* ---- evaluation ---- */

/* out = guide + scale (out - guide). */
static tr_status combine(const pair *self, const tr_array *of_guide, tr_array *out) {
  return tr_guidance_combine(&self->part.guidance, of_guide, out, out);
}

static tr_status pair_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           tr_array *f) {
  pair *self = drift->impl;
  asked who;
  TR_TRY(who_is_asked(self, times, x, &who));
  if (!who.guide) return tr_drift_eval(self->model, times, x, cond, f);
  if (!who.model) return tr_drift_eval(self->guide, times, x, cond, f);
  TR_TRY(provide(x, 1, &self->f));
  tr_array of_guide = front(self->f, x);
  TR_TRY(tr_drift_eval(self->model, times, x, cond, f));
  TR_TRY(tr_drift_eval(self->guide, times, x, cond, &of_guide));
  return combine(self, &of_guide, f);
}

/* ---- products ---- */

/* Of w, one covector after the other. */
static tr_status fill_covectors(const pair *self, const tr_array *x, const tr_array *w) {
  const tr_array zero = front(self->zero, x);
  for (int64_t at = 0; at < w->count; at += x->count) {
    const tr_array one = tr_view(w, at, x->ndim, x->shape);
    tr_array of_guide = tr_view(self->v_guide, at, x->ndim, x->shape),
             of_model = tr_view(self->v_model, at, x->ndim, x->shape);
    TR_TRY(tr_guidance_covectors(&self->part.guidance, &one, &zero, &of_guide, &of_model));
  }
  return TR_OK;
}

typedef tr_status (*product_fn)(tr_drift *, tr_times, const tr_array *x, const tr_cond *, const tr_array *w,
                                tr_array *f, tr_array *wJ);

/* Of one covector a row or of several, by the call for these. */
static tr_status products(pair *self, product_fn call, tr_times times, const tr_array *x, const tr_cond *cond,
                          const tr_array *w, tr_array *f, tr_array *wJ) {
  asked who;
  TR_TRY(who_is_asked(self, times, x, &who));
  if (!who.guide) return call(self->model, times, x, cond, w, f, wJ);
  if (!who.model) return call(self->guide, times, x, cond, w, f, wJ);
  TR_TRY(provide(x, 1, &self->f));
  TR_TRY(provide_products(self, x, x->count ? w->count / x->count : 1));
  TR_TRY(fill_covectors(self, x, w));
  const tr_array v_model = front(self->v_model, w), v_guide = front(self->v_guide, w);
  tr_array of_guide = front(self->f, x), product = front(self->product, w);
  TR_TRY(call(self->model, times, x, cond, &v_model, f, wJ));
  TR_TRY(call(self->guide, times, x, cond, &v_guide, &of_guide, &product));
  TR_TRY(tr_axpby(1, &product, 1, wJ, wJ));
  return combine(self, &of_guide, f);
}

static tr_status pair_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                          const tr_array *w, tr_array *f, tr_array *wJ) {
  return products(drift->impl, tr_drift_vjp, times, x, cond, w, f, wJ);
}

static tr_status pair_vjp_multi(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                const tr_array *w, tr_array *f, tr_array *wJ) {
  return products(drift->impl, tr_drift_vjp_multi, times, x, cond, w, f, wJ);
}

static tr_status pair_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                          const tr_array *v, tr_array *Jv) {
  pair *self = drift->impl;
  asked who;
  TR_TRY(who_is_asked(self, times, x, &who));
  if (!who.guide) return tr_drift_jvp(self->model, times, x, cond, v, Jv);
  if (!who.model) return tr_drift_jvp(self->guide, times, x, cond, v, Jv);
  TR_TRY(provide(x, 1, &self->f));
  tr_array of_guide = front(self->f, x);
  TR_TRY(tr_drift_jvp(self->model, times, x, cond, v, Jv));
  TR_TRY(tr_drift_jvp(self->guide, times, x, cond, v, &of_guide));
  return combine(self, &of_guide, Jv);
}

/* ---- memory, segments, end ---- */

static tr_status reserve_all(pair *self, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  TR_TRY(provide(x, 1, &self->f));
  if (vectors && self->ops.vjp) TR_TRY(provide_products(self, x, vectors));
  TR_TRY(tr_drift_reserve_exactly(self->model, x, cond, vectors));
  return tr_drift_reserve_exactly(self->guide, x, cond, vectors);
}

static void pair_give_back(tr_drift *drift) {
  pair *self = drift->impl;
  release(self);
  tr_drift_give_back(self->model);
  tr_drift_give_back(self->guide);
}

/* What does not fit as a whole is not held. */
static tr_status pair_reserve(tr_drift *drift, const tr_array *x, const tr_cond *cond, int64_t vectors) {
  const tr_status status = reserve_all(drift->impl, x, cond, vectors);
  if (status == TR_E_MEM) pair_give_back(drift);
  return status;
}

static void on_segment(tr_drift *drift, double from, double to) {
  pair *self = drift->impl;
  self->part.from = from;
  self->part.to = to;
  if (self->model->on_segment) self->model->on_segment(self->model, from, to);
  if (self->guide->on_segment) self->guide->on_segment(self->guide, from, to);
}

static tr_drift *around(const tr_drift *drift, int i) {
  const pair *self = drift->impl;
  return i == 0 ? self->model : i == 1 ? self->guide : NULL;
}

static void pair_destroy(tr_drift *drift) {
  pair *self = drift->impl;
  release(self);
  free(self->breaks);
  free(self);
}

/* ---- creation ---- */

static tr_drift_ops ops_around(const tr_drift_ops *model, const tr_drift_ops *guide) {
  return (tr_drift_ops){.name = "autoguided",
                        .caps = model->caps & guide->caps & ~(unsigned)TR_DRIFT_VJP_PASSES,
                        .eval = pair_eval,
                        .vjp = model->vjp && guide->vjp ? pair_vjp : NULL,
                        .jvp = model->jvp && guide->jvp ? pair_jvp : NULL,
                        .vjp_multi = model->vjp_multi && guide->vjp_multi ? pair_vjp_multi : NULL,
                        .reserve = pair_reserve,
                        .give_back = pair_give_back,
                        .destroy = pair_destroy,
                        .around = around};
}

static tr_status check_fit(const tr_drift *model, const tr_drift *guide) {
  tr_ctx *ctx = model->ctx;
  if (guide->ctx != ctx)
    return TR_FAIL(ctx, TR_E_ARG, "%s and its guide %s belong to different contexts", model->ops->name,
                   guide->ops->name);
  if (guide->kind != model->kind)
    return TR_FAIL(ctx, TR_E_ARG,
                   "%s gives the %s and its guide the %s: bring both to one quantity (transport/transfer.h)",
                   model->ops->name, tr_quantity_name(model->kind), tr_quantity_name(guide->kind));
  if (guide->num_classes != model->num_classes)
    return TR_FAIL(ctx, TR_E_ARG, "%s has %d classes and its guide %d: they must agree", model->ops->name,
                   model->num_classes, guide->num_classes);
  return TR_OK;
}

/* An evaluation asks one of the two, or both. */
static int forwards_of(const tr_drift *model, const tr_drift *guide, const tr_guidance *g) {
  const int m = (int)tr_drift_forwards(model), n = (int)tr_drift_forwards(guide);
  const bool one = g->scale == 1 || (g->scale == 0 && g->channels == 0);
  return !one ? m + n : m > n ? m : n;
}

tr_status tr_drift_create_autoguided(tr_drift *model, tr_drift *guide, const tr_guidance *guidance,
                                     tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, guide, guidance, out);
  TR_TRY(tr_drift_check_struct(model->ctx, model));
  TR_TRY(tr_drift_check_struct(model->ctx, guide));
  TR_TRY(check_fit(model, guide));
  TR_TRY(tr_guidance_check(model->ctx, guidance));
  pair *self = calloc(1, sizeof *self);
  double *breaks = tr_guidance_breaks(guidance, model, guide);
  if (!self || !breaks) {
    free(self);
    free(breaks);
    return TR_FAIL(model->ctx, TR_E_MEM, "out of memory for guidance");
  }
  *self = (pair){.drift = *model,
                 .ops = ops_around(model->ops, guide->ops),
                 .model = model,
                 .guide = guide,
                 .part = {*guidance, 0, 1},
                 .breaks = breaks};
  tr_drift *d = &self->drift;
  d->ops = &self->ops;
  d->impl = self;
  d->rel_noise = fmax(model->rel_noise, guide->rel_noise);
  d->null_class = model->null_class == guide->null_class ? model->null_class : -1;
  d->forwards = forwards_of(model, guide, guidance);
  d->n_eval = d->n_vjp = d->n_jvp = d->n_forward = 0;
  d->on_segment = on_segment;
  d->breaks = breaks;
  d->n_breaks = 2 + model->n_breaks + guide->n_breaks;
  *out = d;
  return TR_OK;
}
