/* Reading PNG: the levels of every bit depth and colour type as the file has them, whatever it says of gamma;
 * what is no grey or RGB of 256 levels is refused. */
#include <png.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/io/image/png.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

enum { H = 9, W = 13, ROW_MAX = W * 8 };

/* A file of H x W pixels; what is not said is absent. */
typedef struct {
  int depth, type, interlace;
  double gamma;                      /* 0: none */
  const png_color_16 *transparent;   /* grey or colour of a tRNS chunk */
  int n_palette, n_alpha;            /* entries */
  void (*fill)(int y, uint8_t *row); /* packed as in the file */
} form;

static png_color palette[4] = {{10, 20, 30}, {200, 0, 255}, {7, 7, 7}, {1, 2, 250}};
static uint8_t alphas[4] = {255, 255, 255, 255};

static const char *write_form(const form *f) {
  const char *path = scratch("form.png");
  FILE *stream = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  uint8_t bytes[H][ROW_MAX] = {{0}};
  png_bytep rows[H];
  CHECK(stream != NULL);
  png_init_io(png, stream);
  png_set_IHDR(png, info, W, H, f->depth, f->type, f->interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (f->gamma > 0) png_set_gAMA(png, info, f->gamma);
  if (f->n_palette) png_set_PLTE(png, info, palette, f->n_palette);
  if (f->transparent || f->n_alpha) png_set_tRNS(png, info, alphas, f->n_alpha, f->transparent);
  for (int y = 0; y < H; y++) f->fill(y, rows[y] = bytes[y]);
  png_write_info(png, info);
  png_write_image(png, rows);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  fclose(stream);
  return path;
}

static int level(int y, int x, int c) {
  return (y * 71 + x * 29 + c * 101) % 256;
}

/* ---- rows as files have them ---- */

static void put(uint8_t *row, int depth, int i, int value) {
  if (depth == 16)
    row[2 * i] = (uint8_t)(value >> 8), row[2 * i + 1] = (uint8_t)value;
  else
    row[i * depth / 8] |= (uint8_t)(value << (8 - depth - i * depth % 8));
}

static void few(int y, uint8_t *row, int depth) {
  for (int x = 0; x < W; x++) put(row, depth, x, level(y, x, 0) % (1 << depth));
}
static void bits1(int y, uint8_t *row) {
  few(y, row, 1);
}
static void bits2(int y, uint8_t *row) {
  few(y, row, 2);
}
static void bits4(int y, uint8_t *row) {
  few(y, row, 4);
}

static void samples(int y, uint8_t *row, int depth, int colours, bool alpha) {
  const int n = colours + alpha, scale = depth == 16 ? 257 : 1;
  for (int x = 0; x < W; x++) {
    for (int c = 0; c < colours; c++) put(row, depth, x * n + c, level(y, x, c) * scale);
    if (alpha) put(row, depth, x * n + colours, 255 * scale);
  }
}
static void grey8(int y, uint8_t *row) {
  samples(y, row, 8, 1, false);
}
static void grey8_alpha(int y, uint8_t *row) {
  samples(y, row, 8, 1, true);
}
static void grey16(int y, uint8_t *row) {
  samples(y, row, 16, 1, false);
}
static void grey16_alpha(int y, uint8_t *row) {
  samples(y, row, 16, 1, true);
}
static void rgb8(int y, uint8_t *row) {
  samples(y, row, 8, 3, false);
}
static void rgb8_alpha(int y, uint8_t *row) {
  samples(y, row, 8, 3, true);
}
static void rgb16(int y, uint8_t *row) {
  samples(y, row, 16, 3, false);
}
static void rgb16_alpha(int y, uint8_t *row) {
  samples(y, row, 16, 3, true);
}

static void grey16_between(int y, uint8_t *row) {
  grey16(y, row);
  if (y == 4) put(row, 16, 5, 1000);
}
static void rgb8_clear(int y, uint8_t *row) {
  rgb8_alpha(y, row);
  if (y == 2) row[6 * 4 + 3] = 0;
}
static void grey16_thin(int y, uint8_t *row) {
  grey16_alpha(y, row);
  if (y == 8) put(row, 16, 12 * 2 + 1, 65534);
}
static void rgb8_grey(int y, uint8_t *row) {
  for (int x = 0; x < W; x++)
    for (int c = 0; c < 3; c++) row[3 * x + c] = (uint8_t)level(y, x, 0);
}

/* ---- levels ---- */

static int wanted(const form *f, int y, int x, int c) {
  const int value = level(y, x, 0) % (f->depth < 8 ? 1 << f->depth : 4);
  if (f->type == PNG_COLOR_TYPE_PALETTE) {
    const png_color *p = &palette[value];
    return c == 0 ? p->red : c == 1 ? p->green : p->blue;
  }
  if (f->depth < 8) return value * 255 / ((1 << f->depth) - 1);
  return level(y, x, f->type & PNG_COLOR_MASK_COLOR ? c : 0);
}

static void check_form(tr_ctx *ctx, const form *f, int channels) {
  const char *path = write_form(f);
  tr_image image;
  bool same = true;
  CHECK_OK(ctx, tr_png_read(ctx, path, channels, &image));
  CHECK(image.height == H && image.width == W && image.channels == channels);
  for (int i = 0; image.pixels && i < H * W * channels; i++)
    same = same && image.pixels[i] == wanted(f, i / channels / W, i / channels % W, i % channels);
  CHECK(same && image.pixels);
  free(image.pixels);
}

/* Every form, interlaced or not, without gAMA, with that of sRGB, of numbers that are linear in light, and
 * with another. */
static void levels(tr_ctx *ctx) {
  static const double gammas[] = {0, 0.45455, 1, 0.6};
  static const form forms[] = {
      {1, PNG_COLOR_TYPE_GRAY, .fill = bits1},
      {2, PNG_COLOR_TYPE_GRAY, .fill = bits2},
      {4, PNG_COLOR_TYPE_GRAY, .fill = bits4},
      {8, PNG_COLOR_TYPE_GRAY, .fill = grey8},
      {16, PNG_COLOR_TYPE_GRAY, .fill = grey16},
      {8, PNG_COLOR_TYPE_GRAY_ALPHA, .fill = grey8_alpha},
      {16, PNG_COLOR_TYPE_GRAY_ALPHA, .fill = grey16_alpha},
      {8, PNG_COLOR_TYPE_RGB, .fill = rgb8},
      {16, PNG_COLOR_TYPE_RGB, .fill = rgb16},
      {8, PNG_COLOR_TYPE_RGB_ALPHA, .fill = rgb8_alpha},
      {16, PNG_COLOR_TYPE_RGB_ALPHA, .fill = rgb16_alpha},
      {1, PNG_COLOR_TYPE_PALETTE, .n_palette = 2, .fill = bits1},
      {2, PNG_COLOR_TYPE_PALETTE, .n_palette = 4, .fill = bits2},
      {2, PNG_COLOR_TYPE_PALETTE, .n_palette = 4, .n_alpha = 4, .fill = bits2},
  };
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    for (int g = 0; g < 4; g++)
      for (int interlace = 0; interlace < 2; interlace++) {
        form f = forms[i];
        f.gamma = gammas[g];
        f.interlace = interlace;
        check_form(ctx, &f, 3);
        if (!(f.type & PNG_COLOR_MASK_COLOR)) check_form(ctx, &f, 1);
      }
}

/* A colour that the file calls transparent, but does not hold. */
static void transparent_unused(tr_ctx *ctx) {
  png_color_16 unused = {.gray = 1, .red = 1, .green = 2, .blue = 3};
  check_form(ctx, &(form){8, PNG_COLOR_TYPE_RGB, .transparent = &unused, .fill = rgb8}, 3);
  check_form(ctx, &(form){16, PNG_COLOR_TYPE_GRAY, .transparent = &unused, .fill = grey16}, 1);
}

/* ---- refusals ---- */

static void refused(tr_ctx *ctx, const form *f, int channels, const char *word) {
  const char *path = write_form(f);
  tr_image image;
  CHECK_ERROR(ctx, tr_png_read(ctx, path, channels, &image), TR_E_IO, word);
  CHECK(image.pixels == NULL);
}

static void refusals(tr_ctx *ctx) {
  png_color_16 used = {.gray = (png_uint_16)level(3, 4, 0),
                       .red = (png_uint_16)level(3, 4, 0),
                       .green = (png_uint_16)level(3, 4, 1),
                       .blue = (png_uint_16)level(3, 4, 2)};
  refused(ctx, &(form){16, PNG_COLOR_TYPE_GRAY, .fill = grey16_between}, 3,
          "16-bit level 1000 at row 4, column 5");
  refused(ctx, &(form){8, PNG_COLOR_TYPE_RGB_ALPHA, .fill = rgb8_clear}, 3,
          "alpha 0 of 255 at row 2, column 6");
  refused(ctx, &(form){16, PNG_COLOR_TYPE_GRAY_ALPHA, .fill = grey16_thin}, 3,
          "alpha 65534 of 65535 at row 8, column 12");
  refused(ctx, &(form){8, PNG_COLOR_TYPE_RGB, .transparent = &used, .fill = rgb8}, 3, "transparent");
  refused(ctx, &(form){8, PNG_COLOR_TYPE_GRAY, .transparent = &used, .fill = grey8}, 3, "transparent");
  alphas[1] = 128;
  refused(ctx, &(form){1, PNG_COLOR_TYPE_PALETTE, .n_palette = 2, .n_alpha = 2, .fill = bits1}, 3,
          "alpha 128 of 255");
  alphas[1] = 255;
  refused(ctx, &(form){8, PNG_COLOR_TYPE_RGB, .fill = rgb8}, 1, "grey is needed");
  check_form(ctx, &(form){8, PNG_COLOR_TYPE_GRAY, .fill = grey8}, 1);
}

/* As Pillow's convert("RGB"): transparency is dropped, and the lower half of 16-bit levels; a picture too
 * large to unpack is refused by its header. */
static void as_rgb(tr_ctx *ctx, const form *f, int y, int x, int level_there) {
  tr_image image;
  bool same = true;
  CHECK_OK(ctx, tr_image_read_rgb(ctx, write_form(f), &image));
  CHECK(image.height == H && image.width == W && image.channels == 3);
  for (int i = 0; image.pixels && i < H * W * 3; i++)
    same = same &&
           image.pixels[i] == (i / 3 == y * W + x ? level_there : wanted(f, i / 3 / W, i / 3 % W, i % 3));
  CHECK(same && image.pixels);
  free(image.pixels);
}

static void converted(tr_ctx *ctx) {
  png_color_16 used = {.gray = (png_uint_16)level(3, 4, 0)};
  uint8_t sides[8] = {0, 0, 0x3e, 0x80, 0, 0, 0x4e, 0x20}; /* 16000 x 20000 */
  tr_image image;
  size_t size;
  as_rgb(ctx, &(form){16, PNG_COLOR_TYPE_GRAY, .fill = grey16_between}, 4, 5, 1000 / 256);
  as_rgb(ctx, &(form){8, PNG_COLOR_TYPE_RGB_ALPHA, .fill = rgb8_clear}, -1, 0, 0);
  as_rgb(ctx, &(form){16, PNG_COLOR_TYPE_GRAY_ALPHA, .fill = grey16_thin}, -1, 0, 0);
  as_rgb(ctx, &(form){8, PNG_COLOR_TYPE_GRAY, .transparent = &used, .fill = grey8}, -1, 0, 0);
  as_rgb(ctx, &(form){2, PNG_COLOR_TYPE_PALETTE, .n_palette = 4, .n_alpha = 4, .fill = bits2}, -1, 0, 0);
  unsigned char *bytes = read_whole(write_form(&(form){8, PNG_COLOR_TYPE_RGB, .fill = rgb8}), &size);
  memcpy(bytes + 16, sides, sizeof sides);
  const unsigned long sum = crc32(crc32(0, NULL, 0), bytes + 12, 17);
  for (int i = 0; i < 4; i++) bytes[29 + i] = (uint8_t)(sum >> (24 - 8 * i));
  write_whole(scratch("huge.png"), bytes, size);
  CHECK_ERROR(ctx, tr_image_read_rgb(ctx, scratch("huge.png"), &image), TR_E_IO,
              "20000 x 16000 pixels: more than 178956970");
  CHECK(image.pixels == NULL);
  free(bytes);
}

/* Colours whose numbers are grey are grey. */
static void grey_in_colours(tr_ctx *ctx) {
  tr_image image;
  const char *path = write_form(&(form){8, PNG_COLOR_TYPE_RGB, .gamma = 1, .fill = rgb8_grey});
  CHECK_OK(ctx, tr_png_read(ctx, path, 1, &image));
  CHECK(image.pixels && image.pixels[5 * W + 7] == level(5, 7, 0));
  free(image.pixels);
}

static void damaged(tr_ctx *ctx) {
  tr_image image;
  size_t size;
  unsigned char *bytes = read_whole(write_form(&(form){8, PNG_COLOR_TYPE_RGB, .fill = rgb8}), &size);
  const char *path = scratch("damaged.png");
  for (size_t keep = 0; keep < size; keep += 7) {
    write_whole(path, bytes, keep);
    CHECK_ERROR(ctx, tr_png_read(ctx, path, 3, &image), TR_E_IO, "damaged.png");
    CHECK(image.pixels == NULL);
  }
  bytes[size / 2] ^= 1;
  write_whole(path, bytes, size);
  CHECK_ERROR(ctx, tr_png_read(ctx, path, 3, &image), TR_E_IO, "damaged.png");
  free(bytes);
  CHECK_ERROR(ctx, tr_png_read(ctx, scratch("none.png"), 3, &image), TR_E_IO, "No such file");
}

/* A bit of a chunk's checksum. */
static void break_checksum(unsigned char *bytes, size_t size, const char *name) {
  for (size_t i = 8; i + 12 <= size;) {
    size_t length =
        (size_t)bytes[i] << 24 | (size_t)bytes[i + 1] << 16 | (size_t)bytes[i + 2] << 8 | bytes[i + 3];
    if (memcmp(bytes + i + 4, name, 4) == 0) bytes[i + 8 + length] ^= 1;
    i += 12 + length;
  }
}

/* Wherever it is: a transparency that libpng would drop for it counts for opaque. */
static void wrong_checksums(tr_ctx *ctx) {
  static const char *const chunks[] = {"tRNS", "gAMA", "IDAT"};
  const png_color_16 none = {.red = 9, .green = 9, .blue = 9};
  const form f = {8, PNG_COLOR_TYPE_RGB, .fill = rgb8, .gamma = 0.5, .transparent = &none};
  tr_image image;
  size_t size;
  CHECK_OK(ctx, tr_png_read(ctx, write_form(&f), 3, &image));
  free(image.pixels);
  for (int i = 0; i < 3; i++) {
    unsigned char *bytes = read_whole(write_form(&f), &size);
    const char *path = scratch("checksum.png");
    break_checksum(bytes, size, chunks[i]);
    write_whole(path, bytes, size);
    CHECK_ERROR(ctx, tr_png_read(ctx, path, 3, &image), TR_E_IO, "checksum.png");
    CHECK(image.pixels == NULL);
    free(bytes);
  }
}

/* A tRNS of the wrong length is dropped by libpng, too. */
static void wrong_transparency(tr_ctx *ctx) {
  uint8_t trns[] = {0, 0, 0, 1, 't', 'R', 'N', 'S', 7, 0, 0, 0, 0};
  const char *path = scratch("length.png");
  tr_image image;
  size_t size;
  unsigned char *bytes = read_whole(write_form(&(form){8, PNG_COLOR_TYPE_RGB, .fill = rgb8}), &size);
  unsigned long sum = crc32(crc32(0, NULL, 0), trns + 4, 5);
  for (int i = 0; i < 4; i++) trns[9 + i] = (uint8_t)(sum >> (24 - 8 * i));
  FILE *stream = fopen(path, "wb");
  CHECK(stream != NULL);
  fwrite(bytes, 1, 33, stream); /* signature and IHDR */
  fwrite(trns, 1, sizeof trns, stream);
  fwrite(bytes + 33, 1, size - 33, stream);
  fclose(stream);
  CHECK_ERROR(ctx, tr_png_read(ctx, path, 3, &image), TR_E_IO, "tRNS");
  free(bytes);
}

/* The size is told from the header alone, and the format from the content. */
static void sizes(tr_ctx *ctx) {
  size_t size;
  tr_image image;
  const char *path = write_form(&(form){8, PNG_COLOR_TYPE_RGB, .fill = rgb8}), *other = scratch("named.JPEG");
  unsigned char *bytes = read_whole(path, &size);
  write_whole(other, bytes, size);
  CHECK_OK(ctx, tr_image_read(ctx, other, 3, H, W, &image));
  CHECK(image.pixels && image.pixels[1] == level(0, 0, 1));
  free(image.pixels);
  memset(bytes + 60, 0, size - 60);
  write_whole(other, bytes, size);
  CHECK_ERROR(ctx, tr_image_read(ctx, other, 3, H, W, &image), TR_E_IO, "cannot be read as PNG");
  CHECK_ERROR(ctx, tr_image_read(ctx, other, 3, H + 1, W, &image), TR_E_SHAPE,
              "has 9 x 13 pixels: 10 x 13 are needed");
  CHECK(image.height == H && image.width == W && !image.pixels);
  write_whole(other, "RIFF....WEBPVP8 ", 16);
  CHECK_ERROR(ctx, tr_image_read(ctx, other, 3, H, W, &image), TR_E_IO, "is WebP: PNG and JPEG are read");
  write_whole(other, "hello", 5);
  CHECK_ERROR(ctx, tr_image_read(ctx, other, 3, H, W, &image), TR_E_IO,
              "is no picture: PNG and JPEG are read");
  free(bytes);
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  levels(ctx);
  transparent_unused(ctx);
  refusals(ctx);
  converted(ctx);
  grey_in_colours(ctx);
  damaged(ctx);
  wrong_checksums(ctx);
  wrong_transparency(ctx);
  sizes(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
