/* Data sets in host memory or mapped into it: images of bytes, or numbers in a model's own space, with labels
 * where there are any.
 *
 *   FILE.npy  f16, f32 or f64 (N, C, H, W), or (N, dim), the model's own space
 *   FILE.npz  `images`, integers 0 to 255, (N, H, W) or (N, H, W, 3), or `latents`, as in a .npy, not both,
 * or else `arr_0`, which is one of them; with `labels` or `label` (beside `arr_0` also `arr_1`), (N) or (N,
 * 1), if there DIR       PNG and JPEG files, told by their content, in full depth: all of them in DIR itself,
 * without labels, or all in its sub-folders, which are the classes: of their number, where the name is one,
 * else of their place among the names of all sorted as text, as torchvision's ImageFolder counts; two with
 * one class are an error. Files come in ImageFolder's order: sub-folder by sub-folder, in it folder by
 * folder, then by name
 *
 * What is passed over is warned of in one line: arrays of an archive that are not read, files of a folder by
 * their kinds, a number that is another class than torchvision's. Names that begin with a dot are not looked
 * at.
 */
#ifndef TR_CORE_DATA_DATASET_H
#define TR_CORE_DATA_DATASET_H

#include <stddef.h>

#include "core/io/npz.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  tr_ctx *ctx;         /* borrowed: where errors are said */
  int64_t n, shape[3]; /* of one input: (C, H, W), or (dim) */
  int ndim;            /* of one input: 3, or 1 */
  uint8_t *pixels;     /* (N, C, H, W) levels, or NULL */
  tr_npy numbers;  /* (>= N, ...) f16, f32 or f64, where there are no pixels: as the file has them, mapped,
                      or of a packed one in memory up to 256 MiB (tr_dataset_values) */
  tr_npz *archive; /* that they lie in, or NULL */
  bool latents;    /* the numbers are latents by their name: of 1 or 3 channels, too, no pixels */
  double *labels;  /* (N) as the data says them, or NULL */
  char *path;      /* where the data was read */
  const char *labels_in; /* static: what there gave the labels, "'labels' of", or NULL */
  char **names;          /* (N) of files, or NULL: inputs have their numbers as names */
  char **trouble;        /* (N): why an input cannot be used, NULL where it can */
} tr_dataset;

/* The first `limit` inputs (0: all) for a model of states of this shape: ndim = 3, latents (C, H, W), or 1,
 * (dim), which images are not. With ndim = 0 (shape is not read, and may be NULL) the shape is that of the
 * data; a folder has none and is TR_E_ARG then. Files that fit nothing, wrong shapes,
 * no data at all: TR_E_IO, TR_E_SHAPE or TR_E_ARG naming path and value. A single input that cannot be used
 * (a broken file, one of another size, colours for a model of grey, a number that is not finite or, of
 * pixels, far outside [-1, 1]) is noted in `trouble`; when none can be used that is the error.
 * tr_dataset_close in any case. */
TR_API tr_status tr_dataset_open(tr_ctx *ctx, const char *path, int ndim, const int64_t *shape, int64_t limit,
                                 tr_dataset *out);
TR_API void tr_dataset_close(tr_dataset *data); /* frees and zeroes; a zeroed one is fine */

TR_API int64_t tr_dataset_row(const tr_dataset *data); /* numbers in one input */
/* "input 3" or the file's name in quotes, as it may be shown (core/text.h; at most 257 bytes), written into
 * text; returns text. */
TR_API const char *tr_dataset_name(const tr_dataset *data, int64_t i, char *text, size_t size);

/* out (n, ...) = inputs first .. first + n - 1 in the model's space: numbers as they are, levels u as
 * u / TR_BINS_PER_UNIT - 1 (core/io/image/image.h). TR_E_ARG for inputs that are not there. */
TR_API tr_status tr_dataset_values(const tr_dataset *data, int64_t first, int64_t n, double *out);

/* Notes why input i, 0 <= i < N (else nothing), cannot be used; the first reason stays. */
TR_API void tr_dataset_reject(tr_dataset *data, int64_t i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* TR_E_SHAPE, saying what the first has, when none of the first n inputs, 1 <= n <= N (else
 * TR_E_ARG), can be used. */
TR_API tr_status tr_dataset_check(const tr_dataset *data, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
