/* What sampling leaves in host memory, and the files made of it. */
#ifndef TR_EXPERIMENTS_OUTPUT_SAMPLE_RESULT_H
#define TR_EXPERIMENTS_OUTPUT_SAMPLE_RESULT_H

#include "core/array.h"
#include "core/comm/comm.h"
#include "experiments/output/out_dir.h"

typedef struct {
  tr_dtype dtype;
  int ndim;
  int64_t shape[TR_MAX_DIMS]; /* (N, C, H, W), or (N, dim) */
  void *latents;
  int64_t height, width;  /* of the pictures of the samples; 0: there are none */
  uint8_t *pixels;        /* (N, height, width, 3) */
  int32_t *labels;        /* (N), or NULL: the model has no classes */
  char *drawn_with;       /* experiments/input/drawn_with.h, owned */
  double *logp, *logp_se; /* (N), with_logp; else NULL */
  bool with_logp;
  int n_times;   /* times asked for */
  int n_reached; /* of these, reached by every batch */
  double *times;
  void *trajectory; /* (n_times, N, ...) */
} sample_result;

/* Memory for everything but labels and times, which the caller sets before, as the size of pictures; freed by
 * sample_result_free. */
tr_status sample_result_allocate(tr_ctx *ctx, sample_result *result);
void sample_result_free(sample_result *result);

/* Copies a batch (n, ...) whose first sample is number `first` into the latents, or into the trajectory
 * at time number `index`. */
tr_status sample_result_put(sample_result *result, int64_t first, const tr_array *batch);
tr_status sample_result_put_time(sample_result *result, int index, int64_t first, const tr_array *batch);

/* Where the levels of the picture of a sample are, and those of the samples behind it: the caller fills them.
 * NULL: the samples have no pictures. */
uint8_t *sample_result_picture(const sample_result *result, int64_t number);

/* What the samples first .. first + n - 1 left, become on every rank what they are on `rank`. */
tr_status sample_result_share(sample_result *result, tr_comm *comm, int rank, int64_t first, int64_t n);

#define SAMPLE_RESULT_PICTURES 400 /* at most, in samples.png */
/* Stages samples.npz and, of pictures, samples.png (otherwise an old one is marked to go). */
tr_status sample_result_save(tr_ctx *ctx, const sample_result *result, out_dir *dir);
/* One of the two as a file of its own, whole or not at all: the second is for samples with pictures. */
tr_status sample_result_write_npz(tr_ctx *ctx, const sample_result *result, const char *path);
tr_status sample_result_write_png(tr_ctx *ctx, const sample_result *result, const char *path);

#endif
