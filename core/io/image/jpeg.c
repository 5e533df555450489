#include "core/io/image/jpeg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "core/require_private.h"

/* libjpeg reports errors by a callback that must not return. */
typedef struct {
  struct jpeg_error_mgr table; /* first: libjpeg hands out its address */
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
} trouble;

static void on_error(j_common_ptr jpeg) {
  trouble *t = (trouble *)jpeg->err;
  jpeg->err->format_message(jpeg, t->message);
  longjmp(t->escape, 1);
}

/* A cut or damaged file is only a warning of libjpeg, which fills in grey: an error here. */
static void on_message(j_common_ptr jpeg, int level) {
  if (level < 0) on_error(jpeg);
}

/* Everything that may jump. */
static bool decode(struct jpeg_decompress_struct *jpeg, trouble *t, FILE *file, int channels, tr_image *out) {
  if (setjmp(t->escape)) return false;
  jpeg_create_decompress(jpeg);
  jpeg_stdio_src(jpeg, file);
  jpeg_read_header(jpeg, TRUE);
  if (channels == 1 && jpeg->num_components != 1) {
    snprintf(t->message, sizeof t->message, "it has colours, grey is needed");
    return false;
  }
  jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(jpeg);
  out->height = jpeg->output_height;
  out->width = jpeg->output_width;
  size_t row = (size_t)out->width * (size_t)channels;
  out->pixels = malloc((size_t)out->height * row);
  if (!out->pixels) {
    snprintf(t->message, sizeof t->message, "out of memory");
    return false;
  }
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *line = out->pixels + jpeg->output_scanline * row;
    jpeg_read_scanlines(jpeg, &line, 1);
  }
  jpeg_finish_decompress(jpeg);
  return true;
}

tr_status tr_jpeg_read(tr_ctx *ctx, const char *path, int channels, tr_image *out) {
  TR_REQUIRE(ctx, path, out);
  struct jpeg_decompress_struct jpeg = {0};
  trouble t = {.message = ""};
  *out = (tr_image){.channels = channels};
  FILE *file = fopen(path, "rb");
  if (!file) return TR_FAIL(ctx, TR_E_IO, "'%s' cannot be read: %s", path, strerror(errno));
  jpeg.err = jpeg_std_error(&t.table);
  t.table.error_exit = on_error;
  t.table.emit_message = on_message;
  bool good = decode(&jpeg, &t, file, channels, out);
  jpeg_destroy_decompress(&jpeg);
  fclose(file);
  if (good) return TR_OK;
  free(out->pixels);
  out->pixels = NULL;
  return TR_FAIL(ctx, TR_E_IO, "'%s' cannot be read as JPEG: %s", path, t.message);
}
