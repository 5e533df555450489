/* What is refused before a file is begun. */
#include <string.h>

#include "core/text.h"
#include "nets/checkpoint/write/tensor_private.h"

/* As it may be shown, for the names of this file. */
#define SHOWN(name) TR_SHOW(name, 100)

static bool is_utf8(const char *text) {
  return tr_text_is_utf8(text, strlen(text));
}

/* Whether the extents make so many elements. */
static bool makes(int ndim, const int64_t *shape, int64_t count) {
  int64_t product = 1;
  for (int i = 0; i < ndim; i++) {
    if (shape[i] < 0 || (shape[i] && product > INT64_MAX / 8 / shape[i])) return false;
    product *= shape[i];
  }
  return product == count;
}

/* A tensor may be a scalar; an array has a context, and dimensions. */
static bool is_whole(const tr_saved_tensor *t) {
  const tr_array *a = t->array;
  if (a)
    return a->ctx && a->ndim >= 1 && a->ndim <= TR_MAX_DIMS && makes(a->ndim, a->shape, a->count) &&
           (a->data || !a->count);
  return t->tensor->ndim >= 0 && t->tensor->ndim <= TR_MAX_DIMS &&
         makes(t->tensor->ndim, t->tensor->shape, t->tensor->count) && (t->tensor->data || !t->tensor->count);
}

static tr_status check_tensor(tr_ctx *ctx, const char *path, const tr_saved_tensor *t) {
  const char *name = tr_saved_name(t);
  if (t->array && t->tensor)
    return TR_FAIL(ctx, TR_E_ARG, "'%s': '%s' has an array and a tensor: give one of them", path,
                   SHOWN(name));
  if (t->tensor && t->tensor->foreign)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "'%s': tensor '%s' holds %s, whose elements cannot be read", path,
                   SHOWN(name), t->tensor->foreign);
  if ((unsigned)tr_saved_dtype(t) >= TR_N_DTYPES)
    return TR_FAIL(ctx, TR_E_ARG, "'%s': tensor '%s' has type %d, which there is not", path, SHOWN(name),
                   (int)tr_saved_dtype(t));
  if (!is_whole(t))
    return TR_FAIL(
        ctx, TR_E_ARG,
        "'%s': tensor '%s' is not whole: it needs data, at most %d dimensions, and as many elements "
        "as these make",
        path, SHOWN(name), TR_MAX_DIMS);
  return TR_OK;
}

static tr_status check_item(tr_ctx *ctx, const char *path, const tr_saved_set *set, int i) {
  const tr_saved_tensor *t = &set->items[i];
  if (!t->name || !*t->name || !t->array == !t->tensor)
    return TR_FAIL(ctx, TR_E_ARG, "'%s': tensor %d of '%s' needs a name, and an array or a tensor", path, i,
                   SHOWN(set->name));
  if (!is_utf8(t->name))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': the name '%s' of tensor %d of '%s' is not UTF-8", path,
                   SHOWN(t->name), i, SHOWN(set->name));
  for (int k = 0; k < i; k++)
    if (strcmp(set->items[k].name, t->name) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "'%s': two tensors of '%s' are called '%s'", path, SHOWN(set->name),
                     SHOWN(t->name));
  return check_tensor(ctx, path, t);
}

tr_status tr_saved_check_set(tr_ctx *ctx, const char *path, const tr_saved_set *set) {
  if (!set->name || !*set->name || set->n < 0 || (set->n && !set->items))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': a set of tensors needs a name, and its tensors", path);
  if (!is_utf8(set->name))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': the name '%s' of a set is not UTF-8", path, SHOWN(set->name));
  for (int i = 0; i < set->n; i++) TR_TRY(check_item(ctx, path, set, i));
  return TR_OK;
}

static tr_status check_arg(tr_ctx *ctx, const char *path, int i, const tr_saved_arg *args) {
  const tr_saved_arg *arg = &args[i];
  const bool text = arg->kind == TR_SAVED_TEXT;
  if (!arg->name || (text && !arg->text))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': argument %d lacks its name or its text", path, i);
  if ((int)arg->kind < TR_SAVED_NONE || arg->kind > TR_SAVED_TEXT)
    return TR_FAIL(ctx, TR_E_ARG, "'%s': argument '%s' is of kind %d: use 0 to %d", path, SHOWN(arg->name),
                   (int)arg->kind, (int)TR_SAVED_TEXT);
  if (!is_utf8(arg->name) || (text && !is_utf8(arg->text)))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': argument '%s' is not UTF-8", path, SHOWN(arg->name));
  for (int k = 0; k < i; k++)
    if (strcmp(args[k].name, arg->name) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "'%s': two arguments are called '%s'", path, SHOWN(arg->name));
  return TR_OK;
}

tr_status tr_saved_check_args(tr_ctx *ctx, const char *path, int n, const tr_saved_arg *args) {
  if (n < 0 || (n > 0 && !args))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': %d arguments%s", path, n,
                   n < 0 ? ": use 0 or more" : ", and args is NULL");
  for (int i = 0; i < n; i++) TR_TRY(check_arg(ctx, path, i, args));
  return TR_OK;
}

static tr_status check_moments(tr_ctx *ctx, const char *path, const tr_saved_adamw *a, int i) {
  if (tr_saved_has_content(&a->first[i]) != tr_saved_has_content(&a->second[i]))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': parameter %d of the optimiser has one moment: give both or neither",
                   path, i);
  if (!tr_saved_has_content(&a->first[i])) return TR_OK;
  TR_TRY(check_tensor(ctx, path, &a->first[i]));
  return check_tensor(ctx, path, &a->second[i]);
}

tr_status tr_saved_check_adamw(tr_ctx *ctx, const char *path, const tr_saved_adamw *a) {
  if (a->n < 0 || (a->n && (!a->first || !a->second)))
    return TR_FAIL(ctx, TR_E_ARG, "'%s': the optimiser's %d parameters need their first and second moments",
                   path, a->n);
  if (a->step < 0 || a->step > UINT32_MAX)
    return TR_FAIL(ctx, TR_E_ARG, "'%s': an optimiser after %lld steps: use 0 to 2^32 - 1", path,
                   (long long)a->step);
  for (int i = 0; i < a->n; i++) TR_TRY(check_moments(ctx, path, a, i));
  return TR_OK;
}
