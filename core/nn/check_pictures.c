/* Operands of the operations on pictures. */
#include "core/nn/check_private.h"
#include "core/nn/ops_private.h"

int64_t tr_nn_window_extent(const tr_nn_window *window, int axis, int64_t extent) {
  if (!window || axis < 0 || axis > 1 || window->stride < 1) return 0;
  const int64_t room = extent + window->before[axis] + window->after[axis] - window->size[axis];
  return room < 0 ? 0 : room / window->stride + 1;
}

static bool axis_sound(const tr_nn_window *w, int axis) {
  return w->size[axis] >= 1 && w->before[axis] >= 0 && w->before[axis] < w->size[axis] &&
         w->after[axis] >= 0 && w->after[axis] < w->size[axis];
}

static tr_status check_window(const tr_nn_call *call, const tr_nn_window *w) {
  if (w->stride >= 1 && axis_sound(w, 0) && axis_sound(w, 1)) return TR_OK;
  return TR_FAIL(
      call->ctx, TR_E_ARG,
      "the window of %s is %d x %d with stride %d and %d, %d, %d, %d pixels added: sizes and the stride "
      "are at least 1, and fewer pixels are added than the size has",
      call->what, w->size[0], w->size[1], w->stride, w->before[0], w->after[0], w->before[1], w->after[1]);
}

static tr_status check_picture(const tr_nn_call *call, const char *name, const tr_array *a,
                               const tr_array *like) {
  TR_TRY(tr_nn_check_operand(call, name, a, like, 4));
  return tr_nn_check_extents(call, !a || (a->shape[1] > 0 && a->shape[2] > 0 && a->shape[3] > 0));
}

static tr_status check_affine(const tr_nn_call *call, const tr_array *affine, const tr_array *x) {
  TR_TRY(tr_nn_check_operand(call, "affine", affine, x, 3));
  return tr_nn_check_extents(call, !affine || (affine->shape[0] == x->shape[0] && affine->shape[1] == 2 &&
                                               affine->shape[2] == x->shape[3]));
}

/* y is what the window makes of x, `times` as large along each axis; `channels` of them from `first` on. */
static bool behind_window(const tr_nn_window *window, const tr_array *x, int64_t times, const tr_array *y,
                          int64_t first, int64_t channels) {
  return y->shape[0] == x->shape[0] && y->shape[1] == tr_nn_window_extent(window, 0, times * x->shape[1]) &&
         y->shape[2] == tr_nn_window_extent(window, 1, times * x->shape[2]) && first >= 0 &&
         first <= y->shape[3] - channels && x->data != y->data;
}

tr_status tr_nn_check_conv2d(const tr_nn_call *call, const tr_nn_conv2d_args *a) {
  const tr_nn_window *window = &a->window;
  TR_TRY(check_picture(call, "y", a->y, a->y));
  TR_TRY(check_picture(call, "x", a->x, a->y));
  TR_TRY(check_picture(call, "residual", a->residual, a->y));
  TR_TRY(tr_nn_check_operand(call, "bias", a->bias, a->y, 1));
  TR_TRY(check_affine(call, a->affine, a->x));
  TR_TRY(check_window(call, window));
  TR_TRY(tr_nn_check_activation(call, a->pre));
  TR_TRY(tr_nn_check_activation(call, a->activation));
  TR_TRY(tr_nn_check_weight(call, a->w, a->y));
  const tr_nn_weight_spec *w = &a->w->spec;
  if (!a->affine && a->pre != TR_NN_IDENTITY)
    return TR_FAIL(call->ctx, TR_E_ARG, "%s with pre but without affine: give both", call->what);
  return tr_nn_check_extents(
      call, w->taps == (int64_t)window->size[0] * window->size[1] && w->in == a->x->shape[3] * w->taps &&
                (!a->bias || a->bias->count == w->out) &&
                (!a->residual || tr_array_same_shape(a->residual, a->y)) &&
                behind_window(window, a->x, a->doubled ? 2 : 1, a->y, a->first, w->out));
}

tr_status tr_nn_check_group_norm(const tr_nn_call *call, const tr_nn_group_norm_args *a) {
  const tr_array *x = a->x;
  TR_TRY(check_picture(call, "x", x, x));
  TR_TRY(tr_nn_check_operand(call, "gamma", a->gamma, x, 1));
  TR_TRY(tr_nn_check_operand(call, "beta", a->beta, x, 1));
  TR_TRY(check_affine(call, a->affine, x));
  return tr_nn_check_extents(call, a->groups > 0 && x->shape[3] % a->groups == 0 &&
                                       a->gamma->count == x->shape[3] && a->beta->count == x->shape[3]);
}

tr_status tr_nn_check_affine(const tr_nn_call *call, const tr_nn_affine_args *a) {
  TR_TRY(check_picture(call, "y", a->y, a->y));
  TR_TRY(check_picture(call, "x", a->x, a->y));
  TR_TRY(check_affine(call, a->affine, a->x));
  TR_TRY(tr_nn_check_activation(call, a->activation));
  return tr_nn_check_extents(call, tr_array_same_shape(a->x, a->y));
}

tr_status tr_nn_check_pool2d(const tr_nn_call *call, const tr_nn_pool2d_args *a) {
  TR_TRY(check_picture(call, "y", a->y, a->y));
  TR_TRY(check_picture(call, "x", a->x, a->y));
  TR_TRY(check_window(call, &a->window));
  if ((unsigned)a->pool > TR_NN_POOL_MEAN)
    return TR_FAIL(call->ctx, TR_E_ARG, "%s of the kind %d, which there is not", call->what, (int)a->pool);
  return tr_nn_check_extents(call, behind_window(&a->window, a->x, 1, a->y, a->first, a->x->shape[3]));
}

tr_status tr_nn_check_resize2d(const tr_nn_call *call, const tr_nn_resize2d_args *a) {
  TR_TRY(check_picture(call, "y", a->y, a->y));
  TR_TRY(check_picture(call, "x", a->x, a->y));
  if ((unsigned)a->resize > TR_NN_RESIZE_ANTIALIASED)
    return TR_FAIL(call->ctx, TR_E_ARG, "%s of the kind %d, which there is not", call->what, (int)a->resize);
  return tr_nn_check_extents(call, a->x->shape[0] == a->y->shape[0] && a->x->shape[3] == a->y->shape[3] &&
                                       a->x->data != a->y->data);
}
