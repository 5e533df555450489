#include "experiments/input/class_labels.h"

#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "nets/model.h"

static bool is_balanced(const tr_int_list *given) {
  return given->n == 0 && given->given && strcmp(given->given, "balanced") == 0;
}

bool class_labels_unset(const tr_int_list *given) {
  return given->n == 0 && !given->given;
}

long class_labels_count(const tr_net_info *info, const tr_int_list *given, long otherwise) {
  if (is_balanced(given) && info->num_classes > 0) return info->num_classes;
  return given->n > 1 ? given->n : otherwise;
}

static tr_status draw(tr_ctx *ctx, const tr_net_info *info, long n, int32_t **out) {
  const tr_random_address address = {.seed = tr_ctx_seed(ctx), .purpose = TR_RANDOM_LABEL};
  int32_t *labels = malloc((size_t)n * sizeof *labels);
  if (!labels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %ld labels", n);
  for (long i = 0; i < n; i++)
    labels[i] = (int32_t)(tr_random_uniform(&address, (uint64_t)i, 0) * info->num_classes);
  *out = labels;
  return TR_OK;
}

tr_status class_labels_make(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given, long n,
                            int32_t **out) {
  const bool word = given->n == 0 && given->given, balanced = is_balanced(given);
  if (!word) return tr_model_labels(ctx, info, "--class-labels", given->n, given->v, n, out);
  if (info->num_classes == 0)
    return TR_FAIL(ctx, TR_E_ARG, "--class-labels %s: this model is unconditional, it takes no classes",
                   given->given);
  if (balanced && n % info->num_classes != 0)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--class-labels balanced: %ld samples are no multiple of the %d classes: use %ld, for example", n,
        info->num_classes, (n / info->num_classes + 1) * info->num_classes);
  return balanced ? tr_model_labels(ctx, info, NULL, 0, NULL, n, out) : draw(ctx, info, n, out);
}
