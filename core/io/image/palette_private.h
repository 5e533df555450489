/* At most 256 colours for many images. Not for users of the library. */
#ifndef TR_CORE_IO_IMAGE_PALETTE_PRIVATE_H
#define TR_CORE_IO_IMAGE_PALETTE_PRIVATE_H

#include <stdint.h>

#include "core/context.h"

typedef struct {
  int n;                  /* colours, 1 .. 256 */
  uint8_t colour[256][3]; /* RGB */
  int shift;              /* bits of each level that do not tell colours apart: 0, they all do */
  uint8_t *index;         /* of a colour, by what is left of r, g, b */
} tr_palette;

/* Of `count` pixels (count, channels), channels 1 or 3, and one grey of its own. The colours as they are
 * where there are no more than 256. tr_palette_free in any case. */
tr_status tr_palette_make(tr_ctx *ctx, int64_t count, int channels, const uint8_t *pixels, uint8_t grey,
                          tr_palette *out);
void tr_palette_free(tr_palette *palette);
/* The number of the colour of a pixel that it was made of. */
static inline uint8_t tr_palette_find(const tr_palette *p, int channels, const uint8_t *pixel) {
  const int bits = 8 - p->shift;
  const unsigned r = pixel[0] >> p->shift, g = pixel[channels == 3 ? 1 : 0] >> p->shift,
                 b = pixel[channels == 3 ? 2 : 0] >> p->shift;
  return p->index[(r << 2 * bits) | (g << bits) | b];
}

#endif
