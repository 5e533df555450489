/* Memory of a device with memory of its own: arrays that come and go lie apart, blocks are used again, small
 * sets and large copies arrive in order. And what does not fit is told with what is free, or, a recording,
 * done without: on the emulator, whose device has 96 MiB for it. */
/* TR_TEST_RESOURCES */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "core/record/record.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"

enum { ARRAYS = 60, ROUNDS = 400, MIB = 1 << 20 };

static uint64_t next(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

static bool holds(const tr_array *a, float value) {
  float *host = malloc((size_t)a->count * sizeof *host);
  bool same = host && tr_array_download(a, host) == TR_OK;
  for (int64_t i = 0; same && i < a->count; i++) same = host[i] == value;
  free(host);
  return same;
}

static void come_and_go(tr_ctx *ctx) {
  tr_array *a[ARRAYS] = {NULL};
  uint64_t state = 7;
  int64_t settled = 0;
  for (int round = 0; round < ROUNDS; round++) {
    const int i = (int)(next(&state) % ARRAYS);
    if (a[i]) CHECK(holds(a[i], (float)i));
    tr_array_destroy(&a[i]);
    if (next(&state) % 4 == 0) continue;
    const int64_t n = 1 + (int64_t)(next(&state) % (next(&state) % 10 ? 3000 : 200000));
    CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, &n, &a[i]));
    CHECK((uintptr_t)a[i]->data % 256 == 0);
    CHECK_OK(ctx, tr_fill(i, a[i]));
    if (round == ROUNDS / 2) settled = tr_ctx_device_memory(ctx).taken;
  }
  const tr_device_memory m = tr_ctx_device_memory(ctx);
  CHECK(m.taken <= settled + 16 * MIB && m.taken_peak >= m.taken && m.taken >= tr_ctx_memory(ctx));
  CHECK(m.available > 0 && m.available + tr_ctx_memory(ctx) <= m.total);
  for (int i = 0; i < ARRAYS; i++) tr_array_destroy(&a[i]);
}

/* Many small ones, then none: there is room for one that is nearly all. */
static void large_after_small(tr_ctx *ctx) {
  tr_array *a[ARRAYS], *large;
  const int64_t n = MIB / 8, most = 80 * (int64_t)MIB / 4;
  for (int i = 0; i < ARRAYS; i++) CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, &n, &a[i]));
  for (int i = 0; i < ARRAYS; i++) tr_array_destroy(&a[i]);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, &most, &large));
  tr_array_destroy(&large);
}

static void too_much(tr_ctx *ctx) {
  const int64_t half = 60 * (int64_t)MIB / 4, few = 1000;
  tr_array *a, *b = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, &half, &a));
  CHECK_ERROR(ctx, tr_array_create(ctx, TR_F32, 1, &half, &b), TR_E_MEM, "60 MiB were asked for");
  CHECK(b == NULL);
  CHECK_ERROR(ctx, tr_array_create(ctx, TR_F32, 1, &half, &b), TR_E_MEM, "of 96 MiB are free");
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, &few, &b)); /* nothing is broken */
  CHECK_OK(ctx, tr_fill(3, b));
  CHECK(holds(b, 3));
  tr_array_destroy(&b);
  tr_array_destroy(&a);
}

/* More than the ring of pinned memory holds, without a wait: each is there before what comes after it. */
static void small_sets(tr_ctx *ctx) {
  enum { SETS = 3000, EACH = 40 };
  tr_array *a, *sum;
  double back[EACH];
  float values[EACH];
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){EACH}, &a));
  CHECK_OK(ctx, tr_array_like(a, &sum));
  CHECK_OK(ctx, tr_fill(0, sum));
  const tr_counts before = tr_ctx_counts(ctx);
  for (int i = 0; i < SETS; i++) {
    for (int k = 0; k < EACH; k++) values[k] = (float)(i % 7 + k);
    CHECK_OK(ctx, tr_array_set_small(a, values));
    memset(values, 0, sizeof values);
    CHECK_OK(ctx, tr_axpby(1, sum, 1, a, sum));
  }
  CHECK(tr_ctx_counts(ctx).waits == before.waits);
  CHECK_OK(ctx, tr_array_get_f64(sum, back));
  double want = 0;
  for (int i = 0; i < SETS; i++) want += i % 7;
  for (int k = 0; k < EACH; k++) CHECK(back[k] == want + (double)k * SETS);
  tr_array_destroy(&sum);
  tr_array_destroy(&a);
}

static void large_copies(tr_ctx *ctx) {
  const int64_t n = 9 * (int64_t)MIB + 13;
  unsigned char *host = malloc((size_t)n * 2), *back = malloc((size_t)n * 2);
  tr_array *a;
  uint64_t state = 3;
  for (int64_t i = 0; i < 2 * n; i++) host[i] = (unsigned char)next(&state);
  CHECK_OK(ctx, tr_array_create(ctx, TR_BF16, 1, &n, &a));
  CHECK_OK(ctx, tr_array_upload(a, host));
  memcpy(back, host, (size_t)n * 2);
  memset(host, 0, (size_t)n * 2); /* it is the caller's again */
  unsigned char *again = malloc((size_t)n * 2);
  CHECK_OK(ctx, tr_array_download(a, again));
  CHECK(memcmp(again, back, (size_t)n * 2) == 0);
  tr_array_destroy(&a);
  free(again);
  free(back);
  free(host);
}

/* ---- nothing left for a recording ---- */

static tr_status body(void *user) {
  return tr_fill(5, user);
}

static void hear(const char *message, void *user) {
  CHECK(strstr(message, "a test is launched piece by piece: there is no memory for a recording") != NULL);
  (*(int *)user)++;
}

/* What runs without a recording does, and says once that there is none; where there is memory again, there is
 * one. */
static void no_room_for_recordings(tr_ctx *ctx) {
  enum { MOST = 4096 };
  tr_array *x, *all[MOST];
  int n = 0, warnings = 0;
  const int64_t few = 100;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, &few, &x));
  CHECK_OK(ctx, tr_fill(1, x));
  for (int64_t count = 32 * (int64_t)MIB; count >= 1; count /= 2)
    while (n < MOST && tr_array_create(ctx, TR_F32, 1, &count, &all[n]) == TR_OK) n++;
  tr_ctx_clear(ctx);
  CHECK(n < MOST);
  tr_record_call call = {.key = {&n, {1}}, .what = "a test", .n_moving = 0, .body = body, .user = x};
  const tr_counts before = tr_ctx_counts(ctx);
  tr_ctx_on_warning(ctx, hear, &warnings);
  for (int i = 0; i < 4; i++) {
    CHECK_OK(ctx, tr_fill(i, x));
    CHECK_OK(ctx, tr_record(ctx, &call));
    CHECK(holds(x, 5));
  }
  CHECK(warnings == 1 && tr_ctx_counts(ctx).unrecorded == before.unrecorded + 1);
  for (int i = 0; i < n; i++) tr_array_destroy(&all[i]);
  call.key.number[0] = 2;
  for (int i = 0; i < 3; i++) CHECK_OK(ctx, tr_record(ctx, &call));
  CHECK(warnings == 1 && tr_ctx_counts(ctx).replays == before.replays + 2);
  tr_ctx_on_warning(ctx, NULL, NULL);
  tr_array_destroy(&x);
}

static void one_device(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  const tr_device_memory m = tr_ctx_device_memory(ctx);
  CHECK(m.total == (emulated(ctx) ? 96 * MIB : 0) || strncmp(tr_ctx_resource(ctx), "cuda", 4) == 0);
  if (m.total > 0) {
    come_and_go(ctx);
    small_sets(ctx);
    large_copies(ctx);
  }
  if (m.total == 96 * MIB) {
    large_after_small(ctx);
    too_much(ctx);
    no_room_for_recordings(ctx);
  }
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
}

int main(int argc, char **argv) {
  setenv("SIMT_MEMORY", "100663296", 1);
  one_device(argc, argv);
  setenv("TRANSIT_CUDA_ARENA", "0", 1); /* each array by itself */
  one_device(argc, argv);
  return check_report();
}
