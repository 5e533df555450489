/* config.json of an autoencoder. */
#include "nets/vae/vae_private.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char path[] = "config.json";
  const tr_file_map map = {.data = size ? data : NULL, .size = size, .path = path};
  tr_vae_settings settings;
  fuzz_check(tr_vae_parse_config(fuzz_context(), &map, &settings));
  return 0;
}
