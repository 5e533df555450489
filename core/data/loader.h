/* The rows of training steps, decoded ahead of the step that takes them, on threads of their own.
 *
 * Data are those of core/data/dataset.h, with two differences: the pictures of a folder are not held in
 * memory but read when a step needs them, and may have any size: each becomes RGB (tr_image_read_rgb; the
 * camera's orientation is ignored) and is cropped as SiT's code does (tr_image_centre_crop). Opening a folder
 * lists it and opens no picture.
 *
 * Step s has the global batch of places s B to s B + B - 1 of the order of its epoch (core/data/order.h),
 * B = batch; an epoch has floor(n / B) steps, the rest is left out. Rows are the same, bit for bit, for any
 * number of workers, any share of the batch, any order in which steps are asked for, and after a resume.
 *
 * What cannot be used: pictures that cannot be read or that are so narrow that they would have more than
 * TR_IMAGE_MOST pixels before the crop, and numbers as in core/data/dataset.h. Inputs of arrays are known
 * when these are opened, warned of and left out of the order. A picture is known when it is read. The row
 * that should take it takes a drawn input instead (tr_draw_substitute), or the first usable one after that
 * (after the last comes the first), with its class: again a function of seed, step and row alone. Each such
 * picture is warned of once, by the call that hands out the first row that it is missing from. `strict` makes
 * both errors. */
#ifndef TR_CORE_DATA_LOADER_H
#define TR_CORE_DATA_LOADER_H

#include "core/array.h"
#include "core/io/sha256.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_loader tr_loader;

typedef struct {
  int64_t image_size; /* height and width that pictures of a folder are cropped to, 1 to 65536; 0: that of the
                         data, which has to be the same where both are there */
  uint64_t seed;      /* of order, flips and substitutes */
  int64_t batch;      /* rows of a step, those of all ranks together */
  int64_t first, rows; /* of them this loader gives first .. first + rows - 1 */
  tr_dtype dtype;      /* of the rows: f32 or f64 */
  bool flip;           /* mirror rows with probability 1/2; not for vectors */
  bool strict;         /* an input that cannot be used is an error */
  bool in_order;       /* each epoch has the inputs in the order of the data, not in one that is drawn */
  int workers;  /* threads that make rows, 0 to 1024; 0: the caller's, when it asks for a step; -1: as many
                   as the context has, at most 4, and 0 for data in memory */
  int ahead;    /* steps that they make beforehand, 0 to 65536; -1: two, or as many as have 32 rows */
  int64_t keep; /* so many bytes of cropped pictures at most stay in memory: all of a folder or none */
} tr_loader_options;

typedef struct {
  int64_t n;        /* usable inputs of arrays, pictures of a folder */
  int64_t left_out; /* inputs of arrays that cannot be used */
  int ndim;         /* of one input: 3, or 1 */
  int64_t shape[3]; /* (C, H, W), C = 3 of a folder, or (dim) */
  int64_t classes;  /* the largest label and one more; 0: there are no labels */
  int64_t steps;    /* of an epoch */
  bool in_memory;   /* nothing is read later */
} tr_loader_info;

/* The rows of a step, owned by the loader and valid until its next call. */
typedef struct {
  const void *x; /* (rows, ...) of the loader's dtype: levels u as u / TR_BINS_PER_UNIT - 1, numbers as
                    they are, mirrored where drawn */
  const int32_t *labels; /* (rows), or NULL */
} tr_loader_rows;

/* Opens data. Options out of range, a folder without a size, other sizes than those asked for, and labels
 * that are no whole numbers from 0 to TR_LOADER_CLASSES - 1: TR_E_ARG. Files that cannot be read, a folder
 * that core/data/dataset.h refuses, or that has a sub-folder without pictures beside others with them (as
 * torchvision refuses it): TR_E_IO. Close with tr_loader_close. */
#define TR_LOADER_CLASSES (1 << 20)
TR_API tr_status tr_loader_open(tr_ctx *ctx, const char *path, const tr_loader_options *options,
                                tr_loader **out);
/* Ends the workers, each after the picture at hand, and sets *loader to NULL, which is fine. */
TR_API void tr_loader_close(tr_loader **loader);

TR_API tr_loader_info tr_loader_about(const tr_loader *loader); /* of NULL: zeros */

/* The rows of a step, 0 <= step < 2^32 (else TR_E_ARG), and sets the workers on those that follow it. Asking
 * for steps one after the other costs least. TR_E_INTERRUPTED within a moment of tr_ctx_set_interrupt's flag;
 * TR_E_ARG for data with fewer inputs than a batch; TR_E_IO when no input can be used, or one cannot and
 * `strict` is set; TR_E_MEM. */
TR_API tr_status tr_loader_step(tr_loader *loader, int64_t step, tr_loader_rows *out);

/* Seconds that calls of tr_loader_step have taken so far: what the training waited for its data. */
TR_API double tr_loader_waited(const tr_loader *loader);

/* Pictures that rows were refused for so far, each counted once; and what is wrong with the i-th, 0 <= i <
 * that number (else NULL), in the order in which rows met them. */
TR_API int64_t tr_loader_skipped(const tr_loader *loader);
TR_API const char *tr_loader_skipped_why(const tr_loader *loader, int64_t i);

/* SHA-256 that tells data apart. Of arrays: of their numbers and labels. Of a folder: of the list of its
 * pictures, "CLASS SIZE NAME" each, with sizes in bytes and names from the folder; their content is not read.
 */
TR_API tr_status tr_loader_digest(const tr_loader *loader, char hex[TR_SHA256_TEXT]);

#ifdef __cplusplus
}
#endif

#endif
