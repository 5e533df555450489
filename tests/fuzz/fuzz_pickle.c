/* The pickle machine alone. */
#include "nets/checkpoint/pickle_private.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const tr_pickle_source source = {.file = "fuzz", .bytes = data, .size = size};
  tr_pickle *pickle;
  size_t consumed;
  tr_status status = tr_pickle_read(fuzz_context(), &source, &pickle, &consumed);
  if (status == TR_OK) tr_value_find(tr_pickle_root(pickle), "ema");
  fuzz_check(status);
  tr_pickle_close(&pickle);
  return 0;
}
