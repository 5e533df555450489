/* Operations on pictures and attention with wide heads in a recording: what they need is there after the
 * first call, the second is recorded, it and later ones are replayed, and all have the same bits. */
#include <stdlib.h>

#include "core/nn/nn.h"
#include "core/record/record.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/pictures/plain.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { N = 2, HIGH = 9, WIDE = 10, C = 16, OUT = 12, TAPS = 9, T = 70, HEAD = 136 };

typedef struct {
  tr_array *x, *gamma, *beta, *affine, *y, *pooled, *resized, *qkv, *mixed;
  tr_nn_weight *w;
} body;

static tr_status run(void *user) {
  const body *b = user;
  const tr_nn_window window = {{3, 3}, 1, {1, 1}, {1, 1}};
  TR_TRY(tr_nn_group_norm(&(tr_nn_group_norm_args){
      .x = b->x, .groups = 4, .gamma = b->gamma, .beta = b->beta, .eps = 1e-6, .affine = b->affine}));
  TR_TRY(tr_nn_conv2d(&(tr_nn_conv2d_args){.x = b->x,
                                           .affine = b->affine,
                                           .pre = TR_NN_SILU,
                                           .w = b->w,
                                           .window = window,
                                           .activation = TR_NN_RELU,
                                           .y = b->y}));
  TR_TRY(tr_nn_pool2d(&(tr_nn_pool2d_args){.x = b->y, .window = window, .y = b->pooled}));
  TR_TRY(tr_nn_resize2d(&(tr_nn_resize2d_args){.x = b->pooled, .scale = 1, .y = b->resized}));
  return tr_nn_attention(&(tr_nn_attention_args){.qkv = b->qkv, .samples = N, .heads = 1, .y = b->mixed});
}

static body open_body(tr_ctx *ctx) {
  const int64_t channels = C;
  body b = {.x = tensor(ctx, TR_F32, 4, (int64_t[]){N, HIGH, WIDE, C}, 1),
            .gamma = tensor(ctx, TR_F32, 1, &channels, 2),
            .beta = tensor(ctx, TR_F32, 1, &channels, 3),
            .affine = tensor(ctx, TR_F32, 3, (int64_t[]){N, 2, C}, 4),
            .y = tensor(ctx, TR_F32, 4, (int64_t[]){N, HIGH, WIDE, OUT}, 5),
            .pooled = tensor(ctx, TR_F32, 4, (int64_t[]){N, HIGH, WIDE, OUT}, 6),
            .resized = tensor(ctx, TR_F32, 4, (int64_t[]){N, 7, 13, OUT}, 7),
            .qkv = matrix(ctx, TR_F32, N * T, 3 * HEAD, 8),
            .mixed = matrix(ctx, TR_F32, N * T, HEAD, 9)};
  tr_array *kernel = tensor(ctx, TR_F32, 2, (int64_t[]){OUT, C * TAPS}, 10);
  b.w = kernel_of(kernel, TAPS);
  tr_array_destroy(&kernel);
  return b;
}

static void close_body(body *b) {
  tr_array **all[] = {&b->x,      &b->gamma,   &b->beta, &b->affine, &b->y,
                      &b->pooled, &b->resized, &b->qkv,  &b->mixed};
  tr_nn_weight_destroy(&b->w);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tr_array_destroy(all[i]);
}

static bool has(const tr_array *a, const double *want) {
  double *got = values(a);
  const bool same = memcmp(got, want, (size_t)a->count * sizeof *got) == 0;
  free(got);
  return same;
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  body b = open_body(ctx);
  const tr_record_call call = {.key = {&b, {1}}, .what = "a test", .body = run, .user = &b};
  CHECK_OK(ctx, tr_record(ctx, &call));
  double *resized = values(b.resized), *mixed = values(b.mixed);
  for (int i = 0; i < 3; i++) {
    CHECK_OK(ctx, tr_fill(0, b.resized));
    CHECK_OK(ctx, tr_fill(0, b.mixed));
    CHECK_OK(ctx, tr_record(ctx, &call));
    CHECK(has(b.resized, resized) && has(b.mixed, mixed));
  }
  const tr_counts counts = tr_ctx_counts(ctx);
  CHECK(counts.unrecorded == 0);
  if (tr_record_possible(ctx)) CHECK(counts.recorded == 1 && counts.replays == 3);
  free(resized), free(mixed);
  tr_record_drop(ctx, &b);
  close_body(&b);
  tr_ctx_close(&ctx);
  return check_report();
}
