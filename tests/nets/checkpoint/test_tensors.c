/* Tensors in host memory: every floating type against values known exactly, strides, and refusal of numbers
 * that are not finite. */
#include "nets/checkpoint/tensors.h"
#include "tests/support/check.h"

static tr_tensor flat(tr_dtype type, int64_t n, const void *data) {
  return (tr_tensor){
      .name = "w", .dtype = type, .ndim = 1, .shape = {n}, .stride = {1}, .count = n, .data = data};
}

static void half_precision(tr_ctx *ctx) {
  static const uint16_t bits[] = {0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x3555, 0x8000};
  const double want[] = {1, -2, ldexp(1, -24), ldexp(1023, -24), ldexp(1, -14), 65504, 0x1.554p-2, -0.0};
  tr_tensor t = flat(TR_F16, 8, bits);
  double got[8];
  float got32[8];
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, &t, got));
  CHECK_OK(ctx, tr_tensor_to_f32(ctx, &t, got32));
  for (int i = 0; i < 8; i++) CHECK(got[i] == want[i] && (double)got32[i] == want[i]);
  CHECK(signbit(got[7]));
}

static void bfloat(tr_ctx *ctx) {
  static const uint16_t bits[] = {0x3f80, 0xc049, 0x0001};
  const double want[] = {1, -3.140625, ldexp(1, -133)};
  tr_tensor t = flat(TR_BF16, 3, bits);
  double got[3];
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, &t, got));
  for (int i = 0; i < 3; i++) CHECK(got[i] == want[i]);
}

/* A transposed view of a 2 x 3 matrix, at an odd address. */
static void strided_unaligned(tr_ctx *ctx) {
  const double stored[6] = {0, 1, 2, 3, 4, 5}, want[6] = {0, 3, 1, 4, 2, 5};
  char bytes[sizeof stored + 1];
  memcpy(bytes + 1, stored, sizeof stored);
  tr_tensor t = {.name = "w",
                 .dtype = TR_F64,
                 .ndim = 2,
                 .shape = {3, 2},
                 .stride = {1, 3},
                 .count = 6,
                 .data = bytes + 1};
  double got[6];
  float got32[6];
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, &t, got));
  CHECK_OK(ctx, tr_tensor_to_f32(ctx, &t, got32));
  for (int i = 0; i < 6; i++) CHECK(got[i] == want[i] && (double)got32[i] == want[i]);
}

static void refused(tr_ctx *ctx) {
  const float nan32[3] = {1, 2, NAN};
  const double huge[2] = {1, 1e300};
  const int32_t whole[2] = {1, 2};
  double got[3];
  float got32[3];
  tr_tensor t = flat(TR_F32, 3, nan32);
  CHECK_ERROR(ctx, tr_tensor_to_f64(ctx, &t, got), TR_E_NONFINITE, "element 2");
  CHECK_ERROR(ctx, tr_tensor_to_f32(ctx, &t, got32), TR_E_NONFINITE, "'w'");
  t = flat(TR_F64, 2, huge); /* finite, but not as f32 */
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, &t, got));
  CHECK_ERROR(ctx, tr_tensor_to_f32(ctx, &t, got32), TR_E_NONFINITE, "element 1");
  t = flat(TR_I32, 2, whole);
  CHECK_ERROR(ctx, tr_tensor_to_f32(ctx, &t, got32), TR_E_SHAPE, "i32");
}

static void find(void) {
  const tr_tensor items[2] = {{.name = "a"}, {.name = "b"}};
  const tr_tensors tensors = {.n = 2, .items = items};
  CHECK(tr_tensors_find(&tensors, "b") == &items[1]);
  CHECK(tr_tensors_find(&tensors, "c") == NULL);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  half_precision(ctx);
  bfloat(ctx);
  strided_unaligned(ctx);
  refused(ctx);
  find();
  tr_ctx_close(&ctx);
  return check_report();
}
