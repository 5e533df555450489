/* Convolutions: which method, their blocks, the patches of the input, and what follows the products. */
#include <string.h>

#include "core/cpu/nn/pictures/conv_private.h"

static bool touches_each_pixel_once(const tr_nn_conv2d_args *a) {
  const tr_nn_window *w = &a->window;
  return w->size[0] == 1 && w->size[1] == 1 && w->stride == 1 && !a->doubled;
}

tr_status tr_cpu_conv_of(tr_ctx *ctx, const tr_nn_conv2d_args *args, tr_cpu_conv *conv) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const int64_t *in = args->x->shape, *out = args->y->shape;
  const bool flat = touches_each_pixel_once(args);
  const int64_t size = (int64_t)tr_dtype_size(args->y->dtype), panel = tr_cpu_panel(state->level, size);
  *conv = (tr_cpu_conv){.args = args,
                        .loops = tr_cpu_kernels_of(ctx, args->y->dtype),
                        .size = size,
                        .samples = in[0],
                        .in_height = flat ? 1 : in[1],
                        .in_width = flat ? in[1] * in[2] : in[2],
                        .channels = in[3],
                        .out = args->w->spec.out,
                        .height = flat ? 1 : out[1],
                        .width = flat ? out[1] * out[2] : out[2],
                        .panel = panel,
                        .panels = tr_cpu_ceil_div(args->w->spec.out, panel)};
  return tr_cpu_weight_panels(ctx, args->w, false, &conv->weight);
}

/* ---- blocks ---- */

static int64_t up_to(int64_t value, int64_t step) {
  return tr_cpu_ceil_div(value, step) * step;
}

/* Whether blocks are to be smaller still. */
static bool too_large(const tr_cpu_conv *conv, const tr_cpu_block_limits *limits) {
  const int64_t pixels = conv->block_rows * conv->block_cols;
  return pixels > limits->pixels ||
         tr_cpu_patch_bytes(conv, conv->block_rows, conv->block_cols) > limits->bytes ||
         (pixels > limits->least && tr_cpu_conv_blocks(conv) < limits->tasks);
}

/* The extent of a block when there is one more of them. */
static int64_t smaller_extent(int64_t whole, int64_t blocks, int64_t extent, int64_t step) {
  const int64_t even = up_to(tr_cpu_ceil_div(whole, blocks + 1), step);
  return even < extent ? even : extent - step;
}

static void set_extents(tr_cpu_conv *conv, int64_t rows, int64_t cols) {
  conv->block_rows = rows, conv->block_cols = cols;
  conv->down = tr_cpu_ceil_div(conv->height, rows);
  conv->across = tr_cpu_ceil_div(conv->width, cols);
}

/* Rows are cut before columns: long rows make long products. */
void tr_cpu_conv_cut(tr_cpu_conv *conv, const tr_cpu_block_limits *limits) {
  const int64_t down = limits->step[0], across = limits->step[1];
  set_extents(conv, up_to(conv->height, down), up_to(conv->width, across));
  if (conv->block_cols > limits->cols)
    set_extents(conv, conv->block_rows,
                up_to(tr_cpu_ceil_div(conv->width, tr_cpu_ceil_div(conv->width, limits->cols)), across));
  while (conv->block_rows > down && too_large(conv, limits))
    set_extents(conv, smaller_extent(conv->height, conv->down, conv->block_rows, down), conv->block_cols);
  while (conv->block_cols > across && too_large(conv, limits))
    set_extents(conv, conv->block_rows, smaller_extent(conv->width, conv->across, conv->block_cols, across));
}

tr_cpu_block tr_cpu_conv_block(const tr_cpu_conv *conv, int64_t number) {
  tr_cpu_block b = {.n = number / conv->across / conv->down,
                    .i = number / conv->across % conv->down * conv->block_rows,
                    .j = number % conv->across * conv->block_cols};
  b.rows = tr_cpu_smaller(conv->block_rows, conv->height - b.i);
  b.cols = tr_cpu_smaller(conv->block_cols, conv->width - b.j);
  return b;
}

/* ---- patches ---- */

/* `cols` pixels of x' of row i of sample n of x, from column j on. */
static void prologue(const tr_cpu_conv *conv, int64_t n, int64_t i, int64_t j, int64_t cols, char *to) {
  const tr_nn_conv2d_args *a = conv->args;
  const int64_t row = conv->channels * conv->size;
  const char *from = (const char *)a->x->data + ((n * conv->in_height + i) * conv->in_width + j) * row;
  if (!a->affine) {
    memcpy(to, from, (size_t)(cols * row));
    return;
  }
  const char *scale = (const char *)a->affine->data + 2 * n * row;
  conv->loops->pictures->affine(a->pre, cols, conv->channels, scale, scale + row, from, to);
}

/* The same from column j of the doubled row on: each pixel is made at the last place it stands in, then
 * copied. */
static void doubled_prologue(const tr_cpu_conv *conv, int64_t n, int64_t i, int64_t j, int64_t cols,
                             char *to) {
  const int64_t row = conv->channels * conv->size;
  for (int64_t at = 0; at < cols;) {
    const int64_t copies = tr_cpu_smaller(2 - (j + at) % 2, cols - at);
    prologue(conv, n, i, (j + at) / 2, 1, to + at * row);
    if (copies == 2) memcpy(to + (at + 1) * row, to + at * row, (size_t)row);
    at += copies;
  }
}

/* Row i of x' from column j on; both may be outside. */
static void fill_row(const tr_cpu_conv *conv, int64_t n, int64_t i, int64_t j, int64_t cols, char *to) {
  const int64_t times = conv->args->doubled ? 2 : 1, width = times * conv->in_width;
  const int64_t row = conv->channels * conv->size, left = j < 0 ? tr_cpu_smaller(-j, cols) : 0;
  if (i < 0 || i >= times * conv->in_height) {
    memset(to, 0, (size_t)(cols * row));
    return;
  }
  int64_t inside = tr_cpu_smaller(cols - left, width - (j + left));
  if (inside < 0) inside = 0;
  memset(to, 0, (size_t)(left * row));
  (times == 2 ? doubled_prologue : prologue)(conv, n, i / times, j + left, inside, to + left * row);
  memset(to + (left + inside) * row, 0, (size_t)((cols - left - inside) * row));
}

void tr_cpu_patch_fill(const tr_cpu_conv *conv, int64_t n, int64_t i, int64_t j, int64_t rows, int64_t cols,
                       char *room) {
  const int64_t row = cols * conv->channels * conv->size;
  for (int64_t r = 0; r < rows; r++) {
    const bool again = conv->args->doubled && r > 0 && i + r >= 0 && (i + r) % 2 == 1; /* the row above */
    if (again)
      memcpy(room + r * row, room + (r - 1) * row, (size_t)row);
    else
      fill_row(conv, n, i + r, j, cols, room + r * row);
  }
}

/* ---- what follows the products ---- */

void tr_cpu_conv_finish(const tr_cpu_conv *conv, int64_t n, int64_t i, int64_t j, int64_t cols, int64_t first,
                        int64_t width, const char *product, int64_t stride) {
  const tr_nn_conv2d_args *a = conv->args;
  const int64_t channels = a->y->shape[3];
  const int64_t at = (((n * conv->height + i) * conv->width + j) * channels + a->first + first) * conv->size;
  conv->loops->finish(
      &(tr_cpu_epilogue){.rows = cols,
                         .cols = width,
                         .activation = a->activation,
                         .product = product,
                         .product_stride = stride,
                         .bias = a->bias ? (const char *)a->bias->data + first * conv->size : NULL,
                         .residual = a->residual ? (const char *)a->residual->data + at : NULL,
                         .y = (char *)a->y->data + at,
                         .stride = channels});
}

tr_status tr_cpu_conv2d(tr_ctx *ctx, const tr_nn_conv2d_args *args) {
  tr_cpu_conv conv;
  if (args->y->count == 0) return TR_OK;
  TR_TRY(tr_cpu_conv_of(ctx, args, &conv));
  const tr_cpu_tiles *tiles = tr_cpu_conv_tiles(&conv);
  return tiles ? tr_cpu_conv_by_tiles(ctx, &conv, tiles) : tr_cpu_conv_direct(ctx, &conv);
}
