/* Files that are given for a checkpoint and are something else. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/text/lines_private.h"
#include "nets/checkpoint/checkpoint_private.h"

/* ---- by their first bytes ---- */

#define MAGIC(bytes, text)                                                                                   \
  { bytes, sizeof bytes - 1, text }
static const struct {
  const char *bytes;
  size_t size;
  const char *text;
} beginnings[] = {
    MAGIC("version https://git-lfs", "is a Git LFS pointer, which stands for the real file: fetch that with "
                                     "'git lfs pull', or download it from its page"),
    MAGIC("\x1f\x8b", "is packed by gzip: unpack it with gunzip (a .tar.gz with tar xf)"),
    MAGIC("BZh", "is packed by bzip2: unpack it with bunzip2"),
    MAGIC("\xfd"
          "7zXZ",
          "is packed by xz: unpack it with unxz"),
    MAGIC("\x28\xb5\x2f\xfd", "is packed by zstd: unpack it with unzstd"),
    MAGIC("7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it"),
    MAGIC("Rar!", "is a RAR archive: unpack it"),
    MAGIC("\x89HDF", "is HDF5 (Keras?): convert the weights to .safetensors"),
    MAGIC("\x93NUMPY", "is an array of NumPy (.npy), not a set of named tensors"),
    MAGIC("GGUF", "is GGUF, whose weights are quantised: take the .safetensors that it was made of"),
    MAGIC("\x89PNG", "is a picture (PNG)"),
    MAGIC("\xff\xd8\xff", "is a picture (JPEG)"),
    MAGIC("%PDF", "is a PDF"),
};

static bool is_tar(const tr_file_map *map) {
  return map->size >= 512 && memcmp(map->data + 257, "ustar", 5) == 0;
}

/* ---- texts ---- */

/* Where the text begins, behind white space and a byte-order mark. */
static size_t first_letter(const tr_file_map *map) {
  size_t i = tr_byte_order_mark((const char *)map->data, map->size);
  while (i < map->size && isspace(map->data[i])) i++;
  return i;
}

static bool says(const tr_file_map *map, size_t at, const char *word) {
  const size_t length = strlen(word);
  return map->size - at >= length && strncasecmp((const char *)map->data + at, word, length) == 0;
}

static bool is_page(const tr_file_map *map) {
  const size_t at = first_letter(map);
  return says(map, at, "<!doctype") || says(map, at, "<html") || says(map, at, "<head") ||
         says(map, at, "<?xml");
}

/* No byte of its beginning is one that texts do not have. */
static bool is_text(const tr_file_map *map) {
  const size_t n = map->size < 512 ? map->size : 512;
  for (size_t i = 0; i < n; i++)
    if (map->data[i] == 0x7f || (map->data[i] < 0x20 && !isspace(map->data[i]))) return false;
  return n > 0;
}

/* ---- pickles ---- */

static bool is_pickle(const tr_file_map *map) {
  return map->size >= 3 && map->data[0] == 0x80 && map->data[1] >= 2 && map->data[1] <= 5;
}

const char *tr_checkpoint_mistaken(const tr_file_map *map) {
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
    if (map->size >= beginnings[i].size && memcmp(map->data, beginnings[i].bytes, beginnings[i].size) == 0)
      return beginnings[i].text;
  if (is_tar(map)) return "is a tar: unpack it with tar xf, and give the file inside";
  if (is_page(map)) return "is a web page (an error, or a page to sign in?): download the file itself";
  if (is_pickle(map))
    return "is a plain pickle, not torch.save's: load it where it was written, and save the tensors with "
           "torch.save or as .safetensors";
  if (is_text(map))
    return says(map, first_letter(map), "{") /* there may be none */
               ? "is JSON text: arguments go into FILE.json beside the checkpoint"
               : "is text";
  return NULL;
}
