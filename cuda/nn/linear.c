/* Linear layers. The rows are cut in tiles of a size that the layer decides, the entries of one batched
 * product, of which the last is filled up with zeros in working memory: so neither the shape of the product
 * nor its algorithm, and no bit of a row, depends on how many rows there are. The last of small tiles is
 * multiplied as it stands where its rows have the same bits so. What cuBLASLt can do behind the product it
 * does; the rest is one pass of our own (finish.cu). */
#include <string.h>

#include "cuda/nn/linear.h"

/* A layer on its way. */
typedef struct {
  tr_cuda_layer_product *to;
  const tr_nn_linear_args *args;
  const tr_nn_weight_spec *spec;
  tr_cuda_arithmetic arithmetic;
  tr_cuda_shape shape;
  tr_cuda_product *product;
  tr_cuda_product *last; /* of the rows of the last tile alone, which then needs no working memory; or NULL */
  bool fused;            /* nothing is left to do behind the product */
  int64_t rows, in, out, tile;
  int64_t whole, rest;             /* rows of whole tiles; of the last one, if it is not */
  int64_t in_size, out_size;       /* bytes of an element of x as it is multiplied, and of D */
  bool x_copied, d_apart;          /* in working memory, with the rows of a whole last tile */
  char *room, *x, *d, *aux, *bias; /* working memory; x, d and aux else that of the last tile */
} layer;

static bool aligned(const void *p, int64_t bytes) {
  return (uintptr_t)p % (uintptr_t)bytes == 0;
}

/* The rows of a matrix are as aligned as its first. */
static bool rows_aligned(const tr_array *a) {
  return aligned(a->data, tr_cuda_row_alignment(a->shape[1] * (int64_t)tr_dtype_size(a->dtype)));
}

/* For how many rows an algorithm is to be good: what batches bring, of tokens and of conditioning. */
enum { USUAL_TOKENS = 8192, USUAL_SAMPLES = 32 };

enum { FEWEST = 16 };

/* Rows of a tile: those of a sample, so that a batch has whole ones; few together. */
static int64_t tile_of(const tr_nn_weight_spec *spec) {
  enum { UNKNOWN = 64, MOST = 4096, OF_MORE = 256 };
  if (spec->rows == 0) return UNKNOWN;
  return spec->rows < FEWEST ? FEWEST : spec->rows <= MOST ? spec->rows : OF_MORE;
}

static void measure(layer *l) {
  const tr_nn_linear_args *a = l->args;
  const int64_t usual = a->w->spec.rows == 1 ? USUAL_SAMPLES : USUAL_TOKENS;
  l->spec = &a->w->spec;
  l->arithmetic = tr_cuda_arithmetic_of(l->spec->compute, l->spec->products);
  l->rows = a->y->shape[0], l->in = a->x->shape[1], l->out = a->y->shape[1];
  l->tile = tile_of(l->spec);
  l->rest = l->rows % l->tile, l->whole = l->rows - l->rest;
  l->in_size = (int64_t)tr_dtype_size(tr_cuda_operand_type(l->arithmetic));
  l->shape = (tr_cuda_shape){.arithmetic = l->arithmetic,
                             .turn_a = !a->transposed,
                             .m = l->out,
                             .n = l->tile,
                             .k = l->in,
                             .lda = l->spec->in,
                             .ldb = l->in,
                             .ldd = l->out,
                             .entries = (usual + l->tile - 1) / l->tile};
}

/* ---- the product ---- */

static const tr_array *aux_of(const layer *l) {
  if (!(l->shape.epilogue & (TR_CUDA_KEPT | TR_CUDA_SLOPE))) return NULL;
  return l->args->before ? l->args->before : l->args->slope_at;
}

/* The last tile lies behind the others. */
static bool in_one(const layer *l) {
  return l->x_copied && l->d_apart && !aux_of(l);
}

/* Rows that the last tile is filled up to in working memory; 0: it is not there. */
static int64_t filled(const layer *l) {
  return l->rest && !l->last ? l->tile : 0;
}

/* All that the layer does, if a product may do it; -1: it cannot. GELU is the library's only where operands
 * are rounded anyway. */
static int whole_epilogue(const layer *l) {
  const tr_nn_linear_args *a = l->args;
  const bool rounded = l->arithmetic == TR_CUDA_TF32 || l->arithmetic == TR_CUDA_BF16;
  const bool gelu = a->activation == TR_NN_GELU_TANH && rounded;
  const int bias = a->bias ? TR_CUDA_BIAS : 0;
  const tr_array *aux = a->before ? a->before : a->slope_at;
  if (a->gate.table || a->residual || (aux && !(gelu && rows_aligned(aux) && a->y->shape[1] % 8 == 0)))
    return -1;
  if (a->slope_at) return a->slope_at->shape[0] == l->rows ? TR_CUDA_SLOPE : -1;
  if (a->activation == TR_NN_IDENTITY) return bias;
  return gelu ? TR_CUDA_GELU | bias | (a->before ? TR_CUDA_KEPT : 0) : -1;
}

/* l->product, or NULL: a bias as the sums are, or as the result is. */
static tr_status find_product(tr_ctx *ctx, layer *l, int epilogue, tr_dtype d) {
  const tr_dtype sums = tr_cuda_sum_type(l->arithmetic);
  l->shape.epilogue = epilogue, l->shape.d = d;
  l->shape.bias = epilogue & TR_CUDA_BIAS ? sums : 0;
  TR_TRY(tr_cuda_product_find(ctx, &l->shape, &l->product));
  if (l->product || !(epilogue & TR_CUDA_BIAS) || d == sums) return TR_OK;
  l->shape.bias = d;
  return tr_cuda_product_find(ctx, &l->shape, &l->product);
}

/* Small tiles have few numbers of rows, a product for each. One call does all tiles where they lie behind
 * each other in working memory. */
static tr_status find_last(tr_ctx *ctx, layer *l) {
  if (l->tile != FEWEST || !l->rest || in_one(l)) return TR_OK;
  return tr_cuda_product_first(ctx, l->product, l->rest, &l->last);
}

static tr_status choose(tr_ctx *ctx, layer *l) {
  const tr_nn_linear_args *a = l->args;
  const int all = whole_epilogue(l);
  const tr_dtype sums = tr_cuda_sum_type(l->arithmetic);
  const tr_dtype d = l->to->apart && a->x->dtype == TR_BF16 ? TR_BF16 : sums;
  const bool made = a->y->dtype == sums || l->arithmetic == TR_CUDA_BF16; /* y's type, by products */
  if (all >= 0 && made && !l->to->apart) {
    TR_TRY(find_product(ctx, l, all, a->y->dtype));
    l->fused = l->product != NULL;
  }
  /* What goes on with a product apart adds the bias as it is: by the library it would be rounded to bf16, by
   * a launch of its own. */
  const bool rounded = l->to->apart && d != sums;
  if (!l->product && a->bias && !a->slope_at && !rounded) TR_TRY(find_product(ctx, l, TR_CUDA_BIAS, d));
  if (!l->product) TR_TRY(find_product(ctx, l, 0, d));
  l->out_size = (int64_t)tr_dtype_size(l->shape.d);
  l->x_copied = a->x->dtype != tr_cuda_operand_type(l->arithmetic) || !rows_aligned(a->x);
  l->d_apart = l->to->apart || a->y->dtype != l->shape.d || !rows_aligned(a->y) ||
               (a->residual && a->residual->data == a->y->data);
  return find_last(ctx, l);
}

/* ---- working memory ---- */

static bool bias_copied(const layer *l) {
  const tr_array *bias = l->args->bias;
  return (l->shape.epilogue & TR_CUDA_BIAS) && (bias->dtype != l->shape.bias || !aligned(bias->data, 16));
}

static tr_status take_memory(tr_ctx *ctx, layer *l) {
  const int64_t last = filled(l), all = last ? l->whole + last : l->rows;
  const tr_cuda_part parts[] = {
      {&l->room, (int64_t)tr_cuda_product_room(ctx)},
      {&l->x, (l->x_copied ? all : last) * l->in * l->in_size},
      {&l->d, (l->d_apart ? all : last) * l->out * l->out_size},
      {&l->aux, aux_of(l) ? last * l->out * l->out_size : 0},
      {&l->bias, bias_copied(l) ? l->out * (int64_t)tr_dtype_size(l->shape.bias) : 0}};
  return tr_cuda_scratch_parts(ctx, sizeof parts / sizeof *parts, parts);
}

static const char *row_at(const tr_array *a, int64_t row) {
  return (const char *)a->data + row * a->shape[1] * (int64_t)tr_dtype_size(a->dtype);
}

/* Rows first .. first + n - 1 of an array, then zeros up to `all`. */
static tr_status copy_rows(tr_ctx *ctx, const tr_array *from, int64_t first, int64_t n, int64_t all,
                           tr_dtype type, void *to) {
  return tr_cuda_cast(ctx, &(tr_cuda_cast_args){.from_type = from->dtype,
                                                .to_type = type,
                                                .from = row_at(from, first),
                                                .to = to,
                                                .rows = n,
                                                .all = all,
                                                .cols = from->shape[1]});
}

static tr_status fill_memory(tr_ctx *ctx, const layer *l) {
  const tr_nn_linear_args *a = l->args;
  const tr_dtype in = tr_cuda_operand_type(l->arithmetic);
  const int64_t last = filled(l), all = last ? l->whole + last : l->rows;
  if (l->x_copied)
    TR_TRY(copy_rows(ctx, a->x, 0, l->rows, all, in, l->x));
  else if (last)
    TR_TRY(copy_rows(ctx, a->x, l->whole, l->rest, last, in, l->x));
  if (last && (l->shape.epilogue & TR_CUDA_SLOPE))
    TR_TRY(copy_rows(ctx, a->slope_at, l->whole, l->rest, l->tile, l->shape.d, l->aux));
  if (bias_copied(l))
    TR_TRY(tr_cuda_cast(ctx, &(tr_cuda_cast_args){.from_type = a->bias->dtype,
                                                  .to_type = l->shape.bias,
                                                  .from = a->bias->data,
                                                  .to = l->bias,
                                                  .rows = 1,
                                                  .all = 1,
                                                  .cols = l->out}));
  return TR_OK;
}

/* ---- the tiles ---- */

/* The rows of the last tile: where they are, or in working memory, behind the others or alone. */
static tr_status multiply_last(tr_ctx *ctx, const layer *l, const tr_cuda_operands *tiles) {
  const bool stays = l->last != NULL;
  const int64_t x = l->whole * l->in * l->in_size, d = l->whole * l->out * l->out_size;
  tr_cuda_operands o = *tiles;
  o.b = l->x_copied || stays ? (const char *)tiles->b + x : l->x;
  o.d = l->d_apart || stays ? (char *)tiles->d + d : l->d;
  if (tiles->aux) o.aux = stays ? (char *)tiles->aux + d : l->aux;
  o.batch = 1;
  return tr_cuda_product_run(ctx, stays ? l->last : l->product, &o);
}

static tr_status multiply(tr_ctx *ctx, const layer *l) {
  const tr_nn_linear_args *a = l->args;
  const tr_array *aux = aux_of(l);
  const bool one = in_one(l);
  tr_cuda_operands o = {.a = ((const tr_cuda_weight *)a->w->own)->values,
                        .b = l->x_copied ? l->x : a->x->data,
                        .bias = bias_copied(l) ? l->bias
                                : a->bias      ? a->bias->data
                                               : NULL,
                        .d = l->d_apart ? (void *)l->d : a->y->data,
                        .aux = aux ? aux->data : NULL,
                        .room = l->room,
                        .batch = l->whole / l->tile + (one && l->rest)};
  if (o.batch) TR_TRY(tr_cuda_product_run(ctx, l->product, &o));
  return l->rest && !one ? multiply_last(ctx, l, &o) : TR_OK;
}

/* What a product did whole, to where it belongs. */
static tr_status deliver(tr_ctx *ctx, const layer *l) {
  const tr_nn_linear_args *a = l->args;
  const int64_t first = l->d_apart ? 0 : filled(l) ? l->whole : l->rows, n = l->rows - first;
  tr_array d = *a->y, kept = *a->y;
  d.data = l->d, kept.data = l->aux;
  if (n) TR_TRY(copy_rows(ctx, &d, 0, n, n, d.dtype, (void *)row_at(a->y, first)));
  if (!filled(l) || !(l->shape.epilogue & TR_CUDA_KEPT)) return TR_OK;
  return copy_rows(ctx, &kept, 0, l->rest, l->rest, kept.dtype, (void *)row_at(a->before, l->whole));
}

static tr_status finish(tr_ctx *ctx, const layer *l) {
  const tr_nn_linear_args *a = l->args;
  tr_cuda_finish_args f = {.what = "a linear layer",
                           .args = a,
                           .product = l->d,
                           .type = l->shape.d,
                           .stride = l->out,
                           .bias = l->to->bias,
                           .n = l->rows,
                           .cols = l->out};
  if (l->d_apart) return tr_cuda_finish(ctx, &f);
  f.product = a->y->data, f.n = filled(l) ? l->whole : l->rows;
  if (f.n) TR_TRY(tr_cuda_finish(ctx, &f));
  f.product = l->d, f.first = l->whole, f.n = l->rows - f.n;
  return f.n ? tr_cuda_finish(ctx, &f) : TR_OK;
}

static tr_status run_product(tr_ctx *ctx, layer *l, tr_cuda_layer_product *to) {
  *l = (layer){.to = to, .args = to->args};
  measure(l);
  TR_TRY(choose(ctx, l));
  TR_TRY(take_memory(ctx, l));
  TR_TRY(fill_memory(ctx, l));
  TR_TRY(multiply(ctx, l));
  to->product = l->d, to->type = l->shape.d;
  to->bias = l->shape.epilogue & TR_CUDA_BIAS ? NULL : to->args->bias;
  return TR_OK;
}

tr_status tr_cuda_linear(tr_ctx *ctx, const tr_nn_linear_args *args) {
  layer l;
  tr_cuda_layer_product to = {.args = args};
  if (args->y->count == 0) return TR_OK;
  TR_TRY(run_product(ctx, &l, &to));
  return l.fused ? deliver(ctx, &l) : finish(ctx, &l);
}

tr_status tr_cuda_product_of_layer(tr_ctx *ctx, tr_cuda_layer_product *product) {
  layer l;
  return run_product(ctx, &l, product);
}
