/* Convolutions on the processor. A picture's result is cut into blocks of pixels; a block needs a patch of
 * the input, which lies in working memory with the prologue applied and the pixels added around it, or in the
 * input itself where nothing has to be done to it. What a block multiplies is decided by its method: sums
 * over the kernel's places (direct.c), or over the elements of transformed tiles (winograd.c). */
#ifndef TR_CORE_CPU_NN_PICTURES_CONV_PRIVATE_H
#define TR_CORE_CPU_NN_PICTURES_CONV_PRIVATE_H

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

/* A kernel of one place that touches every pixel once sees a picture as one row of pixels: height, width and
 * the window are then of that. */
typedef struct {
  const tr_nn_conv2d_args *args;
  const tr_cpu_kernels *loops;
  const char *weight; /* panels of (out), for each place of the kernel all channels (core/cpu/nn/weight.c) */
  int64_t size;       /* bytes of an element */
  int64_t samples, in_height, in_width, channels, out;
  int64_t height, width;          /* of the result */
  int64_t block_rows, block_cols; /* of a whole block, in pixels of the result */
  int64_t down, across;           /* blocks of a sample */
  int64_t panel, panels;          /* outputs of a panel of the weight; panels */
} tr_cpu_conv;

/* Pixels of the result of one sample. */
typedef struct {
  int64_t n, i, j, rows, cols;
} tr_cpu_block;

tr_status tr_cpu_conv_of(tr_ctx *ctx, const tr_nn_conv2d_args *args, tr_cpu_conv *conv);

/* Blocks of at most `pixels` pixels and with patches of at most `bytes`, as far as they can be cut, and so
 * small that there are `tasks` where that does not make them smaller than `least` pixels. Their rows and
 * columns are multiples of `step` (rows, columns), the columns `cols` at most. */
typedef struct {
  int64_t pixels, bytes, tasks, least, step[2], cols;
} tr_cpu_block_limits;
void tr_cpu_conv_cut(tr_cpu_conv *conv, const tr_cpu_block_limits *limits);
tr_cpu_block tr_cpu_conv_block(const tr_cpu_conv *conv, int64_t number);
static inline int64_t tr_cpu_conv_blocks(const tr_cpu_conv *conv) {
  return conv->samples * conv->down * conv->across;
}

/* Rows or columns (axis) of the patch of so many of the result. */
static inline int64_t tr_cpu_patch_extent(const tr_cpu_conv *conv, int axis, int64_t extent) {
  const tr_nn_window *w = &conv->args->window;
  return (extent - 1) * w->stride + w->size[axis];
}

static inline int64_t tr_cpu_patch_bytes(const tr_cpu_conv *conv, int64_t rows, int64_t cols) {
  return tr_cpu_patch_extent(conv, 0, rows) * tr_cpu_patch_extent(conv, 1, cols) * conv->channels *
         conv->size;
}

/* The patch of rows x cols pixels of x' that begins at (i, j) of it, in `room`. */
void tr_cpu_patch_fill(const tr_cpu_conv *conv, int64_t n, int64_t i, int64_t j, int64_t rows, int64_t cols,
                       char *room);

/* What follows the products of `cols` pixels of the result from (n, i, j) on, of the outputs from `first` on:
 * product (cols, stride). */
void tr_cpu_conv_finish(const tr_cpu_conv *conv, int64_t n, int64_t i, int64_t j, int64_t cols, int64_t first,
                        int64_t width, const char *product, int64_t stride);

static inline int64_t tr_cpu_conv_width(const tr_cpu_conv *conv, int64_t panel) {
  return tr_cpu_smaller(conv->panel, conv->out - panel * conv->panel);
}

#define TR_CPU_CONV_CHUNK 2048 /* bytes of a pixel's channels that are summed at a time */

tr_status tr_cpu_conv_direct(tr_ctx *ctx, tr_cpu_conv *conv);

/* The transforms of a convolution that goes by tiles, or NULL: decided by one sample and the kernel alone. */
const tr_cpu_tiles *tr_cpu_conv_tiles(const tr_cpu_conv *conv);
tr_status tr_cpu_conv_by_tiles(tr_ctx *ctx, tr_cpu_conv *conv, const tr_cpu_tiles *transforms);

#endif
