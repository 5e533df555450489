/* What the writers of .npy and .npz share. */
#ifndef TR_CORE_IO_NPY_PRIVATE_H
#define TR_CORE_IO_NPY_PRIVATE_H

#include "core/io/npy.h"

/* TR_OK for a description that can be written; TR_E_ARG when its shape has another number of elements than it
 * says, as that of a zeroed struct. */
tr_status tr_npy_check(tr_ctx *ctx, const tr_npy *npy);

#endif
