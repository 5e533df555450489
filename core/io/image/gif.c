#include "core/io/image/gif.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/file.h"
#include "core/io/image/grid_private.h"
#include "core/io/image/palette_private.h"
#include "core/io/image/write_private.h"
#include "core/require_private.h"

static void put_byte(FILE *out, int value) {
  putc(value & 255, out);
}

static void put_word(FILE *out, int value) {
  put_byte(out, value);
  put_byte(out, value >> 8);
}

/* ---- LZW: codes of growing width, least bit first, in blocks of at most 255 bytes ---- */

#define CODES   4096
#define CHAINS  8192 /* of the hash table, a power of 2 above CODES */
#define NO_CODE 0

typedef struct {
  FILE *out;
  uint8_t block[255];
  int n_block;
  unsigned bits;
  int n_bits;
  int least, width, next; /* bits of a pixel; bits of a code; the next code to be given */
  uint32_t key[CHAINS];   /* prefix << 8 | pixel of the code in the same place */
  uint16_t code[CHAINS];
} lzw;

static void put_block(lzw *z) {
  if (z->n_block == 0) return;
  put_byte(z->out, z->n_block);
  fwrite(z->block, 1, (size_t)z->n_block, z->out);
  z->n_block = 0;
}

static void put_code(lzw *z, int code) {
  z->bits |= (unsigned)code << z->n_bits;
  for (z->n_bits += z->width; z->n_bits >= 8; z->n_bits -= 8, z->bits >>= 8) {
    z->block[z->n_block++] = (uint8_t)z->bits;
    if (z->n_block == 255) put_block(z);
  }
}

/* The code to clear is the first behind the pixels, that of the end is the next. */
static void clear_codes(lzw *z) {
  put_code(z, 1 << z->least);
  memset(z->code, NO_CODE, sizeof z->code);
  z->width = z->least + 1;
  z->next = (1 << z->least) + 2;
}

/* The place of a string, or where it may be put. */
static int find_string(const lzw *z, uint32_t key) {
  int at = (int)((key * 2654435761u) >> 19 & (CHAINS - 1));
  while (z->code[at] != NO_CODE && z->key[at] != key) at = (at + 1) & (CHAINS - 1);
  return at;
}

static void add_string(lzw *z, int at, uint32_t key) {
  if (z->next == CODES) {
    clear_codes(z);
    return;
  }
  if (z->next == 1 << z->width) z->width++;
  z->key[at] = key;
  z->code[at] = (uint16_t)z->next++;
}

static int add_pixel(lzw *z, int prefix, uint8_t pixel) {
  const uint32_t key = (uint32_t)prefix << 8 | pixel;
  const int at = find_string(z, key);
  if (z->code[at] != NO_CODE) return z->code[at];
  put_code(z, prefix);
  add_string(z, at, key);
  return pixel;
}

static void end_codes(lzw *z, int prefix) {
  put_code(z, prefix);
  if (z->next == 1 << z->width && z->width < 12) z->width++;
  put_code(z, (1 << z->least) + 1);
  if (z->n_bits > 0) {
    z->width = 8 - z->n_bits;
    put_code(z, 0);
  }
  put_block(z);
  put_byte(z->out, 0);
}

/* ---- the file ---- */

typedef struct {
  const tr_gif_timing *timing;
  int64_t frames;
  const uint8_t *images;
  size_t frame_bytes;
  tr_image_grid grid; /* of the first frame */
  tr_palette palette;
  int bits;     /* of a pixel */
  uint8_t *row; /* of the picture */
  lzw *z;
} animation;

static int bits_for(int n) {
  int bits = 1;
  while (1 << bits < n) bits++;
  return bits;
}

static void put_header(const animation *a, FILE *out) {
  static const char loop[] = "\x21\xff\x0bNETSCAPE2.0\x03\x01";
  fwrite("GIF89a", 1, 6, out);
  put_word(out, (int)a->grid.width);
  put_word(out, (int)a->grid.height);
  put_byte(out, 0x80 | 0x70 | (a->bits - 1)); /* a table of colours for all frames, 8 bits a level */
  put_word(out, 0);
  for (int i = 0; i < 1 << a->bits; i++) fwrite(a->palette.colour[i], 1, 3, out);
  fwrite(loop, 1, sizeof loop - 1, out);
  put_word(out, 0); /* for ever */
  put_byte(out, 0);
}

static void put_frame(animation *a, int64_t number, FILE *out) {
  tr_image_grid g = a->grid;
  const double seconds = number + 1 < a->frames ? a->timing->frame : a->timing->last;
  g.images = a->images + (size_t)number * a->frame_bytes;
  put_word(out, 0xf921), put_byte(out, 4), put_byte(out, 1 << 2); /* the next is drawn over it */
  put_word(out, (int)(100 * seconds + 0.5));
  put_word(out, 0);
  put_byte(out, 0x2c), put_word(out, 0), put_word(out, 0);
  put_word(out, (int)g.width), put_word(out, (int)g.height), put_byte(out, 0);
  lzw *z = a->z;
  *z = (lzw){.out = out, .least = a->bits < 2 ? 2 : a->bits};
  z->width = z->least + 1;
  put_byte(out, z->least);
  clear_codes(z);
  int prefix = -1;
  for (int64_t y = 0; y < g.height; y++) {
    tr_image_grid_row(&g, y, a->row);
    for (int64_t x = 0; x < g.width; x++) {
      const uint8_t pixel = tr_palette_find(&a->palette, g.channels, a->row + x * g.channels);
      prefix = prefix < 0 ? pixel : add_pixel(z, prefix, pixel);
    }
  }
  end_codes(z, prefix);
}

static tr_status write_all(tr_ctx *ctx, const char *path, animation *a) {
  tr_out_file *file;
  TR_TRY(tr_out_file_open(ctx, path, &file));
  FILE *out = tr_out_file_stream(file);
  put_header(a, out);
  for (int64_t i = 0; i < a->frames; i++) put_frame(a, i, out);
  put_byte(out, 0x3b);
  return tr_out_file_commit(ctx, &file);
}

static tr_status prepare(tr_ctx *ctx, animation *a) {
  const tr_image_grid *g = &a->grid;
  const int64_t pixels = a->frames * g->n * g->tile_height * g->tile_width;
  TR_TRY(tr_palette_make(ctx, pixels, g->channels, a->images, TR_GRID_BORDER_GREY, &a->palette));
  a->bits = bits_for(a->palette.n);
  a->row = malloc((size_t)(g->width * g->channels));
  a->z = malloc(sizeof *a->z);
  return a->row && a->z ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for an animation");
}

static tr_status check(tr_ctx *ctx, const animation *a) {
  const tr_image_grid *g = &a->grid;
  const tr_gif_timing *t = a->timing;
  if (a->frames < 1 || a->frames > 1000000)
    return TR_FAIL(ctx, TR_E_ARG, "an animation of %lld frames: use 1 to 1000000", (long long)a->frames);
  TR_TRY(tr_image_check_channels(ctx, g->channels));
  if (g->width > TR_GIF_MAX_SIDE || g->height > TR_GIF_MAX_SIDE)
    return TR_FAIL(ctx, TR_E_SHAPE, "a GIF of %lld x %lld pixels: each side must be 1 to %d",
                   (long long)g->height, (long long)g->width, TR_GIF_MAX_SIDE);
  if (!(t->frame >= 0.02 && t->frame <= 655 && t->last >= 0.02 && t->last <= 655))
    return TR_FAIL(ctx, TR_E_ARG, "frames of %g and %g seconds: use 0.02 to 655", t->frame, t->last);
  return TR_OK;
}

tr_status tr_gif_grid(tr_ctx *ctx, const char *path, const tr_png_layout *layout, const tr_gif_timing *timing,
                      int64_t frames, int64_t n, int64_t height, int64_t width, int channels,
                      const uint8_t *images) {
  TR_REQUIRE(ctx, path, timing, images);
  animation a = {.timing = timing, .frames = frames, .images = images};
  TR_TRY(tr_image_grid_plan(ctx, layout, n, height, width, channels, images, &a.grid));
  TR_TRY(check(ctx, &a));
  a.frame_bytes = (size_t)(n * height * width * channels);
  tr_status status = prepare(ctx, &a);
  if (status == TR_OK) status = write_all(ctx, path, &a);
  tr_palette_free(&a.palette);
  free(a.row);
  free(a.z);
  return status;
}
