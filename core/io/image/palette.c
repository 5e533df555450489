#include "core/io/image/palette_private.h"

#include <stdlib.h>

#define COLOURS   256
#define CELL_BITS 6 /* of each level, where there are more colours: 2^18 cells */
#define SIDE      (1 << CELL_BITS)
#define CELLS     (SIDE * SIDE * SIDE)

void tr_palette_free(tr_palette *palette) {
  free(palette->index);
  palette->index = NULL;
}

static const uint8_t *rgb_of(const uint8_t *pixel, int channels, uint8_t rgb[3]) {
  if (channels == 3) return pixel;
  rgb[0] = rgb[1] = rgb[2] = *pixel;
  return rgb;
}

/* ---- the colours as they are ---- */

/* Gives a colour that has none a number. False: there are too many. */
static bool add_colour(tr_palette *p, uint8_t *seen, const uint8_t *rgb) {
  const unsigned at = (unsigned)rgb[0] << 16 | (unsigned)rgb[1] << 8 | rgb[2];
  if (seen[at / 8] >> at % 8 & 1) return true;
  if (p->n == COLOURS) return false;
  seen[at / 8] |= (uint8_t)(1 << at % 8);
  p->index[at] = (uint8_t)p->n;
  for (int k = 0; k < 3; k++) p->colour[p->n][k] = rgb[k];
  p->n++;
  return true;
}

/* *fits: there are not too many. */
static tr_status keep_colours(tr_ctx *ctx, int64_t count, int channels, const uint8_t *pixels, uint8_t grey,
                              tr_palette *p, bool *fits) {
  uint8_t rgb[3], *seen = calloc(1 << 21, 1);
  p->index = malloc(1 << 24);
  *fits = seen && p->index && add_colour(p, seen, rgb_of(&grey, 1, rgb));
  for (int64_t i = 0; i < count && *fits; i++)
    *fits = add_colour(p, seen, rgb_of(pixels + i * channels, channels, rgb));
  const bool room = seen && p->index;
  free(seen);
  return room ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for a palette");
}

/* ---- 256 of more ---- */

/* How many pixels are in a cell, and the sums of their levels. */
typedef struct {
  double count, sum[3];
} cell;

/* Cells low <= at < high along each level. */
typedef struct {
  int low[3], high[3];
  double count, sum[3], error[3]; /* of its pixels; sums of squared distances from the mean, by level */
} box;

static int cell_at(int r, int g, int b) {
  return (r * SIDE + g) * SIDE + b;
}

static void measure(const cell *cells, box *b) {
  double squares[3] = {0};
  b->count = 0;
  for (int k = 0; k < 3; k++) b->sum[k] = 0;
  for (int r = b->low[0]; r < b->high[0]; r++)
    for (int g = b->low[1]; g < b->high[1]; g++)
      for (int l = b->low[2]; l < b->high[2]; l++) {
        const cell *c = &cells[cell_at(r, g, l)];
        if (c->count == 0) continue;
        b->count += c->count;
        for (int k = 0; k < 3; k++) b->sum[k] += c->sum[k], squares[k] += c->sum[k] * c->sum[k] / c->count;
      }
  for (int k = 0; k < 3; k++) b->error[k] = b->count > 0 ? squares[k] - b->sum[k] * b->sum[k] / b->count : 0;
}

/* Where to cut the box along a level: behind the cell of the mean, with something on both sides. */
static int cut_of(const box *b, int level) {
  const int at = (int)(b->sum[level] / b->count) / (256 / SIDE) + 1;
  return at < b->high[level] ? at : b->high[level] - 1;
}

/* The box and the level whose cut takes most error; false: none can be cut. */
static bool find_worst(const box *boxes, int n, int *which, int *level) {
  double worst = 0;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < 3; k++)
      if (boxes[i].error[k] > worst && boxes[i].high[k] - boxes[i].low[k] > 1)
        worst = boxes[i].error[k], *which = i, *level = k;
  return worst > 0;
}

static int split_all(const cell *cells, box boxes[COLOURS]) {
  int n = 1, which = 0, level = 0;
  boxes[0] = (box){.high = {SIDE, SIDE, SIDE}};
  measure(cells, &boxes[0]);
  while (n < COLOURS && find_worst(boxes, n, &which, &level)) {
    const int cut = cut_of(&boxes[which], level);
    boxes[n] = boxes[which];
    boxes[which].high[level] = boxes[n].low[level] = cut;
    measure(cells, &boxes[which]);
    measure(cells, &boxes[n++]);
  }
  return n;
}

/* The mean of its pixels stands for the box. */
static void name_box(tr_palette *p, const box *b) {
  for (int k = 0; k < 3; k++) p->colour[p->n][k] = b->count > 0 ? (uint8_t)(b->sum[k] / b->count + 0.5) : 0;
  for (int r = b->low[0]; r < b->high[0]; r++)
    for (int g = b->low[1]; g < b->high[1]; g++)
      for (int l = b->low[2]; l < b->high[2]; l++) p->index[cell_at(r, g, l)] = (uint8_t)p->n;
  p->n++;
}

static void add_pixel(cell *cells, const uint8_t *rgb, double count) {
  cell *c = &cells[cell_at(rgb[0] >> 2, rgb[1] >> 2, rgb[2] >> 2)];
  c->count += count;
  for (int k = 0; k < 3; k++) c->sum[k] += count * rgb[k];
}

/* The grey, which is around images, counts as a thousandth of the pixels. */
static tr_status choose_colours(tr_ctx *ctx, int64_t count, int channels, const uint8_t *pixels, uint8_t grey,
                                tr_palette *p) {
  uint8_t rgb[3];
  cell *cells = calloc(CELLS, sizeof *cells);
  box *boxes = calloc(COLOURS, sizeof *boxes);
  p->index = malloc(CELLS);
  p->shift = 8 - CELL_BITS;
  if (cells && boxes && p->index) {
    for (int64_t i = 0; i < count; i++) add_pixel(cells, rgb_of(pixels + i * channels, channels, rgb), 1);
    add_pixel(cells, rgb_of(&grey, 1, rgb), (double)count / 1000 + 1);
    const int n = split_all(cells, boxes);
    for (int i = 0; i < n; i++) name_box(p, &boxes[i]);
  }
  const bool room = cells && boxes && p->index;
  free(cells);
  free(boxes);
  return room ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for a palette");
}

tr_status tr_palette_make(tr_ctx *ctx, int64_t count, int channels, const uint8_t *pixels, uint8_t grey,
                          tr_palette *out) {
  bool fits;
  *out = (tr_palette){0};
  TR_TRY(keep_colours(ctx, count, channels, pixels, grey, out, &fits));
  if (fits) return TR_OK;
  tr_palette_free(out);
  *out = (tr_palette){0};
  return choose_colours(ctx, count, channels, pixels, grey, out);
}
