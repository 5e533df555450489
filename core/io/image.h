/* An image read from a file. */
#ifndef TR_CORE_IO_IMAGE_H
#define TR_CORE_IO_IMAGE_H

#include <stdint.h>

typedef struct {
  int64_t height, width;
  int channels;    /* 1 grey, 3 RGB */
  uint8_t *pixels; /* (height, width, channels); the caller frees */
} tr_image;

#endif
