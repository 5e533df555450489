/* Where a device has too little memory for a batch, the announcement of a solve says how much was asked for,
 * how much is free, and how many rows would fit; these then do, twice as many do not, and nothing is held.
 * On the emulator, whose device is given little memory for it. */
/* TR_TEST_RESOURCES */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/problems/scene.h"
#include "transport/guidance.h"

enum { MEMORY = 512 << 20, ROWS = 600, STATES = 40 };

/* The rows that the message of the context tells; 0: it tells none. */
static int64_t rows_told(tr_ctx *ctx) {
  const char *said = strstr(tr_ctx_error(ctx)->message, "use fewer rows at a time: ");
  return said ? strtoll(said + strlen("use fewer rows at a time: "), NULL, 10) : 0;
}

static tr_status reserve(tr_drift *drift, const scene *s, int64_t rows, int64_t vectors) {
  const tr_cond cond = scene_cond(s, 0, rows);
  tr_array x = tr_rows(s->x, 0, rows);
  return tr_drift_reserve(drift, &x, &cond, vectors);
}

/* Its memory, and that of a solver. */
static tr_status hold(tr_drift *drift, const scene *s, int64_t rows, int64_t vectors) {
  tr_array x = tr_rows(s->x, 0, rows), *states[STATES] = {NULL};
  tr_status status = reserve(drift, s, rows, vectors);
  for (int i = 0; i < STATES && status == TR_OK; i++) status = tr_array_like(&x, &states[i]);
  for (int i = 0; i < STATES; i++) tr_array_destroy(&states[i]);
  return status;
}

static void drift(tr_ctx *ctx, const scene *s, tr_drift *drift, int64_t vectors) {
  const int64_t before = tr_ctx_memory(ctx);
  CHECK(reserve(drift, s, ROWS, vectors) == TR_E_MEM);
  const int64_t fit = rows_told(ctx), more = 2 * fit < ROWS ? 2 * fit : ROWS;
  CHECK_ERROR(ctx, TR_E_MEM, TR_E_MEM, "were asked for");
  CHECK(fit > 0 && fit < ROWS);
  CHECK_OK(ctx, hold(drift, s, fit, vectors));
  CHECK(hold(drift, s, more, vectors) == TR_E_MEM);
  tr_ctx_clear(ctx);
  CHECK(reserve(drift, s, ROWS, vectors) == TR_E_MEM && tr_ctx_memory(ctx) - before < MEMORY / 2);
  tr_ctx_clear(ctx);
}

/* Memory that others hold, all but so many MiB. */
enum { MOST = MEMORY >> 20 };
typedef struct {
  tr_array *mib[MOST];
} others;

static others hold_all_but(tr_ctx *ctx, int mib) {
  others o = {{NULL}};
  int n = 0;
  while (n < MOST && tr_array_create(ctx, TR_F32, 1, (int64_t[]){1 << 18}, &o.mib[n]) == TR_OK) n++;
  tr_ctx_clear(ctx);
  CHECK(n > mib && n < MOST);
  for (int i = 0; i < mib && n > 0; i++) tr_array_destroy(&o.mib[--n]);
  return o;
}

static void let_go(others *o) {
  for (int i = 0; i < MOST; i++) tr_array_destroy(&o->mib[i]);
}

static void with_memory(tr_ctx *ctx, const scene *s, tr_drift *of, int64_t vectors, int mib) {
  others o = hold_all_but(ctx, mib);
  drift(ctx, s, of, vectors);
  let_go(&o);
}

static void not_even_one(tr_ctx *ctx, const scene *s) {
  enum { SMALL = 1000 };
  others o = hold_all_but(ctx, 0);
  tr_array *small[SMALL] = {NULL};
  for (int i = 0; i < SMALL && tr_array_create(ctx, TR_F32, 1, (int64_t[]){1 << 11}, &small[i]) == TR_OK;)
    i++;
  tr_ctx_clear(ctx);
  CHECK(reserve(s->network, s, ROWS, 0) == TR_E_MEM);
  CHECK_ERROR(ctx, TR_E_MEM, TR_E_MEM, "not even one row would fit");
  for (int i = 0; i < SMALL; i++) tr_array_destroy(&small[i]);
  let_go(&o);
}

static void device(tr_ctx *ctx) {
  scene s;
  open_scene(ctx, &scene_large, TR_F32, ROWS, &s);
  with_memory(ctx, &s, s.network, 0, 60);
  with_memory(ctx, &s, s.network, 2, 120);
  if (s.network->null_class >= 0) {
    const tr_guidance guidance = {.scale = 1.5, .low = 0, .high = 1};
    tr_drift *guide;
    CHECK_OK(ctx, tr_drift_create_guided(s.network, &guidance, &guide));
    with_memory(ctx, &s, guide, 0, 100);
    tr_drift_destroy(&guide);
  }
  close_scene(&s);
  open_scene(ctx, &scene_large, TR_F32, ROWS, &s);
  not_even_one(ctx, &s);
  close_scene(&s);
}

int main(int argc, char **argv) {
  char bytes[32];
  snprintf(bytes, sizeof bytes, "%d", MEMORY);
  setenv("SIMT_MEMORY", bytes, 1);
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  const int64_t total = tr_ctx_device_memory(ctx).total;
  CHECK(emulated(ctx) ? total == MEMORY : total == 0 || total >= MEMORY);
  if (total == MEMORY) device(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
