/* Data that a user brings: images of bytes or numbers in a model's own space, with labels where there are
 * any.
 *
 *   FILE.npy  float (N, C, H, W), the model's own space
 *   FILE.npz  `images`, integers 0 to 255, (N, H, W) or (N, H, W, 3), or `latents`, float (N, C, H, W), not
 *             both; `labels` (N) if there
 *   DIR       .png and .jpg (.jpeg) files sorted by name: all of them in DIR, without labels, or all in its
 *             sub-folders, whose number (the name, where it is one) or place among the sub-folders is the
 *             class; two with one class are an error, and what lies deeper is not looked at
 */
#ifndef TR_EXPERIMENTS_INPUT_DATASET_H
#define TR_EXPERIMENTS_INPUT_DATASET_H

#include "core/options.h"
#include "nets/sit/sit.h"

typedef struct {
  int64_t n, shape[3];   /* (C, H, W) of one input */
  uint8_t *pixels;       /* (N, C, H, W) levels, or NULL */
  double *values;        /* (N, C, H, W) where there are no pixels */
  double *labels;        /* (N) as the data says them, or NULL */
  const char *path;      /* borrowed: where the data was read */
  const char *labels_in; /* static: what there gave the labels, "'labels' of", or NULL */
  char **names;          /* (N) of files, or NULL: inputs have their numbers as names */
  char **trouble;        /* (N): why an input cannot be used, NULL where it can */
} dataset;

/* The first `limit` inputs (0: all) for a model of latents (C, H, W). Files that fit nothing, wrong shapes,
 * no data at all: TR_E_IO, TR_E_SHAPE or TR_E_ARG naming path and value. A single input that cannot be used
 * (a broken file, one of another size, colours for a model of grey, a number that is not finite or out of
 * range) is noted in `trouble`; when none can be used that is the error. dataset_close in any case. */
tr_status dataset_open(tr_ctx *ctx, const char *path, const int64_t shape[3], int64_t limit, dataset *out);
void dataset_close(dataset *data);

int64_t dataset_row(const dataset *data); /* C H W */
/* "input 3" or the file's name, written into text; returns text. */
const char *dataset_name(const dataset *data, int64_t i, char *text, size_t size);

/* out (n, C, H, W) = inputs first .. first + n - 1 in the model's space: numbers as they are, levels u as
 * u / 127.5 - 1. */
void dataset_values(const dataset *data, int64_t first, int64_t n, double *out);
/* Labels of the first n inputs: those given (one for all, or one each), else those of the data, else
 * *otherwise for all (NULL: every class in turn). A class that the model lacks is noted in `trouble` of its
 * input, whose label becomes -1; given or taken for all it is TR_E_ARG, as is another number of entries. When
 * no input can be used that is the error. *out is malloc'd. */
tr_status dataset_class_labels(tr_ctx *ctx, const tr_sit_config *config, const tr_int_list *given,
                               dataset *data, int64_t n, const long *otherwise, int32_t **out);

/* ---- for dataset_folder.c ---- */

tr_status dataset_open_folder(tr_ctx *ctx, const char *path, int64_t limit, dataset *out);
tr_status dataset_allocate(tr_ctx *ctx, dataset *data, bool pixels, bool labels);
/* Notes why input i cannot be used; the first reason stays. */
void dataset_reject(dataset *data, int64_t i, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
