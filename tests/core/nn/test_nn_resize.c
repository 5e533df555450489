/* Pictures at another size: goldens of TensorFlow's and PyTorch's arithmetic, and every kind and type against
 * its definition, with the same bits on every device. */
#include <float.h>
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/pictures/plain.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { SIDE = 299, CHANNELS = 3 };

static tr_array *resized(tr_ctx *ctx, tr_npz *npz, const char *image, tr_dtype dtype, tr_nn_resize resize) {
  char name[64];
  snprintf(name, sizeof name, "image_%s", image);
  tr_array *x = golden_array(npz, name, dtype), *y;
  const tr_array picture = tr_view(x, 0, 4, (int64_t[]){1, x->shape[0], x->shape[1], CHANNELS});
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 4, (int64_t[]){1, SIDE, SIDE, CHANNELS}, &y));
  CHECK_OK(ctx, tr_nn_resize2d(&(tr_nn_resize2d_args){.x = &picture, .resize = resize, .scale = 1, .y = y}));
  tr_array_destroy(&x);
  return y;
}

/* At the rows and columns of the golden, and the sums of the whole, within `tolerance` (0: the same bits). */
static void golden(tr_ctx *ctx, tr_npz *npz, const char *image, const char *kind, tr_dtype dtype,
                   tr_nn_resize resize, double tolerance) {
  char entry[64], sums[80];
  snprintf(entry, sizeof entry, "%s_%s", image, kind);
  snprintf(sums, sizeof sums, "%s_sum", entry);
  tr_array *y = resized(ctx, npz, image, dtype, resize), *some = golden_array(npz, entry, TR_F64);
  tr_array *rows = golden_array(npz, "rows", TR_F64), *cols = golden_array(npz, "cols", TR_F64);
  tr_array *total = golden_array(npz, sums, TR_F64);
  double *got = values(y), *want = values(some), *i = values(rows), *j = values(cols), *sum = values(total);
  for (int64_t k = 0; k < some->count; k++) {
    const int64_t row = (int64_t)i[k / CHANNELS / cols->count], col = (int64_t)j[k / CHANNELS % cols->count];
    CHECK_NEAR(got[(row * SIDE + col) * CHANNELS + k % CHANNELS], want[k], tolerance);
  }
  for (int64_t c = 0; c < CHANNELS; c++) {
    double all = 0;
    for (int64_t p = 0; p < SIDE * SIDE; p++) all += got[p * CHANNELS + c];
    CHECK_NEAR(all, sum[c], tolerance * SIDE * SIDE + 1e-6); /* summed in another order */
  }
  free(got), free(want), free(i), free(j), free(sum);
  tr_array **made[] = {&y, &some, &rows, &cols, &total};
  for (int k = 0; k < 5; k++) tr_array_destroy(made[k]);
}

static void goldens(tr_ctx *ctx) {
  static const char *const images[] = {"small", "board", "large"};
  tr_npz *npz = golden_open(ctx, "resize/resize");
  for (int k = 0; k < 3; k++) {
    golden(ctx, npz, images[k], "tf1", TR_F64, TR_NN_RESIZE_CORNER, 1e-11);
    golden(ctx, npz, images[k], "torch", TR_F64, TR_NN_RESIZE_CENTRE, 1e-11);
    golden(ctx, npz, images[k], "torch_antialias", TR_F64, TR_NN_RESIZE_ANTIALIASED, 1e-11);
    golden(ctx, npz, images[k], "tf1_float32", TR_F32, TR_NN_RESIZE_CORNER, 0);
    golden(ctx, npz, images[k], "torch", TR_F32, TR_NN_RESIZE_CENTRE, 1e-5);
    golden(ctx, npz, images[k], "torch_antialias", TR_F32, TR_NN_RESIZE_ANTIALIASED, 1e-5);
  }
  tr_npz_close(&npz);
}

/* ---- against the definition ---- */

/* What the processor makes of the same numbers. The caller frees. */
static double *on_the_processor(const tr_nn_resize2d_args *args) {
  tr_ctx *cpu = check_context(0, NULL);
  tr_nn_resize2d_args there = *args;
  tr_array *x, *y;
  double *given = values(args->x);
  CHECK_OK(cpu, tr_array_create(cpu, args->x->dtype, 4, args->x->shape, &x));
  CHECK_OK(cpu, tr_array_create(cpu, args->y->dtype, 4, args->y->shape, &y));
  CHECK_OK(cpu, tr_array_set_f64(x, given));
  there.x = x, there.y = y;
  CHECK_OK(cpu, tr_nn_resize2d(&there));
  double *made = values(y);
  free(given);
  tr_array_destroy(&x), tr_array_destroy(&y);
  tr_ctx_close(&cpu);
  return made;
}

static void near(tr_ctx *ctx, tr_dtype dtype, tr_nn_resize resize, const int64_t *from, const int64_t *to) {
  tr_array *x = tensor(ctx, dtype, 4, from, 1), *y = tensor(ctx, dtype, 4, to, 2);
  const tr_nn_resize2d_args args = {.x = x, .resize = resize, .scale = 0.5, .shift = -3, .y = y};
  double *want = plain_resize2d(&args);
  CHECK_OK(ctx, tr_nn_resize2d(&args));
  double *got = values(y), *there = on_the_processor(&args);
  CHECK(memcmp(got, there, (size_t)y->count * sizeof *got) == 0);
  /* Positions as TensorFlow rounds them are off by half a unit of where they are: of 40 pixels, 2^-19. */
  const double single = resize == TR_NN_RESIZE_CORNER ? 4e-6 : 5e-7;
  CHECK(check_relative(got, want, y->count) < (dtype == TR_F64 ? 1e-14 : single));
  free(want), free(got), free(there);
  tr_array_destroy(&x), tr_array_destroy(&y);
}

static void sizes(tr_ctx *ctx) {
  static const int64_t pairs[][2][4] = {{{2, 7, 5, 3}, {2, 15, 11, 3}},   {{1, 40, 33, 2}, {1, 6, 5, 2}},
                                        {{3, 9, 20, 17}, {3, 18, 4, 17}}, {{1, 1, 1, 1}, {1, 3, 2, 1}},
                                        {{1, 6, 6, 4}, {1, 6, 6, 4}},     {{1, 5, 64, 1}, {1, 1, 1, 1}}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    for (int kind = TR_NN_RESIZE_CORNER; kind <= TR_NN_RESIZE_ANTIALIASED; kind++)
      for (int f32 = 0; f32 < 2; f32++)
        near(ctx, f32 ? TR_F32 : TR_F64, (tr_nn_resize)kind, pairs[i][0], pairs[i][1]);
}

static void refused(tr_ctx *ctx) {
  tr_array *x = tensor(ctx, TR_F64, 4, (int64_t[]){1, 3, 3, 2}, 1);
  tr_array *y = tensor(ctx, TR_F64, 4, (int64_t[]){1, 2, 2, 3}, 1);
  CHECK_ERROR(ctx, tr_nn_resize2d(&(tr_nn_resize2d_args){.x = x, .y = y}), TR_E_SHAPE, NULL);
  CHECK_ERROR(ctx, tr_nn_resize2d(&(tr_nn_resize2d_args){.x = x, .y = x}), TR_E_SHAPE, NULL);
  CHECK_ERROR(ctx, tr_nn_resize2d(&(tr_nn_resize2d_args){.x = x, .y = y, .resize = (tr_nn_resize)9}),
              TR_E_ARG, "kind 9");
  tr_array_destroy(&x), tr_array_destroy(&y);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  goldens(ctx);
  sizes(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
