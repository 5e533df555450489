#include "experiments/model.h"

#include <stdlib.h>
#include <string.h>

/* A whole number > 0 among the file's arguments, 0 if there is none. */
static int positive_arg(const tr_checkpoint *checkpoint, const char *name) {
  const char *text = tr_checkpoint_arg(checkpoint, name);
  if (!text) return 0;
  char *end;
  long value = strtol(text, &end, 10);
  return *end == 0 && end != text && value > 0 && value < 1 << 20 ? (int)value : 0;
}

static const char *set_in_use(const tr_checkpoint *checkpoint, const char *asked) {
  const char *name;
  for (int i = 0; (name = tr_checkpoint_set_name(checkpoint, i)); i++)
    if (strcmp(name, asked ? asked : "ema") == 0) return name;
  return tr_checkpoint_set_name(checkpoint, 0);
}

/* The same with one head tells an unknown number of heads from weights that are no SiT. */
static tr_status infer_without_heads(tr_ctx *ctx, model *m, int classes, bool allowed) {
  const char *name = tr_checkpoint_arg(m->checkpoint, "model");
  tr_error first = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  if (tr_sit_config_infer(ctx, &m->weights, 1, NULL, classes, &m->config) != TR_OK) {
    tr_ctx_clear(ctx);
    return TR_FAIL(ctx, first.status, "%s", first.message);
  }
  m->heads_known = false;
  m->config.heads = 0;
  if (allowed) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG,
                 "the checkpoint does not tell its attention heads (%s%s%s): give --num-heads H",
                 name ? "'" : "", name ? name : "no model name", name ? "' is no known model" : "");
}

static tr_status infer(tr_ctx *ctx, model *m, int heads, bool allow_unknown_heads) {
  const char *name = tr_checkpoint_arg(m->checkpoint, "model");
  int classes = positive_arg(m->checkpoint, "num_classes"),
      from_args = positive_arg(m->checkpoint, "num_heads");
  m->heads_from = heads ? "--num-heads" : from_args ? "args num_heads" : "args model";
  m->heads_known = true;
  tr_status status =
      tr_sit_config_infer(ctx, &m->weights, heads ? heads : from_args, name, classes, &m->config);
  if (status == TR_OK || heads || from_args) return status;
  return infer_without_heads(ctx, m, classes, allow_unknown_heads);
}

tr_status model_open(tr_ctx *ctx, const char *path, const char *set, int heads, bool allow_unknown_heads,
                     model *out) {
  *out = (model){0};
  TR_TRY(tr_checkpoint_open(ctx, path, &out->checkpoint));
  TR_TRY(tr_checkpoint_weights(ctx, out->checkpoint, set, &out->weights));
  out->set = set_in_use(out->checkpoint, set);
  return infer(ctx, out, heads, allow_unknown_heads);
}

void model_close(model *m) {
  tr_checkpoint_close(&m->checkpoint);
  *m = (model){0};
}

tr_status model_setting(tr_ctx *ctx, const model *m, const char *kind, const char *arg, const char *fallback,
                        const char **name) {
  const tr_module *module;
  const char *from_file = tr_checkpoint_arg(m->checkpoint, arg);
  if (!*name) *name = from_file && *from_file ? from_file : fallback;
  TR_TRY(tr_find(ctx, kind, *name, &module));
  *name = module->name;
  return TR_OK;
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
