/* Every combination of what stands before the product of a convolution and behind it, against the definition:
 * in f64, f32 and, where the backend has it, TF32. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "tests/support/check.h"
#include "tests/support/pictures/plain.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { N = 2, HIGH = 4, WIDE = 5, IN = 6, OUT = 8, TAPS = 9 };
enum { NONE, APART, ONTO, RESIDUALS }; /* the residual: another array, or y */

typedef struct {
  tr_dtype dtype;
  tr_nn_products products;
  double bound; /* of max |difference| / max |value| */
} kind;

typedef struct {
  tr_array *x, *affine, *kernel, *bias, *residual;
  tr_nn_weight *w;
} operands;

static operands open_operands(tr_ctx *ctx, const kind *k, int64_t all) {
  const int64_t out = OUT;
  const tr_nn_weight_spec spec = {.out = OUT,
                                  .in = IN * TAPS,
                                  .storage = k->dtype,
                                  .compute = k->dtype,
                                  .products = k->products,
                                  .taps = TAPS};
  operands o = {.x = tensor(ctx, k->dtype, 4, (int64_t[]){N, HIGH, WIDE, IN}, 1),
                .affine = tensor(ctx, k->dtype, 3, (int64_t[]){N, 2, IN}, 2),
                .kernel = tensor(ctx, k->dtype, 2, (int64_t[]){OUT, IN * TAPS}, 3),
                .bias = tensor(ctx, k->dtype, 1, &out, 4),
                .residual = tensor(ctx, k->dtype, 4, (int64_t[]){N, HIGH, WIDE, all}, 5)};
  CHECK_OK(ctx, tr_nn_weight_create(ctx, &spec, &o.w));
  CHECK_OK(ctx, tr_nn_weight_set(o.w, o.kernel));
  return o;
}

static void close_operands(operands *o) {
  tr_array **all[] = {&o->x, &o->affine, &o->kernel, &o->bias, &o->residual};
  for (int i = 0; i < 5; i++) tr_array_destroy(all[i]);
  tr_nn_weight_destroy(&o->w);
}

/* y, from normals. */
static void one(tr_ctx *ctx, const kind *k, const operands *o, tr_nn_conv2d_args args, int residual) {
  tr_array *y = tensor(ctx, k->dtype, 4, o->residual->shape, 6);
  args.y = y, args.residual = residual == NONE ? NULL : residual == APART ? o->residual : y;
  double *want = plain_conv2d(&args, o->kernel);
  CHECK_OK(ctx, tr_nn_conv2d(&args));
  double *got = values(y);
  const double off = check_relative(got, want, y->count);
  if (off > k->bound) printf("%d before, %d behind, residual %d: ", args.pre, args.activation, residual);
  CHECK_NEAR(off, 0, k->bound);
  bool kept = true;
  for (int64_t i = 0; i < y->count; i++) {
    const int64_t c = i % y->shape[3];
    kept = kept && ((c >= args.first && c < args.first + OUT) || got[i] == want[i]);
  }
  CHECK(kept);
  free(got), free(want);
  tr_array_destroy(&y);
}

/* Channels first .. of `all`. */
static void combinations(tr_ctx *ctx, const kind *k, int64_t all, int64_t first) {
  operands o = open_operands(ctx, k, all);
  for (int pre = -1; pre <= TR_NN_RELU; pre++)
    for (int behind = TR_NN_IDENTITY; behind <= TR_NN_RELU; behind++)
      for (int flags = 0; flags < 2 * RESIDUALS; flags++)
        one(ctx, k, &o,
            (tr_nn_conv2d_args){.x = o.x,
                                .affine = pre < 0 ? NULL : o.affine,
                                .pre = pre < 0 ? TR_NN_IDENTITY : (tr_nn_activation)pre,
                                .w = o.w,
                                .window = {{3, 3}, 1, {1, 1}, {1, 1}},
                                .bias = flags % 2 ? o.bias : NULL,
                                .activation = (tr_nn_activation)behind,
                                .first = first},
            flags / 2);
  close_operands(&o);
}

int main(int argc, char **argv) {
  static const kind kinds[] = {
      {TR_F64, TR_NN_FULL, 1e-14}, {TR_F32, TR_NN_FULL, 2e-6}, {TR_F32, TR_NN_TF32, 2e-3}};
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < (promises(ctx, TR_BACKEND_TF32) ? 3 : 2); i++) {
    combinations(ctx, &kinds[i], OUT, 0);
    combinations(ctx, &kinds[i], 20, 8); /* begins where rows are aligned */
    combinations(ctx, &kinds[i], 19, 3); /* and where they are not */
  }
  tr_ctx_close(&ctx);
  return check_report();
}
