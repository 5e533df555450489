/* Named tensors in host memory: what a checkpoint holds and what a network is built from. */
#ifndef TR_NETS_CHECKPOINT_TENSORS_H
#define TR_NETS_CHECKPOINT_TENSORS_H

#include <stdbool.h>

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name; /* borrowed from the checkpoint */
  tr_dtype dtype;
  const char *foreign; /* static: an element type that cannot be read ("F8_E4M3"), and then data is NULL;
                          NULL: elements are of `dtype` */
  int ndim;            /* 0 (scalar) .. TR_MAX_DIMS */
  int64_t shape[TR_MAX_DIMS];
  int64_t stride[TR_MAX_DIMS]; /* in elements, as stored (PyTorch keeps strides); all offsets checked on
                                  reading */
  int64_t count;
  const void *data; /* first element, little-endian, possibly unaligned: borrowed from the mapped file */
} tr_tensor;

typedef struct {
  int n;
  const tr_tensor *items;
  const tr_tensor *const
      *by_name; /* the same in the order of strcmp, for tr_tensors_find; NULL: it looks at all */
} tr_tensors;

/* Contiguous doubles of the caller as a tensor: name and data are borrowed; 0 <= ndim <= TR_MAX_DIMS, else
 * the result is zeros. */
TR_API tr_tensor tr_tensor_of_f64(const char *name, int ndim, const int64_t *shape, const double *data);
/* By name; NULL if absent. */
TR_API const tr_tensor *tr_tensors_find(const tr_tensors *tensors, const char *name);
/* Copies a tensor of a floating type into contiguous host memory as f32 or f64, converting. Any NaN or
 * infinity is TR_E_NONFINITE naming the tensor and the element. out holds tensor->count elements. */
TR_API tr_status tr_tensor_to_f32(tr_ctx *ctx, const tr_tensor *tensor, float *out);
TR_API tr_status tr_tensor_to_f64(tr_ctx *ctx, const tr_tensor *tensor, double *out);

#ifdef __cplusplus
}
#endif

#endif
