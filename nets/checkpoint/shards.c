/* A checkpoint in several files by its index, as Hugging Face writes them: NAME.safetensors.index.json (or
 * NAME.bin.index.json), {"metadata": {...}, "weight_map": {"tensor": "file beside the index"}}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "nets/checkpoint/checkpoint_private.h"

static const char map_key[] = "weight_map";
enum { MAX_SHARDS = 1000, MAX_INDEX = 32 << 20 };

static json_t *parse(const tr_file_map *map) {
  if (map->size > MAX_INDEX) return NULL;
  return json_loadb((const char *)map->data, map->size, JSON_REJECT_DUPLICATES, NULL);
}

static bool recognises(const tr_file_map *map) {
  if (map->data[0] != '{' || map->size > MAX_INDEX) return false;
  json_t *index = parse(map);
  bool right = json_is_object(json_object_get(index, map_key));
  json_decref(index);
  return right;
}

/* The file beside the index; NULL: out of memory. */
static char *beside(const char *index, const char *name) {
  const char *slash = strrchr(index, '/');
  const size_t folder = slash ? (size_t)(slash - index) + 1 : 0, size = folder + strlen(name) + 1;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%.*s%s", (int)folder, index, name);
  return path;
}

/* An index names files beside it, nowhere else. */
static bool is_plain_name(const char *name) {
  return name && *name && *name != '.' && !strchr(name, '/');
}

static tr_status open_shard(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *path, int *out) {
  *out = 0;
  while (*out < checkpoint->n_shards && strcmp(checkpoint->shards[*out]->map->path, path) != 0) ++*out;
  if (*out < checkpoint->n_shards) return TR_OK;
  if (*out == MAX_SHARDS)
    return TR_FAIL(ctx, TR_E_IO, "'%s' names more than %d shards", checkpoint->map->path, MAX_SHARDS);
  tr_checkpoint **grown = realloc((void *)checkpoint->shards, (size_t)(*out + 1) * sizeof *grown);
  if (!grown) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for its shards", checkpoint->map->path);
  checkpoint->shards = grown;
  TR_TRY(tr_checkpoint_open_shard(ctx, path, &grown[*out]));
  tr_checkpoint *shard = grown[checkpoint->n_shards++];
  return shard->n_sets ? tr_weight_set_sort(ctx, shard, shard->sets) : TR_OK;
}

/* The tensor of a shard that the index puts there. */
static tr_status add_tensor(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_checkpoint *shard,
                            const char *name, tr_weight_set *set) {
  const tr_pickle_text text = {.at = name, .size = strlen(name)};
  static const tr_weight_set nothing;
  const tr_weight_set *from = shard->n_sets ? shard->sets : &nothing;
  const tr_tensors tensors = {from->n, from->items, from->by_name};
  const tr_tensor *found = tr_tensors_find(&tensors, name);
  if (found)
    return tr_weight_set_add(ctx, checkpoint, set, &text, found, &from->sources[found - from->items]);
  return TR_FAIL(ctx, TR_E_IO, "'%s': the shard '%s' lacks the tensor '%.100s', which the index puts there",
                 checkpoint->map->path, shard->map->path, name);
}

static tr_status add_entry(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *name, const char *file,
                           tr_weight_set *set) {
  int shard;
  if (!is_plain_name(file))
    return TR_FAIL(ctx, TR_E_IO, "'%s': the shard of '%.100s' is no file beside the index",
                   checkpoint->map->path, name);
  char *path = beside(checkpoint->map->path, file);
  if (!path) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for a name", checkpoint->map->path);
  tr_status status = open_shard(ctx, checkpoint, path, &shard);
  free(path);
  return status == TR_OK ? add_tensor(ctx, checkpoint, checkpoint->shards[shard], name, set) : status;
}

static tr_status read(tr_ctx *ctx, tr_checkpoint *checkpoint) {
  json_t *index = parse(checkpoint->map), *files = json_object_get(index, map_key), *file;
  const char *name;
  tr_weight_set *set = tr_checkpoint_add_set(checkpoint, "weights");
  tr_status status =
      set ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for its weights", checkpoint->map->path);
  json_object_foreach(files, name, file) {
    if (status == TR_OK) status = add_entry(ctx, checkpoint, name, json_string_value(file), set);
  }
  json_decref(index);
  return status;
}

const tr_checkpoint_format_reader tr_shards_reader = {
    .name = "shards", .recognises = recognises, .read = read};
