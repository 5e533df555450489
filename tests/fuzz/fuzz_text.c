/* What is shown is one line of UTF-8, no longer than the text, and shown again it stays as it is. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t room = 4; room <= size + 2; room += 1 + size / 7) {
    char *out = malloc(room), *again = malloc(room);
    if (out && again) {
      tr_text_show((const char *)data, size, out, room);
      const size_t length = strlen(out);
      tr_text_show(out, length, again, room);
      if (size && (length >= room || !tr_text_is_utf8(out, length) || strcmp(out, again) != 0)) abort();
    }
    free(out);
    free(again);
  }
  return 0;
}
