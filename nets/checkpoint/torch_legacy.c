/* torch.save before PyTorch 1.6, and later with _use_new_zipfile_serialization=False: a stream of five
 * pickles (a magic number, the protocol, the machine, the object, the keys of its storages), then for each
 * key the number of elements (8 bytes) and the elements. There are no checksums. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/bytes_private.h"
#include "nets/checkpoint/checkpoint_private.h"

enum { PROTOCOL = 1001 };

/* The bytes of the pickle of the magic number 0x1950a86a20f9469cfc6c that a file begins with; 0: it does not.
 * Protocols from 2 on write its bytes, from 4 on within a frame; protocols 0 and 1 its digits. */
static size_t magic_size(const tr_file_map *map) {
  static const char binary[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
                    digits[] = "L119547037146038801333356L\n.", frame[] = "\x95\x0d\0\0\0\0\0\0";
  const struct {
    const char *text;
    size_t size;
  } number[] = {{binary, sizeof binary - 1}, {digits, sizeof digits - 1}};
  const unsigned char *at = map->data;
  size_t skip = 0;
  if (map->size > 11 && at[0] == 0x80) skip = 2;
  if (skip && memcmp(at + 2, frame, sizeof frame) == 0) skip += sizeof frame;
  for (int i = 0; i < 2; i++)
    if (map->size >= skip + number[i].size && memcmp(at + skip, number[i].text, number[i].size) == 0)
      return skip + number[i].size;
  return 0;
}

static bool recognises(const tr_file_map *map) {
  return magic_size(map) > 0;
}

/* A storage that the object names, and where its data was found. */
typedef struct {
  const tr_pickle_storage *storage;
  const unsigned char *data;
} block;

typedef struct {
  size_t n;
  block *items; /* sorted by key, each key once */
} blocks;

static int compare_keys(const tr_pickle_text *a, const tr_pickle_text *b) {
  size_t shorter = a->size < b->size ? a->size : b->size;
  int order = shorter ? memcmp(a->at, b->at, shorter) : 0;
  return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_blocks(const void *a, const void *b) {
  const block *x = a, *y = b;
  return compare_keys(&x->storage->key, &y->storage->key);
}

static block *find_block(const blocks *all, const tr_pickle_text *key) {
  const tr_pickle_storage wanted = {.key = *key};
  const block probe = {.storage = &wanted};
  return all->n ? bsearch(&probe, all->items, all->n, sizeof probe, compare_blocks) : NULL;
}

static tr_status fail_key(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_pickle_text *key,
                          const char *what) {
  char text[64];
  return TR_FAIL(ctx, TR_E_IO, "'%s': storage '%s' %s", checkpoint->map->path,
                 tr_text_printable(key, text, sizeof text), what);
}

/* The storages of the object, each once. Those named several times must be the same each time. */
static tr_status collect(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_pickle_storage *storages,
                         blocks *all) {
  size_t named = 0;
  for (const tr_pickle_storage *s = storages; s; s = s->next) named++;
  all->items = calloc(named + 1, sizeof *all->items);
  if (!all->items)
    return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for its storages", checkpoint->map->path);
  size_t i = 0;
  for (const tr_pickle_storage *s = storages; s; s = s->next) all->items[i++].storage = s;
  qsort(all->items, named, sizeof *all->items, compare_blocks);
  for (i = 0; i < named; i++) {
    const tr_pickle_storage *s = all->items[i].storage,
                            *last = all->n ? all->items[all->n - 1].storage : NULL;
    if (!last || compare_keys(&s->key, &last->key) != 0) {
      all->items[all->n++].storage = s;
    } else if (strcmp(s->class, last->class) != 0 || s->count != last->count) {
      return fail_key(ctx, checkpoint, &s->key, "is named with two types or sizes");
    }
  }
  return TR_OK;
}

/* One block of data: a count that must be the storage's, and as many elements. */
static tr_status read_block(tr_ctx *ctx, const tr_checkpoint *checkpoint, block *found, uint64_t *at) {
  const tr_file_map *map = checkpoint->map;
  const tr_pickle_storage *storage = found->storage;
  uint64_t size = 0;
  if (!tr_range_inside(*at, 8, map->size))
    return fail_key(ctx, checkpoint, &storage->key, "is cut off: the file is truncated");
  if (tr_le64(map->data + *at) != (uint64_t)storage->count)
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s': offset %" PRIu64 ": the data has %" PRIu64 " elements where %" PRId64
                   " are promised",
                   map->path, *at, tr_le64(map->data + *at), storage->count);
  if (!storage->element)
    return TR_FAIL(ctx, TR_E_IO, "'%s': a storage is of the class %.80s, whose elements are of unknown size",
                   map->path, storage->class);
  if (!tr_mul_u64((uint64_t)storage->count, storage->element, &size) ||
      !tr_range_inside(*at + 8, size, map->size))
    return fail_key(ctx, checkpoint, &storage->key, "is cut off: the file is truncated");
  found->data = map->data + *at + 8;
  *at += 8 + size;
  return TR_OK;
}

static tr_status read_blocks(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_value *keys, uint64_t at,
                             blocks *all) {
  if (keys->kind != TR_P_LIST || keys->as.sequence.n != all->n)
    return TR_FAIL(ctx, TR_E_IO, "'%s': the list of storages does not match the %zu that are named",
                   checkpoint->map->path, all->n);
  for (size_t i = 0; i < all->n; i++) {
    const tr_value *key = keys->as.sequence.items[i];
    block *found = key->kind == TR_P_TEXT ? find_block(all, &key->as.text) : NULL;
    if (!found)
      return TR_FAIL(ctx, TR_E_IO, "'%s': the list of storages names one that nothing uses",
                     checkpoint->map->path);
    if (found->data) return fail_key(ctx, checkpoint, &key->as.text, "is listed twice");
    TR_TRY(read_block(ctx, checkpoint, found, &at));
  }
  if (at != checkpoint->map->size)
    return TR_FAIL(ctx, TR_E_IO, "'%s': offset %" PRIu64 ": the file goes on after its last storage",
                   checkpoint->map->path, at);
  return TR_OK;
}

static tr_status find_storage(tr_ctx *ctx, const tr_checkpoint *checkpoint, const void *where,
                              const tr_pickle_storage *storage, const unsigned char **data,
                              tr_tensor_source *source) {
  const block *found = find_block(where, &storage->key);
  if (!found) return fail_key(ctx, checkpoint, &storage->key, "has no data");
  *data = found->data;
  source->entry = NULL;
  return TR_OK;
}

/* Reads the next pickle of the stream. */
static tr_status next_pickle(tr_ctx *ctx, const tr_checkpoint *checkpoint, size_t *at, tr_pickle **out) {
  const tr_file_map *map = checkpoint->map;
  const tr_pickle_source source = {
      .file = map->path, .bytes = map->data + *at, .size = map->size - *at, .base = *at};
  size_t consumed = 0;
  TR_TRY(tr_pickle_read(ctx, &source, out, &consumed));
  *at += consumed;
  return TR_OK;
}

static tr_status check_protocol(tr_ctx *ctx, const tr_checkpoint *checkpoint, size_t *at) {
  tr_pickle *pickle = NULL;
  TR_TRY(next_pickle(ctx, checkpoint, at, &pickle));
  const tr_value *root = tr_pickle_root(pickle);
  bool right = root->kind == TR_P_INT && root->as.integer == PROTOCOL;
  tr_pickle_close(&pickle);
  if (!right)
    return TR_FAIL(ctx, TR_E_IO, "'%s': the protocol of this legacy checkpoint is not %d",
                   checkpoint->map->path, PROTOCOL);
  return TR_OK;
}

static tr_status check_machine(tr_ctx *ctx, const tr_checkpoint *checkpoint, size_t *at) {
  tr_pickle *pickle = NULL;
  TR_TRY(next_pickle(ctx, checkpoint, at, &pickle));
  const tr_value *little = tr_value_find(tr_pickle_root(pickle), "little_endian");
  bool right = little && little->kind == TR_P_BOOL && little->as.truth;
  tr_pickle_close(&pickle);
  if (!right)
    return TR_FAIL(ctx, TR_E_IO, "'%s': the file was not written on a little-endian machine",
                   checkpoint->map->path);
  return TR_OK;
}

static tr_status read(tr_ctx *ctx, tr_checkpoint *checkpoint) {
  size_t at = magic_size(checkpoint->map);
  tr_pickle *object = NULL, *keys = NULL;
  blocks all = {0};
  tr_status status;
  TR_TRY(check_protocol(ctx, checkpoint, &at));
  TR_TRY(check_machine(ctx, checkpoint, &at));
  TR_TRY_GOTO(status, next_pickle(ctx, checkpoint, &at, &object), done);
  TR_TRY_GOTO(status, next_pickle(ctx, checkpoint, &at, &keys), done);
  TR_TRY_GOTO(status, collect(ctx, checkpoint, tr_pickle_storages(object), &all), done);
  TR_TRY_GOTO(status, read_blocks(ctx, checkpoint, tr_pickle_root(keys), at, &all), done);
  status = tr_torch_content(ctx, checkpoint, tr_pickle_root(object), find_storage, &all);
done:
  free(all.items);
  tr_pickle_close(&object);
  tr_pickle_close(&keys);
  return status;
}

const tr_checkpoint_format_reader tr_torch_legacy_reader = {
    .name = "pt-legacy", .recognises = recognises, .read = read};
