#include "transport/transfer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/prediction/prediction.h"

typedef struct {
  tr_drift drift;
  tr_drift_ops ops; /* its own: with the products that inner has */
  tr_drift *inner;  /* borrowed */
  tr_interpolant trained, along;
  const tr_prediction_type *prediction; /* of inner */
  double theta_low, theta_high;         /* inner is asked between these angles */
  double *breaks;                       /* those of inner, in the time of `along` */
  tr_array *x;                          /* the state as inner sees it */
  double *u;                            /* its times */
  int64_t room;                         /* of u */
} transfer;

/* What one time t needs: inner's time, x_model = scale x, and F = F.x x_model + F.p p. */
typedef struct {
  double u, scale;
  tr_affine F;
} place;

static double map_time(const tr_interpolant *from, const tr_interpolant *to, double t) {
  return tr_interpolant_time(to, tr_interpolant_at(from, t).theta);
}

static tr_status place_of(const transfer *self, double t, place *out) {
  tr_coeffs at = tr_interpolant_at(&self->along, t);
  out->u = tr_interpolant_time(&self->trained, fmin(fmax(at.theta, self->theta_low), self->theta_high));
  out->scale = tr_interpolant_at(&self->trained, out->u).c / at.c;
  return tr_convert(self->drift.ctx, &self->trained, self->prediction, TR_CANONICAL, out->u, &out->F);
}

/* ---- all rows at one time, or each at its own ---- */

/* z = a.x x + a.p p on the rows of time number i of n. */
static tr_status combine_rows(int64_t i, int64_t n, tr_affine a, const tr_array *x, const tr_array *p,
                              tr_array *z) {
  if (n == 1) return tr_affine_apply(a, x, p, z);
  tr_array xi = tr_rows(x, i, 1), pi = tr_rows(p, i, 1), zi = tr_rows(z, i, 1);
  return tr_affine_apply(a, &xi, &pi, &zi);
}

static tr_status make_room(transfer *self, tr_times times, const tr_array *x) {
  if (!self->x || !tr_array_same_shape(self->x, x) || self->x->dtype != x->dtype) {
    tr_array_destroy(&self->x);
    TR_TRY(tr_array_like(x, &self->x));
  }
  if (times.n <= self->room) return TR_OK;
  free(self->u);
  self->room = 0;
  self->u = malloc((size_t)times.n * sizeof *self->u);
  if (!self->u) return TR_FAIL(x->ctx, TR_E_MEM, "out of memory for %lld times", (long long)times.n);
  self->room = times.n;
  return TR_OK;
}

/* Sets self->x and self->u. */
static tr_status enter(transfer *self, tr_times times, const tr_array *x) {
  TR_TRY(make_room(self, times, x));
  for (int64_t i = 0; i < times.n; i++) {
    place at;
    TR_TRY(place_of(self, times.t[i], &at));
    self->u[i] = at.u;
    TR_TRY(combine_rows(i, times.n, (tr_affine){at.scale, 0}, x, x, self->x));
  }
  return TR_OK;
}

/* f = F from inner's prediction in f. */
static tr_status leave_field(const transfer *self, tr_times times, tr_array *f) {
  for (int64_t i = 0; i < times.n; i++) {
    place at;
    TR_TRY(place_of(self, times.t[i], &at));
    TR_TRY(combine_rows(i, times.n, at.F, self->x, f, f));
  }
  return TR_OK;
}

/* J = dF/dx = scale (F.x I + F.p dp/dx_model): its product with w from that of dp/dx_model, in `product`. */
static tr_status leave_product(const transfer *self, tr_times times, const tr_array *w, tr_array *product) {
  for (int64_t i = 0; i < times.n; i++) {
    place at;
    TR_TRY(place_of(self, times.t[i], &at));
    tr_affine J = {at.scale * at.F.x, at.scale * at.F.p};
    TR_TRY(combine_rows(i, times.n, J, w, product, product));
  }
  return TR_OK;
}

/* ---- the provider ---- */

static tr_times own_times(const transfer *self, tr_times times) {
  return (tr_times){times.n, self->u};
}

static tr_status transferred_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                  tr_array *f) {
  transfer *self = drift->impl;
  TR_TRY(enter(self, times, x));
  TR_TRY(tr_drift_eval(self->inner, own_times(self, times), self->x, cond, f));
  return leave_field(self, times, f);
}

static tr_status transferred_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                 const tr_array *w, tr_array *f, tr_array *wJ) {
  transfer *self = drift->impl;
  TR_TRY(enter(self, times, x));
  TR_TRY(tr_drift_vjp(self->inner, own_times(self, times), self->x, cond, w, f, wJ));
  TR_TRY(leave_field(self, times, f));
  return leave_product(self, times, w, wJ);
}

static tr_status transferred_jvp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                                 const tr_array *v, tr_array *Jv) {
  transfer *self = drift->impl;
  TR_TRY(enter(self, times, x));
  TR_TRY(tr_drift_jvp(self->inner, own_times(self, times), self->x, cond, v, Jv));
  return leave_product(self, times, v, Jv);
}

/* The times of some rows. */
static tr_times times_of(tr_times times, int64_t first, int64_t rows) {
  return times.n == 1 ? times : (tr_times){rows, times.t + first};
}

/* Rows first .. first + rows - 1 of vector r of each of two stacks. */
static tr_status leave_product_of(const transfer *self, tr_times times, int64_t r, int64_t first,
                                  int64_t rows, const tr_array *w, tr_array *product) {
  const tr_array *x = self->x;
  int64_t shape[TR_MAX_DIMS], at = r * x->count + first * (x->count / x->shape[0]);
  memcpy(shape, x->shape, sizeof shape);
  shape[0] = rows;
  tr_array covector = tr_view(w, at, x->ndim, shape), own = tr_view(product, at, x->ndim, shape);
  return leave_product(self, times_of(times, first, rows), &covector, &own);
}

static tr_status leave_products(const transfer *self, tr_times times, int64_t first, int64_t rows,
                                const tr_array *w, tr_array *products) {
  if (rows == 0) return TR_OK;
  for (int64_t r = 0; r < w->shape[0]; r++)
    TR_TRY(leave_product_of(self, times, r, first, rows, w, products));
  return TR_OK;
}

static tr_status transferred_vjp_multi(tr_drift *drift, tr_times times, const tr_array *x,
                                       const tr_cond *cond, const tr_array *w, tr_array *f, tr_array *wJ) {
  transfer *self = drift->impl;
  TR_TRY(enter(self, times, x));
  TR_TRY(tr_drift_vjp_multi(self->inner, own_times(self, times), self->x, cond, w, f, wJ));
  TR_TRY(leave_field(self, times, f));
  return leave_products(self, times, 0, x->shape[0], w, wJ);
}

typedef struct {
  const transfer *self;
  tr_times times;
  const tr_drift_passes *asked;
} passing;

/* Covectors are made of products with J, not of those of inner. */
static tr_status next_pass(void *user, int pass, int64_t first, int64_t rows) {
  const passing *p = user;
  const tr_drift_passes *asked = p->asked;
  TR_TRY(leave_products(p->self, p->times, first, rows, asked->w[pass - 1], asked->wJ[pass - 1]));
  return asked->next(asked->user, pass, first, rows);
}

static tr_status transferred_vjp_passes(tr_drift *drift, tr_times times, const tr_array *x,
                                        const tr_cond *cond, const tr_drift_passes *asked, tr_array *f) {
  transfer *self = drift->impl;
  passing p = {self, times, asked};
  const tr_drift_passes inner = {
      .n = asked->n, .w = asked->w, .wJ = asked->wJ, .next = next_pass, .user = &p};
  TR_TRY(enter(self, times, x));
  TR_TRY(tr_drift_vjp_passes(self->inner, own_times(self, times), self->x, cond, &inner, f));
  TR_TRY(leave_field(self, times, f));
  return leave_products(self, times, 0, x->shape[0], asked->w[asked->n - 1], asked->wJ[asked->n - 1]);
}

static tr_status transferred_reserve(tr_drift *drift, const tr_array *x, const tr_cond *cond,
                                     int64_t vectors) {
  transfer *self = drift->impl;
  TR_TRY(make_room(self, (tr_times){1, NULL}, x));
  return tr_drift_reserve_exactly(self->inner, self->x, cond, vectors);
}

static void transferred_give_back(tr_drift *drift) {
  transfer *self = drift->impl;
  tr_array_destroy(&self->x);
  tr_drift_give_back(self->inner);
}

static void on_segment(tr_drift *drift, double from, double to) {
  transfer *self = drift->impl;
  if (!self->inner->on_segment) return;
  self->inner->on_segment(self->inner, map_time(&self->along, &self->trained, from),
                          map_time(&self->along, &self->trained, to));
}

static tr_drift *around(const tr_drift *drift, int i) {
  const transfer *self = drift->impl;
  return i == 0 ? self->inner : NULL;
}

static void transferred_destroy(tr_drift *drift) {
  transfer *self = drift->impl;
  tr_array_destroy(&self->x);
  free(self->u);
  free(self->breaks);
  free(self);
}

/* ---- creation ---- */

static tr_drift_ops ops_around(const tr_drift *inner) {
  return (tr_drift_ops){.name = "transferred",
                        .caps = inner->ops->caps,
                        .eval = transferred_eval,
                        .vjp = inner->ops->vjp ? transferred_vjp : NULL,
                        .jvp = inner->ops->jvp ? transferred_jvp : NULL,
                        .vjp_multi = inner->ops->vjp_multi ? transferred_vjp_multi : NULL,
                        .vjp_passes = inner->ops->vjp_passes ? transferred_vjp_passes : NULL,
                        .reserve = transferred_reserve,
                        .give_back = transferred_give_back,
                        .destroy = transferred_destroy,
                        .around = around};
}

tr_status tr_drift_create_transferred(tr_drift *inner, const tr_interpolant *trained,
                                      const tr_interpolant *along, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(inner), inner, trained, along, out);
  TR_TRY(tr_drift_check_struct(inner->ctx, inner));
  const tr_prediction_type *prediction;
  if (!trained->type || !along->type)
    return TR_FAIL(inner->ctx, TR_E_ARG, "a transfer of %s without %s", inner->ops->name,
                   trained->type ? "the path to sample along" : "the path it was trained on");
  TR_TRY(tr_interpolant_check(inner->ctx, trained));
  TR_TRY(tr_interpolant_check(inner->ctx, along));
  TR_TRY(tr_prediction_of(inner->ctx, inner->kind, &prediction));
  transfer *self = calloc(1, sizeof *self);
  double *breaks = malloc(((size_t)inner->n_breaks + 1) * sizeof *breaks);
  if (!self || !breaks) {
    free(self);
    free(breaks);
    return TR_FAIL(inner->ctx, TR_E_MEM, "out of memory for a transfer");
  }
  for (int i = 0; i < inner->n_breaks; i++) breaks[i] = map_time(trained, along, inner->breaks[i]);
  *self = (transfer){.drift = *inner,
                     .ops = ops_around(inner),
                     .inner = inner,
                     .trained = *trained,
                     .along = *along,
                     .prediction = prediction,
                     .breaks = breaks};
  tr_canonical_angles(prediction, trained, &self->theta_low, &self->theta_high);
  self->drift.ops = &self->ops;
  self->drift.impl = self;
  self->drift.kind = TR_CANONICAL;
  self->drift.n_eval = self->drift.n_vjp = self->drift.n_jvp = self->drift.n_forward = 0;
  self->drift.breaks = breaks;
  self->drift.on_segment = on_segment;
  *out = &self->drift;
  return TR_OK;
}
