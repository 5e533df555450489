/* Convolutions as products: what pixels of the result are made of is gathered, a row a pixel, and multiplied
 * with the weight as in a linear layer. The pixels are cut in tiles of whole rows that divide a picture, the
 * entries of one batched product: so neither its shape nor its algorithm, and no bit of a sample, depends on
 * how many samples there are. Working memory holds a strip of tiles. A bias cuBLASLt adds, and a residual
 * that is y; the rest is one pass of our own, that of linear layers (finish.cu). */
#include "cuda/nn/pictures/conv2d.h"

/* Bytes of what a strip has gathered and multiplied. Enough that a strip keeps a device busy; the emulator's
 * is small, so that tests of small pictures have several. */
#ifdef TR_SIMT
#define STRIP_MOST ((int64_t)16 << 10)
#else
#define STRIP_MOST ((int64_t)256 << 20)
#endif

/* A convolution on its way. */
typedef struct {
  const tr_nn_conv2d_args *args;
  tr_cuda_shape shape;
  tr_cuda_product *product;
  int64_t size;           /* bytes of a number */
  int64_t entries, strip; /* tiles of all samples, and of a strip at most */
  bool gathered;          /* else x is multiplied as it is */
  bool apart;             /* products go to working memory, not to y */
  char *room, *x, *d;     /* working memory */
} convolution;

static bool aligned(const void *p, int64_t bytes) {
  return (uintptr_t)p % (uintptr_t)bytes == 0;
}

static char *result_at(const convolution *c, int64_t pixel) {
  const tr_array *y = c->args->y;
  return (char *)y->data + (pixel * y->shape[3] + c->args->first) * c->size;
}

/* A pixel of x is one of the result. */
static bool is_one_to_one(const tr_nn_conv2d_args *a) {
  return a->w->spec.taps == 1 && a->window.stride == 1 && !a->affine && !a->doubled;
}

/* Rows of pixels of a tile: the most that divide a picture and fit into a strip. */
static int64_t tile_rows(int64_t height, int64_t bytes) {
  int64_t rows = height;
  while (rows > 1 && (height % rows || rows * bytes > STRIP_MOST)) rows--;
  return rows;
}

static void measure(convolution *c) {
  const tr_nn_conv2d_args *a = c->args;
  const tr_array *y = a->y;
  const tr_nn_weight_spec *spec = &a->w->spec;
  const tr_cuda_arithmetic arithmetic = tr_cuda_arithmetic_of(spec->compute, spec->products);
  const int64_t columns = tr_cuda_conv_columns(spec);
  c->size = (int64_t)tr_dtype_size(spec->compute);
  const int64_t pixel = (columns + spec->out) * c->size;
  const int64_t tile = tile_rows(y->shape[1], y->shape[2] * pixel) * y->shape[2];
  c->entries = y->shape[0] * y->shape[1] * y->shape[2] / tile;
  c->strip = STRIP_MOST / (tile * pixel) < 1 ? 1 : STRIP_MOST / (tile * pixel);
  c->gathered = !is_one_to_one(a) || !aligned(a->x->data, tr_cuda_row_alignment(columns * c->size));
  c->apart = !aligned(result_at(c, 0), tr_cuda_row_alignment(y->shape[3] * c->size));
  c->shape = (tr_cuda_shape){.arithmetic = arithmetic,
                             .d = spec->compute,
                             .turn_a = true,
                             .m = spec->out,
                             .n = tile,
                             .k = columns,
                             .lda = columns,
                             .ldb = columns,
                             .entries = c->strip};
}

/* c->product, with its bias if that can be. `adds`: to y. */
static tr_status find_product(tr_ctx *ctx, convolution *c, bool adds) {
  const tr_array *bias = c->args->bias;
  const bool biased = bias && aligned(bias->data, 16);
  c->shape.adds = adds;
  c->shape.ldd = c->apart ? c->shape.m : c->args->y->shape[3];
  c->shape.epilogue = biased ? TR_CUDA_BIAS : 0, c->shape.bias = biased ? c->shape.d : 0;
  TR_TRY(tr_cuda_product_find(ctx, &c->shape, &c->product));
  if (c->product || !biased) return TR_OK;
  c->shape.epilogue = 0, c->shape.bias = 0;
  return tr_cuda_product_find(ctx, &c->shape, &c->product);
}

/* What was added to y before its bias and activation could be cannot be taken back. */
static tr_status choose(tr_ctx *ctx, convolution *c) {
  const tr_nn_conv2d_args *a = c->args;
  const bool onto = a->residual && a->residual->data == a->y->data;
  if (onto && !c->apart && a->activation == TR_NN_IDENTITY) return find_product(ctx, c, true);
  c->apart = c->apart || onto;
  return find_product(ctx, c, false);
}

static tr_status take_memory(tr_ctx *ctx, convolution *c) {
  const int64_t most = c->entries < c->strip ? c->entries : c->strip, pixels = most * c->shape.n;
  const tr_cuda_part parts[] = {{&c->room, (int64_t)tr_cuda_product_room(ctx)},
                                {&c->x, c->gathered ? pixels * c->shape.k * c->size : 0},
                                {&c->d, c->apart ? pixels * c->shape.m * c->size : 0}};
  return tr_cuda_scratch_parts(ctx, sizeof parts / sizeof *parts, parts);
}

/* A layer whose rows are pixels. */
static tr_status finish(tr_ctx *ctx, const convolution *c, int64_t first, int64_t pixels) {
  const tr_nn_conv2d_args *a = c->args;
  tr_array y = *a->y, residual;
  y.ndim = 2, y.shape[0] *= y.shape[1] * y.shape[2], y.shape[1] = y.shape[3];
  residual = y;
  if (a->residual) residual.data = a->residual->data;
  const tr_nn_linear_args layer = {
      .activation = a->activation, .residual = a->residual && !c->shape.adds ? &residual : NULL, .y = &y};
  const tr_cuda_finish_args f = {.what = "a convolution",
                                 .args = &layer,
                                 .product = c->apart ? c->d : result_at(c, first),
                                 .type = c->shape.d,
                                 .stride = c->shape.ldd,
                                 .bias = c->shape.epilogue ? NULL : a->bias,
                                 .first = first,
                                 .n = pixels,
                                 .offset = a->first,
                                 .cols = c->shape.m};
  if (!c->apart && !f.bias && !layer.residual && a->activation == TR_NN_IDENTITY) return TR_OK;
  return tr_cuda_finish(ctx, &f);
}

/* Tiles first .. first + n - 1. */
static tr_status run_strip(tr_ctx *ctx, const convolution *c, int64_t first, int64_t n) {
  const tr_nn_conv2d_args *a = c->args;
  const int64_t pixel = first * c->shape.n, pixels = n * c->shape.n;
  const tr_cuda_gather_args g = {.args = a, .to = c->x, .first = pixel, .n = pixels};
  if (c->gathered) TR_TRY(tr_cuda_gather(ctx, &g));
  const tr_cuda_operands o = {.a = ((const tr_cuda_weight *)a->w->own)->values,
                              .b = c->gathered ? c->x
                                               : (const char *)a->x->data + pixel * c->shape.k * c->size,
                              .bias = c->shape.epilogue ? a->bias->data : NULL,
                              .d = c->apart ? c->d : result_at(c, pixel),
                              .room = c->room,
                              .batch = n};
  TR_TRY(tr_cuda_product_run(ctx, c->product, &o));
  return finish(ctx, c, pixel, pixels);
}

tr_status tr_cuda_conv2d(tr_ctx *ctx, const tr_nn_conv2d_args *a) {
  convolution c = {.args = a};
  if (a->y->count == 0) return TR_OK;
  measure(&c);
  TR_TRY(choose(ctx, &c));
  TR_TRY(take_memory(ctx, &c));
  const int64_t step = c.gathered || c.apart ? c.strip : c.entries;
  for (int64_t first = 0; first < c.entries; first += step)
    TR_TRY(run_strip(ctx, &c, first, c.entries - first < step ? c.entries - first : step));
  return TR_OK;
}
