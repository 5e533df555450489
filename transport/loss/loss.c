#include "transport/loss/loss.h"

#include <math.h>
#include <stdlib.h>

#include "core/nn/nn.h"
#include "core/require_private.h"
#include "transport/loss/loss_private.h"

tr_status tr_loss_weight_find(tr_ctx *ctx, const char *name, const tr_loss_weight **out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_LOSS_WEIGHT, name, &module));
  TR_TRY(tr_module_refuse_params(ctx, module, "loss weights"));
  *out = (const tr_loss_weight *)module;
  return TR_OK;
}

/* ---- the numbers of rows ---- */

enum { PATH = 2, RESIDUAL = 4 }; /* numbers a row: alpha, sigma; p, x1, x0, weight */

struct tr_loss_rows {
  tr_ctx *ctx;
  int64_t n, capacity;
  double *host;              /* (capacity, RESIDUAL) */
  tr_array *path, *residual; /* (capacity, PATH or RESIDUAL) */
};

void tr_loss_rows_destroy(tr_loss_rows **rows) {
  if (!rows || !*rows) return;
  tr_array_destroy(&(*rows)->path);
  tr_array_destroy(&(*rows)->residual);
  free((*rows)->host);
  free(*rows);
  *rows = NULL;
}

static tr_status allocate(tr_loss_rows *rows) {
  const int64_t n = rows->capacity;
  TR_TRY(tr_array_create(rows->ctx, TR_F64, 2, (int64_t[]){n, PATH}, &rows->path));
  TR_TRY(tr_array_create(rows->ctx, TR_F64, 2, (int64_t[]){n, RESIDUAL}, &rows->residual));
  rows->host = calloc((size_t)n, RESIDUAL * sizeof *rows->host);
  return rows->host ? TR_OK
                    : TR_FAIL(rows->ctx, TR_E_MEM, "out of memory for the losses of %lld rows", (long long)n);
}

tr_status tr_loss_rows_create(tr_ctx *ctx, int64_t capacity, tr_loss_rows **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, out);
  if (capacity < 1) return TR_FAIL(ctx, TR_E_ARG, "losses of %lld rows: at least one", (long long)capacity);
  tr_loss_rows *rows = calloc(1, sizeof *rows);
  if (!rows) return TR_FAIL(ctx, TR_E_MEM, "out of memory for losses");
  rows->ctx = ctx;
  rows->capacity = capacity;
  tr_status status = allocate(rows);
  if (status != TR_OK) tr_loss_rows_destroy(&rows);
  *out = rows;
  return status;
}

static tr_status check_times(const tr_loss_rows *rows, tr_times times, int64_t n) {
  if (n < 1 || n > rows->capacity)
    return TR_FAIL(rows->ctx, TR_E_SHAPE, "losses of %lld rows where there is room for %lld", (long long)n,
                   (long long)rows->capacity);
  if (times.n != 1 && times.n != n)
    return TR_FAIL(rows->ctx, TR_E_SHAPE, "%lld times for %lld rows: give one, or one a row",
                   (long long)times.n, (long long)n);
  for (int64_t i = 0; i < times.n; i++)
    if (!(times.t[i] >= 0 && times.t[i] <= 1))
      return TR_FAIL(rows->ctx, TR_E_ARG, "a loss at t = %.17g: times lie between 0 (noise) and 1 (data)",
                     times.t[i]);
  return TR_OK;
}

static tr_coeffs coeffs_of(const tr_interpolant *interpolant, tr_times times, int64_t row) {
  return tr_interpolant_at(interpolant, times.t[times.n == 1 ? 0 : row]);
}

static tr_status set_path(tr_loss_rows *rows, const tr_interpolant *interpolant, tr_times times, int64_t n) {
  TR_TRY(tr_interpolant_check(rows->ctx, interpolant));
  TR_TRY(check_times(rows, times, n));
  rows->n = n;
  for (int64_t i = 0; i < n; i++) {
    const tr_coeffs at = coeffs_of(interpolant, times, i);
    rows->host[PATH * i] = at.alpha;
    rows->host[PATH * i + 1] = at.sigma;
  }
  tr_array front = tr_rows(rows->path, 0, n);
  return tr_array_set_f64(&front, rows->host);
}

static tr_status weight_of(const tr_loss *loss, const tr_coeffs *at, const tr_target *target, tr_ctx *ctx,
                           double *out) {
  const tr_prediction_type *prediction = loss->prediction;
  tr_affine v, e;
  *out = 1;
  if (prediction->unweighted) return TR_OK;
  tr_affine_of(prediction, at, TR_VELOCITY, &v);
  tr_affine_of(prediction, at, TR_NOISE, &e);
  *out = loss->weight->at(at, v.p / target->p, e.p / target->p);
  if (isfinite(*out)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "the loss weight %s is infinite for a %s prediction at t = %.10g of %s",
                 loss->weight->info.name, prediction->info.name, at->t, loss->interpolant.type->info.name);
}

static tr_status set_residual(tr_loss_rows *rows, const tr_loss *loss, tr_times times) {
  for (int64_t i = 0; i < rows->n; i++) {
    const tr_coeffs at = coeffs_of(&loss->interpolant, times, i);
    tr_target target = {0};
    double *numbers = rows->host + RESIDUAL * i;
    loss->prediction->target(&at, &target);
    TR_TRY(weight_of(loss, &at, &target, rows->ctx, &numbers[3]));
    numbers[0] = target.p;
    numbers[1] = -target.x1;
    numbers[2] = -target.x0;
  }
  tr_array front = tr_rows(rows->residual, 0, rows->n);
  return tr_array_set_f64(&front, rows->host);
}

tr_status tr_loss_rows_set(tr_loss_rows *rows, const tr_loss *loss, tr_times times, int64_t n) {
  TR_REQUIRE(TR_CTX_OF(rows), rows, loss);
  TR_REQUIRE(rows->ctx, times.t, loss->prediction);
  if (!loss->prediction->unweighted) TR_REQUIRE(rows->ctx, loss->weight);
  if (!loss->prediction->target)
    return TR_FAIL(rows->ctx, TR_E_UNSUPPORTED, "a %s prediction has no target to train on",
                   loss->prediction->info.name);
  TR_TRY(set_path(rows, &loss->interpolant, times, n));
  return set_residual(rows, loss, times);
}

/* ---- on rows of a batch ---- */

static int64_t rows_in(const tr_array *x) {
  return x->ndim ? x->shape[0] : 0;
}

/* Numbers of m rows, from `first` on. */
static tr_status numbers_of(const tr_loss_rows *rows, int64_t first, const tr_array *all, int64_t m,
                            tr_array *out) {
  if (first < 0 || m < 0 || first > rows->n - m)
    return TR_FAIL(rows->ctx, TR_E_SHAPE, "losses of rows %lld to %lld of a batch of %lld", (long long)first,
                   (long long)(first + m), (long long)rows->n);
  *out = tr_rows(all, first, m);
  return TR_OK;
}

tr_status tr_loss_rows_numbers(const tr_loss_rows *rows, int64_t first, int64_t n, tr_array *path,
                               tr_array *residual) {
  TR_TRY(numbers_of(rows, first, rows->path, n, path));
  return numbers_of(rows, first, rows->residual, n, residual);
}

tr_status tr_loss_rows_interpolate(const tr_loss_rows *rows, int64_t first, const tr_array *x1,
                                   const tr_array *x0, tr_array *x) {
  TR_REQUIRE(TR_CTX_FROM(rows, x1, x0, x), rows, x1, x0, x);
  tr_array at;
  TR_TRY(numbers_of(rows, first, rows->path, rows_in(x), &at));
  return tr_nn_interpolate(&(tr_nn_interpolate_args){.x1 = x1, .x0 = x0, .at = &at, .x = x});
}

tr_status tr_loss_rows_eval(const tr_loss_rows *rows, int64_t first, const tr_array *p, const tr_array *x1,
                            const tr_array *x0, double factor, tr_array *loss, tr_array *dp) {
  TR_REQUIRE(TR_CTX_FROM(rows, p, x1, x0), rows, p, x1, x0, loss);
  tr_array at;
  TR_TRY(numbers_of(rows, first, rows->residual, rows_in(p), &at));
  return tr_nn_loss(
      &(tr_nn_loss_args){.p = p, .x1 = x1, .x0 = x0, .at = &at, .factor = factor, .loss = loss, .dp = dp});
}

/* ---- one batch ---- */

static tr_status check_batch(const tr_array *x1, const tr_array *other) {
  char a[80], b[80];
  if (other->ctx == x1->ctx && other->dtype == x1->dtype && tr_array_same_shape(x1, other)) return TR_OK;
  return TR_FAIL(x1->ctx, TR_E_SHAPE, "a loss on data %s and %s: they must agree",
                 tr_array_describe(x1, a, sizeof a), tr_array_describe(other, b, sizeof b));
}

tr_status tr_interpolate(const tr_interpolant *interpolant, tr_times times, const tr_array *x1,
                         const tr_array *x0, tr_array *x) {
  TR_REQUIRE(TR_CTX_OF_ANY(x1, x0, x), interpolant, x1, x0, x);
  TR_REQUIRE(x->ctx, times.t);
  tr_loss_rows *rows;
  TR_TRY(check_batch(x1, x0));
  TR_TRY(check_batch(x1, x));
  if (rows_in(x) == 0) return TR_OK;
  TR_TRY(tr_loss_rows_create(x->ctx, rows_in(x), &rows));
  tr_status status = set_path(rows, interpolant, times, rows_in(x));
  if (status == TR_OK) status = tr_loss_rows_interpolate(rows, 0, x1, x0, x);
  tr_loss_rows_destroy(&rows);
  return status;
}

tr_status tr_loss_eval(const tr_loss *loss, tr_times times, const tr_array *p, const tr_array *x1,
                       const tr_array *x0, double factor, double *out, tr_array *dp) {
  TR_REQUIRE(TR_CTX_OF_ANY(p, x1, x0), loss, p, x1, x0, out);
  TR_REQUIRE(p->ctx, times.t);
  tr_loss_rows *rows;
  tr_array *each = NULL;
  const int64_t n = rows_in(p);
  TR_TRY(check_batch(x1, x0));
  TR_TRY(check_batch(x1, p));
  if (dp) TR_TRY(check_batch(x1, dp));
  if (n == 0) return TR_OK;
  TR_TRY(tr_loss_rows_create(p->ctx, n, &rows));
  tr_status status = tr_loss_rows_set(rows, loss, times, n);
  if (status == TR_OK) status = tr_array_create(p->ctx, TR_F64, 1, &n, &each);
  if (status == TR_OK) status = tr_loss_rows_eval(rows, 0, p, x1, x0, factor, each, dp);
  if (status == TR_OK) status = tr_array_download(each, out);
  tr_array_destroy(&each);
  tr_loss_rows_destroy(&rows);
  return status;
}
