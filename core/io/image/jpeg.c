#include "core/io/image/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "core/io/image/read_private.h"
#include "core/require_private.h"

#define SCANS_MAX 500 /* of a progressive file: each goes over the whole picture */

/* libjpeg reports errors by a callback that must not return. */
typedef struct {
  struct jpeg_error_mgr table; /* first: libjpeg hands out its address */
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
  bool other_size; /* than is wanted: it was not unpacked */
} trouble;

static void give_up(j_common_ptr jpeg, const char *message) {
  trouble *t = (trouble *)jpeg->err;
  snprintf(t->message, sizeof t->message, "%s", message);
  longjmp(t->escape, 1);
}

static void on_error(j_common_ptr jpeg) {
  char message[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, message);
  give_up(jpeg, message);
}

/* A cut or damaged file is only a warning of libjpeg, which fills in grey: an error here. These change no
 * pixel. */
static void on_message(j_common_ptr jpeg, int level) {
  static const int harmless[] = {JWRN_ADOBE_XFORM, JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR,
                                 JWRN_NOT_SEQUENTIAL};
  if (level >= 0) return;
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    if (jpeg->err->msg_code == harmless[i]) return;
  on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg) {
  if (((j_decompress_ptr)jpeg)->input_scan_number > SCANS_MAX) give_up(jpeg, "it has more than 500 scans");
}

/* Pillow's product of two levels, a b / 255 rounded. */
static int times(int a, int b) {
  int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/* Pillow takes every CMYK as inverted, and so do others: Adobe's files are. */
static void rgb_of_inverted_cmyk(const uint8_t *cmyk, int64_t n, uint8_t *rgb) {
  for (int64_t i = 0; i < n; i++)
    for (int c = 0; c < 3; c++) {
      int white = cmyk[4 * i + 3], level = white - times(255 - cmyk[4 * i + c], white);
      rgb[3 * i + c] = (uint8_t)(level > 0 ? level : 0);
    }
}

static void read_rows(struct jpeg_decompress_struct *jpeg, tr_image *out) {
  const size_t row = (size_t)out->width * (size_t)out->channels;
  const bool cmyk = jpeg->out_color_space == JCS_CMYK;
  uint8_t *inks = NULL; /* libjpeg's own, which it frees */
  if (cmyk) inks = jpeg->mem->alloc_large((j_common_ptr)jpeg, JPOOL_IMAGE, 4 * (size_t)out->width);
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *line = out->pixels + jpeg->output_scanline * row, *target = cmyk ? inks : line;
    jpeg_read_scanlines(jpeg, &target, 1);
    if (cmyk) rgb_of_inverted_cmyk(inks, out->width, line);
  }
}

/* Everything that may jump. */
static bool decode(struct jpeg_decompress_struct *jpeg, trouble *t, FILE *file, const tr_image_wanted *wanted,
                   tr_image *out) {
  if (setjmp(t->escape)) return false;
  jpeg_create_decompress(jpeg);
  jpeg->progress = &t->progress;
  jpeg_stdio_src(jpeg, file);
  jpeg_read_header(jpeg, TRUE);
  out->height = jpeg->image_height;
  out->width = jpeg->image_width;
  t->other_size = !tr_image_has_size(wanted, out);
  if (t->other_size) return true;
  if (out->channels == 1 && jpeg->num_components != 1) {
    snprintf(t->message, sizeof t->message, "it has colours, grey is needed");
    return false;
  }
  jpeg->out_color_space = out->channels == 1 ? JCS_GRAYSCALE : jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(jpeg);
  out->pixels = malloc((size_t)out->height * (size_t)out->width * (size_t)out->channels);
  if (!out->pixels) {
    snprintf(t->message, sizeof t->message, "out of memory");
    return false;
  }
  read_rows(jpeg, out);
  jpeg_finish_decompress(jpeg);
  return true;
}

tr_status tr_jpeg_read_stream(tr_ctx *ctx, const char *path, FILE *stream, const tr_image_wanted *wanted,
                              tr_image *out) {
  struct jpeg_decompress_struct jpeg = {0};
  trouble t = {.progress = {.progress_monitor = on_progress}};
  jpeg.err = jpeg_std_error(&t.table);
  t.table.error_exit = on_error;
  t.table.emit_message = on_message;
  bool good = decode(&jpeg, &t, stream, wanted, out);
  jpeg_destroy_decompress(&jpeg);
  if (!good) return TR_FAIL(ctx, TR_E_IO, "'%s' cannot be read as JPEG: %s", path, t.message);
  return t.other_size ? tr_image_other_size(ctx, path, wanted, out) : TR_OK;
}

tr_status tr_jpeg_read(tr_ctx *ctx, const char *path, int channels, tr_image *out) {
  TR_REQUIRE(ctx, path, out);
  return tr_image_read_by(tr_jpeg_read_stream, ctx, path, channels, out);
}
