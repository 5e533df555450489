#include "experiments/output/npz_put.h"

tr_status npz_put(tr_ctx *ctx, tr_npz_out *npz, const char *name, tr_dtype type, int ndim,
                  const int64_t *shape, const void *data) {
  tr_npy npy;
  TR_TRY(tr_npy_wrap(ctx, type, ndim, shape, data, &npy));
  return tr_npz_add(npz, name, &npy);
}
