#include "integrators/sundials/nvec.h"

#include <math.h>
#include <stdlib.h>

#include "core/vec/vec.h"

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
  if (c->owned && tr_program_holds(c->space->list, c->array->data)) note(v, tr_program_run(c->space->list));
  if (c->owned) tr_array_destroy(&c->array);
  free(c);
  v->content = NULL;
  N_VFreeEmpty(v);
}

/* ---- elementwise operations: listed ---- */

static tr_program *list_of(N_Vector v) {
  return content_of(v)->space->list;
}

/* z has got a new value. */
static void wrote(N_Vector z, tr_status status) {
  tr_nvec_space *space = content_of(z)->space;
  const tr_array *array = tr_nvec_array(z);
  if (array == space->weighed || array == space->weights) space->weighed = NULL;
  note(z, status);
}

static void map(tr_map_op op, double c, N_Vector x, N_Vector y, N_Vector z) {
  wrote(z, tr_program_map(list_of(z), op, c, x ? tr_nvec_array(x) : NULL, y ? tr_nvec_array(y) : NULL,
                          tr_nvec_array(z)));
}

static void nv_linear_sum(sunrealtype a, N_Vector x, sunrealtype b, N_Vector y, N_Vector z) {
  wrote(z, tr_program_axpby(list_of(z), a, tr_nvec_array(x), b, tr_nvec_array(y), tr_nvec_array(z)));
}
static void nv_scale(sunrealtype a, N_Vector x, N_Vector z) {
  wrote(z, tr_program_scale(list_of(z), a, tr_nvec_array(x), tr_nvec_array(z)));
}
static void nv_const(sunrealtype c, N_Vector z) {
  map(TR_MAP_CONST, c, NULL, NULL, z);
}
static void nv_prod(N_Vector x, N_Vector y, N_Vector z) {
  map(TR_MAP_MUL, 0, x, y, z);
}
static void nv_div(N_Vector x, N_Vector y, N_Vector z) {
  map(TR_MAP_DIV, 0, x, y, z);
}
static void nv_abs(N_Vector x, N_Vector z) {
  map(TR_MAP_ABS, 0, x, NULL, z);
}
static void nv_inv(N_Vector x, N_Vector z) {
  map(TR_MAP_INV, 0, x, NULL, z);
}
static void nv_add_const(N_Vector x, sunrealtype c, N_Vector z) {
  map(TR_MAP_ADDC, c, x, NULL, z);
}

/* z = sum c_i X_i in as few operations as TR_LINCOMB_MAX allows. SUNDIALS lets z be X[0] only, so later ones
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
    wrote(z, tr_program_lincomb(list_of(z), terms, factor, term, tr_nvec_array(z)));
  }
  return content_of(z)->space->status == TR_OK ? 0 : -1;
}

void tr_nvec_weigh(N_Vector y, const tr_segments *seg, const double *rtol, const double *atol, N_Vector w) {
  tr_nvec_space *space = content_of(y)->space;
  double least = rtol[0];
  wrote(w, tr_program_weights(space->list, tr_nvec_array(y), seg, rtol, atol, tr_nvec_array(w)));
  for (int k = 1; k < seg->n; k++) least = fmin(least, rtol[k]);
  space->weighed = tr_nvec_array(y);
  space->weights = tr_nvec_array(w);
  space->bound = 1 / least;
}

/* ---- reductions: the list is run with them ---- */

/* A free detector of what is not finite, in a state or a right-hand side of about the time t. */
static void check(N_Vector x, const double *values, int n, double t) {
  tr_nvec_space *space = content_of(x)->space;
  for (int i = 0; i < n && space->status == TR_OK; i++)
    if (!isfinite(values[i]))
      note(x, TR_FAIL(space->ctx, TR_E_NONFINITE,
                      "the state or the right-hand side is not finite near t = %.10g", t));
}

/* The norm that nobody waited for: it comes with this wait. */
static void check_later(N_Vector x, int n) {
  tr_nvec_space *space = content_of(x)->space;
  double values[TR_MAX_SEGMENTS];
  if (!space->waits || space->status != TR_OK) return;
  space->waits = false;
  note(x, tr_slot_read(space->ctx, space->later, n, values));
  if (space->status == TR_OK) check(x, values, n, space->then);
}

/* One reduction and one wait; NaN after any failure. */
static sunrealtype reduce(tr_reduce_op op, N_Vector x, N_Vector y, const tr_segments *seg, double *out) {
  tr_nvec_space *space = content_of(x)->space;
  const int n = seg && seg->n ? seg->n : 1;
  if (space->status != TR_OK) return NAN;
  note(x,
       tr_program_reduce(space->list, op, tr_nvec_array(x), y ? tr_nvec_array(y) : NULL, seg, space->slot));
  if (space->status == TR_OK) note(x, tr_slot_read(space->ctx, space->slot, n, out));
  check_later(x, space->norm.n ? space->norm.n : 1);
  check(x, out, n, *space->when);
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

/* Whether this is the norm that SUNDIALS takes of a state by its own weights: once after they were made. */
static bool is_bounded(tr_nvec_space *space, N_Vector x, N_Vector w) {
  bool expected = space->weighed && tr_nvec_array(x) == space->weighed && tr_nvec_array(w) == space->weights;
  if (expected) space->weighed = NULL;
  return expected;
}

static sunrealtype leave_for_later(tr_nvec_space *space, N_Vector x, N_Vector w, const tr_segments *seg) {
  if (space->status != TR_OK) return NAN;
  note(x, tr_program_reduce(space->list, TR_SUM_XW2, tr_nvec_array(x), tr_nvec_array(w), seg, space->later));
  space->waits = true;
  space->then = *space->when;
  return space->status == TR_OK ? space->bound : NAN;
}

static sunrealtype nv_wrms_norm(N_Vector x, N_Vector w) {
  tr_nvec_space *space = content_of(x)->space;
  tr_segments seg = space->norm.n ? space->norm : (tr_segments){1, {tr_nvec_array(x)->count}};
  double sum[TR_MAX_SEGMENTS], worst = 0;
  if (is_bounded(space, x, w)) return leave_for_later(space, x, w, &seg);
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
