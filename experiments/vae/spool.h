/* Bytes on the disk that wait for their place in a file: no name leads to them, and they go with the process,
 * however it ends. */
#ifndef TR_EXPERIMENTS_VAE_SPOOL_H
#define TR_EXPERIMENTS_VAE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/context.h"

typedef struct {
  tr_ctx *ctx;
  const char *beside; /* borrowed */
  int fd;             /* of an open one */
  bool open;
} spool;

/* In the folder of `beside`, a path that is named in errors, TR_E_IO. spool_close in any case. */
tr_status spool_open(tr_ctx *ctx, const char *beside, spool *out);
tr_status spool_write(spool *s, int64_t at, const void *bytes, size_t size);
tr_status spool_read(const spool *s, int64_t at, void *bytes, size_t size);
void spool_close(spool *s);

#endif
