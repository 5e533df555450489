/* PNG: pixels read back with libpng, the layout of grids, bad arguments, full disks. */
#include <png.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/io/image/png.h"
#include "core/io/image/write_private.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

typedef struct {
  int height, width, channels;
  uint8_t *pixels;
} image;

/* libpng's simplified reader, which shares no code with the writer's calls. */
static image read_png(const char *path) {
  png_image header = {.version = PNG_IMAGE_VERSION};
  image out = {0};
  CHECK(png_image_begin_read_from_file(&header, path) != 0);
  out.channels = header.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  out.height = (int)header.height, out.width = (int)header.width;
  CHECK((header.format & ~(png_uint_32)PNG_FORMAT_FLAG_COLOR) == 0); /* 8 bits, no alpha, no palette */
  out.pixels = malloc(PNG_IMAGE_SIZE(header));
  CHECK(png_image_finish_read(&header, NULL, out.pixels, 0, NULL) != 0);
  return out;
}

static void plain(tr_ctx *ctx, int channels) {
  uint8_t pixels[5 * 7 * 3];
  for (int i = 0; i < 5 * 7 * channels; i++) pixels[i] = (uint8_t)(i * 37);
  CHECK_OK(ctx, tr_png_write(ctx, scratch("a.png"), 5, 7, channels, pixels));
  image got = read_png(scratch("a.png"));
  CHECK(got.height == 5 && got.width == 7 && got.channels == channels);
  CHECK(memcmp(got.pixels, pixels, (size_t)(5 * 7 * channels)) == 0);
  free(got.pixels);
  unlink(scratch("a.png"));
}

/* The bytes of the file, which end as every PNG does; nothing where the sizes are bad. */
static void unsynced(tr_ctx *ctx) {
  uint8_t pixels[5 * 7 * 3] = {1, 2, 3}, written[2000], file[2000];
  CHECK_OK(ctx, tr_png_write(ctx, scratch("a.png"), 5, 7, 3, pixels));
  FILE *in = fopen(scratch("a.png"), "rb");
  const size_t size = fread(file, 1, sizeof file, in);
  fclose(in);
  CHECK_OK(ctx, tr_png_write_unsynced(ctx, scratch("b.png"), 5, 7, 3, pixels));
  in = fopen(scratch("b.png"), "rb");
  CHECK(in && fread(written, 1, sizeof written, in) == size && memcmp(written, file, size) == 0);
  CHECK(size > TR_PNG_END_BYTES && memcmp(file + size - TR_PNG_END_BYTES, tr_png_end, TR_PNG_END_BYTES) == 0);
  if (in) fclose(in);
  unlink(scratch("a.png"));
  unlink(scratch("b.png"));
  CHECK_ERROR(ctx, tr_png_write_unsynced(ctx, scratch("b.png"), 5, 7, 2, pixels), TR_E_SHAPE, "2 channels");
  CHECK_ERROR(ctx, tr_png_write_unsynced(ctx, scratch("b.png"), 0, 7, 3, pixels), TR_E_SHAPE, "0 x 7");
  CHECK_ERROR(ctx, tr_png_write_unsynced(ctx, scratch("absent/b.png"), 5, 7, 3, pixels), TR_E_IO,
              "No such file");
  CHECK(access(scratch("b.png"), F_OK) != 0);
}

static const uint8_t *pixel(const image *im, int y, int x) {
  return im->pixels + (y * im->width + x) * im->channels;
}

/* Five images of 2 x 3 pixels at scale 4 in 3 columns: every pixel of every tile, and the border. */
static void grid(tr_ctx *ctx, int channels) {
  enum { N = 5, H = 2, W = 3, SCALE = 4, COLUMNS = 3, BORDER = 2 };
  uint8_t images[N * H * W * 3];
  for (int i = 0; i < N * H * W * channels; i++) images[i] = (uint8_t)(i + 100);
  tr_png_layout layout = {COLUMNS, SCALE};
  CHECK_OK(ctx, tr_png_grid(ctx, scratch("g.png"), &layout, N, H, W, channels, images));
  image got = read_png(scratch("g.png"));
  CHECK(got.height == 2 * (H * SCALE + BORDER) + BORDER && got.width == 3 * (W * SCALE + BORDER) + BORDER);
  bool same = true;
  for (int i = 0; i < N; i++) {
    int top = i / COLUMNS * (H * SCALE + BORDER) + BORDER, left = i % COLUMNS * (W * SCALE + BORDER) + BORDER;
    for (int y = 0; y < H * SCALE; y++)
      for (int x = 0; x < W * SCALE; x++)
        same =
            same && memcmp(pixel(&got, top + y, left + x),
                           images + ((i * H + y / SCALE) * W + x / SCALE) * channels, (size_t)channels) == 0;
  }
  CHECK(same);
  CHECK(*pixel(&got, 0, 0) == 96 && *pixel(&got, got.height - 1, got.width - 1) == 96);
  CHECK(*pixel(&got, BORDER + H * SCALE, 5) == 96);
  CHECK(*pixel(&got, H * SCALE + 2 * BORDER, 2 * (W * SCALE + BORDER) + BORDER) ==
        96); /* the missing sixth */
  free(got.pixels);
  unlink(scratch("g.png"));
}

static void default_layout(tr_ctx *ctx) {
  static uint8_t images[10000 * 8 * 8];
  static const struct {
    int64_t n, side;
    int columns, rows, tile;
  } cases[] = {{100, 8, 10, 10, 64}, {1, 8, 1, 1, 64},  {2, 8, 2, 1, 64},
               {7, 7, 3, 3, 70},     {1, 80, 1, 1, 80}, {10000, 8, 100, 100, 32}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_OK(ctx,
             tr_png_grid(ctx, scratch("d.png"), NULL, cases[i].n, cases[i].side, cases[i].side, 1, images));
    image got = read_png(scratch("d.png"));
    CHECK(got.width == cases[i].columns * (cases[i].tile + 2) + 2);
    CHECK(got.height == cases[i].rows * (cases[i].tile + 2) + 2);
    free(got.pixels);
  }
  unlink(scratch("d.png"));
}

static void refused(tr_ctx *ctx) {
  uint8_t p[16] = {0};
  CHECK_ERROR(ctx, tr_png_write(ctx, scratch("x.png"), 1, 1, 2, p), TR_E_SHAPE, "2 channels");
  CHECK_ERROR(ctx, tr_png_write(ctx, scratch("x.png"), 0, 1, 1, p), TR_E_SHAPE, "0 x 1");
  CHECK_ERROR(ctx, tr_png_write(ctx, scratch("x.png"), 1, 1000001, 1, p), TR_E_SHAPE, "1000001");
  CHECK_ERROR(ctx, tr_png_grid(ctx, scratch("x.png"), NULL, 0, 1, 1, 1, p), TR_E_ARG, "0 images");
  CHECK_ERROR(ctx, tr_png_grid(ctx, scratch("x.png"), NULL, 1, 0, 1, 1, p), TR_E_SHAPE, "0 x 1");
  CHECK_ERROR(ctx, tr_png_grid(ctx, scratch("x.png"), &(tr_png_layout){-1, 1}, 1, 1, 1, 1, p), TR_E_ARG,
              "-1");
  CHECK_ERROR(ctx, tr_png_grid(ctx, scratch("x.png"), &(tr_png_layout){1, 999999}, 2, 1, 1, 1, p), TR_E_SHAPE,
              "each side");
  CHECK_ERROR(ctx, tr_png_write(ctx, scratch("absent/x.png"), 1, 1, 1, p), TR_E_IO, "No such file");
  CHECK(scratch_entries() == 0);
}

static void full_disk(tr_ctx *ctx) {
  enum { SIDE = 200 };
  static uint8_t noise[SIDE * SIDE];
  struct rlimit before;
  uint32_t state = 1;
  for (int i = 0; i < SIDE * SIDE; i++) noise[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
  signal(SIGXFSZ, SIG_IGN);
  CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
  for (rlim_t limit = 16; limit < 40000; limit *= 8) {
    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, before.rlim_max}) == 0);
    CHECK_ERROR(ctx, tr_png_write(ctx, scratch("f.png"), SIDE, SIDE, 1, noise), TR_E_IO, "f.png");
  }
  CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(scratch_entries() == 0);
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  plain(ctx, 1);
  plain(ctx, 3);
  unsynced(ctx);
  grid(ctx, 1);
  grid(ctx, 3);
  default_layout(ctx);
  refused(ctx);
  full_disk(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
