/* Pictures of values: rounded as the reference rounds them, on the host and from a device. */
// TR_TEST_RESOURCES: an array is downloaded.
#include "core/io/image/image.h"

#include <math.h>
#include <stdlib.h>

#include "core/io/image/png.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static void levels(tr_ctx *ctx) {
  const int64_t shape[4] = {1, 1, 2, 4};
  const double values[8] = {-1, 1, 0, -1.01, 1.01, NAN, 0.5, -1 + 0.5 / 127.5};
  const uint8_t want[8] = {0, 255, 128, 0, 255, 0, 191, 1};
  uint8_t *got = NULL;
  CHECK_OK(ctx, tr_image_of_values(ctx, TR_F64, values, shape, &got));
  for (int i = 0; i < 24; i++) CHECK(got[i] == want[i / 3]); /* grey is r = g = b */
  free(got);
}

/* Every level comes back from where a model sees it. */
static void there_and_back(tr_ctx *ctx) {
  const int64_t shape[4] = {2, 3, 8, 16};
  double values[768];
  uint8_t *got = NULL;
  tr_array *x = NULL;
  for (int i = 0; i < 768; i++) values[i] = i % 256 / TR_BINS_PER_UNIT - 1;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 4, shape, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, values));
  CHECK_OK(ctx, tr_image_of_array(x, &got));
  for (int n = 0; n < 2; n++)
    for (int c = 0; c < 3; c++)
      for (int p = 0; p < 128; p++) CHECK(got[(n * 128 + p) * 3 + c] == ((n * 3 + c) * 128 + p) % 256);
  free(got);
  tr_image read;
  const char *path = scratch("two.png");
  CHECK_OK(ctx, tr_png_array(path, &(tr_png_layout){.columns = 2, .scale = 1}, x));
  CHECK_OK(ctx, tr_png_read(ctx, path, 3, &read));
  CHECK(read.height > 8 && read.width > 32 && read.height < 24);
  free(read.pixels);
  tr_array_destroy(&x);
}

static void refused(tr_ctx *ctx) {
  static const double values[16];
  tr_array *x = NULL;
  uint8_t *got = NULL;
  CHECK(tr_image_channels(1) && tr_image_channels(3) && !tr_image_channels(4) && !tr_image_channels(0));
  CHECK_ERROR(ctx, tr_image_of_values(ctx, TR_F64, values, (int64_t[]){1, 4, 2, 2}, &got), TR_E_SHAPE,
              "4 channels");
  CHECK_ERROR(ctx, tr_image_of_values(ctx, TR_I32, values, (int64_t[]){1, 1, 2, 2}, &got), TR_E_SHAPE, "i32");
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){2, 3}, &x));
  CHECK_ERROR(ctx, tr_image_of_array(x, &got), TR_E_SHAPE, "(2, 3) is no batch of pictures");
  CHECK_ERROR(ctx, tr_png_array(scratch("no.png"), NULL, x), TR_E_SHAPE, "no batch");
  tr_array_destroy(&x);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  levels(ctx);
  there_and_back(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
