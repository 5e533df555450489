/* Zip archives, every entry read. */
#include <stdlib.h>

#include "core/io/zip_private.h"
#include "tests/fuzz/fuzz.h"

#define ENTRY_MAX (1 << 20)
#define PIECE     1000

/* Piece by piece: as much as at once, or refused. */
static void read_pieces(const tr_zip *zip, const tr_zip_entry *entry) {
  unsigned char piece[PIECE];
  tr_zip_in *in;
  tr_status status = tr_zip_in_open(fuzz_context(), zip, entry, &in);
  for (uint64_t left = entry->size; left > 0 && status == TR_OK;) {
    const size_t size = left < PIECE ? (size_t)left : PIECE;
    status = tr_zip_in_read(in, piece, size);
    left -= size;
  }
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
    free(owned);
    read_pieces(zip, entry);
  }
  if (status == TR_OK) tr_zip_close(&zip);
  return 0;
}
