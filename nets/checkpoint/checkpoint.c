#include "nets/checkpoint/checkpoint.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/require_private.h"
#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"

/* ---- filling in ---- */

static tr_status out_of_memory(tr_ctx *ctx, const tr_checkpoint *checkpoint) {
  return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for the list of what it holds", checkpoint->map->path);
}

char *tr_checkpoint_text(const char *text, size_t size) {
  const size_t room = (size < TR_MAX_ARG_TEXT ? size : TR_MAX_ARG_TEXT) + 1;
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

/* ---- which set is meant ---- */

/* Whether one of the words of a name, "model_ema.module", is one of these; `n` of them. */
static bool has_word(const char *name, const char *const *words, int n) {
  for (const char *at = name; *at;) {
    size_t length = 0;
    while (isalnum((unsigned char)at[length])) length++;
    for (int i = 0; i < n; i++)
      if (length == strlen(words[i]) && strncasecmp(at, words[i], length) == 0) return true;
    at += length ? length : 1;
  }
  return false;
}

bool tr_checkpoint_is_averaged(const char *name) {
  static const char *const words[] = {"ema", "averaged", "shadow"};
  return has_word(name, words, 3);
}

static bool is_model(const tr_weight_set *set) {
  static const char *const words[] = {"model",   "module", "net", "network", "state",
                                      "weights", "params", "sit", "dit"};
  return has_word(set->name, words, 9);
}

static const char *last_key(const tr_weight_set *set) {
  const char *dot = strrchr(set->name, '.');
  return dot ? dot + 1 : set->name;
}

/* How well a set answers to what was asked for; 0: not at all. A whole comes before parts, and averages must
 * be of as much as the rest. */
static int answers(const tr_weight_set *set, const char *asked, int largest) {
  const bool averaged = tr_checkpoint_is_averaged(set->name), model = !averaged && is_model(set);
  const bool bare = strcmp(set->name, "weights") == 0;
  if (!asked) {
    int rank = averaged && (set->part || 2 * set->n >= largest) ? 3 : model ? 2 : 1;
    return rank + (set->part ? 0 : 3);
  }
  if (strcmp(set->name, asked) == 0) return 9;
  if (strcmp(asked, "ema") == 0) return averaged ? (set->part ? 7 : 8) : bare ? 6 : 0;
  if (strcmp(asked, "model") == 0) return averaged ? 0 : model && !bare ? (set->part ? 7 : 8) : bare ? 6 : 5;
  return strcmp(last_key(set), asked) == 0 ? 4 : 0;
}

static bool is_part_of(const tr_weight_set *set, const char *whole) {
  const size_t length = strlen(whole);
  return set->part && strncmp(set->name, whole, length) == 0 && set->name[length] == '.';
}

/* Better answers come first, then those with more tensors, then those that the file has first. */
static bool comes_before(const tr_weight_set *a, int answer_a, const tr_weight_set *b, int answer_b) {
  if (answer_a != answer_b) return answer_a > answer_b;
  return a->n != b->n ? a->n > b->n : a < b; /* of one array */
}

static int largest_set(const tr_checkpoint *checkpoint) {
  int largest = 0;
  for (int k = 0; k < checkpoint->n_sets; k++)
    if (!checkpoint->sets[k].part && checkpoint->sets[k].n > largest) largest = checkpoint->sets[k].n;
  return largest;
}

/* Those that are used without being asked for come first, those that cannot be used last. */
static void order_sets(tr_checkpoint *checkpoint) {
  const int largest = largest_set(checkpoint);
  for (int i = 1; i < checkpoint->n_sets; i++) {
    const tr_weight_set set = checkpoint->sets[i];
    const int rank = set.problem.status == TR_OK ? answers(&set, NULL, largest) : 0;
    int at = i;
    for (; at > 0; at--) {
      const tr_weight_set *before = &checkpoint->sets[at - 1];
      const int of_before = before->problem.status == TR_OK ? answers(before, NULL, largest) : 0;
      if (of_before > rank || (of_before == rank && before->n >= set.n)) break;
      checkpoint->sets[at] = *before;
    }
    checkpoint->sets[at] = set;
  }
}

/* ---- opening ---- */

static const tr_checkpoint_format_reader *recognise(const tr_file_map *map) {
  static const tr_checkpoint_format_reader *const readers[] = {&tr_torch_zip_reader, &tr_torch_legacy_reader,
                                                               &tr_safetensors_reader, &tr_shards_reader};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if (readers[i]->recognises(map)) return readers[i];
  return NULL;
}

static tr_status not_recognised(tr_ctx *ctx, const tr_file_map *map) {
  const char *what = tr_checkpoint_mistaken(map);
  if (what) return TR_FAIL(ctx, TR_E_IO, "'%s' is no checkpoint: it %s", map->path, what);
  return TR_FAIL(
      ctx, TR_E_IO,
      "'%s' is no checkpoint: it begins neither as PyTorch's .pt (zip or legacy) nor as .safetensors",
      map->path);
}

/* Everything but what is done when all sets are there. */
static tr_status read_raw(tr_ctx *ctx, const tr_file_map *map, tr_checkpoint **out) {
  if (map->size == 0) return TR_FAIL(ctx, TR_E_IO, "'%s' is empty", map->path);
  const tr_checkpoint_format_reader *reader = recognise(map);
  if (!reader) return not_recognised(ctx, map);
  tr_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
  if (!checkpoint) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for a checkpoint", map->path);
  checkpoint->format = reader->name;
  checkpoint->map = map;
  tr_status status = reader->read(ctx, checkpoint);
  if (status != TR_OK) tr_checkpoint_close(&checkpoint);
  *out = checkpoint;
  return status;
}

tr_status tr_checkpoint_read(tr_ctx *ctx, const tr_file_map *map, tr_checkpoint **out) {
  *out = NULL;
  TR_TRY(read_raw(ctx, map, out));
  tr_status status = tr_checkpoint_finish_sets(ctx, *out);
  if (status == TR_OK) order_sets(*out);
  if (status != TR_OK) tr_checkpoint_close(out);
  return status;
}

/* Opens and reads by `read`; the checkpoint owns the mapping. */
static tr_status open_by(tr_ctx *ctx, const char *path,
                         tr_status (*read)(tr_ctx *ctx, const tr_file_map *map, tr_checkpoint **out),
                         tr_checkpoint **out) {
  tr_file_map *map = calloc(1, sizeof *map);
  if (!map) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for a checkpoint", path);
  tr_status status = tr_file_map_open(ctx, path, map);
  if (status == TR_OK) status = read(ctx, map, out);
  if (status == TR_OK) {
    (*out)->own = map;
    return TR_OK;
  }
  tr_file_map_close(map);
  free(map);
  return status;
}

static tr_status read_shard(tr_ctx *ctx, const tr_file_map *map, tr_checkpoint **out) {
  if (map->size && recognise(map) == &tr_shards_reader)
    return TR_FAIL(ctx, TR_E_IO, "'%s' is an index of shards, not a shard", map->path);
  return read_raw(ctx, map, out);
}

tr_status tr_checkpoint_open_shard(tr_ctx *ctx, const char *path, tr_checkpoint **out) {
  *out = NULL;
  return open_by(ctx, path, read_shard, out);
}

tr_status tr_checkpoint_open(tr_ctx *ctx, const char *path, tr_checkpoint **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  return open_by(ctx, path, tr_checkpoint_read, out);
}

static void free_blocks(tr_checkpoint *c) {
  for (int i = 0; c->blocks && i < tr_zip_count(c->zip); i++) free(c->blocks[i].owned);
  free(c->blocks);
}

void tr_checkpoint_close(tr_checkpoint **checkpoint) {
  if (!checkpoint) return;
  tr_checkpoint *c = *checkpoint;
  if (!c) return;
  for (int i = 0; i < c->n_sets; i++) tr_weight_set_free(&c->sets[i]);
  for (int i = 0; i < TR_N_MOMENTS; i++) tr_weight_set_free(&c->moments[i]);
  free(c->sets);
  tr_checkpoint_drop_args(c, 0);
  free(c->args);
  for (int i = 0; i < c->n_arg_files; i++) free(c->arg_files[i]);
  free((void *)c->arg_files);
  free_blocks(c);
  tr_zip_close(&c->zip);
  for (int i = 0; i < c->n_shards; i++) tr_checkpoint_close(&c->shards[i]);
  free((void *)c->shards);
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

const char *tr_checkpoint_shard(const tr_checkpoint *checkpoint, int i) {
  if (!checkpoint || i < 0 || i >= checkpoint->n_shards) return NULL;
  return checkpoint->shards[i]->map->path;
}

const char *tr_checkpoint_set_name(const tr_checkpoint *checkpoint, int i) {
  if (!checkpoint) return NULL;
  return i >= 0 && i < checkpoint->n_sets ? checkpoint->sets[i].name : NULL;
}

const char *tr_checkpoint_set_problem(const tr_checkpoint *checkpoint, int i) {
  if (!tr_checkpoint_set_name(checkpoint, i)) return NULL;
  return checkpoint->sets[i].problem.status == TR_OK ? NULL : checkpoint->sets[i].problem.message;
}

int tr_checkpoint_passed_over(const tr_checkpoint *checkpoint, const char *set, const char **first) {
  if (!checkpoint || !set || !first) return 0;
  for (int i = 0; i < checkpoint->n_sets; i++) {
    if (strcmp(checkpoint->sets[i].name, set) != 0) continue;
    *first = checkpoint->sets[i].first_passed_over;
    return checkpoint->sets[i].passed_over;
  }
  return 0;
}

const char *tr_checkpoint_candidate(const tr_checkpoint *checkpoint, const char *asked, const char *within,
                                    int i) {
  const tr_weight_set *in_order[TR_MAX_SETS];
  int answer[TR_MAX_SETS], n = 0;
  const int largest = checkpoint ? largest_set(checkpoint) : 0;
  for (int k = 0; checkpoint && k < checkpoint->n_sets; k++) {
    const tr_weight_set *set = &checkpoint->sets[k];
    int of_set = within && !is_part_of(set, within) ? 0 : answers(set, asked, largest), at = n;
    if (set->problem.status != TR_OK && (!asked || strcmp(asked, set->name) != 0)) of_set = 0;
    if (of_set == 0) continue;
    for (; at > 0 && comes_before(set, of_set, in_order[at - 1], answer[at - 1]); at--)
      in_order[at] = in_order[at - 1], answer[at] = answer[at - 1];
    in_order[at] = set, answer[at] = of_set, n++;
  }
  return i >= 0 && i < n ? in_order[i]->name : NULL;
}

/* ---- data ---- */

/* No honest set of weights shrinks more than this by being packed, and none is repeated so often. */
enum { MOST_PACKED = 64, MOST_REPEATED = 4, SMALL = 16 << 20 };

static uint64_t stored_bytes(const tr_checkpoint *checkpoint) {
  uint64_t bytes = checkpoint->map->size;
  for (int i = 0; i < checkpoint->n_shards; i++) bytes += checkpoint->shards[i]->map->size;
  return bytes;
}

/* What the tensors hold is out of no proportion to the file: those of stride 0 repeat what is stored. */
static tr_status check_amount(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_weight_set *set) {
  uint64_t claimed = 0, stored = stored_bytes(checkpoint), packed = 0;
  for (int i = 0; i < set->n; i++) {
    claimed += (uint64_t)set->items[i].count * tr_dtype_size(set->items[i].dtype);
    const tr_zip_entry *entry = set->sources[i].entry;
    if (entry && entry->method != 0 && entry->size > packed) packed = entry->size;
    if (claimed > UINT64_MAX / 2) break;
  }
  if (packed) stored *= MOST_PACKED;
  if (claimed <= MOST_REPEATED * stored + SMALL && packed <= stored + SMALL) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO,
                 "'%s': the tensors of %s would be %.1f MB, but the file has %.3f MB: they are repeated, not "
                 "stored",
                 checkpoint->map->path, set->name, (double)claimed / 1e6,
                 (double)stored_bytes(checkpoint) / 1e6);
}

/* The bytes of an entry, looked at once. */
static tr_status read_entry(tr_ctx *ctx, const tr_tensor_source *source, const unsigned char **data) {
  const tr_zip *zip = source->home->zip;
  tr_zip_block *block = &source->home->blocks[source->entry - tr_zip_entry_at(zip, 0)];
  if (!block->right) TR_TRY(tr_zip_read(ctx, zip, source->entry, data, &block->owned));
  block->right = true;
  *data = block->owned ? block->owned : source->entry->data;
  return TR_OK;
}

static tr_status look_at(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set) {
  if (set->looked_at) return TR_OK;
  TR_TRY(check_amount(ctx, checkpoint, set));
  for (int i = 0; i < set->n; i++) {
    const unsigned char *data;
    if (!set->sources[i].entry) continue;
    TR_TRY(read_entry(ctx, &set->sources[i], &data));
    set->items[i].data = data + set->sources[i].offset;
  }
  set->looked_at = true;
  return TR_OK;
}

/* "ema, model and 3 more" */
static const char *list_sets(const tr_checkpoint *checkpoint, char *text, size_t size) {
  size_t used = 0;
  for (int i = 0; i < checkpoint->n_sets && used < size; i++) {
    const bool last = i == checkpoint->n_sets - 1;
    if (used > size - 160) {
      snprintf(text + used, size - used, " and %d more", checkpoint->n_sets - i);
      break;
    }
    used += (size_t)snprintf(text + used, size - used, "%s%s",
                             !i     ? ""
                             : last ? " and "
                                    : ", ",
                             checkpoint->sets[i].name);
  }
  return text;
}

tr_status tr_checkpoint_weights(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *set,
                                tr_tensors *out) {
  if (out) *out = (tr_tensors){0};
  TR_REQUIRE(ctx, checkpoint, out);
  const char *name = tr_checkpoint_candidate(checkpoint, set, NULL, 0);
  char list[512];
  if (!name)
    return TR_FAIL(ctx, TR_E_ARG, "'%s' has no weights named '%s': it has %s", checkpoint->map->path, set,
                   list_sets(checkpoint, list, sizeof list));
  tr_weight_set *found = checkpoint->sets;
  while (strcmp(found->name, name) != 0) found++;
  if (found->problem.status != TR_OK)
    return TR_FAIL(ctx, found->problem.status, "%s", found->problem.message);
  TR_TRY(look_at(ctx, checkpoint, found));
  *out = (tr_tensors){.n = found->n, .items = found->items, .by_name = found->by_name};
  return TR_OK;
}

/* ---- moments ---- */

static tr_status open_moments(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set,
                              tr_tensors *out) {
  if (set->problem.status != TR_OK) return TR_FAIL(ctx, set->problem.status, "%s", set->problem.message);
  TR_TRY(look_at(ctx, checkpoint, set));
  if (!set->by_name) TR_TRY(tr_weight_set_sort(ctx, checkpoint, set));
  *out = (tr_tensors){.n = set->n, .items = set->items, .by_name = set->by_name};
  return TR_OK;
}

/* The one number that all of them hold. */
static tr_status read_steps(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_tensors *steps,
                            int64_t *out) {
  double first = 0, step;
  for (int i = 0; i < steps->n; i++) {
    if (steps->items[i].count != 1)
      return TR_FAIL(ctx, TR_E_IO, "'%s': the step of the optimiser's parameter %s is no number",
                     checkpoint->map->path, steps->items[i].name);
    TR_TRY(tr_tensor_to_f64(ctx, &steps->items[i], &step));
    if (i == 0) first = step;
    if (step != first || step != rint(step) || step < 0 || step > UINT32_MAX)
      return TR_FAIL(ctx, TR_E_IO,
                     "'%s': the optimiser has taken %.17g steps with one parameter and %.17g with another",
                     checkpoint->map->path, first, step);
  }
  *out = (int64_t)first;
  return TR_OK;
}

tr_status tr_checkpoint_moments(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_moments *out) {
  if (out) *out = (tr_moments){0};
  TR_REQUIRE(ctx, checkpoint, out);
  tr_weight_set *sets = (tr_weight_set *)checkpoint->moments;
  tr_tensors steps = {0};
  if (sets[TR_MOMENT_FIRST].n == 0 && sets[TR_MOMENT_FIRST].problem.status == TR_OK)
    return TR_FAIL(ctx, TR_E_IO, "'%s' has no state of AdamW under 'opt'", checkpoint->map->path);
  TR_TRY(open_moments(ctx, checkpoint, &sets[TR_MOMENT_STEP], &steps));
  TR_TRY(read_steps(ctx, checkpoint, &steps, &out->steps));
  TR_TRY(open_moments(ctx, checkpoint, &sets[TR_MOMENT_FIRST], &out->first));
  return open_moments(ctx, checkpoint, &sets[TR_MOMENT_SECOND], &out->second);
}

/* ---- arguments ---- */

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
