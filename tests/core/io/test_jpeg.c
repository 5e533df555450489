/* Reading JPEG: grey and colours of every coding that has RGB, those that have none refused. */
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "core/io/image/jpeg.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

enum { SIDE = 16 };

/* A file of one colour: `colour` in `in`, stored as `coding`. */
static const char *write_jpeg(J_COLOR_SPACE in, J_COLOR_SPACE coding, int samples, const uint8_t *colour) {
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
  for (int i = 0; i < SIDE * samples; i++) row[i] = colour[i % samples];
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < SIDE; y++) jpeg_write_scanlines(&jpeg, rows, 1);
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  fclose(stream);
  return path;
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

int main(void) {
  static const uint8_t grey[3] = {77, 77, 77}, colour[3] = {200, 30, 99}, inks[4] = {10, 200, 30, 99};
  tr_ctx *ctx = check_context(0, NULL);
  check_colour(ctx, write_jpeg(JCS_GRAYSCALE, JCS_GRAYSCALE, 1, grey), 1, grey, 0);
  check_colour(ctx, write_jpeg(JCS_GRAYSCALE, JCS_GRAYSCALE, 1, grey), 3, grey, 0);
  check_colour(ctx, write_jpeg(JCS_RGB, JCS_RGB, 3, colour), 3, colour, 0);
  check_colour(ctx, write_jpeg(JCS_RGB, JCS_YCbCr, 3, colour), 3, colour, 2);
  refused(ctx, write_jpeg(JCS_RGB, JCS_YCbCr, 3, colour), 1, "it has colours");
  refused(ctx, write_jpeg(JCS_CMYK, JCS_CMYK, 4, inks), 3, "cannot be read as JPEG");
  refused(ctx, write_jpeg(JCS_CMYK, JCS_YCCK, 4, inks), 3, "cannot be read as JPEG");
  refused(ctx, write_jpeg(JCS_CMYK, JCS_CMYK, 4, inks), 1, "it has colours");
  tr_ctx_close(&ctx);
  return check_report();
}
