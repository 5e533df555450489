#include "core/vec.h"

#include <math.h>

#include "core/context_private.h"

/* The table of the backend, which is about to do one operation. */
static const tr_vec_ops *counted(tr_ctx *ctx) {
  tr_ctx_count(ctx, TR_COUNT_OPERATION, 0);
  return tr_ctx_backend(ctx)->vec;
}

static tr_status check_real(const tr_array *z, const tr_array *x, const char *what) {
  TR_TRY(tr_array_check(z));
  if (x) TR_TRY(tr_array_check(x));
  if (z->dtype != TR_F32 && z->dtype != TR_F64)
    return TR_FAIL(z->ctx, TR_E_SHAPE, "%s needs f32 or f64, not %s", what, tr_dtype_name(z->dtype));
  if (x && (x->ctx != z->ctx || x->dtype != z->dtype || x->count != z->count)) {
    char a[80], b[80];
    return TR_FAIL(z->ctx, TR_E_SHAPE, "%s of %s and %s: contexts, types and counts must agree", what,
                   tr_array_describe(x, a, sizeof a), tr_array_describe(z, b, sizeof b));
  }
  return TR_OK;
}

tr_status tr_lincomb(int k, const double *a, const tr_array *const *x, tr_array *z) {
  if (k < 1 || k > TR_LINCOMB_MAX)
    return TR_FAIL(z->ctx, TR_E_ARG, "a linear combination of %d terms: use 1 to %d", k, TR_LINCOMB_MAX);
  for (int i = 0; i < k; i++) TR_TRY(check_real(z, x[i], "a linear combination"));
  return counted(z->ctx)->lincomb(z->ctx, k, a, x, z);
}

tr_status tr_axpby(double a, const tr_array *x, double b, const tr_array *y, tr_array *z) {
  return tr_lincomb(2, (const double[]){a, b}, (const tr_array *const[]){x, y}, z);
}

tr_status tr_scale(double a, const tr_array *x, tr_array *z) {
  return tr_lincomb(1, &a, &x, z);
}

tr_status tr_fill(double c, tr_array *z) {
  return tr_map(TR_MAP_CONST, c, NULL, NULL, z);
}

tr_status tr_map(tr_map_op op, double c, const tr_array *x, const tr_array *y, tr_array *z) {
  if ((int)op < TR_MAP_CONST || op > TR_MAP_ADDC)
    return TR_FAIL(z->ctx, TR_E_ARG, "there is no elementwise operation %d", (int)op);
  TR_TRY(check_real(z, x, "an elementwise operation"));
  TR_TRY(check_real(z, y, "an elementwise operation"));
  if ((op != TR_MAP_CONST && !x) || ((op == TR_MAP_MUL || op == TR_MAP_DIV) && !y))
    return TR_FAIL(z->ctx, TR_E_ARG, "elementwise operation %d lacks an operand", (int)op);
  return counted(z->ctx)->map(z->ctx, op, c, x, y, z);
}

static tr_status check_segments(const tr_array *x, const tr_segments *seg) {
  if (!seg || seg->n == 0) return TR_OK;
  bool sound = seg->n > 0 && seg->n <= TR_MAX_SEGMENTS && seg->end[seg->n - 1] == x->count;
  for (int i = 0; sound && i < seg->n; i++) sound = seg->end[i] >= (i ? seg->end[i - 1] : 0);
  return sound ? TR_OK
               : TR_FAIL(x->ctx, TR_E_ARG, "segments must rise and end at the element count %lld",
                         (long long)x->count);
}

tr_status tr_reduce(tr_reduce_op op, const tr_array *x, const tr_array *y, const tr_segments *seg,
                    double *out) {
  if ((int)op < TR_SUM_XY || op > TR_SUM)
    return TR_FAIL(x->ctx, TR_E_ARG, "there is no reduction %d", (int)op);
  TR_TRY(check_real(x, y, "a reduction"));
  TR_TRY(check_segments(x, seg));
  if ((op == TR_SUM_XY || op == TR_SUM_XW2) && !y)
    return TR_FAIL(x->ctx, TR_E_ARG, "reduction %d lacks its second operand", (int)op);
  tr_segments whole = {1, {x->count}};
  tr_ctx_count(x->ctx, TR_COUNT_WAIT, 0);
  return counted(x->ctx)->reduce(x->ctx, op, x, y, seg && seg->n ? seg : &whole, out);
}

tr_status tr_randn(const tr_random_address *address, tr_array *z) {
  TR_TRY(check_real(z, NULL, "a normal draw"));
  int64_t row = z->shape[0] ? z->count / z->shape[0] : 0;
  if (row > (int64_t)1 << 33)
    return TR_FAIL(z->ctx, TR_E_SHAPE, "a sample of %lld elements: at most 2^33", (long long)row);
  if (address->purpose > 0xFFFFu || address->sample > ((uint64_t)1 << 48) - (uint64_t)z->shape[0])
    return TR_FAIL(z->ctx, TR_E_ARG, "random address out of range: purpose < 2^16, sample < 2^48");
  return counted(z->ctx)->randn(z->ctx, address, z);
}

tr_status tr_blend_channels(int64_t channels, double a, const tr_array *x, double b, const tr_array *y,
                            tr_array *z) {
  TR_TRY(check_real(z, x, "a blend of channels"));
  TR_TRY(check_real(z, y, "a blend of channels"));
  if (z->ndim < 2 || !tr_array_same_shape(x, z) || !tr_array_same_shape(y, z) || channels < 0 ||
      channels > z->shape[1]) {
    char text[80];
    return TR_FAIL(z->ctx, TR_E_SHAPE,
                   "a blend of %lld channels of %s: three equal shapes (N, C, ...) needed",
                   (long long)channels, tr_array_describe(z, text, sizeof text));
  }
  return counted(z->ctx)->blend_channels(z->ctx, channels, a, x, b, y, z);
}

tr_status tr_dot_rows(double a, const tr_array *x, const tr_array *y, double b, tr_array *z) {
  if (z->dtype != x->dtype || z->ctx != x->ctx || z->count == 0 || x->count % z->count != 0) {
    char text[80], other[80];
    return TR_FAIL(z->ctx, TR_E_SHAPE, "products of the rows of %s into %s: one element a row is needed",
                   tr_array_describe(x, text, sizeof text), tr_array_describe(z, other, sizeof other));
  }
  TR_TRY(check_real(x, y, "products of rows"));
  return counted(z->ctx)->dot_rows(z->ctx, a, x, y, b, z);
}

tr_status tr_is_finite(const tr_array *x, bool *finite) {
  double worst;
  TR_TRY(tr_array_check(x));
  *finite = true;
  if (x->count == 0) return TR_OK;
  TR_TRY(tr_reduce(TR_MAX_ABS, x, NULL, NULL, &worst));
  *finite = isfinite(worst);
  return TR_OK;
}
