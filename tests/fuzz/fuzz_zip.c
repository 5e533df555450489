/* Zip archives, every entry read. */
#include <stdlib.h>
#include <string.h>

#include "core/io/zip_private.h"
#include "tests/fuzz/fuzz.h"

#define ENTRY_MAX (1 << 20)
#define PIECE     1000

/* Piece by piece: what was read at once, or refused as that was (content NULL). */
static void read_pieces(const tr_zip *zip, const tr_zip_entry *entry, const unsigned char *content) {
  unsigned char piece[PIECE];
  tr_zip_in *in;
  tr_status status = tr_zip_in_open(fuzz_context(), zip, entry, &in);
  for (uint64_t at = 0; at < entry->size && status == TR_OK; at += PIECE) {
    const size_t size = entry->size - at < PIECE ? (size_t)(entry->size - at) : PIECE;
    status = tr_zip_in_read(in, piece, size);
    if (status == TR_OK && content && memcmp(piece, content + at, size) != 0) abort();
  }
  if (entry->size > 0 && (status == TR_OK) != (content != NULL)) abort();
  fuzz_check(status);
  tr_zip_in_close(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char path[] = "fuzz";
  const tr_file_map map = {.data = data, .size = size, .path = path};
  tr_zip *zip;
  tr_status status = tr_zip_open(fuzz_context(), &map, &zip);
  fuzz_check(status);
  for (int i = 0; status == TR_OK && i < tr_zip_count(zip); i++) {
    const tr_zip_entry *entry = tr_zip_entry_at(zip, i);
    const unsigned char *content;
    void *owned;
    if (entry->size > ENTRY_MAX) continue;
    fuzz_check(tr_zip_read(fuzz_context(), zip, entry, &content, &owned));
    read_pieces(zip, entry, content);
    free(owned);
  }
  if (status == TR_OK) tr_zip_close(&zip);
  return 0;
}
