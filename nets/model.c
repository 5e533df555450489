#include "nets/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/require_private.h"
#include "core/text.h"

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
    return TR_FAIL(ctx, TR_E_IO, "'%s' says %s = %s: a whole number from 1 to %d is needed",
                   tr_checkpoint_arg_file(checkpoint, name), name, TR_SHOW(text, 60), MAX_COUNT);
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

static tr_status wrong_arg(const tr_model *m, const char *name, const tr_error *error) {
  return TR_FAIL(m->ctx, TR_E_IO, "'%s' says %s = %s: %s", tr_checkpoint_arg_file(m->checkpoint, name), name,
                 TR_SHOW(tr_checkpoint_arg(m->checkpoint, name), 60), TR_SHOW(error->message, 340));
}

/* ---- the network ---- */

/* Whether the weights are those of a network with so many classes (0: any), whatever its heads; then
 * m->config. */
static bool fits(tr_model *m, int classes) {
  tr_net_config_clear(&m->config);
  const tr_net_settings any = {.num_classes = classes, .open = true};
  bool ok = tr_net_configure(m->ctx, &m->weights, &any, &m->config) == TR_OK;
  tr_ctx_clear(m->ctx);
  return ok;
}

static tr_status without_heads(const tr_model *m, const tr_model_options *o) {
  const char *name = tr_checkpoint_arg(m->checkpoint, "model");
  if (o->open) return TR_OK;
  return TR_FAIL(
      m->ctx, TR_E_ARG,
      "the checkpoint does not tell its attention heads (%s%s%s): give %s, or num_heads in FILE.json "
      "beside it",
      name ? "'" : "", name ? name : "no model name", name ? "' is no known model" : "",
      o->heads_option ? o->heads_option : "tr_model_options.num_heads");
}

/* Who is to blame for `error`. */
static tr_status blame(tr_model *m, const tr_model_options *o, int classes, const tr_error *error) {
  if (!fits(m, classes))
    return classes && fits(m, 0) ? wrong_arg(m, "num_classes", error) : latch_again(m->ctx, error);
  if (m->heads_from == TR_HEADS_FROM_NUM_HEADS) return wrong_arg(m, "num_heads", error);
  bool misnamed = !o->num_heads && error->status == TR_E_SHAPE; /* a known name, of another network */
  if (misnamed && !o->open) return wrong_arg(m, "model", error);
  return o->num_heads ? latch_again(m->ctx, error) : without_heads(m, o);
}

static tr_status infer(tr_model *m, const tr_model_options *o) {
  int classes, heads = 0;
  TR_TRY(positive_arg(m->ctx, m->checkpoint, "num_classes", &classes));
  if (!o->num_heads) TR_TRY(positive_arg(m->ctx, m->checkpoint, "num_heads", &heads));
  m->heads_from = o->num_heads ? TR_HEADS_GIVEN : heads ? TR_HEADS_FROM_NUM_HEADS : TR_HEADS_FROM_MODEL;
  const tr_net_settings told = {.num_heads = o->num_heads ? o->num_heads : heads,
                                .num_classes = classes,
                                .model_name = tr_checkpoint_arg(m->checkpoint, "model")};
  if (tr_net_configure(m->ctx, &m->weights, &told, &m->config) == TR_OK) return TR_OK;
  tr_error error = *tr_ctx_error(m->ctx);
  tr_ctx_clear(m->ctx);
  return blame(m, o, classes, &error);
}

/* ---- path and prediction ---- */

/* `*name` = the user's choice if not NULL, else the checkpoint's argument `arg` (a module of `kind`) unless
 * it is None or empty, else `fallback`; canonical spelling. */
static tr_status settle_name(const tr_model *m, const char *kind, const char *arg, const char *fallback,
                             const char **name) {
  const tr_module *module;
  const char *from_args = *name ? NULL : told(m->checkpoint, arg);
  if (!*name) *name = from_args ? from_args : fallback;
  tr_status status = tr_find(m->ctx, kind, *name, &module);
  if (status == TR_OK) {
    *name = module->name;
    return TR_OK;
  }
  if (!from_args) return status;
  tr_error error = *tr_ctx_error(m->ctx);
  tr_ctx_clear(m->ctx);
  return wrong_arg(m, arg, &error);
}

static tr_status settle(tr_model *m, const tr_model_options *o) {
  const char *path = o->path_type, *prediction = o->prediction;
  TR_TRY(settle_name(m, TR_KIND_INTERPOLANT, "path_type", "Linear", &path));
  TR_TRY(settle_name(m, TR_KIND_PREDICTION, "prediction", "velocity", &prediction));
  TR_TRY(tr_interpolant_find(m->ctx, path, &m->interpolant));
  return tr_prediction_find(m->ctx, prediction, &m->prediction);
}

/* ---- opening ---- */

/* FILE.json supplies arguments that FILE does not carry. Its name alone decides, also of a dangling link. */
static tr_status add_args_beside(tr_ctx *ctx, const char *path, tr_model *m) {
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

static tr_status open_all(tr_model *m, const char *path, const tr_model_options *o) {
  TR_TRY(tr_checkpoint_open(m->ctx, path, &m->checkpoint));
  TR_TRY(add_args_beside(m->ctx, path, m));
  TR_TRY(tr_checkpoint_weights(m->ctx, m->checkpoint, o->weights, &m->weights));
  m->set = set_in_use(m->checkpoint, o->weights);
  TR_TRY(infer(m, o));
  return o->open ? TR_OK : settle(m, o);
}

tr_status tr_model_open(tr_ctx *ctx, const char *path, const tr_model_options *options, tr_model **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  static const tr_model_options defaults = {0};
  tr_model *m = calloc(1, sizeof *m);
  if (!m) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a model");
  m->ctx = ctx;
  tr_status status = open_all(m, path, options ? options : &defaults);
  if (status != TR_OK)
    tr_model_close(&m);
  else
    *out = m;
  return status;
}

void tr_model_close(tr_model **model) {
  if (!model || !*model) return;
  tr_net_config_clear(&(*model)->config);
  tr_checkpoint_close(&(*model)->checkpoint);
  free((*model)->args_file);
  free(*model);
  *model = NULL;
}

/* ---- what is made of it ---- */

tr_status tr_model_network(const tr_model *model, const tr_net_options *options, tr_net **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, options, out);
  return tr_net_create(model->ctx, &model->config, options, &model->weights, out);
}

tr_status tr_model_drift(const tr_model *model, tr_dtype dtype, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, out);
  tr_net *net;
  TR_TRY(tr_model_network(model, &(tr_net_options){.dtype = dtype}, &net));
  return tr_drift_take_net(&net, model->prediction->tag, out);
}

tr_status tr_model_sampler(const tr_model *model, tr_dtype dtype, tr_sampler *out) {
  TR_REQUIRE(TR_CTX_OF(model), model, out);
  TR_TRY(tr_sampler_defaults(model->ctx, out));
  out->interpolant = model->interpolant;
  return tr_model_drift(model, dtype, &out->drift);
}

tr_status tr_model_states(const tr_model *model, tr_dtype dtype, int64_t n, tr_array **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, out);
  int64_t shape[TR_MAX_DIMS];
  int ndim = tr_net_states(&model->config.info, n, shape);
  return tr_array_create(model->ctx, dtype, ndim, shape, out);
}

static tr_status check_label(tr_ctx *ctx, const tr_net_info *info, const char *called, long label) {
  if (tr_net_has_class(info, label)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s %ld is out of range: the model has classes 0 to %d%s", called, label,
                 info->num_classes - 1, info->null_class >= 0 ? " and the null class after them" : "");
}

tr_status tr_model_labels(tr_ctx *ctx, const tr_net_info *info, const char *called, int n_given,
                          const long *given, long n, int32_t **labels) {
  if (labels) *labels = NULL;
  TR_REQUIRE(ctx, info, labels);
  if (n_given > 0) TR_REQUIRE(ctx, given);
  const char *name = called ? called : "class label";
  if (info->num_classes == 0)
    return n_given ? TR_FAIL(ctx, TR_E_ARG, "%s %ld: this model is unconditional, it takes no classes", name,
                             given[0])
                   : TR_OK;
  if (n_given > 1 && n_given != n)
    return TR_FAIL(ctx, TR_E_ARG, "%s has %d entries for %ld samples: give one, or one per sample", name,
                   n_given, n);
  for (int i = 0; i < n_given; i++) TR_TRY(check_label(ctx, info, name, given[i]));
  int32_t *each = malloc((size_t)n * sizeof *each);
  if (!each) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %ld labels", n);
  for (long i = 0; i < n; i++)
    each[i] = (int32_t)(n_given == 0 ? i % info->num_classes : given[n_given == 1 ? 0 : i]);
  *labels = each;
  return TR_OK;
}
