#include <string.h>

#include "core/io/image/grid_private.h"

#define TILE_FROM  64 /* the default scale makes tiles at least this large */
#define PICTURE_TO 4096

/* Row `y` of one tile, each pixel repeated. */
static void tile_row(const tr_image_grid *g, int64_t tile, int64_t y, uint8_t *out) {
  const uint8_t *from = g->images + (size_t)((tile * g->tile_height + y) * g->tile_width * g->channels);
  for (int64_t x = 0; x < g->tile_width * g->scale; x++)
    memcpy(out + x * g->channels, from + x / g->scale * g->channels, (size_t)g->channels);
}

void tr_image_grid_row(const tr_image_grid *g, int64_t y, uint8_t *out) {
  int64_t pitch_y = g->tile_height * g->scale + TR_GRID_BORDER,
          pitch_x = g->tile_width * g->scale + TR_GRID_BORDER;
  int64_t inside = y % pitch_y - TR_GRID_BORDER, first = y / pitch_y * g->columns;
  memset(out, TR_GRID_BORDER_GREY, (size_t)(g->width * g->channels));
  for (int64_t c = 0; inside >= 0 && c < g->columns && first + c < g->n; c++)
    tile_row(g, first + c, inside / g->scale, out + (c * pitch_x + TR_GRID_BORDER) * g->channels);
}

static int64_t square_side(int64_t n) {
  int64_t side = 1;
  while (side * side < n) side++;
  return side;
}

/* Tiles of at least TILE_FROM pixels, but smaller ones rather than a picture wider than PICTURE_TO. */
static int64_t default_scale(const tr_image_grid *g) {
  int64_t side = g->tile_height < g->tile_width ? g->tile_height : g->tile_width;
  int64_t wanted = (TILE_FROM + side - 1) / side;
  int64_t fitting = (PICTURE_TO / g->columns - TR_GRID_BORDER) / g->tile_width;
  return wanted <= fitting ? wanted : fitting > 1 ? fitting : 1;
}

static tr_status check_grid(tr_ctx *ctx, const tr_image_grid *g) {
  if (g->n < 1 || g->n > INT32_MAX) return TR_FAIL(ctx, TR_E_ARG, "a grid of %lld images", (long long)g->n);
  if (g->tile_height < 1 || g->tile_width < 1 || g->tile_height > TR_PNG_MAX_SIDE ||
      g->tile_width > TR_PNG_MAX_SIDE)
    return TR_FAIL(ctx, TR_E_SHAPE, "images of %lld x %lld pixels: each side must be 1 to %d",
                   (long long)g->tile_height, (long long)g->tile_width, TR_PNG_MAX_SIDE);
  if (g->columns < 0 || g->scale < 0 || g->columns > TR_PNG_MAX_SIDE || g->scale > TR_PNG_MAX_SIDE)
    return TR_FAIL(ctx, TR_E_ARG, "a grid of %lld columns at scale %lld: both must be 0 to %d",
                   (long long)g->columns, (long long)g->scale, TR_PNG_MAX_SIDE);
  return TR_OK;
}

tr_status tr_image_grid_plan(tr_ctx *ctx, const tr_png_layout *layout, int64_t n, int64_t height,
                             int64_t width, int channels, const uint8_t *images, tr_image_grid *out) {
  tr_image_grid g = {
      .images = images, .n = n, .tile_height = height, .tile_width = width, .channels = channels};
  if (layout) g.columns = layout->columns, g.scale = layout->scale;
  TR_TRY(check_grid(ctx, &g));
  if (g.columns == 0) g.columns = square_side(n);
  if (g.columns > n) g.columns = n;
  if (g.scale == 0) g.scale = default_scale(&g);
  g.height = (n + g.columns - 1) / g.columns * (height * g.scale + TR_GRID_BORDER) + TR_GRID_BORDER;
  g.width = g.columns * (width * g.scale + TR_GRID_BORDER) + TR_GRID_BORDER;
  *out = g;
  return TR_OK;
}
