/* Convolutions against their definition (tests/support/pictures/plain.h), within what rounding may do, the
 * bits of a sample alone and on other numbers of threads, and operands that do not fit. */
#include <float.h>
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/pictures/plain.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

typedef struct {
  int64_t N, H, W, C, O;
  tr_nn_window window;
  bool doubled, prologue, bias;
  enum { NONE, APART, IN_PLACE } residual;
  tr_nn_activation activation;
  int64_t first, more; /* channels of y before and behind those of the result */
} shape;

#define SAME(k)                                                                                              \
  {                                                                                                          \
    {k, k}, 1, {k / 2, k / 2}, {                                                                             \
      k / 2, k / 2                                                                                           \
    }                                                                                                        \
  }

static const shape shapes[] = {
    {2, 9, 7, 16, 24, SAME(3), .prologue = true, .bias = true, .residual = IN_PLACE},
    {1, 16, 16, 32, 64, SAME(3), .prologue = true, .bias = true, .residual = APART},
    {2, 5, 6, 33, 35, SAME(3), .doubled = true, .bias = true},
    {1, 7, 5, 20, 70, SAME(3), .doubled = true, .prologue = true, .activation = TR_NN_SILU},
    {3, 8, 8, 17, 96, SAME(1), .prologue = true, .bias = true},
    {2, 9, 11, 24, 130, SAME(1), .activation = TR_NN_RELU, .bias = true, .first = 3, .more = 2},
    {2, 17, 17, 24, 40, {{1, 7}, 1, {0, 3}, {0, 3}}, .activation = TR_NN_RELU, .bias = true},
    {2, 17, 17, 24, 40, {{7, 1}, 1, {3, 0}, {3, 0}}, .activation = TR_NN_RELU, .bias = true, .first = 8},
    {2, 8, 8, 40, 48, {{1, 3}, 1, {0, 1}, {0, 1}}, .activation = TR_NN_RELU},
    {2, 8, 8, 40, 48, {{3, 1}, 1, {1, 0}, {1, 0}}, .activation = TR_NN_RELU},
    {1, 13, 13, 12, 30, SAME(5), .bias = true, .residual = APART, .first = 1, .more = 1},
    {2, 17, 15, 9, 32, {{3, 3}, 2, {0, 0}, {0, 0}}, .activation = TR_NN_RELU},
    {2, 16, 12, 18, 20, {{3, 3}, 2, {0, 0}, {1, 1}}, .prologue = true}, /* as an encoder halves */
    {1, 29, 31, 3, 32, {{3, 3}, 2, {0, 0}, {0, 0}}, .bias = true},
    {1, 12, 12, 4, 6, SAME(3), .bias = true},
    {1, 12, 10, 20, 3, SAME(3), .prologue = true, .bias = true},
    {2, 6, 6, 5, 4, {{4, 2}, 3, {3, 1}, {1, 0}}, .prologue = true, .bias = true},
    {1, 1, 1, 3, 2, SAME(3), .bias = true},
    {1, 9, 9, 8, 8, {{3, 3}, 1, {0, 0}, {0, 0}}, .bias = false},
    {1, 3, 70, 300, 65, SAME(3), .prologue = true}, /* long runs, in more than one chunk */
    {1, 40, 3, 520, 8, SAME(1), .bias = false},
    {5, 8, 8, 16, 40, SAME(3), .prologue = true, .bias = true, .residual = IN_PLACE}, /* samples in groups */
    {1, 36, 73, 18, 67, {{3, 3}, 1, {0, 0}, {0, 0}}, .activation = TR_NN_RELU, .bias = true, .first = 2},
    {1, 20, 41, 600, 33, {{3, 3}, 1, {2, 0}, {1, 2}}, .bias = true},
    /* other kernels that go by tiles, which stand over the edge */
    {2, 17, 17, 64, 70, {{1, 7}, 1, {0, 3}, {0, 3}}, .bias = true, .first = 2, .more = 1},
    {2, 17, 17, 65, 40, {{7, 1}, 1, {3, 0}, {3, 0}}, .prologue = true, .bias = true, .residual = IN_PLACE},
    {1, 2, 43, 600, 33, {{1, 7}, 1, {0, 5}, {0, 0}}, .bias = true},
    {1, 5, 8, 70, 35, {{7, 1}, 1, {3, 0}, {3, 0}}, .doubled = true, .prologue = true, .residual = APART},
    {5, 8, 8, 18, 40, {{1, 3}, 1, {0, 1}, {0, 1}}, .prologue = true, .bias = true},
    {3, 12, 11, 16, 24, {{3, 1}, 1, {0, 0}, {1, 0}}, .bias = true},
    {2, 11, 13, 21, 67, SAME(5), .prologue = true, .bias = true, .residual = APART, .first = 1},
    {1, 7, 8, 16, 30, {{5, 5}, 1, {4, 1}, {0, 2}}, .doubled = true},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct {
  tr_nn_conv2d_args args;
  tr_array *x, *affine, *kernel, *bias, *residual, *y;
  tr_nn_weight *w;
} problem;

static problem make(tr_ctx *ctx, tr_dtype dtype, const shape *s) {
  problem p = {0};
  const int64_t taps = (int64_t)s->window.size[0] * s->window.size[1], times = s->doubled ? 2 : 1;
  const int64_t result[] = {s->N, tr_nn_window_extent(&s->window, 0, times * s->H),
                            tr_nn_window_extent(&s->window, 1, times * s->W), s->first + s->O + s->more};
  p.x = tensor(ctx, dtype, 4, (int64_t[]){s->N, s->H, s->W, s->C}, 1);
  p.kernel = tensor(ctx, dtype, 2, (int64_t[]){s->O, s->C * taps}, 2);
  p.affine = tensor(ctx, dtype, 3, (int64_t[]){s->N, 2, s->C}, 3);
  p.bias = tensor(ctx, dtype, 1, &s->O, 4);
  p.y = tensor(ctx, dtype, 4, result, 5);
  p.residual = tensor(ctx, dtype, 4, result, 6);
  p.w = kernel_of(p.kernel, taps);
  p.args = (tr_nn_conv2d_args){.x = p.x,
                               .affine = s->prologue ? p.affine : NULL,
                               .pre = s->prologue ? TR_NN_SILU : TR_NN_IDENTITY,
                               .doubled = s->doubled,
                               .w = p.w,
                               .window = s->window,
                               .bias = s->bias ? p.bias : NULL,
                               .activation = s->activation,
                               .residual = s->residual == NONE    ? NULL
                                           : s->residual == APART ? p.residual
                                                                  : p.y,
                               .y = p.y,
                               .first = s->first};
  return p;
}

static void destroy(problem *p) {
  tr_array **all[] = {&p->x, &p->affine, &p->kernel, &p->bias, &p->residual, &p->y};
  for (int i = 0; i < 6; i++) tr_array_destroy(all[i]);
  tr_nn_weight_destroy(&p->w);
}

/* The largest sum of magnitudes of each channel of y: a kernel may sum what is not a pixel's own, as one by
 * tiles does. */
static void largest_of_channels(const problem *p, double *largest) {
  double *size = plain_conv2d_size(&p->args, p->kernel);
  const int64_t channels = p->y->shape[3];
  for (int64_t c = 0; c < channels; c++) largest[c] = 0;
  for (int64_t i = 0; i < p->y->count; i++) largest[i % channels] = fmax(largest[i % channels], size[i]);
  free(size);
}

/* Each element within rounding of its terms' magnitudes; what is not of the result's channels untouched. */
static void near(tr_ctx *ctx, tr_dtype dtype, const shape *s) {
  problem p = make(ctx, dtype, s);
  const int64_t channels = p.y->shape[3];
  double *want = plain_conv2d(&p.args, p.kernel), *size = malloc((size_t)channels * sizeof *size), worst = 0;
  const double unit = dtype == TR_F32 ? 6 * (double)FLT_EPSILON : 4 * DBL_EPSILON;
  largest_of_channels(&p, size);
  CHECK_OK(ctx, tr_nn_conv2d(&p.args));
  double *got = values(p.y);
  for (int64_t i = 0; i < p.y->count; i++) {
    const int64_t c = i % channels;
    const bool written = c >= s->first && c < s->first + s->O;
    const double off = fabs(got[i] - want[i]);
    if (off != off || (!written && off > 0)) worst = INFINITY;
    if (written) worst = fmax(worst, off / (unit * size[c]));
  }
  if (!(worst <= 1)) printf("shape %d, %d bytes: %g\n", (int)(s - shapes), dtype == TR_F32 ? 4 : 8, worst);
  CHECK(worst <= 1);
  free(want), free(size), free(got);
  destroy(&p);
}

/* ---- bits ---- */

/* Of one sample, from what it had before. */
static tr_nn_conv2d_args sample_of(const problem *p, int64_t n, tr_array part[4]) {
  tr_nn_conv2d_args args = p->args;
  part[0] = tr_rows(p->x, n, 1), part[1] = tr_rows(p->affine, n, 1);
  part[2] = tr_rows(p->residual, n, 1), part[3] = tr_rows(p->y, n, 1);
  args.x = &part[0], args.y = &part[3];
  if (args.affine) args.affine = &part[1];
  if (args.residual) args.residual = args.residual == p->y ? &part[3] : &part[2];
  return args;
}

static double *convolved(tr_ctx *ctx, tr_dtype dtype, const shape *s, int threads, bool alone) {
  problem p = make(ctx, dtype, s);
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, threads));
  if (!alone) CHECK_OK(ctx, tr_nn_conv2d(&p.args));
  for (int64_t n = 0; alone && n < s->N; n++) {
    tr_array part[4];
    const tr_nn_conv2d_args one = sample_of(&p, n, part);
    CHECK_OK(ctx, tr_nn_conv2d(&one));
  }
  double *y = values(p.y);
  destroy(&p);
  return y;
}

static void independent(tr_ctx *ctx, tr_dtype dtype, const shape *s) {
  const int64_t times = s->doubled ? 2 : 1;
  const size_t bytes =
      (size_t)(s->N * tr_nn_window_extent(&s->window, 0, times * s->H) *
               tr_nn_window_extent(&s->window, 1, times * s->W) * (s->first + s->O + s->more)) *
      sizeof(double);
  double *want = convolved(ctx, dtype, s, 1, false);
  for (int threads = 1; threads <= 7; threads += 3) {
    double *got = convolved(ctx, dtype, s, threads, threads != 7);
    CHECK(memcmp(got, want, bytes) == 0);
    free(got);
  }
  free(want);
}

/* Enough work that threads share it, and rows cut into blocks. */
static const shape large[] = {
    {5, 20, 20, 48, 70, SAME(3), .prologue = true, .bias = true, .residual = IN_PLACE},
    {2, 2, 530, 24, 40, SAME(3), .bias = true},
    {3, 31, 29, 64, 64, SAME(1), .bias = true},
    {3, 17, 17, 96, 64, {{7, 1}, 1, {3, 0}, {3, 0}}, .bias = true},
    {3, 17, 17, 64, 72, {{1, 7}, 1, {0, 3}, {0, 3}}, .bias = true},
    {1, 3, 700, 64, 24, {{1, 7}, 1, {0, 3}, {0, 3}}, .bias = true},
    {9, 8, 8, 24, 40, {{3, 1}, 1, {1, 0}, {1, 0}}, .prologue = true},
    {1, 35, 35, 32, 64, SAME(5), .bias = true},
    {2, 24, 21, 40, 64, SAME(3), .doubled = true, .prologue = true},
    {7, 8, 8, 24, 40, SAME(3), .prologue = true, .bias = true},
    {2, 70, 75, 24, 70, SAME(3), .bias = true, .residual = IN_PLACE},
    {1, 45, 45, 32, 32, {{3, 3}, 2, {0, 0}, {1, 1}}, .bias = true},
};

/* ---- bad input ---- */

static void refused(tr_ctx *ctx) {
  const shape s = {1, 4, 4, 2, 3, SAME(3), .bias = true};
  problem p = make(ctx, TR_F64, &s), other = make(ctx, TR_F32, &s);
  tr_nn_conv2d_args a = p.args;
  a.window.stride = 0;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_ARG, "stride 0");
  a = p.args, a.window.before[0] = 3;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_ARG, "fewer pixels are added");
  a = p.args, a.window.size[1] = 0;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_ARG, "3 x 0");
  a = p.args, a.window.after[1] = -1;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_ARG, "-1");
  a = p.args, a.window = (tr_nn_window){{1, 3}, 1, {0, 1}, {0, 1}}; /* other taps than the weight */
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.pre = TR_NN_SILU;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_ARG, "without affine");
  a = p.args, a.pre = (tr_nn_activation)77;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_ARG, NULL);
  a = p.args, a.doubled = true;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.first = 1;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.first = -1;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.x = other.x;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.w = other.w;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.bias = p.affine;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.residual = p.x;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  a = p.args, a.w = NULL;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_ARG, NULL);
  destroy(&p), destroy(&other);
}

/* y over x, where all else fits. */
static void refused_in_place(tr_ctx *ctx) {
  const shape s = {1, 4, 4, 3, 3, SAME(3), .bias = true};
  problem p = make(ctx, TR_F64, &s);
  tr_nn_conv2d_args a = p.args;
  a.y = p.x;
  CHECK_ERROR(ctx, tr_nn_conv2d(&a), TR_E_SHAPE, NULL);
  destroy(&p);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (int i = 0; i < 2 * SHAPES; i++) near(ctx, i % 2 ? TR_F32 : TR_F64, &shapes[i / 2]);
  if (promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) {
    for (int i = 0; i < 2 * SHAPES; i++) independent(ctx, i % 2 ? TR_F32 : TR_F64, &shapes[i / 2]);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) independent(ctx, TR_F32, &large[i]);
  }
  refused(ctx);
  refused_in_place(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
