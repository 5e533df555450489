#include "nets/checkpoint/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"

/* ---- filling in ---- */

tr_weight_set *tr_checkpoint_add_set(tr_checkpoint *checkpoint, const char *name) {
  tr_weight_set *set = &checkpoint->sets[checkpoint->n_sets++];
  *set = (tr_weight_set){.name = name};
  return set;
}

bool tr_checkpoint_is_name(const tr_pickle_text *name) {
  for (size_t i = 0; i < name->size; i++)
    if ((unsigned char)name->at[i] < 0x20 || (unsigned char)name->at[i] > 0x7e) return false;
  return name->size > 0 && name->size <= TR_MAX_TENSOR_NAME;
}

static tr_status out_of_memory(tr_ctx *ctx, const tr_checkpoint *checkpoint) {
  return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for the list of what it holds", checkpoint->map->path);
}

static bool grow_set(tr_weight_set *set) {
  int room = 2 * set->room + 64;
  tr_tensor *items = realloc(set->items, (size_t)room * sizeof *items);
  if (items) set->items = items;
  const tr_zip_entry **sources = realloc((void *)set->sources, (size_t)room * sizeof *sources);
  if (sources) set->sources = sources;
  if (items && sources) set->room = room;
  return items && sources;
}

tr_status tr_weight_set_add(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set,
                            const tr_pickle_text *name, const tr_tensor *tensor, const tr_zip_entry *source) {
  if (!tr_checkpoint_is_name(name)) {
    char text[80];
    return TR_FAIL(ctx, TR_E_IO, "'%s': the tensor name \"%s\" is not 1 to %d printable ASCII characters",
                   checkpoint->map->path, tr_text_printable(name, text, sizeof text), TR_MAX_TENSOR_NAME);
  }
  if (set->n == TR_MAX_TENSORS)
    return TR_FAIL(ctx, TR_E_IO, "'%s': %s has more than %d tensors", checkpoint->map->path, set->name,
                   TR_MAX_TENSORS);
  if (set->n == set->room && !grow_set(set)) return out_of_memory(ctx, checkpoint);
  char *copy = strndup(name->at, name->size);
  if (!copy) return out_of_memory(ctx, checkpoint);
  set->items[set->n] = *tensor;
  set->items[set->n].name = copy;
  set->sources[set->n++] = source;
  return TR_OK;
}

char *tr_checkpoint_text(const char *text, size_t size) {
  size_t room = (size < TR_MAX_ARG_TEXT ? size : TR_MAX_ARG_TEXT) + 1;
  char *copy = calloc(room, 1);
  if (copy) tr_text_show(text, size, copy, room);
  return copy;
}

tr_status tr_checkpoint_add_arg(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_pickle_text *name,
                                char *value) {
  tr_status status = TR_OK;
  char *copy = tr_checkpoint_text(name->at, name->size);
  if (checkpoint->n_args == TR_MAX_ARGS)
    status = TR_FAIL(ctx, TR_E_IO, "'%s': the file has more than %d arguments", checkpoint->map->path,
                     TR_MAX_ARGS);
  if (!checkpoint->args) checkpoint->args = calloc(TR_MAX_ARGS, sizeof *checkpoint->args);
  if (status == TR_OK && (!value || !copy || !checkpoint->args)) status = out_of_memory(ctx, checkpoint);
  if (status != TR_OK) {
    free(copy);
    free(value);
    return status;
  }
  checkpoint->args[checkpoint->n_args++] =
      (tr_checkpoint_argument){.name = copy, .value = value, .file = checkpoint->map->path};
  return TR_OK;
}

void tr_checkpoint_drop_args(tr_checkpoint *checkpoint, int n) {
  for (; checkpoint->n_args > n; checkpoint->n_args--) {
    free(checkpoint->args[checkpoint->n_args - 1].name);
    free(checkpoint->args[checkpoint->n_args - 1].value);
  }
}

void tr_checkpoint_write_real(FILE *out, double value) {
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  fputs(text, out);
}

/* ---- after filling in ---- */

/* Wrappers put a prefix before every name: DistributedDataParallel "module.", torch.compile "_orig_mod.". It
 * goes when all names of the set have it. */
static bool strip_prefix(tr_weight_set *set, const char *prefix) {
  size_t length = strlen(prefix);
  for (int i = 0; i < set->n; i++)
    if (strncmp(set->items[i].name, prefix, length) != 0 || set->items[i].name[length] == 0) return false;
  for (int i = 0; i < set->n; i++) {
    char *name = (char *)(uintptr_t)set->items[i].name; /* ours, from strndup */
    memmove(name, name + length, strlen(name + length) + 1);
  }
  return set->n > 0;
}

static int compare_texts(const void *a, const void *b) {
  const char *const *x = a, *const *y = b;
  return strcmp(*x, *y);
}

static tr_status check_names(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_weight_set *set) {
  if (set->n == 0) return TR_FAIL(ctx, TR_E_IO, "'%s': %s has no tensors", checkpoint->map->path, set->name);
  const char **names = malloc((size_t)set->n * sizeof *names);
  if (!names) return out_of_memory(ctx, checkpoint);
  for (int i = 0; i < set->n; i++) names[i] = set->items[i].name;
  qsort((void *)names, (size_t)set->n, sizeof *names, compare_texts);
  tr_status status = TR_OK;
  for (int i = 1; i < set->n && status == TR_OK; i++)
    if (strcmp(names[i - 1], names[i]) == 0)
      status = TR_FAIL(ctx, TR_E_IO, "'%s': %s has two tensors named %s", checkpoint->map->path, set->name,
                       names[i]);
  free((void *)names);
  return status;
}

static tr_status finish_sets(tr_ctx *ctx, tr_checkpoint *checkpoint) {
  for (int i = 0; i < checkpoint->n_sets; i++) {
    tr_weight_set *set = &checkpoint->sets[i];
    while (strip_prefix(set, "module.") || strip_prefix(set, "_orig_mod.")) continue;
    TR_TRY(check_names(ctx, checkpoint, set));
  }
  return TR_OK;
}

/* ---- opening ---- */

static const tr_checkpoint_format_reader *recognise(const tr_file_map *map) {
  static const tr_checkpoint_format_reader *const readers[] = {&tr_torch_zip_reader, &tr_torch_legacy_reader,
                                                               &tr_safetensors_reader};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if (readers[i]->recognises(map)) return readers[i];
  return NULL;
}

tr_status tr_checkpoint_read(tr_ctx *ctx, const tr_file_map *map, tr_checkpoint **out) {
  *out = NULL;
  if (map->size == 0) return TR_FAIL(ctx, TR_E_IO, "'%s' is empty", map->path);
  const tr_checkpoint_format_reader *reader = recognise(map);
  if (!reader)
    return TR_FAIL(
        ctx, TR_E_IO,
        "'%s' is no checkpoint: it begins neither as PyTorch's .pt (zip or legacy) nor as .safetensors",
        map->path);
  tr_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
  if (!checkpoint) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for a checkpoint", map->path);
  checkpoint->format = reader->name;
  checkpoint->map = map;
  tr_status status = reader->read(ctx, checkpoint);
  if (status == TR_OK) status = finish_sets(ctx, checkpoint);
  if (status != TR_OK) tr_checkpoint_close(&checkpoint);
  *out = checkpoint;
  return status;
}

tr_status tr_checkpoint_open(tr_ctx *ctx, const char *path, tr_checkpoint **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  tr_file_map *map = calloc(1, sizeof *map);
  if (!map) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for a checkpoint", path);
  tr_status status = tr_file_map_open(ctx, path, map);
  if (status == TR_OK) status = tr_checkpoint_read(ctx, map, out);
  if (status == TR_OK) {
    (*out)->own = map;
    return TR_OK;
  }
  tr_file_map_close(map);
  free(map);
  return status;
}

static void free_set(tr_weight_set *set) {
  for (int i = 0; i < set->n; i++) free((void *)(uintptr_t)set->items[i].name);
  free(set->items);
  free((void *)set->sources);
}

void tr_checkpoint_close(tr_checkpoint **checkpoint) {
  if (!checkpoint) return;
  tr_checkpoint *c = *checkpoint;
  if (!c) return;
  for (int i = 0; i < c->n_sets; i++) free_set(&c->sets[i]);
  tr_checkpoint_drop_args(c, 0);
  free(c->args);
  for (int i = 0; i < c->n_arg_files; i++) free(c->arg_files[i]);
  free((void *)c->arg_files);
  tr_zip_close(&c->zip);
  if (c->own) tr_file_map_close(c->own);
  free(c->own);
  free(c);
  *checkpoint = NULL;
}

/* ---- asking ---- */

const char *tr_checkpoint_format(const tr_checkpoint *checkpoint) {
  if (!checkpoint) return "";
  return checkpoint->format;
}

const char *tr_checkpoint_set_name(const tr_checkpoint *checkpoint, int i) {
  if (!checkpoint) return NULL;
  return i >= 0 && i < checkpoint->n_sets ? checkpoint->sets[i].name : NULL;
}

/* A bare state dict is the only set there is, whatever one calls it. */
static const tr_weight_set *find_set(const tr_checkpoint *checkpoint, const char *name) {
  if (!name) return &checkpoint->sets[0];
  bool bare = strcmp(checkpoint->sets[0].name, "weights") == 0;
  if (bare && (strcmp(name, "ema") == 0 || strcmp(name, "model") == 0)) return &checkpoint->sets[0];
  for (int i = 0; i < checkpoint->n_sets; i++)
    if (strcmp(checkpoint->sets[i].name, name) == 0) return &checkpoint->sets[i];
  return NULL;
}

/* Checks the data of every tensor of the set, each stored block once. */
static tr_status check_data(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_weight_set *set) {
  if (!checkpoint->zip) return TR_OK;
  bool *checked = calloc((size_t)tr_zip_count(checkpoint->zip), sizeof *checked);
  if (!checked) return out_of_memory(ctx, checkpoint);
  tr_status status = TR_OK;
  for (int i = 0; i < set->n && status == TR_OK; i++) {
    const unsigned char *data;
    void *owned = NULL;
    bool *seen = &checked[set->sources[i] - tr_zip_entry_at(checkpoint->zip, 0)];
    if (!*seen) status = tr_zip_read(ctx, checkpoint->zip, set->sources[i], &data, &owned);
    *seen = true;
    free(owned); /* NULL: tensors are stored, not deflated */
  }
  free(checked);
  return status;
}

tr_status tr_checkpoint_weights(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *set,
                                tr_tensors *out) {
  if (out) *out = (tr_tensors){0};
  TR_REQUIRE(ctx, checkpoint, out);
  const tr_weight_set *found = find_set(checkpoint, set);
  if (!found)
    return TR_FAIL(ctx, TR_E_ARG, "'%s' has no weights named '%s': it has %s%s%s", checkpoint->map->path, set,
                   checkpoint->sets[0].name, checkpoint->n_sets > 1 ? " and " : "",
                   checkpoint->n_sets > 1 ? checkpoint->sets[1].name : "");
  TR_TRY(check_data(ctx, checkpoint, found));
  *out = (tr_tensors){.n = found->n, .items = found->items};
  return TR_OK;
}

const tr_checkpoint_argument *tr_checkpoint_find_arg(const tr_checkpoint *checkpoint, const char *name) {
  for (int i = 0; i < checkpoint->n_args; i++)
    if (strcmp(checkpoint->args[i].name, name) == 0) return &checkpoint->args[i];
  return NULL;
}

const char *tr_checkpoint_arg(const tr_checkpoint *checkpoint, const char *name) {
  if (!checkpoint || !name) return NULL;
  const tr_checkpoint_argument *found = tr_checkpoint_find_arg(checkpoint, name);
  return found ? found->value : NULL;
}

const char *tr_checkpoint_arg_file(const tr_checkpoint *checkpoint, const char *name) {
  if (!checkpoint || !name) return NULL;
  const tr_checkpoint_argument *found = tr_checkpoint_find_arg(checkpoint, name);
  return found ? found->file : NULL;
}

bool tr_checkpoint_arg_at(const tr_checkpoint *checkpoint, int i, const char **name, const char **value) {
  if (!checkpoint || !name || !value) return false;
  if (i < 0 || i >= checkpoint->n_args) return false;
  *name = checkpoint->args[i].name;
  *value = checkpoint->args[i].value;
  return true;
}
