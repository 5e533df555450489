/* FILE.json beside a checkpoint. */
#include "nets/checkpoint/checkpoint_private.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const unsigned char file[] =
      "\x36\0\0\0\0\0\0\0"
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}\0\0\0\0";
  static char one[] = "one.safetensors", path[] = "one.safetensors.json";
  const tr_file_map map = {.data = file, .size = sizeof file - 1, .path = one},
                    args = {.data = size ? data : NULL, .size = size, .path = path};
  tr_checkpoint *checkpoint;
  if (tr_checkpoint_read(fuzz_context(), &map, &checkpoint) != TR_OK) __builtin_trap();
  fuzz_check(tr_checkpoint_read_args(fuzz_context(), checkpoint, &args));
  tr_checkpoint_close(&checkpoint);
  return 0;
}
