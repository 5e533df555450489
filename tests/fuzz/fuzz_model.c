/* A file as a model: the kind of network is recognised and its tensors checked. */
#include "nets/model.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tr_model *model;
  fuzz_check(tr_model_open(fuzz_context(), fuzz_file(data, size), &(tr_model_options){.open = true}, &model));
  tr_model_close(&model);
  return 0;
}
