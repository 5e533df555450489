#include "nets/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/require_private.h"
#include "core/text.h"
#include "nets/network.h"

/* An argument that says something; NULL where there is none, or None. */
static const char *told(const tr_checkpoint *checkpoint, const char *name) {
  const char *text = tr_checkpoint_arg(checkpoint, name);
  return text && *text && strcmp(text, "None") != 0 ? text : NULL;
}

/* A whole number within the range among the arguments; *given: whether there is one. */
static tr_status whole_arg(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *name,
                           const tr_range *range, int *out, bool *given) {
  const char *text = told(checkpoint, name);
  char words[96], *end;
  *given = text != NULL;
  if (!text) return TR_OK;
  long value = strtol(text, &end, 10);
  *out = (int)value;
  if (!*end && end != text && *out == value && tr_range_has(range, (double)value)) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "'%s' says %s = %s: a whole number %s is needed",
                 tr_checkpoint_arg_file(checkpoint, name), name, TR_SHOW(text, 60),
                 tr_range_text(range, words, sizeof words));
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

/* ---- what is told of the network ---- */

/* Parameters that some kind of network has: those of the options, then those that are arguments. */
typedef struct {
  int n, n_options;
  tr_net_size *v;
} settings;

static int place_of(const settings *s, const char *param) {
  for (int i = 0; i < s->n; i++)
    if (strcmp(s->v[i].key, param) == 0) return i;
  return -1;
}

static tr_status add_args(const tr_model *m, const tr_module *kind, settings *s) {
  for (int i = 0; i < kind->n_params; i++) {
    const tr_param *param = &kind->params[i];
    bool given;
    if (place_of(s, param->name) >= 0) continue;
    TR_TRY(whole_arg(m->ctx, m->checkpoint, param->name, &param->range, &s->v[s->n].value, &given));
    s->v[s->n].key = param->name;
    s->n += given;
  }
  return TR_OK;
}

/* Of every kind, since which one it is shows later. The caller frees s->v, also on failure. */
static tr_status gather(const tr_model *m, const tr_model_options *o, settings *s) {
  const tr_module *kind;
  size_t room = (size_t)o->n_told + 1;
  for (int i = 0; (kind = tr_module_at(m->ctx, TR_KIND_NETWORK, i)); i++) room += (size_t)kind->n_params;
  *s = (settings){.v = calloc(room, sizeof *s->v)};
  if (!s->v) return TR_FAIL(m->ctx, TR_E_MEM, "out of memory for the settings of a network");
  for (; s->n < o->n_told; s->n++) s->v[s->n] = o->told[s->n];
  s->n_options = s->n;
  for (int i = 0; (kind = tr_module_at(m->ctx, TR_KIND_NETWORK, i)); i++) TR_TRY(add_args(m, kind, s));
  return TR_OK;
}

static void note_tellers(tr_model *m, const settings *s) {
  const tr_module *kind = &m->config.type->info;
  for (int i = 0; i < kind->n_params; i++) {
    const int at = place_of(s, kind->params[i].name);
    m->told_by[i] = at < 0 ? TR_TOLD_OTHERWISE : at < s->n_options ? TR_TOLD_BY_OPTION : TR_TOLD_BY_ARG;
  }
}

tr_told_by tr_model_told_by(const tr_model *model, const char *param) {
  if (!model || !param) return TR_TOLD_OTHERWISE;
  const tr_module *kind = &model->config.type->info;
  for (int i = 0; i < kind->n_params; i++)
    if (strcmp(kind->params[i].name, param) == 0) return model->told_by[i];
  return TR_TOLD_OTHERWISE;
}

/* ---- the network ---- */

/* Whether the weights are those of a network with so many classes (0: any) and the first n of the parameters,
 * whatever else is told; then m->config. */
static bool fits(tr_model *m, int classes, const settings *s, int n) {
  tr_net_config_clear(&m->config);
  const tr_net_settings any = {.num_classes = classes, .n_told = n, .told = s->v, .open = true};
  bool ok = tr_net_configure(m->ctx, &m->weights, &any, &m->config) == TR_OK;
  tr_ctx_clear(m->ctx);
  return ok;
}

/* The first parameter of the network's kind that nobody told; NULL: there is none. */
static const tr_param *first_untold(const tr_model *m, const settings *s) {
  const tr_module *kind = &m->config.type->info;
  for (int i = 0; i < kind->n_params; i++)
    if (isnan(kind->params[i].value) && place_of(s, kind->params[i].name) < 0) return &kind->params[i];
  return NULL;
}

static tr_status lacks(const tr_model *m, const tr_model_options *o, const tr_param *param) {
  const char *name = tr_checkpoint_arg(m->checkpoint, "model");
  if (o->open) return TR_OK;
  return TR_FAIL(
      m->ctx, TR_E_ARG, "the checkpoint does not tell its %s (%s%s%s): give %s, or %s in FILE.json beside it",
      param->help, name ? "'" : "", name ? name : "no model name", name ? "' is no known model" : "",
      o->told_as ? o->told_as(param->name) : "tr_model_options.told", param->name);
}

/* Who is to blame for `error`. */
static tr_status blame(tr_model *m, const tr_model_options *o, const settings *s, int classes,
                       const tr_error *error) {
  if (!fits(m, classes, s, 0))
    return classes && fits(m, 0, s, 0) ? wrong_arg(m, "num_classes", error) : latch_again(m->ctx, error);
  if (!fits(m, classes, s, s->n_options)) return latch_again(m->ctx, error);
  if (s->n > s->n_options) return wrong_arg(m, s->v[s->n_options].key, error);
  bool misnamed = s->n == 0 && error->status == TR_E_SHAPE; /* a known name, of another network */
  if (misnamed && !o->open) return wrong_arg(m, "model", error);
  const tr_param *untold = first_untold(m, s);
  return untold ? lacks(m, o, untold) : latch_again(m->ctx, error);
}

static tr_status infer_from(tr_model *m, const tr_model_options *o, const settings *s) {
  static const tr_range counts = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1, .high = 1 << 20};
  int classes = 0;
  bool given;
  TR_TRY(whole_arg(m->ctx, m->checkpoint, "num_classes", &counts, &classes, &given));
  const tr_net_settings all = {.num_classes = classes,
                               .model_name = tr_checkpoint_arg(m->checkpoint, "model"),
                               .n_told = s->n,
                               .told = s->v};
  if (tr_net_configure(m->ctx, &m->weights, &all, &m->config) == TR_OK) {
    note_tellers(m, s);
    return TR_OK;
  }
  tr_error error = *tr_ctx_error(m->ctx);
  tr_ctx_clear(m->ctx);
  return blame(m, o, s, classes, &error);
}

static tr_status infer(tr_model *m, const tr_model_options *o) {
  settings s;
  tr_status status = gather(m, o, &s);
  if (status == TR_OK) status = infer_from(m, o, &s);
  free(s.v);
  return status;
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
  if (options && options->n_told > 0 && !options->told)
    return TR_FAIL(ctx, TR_E_ARG, "options with n_told = %d, but without told", options->n_told);
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
    return TR_FAIL(ctx, TR_E_ARG, "%s has %d entries for %ld sample%s: give one, or one per sample", name,
                   n_given, n, n == 1 ? "" : "s");
  for (int i = 0; i < n_given; i++) TR_TRY(check_label(ctx, info, name, given[i]));
  int32_t *each = malloc((size_t)n * sizeof *each);
  if (!each) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %ld labels", n);
  for (long i = 0; i < n; i++)
    each[i] = (int32_t)(n_given == 0 ? i % info->num_classes : given[n_given == 1 ? 0 : i]);
  *labels = each;
  return TR_OK;
}
