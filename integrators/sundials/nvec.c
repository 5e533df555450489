#include "integrators/sundials/nvec.h"

#include <math.h>
#include <stdlib.h>

#include "core/vec.h"

typedef struct {
  tr_array *array;
  bool owned;
  tr_nvec_space *space;
} content;

static content *content_of(N_Vector v) {
  return v->content;
}

tr_array *tr_nvec_array(N_Vector v) {
  return content_of(v)->array;
}

static void note(N_Vector v, tr_status status) {
  tr_nvec_space *space = content_of(v)->space;
  if (space->status == TR_OK) space->status = status;
}

static N_Vector_ID nv_id(N_Vector v) {
  (void)v;
  return SUNDIALS_NVEC_CUSTOM;
}

static sunindextype nv_length(N_Vector v) {
  return (sunindextype)tr_nvec_array(v)->count;
}

static N_Vector attach(N_Vector v, tr_nvec_space *space, tr_array *array, bool owned) {
  content *c = malloc(sizeof *c);
  if (!c) {
    N_VFreeEmpty(v);
    return NULL;
  }
  *c = (content){array, owned, space};
  v->content = c;
  return v;
}

static N_Vector nv_clone(N_Vector model) {
  content *c = content_of(model);
  tr_array *array;
  tr_status status = tr_array_like(c->array, &array);
  N_Vector v = status == TR_OK ? N_VNewEmpty(model->sunctx) : NULL;
  if (v && N_VCopyOps(model, v) == 0) v = attach(v, c->space, array, true);
  if (!v && status == TR_OK) {
    tr_array_destroy(&array);
    status = TR_E_MEM;
  }
  if (status != TR_OK) note(model, status);
  return v;
}

static void nv_destroy(N_Vector v) {
  if (!v) return;
  content *c = content_of(v);
  if (c->owned) tr_array_destroy(&c->array);
  free(c);
  v->content = NULL;
  N_VFreeEmpty(v);
}

static void nv_linear_sum(sunrealtype a, N_Vector x, sunrealtype b, N_Vector y, N_Vector z) {
  note(z, tr_axpby(a, tr_nvec_array(x), b, tr_nvec_array(y), tr_nvec_array(z)));
}
static void nv_scale(sunrealtype a, N_Vector x, N_Vector z) {
  note(z, tr_scale(a, tr_nvec_array(x), tr_nvec_array(z)));
}
static void nv_const(sunrealtype c, N_Vector z) {
  note(z, tr_fill(c, tr_nvec_array(z)));
}
static void nv_prod(N_Vector x, N_Vector y, N_Vector z) {
  note(z, tr_map(TR_MAP_MUL, 0, tr_nvec_array(x), tr_nvec_array(y), tr_nvec_array(z)));
}
static void nv_div(N_Vector x, N_Vector y, N_Vector z) {
  note(z, tr_map(TR_MAP_DIV, 0, tr_nvec_array(x), tr_nvec_array(y), tr_nvec_array(z)));
}
static void nv_abs(N_Vector x, N_Vector z) {
  note(z, tr_map(TR_MAP_ABS, 0, tr_nvec_array(x), NULL, tr_nvec_array(z)));
}
static void nv_inv(N_Vector x, N_Vector z) {
  note(z, tr_map(TR_MAP_INV, 0, tr_nvec_array(x), NULL, tr_nvec_array(z)));
}
static void nv_add_const(N_Vector x, sunrealtype c, N_Vector z) {
  note(z, tr_map(TR_MAP_ADDC, c, tr_nvec_array(x), NULL, tr_nvec_array(z)));
}

/* z = sum c_i X_i in as few passes as TR_LINCOMB_MAX allows. SUNDIALS lets z be X[0] only, so later passes
 * that add to z are safe. */
static int nv_linear_combination(int n, sunrealtype *c, N_Vector *X, N_Vector z) {
  double factor[TR_LINCOMB_MAX];
  const tr_array *term[TR_LINCOMB_MAX];
  for (int done = 0; done < n;) {
    int terms = 0;
    if (done) factor[terms] = 1, term[terms++] = tr_nvec_array(z);
    for (; done < n && terms < TR_LINCOMB_MAX; done++) {
      factor[terms] = c[done];
      term[terms++] = tr_nvec_array(X[done]);
    }
    note(z, tr_lincomb(terms, factor, term, tr_nvec_array(z)));
  }
  return content_of(z)->space->status == TR_OK ? 0 : -1;
}

/* One reduction; NaN after any failure, and latches what is not finite: a free detector. */
static sunrealtype reduce(tr_reduce_op op, N_Vector x, N_Vector y, const tr_segments *seg, double *out) {
  tr_nvec_space *space = content_of(x)->space;
  if (space->status != TR_OK) return NAN;
  note(x, tr_reduce(op, tr_nvec_array(x), y ? tr_nvec_array(y) : NULL, seg, out));
  int n = seg && seg->n ? seg->n : 1;
  for (int i = 0; i < n && space->status == TR_OK; i++)
    if (!isfinite(out[i]))
      note(x, TR_FAIL(space->ctx, TR_E_NONFINITE,
                      "the state or the right-hand side is not finite near t = %.10g", *space->when));
  return space->status == TR_OK ? out[0] : NAN;
}

static sunrealtype nv_dot(N_Vector x, N_Vector y) {
  double out;
  return reduce(TR_SUM_XY, x, y, NULL, &out);
}
static sunrealtype nv_max_norm(N_Vector x) {
  double out;
  return reduce(TR_MAX_ABS, x, NULL, NULL, &out);
}
static sunrealtype nv_min(N_Vector x) {
  double out;
  return reduce(TR_MIN, x, NULL, NULL, &out);
}

static sunrealtype nv_wrms_norm(N_Vector x, N_Vector w) {
  const tr_array *array = tr_nvec_array(x);
  const tr_segments *given = &content_of(x)->space->norm;
  tr_segments seg = given->n ? *given : (tr_segments){1, {array->count}};
  double sum[TR_MAX_SEGMENTS], worst = 0;
  if (isnan(reduce(TR_SUM_XW2, x, w, &seg, sum))) return NAN;
  for (int i = 0; i < seg.n; i++) {
    int64_t n = seg.end[i] - (i ? seg.end[i - 1] : 0);
    if (n > 0) worst = fmax(worst, sqrt(sum[i] / (double)n));
  }
  return worst;
}

static void set_ops(N_Vector_Ops ops) {
  ops->nvgetvectorid = nv_id;
  ops->nvgetlength = nv_length;
  ops->nvclone = nv_clone;
  ops->nvdestroy = nv_destroy;
  ops->nvlinearsum = nv_linear_sum;
  ops->nvscale = nv_scale;
  ops->nvconst = nv_const;
  ops->nvprod = nv_prod;
  ops->nvdiv = nv_div;
  ops->nvabs = nv_abs;
  ops->nvinv = nv_inv;
  ops->nvaddconst = nv_add_const;
  ops->nvdotprod = nv_dot;
  ops->nvmaxnorm = nv_max_norm;
  ops->nvmin = nv_min;
  ops->nvwrmsnorm = nv_wrms_norm;
  ops->nvlinearcombination = nv_linear_combination;
}

N_Vector tr_nvec_wrap(tr_nvec_space *space, tr_array *array, SUNContext context) {
  N_Vector v = N_VNewEmpty(context);
  if (!v) return NULL;
  set_ops(v->ops);
  return attach(v, space, array, false);
}
