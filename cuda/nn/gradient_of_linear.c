/* Gradients of the parameters of linear layers: one product that adds to dw, summed over all rows, and the
 * sums of the columns of dy for db. These the product brings along where cuBLASLt has an epilogue for them
 * (BGRADB: by columns dy' is op(B)), and one small launch adds them to db, which the epilogue would assign;
 * else a pass of our own reads dy once more (column_sums.cu). The number of rows is part of the product's
 * shape, as all that decides between the two: the same cut gives the same bits. */
#include "cuda/nn/linear.h"

typedef struct {
  const tr_nn_gradient_of_linear_args *args;
  tr_cuda_arithmetic arithmetic;
  tr_cuda_product *product;
  tr_dtype in; /* of the operands */
  bool summed; /* by the product */
  char *room, *x, *dy, *sums;
} gradient;

/* What the library sums is the operand: not dy as it is, where that is rounded to become one. */
static tr_status find_product(tr_ctx *ctx, gradient *g, tr_cuda_shape *shape) {
  if (g->args->db && g->args->dy->dtype == g->in) {
    shape->epilogue = TR_CUDA_SUMS, shape->bias = shape->d;
    TR_TRY(tr_cuda_product_find(ctx, shape, &g->product));
    g->summed = g->product != NULL;
    if (g->summed) return TR_OK;
    shape->epilogue = 0, shape->bias = 0;
  }
  return tr_cuda_product_find(ctx, shape, &g->product);
}

/* By columns dw is (in, out), x (in, rows) and dy (out, rows). */
static tr_status choose(tr_ctx *ctx, gradient *g) {
  const tr_nn_gradient_of_linear_args *a = g->args;
  const int64_t in = a->x->shape[1], out = a->dy->shape[1];
  tr_cuda_shape shape = {.arithmetic = g->arithmetic,
                         .d = tr_cuda_sum_type(g->arithmetic),
                         .turn_b = true,
                         .adds = true,
                         .parts = true,
                         .m = in,
                         .n = out,
                         .k = a->x->shape[0],
                         .lda = in,
                         .ldb = out,
                         .ldd = in,
                         .entries = 1};
  if ((uintptr_t)a->dw->data % 16 != 0)
    shape.aligned = (int64_t)tr_dtype_size(a->dw->dtype); /* as views may be */
  return find_product(ctx, g, &shape);
}

/* Into the operands' type, or where rows begin as products expect. */
static bool copied(const gradient *g, const tr_array *a) {
  const int64_t row = a->shape[1] * (int64_t)tr_dtype_size(a->dtype);
  return a->dtype != g->in || (uintptr_t)a->data % (uintptr_t)tr_cuda_row_alignment(row) != 0;
}

static int64_t room_of(const gradient *g, const tr_array *a) {
  return copied(g, a) ? a->count * (int64_t)tr_dtype_size(g->in) : 0;
}

static int64_t room_of_sums(const gradient *g) {
  const tr_array *db = g->args->db;
  if (!db) return 0;
  return g->summed ? db->count * (int64_t)tr_dtype_size(db->dtype)
                   : (int64_t)tr_cuda_column_sums_room(g->args->dy);
}

static tr_status take_memory(tr_ctx *ctx, gradient *g) {
  const tr_nn_gradient_of_linear_args *a = g->args;
  const tr_cuda_part parts[] = {{&g->room, (int64_t)tr_cuda_product_room(ctx)},
                                {&g->x, room_of(g, a->x)},
                                {&g->dy, room_of(g, a->dy)},
                                {&g->sums, room_of_sums(g)}};
  return tr_cuda_scratch_parts(ctx, sizeof parts / sizeof *parts, parts);
}

static tr_status operand(tr_ctx *ctx, const gradient *g, const tr_array *a, char *room, const void **out) {
  *out = a->data;
  if (!copied(g, a)) return TR_OK;
  *out = room;
  return tr_cuda_cast(ctx, &(tr_cuda_cast_args){.from_type = a->dtype,
                                                .to_type = g->in,
                                                .from = a->data,
                                                .to = room,
                                                .rows = a->shape[0],
                                                .all = a->shape[0],
                                                .cols = a->shape[1]});
}

tr_status tr_cuda_gradient_of_linear(tr_ctx *ctx, const tr_nn_gradient_of_linear_args *a) {
  gradient g = {.args = a, .arithmetic = tr_cuda_arithmetic_of(a->dw->dtype, a->products)};
  tr_cuda_operands o = {.d = a->dw->data, .batch = 1};
  g.in = tr_cuda_operand_type(g.arithmetic);
  if (a->x->shape[0] == 0 || a->dw->count == 0) return TR_OK;
  TR_TRY(choose(ctx, &g));
  TR_TRY(take_memory(ctx, &g));
  TR_TRY(operand(ctx, &g, a->x, g.x, &o.a));
  TR_TRY(operand(ctx, &g, a->dy, g.dy, &o.b));
  o.room = g.room, o.sums = g.sums;
  TR_TRY(tr_cuda_product_run(ctx, g.product, &o));
  if (!a->db) return TR_OK;
  if (g.summed) return tr_cuda_add_sums(ctx, g.sums, 1, a->db);
  return tr_cuda_column_sums(ctx, &(tr_cuda_column_sums_args){.x = a->dy, .sums = a->db, .room = g.sums});
}
