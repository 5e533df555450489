/* The readers of data sets, a file each. Not for users of the library. */
#ifndef TR_CORE_DATA_DATASET_PRIVATE_H
#define TR_CORE_DATA_DATASET_PRIVATE_H

#include "core/data/dataset.h"

/* tr_dataset_open of data of any shape whose numbers are latents: of one or three channels they are no
 * pixels, none is out of range. */
tr_status tr_dataset_open_latents(tr_ctx *ctx, const char *path, int64_t limit, tr_dataset *out);

/* TR_E_SHAPE for a model whose states are no images. */
tr_status tr_dataset_takes_images(const tr_dataset *out);

/* Each fills a data set whose ctx and path are set, and whose shape is that of the model; what was read may
 * have another one. On failure the caller closes it. */
tr_status tr_dataset_open_folder(tr_dataset *out, int64_t limit);
tr_status tr_dataset_open_archive(tr_dataset *out, int64_t limit); /* .npz */
tr_status tr_dataset_open_array(tr_dataset *out, int64_t limit);   /* .npy */

/* Room for out->n inputs of out->shape: their troubles; pixels and labels where wanted. */
tr_status tr_dataset_allocate(tr_dataset *out, bool pixels, bool labels);

#endif
