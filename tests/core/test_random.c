/* Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds), and the addressing. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/random.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"

/* TR_TEST_RESOURCES */

static void known_answers(void) {
  static const struct {
    uint32_t counter[4], key[2], want[4];
  } kat[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
    uint32_t out[4];
    tr_philox4x32(kat[i].counter, kat[i].key, out);
    CHECK(memcmp(out, kat[i].want, sizeof out) == 0);
  }
}

/* Rows drawn together equal rows drawn alone: the address decides, not the batch. */
static void batch_free(tr_ctx *ctx, tr_dtype dtype) {
  tr_array *all, *one;
  double together[5 * 7], alone[7];
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){5, 7}, &all));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){1, 7}, &one));
  tr_random_address address = {.seed = 42, .purpose = TR_RANDOM_TEST, .step = 3, .sample = 10};
  CHECK_OK(ctx, tr_randn(&address, all));
  CHECK_OK(ctx, tr_array_get_f64(all, together));
  for (int i = 0; i < 5; i++) {
    tr_random_address row = address;
    row.sample += (uint64_t)i;
    CHECK_OK(ctx, tr_randn(&row, one));
    CHECK_OK(ctx, tr_array_get_f64(one, alone));
    CHECK(memcmp(alone, together + 7 * i, sizeof alone) == 0);
  }
  tr_array_destroy(&all);
  tr_array_destroy(&one);
}

/* The block that core/random.h says an address has. */
static void block_of(const tr_random_address *a, uint64_t sample, uint32_t index, uint32_t out[4]) {
  const uint32_t key[] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
  const uint32_t counter[] = {index, a->step, (uint32_t)sample,
                              (uint32_t)(sample >> 32) << 16 | (uint32_t)a->purpose};
  tr_philox4x32(counter, key, out);
}

static double unit_of(uint32_t high, uint32_t low) {
  return ((double)high * 0x1p21 + (low >> 11)) * 0x1p-53;
}

/* Every bit of the address counts: normals, uniforms and signs are those of the block, and no two of the
 * addresses below, which differ in one bit, have the same. */
static void every_bit_counts(void) {
  enum { BITS = 64 + 48 + 32 + 16 + 20, SIGNS = 128 };
  static double normal[BITS + 1], uniform[BITS + 1], signs[BITS + 1][SIGNS];
  for (int bit = 0; bit <= BITS; bit++) {
    tr_random_address a = {.seed = 0x123456789abcdef0u, .purpose = 5, .step = 77};
    uint64_t sample = 0x0000a5a5deadbeefu;
    uint32_t element = 6, w[4];
    double pair[2];
    if (bit < 64)
      a.seed ^= 1ull << bit;
    else if (bit < 112)
      sample ^= 1ull << (bit - 64);
    else if (bit < 144)
      a.step ^= 1u << (bit - 112);
    else if (bit < 160)
      a.purpose ^= 1u << (bit - 144);
    else if (bit < BITS)
      element ^= 1u << (bit - 160);
    tr_random_normal_pair(&a, sample, element, pair);
    uniform[bit] = tr_random_uniform(&a, sample, element);
    tr_random_signs(&a, sample, SIGNS, signs[bit]);
    block_of(&a, sample, element, w);
    CHECK(uniform[bit] == unit_of(w[0], w[1]));
    normal[bit] = hypot(pair[0], pair[1]);
    CHECK_NEAR(normal[bit], sqrt(-2 * log(unit_of(w[0], w[1]) + 0x1p-53)), 1e-12);
    CHECK_NEAR(pair[0], normal[bit] * cos(2 * 3.14159265358979324 * unit_of(w[2], w[3])), 1e-9);
    block_of(&a, sample, 0, w);
    for (int i = 0; i < SIGNS; i++) CHECK(signs[bit][i] == (w[i / 32] >> (i % 32) & 1 ? 1 : -1));
    for (int other = 0; other < bit; other++) {
      CHECK(uniform[other] != uniform[bit]);
      if (bit < 160) CHECK(memcmp(signs[other], signs[bit], sizeof signs[bit]) != 0);
    }
  }
}

/* Numbers of the type from one to the other, 0 if they have the same bits. */
static int64_t units_between(double a, double b, tr_dtype dtype) {
  const float f = (float)a, g = (float)b;
  int32_t i, j;
  int64_t k, l;
  memcpy(&i, &f, sizeof i), memcpy(&j, &g, sizeof j);
  memcpy(&k, &a, sizeof k), memcpy(&l, &b, sizeof l);
  if (signbit(a) != signbit(b)) return INT64_MAX;
  return dtype == TR_F32 ? llabs((int64_t)i - j) : llabs(k - l);
}

/* A normal of the device: the processor's bits where it promises them, elsewhere within two units in the last
 * place of it, or in f32 within one. */
static bool as_the_processor(tr_ctx *ctx, double got, double want, tr_dtype dtype) {
  const int64_t units = units_between(got, want, dtype);
  if (promises(ctx, TR_BACKEND_PROCESSOR_BITS)) return units == 0;
  return units <= (dtype == TR_F32 ? 1 : 2);
}

/* Rows of one array whose samples lie on both sides of 2^32, and on its multiples. */
static void beyond_32_bits(tr_ctx *ctx) {
  static const uint64_t firsts[] = {0xfffffffeu, 0xfffffffffffeu - 3, 0, 1ull << 32, 1ull << 47};
  double row[5][4 * 6];
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){4, 6}, &x));
  for (int k = 0; k < 5; k++) {
    tr_random_address address = {.seed = 42, .purpose = TR_RANDOM_TEST, .sample = firsts[k]};
    CHECK_OK(ctx, tr_randn(&address, x));
    CHECK_OK(ctx, tr_array_get_f64(x, row[k]));
    for (int i = 0; i < 4; i++)
      for (int pair = 0; pair < 3; pair++) {
        double want[2];
        tr_random_normal_pair(&address, firsts[k] + (uint64_t)i, (uint32_t)pair, want);
        CHECK(as_the_processor(ctx, row[k][6 * i + 2 * pair], want[0], TR_F64) &&
              as_the_processor(ctx, row[k][6 * i + 2 * pair + 1], want[1], TR_F64));
      }
  }
  CHECK(memcmp(row[0] + 2 * 6, row[3], 2 * 6 * sizeof(double)) == 0); /* samples 2^32 and 2^32 + 1 */
  CHECK(memcmp(row[2], row[3], sizeof row[2]) != 0);
  CHECK(memcmp(row[2], row[4], sizeof row[2]) != 0);
  tr_array_destroy(&x);
}

/* The normals of whole rows, one by one. */
static void whole_rows(tr_ctx *ctx, tr_dtype dtype) {
  enum { ROWS = 2048, ROW = 129 };
  static double x[ROWS * ROW];
  const tr_random_address address = {.seed = 7, .purpose = TR_RANDOM_TEST};
  tr_array *a;
  long apart = 0, far = 0;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){ROWS, ROW}, &a));
  CHECK_OK(ctx, tr_randn(&address, a));
  CHECK_OK(ctx, tr_array_get_f64(a, x));
  for (int i = 0; i < ROWS * ROW; i++) {
    double pair[2];
    tr_random_normal_pair(&address, (uint64_t)(i / ROW), (uint32_t)(i % ROW / 2), pair);
    const double want = dtype == TR_F32 ? (double)(float)pair[i % ROW % 2] : pair[i % ROW % 2];
    apart += x[i] != want;
    far += !as_the_processor(ctx, x[i], want, dtype);
  }
  CHECK(far == 0 && apart < ROWS * ROW / 100);
  tr_array_destroy(&a);
}

/* Mean, variance and fourth moment of 2^18 normals within five standard errors; neighbouring addresses
 * uncorrelated. */
static void moments(tr_ctx *ctx) {
  enum { ROWS = 512, ROW = 512, N = ROWS * ROW };
  static double x[N], y[N];
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, ROW}, &a));
  tr_random_address address = {.seed = 7, .purpose = TR_RANDOM_TEST};
  CHECK_OK(ctx, tr_randn(&address, a));
  CHECK_OK(ctx, tr_array_get_f64(a, x));
  address.step = 1;
  CHECK_OK(ctx, tr_randn(&address, a));
  CHECK_OK(ctx, tr_array_get_f64(a, y));
  double m1 = 0, m2 = 0, m4 = 0, steps = 0, neighbours = 0;
  for (int i = 0; i < N; i++) {
    m1 += x[i] / N, m2 += x[i] * x[i] / N, m4 += x[i] * x[i] * x[i] * x[i] / N, steps += x[i] * y[i] / N;
    if (i) neighbours += x[i] * x[i - 1] / N;
  }
  CHECK_NEAR(m1, 0, 5 / sqrt(N));
  CHECK_NEAR(m2, 1, 5 * sqrt(2.0 / N));
  CHECK_NEAR(m4, 3, 5 * sqrt(96.0 / N));
  CHECK_NEAR(steps, 0, 5 / sqrt(N));
  CHECK_NEAR(neighbours, 0, 5 / sqrt(N));
  tr_array_destroy(&a);
}

/* The signs of a sample are the bits of its blocks, whole or in part; they balance and do not repeat. */
static void signs(void) {
  enum { N = 20000 };
  static double s[N], t[N];
  tr_random_address address = {.seed = 3, .purpose = TR_RANDOM_PROBE, .step = 2};
  double sum = 0, repeats = 0, neighbours = 0;
  tr_random_signs(&address, 5, N, s);
  tr_random_signs(&address, 6, N, t);
  for (int i = 0; i < N; i++) {
    CHECK(s[i] == 1 || s[i] == -1);
    sum += s[i], repeats += s[i] * t[i];
    if (i) neighbours += s[i] * s[i - 1];
  }
  CHECK_NEAR(sum, 0, 5 * sqrt(N));
  CHECK_NEAR(repeats, 0, 5 * sqrt(N));
  CHECK_NEAR(neighbours, 0, 5 * sqrt(N));
  tr_random_signs(&address, 5, 130, t);
  for (int i = 0; i < 130; i++) CHECK(t[i] == s[i]);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  known_answers();
  batch_free(ctx, TR_F64);
  batch_free(ctx, TR_F32);
  every_bit_counts();
  beyond_32_bits(ctx);
  whole_rows(ctx, TR_F64);
  whole_rows(ctx, TR_F32);
  moments(ctx);
  signs();
  tr_ctx_close(&ctx);
  return check_report();
}
