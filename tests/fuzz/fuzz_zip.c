/* Zip archives, every entry read. */
#include <stdlib.h>

#include "core/io/zip_private.h"
#include "tests/fuzz/fuzz.h"

#define ENTRY_MAX (1 << 20)

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
  }
  if (status == TR_OK) tr_zip_close(&zip);
  return 0;
}
