/* Resizing and the centre crop against Pillow's own results (tests/data/goldens/crop), what must hold of any
 * filter, and what is refused. */
#include <stdlib.h>

#include "core/io/image/png.h"
#include "core/io/image/resample.h"
#include "core/io/npz.h"
#include "tests/support/check.h"

static tr_image image_of(int64_t height, int64_t width, int channels) {
  return (tr_image){height, width, channels, malloc((size_t)(height * width * channels))};
}

/* The most that levels differ from the golden NAME|SIZE. */
static void crop(tr_ctx *ctx, tr_npz *npz, const char *name, int64_t size) {
  char path[600], entry[64];
  tr_image image, got;
  tr_npy want;
  int most = 0;
  snprintf(path, sizeof path, TR_TEST_DATA "/goldens/crop/%s.png", name);
  snprintf(entry, sizeof entry, "%s|%lld", name, (long long)size);
  CHECK_OK(ctx, tr_png_read(ctx, path, 3, &image));
  CHECK_OK(ctx, tr_image_centre_crop(ctx, &image, size, &got));
  CHECK_OK(ctx, tr_npz_get(npz, entry, &want));
  CHECK(got.height == size && got.width == size && got.channels == 3 && want.dtype == TR_U8 &&
        want.count == 3 * size * size);
  const uint8_t *level = want.data;
  for (int64_t i = 0; i < want.count; i++)
    most = abs(level[i] - got.pixels[i]) > most ? abs(level[i] - got.pixels[i]) : most;
  printf("%s at %lld: %d levels\n", name, (long long)size, most);
  CHECK(most <= 1);
  tr_npy_close(&want);
  free(image.pixels), free(got.pixels);
}

static void goldens(tr_ctx *ctx) {
  tr_npz *npz;
  CHECK_OK(ctx, tr_npz_open(ctx, TR_TEST_DATA "/goldens/crop/crop.npz", &npz));
  crop(ctx, npz, "small", 64);
  crop(ctx, npz, "tall", 96);
  tr_npz_close(&npz);
}

/* A constant image stays constant; one whose halves are means of pairs is halved to these. */
static void exact(tr_ctx *ctx) {
  for (int filter = TR_FILTER_BOX; filter <= TR_FILTER_BICUBIC; filter++) {
    tr_image flat = image_of(13, 29, 3), got;
    memset(flat.pixels, 201, 13 * 29 * 3);
    CHECK_OK(ctx, tr_image_resize(ctx, &flat, 31, 7, (tr_image_filter)filter, &got));
    bool same = got.height == 31 && got.width == 7;
    for (int i = 0; i < 31 * 7 * 3; i++) same = same && got.pixels[i] == 201;
    CHECK(same);
    free(flat.pixels), free(got.pixels);
  }
  tr_image steps = image_of(4, 6, 1), got;
  for (int i = 0; i < 24; i++) steps.pixels[i] = (uint8_t)(10 * i);
  CHECK_OK(ctx, tr_image_resize(ctx, &steps, 2, 3, TR_FILTER_BOX, &got));
  for (int y = 0; y < 2; y++)
    for (int x = 0; x < 3; x++) CHECK(got.pixels[3 * y + x] == 10 * (12 * y + 2 * x) + 35);
  free(got.pixels);
  CHECK_OK(ctx, tr_image_resize(ctx, &steps, 4, 6, TR_FILTER_BICUBIC, &got));
  CHECK(!memcmp(got.pixels, steps.pixels, 24));
  free(got.pixels);
  /* an image of the size asked for is cropped in the middle and not touched */
  CHECK_OK(ctx, tr_image_centre_crop(ctx, &steps, 4, &got));
  for (int y = 0; y < 4; y++)
    for (int x = 0; x < 4; x++) CHECK(got.pixels[4 * y + x] == steps.pixels[6 * y + x + 1]);
  free(steps.pixels), free(got.pixels);
}

static void refused(tr_ctx *ctx) {
  tr_image image = image_of(2, 2, 3), got;
  memset(image.pixels, 0, 12);
  CHECK_ERROR(ctx, tr_image_resize(ctx, &image, 0, 2, TR_FILTER_BOX, &got), TR_E_ARG, "2 x 0");
  CHECK(!got.pixels);
  CHECK_ERROR(ctx, tr_image_centre_crop(ctx, &image, -1, &got), TR_E_ARG, "-1 x -1");
  CHECK_ERROR(ctx, tr_image_resize(ctx, &image, 2, 2, (tr_image_filter)7, &got), TR_E_ARG, "no filter 7");
  image.channels = 2;
  CHECK_ERROR(ctx, tr_image_resize(ctx, &image, 2, 2, TR_FILTER_BOX, &got), TR_E_SHAPE, "2 channels");
  free(image.pixels);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  goldens(ctx);
  exact(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
