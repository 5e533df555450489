/* The index of a checkpoint in several files, two of which lie beside it. */
#include <string.h>

#include "nets/checkpoint/checkpoint.h"
#include "tests/fuzz/fuzz.h"

/* {"a": ...} of 2 numbers and {"b": ...} of 1. */
static const char one[] = "\x38\0\0\0\0\0\0\0"
                          "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  "
                          "\0\0\0\0\0\0\0\0",
                  two[] = "\x38\0\0\0\0\0\0\0"
                          "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  "
                          "\0\0\0\0";

static void look_into(const tr_checkpoint *checkpoint) {
  const char *name;
  for (int i = 0; (name = tr_checkpoint_set_name(checkpoint, i)); i++) {
    tr_tensors tensors;
    fuzz_check(tr_checkpoint_weights(fuzz_context(), checkpoint, name, &tensors));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool there;
  tr_checkpoint *checkpoint;
  if (!there) {
    fuzz_file_in("1", (const uint8_t *)one, sizeof one - 1);
    fuzz_file_in("2", (const uint8_t *)two, sizeof two - 1);
    there = true;
  }
  tr_status status = tr_checkpoint_open(fuzz_context(), fuzz_file_in("index.json", data, size), &checkpoint);
  fuzz_check(status);
  if (status == TR_OK) look_into(checkpoint);
  tr_checkpoint_close(&checkpoint);
  return 0;
}
