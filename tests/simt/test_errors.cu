/* Errors that come late: the message of the device, the operation that was launched last, and with
 * TRANSIT_CUDA_SYNC=1 the one that failed, also of what is recorded; from then on everything says so, and a
 * context closes all the same. */
#include <cstdlib>
#include <cstring>

#include "core/record/record.h"
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

/* ---- in what is recorded ---- */

static __global__ void guilty_if(const float *told, float *out) {
  if (told[0] != 0 && threadIdx.x > 0) out[threadIdx.x] = __shfl_sync(~1u, out[threadIdx.x], 0);
}

typedef struct {
  tr_array *a, *told;
  unsigned threads;
} body;

static tr_status backward(void *user) {
  const body *b = (const body *)user;
  tr_ctx *ctx = b->a->ctx;
  TR_TRY(tr_cuda_launch(ctx, "the backward of attention", 256, 1152, guilty_if, 1, b->threads, 0,
                        (const float *)b->told->data, (float *)b->a->data));
  return tr_scale(2, b->a, b->a);
}

static tr_record_call call_of(body *b) {
  tr_record_call call = {};
  call.key.owner = b, call.what = "the pass of a step", call.body = backward, call.user = b;
  return call;
}

static body open_body(tr_array *a) {
  body b = {a, nullptr, 32};
  CHECK_OK(a->ctx, tr_array_like(a, &b.told));
  CHECK_OK(a->ctx, tr_fill(0, b.told));
  return b;
}

/* Of a replay its name is known, of work that is recorded or launched one by one the operation's. */
static void recorded(bool sync) {
  tr_array *a;
  double host[32];
  if (sync) setenv("TRANSIT_CUDA_SYNC", "1", 1);
  tr_ctx *ctx = open(&a);
  body b = open_body(a);
  const tr_record_call call = call_of(&b);
  for (int i = 0; i < 3; i++) CHECK_OK(ctx, tr_record(ctx, &call));
  CHECK(tr_ctx_counts(ctx).replays == (sync ? 0 : 2));
  CHECK_OK(ctx, tr_fill(1, b.told));
  if (sync) {
    CHECK_ERROR(ctx, tr_record(ctx, &call), TR_E_DEVICE, ", in the backward of attention (256, 1152)");
  } else {
    CHECK_OK(ctx, tr_record(ctx, &call));
    tr_record_drop(ctx, nullptr);
    CHECK_ERROR(ctx, tr_array_get_f64(a, host), TR_E_DEVICE,
                ", after the pass of a step at the latest: TRANSIT_CUDA_SYNC=1 tells");
  }
  tr_array_destroy(&b.told);
  close(ctx, a);
  if (sync) unsetenv("TRANSIT_CUDA_SYNC");
}

/* A launch that is refused while it is recorded is named, and what was recorded so far is gone. */
static void refused_within() {
  tr_array *a;
  double host[32];
  tr_ctx *ctx = open(&a);
  body b = open_body(a);
  const tr_record_call call = call_of(&b);
  CHECK_OK(ctx, tr_record(ctx, &call));
  b.threads = 4096;
  CHECK_ERROR(ctx, tr_record(ctx, &call), TR_E_DEVICE, "the backward of attention failed: ");
  b.threads = 32;
  for (int i = 0; i < 3; i++) CHECK_OK(ctx, tr_record(ctx, &call));
  CHECK_OK(ctx, tr_array_get_f64(a, host));
  CHECK(host[31] == 16 && tr_ctx_counts(ctx).replays == 2);
  tr_array_destroy(&b.told);
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
  recorded(false);
  recorded(true);
  refused_within();
  return check_report();
}
