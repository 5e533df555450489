/* NumPy's .npy, every element read. */
#include <stdlib.h>

#include "core/io/npy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tr_npy npy;
  tr_status status = tr_npy_parse(fuzz_context(), "fuzz", data, size, &npy);
  fuzz_check(status);
  double *values = status == TR_OK ? malloc((size_t)npy.count * sizeof *values + 1) : NULL;
  if (values) tr_npy_get_f64(&npy, values);
  free(values);
  tr_npy_close(&npy);
  return 0;
}
