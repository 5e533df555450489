/* Pictures by their content, whatever their names. */
#include <stdlib.h>
#include <string.h>

#include "core/io/file.h"
#include "core/io/image/read_private.h"
#include "core/require_private.h"

/* ---- formats ---- */

#define FORMAT(name, at, text)                                                                               \
  { name, at, sizeof(text) - 1, text }
static const struct {
  const char *name;
  size_t at, size;
  const char *text;
} formats[] = {
    FORMAT("PNG", 0, "\x89PNG\r\n\x1a\n"),
    FORMAT("JPEG", 0, "\xff\xd8\xff"),
    FORMAT("WebP", 8, "WEBP"), /* in a RIFF */
    FORMAT("GIF", 0, "GIF8"),
    FORMAT("BMP", 0, "BM"),
    FORMAT("TIFF", 0, "II*\0"),
    FORMAT("TIFF", 0, "MM\0*"),
    FORMAT("HEIC or AVIF", 4, "ftyp"),
    FORMAT("JPEG 2000", 4, "jP  "),
    FORMAT("JPEG XL", 4, "JXL "),
    FORMAT("JPEG XL", 0, "\xff\x0a"),
};

const char *tr_image_format(const unsigned char *head, size_t size) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (size >= formats[i].at + formats[i].size &&
        memcmp(head + formats[i].at, formats[i].text, formats[i].size) == 0)
      return formats[i].name;
  return NULL;
}

static const char *format_of_stream(FILE *stream) {
  unsigned char head[TR_IMAGE_HEAD];
  size_t size = fread(head, 1, sizeof head, stream);
  rewind(stream);
  return tr_image_format(head, size);
}

const char *tr_image_format_of(tr_ctx *ctx, const char *path) {
  FILE *stream;
  if (tr_file_stream_open(ctx, path, &stream) != TR_OK) {
    tr_ctx_clear(ctx);
    return NULL;
  }
  const char *format = format_of_stream(stream);
  fclose(stream);
  return format;
}

/* ---- sizes ---- */

bool tr_image_has_size(const tr_image_wanted *wanted, const tr_image *image) {
  return (wanted->height == 0 || wanted->height == image->height) &&
         (wanted->width == 0 || wanted->width == image->width) &&
         (wanted->most == 0 || image->height <= wanted->most / image->width);
}

tr_status tr_image_other_size(tr_ctx *ctx, const char *path, const tr_image_wanted *wanted,
                              const tr_image *image) {
  if (wanted->most)
    return TR_FAIL(ctx, TR_E_IO, "'%s' has %lld x %lld pixels: more than %lld are not unpacked", path,
                   (long long)image->height, (long long)image->width, (long long)wanted->most);
  return TR_FAIL(ctx, TR_E_SHAPE, "'%s' has %lld x %lld pixels: %lld x %lld are needed", path,
                 (long long)image->height, (long long)image->width, (long long)wanted->height,
                 (long long)wanted->width);
}

/* ---- reading ---- */

static tr_status by_content(tr_ctx *ctx, const char *path, FILE *stream, const tr_image_wanted *wanted,
                            tr_image *out) {
  const char *format = format_of_stream(stream);
  if (format && strcmp(format, "PNG") == 0) return tr_png_read_stream(ctx, path, stream, wanted, out);
  if (format && strcmp(format, "JPEG") == 0) return tr_jpeg_read_stream(ctx, path, stream, wanted, out);
  return TR_FAIL(ctx, TR_E_IO, "'%s' is %s: PNG and JPEG are read", path, format ? format : "no picture");
}

static tr_status read_stream(tr_image_reader read, tr_ctx *ctx, const char *path,
                             const tr_image_wanted *wanted, tr_image *out) {
  FILE *stream;
  TR_TRY(tr_file_stream_open(ctx, path, &stream));
  tr_status status = read(ctx, path, stream, wanted, out);
  fclose(stream);
  if (status == TR_OK) return TR_OK;
  free(out->pixels);
  out->pixels = NULL;
  return status;
}

static tr_status check_channels(tr_ctx *ctx, const char *path, int channels) {
  if (tr_image_channels(channels)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "'%s' is asked for in %d channels: use 1, grey, or 3, RGB", path, channels);
}

tr_status tr_image_read_by(tr_image_reader read, tr_ctx *ctx, const char *path, int channels, tr_image *out) {
  static const tr_image_wanted any = {0};
  *out = (tr_image){.channels = channels};
  TR_TRY(check_channels(ctx, path, channels));
  return read_stream(read, ctx, path, &any, out);
}

tr_status tr_image_read(tr_ctx *ctx, const char *path, int channels, int64_t height, int64_t width,
                        tr_image *out) {
  TR_REQUIRE(ctx, path, out);
  const tr_image_wanted wanted = {.height = height, .width = width};
  *out = (tr_image){.channels = channels};
  TR_TRY(check_channels(ctx, path, channels));
  return read_stream(by_content, ctx, path, &wanted, out);
}

tr_status tr_image_read_rgb(tr_ctx *ctx, const char *path, tr_image *out) {
  TR_REQUIRE(ctx, path, out);
  const tr_image_wanted wanted = {.most = TR_IMAGE_MOST, .convert = true};
  *out = (tr_image){.channels = 3};
  return read_stream(by_content, ctx, path, &wanted, out);
}
