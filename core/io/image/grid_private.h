/* Images in rows and columns as one picture, made a row of pixels at a time, so that it is never held. Not
 * for users of the library. */
#ifndef TR_CORE_IO_IMAGE_GRID_PRIVATE_H
#define TR_CORE_IO_IMAGE_GRID_PRIVATE_H

#include "core/io/image/png.h"

#define TR_GRID_BORDER      2  /* pixels between tiles and around them */
#define TR_GRID_BORDER_GREY 96 /* neither the black nor the white of the images */

typedef struct {
  const uint8_t *images;                              /* (n, tile_height, tile_width, channels): borrowed */
  int64_t n, columns, scale, tile_height, tile_width; /* tiles before scaling */
  int64_t height, width;                              /* of the picture */
  int channels;
} tr_image_grid;

/* Lays n images (n, height, width, channels) out as tr_png_grid says; its errors for sizes that no grid has.
 */
tr_status tr_image_grid_plan(tr_ctx *ctx, const tr_png_layout *layout, int64_t n, int64_t height,
                             int64_t width, int channels, const uint8_t *images, tr_image_grid *out);
/* Row y of the picture into out (width, channels). */
void tr_image_grid_row(const tr_image_grid *grid, int64_t y, uint8_t *out);

#endif
