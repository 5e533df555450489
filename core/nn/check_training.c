/* Operands of the operations of training. */
#include <math.h>

#include "core/nn/check_private.h"

/* x has the type and the shape of `like`, which has rows. */
static tr_status check_rows(const tr_nn_call *call, const char *name, const tr_array *x,
                            const tr_array *like) {
  TR_TRY(tr_nn_check_operand(call, name, x, like, like->ndim));
  return tr_nn_check_extents(call, like->ndim >= 1 && (!x || tr_array_same_shape(x, like)));
}

/* So many numbers of f64 a row of x. */
static tr_status check_numbers(const tr_nn_call *call, const char *name, const tr_array *at, int64_t columns,
                               const tr_array *x) {
  const tr_array like = {.dtype = TR_F64};
  TR_TRY(tr_nn_check_operand(call, name, at, &like, columns ? 2 : 1));
  return tr_nn_check_extents(call, at->shape[0] == x->shape[0] && (!columns || at->shape[1] == columns));
}

tr_status tr_nn_check_interpolate(const tr_nn_call *call, const tr_nn_interpolate_args *a) {
  TR_TRY(check_rows(call, "x", a->x, a->x));
  TR_TRY(check_rows(call, "x1", a->x1, a->x));
  TR_TRY(check_rows(call, "x0", a->x0, a->x));
  return check_numbers(call, "at", a->at, 2, a->x);
}

tr_status tr_nn_check_loss(const tr_nn_call *call, const tr_nn_loss_args *a) {
  TR_TRY(check_rows(call, "p", a->p, a->p));
  TR_TRY(check_rows(call, "x1", a->x1, a->p));
  TR_TRY(check_rows(call, "x0", a->x0, a->p));
  TR_TRY(check_rows(call, "dp", a->dp, a->p));
  TR_TRY(check_numbers(call, "at", a->at, 4, a->p));
  return check_numbers(call, "loss", a->loss, 0, a->p);
}

static tr_status check_flat(const tr_nn_call *call, const char *name, const tr_array *x, const tr_array *p) {
  if (!x) return TR_OK;
  TR_TRY(tr_nn_check_operand(call, name, x, p, x->ndim));
  return tr_nn_check_extents(call, x->count == p->count);
}

static tr_status check_rates(const tr_nn_call *call, const tr_nn_adamw_args *a) {
  const struct {
    const char *name;
    double value, low, high;
    bool below; /* the high end is outside */
  } number[] = {{"rate", a->rate, 0, HUGE_VAL, false},
                {"beta1", a->beta1, 0, 1, true},
                {"beta2", a->beta2, 0, 1, true},
                {"eps", a->eps, 0, HUGE_VAL, false},
                {"decay", a->decay, 0, HUGE_VAL, false},
                {"keep[0]", a->average[0] ? a->keep[0] : 0, 0, 1, false},
                {"keep[1]", a->average[1] ? a->keep[1] : 0, 0, 1, false},
                {"keep[2]", a->average[2] ? a->keep[2] : 0, 0, 1, false},
                {"keep[3]", a->average[3] ? a->keep[3] : 0, 0, 1, false}};
  for (size_t i = 0; i < sizeof number / sizeof *number; i++)
    if (!(number[i].value >= number[i].low && number[i].value <= number[i].high) ||
        (number[i].below && number[i].value == number[i].high))
      return TR_FAIL(call->ctx, TR_E_ARG, "%s of %s is %g: use a number from %g to %s%g", number[i].name,
                     call->what, number[i].value, number[i].low, number[i].below ? "below " : "",
                     number[i].high);
  if (a->step < 1)
    return TR_FAIL(call->ctx, TR_E_ARG, "%s number %lld: the first is 1", call->what, (long long)a->step);
  return TR_OK;
}

tr_status tr_nn_check_adamw(const tr_nn_call *call, const tr_nn_adamw_args *a) {
  TR_TRY(check_flat(call, "p", a->p, a->p));
  TR_TRY(check_flat(call, "g", a->g, a->p));
  TR_TRY(check_flat(call, "m", a->m, a->p));
  TR_TRY(check_flat(call, "v", a->v, a->p));
  for (int i = 0; i < TR_NN_AVERAGES; i++) TR_TRY(check_flat(call, "average", a->average[i], a->p));
  return check_rates(call, a);
}
