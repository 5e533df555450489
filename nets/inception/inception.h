/* The Inception network of 2015 whose features FID, sFID and the Inception score are defined by, as its
 * PyTorch port has it (pt_inception-2015-12-05: 94 convolutions, each with a norm and a ReLU). Widths,
 * features and classes are those of the tensors; names, kernels, strides and padding are built in
 * (nets/inception/graph.c). Its norms are folded into the weights in double before these are rounded.
 *
 * From torchvision's Inception v3 it differs in the means, which leave padding out of the count, and in
 * Mixed_7c, which pools by the maximum; that file is refused. Not a field: it has features, no samples. */
#ifndef TR_NETS_INCEPTION_INCEPTION_H
#define TR_NETS_INCEPTION_INCEPTION_H

#include "nets/net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a picture of levels u, 0 to 255, becomes the 299 x 299 numbers in [-1, 1] that the network takes. */
typedef enum {
  TR_INCEPTION_TF,   /* as in the evaluator of ADM: TensorFlow 1's bilinear, then (u - 128) / 128 */
  TR_INCEPTION_TORCH /* as in pytorch-fid: bilinear between centres without antialiasing, then 2 u / 255 - 1
                      */
} tr_inception_preprocess;

typedef struct {
  int64_t features; /* 2048 in the published file: what FID compares */
  int64_t spatial;  /* 17 17 7: the first 7 channels of Mixed_6d.branch1x1, what sFID compares */
  int64_t classes;  /* 1008 */
} tr_inception_sizes;

/* A network from the file `path`, in any format of checkpoints (nets/checkpoint/checkpoint.h). What is no
 * such network is TR_E_SHAPE or TR_E_UNSUPPORTED, in one line that says what it seems to be; damaged files
 * are TR_E_IO. Modules must be registered (tr_register_all). options: as for tr_net_create, never trained.
 * The caller destroys it. */
TR_API tr_status tr_inception_open(tr_ctx *ctx, const char *path, const tr_net_options *options,
                                   tr_net **out);
/* TR_E_ARG for a network of another kind. */
TR_API tr_status tr_inception_sizes_of(const tr_net *net, tr_inception_sizes *out);

/* What is asked of n pictures of one size; results are of the network's type, assigned, NULL: not wanted.
 * A picture's results do not depend on those beside it, bit for bit where the backend has
 * TR_BACKEND_ROWS_INDEPENDENT. The memory is that of a few pictures, whatever n. */
typedef struct {
  int64_t n, height, width;
  const uint8_t *levels; /* (n, height, width, 3), RGB, in host memory; or NULL, and then */
  const tr_array *x;     /* (n, height, width, 3), levels from 0 to 255, of the network's type */
  tr_inception_preprocess preprocess;
  tr_array *pool;    /* (n, features) */
  tr_array *spatial; /* (n, spatial), in the order (row, column, channel) */
  tr_array *logits;  /* (n, classes) */
  /* (n, classes): without the bias of the last layer, as the Inception score has it */
  tr_array *logits_nobias;
  /* OPTIONAL: looks at what is behind a block of the network, "Mixed_5b": pictures first .. first + k - 1,
   * (k, H, W, C). */
  tr_status (*behind)(void *user, const char *block, int64_t first, const tr_array *x);
  void *user;
} tr_inception_args;
/* TR_E_ARG for a network of another kind, for levels and x both or neither, and for sizes out of 1 ..
 * 1048576; TR_E_SHAPE for arrays of another shape or type; TR_E_INTERRUPTED between pictures, of
 * tr_ctx_set_interrupt's flag: then results are of no use. */
TR_API tr_status tr_inception_eval(tr_net *net, const tr_inception_args *args);

#ifdef __cplusplus
}
#endif

#endif
