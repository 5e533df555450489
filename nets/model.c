
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"
#include "nets/layers/weights.h"
#include "nets/model_private.h"
#include "nets/network.h"

const char *tr_model_told(const tr_model *m, const char *name) {
  const char *text = tr_checkpoint_arg(m->checkpoint, name);
  return text && *text && *text != '<' && strcmp(text, "None") != 0 ? text : NULL;
}

/* A whole number within the range among the arguments; *given: whether there is one. */
static tr_status whole_arg(const tr_model *m, const char *name, const tr_range *range, int *out,
                           bool *given) {
  const char *text = tr_model_told(m, name);
  char words[96], *end;
  *given = text != NULL;
  if (!text) return TR_OK;
  long value = strtol(text, &end, 10);
  *out = (int)value;
  if (!*end && end != text && *out == value && tr_range_has(range, (double)value)) return TR_OK;
  return TR_FAIL(m->ctx, TR_E_IO, "'%s' says %s = %s: a whole number %s is needed",
                 tr_checkpoint_arg_file(m->checkpoint, name), name, TR_SHOW(text, 60),
                 tr_range_text(range, words, sizeof words));
}

static tr_status latch_again(tr_ctx *ctx, const tr_error *error) {
  return TR_FAIL(ctx, error->status, "%s", error->message);
}

tr_status tr_model_wrong_arg(const tr_model *m, const char *name, const tr_error *error) {
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
    TR_TRY(whole_arg(m, param->name, &param->range, &s->v[s->n].value, &given));
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
  if (!model || !param || !model->config.type) return TR_TOLD_OTHERWISE;
  const tr_module *kind = &model->config.type->info;
  for (int i = 0; i < kind->n_params; i++)
    if (strcmp(kind->params[i].name, param) == 0) return model->told_by[i];
  return TR_TOLD_OTHERWISE;
}

/* ---- the network ---- */

/* A whole number > 0 among the arguments, 0 if there is none: it matters only where a table is missing. */
static int side_arg(const tr_model *m, const char *name) {
  const char *text = tr_model_told(m, name);
  char *end = NULL;
  long value = text ? strtol(text, &end, 10) : 0;
  return text && *end == 0 && value > 0 && value <= 1 << 20 ? (int)value : 0;
}

static void tell_sides(const tr_model *m, tr_net_settings *told) {
  const int side = side_arg(m, "input_size"), image = side_arg(m, "image_size");
  told->side = side ? side : side_arg(m, "latent_size");
  told->height = m->height, told->width = m->width;
  told->stored_height = side_arg(m, "latent_height"), told->stored_width = side_arg(m, "latent_width");
  told->image_side = image ? image : side_arg(m, "resolution");
}

/* Whether the weights are those of a network with so many classes (0: any) and the first n of the parameters,
 * whatever else is told; then m->config. */
static bool fits(tr_model *m, int classes, const settings *s, int n) {
  tr_net_config_clear(&m->config);
  tr_net_settings any = {.num_classes = classes, .n_told = n, .told = s->v, .open = true};
  tell_sides(m, &any);
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

/* Of a network that is no field nothing more need be told: it is refused for that. */
static tr_status lacks(const tr_model *m, const tr_model_options *o, const tr_param *param) {
  const char *name = tr_checkpoint_arg(m->checkpoint, "model");
  if (o->open || !(m->config.type->caps & TR_NET_FIELD)) return TR_OK;
  return TR_FAIL(
      m->ctx, TR_E_ARG, "the checkpoint does not tell its %s (%s%s%s): give %s, or %s in FILE.json beside it",
      param->help, name ? "'" : "", name ? name : "no model name", name ? "' is no known model" : "",
      o->told_as ? o->told_as(param->name) : "tr_model_options.told", param->name);
}

/* Who is to blame for `error`. */
static tr_status blame(tr_model *m, const tr_model_options *o, const settings *s, int classes,
                       const tr_error *error) {
  if (!fits(m, classes, s, 0))
    return classes && fits(m, 0, s, 0) ? tr_model_wrong_arg(m, "num_classes", error)
                                       : latch_again(m->ctx, error);
  if (!fits(m, classes, s, s->n_options)) return latch_again(m->ctx, error);
  if (s->n > s->n_options) return tr_model_wrong_arg(m, s->v[s->n_options].key, error);
  bool misnamed = s->n == 0 && error->status == TR_E_SHAPE; /* a known name, of another network */
  if (misnamed && !o->open)
    return tr_model_told(m, "model") ? tr_model_wrong_arg(m, "model", error) : latch_again(m->ctx, error);
  const tr_param *untold = first_untold(m, s);
  return untold ? lacks(m, o, untold) : latch_again(m->ctx, error);
}

static tr_status infer_from(tr_model *m, const tr_model_options *o, const settings *s) {
  static const tr_range counts = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1, .high = 1 << 20};
  int classes = 0;
  bool given;
  TR_TRY(whole_arg(m, "num_classes", &counts, &classes, &given));
  const char *name = tr_model_told(m, "model");
  tr_net_settings all = {
      .num_classes = classes, .model_name = name ? name : o->model_name, .n_told = s->n, .told = s->v};
  tell_sides(m, &all);
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

/* ---- opening ---- */

/* FILE.json, and its hash. */
static tr_status add_file_beside(const char *path, tr_model *m) {
  TR_TRY(tr_checkpoint_add_args_beside(m->ctx, m->checkpoint, path, &m->args_file));
  return m->args_file ? tr_sha256_file(m->ctx, m->args_file, m->args_sha256) : TR_OK;
}

/* ---- which weights ---- */

static tr_status take_set(tr_model *m, const tr_model_options *o, const char *set) {
  m->set = set;
  TR_TRY(tr_checkpoint_weights(m->ctx, m->checkpoint, set, &m->weights));
  return infer(m, o);
}

static bool is_of_no_network(tr_status status) {
  return status == TR_E_SHAPE || status == TR_E_UNSUPPORTED;
}

/* A network that stands in the set beside others; false: there is none that is known. */
static bool take_part(tr_model *m, const tr_model_options *o, const char *whole) {
  const char *part;
  for (int i = 0; (part = tr_checkpoint_candidate(m->checkpoint, o->weights, whole, i)); i++) {
    tr_ctx_clear(m->ctx);
    if (take_set(m, o, part) == TR_OK) return true;
  }
  return false;
}

static tr_status find_network(tr_model *m, const tr_model_options *o) {
  const char *set = tr_checkpoint_candidate(m->checkpoint, o->weights, NULL, 0);
  if (!set) return tr_checkpoint_weights(m->ctx, m->checkpoint, o->weights, &m->weights);
  tr_status status = take_set(m, o, set);
  if (!is_of_no_network(status)) return status;
  const tr_error error = *tr_ctx_error(m->ctx);
  if (take_part(m, o, set)) return TR_OK;
  tr_ctx_clear(m->ctx);
  m->set = set;
  TR_TRY(tr_checkpoint_weights(m->ctx, m->checkpoint, set, &m->weights));
  if (!o->open) return latch_again(m->ctx, &error);
  snprintf(m->unknown, sizeof m->unknown, "%s", error.message);
  return TR_OK;
}

/* ---- what is said of them ---- */

/* Averages that cannot be used, when nobody chose. */
static void say_problems(const tr_model *m) {
  for (int i = 0; tr_checkpoint_set_name(m->checkpoint, i); i++) {
    const char *problem = tr_checkpoint_set_problem(m->checkpoint, i);
    if (problem) tr_ctx_warn(m->ctx, "%.300s: the weights %s are used instead", problem, m->set);
  }
}

static void say_passed_over(const tr_model *m) {
  const char *first;
  int n = tr_checkpoint_passed_over(m->checkpoint, m->set, &first);
  if (n > 0)
    tr_ctx_warn(m->ctx, "of the weights %s %d %s passed over, no tensors of the network: '%s'%s", m->set, n,
                n == 1 ? "entry is" : "entries are", first, n == 1 ? "" : " and others");
  n = 0, first = NULL;
  for (int i = 0; i < m->weights.n; i++) {
    if (!tr_weights_unused(m->config.type, m->weights.items[i].name)) continue;
    if (n++ == 0) first = m->weights.items[i].name;
  }
  if (n > 0)
    tr_ctx_warn(m->ctx, "%d tensors that only training needs are passed over: '%s'%s", n, first,
                n == 1 ? "" : " and others");
}

static void say_made(const tr_model *m) {
  const char *why = m->without_tables ? "stored for another size" : "not stored";
  tr_net_entry entry;
  char shape[80];
  for (int i = 0; m->config.type->entry(m->config.sizes, i, &entry); i++)
    if (tr_weights_can_make(&entry) && !tr_tensors_find(&m->weights, entry.name))
      tr_ctx_warn(m->ctx, "the table '%s' is %s: it is made again, of sines and cosines, for %s", entry.name,
                  why, tr_shape_text(entry.ndim, entry.shape, shape, sizeof shape));
}

/* Of attention for an evaluation of one sample: a thousand seconds and more of most processors. */
#define MANY_OPERATIONS 1e14

/* The square of the tokens makes a size that is typed in a moment one that takes days. */
static void say_cost(const tr_model *m) {
  const double tokens = (double)tr_net_config_value(&m->config, "tokens"),
               width = (double)tr_net_config_value(&m->config, "hidden"),
               depth = (double)tr_net_config_value(&m->config, "depth");
  const double operations = 4 * depth * width * tokens * tokens;
  if (operations >= MANY_OPERATIONS)
    tr_ctx_warn(
        m->ctx,
        "states of %d x %d are %.0f tokens: attention takes %.1e operations for one evaluation of one "
        "sample",
        m->height, m->width, tokens, operations);
}

/* Whether a file is called like one of several: NAME-00001-of-00002.ENDING. */
static bool is_shard_name(const char *path) {
  const char *of = strstr(path, "-of-");
  int number, n, end = 0;
  if (!of || of - path < 6 || of[-6] != '-') return false;
  return sscanf(of - 5, "%5d-of-%5d%n", &number, &n, &end) == 2 && n > 1 && of[end - 5] == '.';
}

static tr_status whole_is_needed(const tr_model *m, const char *path) {
  const tr_error error = *tr_ctx_error(m->ctx);
  tr_ctx_clear(m->ctx);
  return TR_FAIL(
      m->ctx, error.status,
      "'%s' is one of several files of a checkpoint: give their index, NAME.safetensors.index.json (%s)",
      path, TR_SHOW(error.message, 200));
}

static tr_status no_field(const tr_model *m, const char *path) {
  const tr_module *kind = &m->config.type->info;
  return TR_FAIL(m->ctx, TR_E_UNSUPPORTED,
                 "'%s' holds the network %s (%s), which is no field of states: it can be neither sampled nor "
                 "trained",
                 TR_SHOW(path, 200), kind->name, kind->summary);
}

/* The size asked for in place of the trained one. */
static tr_status take_size(tr_model *m, const tr_model_options *o) {
  bool again;
  TR_TRY(tr_model_resize(m, &again));
  if (!again) return TR_OK;
  tr_net_config_clear(&m->config);
  TR_TRY(infer(m, o));
  return tr_model_has_size(m)
             ? TR_OK
             : TR_FAIL(m->ctx, TR_E_ARG,
                       "states of %d x %d: a network of the kind %s has those of its training", m->height,
                       m->width, tr_net_config_kind(&m->config));
}

static tr_status open_all(tr_model *m, const char *path, const tr_model_options *o) {
  TR_TRY(tr_checkpoint_open(m->ctx, path, &m->checkpoint));
  TR_TRY(add_file_beside(path, m));
  tr_status status = find_network(m, o);
  if (is_of_no_network(status) && is_shard_name(path)) return whole_is_needed(m, path);
  TR_TRY(status);
  if (o->open) return TR_OK;
  if (!(m->config.type->caps & TR_NET_FIELD)) return no_field(m, path);
  TR_TRY(take_size(m, o));
  if (!o->weights) say_problems(m);
  say_passed_over(m);
  say_made(m);
  if (m->without_tables) say_cost(m);
  return tr_model_settle(m, o);
}

tr_status tr_model_open(tr_ctx *ctx, const char *path, const tr_model_options *options, tr_model **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  static const tr_model_options defaults = {0};
  if (options && options->n_told < 0)
    return TR_FAIL(ctx, TR_E_ARG, "options with n_told = %d: use 0 or more", options->n_told);
  if (options && options->n_told > 0 && !options->told)
    return TR_FAIL(ctx, TR_E_ARG, "options with n_told = %d, but without told", options->n_told);
  if (options && (options->height < 0 || options->width < 0 || !options->height != !options->width))
    return TR_FAIL(ctx, TR_E_ARG,
                   "states of %d x %d: use two positive numbers, or 0 and 0 for the trained size",
                   options->height, options->width);
  for (int i = 0; options && i < options->n_told; i++)
    if (!options->told[i].key)
      return TR_FAIL(ctx, TR_E_ARG, "options with told[%d].key = NULL: name a parameter of the network", i);
  tr_model *m = calloc(1, sizeof *m);
  if (!m) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a model");
  m->ctx = ctx;
  m->clock = (tr_net_clock){0, 1, 1};
  if (options) m->height = options->height, m->width = options->width;
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
  free((*model)->without_tables);
  free(*model);
  *model = NULL;
}

/* ---- what is made of it ---- */

tr_status tr_model_network(const tr_model *model, const tr_net_options *options, tr_net **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, options, out);
  return tr_net_create(model->ctx, &model->config, options, &model->weights, out);
}

/* What samples or trains needs a prediction and a path. */
static tr_status check_settled(const tr_model *model) {
  if (model->prediction) return TR_OK;
  return TR_FAIL(
      model->ctx, TR_E_ARG,
      "the model was opened to look at only, and has no field: open it without tr_model_options.open");
}

tr_status tr_model_field(const tr_model *model, tr_net *net, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, net, out);
  TR_TRY(check_settled(model));
  TR_TRY(tr_drift_of_net(net, model->prediction->tag, out));
  tr_status status = tr_drift_set_clock(*out, &model->clock);
  if (status != TR_OK) tr_drift_destroy(out);
  return status;
}

tr_status tr_model_drift(const tr_model *model, tr_dtype dtype, tr_drift **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_OF(model), model, out);
  TR_TRY(check_settled(model));
  tr_net *net;
  TR_TRY(tr_model_network(model, &(tr_net_options){.dtype = dtype}, &net));
  TR_TRY(tr_drift_take_net(&net, model->prediction->tag, out));
  tr_status status = tr_drift_set_clock(*out, &model->clock);
  if (status != TR_OK) tr_drift_destroy(out);
  return status;
}

tr_status tr_model_sampler(const tr_model *model, tr_dtype dtype, tr_sampler *out) {
  TR_REQUIRE(TR_CTX_OF(model), model, out);
  TR_TRY(check_settled(model));
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
  if (n < 0 || n_given < 0)
    return TR_FAIL(ctx, TR_E_ARG, "%d of %s for %ld samples: neither can be negative", n_given, name, n);
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
