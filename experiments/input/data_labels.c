#include "experiments/input/data_labels.h"

#include <math.h>
#include <stdlib.h>

#include "nets/model.h"

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

tr_status data_labels(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given, tr_dataset *data,
                      int64_t n, const long *otherwise, int32_t **out) {
  *out = NULL;
  if (info->num_classes == 0)
    return tr_model_labels(ctx, info, "--class-labels", given->n, given->v, (long)n, out);
  bool of_each = given->n > 1 && given->n == n;
  if (given->n > 1 && !of_each)
    return TR_FAIL(ctx, TR_E_ARG, "--class-labels has %d entries for %lld inputs: give one, or one per input",
                   given->n, (long long)n);
  if (!of_each && (given->n || !data->labels))
    return tr_model_labels(ctx, info, "--class-labels", given->n ? given->n : otherwise != NULL,
                           given->n ? given->v : otherwise, (long)n, out);
  *out = malloc((size_t)n * sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for labels");
  for (int64_t i = 0; i < n; i++)
    (*out)[i] = label_of(info, data, i, of_each ? (double)given->v[i] : data->labels[i], !of_each);
  return tr_dataset_check(data, n);
}
