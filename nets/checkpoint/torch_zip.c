/* torch.save since PyTorch 1.6: a zip archive NAME/ with data.pkl, byteorder and data/KEY for each storage.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"

static bool recognises(const tr_file_map *map) {
  return map->size >= 4 && memcmp(map->data, "PK\3\4", 4) == 0;
}

/* What an archive without NAME/data.pkl is, and what to do. */
static const char *other_archive(const tr_zip *zip) {
  for (int i = 0; i < tr_zip_count(zip); i++) {
    const char *name = tr_zip_entry_at(zip, i)->name;
    if (tr_text_ends_with(name, ".npy")) return "it is an .npz of NumPy's arrays";
    if (tr_text_ends_with(name, ".pt") || tr_text_ends_with(name, ".pth") ||
        tr_text_ends_with(name, ".safetensors"))
      return "a checkpoint is packed in it: unpack it with unzip";
    if (tr_text_ends_with(name, ".weights.h5")) return "it is of Keras: convert the weights to .safetensors";
  }
  return "it has no NAME/data.pkl";
}

/* The directory that everything lies in, "NAME/", from the one entry "NAME/data.pkl". */
static tr_status find_main(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_zip_entry **main) {
  *main = NULL;
  for (int i = 0; i < tr_zip_count(checkpoint->zip); i++) {
    const tr_zip_entry *entry = tr_zip_entry_at(checkpoint->zip, i);
    const char *slash = strchr(entry->name, '/');
    if (!slash || strcmp(slash, "/data.pkl") != 0) continue;
    if (*main)
      return TR_FAIL(ctx, TR_E_IO, "'%s': the archive has two pickles, '%s' and '%s'", checkpoint->map->path,
                     (*main)->name, entry->name);
    *main = entry;
  }
  if (!*main)
    return TR_FAIL(ctx, TR_E_IO, "'%s': the zip archive is no PyTorch checkpoint: %s", checkpoint->map->path,
                   other_archive(checkpoint->zip));
  return TR_OK;
}

/* "NAME/" + `rest`; NULL when that is longer than any honest name. */
static const char *beside(const tr_zip_entry *main, const char *rest, char *out, size_t size) {
  size_t prefix = strlen(main->name) - strlen("data.pkl");
  int length = snprintf(out, size, "%.*s%s", (int)prefix, main->name, rest);
  return length >= 0 && (size_t)length < size ? out : NULL;
}

/* A compiled model has its code and constants in the archive. */
static tr_status check_no_script(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_zip_entry *main) {
  char name[512];
  const char *path = beside(main, "constants.pkl", name, sizeof name);
  if (!path || !tr_zip_find(checkpoint->zip, path)) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_IO,
      "'%s' is TorchScript (torch.jit.save), which is a program: load it in Python with torch.jit.load and "
      "save its state_dict()",
      checkpoint->map->path);
}

/* Archives before PyTorch 2.1 do not say; they are little-endian as the machines were. */
static tr_status check_byte_order(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_zip_entry *main) {
  char name[512];
  const char *path = beside(main, "byteorder", name, sizeof name);
  const tr_zip_entry *entry = path ? tr_zip_find(checkpoint->zip, path) : NULL;
  if (!entry) return TR_OK;
  const unsigned char *data = NULL;
  void *owned = NULL;
  bool little = entry->size == 6;
  if (little) TR_TRY(tr_zip_read(ctx, checkpoint->zip, entry, &data, &owned));
  little = little && memcmp(data, "little", 6) == 0;
  free(owned);
  if (!little)
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s': the byte order it names in '%s' is not 'little', the only one supported",
                   checkpoint->map->path, entry->name);
  return TR_OK;
}

static tr_status find_storage(tr_ctx *ctx, const tr_checkpoint *checkpoint, const void *where,
                              const tr_pickle_storage *storage, const unsigned char **data,
                              tr_tensor_source *source) {
  char key[64], rest[80], name[512];
  snprintf(rest, sizeof rest, "data/%s", tr_text_printable(&storage->key, key, sizeof key));
  const char *path = beside(where, rest, name, sizeof name);
  const tr_zip_entry *entry = path ? tr_zip_find(checkpoint->zip, path) : NULL;
  if (!entry)
    return TR_FAIL(ctx, TR_E_IO, "'%s': the data of storage '%s' is not in the archive",
                   checkpoint->map->path, key);
  const size_t size = storage->element;
  if (!size || entry->size % size != 0 || entry->size / size != (uint64_t)storage->count)
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s': entry '%s' has %" PRIu64 " bytes, but %" PRId64
                   " elements of %s are said to be in it",
                   checkpoint->map->path, entry->name, entry->size, storage->count,
                   storage->known ? tr_dtype_name(storage->dtype) : storage->class);
  *data = NULL;
  source->entry = entry;
  return TR_OK;
}

static tr_status read(tr_ctx *ctx, tr_checkpoint *checkpoint) {
  const tr_file_map *map = checkpoint->map;
  const tr_zip_entry *main = NULL;
  TR_TRY(tr_zip_open(ctx, map, &checkpoint->zip));
  TR_TRY(find_main(ctx, checkpoint, &main));
  TR_TRY(check_no_script(ctx, checkpoint, main));
  TR_TRY(check_byte_order(ctx, checkpoint, main));
  if (main->size > TR_PICKLE_MAX_SIZE)
    return TR_FAIL(ctx, TR_E_IO, "'%s': '%s' has %" PRIu64 " bytes: a pickle has at most %d MiB", map->path,
                   main->name, main->size, TR_PICKLE_MAX_SIZE >> 20);
  checkpoint->blocks = calloc((size_t)tr_zip_count(checkpoint->zip), sizeof *checkpoint->blocks);
  if (!checkpoint->blocks) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for its entries", map->path);
  tr_pickle_source source = {.file = map->path, .size = (size_t)main->size};
  void *owned;
  TR_TRY(tr_zip_read(ctx, checkpoint->zip, main, &source.bytes, &owned));
  source.base = owned ? 0 : (uint64_t)(source.bytes - map->data);
  tr_pickle *pickle;
  size_t consumed = 0;
  tr_status status = tr_pickle_read(ctx, &source, &pickle, &consumed);
  if (status == TR_OK && consumed != source.size)
    status = TR_FAIL(ctx, TR_E_IO, "'%s': '%s' goes on for %zu bytes after its pickle", map->path, main->name,
                     source.size - consumed);
  if (status == TR_OK) status = tr_torch_content(ctx, checkpoint, tr_pickle_root(pickle), find_storage, main);
  tr_pickle_close(&pickle);
  free(owned);
  return status;
}

const tr_checkpoint_format_reader tr_torch_zip_reader = {
    .name = "pt-zip", .recognises = recognises, .read = read};
