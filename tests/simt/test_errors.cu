/* Errors that come late: the message of the device, the operation that was launched last, and with
 * TRANSIT_CUDA_SYNC=1 the one that failed; from then on everything says so, and a context closes all the
 * same. */
#include <cstdlib>
#include <cstring>

#include "core/vec/vec.h"
#include "cuda/launch.h"
#include "tests/simt/hooks.h"
extern "C" {
#include "tests/support/check.h"
}

static __global__ void guilty(float *out) { /* lane 0 is not in the mask */
  if (threadIdx.x > 0) out[threadIdx.x] = __shfl_sync(~1u, out[threadIdx.x], 0);
}

static tr_status launch_guilty(tr_ctx *ctx, tr_array *a) {
  return tr_cuda_launch(ctx, "attention", 256, 1152, guilty, 1, 32, 0, (float *)a->data);
}

static tr_ctx *open(tr_array **a) {
  tr_ctx *ctx = nullptr;
  tr_error error;
  const int64_t n = 32;
  CHECK(tr_ctx_open("emulated:0", 1, &ctx, &error) == TR_OK);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, &n, a));
  CHECK_OK(ctx, tr_fill(1, *a));
  return ctx;
}

static void close(tr_ctx *ctx, tr_array *a) {
  tr_array_destroy(&a);
  tr_ctx_close(&ctx);
  simt_forget_errors();
}

/* Whatever is asked. */
static void check_lost(tr_ctx *ctx, tr_array *a, const char *word) {
  double host[32];
  float value = 1;
  const int64_t n = 1 << 20;
  tr_array one = tr_rows(a, 0, 1), *more = nullptr;
  for (int i = 0; i < 2; i++) {
    CHECK_ERROR(ctx, tr_array_get_f64(a, host), TR_E_DEVICE, word);
    CHECK_ERROR(ctx, tr_fill(2, a), TR_E_DEVICE, word);
    CHECK_ERROR(ctx, tr_array_set_small(&one, &value), TR_E_DEVICE, word);
    CHECK_ERROR(ctx, tr_reduce(TR_SUM, a, nullptr, nullptr, host), TR_E_DEVICE, word);
    CHECK_ERROR(ctx, tr_array_create(ctx, TR_F32, 1, &n, &more), TR_E_DEVICE, word);
  }
}

static void late() {
  tr_array *a;
  double host[32];
  tr_ctx *ctx = open(&a);
  CHECK_OK(ctx, launch_guilty(ctx, a));
  CHECK_OK(ctx, tr_scale(2, a, a)); /* nobody knows yet */
  CHECK_ERROR(ctx, tr_array_get_f64(a, host), TR_E_DEVICE, "the device failed: ");
  check_lost(ctx, a, ", after a program (1, 32) at the latest: TRANSIT_CUDA_SYNC=1 tells");
  close(ctx, a);
}

static void at_once() {
  tr_array *a;
  setenv("TRANSIT_CUDA_SYNC", "1", 1);
  tr_ctx *ctx = open(&a);
  CHECK_ERROR(ctx, launch_guilty(ctx, a), TR_E_DEVICE, ", in attention (256, 1152)");
  check_lost(ctx, a, ", in attention (256, 1152)");
  close(ctx, a);
  unsetenv("TRANSIT_CUDA_SYNC");
}

/* A call that is refused by itself harms nothing. */
static void of_one_call() {
  tr_array *a;
  double host[32];
  tr_ctx *ctx = open(&a);
  CHECK_ERROR(ctx, tr_cuda_launch(ctx, "too many", 1, 1, guilty, 1, 4096, 0, (float *)a->data), TR_E_DEVICE,
              "too many failed: ");
  CHECK_OK(ctx, tr_array_get_f64(a, host));
  CHECK(host[31] == 1);
  close(ctx, a);
}

int main() {
  of_one_call();
  late();
  at_once();
  return check_report();
}
