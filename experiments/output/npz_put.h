/* Adding host memory to an .npz in one call. */
#ifndef TR_EXPERIMENTS_OUTPUT_NPZ_PUT_H
#define TR_EXPERIMENTS_OUTPUT_NPZ_PUT_H

#include "core/io/npz.h"

tr_status npz_put(tr_ctx *ctx, tr_npz_out *npz, const char *name, tr_dtype type, int ndim,
                  const int64_t *shape, const void *data);

#endif
