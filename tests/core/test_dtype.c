/* Element types: sizes and names, every 16-bit float there and back, rounding once, ranges of integers. */
#include "core/dtype.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

static void names(void) {
  static const struct {
    tr_dtype dtype;
    const char *name;
    size_t size;
    bool is_float, is_integer;
  } want[] = {
      {TR_F32, "f32", 4, true, false},   {TR_F64, "f64", 8, true, false}, {TR_BF16, "bf16", 2, true, false},
      {TR_F16, "f16", 2, true, false},   {TR_I8, "i8", 1, false, true},   {TR_I16, "i16", 2, false, true},
      {TR_I32, "i32", 4, false, true},   {TR_I64, "i64", 8, false, true}, {TR_U8, "u8", 1, false, true},
      {TR_U16, "u16", 2, false, true},   {TR_U32, "u32", 4, false, true}, {TR_U64, "u64", 8, false, true},
      {TR_BOOL, "bool", 1, false, false}};
  CHECK(sizeof want / sizeof *want == TR_N_DTYPES);
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    CHECK(strcmp(tr_dtype_name(want[i].dtype), want[i].name) == 0);
    CHECK(tr_dtype_size(want[i].dtype) == want[i].size);
    CHECK(tr_dtype_is_float(want[i].dtype) == want[i].is_float);
    CHECK(tr_dtype_is_integer(want[i].dtype) == want[i].is_integer);
  }
}

/* A half by its definition. */
static double half_value(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                     : exponent == 0 ? ldexp(fraction, -24)
                                     : ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/* Every one, by double and by float; a middle between two neighbours goes to the even one, and what lies
 * beside the middle to the nearer. */
static void all_halves(void) {
  int wrong = 0;
  for (int i = 0; i < 65536; i++) {
    uint16_t bits = (uint16_t)i, back[2] = {0, 0};
    double want = half_value(bits), got;
    float single;
    tr_dtype_to_f64(TR_F16, 1, &bits, &got);
    tr_dtype_to_f32(TR_F16, 1, &bits, &single);
    tr_dtype_from_f64(TR_F16, 1, &got, &back[0]);
    tr_dtype_from_f32(TR_F16, 1, &single, &back[1]);
    if (isnan(want))
      wrong += !isnan(got) || !isnan(single) || !isnan(half_value(back[0])) || !isnan(half_value(back[1]));
    else
      wrong += memcmp(&got, &want, sizeof got) != 0 || (double)single != want || back[0] != bits ||
               back[1] != bits;
    if ((bits & 0x7FFF) >= 0x7BFF) continue;
    double middle = (want + half_value((uint16_t)(bits + 1))) / 2,
           beside[3] = {middle, nextafter(middle, want), nextafter(middle, 2 * middle)};
    uint16_t rounded[3];
    tr_dtype_from_f64(TR_F16, 3, beside, rounded);
    wrong += rounded[0] != (bits & 1 ? bits + 1 : bits) || rounded[1] != bits || rounded[2] != bits + 1;
  }
  CHECK(wrong == 0);
}

static void ends_of_halves(void) {
  static const double in[] = {65504, 65519.99, 65520, -65520, 1e300, INFINITY, 0x1p-25, 0x1.000001p-25, -0.0};
  static const uint16_t want[] = {0x7BFF, 0x7BFF, 0x7C00, 0xFC00, 0x7C00, 0x7C00, 0, 1, 0x8000};
  enum { N = sizeof in / sizeof *in };
  uint16_t got[N];
  CHECK(tr_dtype_from_f64(TR_F16, N, in, got) == N && memcmp(got, want, sizeof got) == 0);
}

/* From float too: a tie of bf16 to even. Test_array has the rest, from double. */
static void bf16_of_floats(void) {
  static const float in[] = {1, 1.00390625f, 1.01171875f, -1.00390637f, INFINITY, 3.4e38f};
  static const uint16_t want[] = {0x3F80, 0x3F80, 0x3F82, 0xBF81, 0x7F80, 0x7F80};
  enum { N = sizeof in / sizeof *in };
  uint16_t got[N];
  CHECK(tr_dtype_from_f32(TR_BF16, N, in, got) == N && memcmp(got, want, sizeof got) == 0);
}

static void integers(void) {
  static const struct {
    tr_dtype dtype;
    double low, high, below, above;
  } ranges[] = {{TR_I8, -128, 127, -129, 128},
                {TR_I16, -32768, 32767, -32769, 32768},
                {TR_I32, -0x1p31, 0x1p31 - 1, -0x1p31 - 1, 0x1p31},
                {TR_I64, -0x1p63, 0x1.fffffffffffffp62, -0x1.0000000000001p63, 0x1p63},
                {TR_U8, 0, 255, -1, 256},
                {TR_U16, 0, 65535, -1, 65536},
                {TR_U32, 0, 0x1p32 - 1, -1, 0x1p32},
                {TR_U64, 0, 0x1.fffffffffffffp63, -1, 0x1p64},
                {TR_BOOL, 0, 1, -1, 2}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    const double good[] = {ranges[i].low, ranges[i].high, 1, 0};
    const double bad[] = {ranges[i].below, ranges[i].above, 0.5, NAN, INFINITY, -INFINITY};
    double back[4];
    char bytes[4 * 8 + 1];
    CHECK(tr_dtype_from_f64(ranges[i].dtype, 4, good, bytes + 1) == 4); /* at an odd address */
    tr_dtype_to_f64(ranges[i].dtype, 4, bytes + 1, back);
    CHECK(memcmp(back, good, sizeof back) == 0);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
      const double row[] = {1, 0, bad[k], 1};
      CHECK(tr_dtype_from_f64(ranges[i].dtype, 4, row, bytes) == 2);
    }
    CHECK(strlen(tr_dtype_kind(ranges[i].dtype)) > 0);
  }
}

/* Once: through double a 64-bit integer just above a tie of f32 would become the tie. */
static void rounded_once(void) {
  const int64_t near = ((int64_t)1 << 60) + ((int64_t)1 << 36) + 1;
  const uint64_t also = (uint64_t)near;
  float got;
  tr_dtype_to_f32(TR_I64, 1, &near, &got);
  CHECK(got == 0x1.000002p60f);
  tr_dtype_to_f32(TR_U64, 1, &also, &got);
  CHECK(got == 0x1.000002p60f);
  const uint8_t truth[3] = {0, 1, 7};
  float as[3];
  tr_dtype_to_f32(TR_BOOL, 3, truth, as);
  CHECK(as[0] == 0 && as[1] == 1 && as[2] == 1);
}

static void no_type(void) {
  static const tr_dtype none[] = {(tr_dtype)-1, TR_N_DTYPES, (tr_dtype)77};
  double out = 5;
  for (int i = 0; i < 3; i++) {
    CHECK(tr_dtype_size(none[i]) == 0);
    CHECK(strcmp(tr_dtype_name(none[i]), "?") == 0 && strcmp(tr_dtype_kind(none[i]), "?") == 0);
    CHECK(!tr_dtype_is_float(none[i]) && !tr_dtype_is_integer(none[i]));
    tr_dtype_to_f64(none[i], 1, &out, &out);
    CHECK(out == 5);
  }
}

int main(void) {
  names();
  no_type();
  all_halves();
  ends_of_halves();
  bf16_of_floats();
  integers();
  rounded_once();
  return check_report();
}
