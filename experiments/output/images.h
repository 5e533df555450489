/* A folder of numbered pictures: 000000.png and so on. */
#ifndef TR_EXPERIMENTS_OUTPUT_IMAGES_H
#define TR_EXPERIMENTS_OUTPUT_IMAGES_H

#include <stdint.h>

#include "core/context.h"

/* The pictures (n, height, width, 3) with the numbers from `first` on, each as a file: whole, and on the disk
 * when the system has written it (images_sync). */
tr_status images_write(tr_ctx *ctx, const char *folder, int64_t first, int64_t n, int64_t height,
                       int64_t width, const uint8_t *levels);
/* Whether all are there and have their ends. */
bool images_are_there(const char *folder, int64_t first, int64_t n);
/* Waits until the disk has what this machine has written into the folder. */
void images_sync(const char *folder);

#endif
