/* Checkpoints of every format, told by their content: sets, tensors to their last element, arguments. */
#include "nets/checkpoint/checkpoint_private.h"
#include "tests/fuzz/fuzz.h"

#define ELEMENTS 1000000 /* more are not looked at */

static void look_at(const tr_tensors *tensors) {
  for (int i = 0; i < tensors->n; i++) {
    const tr_tensor *t = &tensors->items[i];
    double first;
    if (t->count > 0 && t->count < ELEMENTS) tr_dtype_to_f64(t->dtype, 1, t->data, &first);
  }
}

static void look_into(tr_checkpoint *checkpoint) {
  const char *name, *value;
  for (int i = 0; (name = tr_checkpoint_set_name(checkpoint, i)); i++) {
    tr_tensors tensors;
    tr_status status = tr_checkpoint_weights(fuzz_context(), checkpoint, name, &tensors);
    if (status == TR_OK) look_at(&tensors);
    fuzz_check(status);
  }
  tr_moments moments;
  tr_status status = tr_checkpoint_moments(fuzz_context(), checkpoint, &moments);
  if (status == TR_OK) look_at(&moments.first), look_at(&moments.second);
  fuzz_check(status);
  for (int i = 0; tr_checkpoint_arg_at(checkpoint, i, &name, &value); i++)
    if (!name || !value) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char path[] = "fuzz";
  const tr_file_map map = {.data = data, .size = size, .path = path};
  tr_checkpoint *checkpoint;
  tr_status status = tr_checkpoint_read(fuzz_context(), &map, &checkpoint);
  fuzz_check(status);
  if (status == TR_OK) look_into(checkpoint);
  tr_checkpoint_close(&checkpoint);
  return 0;
}
