/* Data sets in NumPy's files, .npy and .npz told by their content, and of the latter every array. */
#include "core/data/dataset.h"
#include "core/io/npz.h"
#include "tests/fuzz/fuzz.h"

static void arrays(const char *path) {
  tr_npz *npz;
  tr_status status = tr_npz_open(fuzz_context(), path, &npz);
  fuzz_check(status);
  for (int i = 0; status == TR_OK && i < tr_npz_count(npz); i++) {
    tr_npy npy;
    fuzz_check(tr_npz_get(npz, tr_npz_name(npz, i), &npy));
    tr_npy_close(&npy);
  }
  tr_npz_close(&npz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int64_t pixels[3] = {3, 2, 2}, dim = 4;
  const char *path = fuzz_file(data, size);
  tr_dataset set;
  fuzz_check(tr_dataset_open(fuzz_context(), path, 3, pixels, 0, &set));
  tr_dataset_close(&set);
  fuzz_check(tr_dataset_open(fuzz_context(), path, 1, &dim, 2, &set));
  tr_dataset_close(&set);
  fuzz_check(tr_dataset_open(fuzz_context(), path, 0, NULL, 0, &set));
  tr_dataset_close(&set);
  arrays(path);
  return 0;
}
