/* JPEG of 16 x 16 pixels, and what says so; the sides of others are read in the header. */
#include <stdlib.h>

#include "core/io/image/image.h"
#include "tests/fuzz/fuzz.h"

#define SIDE 16
#define MOST 4096 /* pixels that are converted to RGB */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_file(data, size);
  tr_image image;
  for (int channels = 1; channels <= 3; channels += 2) {
    fuzz_check(tr_image_read(fuzz_context(), path, channels, SIDE, SIDE, &image));
    free(image.pixels);
  }
  if (image.height * image.width > MOST) return 0;
  fuzz_check(tr_image_read_rgb(fuzz_context(), path, &image));
  free(image.pixels);
  return 0;
}
