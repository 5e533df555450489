/* What tr_ctx_counts counts: every allocation, copy, wait and operation once, and nothing for what was
 * refused or asks nothing of the device. */
/* TR_TEST_RESOURCES */
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"

/* The counts since the last call. */
static tr_counts news(tr_ctx *ctx) {
  static tr_counts before;
  tr_counts now = tr_ctx_counts(ctx), d = counts_between(before, now);
  before = now;
  return d;
}

static void expect(tr_ctx *ctx, tr_counts want, int line) {
  tr_counts got = news(ctx);
  if (memcmp(&got, &want, sizeof got) != 0)
    printf("line %d: allocations %lld, uploads %lld, downloads %lld, small sets %lld, waits %lld, operations "
           "%lld, programs %lld, bytes %lld up, %lld down\n",
           line, (long long)got.allocations, (long long)got.uploads, (long long)got.downloads,
           (long long)got.small_sets, (long long)got.waits, (long long)got.operations,
           (long long)got.programs, (long long)got.bytes_up, (long long)got.bytes_down);
  CHECK(memcmp(&got, &want, sizeof got) == 0);
}
#define EXPECT(ctx, ...) expect((ctx), (tr_counts){__VA_ARGS__}, __LINE__)

static void arrays(tr_ctx *ctx) {
  tr_array *a, *b;
  double host[6] = {1, 2, 3, 4, 5, 6};
  EXPECT(ctx, 0);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){3, 2}, &a));
  CHECK_OK(ctx, tr_array_like(a, &b));
  EXPECT(ctx, .allocations = 2);
  tr_array view = tr_rows(a, 1, 2);
  EXPECT(ctx, 0);
  CHECK_OK(ctx, tr_array_set_f64(a, host));
  CHECK_OK(ctx, tr_array_set_f64(&view, host));
  EXPECT(ctx, .uploads = 2, .bytes_up = 24 + 16);
  CHECK_OK(ctx, tr_array_get_f64(&view, host));
  EXPECT(ctx, .downloads = 1, .waits = 1, .bytes_down = 16);
  CHECK_OK(ctx, tr_array_copy(a, b));
  EXPECT(ctx, .operations = 1);
  CHECK_OK(ctx, tr_array_set_small(&view, (float[]){9, 8, 7, 6}));
  EXPECT(ctx, .small_sets = 1);
  CHECK_OK(ctx, tr_array_get_f64(a, host));
  CHECK(host[0] == 1 && host[1] == 2 && host[2] == 9 && host[5] == 6);
  EXPECT(ctx, .downloads = 1, .waits = 1, .bytes_down = 24);
  CHECK_ERROR(ctx, tr_array_copy(a, &view), TR_E_SHAPE, "copy");
  tr_array_destroy(&b);
  tr_array_destroy(&a);
  EXPECT(ctx, 0);
}

static void vectors(tr_ctx *ctx) {
  tr_array *x, *dots;
  double out;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){3, 2}, &x));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){3}, &dots));
  EXPECT(ctx, .allocations = 2);
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST}, x));
  CHECK_OK(ctx, tr_scale(2, x, x));
  CHECK_OK(ctx, tr_map(TR_MAP_ABS, 0, x, NULL, x));
  CHECK_OK(ctx, tr_blend_channels(1, 1, x, 1, x, x));
  CHECK_OK(ctx, tr_dot_rows(1, x, x, 0, dots));
  EXPECT(ctx, .operations = 5);
  CHECK_OK(ctx, tr_reduce(TR_SUM, x, NULL, NULL, &out));
  CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, x, NULL, NULL, &out));
  EXPECT(ctx, .operations = 2, .programs = 2, .waits = 2);
  CHECK_ERROR(ctx, tr_scale(1, x, dots), TR_E_SHAPE, "counts");
  CHECK_ERROR(ctx, tr_reduce(TR_SUM_XY, x, NULL, NULL, &out), TR_E_ARG, "operand");
  EXPECT(ctx, 0);
  tr_array_destroy(&dots);
  tr_array_destroy(&x);
}

static void network_operations(tr_ctx *ctx) {
  tr_array *v, *y;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){3, 2}, &v));
  CHECK_OK(ctx, tr_array_like(v, &y));
  CHECK_OK(ctx, tr_fill(1, v));
  EXPECT(ctx, .allocations = 2, .operations = 1);
  CHECK_OK(ctx, tr_nn_activate(&(tr_nn_activate_args){.activation = TR_NN_SILU, .v = v, .y = y}));
  EXPECT(ctx, .operations = 1);
  tr_array_destroy(&y);
  tr_array_destroy(&v);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  arrays(ctx);
  vectors(ctx);
  network_operations(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
