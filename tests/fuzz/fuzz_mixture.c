/* Targets of a sweep: a text that names one, or a JSON file. */
#include <stdlib.h>
#include <string.h>

#include "experiments/input/mixture.h"
#include "tests/fuzz/fuzz.h"

static void as_text(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  mixture m;
  if (!text) return;
  if (size) memcpy(text, data, size);
  text[size] = 0;
  if (!mixture_is_file(text)) {
    fuzz_check(mixture_of(fuzz_context(), text, &m));
    mixture_free(&m);
  }
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mixture m;
  as_text(data, size);
  fuzz_check(mixture_read(fuzz_context(), fuzz_file(data, size), &m));
  mixture_free(&m);
  return 0;
}
