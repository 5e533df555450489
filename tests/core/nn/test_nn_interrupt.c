/* A layer of a huge batch looks at the interrupt flag: nothing is done once it is set, and that is said. A
 * small one ends. */
#include <stdlib.h>

#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_PROCESSOR: on a device nobody can ask within an operation. */

#define UNTOUCHED 7.0

static volatile sig_atomic_t flag;

static tr_array *target(tr_ctx *ctx, int64_t rows, int64_t cols) {
  tr_array *y;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){rows, cols}, &y));
  CHECK_OK(ctx, tr_fill(UNTOUCHED, y));
  return y;
}

/* The operation was given up before anything of y was written, and says so. */
static void given_up(tr_ctx *ctx, tr_status status, const tr_array *y) {
  CHECK_ERROR(ctx, status, TR_E_INTERRUPTED, "interrupted at work on one layer");
  flag = 0;
  double *got = values(y);
  int64_t touched = 0;
  for (int64_t i = 0; i < y->count; i++) touched += got[i] != UNTOUCHED;
  CHECK(touched == 0);
  free(got);
}

/* 4e10 multiply-adds, a second and more. */
static void linear(tr_ctx *ctx, int64_t rows, bool ends) {
  enum { IN = 2048, OUT = 2048 };
  tr_array *x = target(ctx, rows, IN), *w = target(ctx, OUT, IN), *y = target(ctx, rows, OUT),
           *dw = target(ctx, OUT, IN);
  tr_nn_weight *weight = weight_of(w, TR_F32);
  flag = 1;
  tr_status status = tr_nn_linear(&(tr_nn_linear_args){.x = x, .w = weight, .y = y});
  if (ends) {
    CHECK_OK(ctx, status);
  } else {
    given_up(ctx, status, y);
    flag = 1;
    given_up(ctx, tr_nn_gradient_of_linear(&(tr_nn_gradient_of_linear_args){.x = x, .dy = y, .dw = dw}), dw);
  }
  flag = 0;
  tr_array **const all[] = {&x, &w, &y, &dw};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tr_array_destroy(all[i]);
  tr_nn_weight_destroy(&weight);
}

static void attention(tr_ctx *ctx) {
  enum { SAMPLES = 16, TOKENS = 4096, D = 64, ROWS = SAMPLES * TOKENS };
  tr_array *qkv = target(ctx, ROWS, 3 * D), *y = target(ctx, ROWS, D), *dqkv = target(ctx, ROWS, 3 * D);
  flag = 1;
  given_up(ctx, tr_nn_attention(&(tr_nn_attention_args){.qkv = qkv, .samples = SAMPLES, .heads = 1, .y = y}),
           y);
  flag = 1;
  given_up(ctx,
           tr_nn_attention_backward(&(tr_nn_attention_backward_args){
               .qkv = qkv, .samples = SAMPLES, .heads = 1, .dy = y, .dqkv = dqkv}),
           dqkv);
  flag = 1;
  given_up(ctx,
           tr_nn_attention_jvp(
               &(tr_nn_attention_jvp_args){.qkv = qkv, .samples = SAMPLES, .heads = 1, .v = dqkv, .y = y}),
           y);
  tr_array **const all[] = {&qkv, &y, &dqkv};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tr_array_destroy(all[i]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tr_ctx_set_interrupt(ctx, &flag);
  linear(ctx, 10000, false);
  linear(ctx, 8, true);
  attention(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
