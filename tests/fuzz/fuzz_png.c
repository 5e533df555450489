/* PNG. Checksums are made right and sides small, so that what lies behind them is reached. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/io/image/image.h"
#include "core/io/image/png.h"
#include "tests/fuzz/fuzz.h"

#define SIDE_MAX 64
#define HEADER   33 /* the signature and IHDR */

static uint32_t be32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t value) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void mend(uint8_t *png, size_t size) {
  if (size < HEADER) return;
  put_be32(png + 16, be32(png + 16) % SIDE_MAX + 1);
  put_be32(png + 20, be32(png + 20) % SIDE_MAX + 1);
  for (size_t at = 8; at + 12 <= size;) {
    const size_t length = be32(png + at);
    if (length > size - at - 12) return;
    put_be32(png + at + 8 + length, (uint32_t)crc32(crc32(0, NULL, 0), png + at + 4, (uInt)length + 4));
    at += 12 + length;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *png = malloc(size + 1);
  tr_image image;
  if (!png) return 0;
  if (size) memcpy(png, data, size);
  mend(png, size);
  const char *path = fuzz_file(png, size);
  free(png);
  for (int channels = 1; channels <= 3; channels += 2) {
    fuzz_check(tr_png_read(fuzz_context(), path, channels, &image));
    free(image.pixels);
  }
  fuzz_check(tr_image_read_rgb(fuzz_context(), path, &image));
  free(image.pixels);
  return 0;
}
