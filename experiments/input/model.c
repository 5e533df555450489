#include "experiments/input/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_COUNT (1 << 20) /* of heads or classes */

/* An argument that says something; NULL where there is none, or None. */
static const char *told(const tr_checkpoint *checkpoint, const char *name) {
  const char *text = tr_checkpoint_arg(checkpoint, name);
  return text && *text && strcmp(text, "None") != 0 ? text : NULL;
}

/* A whole number > 0 among the arguments, 0 if it is not told. */
static tr_status positive_arg(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *name, int *out) {
  const char *text = told(checkpoint, name);
  *out = 0;
  if (!text) return TR_OK;
  char *end;
  long value = strtol(text, &end, 10);
  if (*end || end == text || value < 1 || value > MAX_COUNT)
    return TR_FAIL(ctx, TR_E_IO, "'%s' says %s = %.60s: a whole number from 1 to %d is needed",
                   tr_checkpoint_arg_file(checkpoint, name), name, text, MAX_COUNT);
  *out = (int)value;
  return TR_OK;
}

static const char *set_in_use(const tr_checkpoint *checkpoint, const char *asked) {
  const char *name;
  for (int i = 0; (name = tr_checkpoint_set_name(checkpoint, i)); i++)
    if (strcmp(name, asked ? asked : "ema") == 0) return name;
  return tr_checkpoint_set_name(checkpoint, 0);
}

static tr_status latch_again(tr_ctx *ctx, const tr_error *error) {
  return TR_FAIL(ctx, error->status, "%s", error->message);
}

/* Whether the weights are those of a SiT with so many classes (0: any), whatever its heads; then m->config.
 */
static bool fits(tr_ctx *ctx, model *m, int classes) {
  bool ok = tr_sit_config_infer(ctx, &m->weights, 1, NULL, classes, &m->config) == TR_OK;
  tr_ctx_clear(ctx);
  return ok;
}

static tr_status wrong_arg(tr_ctx *ctx, const model *m, const char *name, const tr_error *error) {
  return TR_FAIL(ctx, TR_E_IO, "'%s' says %s = %.60s: %.340s", tr_checkpoint_arg_file(m->checkpoint, name),
                 name, tr_checkpoint_arg(m->checkpoint, name), error->message);
}

static tr_status without_heads(tr_ctx *ctx, model *m, bool allowed) {
  const char *name = tr_checkpoint_arg(m->checkpoint, "model");
  m->heads_known = false;
  m->config.heads = 0;
  if (allowed) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "the checkpoint does not tell its attention heads (%s%s%s): give --num-heads H, or num_heads in "
      "FILE.json beside it",
      name ? "'" : "", name ? name : "no model name", name ? "' is no known model" : "");
}

static tr_status infer(tr_ctx *ctx, model *m, int heads, bool allow_unknown_heads) {
  const char *name = tr_checkpoint_arg(m->checkpoint, "model");
  int classes, from_args = 0;
  TR_TRY(positive_arg(ctx, m->checkpoint, "num_classes", &classes));
  if (!heads) TR_TRY(positive_arg(ctx, m->checkpoint, "num_heads", &from_args));
  m->heads_from = heads ? "--num-heads" : from_args ? "args num_heads" : "args model";
  m->heads_known = true;
  if (tr_sit_config_infer(ctx, &m->weights, heads ? heads : from_args, name, classes, &m->config) == TR_OK)
    return TR_OK;
  tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  if (!fits(ctx, m, classes))
    return classes && fits(ctx, m, 0) ? wrong_arg(ctx, m, "num_classes", &error) : latch_again(ctx, &error);
  if (from_args) return wrong_arg(ctx, m, "num_heads", &error);
  bool misnamed = !heads && error.status == TR_E_SHAPE; /* a known name, of another network */
  if (misnamed && !allow_unknown_heads) return wrong_arg(ctx, m, "model", &error);
  return heads ? latch_again(ctx, &error) : without_heads(ctx, m, allow_unknown_heads);
}

/* FILE.json supplies arguments that FILE does not carry. Its name alone decides, also of a dangling link. */
static tr_status add_args_beside(tr_ctx *ctx, const char *path, model *m) {
  static const char ending[] = ".json";
  struct stat info;
  size_t size = strlen(path) + sizeof ending;
  char *beside = malloc(size);
  if (!beside) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the name of '%s%s'", path, ending);
  snprintf(beside, size, "%s%s", path, ending);
  if (lstat(beside, &info) != 0) {
    free(beside);
    return TR_OK;
  }
  m->args_file = beside;
  TR_TRY(tr_checkpoint_add_args(ctx, m->checkpoint, beside));
  return tr_sha256_file(ctx, beside, m->args_sha256);
}

tr_status model_open(tr_ctx *ctx, const char *path, const char *set, int heads, bool allow_unknown_heads,
                     model *out) {
  *out = (model){0};
  TR_TRY(tr_checkpoint_open(ctx, path, &out->checkpoint));
  TR_TRY(add_args_beside(ctx, path, out));
  TR_TRY(tr_checkpoint_weights(ctx, out->checkpoint, set, &out->weights));
  out->set = set_in_use(out->checkpoint, set);
  return infer(ctx, out, heads, allow_unknown_heads);
}

void model_close(model *m) {
  tr_checkpoint_close(&m->checkpoint);
  free(m->args_file);
  *m = (model){0};
}

tr_status model_setting(tr_ctx *ctx, const model *m, const char *kind, const char *arg, const char *fallback,
                        const char **name) {
  const tr_module *module;
  const char *from_args = *name ? NULL : told(m->checkpoint, arg);
  if (!*name) *name = from_args ? from_args : fallback;
  tr_status status = tr_find(ctx, kind, *name, &module);
  if (status == TR_OK) {
    *name = module->name;
    return TR_OK;
  }
  if (!from_args) return status;
  tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return wrong_arg(ctx, m, arg, &error);
}

bool model_has_class(const tr_sit_config *config, long label) {
  return label >= 0 && label <= (config->null_class >= 0 ? config->null_class : config->num_classes - 1);
}

static tr_status check_label(tr_ctx *ctx, const tr_sit_config *config, long label) {
  if (model_has_class(config, label)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "--class-labels %ld is out of range: the model has classes 0 to %d%s", label,
                 config->num_classes - 1, config->null_class >= 0 ? " and the null class after them" : "");
}

tr_status model_labels(tr_ctx *ctx, const tr_sit_config *config, const long *given, int n_given, long n,
                       int32_t **out) {
  *out = NULL;
  if (n_given > 1 && n_given != n)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--class-labels has %d entries for %ld samples: give one, or one per sample", n_given, n);
  for (int i = 0; i < n_given; i++) TR_TRY(check_label(ctx, config, given[i]));
  int32_t *labels = malloc((size_t)n * sizeof *labels);
  if (!labels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %ld labels", n);
  for (long i = 0; i < n; i++)
    labels[i] = (int32_t)(n_given == 0 ? i % config->num_classes : given[n_given == 1 ? 0 : i]);
  *out = labels;
  return TR_OK;
}
