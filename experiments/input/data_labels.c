#include "experiments/input/data_labels.h"

#include <math.h>
#include <stdlib.h>

#include "core/text.h"
#include "experiments/input/class_labels.h"

#include "nets/model.h"

const char labels_of_option[] = "option", labels_of_data[] = "data", labels_null[] = "null class",
           labels_in_turn[] = "every class in turn", labels_none[] = "none";

/* The label of input i, or -1 and the reason; of_data: that of the data, not of the option. */
static int32_t label_of(const tr_net_info *info, tr_dataset *data, int64_t i, double label, bool of_data) {
  if (label == rint(label) && fabs(label) <= INT32_MAX && tr_net_has_class(info, (long)label))
    return (int32_t)label;
  const char *null_class = info->null_class >= 0 ? " and the null class after them" : "";
  if (of_data)
    tr_dataset_reject(data, i,
                      "class %.15g in %s '%s': the model has classes 0 to %d%s, --class-labels gives others",
                      label, data->labels_in, data->path, info->num_classes - 1, null_class);
  else
    tr_dataset_reject(data, i, "class %.15g of --class-labels: the model has classes 0 to %d%s", label,
                      info->num_classes - 1, null_class);
  return -1;
}

/* The null class for all, said. */
static tr_status take_null(tr_ctx *ctx, const tr_net_info *info, const char *path, int64_t n,
                           const char **from, int32_t **out) {
  const long null_class = info->null_class;
  *from = labels_null;
  if (null_class < 0)
    return TR_FAIL(ctx, TR_E_ARG, "'%s' has no labels and this model no null class: give --class-labels",
                   TR_SHOW(path, 200));
  tr_ctx_warn(ctx, "'%s' has no labels: the null class %ld is taken, --class-labels gives others",
              TR_SHOW(path, 200), null_class);
  return tr_model_labels(ctx, info, "--class-labels", 1, &null_class, (long)n, out);
}

/* ---- of a data set ---- */

static tr_status label_each(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given, tr_dataset *data,
                            int64_t n, int32_t **out) {
  *out = malloc((size_t)n * sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for labels");
  for (int64_t i = 0; i < n; i++)
    (*out)[i] = label_of(info, data, i, given->n ? (double)given->v[i] : data->labels[i], given->n == 0);
  return tr_dataset_check(data, n);
}

tr_status data_labels(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given, tr_dataset *data,
                      int64_t n, const char **from, int32_t **out) {
  *out = NULL;
  *from = info->num_classes == 0 ? labels_none : given->n ? labels_of_option : labels_of_data;
  if (info->num_classes == 0)
    return tr_model_labels(ctx, info, "--class-labels", given->n, given->v, (long)n, out);
  if (given->n > 1 && given->n != n)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--class-labels has %d entries for %lld input%s: give one, or one per input", given->n,
                   (long long)n, n == 1 ? "" : "s");
  if (given->n == 1) return tr_model_labels(ctx, info, "--class-labels", 1, given->v, (long)n, out);
  if (given->n == 0 && !data->labels) return take_null(ctx, info, data->path, n, from, out);
  return label_each(ctx, info, given, data, n, out);
}

/* ---- of states in a file ---- */

static tr_status check_file(tr_ctx *ctx, const tr_net_info *info, const struct given *init,
                            const int32_t *labels, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!tr_net_has_class(info, labels[i]))
      return TR_FAIL(
          ctx, TR_E_ARG,
          "%s '%s' has class %d at row %lld: the model has classes 0 to %d%s, --class-labels gives "
          "others",
          init->option, TR_SHOW(init->path, 200), labels[i], (long long)i, info->num_classes - 1,
          info->null_class >= 0 ? " and the null class after them" : "");
  return TR_OK;
}

static tr_status read_labels(tr_ctx *ctx, const struct given *init, const tr_npy *npy, int64_t n,
                             int32_t **out) {
  char text[128];
  bool column = npy->ndim == 2 && npy->shape[1] == 1;
  if ((npy->ndim != 1 && !column) || npy->shape[0] != n)
    return TR_FAIL(ctx, TR_E_SHAPE, "%s '%s' has labels %s: one for each of %lld states is needed",
                   init->option, TR_SHOW(init->path, 200), tr_npy_describe(npy, text, sizeof text),
                   (long long)n);
  *out = malloc((size_t)n * sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for labels");
  return tr_npy_get_i32(ctx, npy, *out);
}

static tr_status take_file(tr_ctx *ctx, const tr_net_info *info, const struct given *init, const char *name,
                           int64_t n, int32_t **out) {
  tr_npy npy;
  TR_TRY(tr_npz_get(init->archive, name, &npy));
  tr_status status = read_labels(ctx, init, &npy, n, out);
  tr_npy_close(&npy);
  return status == TR_OK ? check_file(ctx, info, init, *out, n) : status;
}

tr_status init_labels(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given,
                      const struct given *init, bool data, int64_t n, const char **from, int32_t **out) {
  *out = NULL;
  *from = info->num_classes == 0      ? labels_none
          : class_labels_unset(given) ? labels_in_turn
                                      : labels_of_option;
  if (*from != labels_in_turn) return class_labels_make(ctx, info, given, (long)n, out);
  const char *name = !init->archive                        ? NULL
                     : tr_npz_has(init->archive, "labels") ? "labels"
                     : tr_npz_has(init->archive, "label")  ? "label"
                                                           : NULL;
  if (name) *from = labels_of_data;
  if (name) return take_file(ctx, info, init, name, n, out);
  if (data) return take_null(ctx, info, init->path, n, from, out);
  return tr_model_labels(ctx, info, "--class-labels", 0, NULL, (long)n, out);
}
