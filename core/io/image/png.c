#include "core/io/image/png.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/file_private.h"
#include "core/io/image/grid_private.h"
#include "core/io/image/read_private.h"
#include "core/io/image/write_private.h"
#include "core/require_private.h"

/* A picture that makes its rows on demand, so that a large grid is never held. */
typedef struct picture picture;
struct picture {
  int64_t height, width;
  int channels;
  void (*row)(const picture *p, int64_t y, uint8_t *out); /* out (width, channels) */
  const uint8_t *pixels;                                  /* its own, or NULL: it is */
  const tr_image_grid *grid;
};

/* libpng reports errors by a callback that must not return. */
typedef struct {
  jmp_buf escape;
  char message[200];
} trouble;

static void on_error(png_structp png, png_const_charp message) {
  trouble *t = png_get_error_ptr(png);
  snprintf(t->message, sizeof t->message, "%s", message);
  longjmp(t->escape, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png, (void)message;
}

/* Everything that may jump; all it needs was made before. */
static bool encode(png_structp png, png_infop info, trouble *t, FILE *stream, const picture *p,
                   uint8_t *row) {
  if (setjmp(t->escape)) return false;
  png_init_io(png, stream);
  png_set_IHDR(png, info, (png_uint_32)p->width, (png_uint_32)p->height, 8,
               p->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int64_t y = 0; y < p->height; y++) {
    p->row(p, y, row);
    png_write_row(png, row);
  }
  png_write_end(png, info);
  return true;
}

static tr_status write_stream(tr_ctx *ctx, const char *path, FILE *stream, const picture *p) {
  trouble t;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &t, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  uint8_t *row = malloc((size_t)(p->width * p->channels));
  tr_status status = TR_OK;
  if (!info || !row)
    status = TR_FAIL(ctx, TR_E_MEM, "out of memory for the picture '%s'", path);
  else if (!encode(png, info, &t, stream, p, row))
    status = TR_FAIL(ctx, TR_E_IO, "cannot write '%s': %s", path, t.message);
  png_destroy_write_struct(&png, &info);
  free(row);
  return status;
}

tr_status tr_image_check_channels(tr_ctx *ctx, int channels) {
  if (channels == 1 || channels == 3) return TR_OK;
  return TR_FAIL(ctx, TR_E_SHAPE, "an image of %d channels: use 1 (grey) or 3 (RGB)", channels);
}

static tr_status check_picture(tr_ctx *ctx, const picture *p) {
  TR_TRY(tr_image_check_channels(ctx, p->channels));
  if (p->height < 1 || p->width < 1 || p->height > TR_PNG_MAX_SIDE || p->width > TR_PNG_MAX_SIDE)
    return TR_FAIL(ctx, TR_E_SHAPE, "a picture of %lld x %lld pixels: each side must be 1 to %d",
                   (long long)p->height, (long long)p->width, TR_PNG_MAX_SIDE);
  return TR_OK;
}

static tr_status write_picture(tr_ctx *ctx, const char *path, const picture *p, bool sync) {
  tr_out_file *file;
  TR_TRY(check_picture(ctx, p));
  TR_TRY(tr_out_file_open(ctx, path, &file));
  tr_status status = write_stream(ctx, path, tr_out_file_stream(file), p);
  if (status == TR_OK) return sync ? tr_out_file_commit(ctx, &file) : tr_out_file_commit_unsynced(ctx, &file);
  tr_out_file_discard(&file);
  return status;
}

static void plain_row(const picture *p, int64_t y, uint8_t *out) {
  size_t bytes = (size_t)(p->width * p->channels);
  memcpy(out, p->pixels + (size_t)y * bytes, bytes);
}

const unsigned char tr_png_end[TR_PNG_END_BYTES] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};

tr_status tr_png_write_unsynced(tr_ctx *ctx, const char *path, int64_t height, int64_t width, int channels,
                                const uint8_t *pixels) {
  picture p = {.height = height, .width = width, .channels = channels, .row = plain_row, .pixels = pixels};
  return write_picture(ctx, path, &p, false);
}

tr_status tr_png_write(tr_ctx *ctx, const char *path, int64_t height, int64_t width, int channels,
                       const uint8_t *pixels) {
  TR_REQUIRE(ctx, path, pixels);
  picture p = {.height = height, .width = width, .channels = channels, .row = plain_row, .pixels = pixels};
  return write_picture(ctx, path, &p, true);
}

static void grid_row(const picture *p, int64_t y, uint8_t *out) {
  tr_image_grid_row(p->grid, y, out);
}

tr_status tr_png_grid(tr_ctx *ctx, const char *path, const tr_png_layout *layout, int64_t n, int64_t height,
                      int64_t width, int channels, const uint8_t *images) {
  TR_REQUIRE(ctx, path, images);
  tr_image_grid grid;
  TR_TRY(tr_image_grid_plan(ctx, layout, n, height, width, channels, images, &grid));
  picture p = {
      .height = grid.height, .width = grid.width, .channels = channels, .row = grid_row, .grid = &grid};
  return write_picture(ctx, path, &p, true);
}

/* ---- reading ---- */

/* A warning of libpng drops what it cannot read; without its tRNS a transparent picture would count as
 * opaque. */
static void on_read_warning(png_structp png, png_const_charp message) {
  if (strncmp(message, "tRNS", 4) == 0) on_error(png, message);
}

/* The samples of a file: palettes and bits spread out by libpng, their numbers as they are. */
typedef struct {
  int64_t height, width;
  bool other_size;    /* than is wanted: it was not unpacked */
  int depth, samples; /* 8 or 16 bits; 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha */
  uint8_t *bytes;     /* (height, width, samples); of 16 bits the high byte first */
  png_bytep *rows;
} raster;

static bool make_raster(png_structp png, png_infop info, raster *r) {
  size_t row = png_get_rowbytes(png, info);
  r->depth = png_get_bit_depth(png, info);
  r->samples = png_get_channels(png, info);
  r->bytes = malloc((size_t)r->height * row);
  r->rows = malloc((size_t)r->height * sizeof *r->rows);
  if (!r->bytes || !r->rows) return false;
  for (int64_t y = 0; y < r->height; y++) r->rows[y] = r->bytes + (size_t)y * row;
  return true;
}

/* Only the picture and its transparency are read. Texts and profiles, which may unpack to a thousand times
 * their size, are passed over; a wrong checksum is damage wherever it is. */
static void read_little(png_structp png) {
  static const png_byte passed_over[] =
      "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0"
      "sPLT\0sRGB\0tEXt\0tIME\0zTXt";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, passed_over, sizeof passed_over / 5);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
}

/* Everything that may jump. No gamma is asked for, so that libpng leaves the levels alone. */
static bool decode(png_structp png, png_infop info, trouble *t, FILE *stream, const tr_image_wanted *wanted,
                   raster *r) {
  if (setjmp(t->escape)) return false;
  read_little(png);
  png_init_io(png, stream);
  png_read_info(png, info);
  r->height = png_get_image_height(png, info);
  r->width = png_get_image_width(png, info);
  r->other_size = !tr_image_has_size(wanted, &(tr_image){.height = r->height, .width = r->width});
  if (r->other_size) return true;
  png_set_expand(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (!make_raster(png, info, r)) png_error(png, "out of memory");
  png_read_image(png, r->rows);
  png_read_end(png, NULL);
  return true;
}

static tr_status read_raster(tr_ctx *ctx, const char *path, FILE *stream, const tr_image_wanted *wanted,
                             raster *r) {
  trouble t = {.message = "out of memory"};
  *r = (raster){0};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &t, on_error, on_read_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  bool good = info && decode(png, info, &t, stream, wanted, r);
  png_destroy_read_struct(&png, &info, NULL);
  return good ? TR_OK : TR_FAIL(ctx, TR_E_IO, "'%s' cannot be read as PNG: %s", path, t.message);
}

static unsigned sample(const raster *r, int64_t i) {
  return r->depth == 16 ? (unsigned)r->bytes[2 * i] << 8 | r->bytes[2 * i + 1] : r->bytes[i];
}

/* `step` levels of the file are one of 256. */
static tr_status take_pixel(tr_ctx *ctx, const char *path, const raster *r, int64_t p, tr_image *out) {
  const unsigned top = r->depth == 16 ? 65535 : 255, step = top / 255;
  const int colours = r->samples < 3 ? 1 : 3;
  const int64_t first = p * r->samples;
  const long long y = p / r->width, x = p % r->width;
  if (r->samples > colours && sample(r, first + colours) != top)
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s' is transparent, alpha %u of %u at row %lld, column %lld: an opaque image is needed",
                   path, sample(r, first + colours), top, y, x);
  for (int c = 0; c < colours; c++)
    if (sample(r, first + c) % step)
      return TR_FAIL(
          ctx, TR_E_IO,
          "'%s' has the 16-bit level %u at row %lld, column %lld: only multiples of 257 are levels of 8 bits",
          path, sample(r, first + c), y, x);
  for (int c = 1; c < colours && out->channels == 1; c++)
    if (sample(r, first + c) != sample(r, first))
      return TR_FAIL(ctx, TR_E_IO, "'%s' has a colour at row %lld, column %lld: grey is needed", path, y, x);
  for (int c = 0; c < out->channels; c++)
    out->pixels[p * out->channels + c] = (uint8_t)(sample(r, first + c % colours) / step);
  return TR_OK;
}

/* The levels without alpha; of 16 bits the high byte, which comes first. */
static void convert_pixel(const raster *r, int64_t p, tr_image *out) {
  const int colours = r->samples < 3 ? 1 : 3, bytes = r->depth / 8;
  const uint8_t *from = r->bytes + p * r->samples * bytes;
  for (int c = 0; c < out->channels; c++) out->pixels[p * out->channels + c] = from[c % colours * bytes];
}

static tr_status take_pixels(tr_ctx *ctx, const char *path, const raster *r, const tr_image_wanted *wanted,
                             tr_image *out) {
  const int64_t pixels = r->height * r->width;
  out->pixels = malloc((size_t)(pixels * out->channels));
  if (!out->pixels) return TR_FAIL(ctx, TR_E_MEM, "out of memory for '%s'", path);
  for (int64_t p = 0; p < pixels && wanted->convert; p++) convert_pixel(r, p, out);
  for (int64_t p = 0; p < pixels && !wanted->convert; p++) TR_TRY(take_pixel(ctx, path, r, p, out));
  return TR_OK;
}

tr_status tr_png_read_stream(tr_ctx *ctx, const char *path, FILE *stream, const tr_image_wanted *wanted,
                             tr_image *out) {
  raster r;
  tr_status status = read_raster(ctx, path, stream, wanted, &r);
  out->height = r.height;
  out->width = r.width;
  if (status == TR_OK && r.other_size) status = tr_image_other_size(ctx, path, wanted, out);
  if (status == TR_OK) status = take_pixels(ctx, path, &r, wanted, out);
  free(r.bytes);
  free(r.rows);
  return status;
}

tr_status tr_png_read(tr_ctx *ctx, const char *path, int channels, tr_image *out) {
  TR_REQUIRE(ctx, path, out);
  return tr_image_read_by(tr_png_read_stream, ctx, path, channels, out);
}

tr_status tr_png_array(const char *path, const tr_png_layout *layout, const tr_array *x) {
  TR_REQUIRE(TR_CTX_OF(x), path, x);
  uint8_t *pixels;
  TR_TRY(tr_image_of_array(x, &pixels));
  tr_status status = tr_png_grid(x->ctx, path, layout, x->shape[0], x->shape[2], x->shape[3], 3, pixels);
  free(pixels);
  return status;
}
