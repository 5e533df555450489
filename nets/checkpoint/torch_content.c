/* What torch.save's main pickle means: sets of weights and arguments, wherever in it they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nets/checkpoint/checkpoint_private.h"

enum {
  MAX_DEPTH = 3,        /* keys from the root to a set */
  MAX_ENTRIES = 1 << 22 /* looked at in all: dicts that are shared are looked at anew each time */
};

typedef struct {
  tr_ctx *ctx;
  tr_checkpoint *checkpoint;
  tr_storage_finder find;
  const void *where;
  int64_t looked_at;
  const char *module; /* class of a whole module in the file; NULL: there is none */
} reader;

/* ---- tensors ---- */

static tr_status add_tensor(const reader *r, tr_weight_set *set, const tr_pickle_text *name,
                            const tr_pickle_tensor *from) {
  const unsigned char *data = NULL;
  tr_tensor_source source = {.home = r->checkpoint};
  tr_tensor tensor = {
      .dtype = from->dtype, .foreign = from->foreign, .ndim = from->ndim, .count = from->count};
  memcpy(tensor.shape, from->shape, sizeof tensor.shape);
  memcpy(tensor.stride, from->stride, sizeof tensor.stride);
  if (!from->foreign) {
    const size_t offset = (size_t)from->offset * tr_dtype_size(tensor.dtype);
    TR_TRY(r->find(r->ctx, r->checkpoint, r->where, from->storage, &data, &source));
    source.offset = source.entry ? offset : 0;
    tensor.data = data ? data + offset : NULL;
  }
  return tr_weight_set_add(r->ctx, r->checkpoint, set, name, &tensor, &source);
}

static tr_status fill_set(const reader *r, tr_weight_set *set, const tr_value *state_dict) {
  char name[80];
  for (size_t i = 0; i < state_dict->as.sequence.n; i++) {
    const tr_value *key = state_dict->as.sequence.items[2 * i],
                   *value = state_dict->as.sequence.items[2 * i + 1];
    if (key->kind == TR_P_TEXT && value->kind == TR_P_TENSOR)
      TR_TRY(add_tensor(r, set, &key->as.text, value->as.tensor));
    else
      tr_weight_set_pass(set, key->kind == TR_P_TEXT ? tr_text_printable(&key->as.text, name, sizeof name)
                                                     : "(a key that is no text)");
  }
  return TR_OK;
}

/* What is wrong with one set is in nobody's way who does not ask for it. */
static tr_status add_set(const reader *r, const char *name, const tr_value *state_dict) {
  tr_weight_set *set = tr_checkpoint_add_set(r->checkpoint, name);
  if (!set && r->checkpoint->sets) return TR_OK; /* more than anyone can want */
  if (!set) return TR_FAIL(r->ctx, TR_E_MEM, "'%s': out of memory for its weights", r->checkpoint->map->path);
  return tr_weight_set_spoil(r->ctx, set, fill_set(r, set, state_dict));
}

/* ---- finding sets ---- */

static tr_status count_entries(reader *r, const tr_value *container) {
  r->looked_at += (int64_t)container->as.sequence.n;
  if (r->looked_at <= MAX_ENTRIES) return TR_OK;
  return TR_FAIL(r->ctx, TR_E_IO, "'%s' holds more entries than can be looked through",
                 r->checkpoint->map->path);
}

static bool is_weight(const tr_value *value) {
  return value->kind == TR_P_TENSOR &&
         (value->as.tensor->foreign || tr_dtype_is_float(value->as.tensor->dtype));
}

/* A dict that names tensors of weights: at least one, and tensors are half of what it holds. Of the root,
 * which may hold a number of steps as a tensor beside a set, they are more. */
static bool is_state_dict(const tr_value *dict, bool root) {
  size_t tensors = 0, weights = 0;
  for (size_t i = 0; i < dict->as.sequence.n; i++) {
    const tr_value *value = dict->as.sequence.items[2 * i + 1];
    if (dict->as.sequence.items[2 * i]->kind != TR_P_TEXT) continue;
    tensors += value->kind == TR_P_TENSOR;
    weights += is_weight(value);
  }
  return weights > 0 && 2 * tensors >= dict->as.sequence.n + root;
}

/* An object of torch.nn.Module, saved whole. */
static bool is_module(const tr_value *value) {
  return value->kind == TR_P_OBJECT && tr_value_find(value, "_parameters") &&
         tr_value_find(value, "_modules");
}

static bool holds_tensors(const tr_value *list) {
  for (size_t i = 0; i < list->as.sequence.n; i++)
    if (list->as.sequence.items[i]->kind == TR_P_TENSOR) return true;
  return false;
}

/* A list of tensors, as some averages are kept: it is said of it that it has no names. */
static tr_status note_list(const reader *r, const char *name, const tr_value *list) {
  if (list->kind != TR_P_LIST && list->kind != TR_P_TUPLE) return TR_OK;
  if (!tr_checkpoint_is_averaged(name) || !holds_tensors(list)) return TR_OK;
  tr_weight_set *set = tr_checkpoint_add_set(r->checkpoint, name);
  if (!set) return TR_OK;
  return tr_weight_set_spoil(r->ctx, set,
                             TR_FAIL(r->ctx, TR_E_IO,
                                     "'%s': %s is a list of tensors without names: save them as a state dict",
                                     r->checkpoint->map->path, set->name));
}

/* The states of optimisers and schedules hold tensors too, of no network. */
static bool is_of_training(const tr_pickle_text *key) {
  static const char *const beginnings[] = {"opt", "sched", "lr_sched", "scaler", "rng", "callbacks", "loops"};
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
    if (key->size >= strlen(beginnings[i]) && strncasecmp(key->at, beginnings[i], strlen(beginnings[i])) == 0)
      return true;
  return false;
}

static bool repeated(const tr_value *dict, size_t i) {
  const tr_pickle_text *key = &dict->as.sequence.items[2 * i]->as.text;
  for (size_t k = i + 1; k < dict->as.sequence.n; k++) {
    const tr_value *later = dict->as.sequence.items[2 * k];
    if (later->kind == TR_P_TEXT && later->as.text.size == key->size &&
        memcmp(later->as.text.at, key->at, key->size) == 0)
      return true;
  }
  return false;
}

static tr_status find_sets(reader *r, const char *path, const tr_value *value, int depth);

/* The entries of a dict that may be sets, or hold some. */
static tr_status find_within(reader *r, const char *path, const tr_value *dict, int depth) {
  char name[2 * TR_MAX_SET_NAME], key_text[TR_MAX_SET_NAME];
  TR_TRY(count_entries(r, dict));
  for (size_t i = 0; i < dict->as.sequence.n; i++) {
    const tr_value *key = dict->as.sequence.items[2 * i], *value = dict->as.sequence.items[2 * i + 1];
    bool container = tr_value_pairs(value) || value->kind == TR_P_LIST || value->kind == TR_P_TUPLE;
    if (!container || key->kind != TR_P_TEXT || key->as.text.size == 0 || is_of_training(&key->as.text))
      continue;
    TR_TRY(count_entries(r, dict));
    if (repeated(dict, i)) continue;
    tr_text_printable(&key->as.text, key_text, sizeof key_text);
    snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", key_text);
    if (strlen(name) >= TR_MAX_SET_NAME) continue;
    TR_TRY(find_sets(r, name, value, depth + 1));
  }
  return TR_OK;
}

static tr_status find_sets(reader *r, const char *path, const tr_value *value, int depth) {
  const tr_value *pairs = tr_value_pairs(value);
  if (is_module(value)) {
    r->module = value->as.object->made_by;
    return TR_OK;
  }
  if (!pairs) return note_list(r, path, value);
  TR_TRY(count_entries(r, pairs));
  if (depth > 0 && is_state_dict(pairs, false)) return add_set(r, path, pairs);
  return depth < MAX_DEPTH ? find_within(r, path, pairs, depth) : TR_OK;
}

/* ---- arguments ---- */

/* The value inside a node of OmegaConf; any other value is its own. */
static const tr_value *inside(const tr_value *value) {
  const bool node = value->kind == TR_P_OBJECT && strncmp(value->as.object->made_by, "omegaconf.", 10) == 0;
  if (!node) return value;
  const tr_value *content = tr_value_find(value, "_content"), *single = tr_value_find(value, "_val");
  return content ? content : single ? single : value;
}

static tr_status add_args(reader *r, const tr_value *args) {
  TR_TRY(count_entries(r, args));
  for (size_t i = 0; i < args->as.sequence.n && r->checkpoint->n_args < TR_MAX_ARGS; i++) {
    const tr_value *key = args->as.sequence.items[2 * i], *value = inside(args->as.sequence.items[2 * i + 1]);
    if (key->kind != TR_P_TEXT) continue;
    TR_TRY(count_entries(r, args));
    if (repeated(args, i)) continue;
    TR_TRY(tr_checkpoint_add_arg(r->ctx, r->checkpoint, &key->as.text, tr_checkpoint_value_text(value)));
  }
  return TR_OK;
}

/* The training script's own name first, then those of other scripts. */
static tr_status find_args(reader *r, const tr_value *root) {
  static const char *const keys[] = {"args", "config", "cfg", "hyper_parameters", "hparams"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const tr_value *value = tr_value_find(root, keys[i]);
    const tr_value *pairs = value ? tr_value_pairs(inside(value)) : NULL;
    if (!pairs) continue;
    return add_args(r, pairs);
  }
  return TR_OK;
}

/* ---- the state of an optimiser ---- */

static tr_status add_moments(const reader *r, long number, const tr_value *state) {
  static const char *const keys[TR_N_MOMENTS] = {
      [TR_MOMENT_FIRST] = "exp_avg", [TR_MOMENT_SECOND] = "exp_avg_sq", [TR_MOMENT_STEP] = "step"};
  char text[24];
  const tr_pickle_text name = {text, (size_t)snprintf(text, sizeof text, "%ld", number)};
  for (int i = 0; i < TR_N_MOMENTS; i++) {
    const tr_value *value = tr_value_find(state, keys[i]);
    if (!value || value->kind != TR_P_TENSOR) continue; /* another optimiser's, or an older PyTorch's */
    tr_weight_set *set = &r->checkpoint->moments[i];
    TR_TRY(tr_weight_set_spoil(r->ctx, set, add_tensor(r, set, &name, value->as.tensor)));
  }
  return TR_OK;
}

static tr_status find_moments(reader *r, const tr_value *root) {
  const tr_value *opt = tr_value_find(root, "opt"), *state = opt ? tr_value_find(opt, "state") : NULL;
  const tr_value *pairs = state ? tr_value_pairs(state) : NULL;
  if (!pairs) return TR_OK;
  TR_TRY(count_entries(r, pairs));
  for (size_t i = 0; i < pairs->as.sequence.n; i++) {
    const tr_value *key = pairs->as.sequence.items[2 * i], *value = pairs->as.sequence.items[2 * i + 1];
    if (key->kind == TR_P_INT && key->as.integer >= 0 && key->as.integer < TR_MAX_TENSORS &&
        tr_value_pairs(value))
      TR_TRY(add_moments(r, (long)key->as.integer, value));
  }
  return TR_OK;
}

/* ---- the whole ---- */

static const char *list_keys(const tr_value *root, char *text, size_t size) {
  size_t used = 0;
  char key[40];
  *text = 0;
  for (size_t i = 0; i < root->as.sequence.n && used + sizeof key + 8 < size; i++) {
    const tr_value *name = root->as.sequence.items[2 * i];
    if (name->kind != TR_P_TEXT) continue;
    used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                             tr_text_printable(&name->as.text, key, sizeof key));
  }
  return text;
}

static tr_status no_weights(const reader *r, const tr_value *root) {
  const char *path = r->checkpoint->map->path;
  char keys[200];
  if (r->module)
    return TR_FAIL(r->ctx, TR_E_IO,
                   "'%s' holds a whole module (%.60s), whose code would be needed: save its state dict, "
                   "torch.save(model.state_dict(), ...)",
                   path, r->module);
  if (root->kind == TR_P_OBJECT)
    return TR_FAIL(r->ctx, TR_E_IO, "'%s' holds what %.80s would have made, and that is not called: no dict",
                   path, root->as.object->made_by);
  if (!tr_value_pairs(root))
    return TR_FAIL(r->ctx, TR_E_IO,
                   "'%s': the file holds no dict, so no state dict and no training checkpoint", path);
  if (tr_value_pairs(root)->as.sequence.n == 0) return TR_FAIL(r->ctx, TR_E_IO, "'%s' has no tensors", path);
  return TR_FAIL(r->ctx, TR_E_IO, "'%s' holds no state dict, a dict of names and tensors: its keys are %s",
                 path, list_keys(tr_value_pairs(root), keys, sizeof keys));
}

tr_status tr_torch_content(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_value *root,
                           tr_storage_finder find, const void *where) {
  reader r = {.ctx = ctx, .checkpoint = checkpoint, .find = find, .where = where};
  if (root->kind == TR_P_DICT && is_state_dict(root, true)) return add_set(&r, "weights", root);
  TR_TRY(find_sets(&r, "", root, 0));
  if (checkpoint->n_sets == 0) return no_weights(&r, root);
  TR_TRY(find_moments(&r, root));
  return find_args(&r, root);
}
