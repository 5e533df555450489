/* Sets of weights: filling in, and making their names plain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"

/* ---- filling in ---- */

tr_weight_set *tr_checkpoint_add_set(tr_checkpoint *checkpoint, const char *name) {
  if (!checkpoint->sets) checkpoint->sets = calloc(TR_MAX_SETS, sizeof *checkpoint->sets);
  if (!checkpoint->sets || checkpoint->n_sets == TR_MAX_SETS) return NULL;
  tr_weight_set *set = &checkpoint->sets[checkpoint->n_sets++];
  tr_text_show(name, strlen(name), set->name, sizeof set->name);
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
  tr_tensor_source *sources = realloc(set->sources, (size_t)room * sizeof *sources);
  if (sources) set->sources = sources;
  if (items && sources) set->room = room;
  return items && sources;
}

tr_status tr_weight_set_add(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set,
                            const tr_pickle_text *name, const tr_tensor *tensor,
                            const tr_tensor_source *source) {
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
  set->sources[set->n++] = source ? *source : (tr_tensor_source){0};
  return TR_OK;
}

void tr_weight_set_pass(tr_weight_set *set, const char *name) {
  if (set->passed_over++ == 0)
    tr_text_show(name, strlen(name), set->first_passed_over, sizeof set->first_passed_over);
}

/* A name as a tensor of the set has it: ours, from strndup. */
static char *name_of(const tr_weight_set *set, int i) {
  return (char *)(uintptr_t)set->items[i].name;
}

static void drop_tensors(tr_weight_set *set) {
  for (int i = 0; i < set->n; i++) free(name_of(set, i));
  set->n = 0;
}

void tr_weight_set_free(tr_weight_set *set) {
  drop_tensors(set);
  free(set->items);
  free(set->sources);
  free((void *)set->by_name);
}

tr_status tr_weight_set_spoil(tr_ctx *ctx, tr_weight_set *set, tr_status status) {
  if (status == TR_OK || status == TR_E_MEM) return status;
  set->problem = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  drop_tensors(set);
  return TR_OK;
}

/* ---- order ---- */

/* By name, and among those of one name in the order of the set. */
static int compare_tensors(const void *a, const void *b) {
  const tr_tensor *const *x = a, *const *y = b;
  int order = strcmp((*x)->name, (*y)->name);
  return order ? order : (*x > *y) - (*x < *y);
}

tr_status tr_weight_set_sort(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set) {
  free((void *)set->by_name);
  set->by_name = malloc(((size_t)set->n + 1) * sizeof *set->by_name);
  if (!set->by_name) return out_of_memory(ctx, checkpoint);
  for (int i = 0; i < set->n; i++) set->by_name[i] = &set->items[i];
  if (set->n) qsort((void *)set->by_name, (size_t)set->n, sizeof *set->by_name, compare_tensors);
  return TR_OK;
}

/* Forgets the tensors without a name. */
static void close_gaps(tr_weight_set *set) {
  int n = 0;
  for (int i = 0; i < set->n; i++) {
    if (!set->items[i].name) continue;
    set->items[n] = set->items[i];
    set->sources[n++] = set->sources[i];
  }
  set->n = n;
}

static void forget(tr_weight_set *set, int i) {
  free(name_of(set, i));
  set->items[i].name = NULL;
}

/* Of a key that a dict has several times the last value counts, as in Python. */
static tr_status drop_repeats(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set) {
  TR_TRY(tr_weight_set_sort(ctx, checkpoint, set));
  bool some = false;
  for (int i = 1; i < set->n; i++) {
    const tr_tensor *earlier = set->by_name[i - 1];
    if (strcmp(earlier->name, set->by_name[i]->name) != 0) continue;
    some = true;
    /* the name goes when all are compared */
    set->sources[earlier - set->items].offset = SIZE_MAX;
  }
  for (int i = 0; some && i < set->n; i++)
    if (set->sources[i].offset == SIZE_MAX) forget(set, i);
  if (some) close_gaps(set);
  return TR_OK;
}

static tr_status check_names(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set) {
  if (set->n == 0) return TR_FAIL(ctx, TR_E_IO, "'%s': %s has no tensors", checkpoint->map->path, set->name);
  TR_TRY(tr_weight_set_sort(ctx, checkpoint, set));
  for (int i = 1; i < set->n; i++)
    if (strcmp(set->by_name[i - 1]->name, set->by_name[i]->name) == 0)
      return TR_FAIL(ctx, TR_E_IO, "'%s': %s has two tensors named %s", checkpoint->map->path, set->name,
                     set->by_name[i]->name);
  return TR_OK;
}

/* ---- plain names ---- */

static const char compiled[] = "_orig_mod.";

/* torch.compile puts "_orig_mod." before the names of what it wraps, the whole or a block. */
static void drop_compiled(char *name) {
  const size_t length = sizeof compiled - 1;
  for (char *at = name; (at = strstr(at, compiled));) {
    bool begins = at == name || at[-1] == '.';
    if (begins && at[length])
      memmove(at, at + length, strlen(at + length) + 1);
    else
      at += length;
  }
}

/* What a wrapper counts beside the weights, such as n_averaged: no dot in its name, and one number. */
static bool is_counter(const tr_tensor *tensor) {
  return !strchr(tensor->name, '.') && tensor->ndim == 0;
}

/* What wrappers put before every name: DistributedDataParallel, AveragedModel, Lightning, trainers. */
static bool is_wrapper(const char *name, size_t length) {
  static const char *const names[] = {"module", "model", "ema", "ema_model", "model_ema"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0) return true;
  return false;
}

/* The bytes of a first component, with its dot, that all names but those of counters share; 0: there is none.
 */
static size_t common_component(const tr_weight_set *set) {
  const char *first = NULL;
  size_t length = 0;
  for (int i = 0; i < set->n; i++) {
    const char *name = set->items[i].name, *dot = strchr(name, '.');
    if (is_counter(&set->items[i])) continue;
    if (!dot || !dot[1]) return 0;
    if (!first) first = name, length = (size_t)(dot - name) + 1;
    if (strncmp(first, name, length) != 0) return 0;
  }
  return length;
}

/* The same, of a wrapper. */
static size_t wrapper_prefix(const tr_weight_set *set) {
  const size_t length = common_component(set);
  int i = 0;
  while (length && is_counter(&set->items[i])) i++;
  return length && is_wrapper(set->items[i].name, length - 1) ? length : 0;
}

static void drop_prefix(tr_weight_set *set, size_t length) {
  for (int i = 0; i < set->n; i++) {
    char *name = name_of(set, i);
    if (is_counter(&set->items[i])) {
      tr_weight_set_pass(set, name);
      forget(set, i);
    } else {
      memmove(name, name + length, strlen(name + length) + 1);
    }
  }
  close_gaps(set);
}

/* What modules keep beside their weights (torch.nn.Module.get_extra_state), wherever in the network it
 * stands. */
static bool is_extra_state(const char *name) {
  const char *dot = strrchr(name, '.');
  return strcmp(dot ? dot + 1 : name, "_extra_state") == 0;
}

static void drop_extra_states(tr_weight_set *set) {
  for (int i = 0; i < set->n; i++) {
    if (!is_extra_state(set->items[i].name)) continue;
    tr_weight_set_pass(set, set->items[i].name);
    forget(set, i);
  }
  close_gaps(set);
}

static tr_status make_plain(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set) {
  TR_TRY(drop_repeats(ctx, checkpoint, set));
  drop_extra_states(set);
  for (int i = 0; i < set->n; i++) drop_compiled(name_of(set, i));
  for (size_t length; (length = wrapper_prefix(set)) > 0;) drop_prefix(set, length);
  return check_names(ctx, checkpoint, set);
}

/* ---- networks beside others in one set ---- */

/* What training frameworks call the network that they train, beside what it is trained with. */
static bool is_network(const char *name, size_t length) {
  static const char *const names[] = {"net",         "net_ema",  "denoiser", "network", "diffusion_model",
                                      "transformer", "backbone", "dit",      "sit"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0) return true;
  return is_wrapper(name, length);
}

static tr_status add_part(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_weight_set *whole,
                          const char *first, size_t length) {
  char name[2 * TR_MAX_SET_NAME + TR_MAX_TENSOR_NAME];
  snprintf(name, sizeof name, "%s.%.*s", whole->name, (int)length, first);
  tr_weight_set *part = tr_checkpoint_add_set(checkpoint, name);
  if (!part) return TR_OK;
  part->part = true;
  for (int i = 0; i < whole->n; i++) {
    const char *full = whole->items[i].name;
    if (strncmp(full, first, length) != 0 || full[length] != '.' || !full[length + 1]) continue;
    const tr_pickle_text inner = {.at = full + length + 1, .size = strlen(full + length + 1)};
    TR_TRY(tr_weight_set_add(ctx, checkpoint, part, &inner, &whole->items[i], &whole->sources[i]));
  }
  return tr_weight_set_spoil(ctx, part, make_plain(ctx, checkpoint, part));
}

/* A set whose names begin with those of networks among others, or all with the same word, is also one set for
 * each of these, for whoever does not know the whole. */
static tr_status add_parts(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_weight_set *whole) {
  const char *last = "";
  const bool common = whole->n > 1 && common_component(whole) > 0;
  for (int i = 0; i < whole->n; i++) {
    const char *name = whole->by_name[i]->name, *dot = strchr(name, '.');
    const size_t length = dot ? (size_t)(dot - name) : 0;
    if (!dot || strncmp(last, name, length + 1) == 0) continue;
    if (!common && !is_network(name, length)) continue;
    last = name;
    TR_TRY(add_part(ctx, checkpoint, whole, name, length));
  }
  return TR_OK;
}

tr_status tr_checkpoint_finish_sets(tr_ctx *ctx, tr_checkpoint *checkpoint) {
  const int n = checkpoint->n_sets;
  for (int i = 0; i < n; i++) {
    tr_weight_set *set = &checkpoint->sets[i];
    if (set->problem.status != TR_OK) continue;
    TR_TRY(tr_weight_set_spoil(ctx, set, make_plain(ctx, checkpoint, set)));
    if (set->problem.status == TR_OK) TR_TRY(add_parts(ctx, checkpoint, set));
  }
  for (int i = 0; i < checkpoint->n_sets; i++)
    if (checkpoint->sets[i].problem.status == TR_OK) return TR_OK;
  if (n == 0) return TR_FAIL(ctx, TR_E_IO, "'%s' has no tensors", checkpoint->map->path);
  return TR_FAIL(ctx, checkpoint->sets[0].problem.status, "%s", checkpoint->sets[0].problem.message);
}
