/* Reading JPEG: grey and colours of every coding, CMYK as Pillow has it; what changes no pixel is passed
 * over, damage is not, nor a size that is not wanted. */
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "core/io/image/jpeg.h"
#include "core/io/sha256.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

enum { SIDE = 16, WIDE = 48 };

/* A file of one colour: `colour` in `in`, stored as `coding`, in one scan unless told otherwise. */
static const char *write_scans(J_COLOR_SPACE in, J_COLOR_SPACE coding, int samples, const uint8_t *colour,
                               const jpeg_scan_info *scans) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  uint8_t row[SIDE * 4];
  JSAMPROW rows[1] = {row};
  const char *path = scratch("colour.jpg");
  FILE *stream = fopen(path, "wb");
  CHECK(stream != NULL);
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, stream);
  jpeg.image_width = jpeg.image_height = SIDE;
  jpeg.input_components = samples;
  jpeg.in_color_space = in;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, coding);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg.scan_info = scans;
  jpeg.num_scans = scans ? samples : 0;
  for (int i = 0; i < SIDE * samples; i++) row[i] = colour[i % samples];
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < SIDE; y++) jpeg_write_scanlines(&jpeg, rows, 1);
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  fclose(stream);
  return path;
}

static const char *write_jpeg(J_COLOR_SPACE in, J_COLOR_SPACE coding, int samples, const uint8_t *colour) {
  return write_scans(in, coding, samples, colour, NULL);
}

/* One colour is a file without detail: what is left is the rounding of the conversions. */
static void check_colour(tr_ctx *ctx, const char *path, int channels, const uint8_t *want, int tolerance) {
  tr_image image;
  int worst = 0;
  CHECK_OK(ctx, tr_jpeg_read(ctx, path, channels, &image));
  CHECK(image.height == SIDE && image.width == SIDE && image.channels == channels);
  for (int i = 0; image.pixels && i < SIDE * SIDE * channels; i++) {
    int difference = abs(image.pixels[i] - want[i % channels]);
    if (difference > worst) worst = difference;
  }
  CHECK(image.pixels && worst <= tolerance);
  free(image.pixels);
}

static void refused(tr_ctx *ctx, const char *path, int channels, const char *word) {
  tr_image image;
  CHECK_ERROR(ctx, tr_jpeg_read(ctx, path, channels, &image), TR_E_IO, word);
  CHECK(image.pixels == NULL);
}

/* The bytes of the file, a piece of them put in `times` times at its end's distance `from_end`. */
static void insert(const char *path, const unsigned char *bytes, size_t size, size_t from_end,
                   const unsigned char *piece, size_t piece_size, int times) {
  FILE *stream = fopen(path, "wb");
  CHECK(stream != NULL);
  fwrite(bytes, 1, size - from_end, stream);
  for (int i = 0; i < times; i++) fwrite(piece, 1, piece_size, stream);
  fwrite(bytes + size - from_end, 1, from_end, stream);
  fclose(stream);
}

/* Bytes before the end marker, and a version of JFIF that is yet to come. */
static void harmless(tr_ctx *ctx) {
  static const uint8_t colour[3] = {200, 30, 99};
  size_t size;
  unsigned char *bytes = read_whole(write_jpeg(JCS_RGB, JCS_YCbCr, 3, colour), &size);
  const char *path = scratch("harmless.jpg");
  insert(path, bytes, size, 2, (const unsigned char *)"ab", 2, 9);
  check_colour(ctx, path, 3, colour, 2);
  CHECK(memcmp(bytes + 6, "JFIF", 4) == 0);
  bytes[11] = 9;
  write_whole(path, bytes, size);
  check_colour(ctx, path, 3, colour, 2);
  free(bytes);
}

/* Where the last scan begins. */
static size_t last_scan(const unsigned char *bytes, size_t size) {
  size_t at = 0;
  for (size_t i = 0; i + 1 < size; i++)
    if (bytes[i] == 0xff && bytes[i + 1] == 0xda) at = i;
  return at;
}

/* A scan for each colour, the last of them many times over. */
static void too_many_scans(tr_ctx *ctx) {
  static const jpeg_scan_info scans[3] = {
      {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  static const uint8_t colour[3] = {200, 30, 99};
  size_t size;
  const char *path = write_scans(JCS_RGB, JCS_YCbCr, 3, colour, scans);
  check_colour(ctx, path, 3, colour, 2);
  unsigned char *bytes = read_whole(path, &size);
  const size_t at = last_scan(bytes, size);
  insert(path, bytes, size, 2, bytes + at, size - 2 - at, 400);
  check_colour(ctx, path, 3, colour, 2);
  insert(path, bytes, size, 2, bytes + at, size - 2 - at, 600);
  refused(ctx, path, 3, "more than 500 scans");
  free(bytes);
}

/* The SHA-256 of Pillow's RGB of a picture of 120 x 160 pixels (tests/data/images/README.md). */
static void as_pillow(tr_ctx *ctx, const char *path, const char *want) {
  char hex[TR_SHA256_TEXT];
  tr_image image;
  CHECK_OK(ctx, tr_jpeg_read(ctx, path, 3, &image));
  CHECK(image.height == 120 && image.width == 160);
  const tr_file_map rgb = {.data = image.pixels, .size = 120 * 160 * 3};
  CHECK_OK(ctx, tr_sha256_map(ctx, &rgb, hex));
  CHECK(strcmp(hex, want) == 0);
  free(image.pixels);
}

#define GRAY_SHA256 "daf5575649c04632f5027f5b6f19f960d3f903e85e09101f59cc98905c954146"

/* A camera that was held sideways (Exif, orientation 6): rows stay rows, as in the reference. */
static void turned(tr_ctx *ctx) {
  static const unsigned char exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,  'M', 'M',
                                       0,    42,   0, 0,  0,   8,   0,   1,   1, 18, 0,   3,
                                       0,    0,    0, 1,  0,   6,   0,   0,   0, 0,  0,   0};
  size_t size;
  unsigned char *bytes = read_whole(TR_TEST_DATA "/images/gray.jpg", &size);
  const char *path = scratch("turned.jpg");
  insert(path, bytes, size, size - 2, exif, sizeof exif, 1);
  as_pillow(ctx, path, GRAY_SHA256);
  free(bytes);
}

static void cut(tr_ctx *ctx) {
  size_t size;
  unsigned char *bytes = read_whole(TR_TEST_DATA "/images/gray.jpg", &size);
  for (size_t keep = 0; keep < size; keep += size / 7 + 1) {
    const char *path = scratch("cut.jpg");
    write_whole(path, bytes, keep);
    refused(ctx, path, 1, "cut.jpg");
  }
  free(bytes);
  refused(ctx, TR_TEST_DATA "/images/none.jpg", 3, "none.jpg");
}

/* A size that is not wanted is told from the header alone: behind it there may be nothing. */
static void sizes(tr_ctx *ctx) {
  static const uint8_t colour[3] = {200, 30, 99};
  size_t size;
  tr_image image;
  const char *path = write_jpeg(JCS_RGB, JCS_YCbCr, 3, colour);
  CHECK_OK(ctx, tr_image_read(ctx, path, 3, SIDE, SIDE, &image));
  free(image.pixels);
  CHECK_OK(ctx, tr_image_read(ctx, path, 3, 0, SIDE, &image));
  free(image.pixels);
  unsigned char *bytes = read_whole(path, &size);
  write_whole(path, bytes, last_scan(bytes, size) + 14);
  CHECK_ERROR(ctx, tr_image_read(ctx, path, 3, SIDE, SIDE, &image), TR_E_IO, "cannot be read as JPEG");
  CHECK_ERROR(ctx, tr_image_read(ctx, path, 3, SIDE, WIDE, &image), TR_E_SHAPE,
              "has 16 x 16 pixels: 16 x 48 are needed");
  CHECK(image.height == SIDE && image.width == SIDE && !image.pixels);
  free(bytes);
}

int main(void) {
  static const uint8_t grey[3] = {77, 77, 77}, colour[3] = {200, 30, 99}, inks[4] = {10, 200, 30, 99};
  tr_ctx *ctx = check_context(0, NULL);
  check_colour(ctx, write_jpeg(JCS_GRAYSCALE, JCS_GRAYSCALE, 1, grey), 1, grey, 0);
  check_colour(ctx, write_jpeg(JCS_GRAYSCALE, JCS_GRAYSCALE, 1, grey), 3, grey, 0);
  check_colour(ctx, write_jpeg(JCS_RGB, JCS_RGB, 3, colour), 3, colour, 0);
  check_colour(ctx, write_jpeg(JCS_RGB, JCS_YCbCr, 3, colour), 3, colour, 2);
  refused(ctx, write_jpeg(JCS_RGB, JCS_YCbCr, 3, colour), 1, "it has colours");
  check_colour(ctx, write_jpeg(JCS_CMYK, JCS_CMYK, 4, inks), 3, (const uint8_t[]){4, 78, 12}, 0);
  check_colour(ctx, write_jpeg(JCS_CMYK, JCS_YCCK, 4, inks), 3, (const uint8_t[]){4, 78, 12}, 2);
  refused(ctx, write_jpeg(JCS_CMYK, JCS_CMYK, 4, inks), 1, "it has colours");
  CHECK_ERROR(ctx, tr_jpeg_read(ctx, scratch("colour.jpg"), 2, &(tr_image){0}), TR_E_ARG, "in 2 channels");
  as_pillow(ctx, TR_TEST_DATA "/images/gray.jpg", GRAY_SHA256);
  as_pillow(ctx, TR_TEST_DATA "/images/cmyk.jpg",
            "4db837c208c6d391e7ad62e5317e5ba36cad2ca3be237a8c133aa5f2c15962d8");
  turned(ctx);
  cut(ctx);
  harmless(ctx);
  too_many_scans(ctx);
  sizes(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
