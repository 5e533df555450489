/* What samples tell of the run that drew them: in samples.npz, or in the run.json beside it. */
#include <stdlib.h>

#include "experiments/input/drawn_with.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char now[] = "{\"cfg-scale\": 4, \"cfg-channels\": \"all\", \"cfg-interval\": [0.1, 0.9], "
                            "\"path-type\": \"GVP\", \"prediction\": \"noise\"}";
  json_t *options = json_loads(now, 0, NULL);
  if (!options) abort();
  fuzz_file_in("run.json", data, size);
  drawn_with_compare(fuzz_context(), "--init", fuzz_file_in("samples.npz", data, size), options);
  fuzz_check(TR_OK);
  json_decref(options);
  return 0;
}
