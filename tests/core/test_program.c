/* Programs: the bits of the operations one by one, whatever is listed and however it overlaps; error weights;
 * reductions left in slots; watches; what the lists do not take. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/cpu/guard.h"
#include "core/vec/program.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"

enum { VECTORS = 40, N = 9001 }; /* more than a program holds; more than two chunks */

typedef struct {
  tr_array *v[VECTORS];
} vectors;

static vectors make(tr_ctx *ctx, tr_dtype dtype) {
  vectors all;
  for (int i = 0; i < VECTORS; i++) {
    tr_random_address address = {.purpose = TR_RANDOM_TEST, .step = (uint32_t)i};
    CHECK_OK(ctx, tr_array_create(ctx, dtype, 1, (int64_t[]){N}, &all.v[i]));
    CHECK_OK(ctx, tr_randn(&address, all.v[i]));
  }
  return all;
}
static void destroy(vectors *all) {
  for (int i = 0; i < VECTORS; i++) tr_array_destroy(&all->v[i]);
}
static bool same(tr_ctx *ctx, const tr_array *a, const tr_array *b) {
  static double x[N], y[N];
  CHECK_OK(ctx, tr_array_get_f64(a, x));
  CHECK_OK(ctx, tr_array_get_f64(b, y));
  return memcmp(x, y, (size_t)a->count * sizeof *x) == 0;
}

/* A list of error weights alone, and of a look. */
static tr_status weights_of(const tr_array *y, const tr_segments *seg, const double *rtol, const double *atol,
                            tr_array *w) {
  tr_program list;
  tr_program_init(&list, -1);
  TR_TRY(tr_program_weights(&list, y, seg, rtol, atol, w));
  return tr_program_run(&list);
}
static tr_status look(const tr_array *x, int64_t step, int slot) {
  tr_program list;
  tr_program_init(&list, slot);
  TR_TRY(tr_program_watch(&list, x, step, NULL));
  return tr_program_run(&list);
}

/* ---- the same bits ---- */

static uint32_t state_of_draw = 1;
static int draw(int n) {
  state_of_draw = state_of_draw * 1664525u + 1013904223u;
  return (int)((state_of_draw >> 8) % (uint32_t)n);
}

/* One drawn operation on the first `width` vectors: listed when there is a list, at once otherwise. */
static tr_status random_operation(tr_program *list, vectors *all, int width) {
  static const double rtol[2] = {1e-3, 1e-2}, atol[2] = {1e-2, 1};
  const tr_segments halves = {2, {5000, N}};
  const tr_array *x[TR_LINCOMB_MAX];
  double a[TR_LINCOMB_MAX];
  tr_array *z = all->v[draw(width)];
  int kind = draw(10), k = 1 + draw(kind == 0 ? TR_LINCOMB_MAX : 3);
  for (int i = 0; i < k; i++) x[i] = all->v[draw(width)], a[i] = (draw(2001) - 1000) / 1000.0 / k;
  const tr_array *y = all->v[draw(width)];
  if (kind < 7) return list ? tr_program_lincomb(list, k, a, x, z) : tr_lincomb(k, a, x, z);
  if (kind == 7) return list ? tr_program_copy(list, y, z) : tr_array_copy(y, z);
  if (kind == 8)
    return list ? tr_program_weights(list, y, draw(2) ? &halves : NULL, rtol, atol, z)
                : weights_of(y, draw(2) ? &halves : NULL, rtol, atol, z);
  tr_map_op op = (tr_map_op[]){TR_MAP_CONST, TR_MAP_MUL, TR_MAP_ABS, TR_MAP_ADDC}[draw(4)];
  return list ? tr_program_map(list, op, a[0], x[0], y, z) : tr_map(op, a[0], x[0], y, z);
}

/* The same draws on two sets of equal vectors, with a reduction now and then. */
static void same_bits(tr_ctx *ctx, tr_dtype dtype, int width) {
  vectors listed = make(ctx, dtype), plain = make(ctx, dtype);
  tr_program list;
  int slot;
  CHECK_OK(ctx, tr_slot_take(ctx, &slot));
  tr_program_init(&list, -1);
  for (int round = 0; round < 12; round++) {
    const uint32_t seed = state_of_draw;
    const int n = 1 + draw(round % 5 == 0 ? 200 : 30), at = draw(width);
    const uint32_t operations = state_of_draw;
    for (int i = 0; i < n; i++) CHECK_OK(ctx, random_operation(&list, &listed, width));
    state_of_draw = operations;
    for (int i = 0; i < n; i++) CHECK_OK(ctx, random_operation(NULL, &plain, width));
    const tr_segments parts = {3, {4000, 4000, N}};
    double got[3], want[3];
    CHECK_OK(ctx, tr_program_reduce(&list, TR_SUM_XW2, listed.v[at], listed.v[0], &parts, slot));
    CHECK_OK(ctx, tr_slot_read(ctx, slot, 3, got));
    CHECK_OK(ctx, tr_reduce(TR_SUM_XW2, plain.v[at], plain.v[0], &parts, want));
    CHECK(memcmp(got, want, sizeof got) == 0);
    bool equal = true;
    for (int i = 0; i < width; i++) equal = equal && same(ctx, listed.v[i], plain.v[i]);
    CHECK(equal);
    if (!equal) printf("seed %u, width %d, %d operations\n", (unsigned)seed, width, n);
  }
  tr_slot_give(ctx, &slot);
  destroy(&listed), destroy(&plain);
}

/* Large enough to be shared among threads. */
static void thread_free(tr_ctx *ctx) {
  enum { LARGE = 300000 };
  tr_array *x, *y;
  double sum[2];
  int before = tr_ctx_threads(ctx), slot;
  tr_program list;
  CHECK_OK(ctx, tr_slot_take(ctx, &slot));
  for (int k = 0; k < 2; k++) {
    CHECK_OK(ctx, tr_ctx_set_threads(ctx, k ? 3 : 1));
    CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){LARGE}, &x));
    CHECK_OK(ctx, tr_array_like(x, &y));
    CHECK_OK(ctx, tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST}, x));
    CHECK_OK(ctx, tr_fill(1, y));
    tr_program_init(&list, -1);
    for (int i = 0; i < 40; i++) CHECK_OK(ctx, tr_program_axpby(&list, 0.25, x, 0.5, y, i % 2 ? x : y));
    CHECK_OK(ctx, tr_program_reduce(&list, TR_SUM, x, NULL, NULL, slot));
    CHECK_OK(ctx, tr_slot_read(ctx, slot, 1, &sum[k]));
    tr_array_destroy(&x);
    tr_array_destroy(&y);
  }
  CHECK(sum[0] == sum[1] && isfinite(sum[0]));
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, before));
  tr_slot_give(ctx, &slot);
}

/* ---- when a list is handed over ---- */

static int64_t programs(tr_ctx *ctx) {
  static int64_t before;
  int64_t now = tr_ctx_counts(ctx).programs, n = now - before;
  CHECK(tr_ctx_counts(ctx).programs <= tr_ctx_counts(ctx).operations);
  before = now;
  return n;
}

static void hand_over(tr_ctx *ctx) {
  vectors all = make(ctx, TR_F32);
  tr_program list;
  tr_array *other, view;
  double first[2];
  tr_program_init(&list, -1);
  programs(ctx);
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(programs(ctx) == 0); /* nothing listed */
  for (int i = 0; i < TR_PROGRAM_OPS; i++) CHECK_OK(ctx, tr_program_scale(&list, 1, all.v[0], all.v[1]));
  CHECK(programs(ctx) == 0 && tr_program_holds(&list, all.v[1]->data));
  CHECK(!tr_program_holds(&list, all.v[2]->data));
  CHECK_OK(ctx, tr_program_scale(&list, 1, all.v[0], all.v[2])); /* one operation too many */
  CHECK(programs(ctx) == 1 && !tr_program_holds(&list, all.v[1]->data));
  for (int i = 1; i < TR_PROGRAM_VECTORS; i++) CHECK_OK(ctx, tr_program_scale(&list, 1, all.v[0], all.v[i]));
  CHECK(programs(ctx) == 0);
  CHECK_OK(ctx, tr_program_scale(&list, 1, all.v[0], all.v[TR_PROGRAM_VECTORS])); /* one vector too many */
  CHECK(programs(ctx) == 1);
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(programs(ctx) == 1 && same(ctx, all.v[0], all.v[TR_PROGRAM_VECTORS]));
  const tr_array *many[TR_LINCOMB_MAX];
  double factors[TR_LINCOMB_MAX] = {1};
  for (int i = 0; i < TR_LINCOMB_MAX; i++) many[i] = all.v[0];
  for (int i = 0; i <= TR_PROGRAM_TERMS / TR_LINCOMB_MAX; i++) {
    CHECK(programs(ctx) == 0);
    CHECK_OK(ctx, tr_program_lincomb(&list, TR_LINCOMB_MAX, factors, many, all.v[1]));
  }
  CHECK(programs(ctx) == 1); /* one number too many */
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(programs(ctx) == 1 && same(ctx, all.v[0], all.v[1]));

  /* Vectors of another count, and such that lie across others, begin a new list. */
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){7}, &other));
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, 3, NULL, NULL, all.v[0]));
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, 4, NULL, NULL, other));
  CHECK(programs(ctx) == 1);
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(programs(ctx) == 1);
  view = tr_view(all.v[5], 0, 1, (int64_t[]){N - 1});
  tr_array shifted = tr_view(all.v[5], 1, 1, (int64_t[]){N - 1});
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, 5, NULL, NULL, &view));
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, 6, NULL, NULL, &shifted));
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_ADDC, 1, &view, NULL, &view));
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(programs(ctx) == 3);
  view = tr_view(all.v[5], 0, 1, (int64_t[]){2});
  CHECK_OK(ctx, tr_array_get_f64(&view, first));
  CHECK(first[0] == 6 && first[1] == 7);
  CHECK_OK(ctx, tr_array_get_f64(other, (double[7]){0}));
  tr_array_destroy(&other);
  destroy(&all);
}

/* ---- error weights ---- */

static void weights(tr_ctx *ctx, tr_dtype dtype) {
  vectors all = make(ctx, dtype);
  const tr_segments parts = {2, {5000, N}};
  double w[N], y[N];
  CHECK_OK(ctx,
           weights_of(all.v[0], &parts, (const double[]){1e-3, 0}, (const double[]){1e-2, 0.25}, all.v[1]));
  /* as the maps one by one */
  CHECK_OK(ctx, tr_map(TR_MAP_ABS, 0, all.v[0], NULL, all.v[2]));
  CHECK_OK(ctx, tr_scale(1e-3, all.v[2], all.v[2]));
  CHECK_OK(ctx, tr_map(TR_MAP_ADDC, 1e-2, all.v[2], NULL, all.v[2]));
  CHECK_OK(ctx, tr_map(TR_MAP_INV, 0, all.v[2], NULL, all.v[2]));
  CHECK_OK(ctx, tr_array_get_f64(all.v[1], w));
  CHECK_OK(ctx, tr_array_get_f64(all.v[2], y));
  CHECK(memcmp(w, y, 5000 * sizeof *w) == 0);
  bool second = true;
  for (int i = 5000; i < N; i++) second = second && w[i] == 4;
  CHECK(second);
  CHECK_OK(ctx, tr_fill(0, all.v[0]));
  CHECK_OK(ctx,
           weights_of(all.v[0], NULL, (const double[]){1}, (const double[]){0}, all.v[0])); /* in place */
  CHECK_OK(ctx, tr_array_get_f64(all.v[0], w));
  CHECK(isinf(w[0]) && w[0] > 0 && isinf(w[N - 1]));
  CHECK_ERROR(ctx, weights_of(all.v[0], &(tr_segments){1, {5}}, (double[]){1}, (double[]){1}, all.v[1]),
              TR_E_ARG, "segments");
  destroy(&all);
}

/* ---- normals ---- */

/* Those of tr_randn, whatever chunks and rows the list cuts them into, and however many draws are listed. */
static void draws(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t row) {
  enum { DRAWS = TR_PROGRAM_DRAWS + 2 };
  const int64_t shape[2] = {rows, row};
  tr_array *listed[DRAWS], *plain, *sum, *want;
  tr_program list;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, shape, &plain));
  CHECK_OK(ctx, tr_array_like(plain, &sum));
  CHECK_OK(ctx, tr_array_like(plain, &want));
  CHECK_OK(ctx, tr_fill(0, sum));
  CHECK_OK(ctx, tr_fill(0, want));
  tr_program_init(&list, -1);
  for (int k = 0; k < DRAWS; k++) {
    const tr_random_address address = {
        .seed = 3, .purpose = TR_RANDOM_TEST, .step = (uint32_t)k, .sample = 0xfffffffe};
    CHECK_OK(ctx, tr_array_like(plain, &listed[k]));
    CHECK_OK(ctx, tr_program_randn(&list, &address, listed[k]));
    CHECK_OK(ctx, tr_program_axpby(&list, 1, sum, 0.25, listed[k], sum));
    CHECK_OK(ctx, tr_randn(&address, plain));
    CHECK_OK(ctx, tr_axpby(1, want, 0.25, plain, want));
  }
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(same(ctx, sum, want) && same(ctx, listed[DRAWS - 1], plain));
  CHECK_ERROR(ctx, tr_program_randn(&list, &(tr_random_address){.purpose = 65536}, sum), TR_E_ARG,
              "out of range");
  for (int k = 0; k < DRAWS; k++) tr_array_destroy(&listed[k]);
  tr_array_destroy(&plain);
  tr_array_destroy(&sum);
  tr_array_destroy(&want);
}

/* ---- slots ---- */

static void slots(tr_ctx *ctx) {
  vectors all = make(ctx, TR_F64);
  int slot[TR_SLOTS], none = -1;
  double out, out2, want;
  for (int i = 0; i < TR_SLOTS - 1; i++) CHECK_OK(ctx, tr_slot_take(ctx, &slot[i]));
  for (int i = 0; i < TR_SLOTS - 1; i++)
    for (int j = 0; j < i; j++) CHECK(slot[i] != slot[j] && slot[i] > 0);
  CHECK_ERROR(ctx, tr_slot_take(ctx, &none), TR_E_UNSUPPORTED, "15");
  CHECK(none == -1);
  for (int i = 2; i < TR_SLOTS - 1; i++) tr_slot_give(ctx, &slot[i]);
  CHECK(slot[2] == -1);
  tr_slot_give(ctx, &none); /* fine */

  /* Two results, one wait; a later look at them costs none, nor after a download. */
  int64_t waits = tr_ctx_counts(ctx).waits;
  CHECK_OK(ctx, tr_reduce_begin(TR_SUM, all.v[0], NULL, NULL, slot[0]));
  CHECK_OK(ctx, tr_reduce_begin(TR_MAX_ABS, all.v[0], NULL, NULL, slot[1]));
  CHECK(tr_ctx_counts(ctx).waits == waits);
  CHECK_OK(ctx, tr_slot_read(ctx, slot[1], 1, &out2));
  CHECK_OK(ctx, tr_slot_read(ctx, slot[0], 1, &out));
  CHECK_OK(ctx, tr_slot_read(ctx, slot[0], 1, &out));
  CHECK(tr_ctx_counts(ctx).waits == waits + 1);
  CHECK_OK(ctx, tr_reduce(TR_SUM, all.v[0], NULL, NULL, &want));
  CHECK(out == want && out2 > 3);
  CHECK_OK(ctx, tr_reduce_begin(TR_SUM, all.v[1], NULL, NULL, slot[0]));
  static double host[N];
  CHECK_OK(ctx, tr_array_download(all.v[1], host));
  waits = tr_ctx_counts(ctx).waits;
  CHECK_OK(ctx, tr_slot_read(ctx, slot[0], 1, &out));
  CHECK(tr_ctx_counts(ctx).waits == waits && out != want);
  CHECK_OK(ctx, tr_wait(ctx));
  CHECK(tr_ctx_counts(ctx).waits == waits + 1);

  tr_slot_give(ctx, &slot[1]);
  CHECK_ERROR(ctx, tr_reduce_begin(TR_SUM, all.v[0], NULL, NULL, 2), TR_E_ARG, "slot 2 was not taken");
  CHECK_ERROR(ctx, tr_slot_read(ctx, -1, 1, &out), TR_E_ARG, "slot -1");
  CHECK_ERROR(ctx, tr_slot_read(ctx, slot[0], TR_MAX_SEGMENTS + 1, &out), TR_E_ARG, "5 numbers");
  tr_slot_give(ctx, &slot[0]);
  destroy(&all);
}

/* ---- watches ---- */

static int64_t asked(tr_ctx *ctx, int slot, bool wait) {
  int64_t step = -77;
  CHECK_OK(ctx, tr_watch_ask(ctx, slot, wait, &step));
  return step;
}

static void spoil(tr_ctx *ctx, tr_array *a, int64_t at, double value) {
  tr_array one = tr_view(a, at, 1, (int64_t[]){1});
  CHECK_OK(ctx, tr_fill(value, &one));
}

/* The first step that is not finite is kept, wherever the element is and whatever it is. */
static void watches(tr_ctx *ctx, tr_dtype dtype) {
  static const int64_t places[] = {0, 4095, 4096, N - 1};
  static const double values[] = {NAN, INFINITY, -INFINITY};
  vectors all = make(ctx, dtype);
  for (int k = 0; k < 12; k++) {
    int slot;
    CHECK_OK(ctx, tr_watch_take(ctx, &slot));
    CHECK(asked(ctx, slot, true) == TR_WATCH_NONE);
    CHECK_OK(ctx, tr_map(TR_MAP_CONST, dtype == TR_F32 ? 3e38 : 1e308, NULL, NULL, all.v[0]));
    CHECK_OK(ctx, look(all.v[0], 3, slot));
    CHECK(asked(ctx, slot, true) == TR_WATCH_NONE);
    spoil(ctx, all.v[0], places[k % 4], values[k % 3]);
    CHECK_OK(ctx, look(all.v[0], 5, slot));
    CHECK_OK(ctx, look(all.v[0], 6, slot));
    CHECK(asked(ctx, slot, true) == 5);
    CHECK_OK(ctx, tr_fill(0, all.v[0]));
    CHECK_OK(ctx, look(all.v[0], 7, slot));
    CHECK(asked(ctx, slot, true) == 5 && asked(ctx, slot, false) == 5);
    CHECK_ERROR(ctx, look(all.v[0], -1, slot), TR_E_ARG, "step -1");
    tr_slot_give(ctx, &slot);
    CHECK_ERROR(ctx, look(all.v[0], 8, 3), TR_E_ARG, "slot 3");
    CHECK_ERROR(ctx, look(all.v[0], 8, -1), TR_E_ARG, "slot -1");
  }
  destroy(&all);
}

/* Behind a latch that is set nothing of a watched program happens: the state stays, and so do the slots. */
static void left_undone(tr_ctx *ctx) {
  vectors all = make(ctx, TR_F32);
  tr_program list;
  int latch, slot;
  double before, after;
  CHECK_OK(ctx, tr_watch_take(ctx, &latch));
  CHECK_OK(ctx, tr_slot_take(ctx, &slot));
  tr_program_init(&list, latch);
  CHECK_OK(ctx, tr_program_copy(&list, all.v[1], all.v[0]));
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, NAN, NULL, NULL, all.v[2]));
  CHECK_OK(ctx, tr_program_watch(&list, all.v[2], 4, NULL));
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(same(ctx, all.v[0], all.v[1])); /* the program that finds it is done */
  CHECK_OK(ctx, tr_reduce_begin(TR_SUM, all.v[1], NULL, NULL, slot));
  CHECK_OK(ctx, tr_slot_read(ctx, slot, 1, &before));
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, 1, NULL, NULL, all.v[0]));
  CHECK_OK(ctx, tr_program_reduce(&list, TR_SUM, all.v[3], NULL, NULL, slot));
  CHECK_OK(ctx, tr_slot_read(ctx, slot, 1, &after));
  CHECK(same(ctx, all.v[0], all.v[1]) && before == after);
  CHECK(asked(ctx, latch, true) == 4);
  tr_slot_give(ctx, &slot);
  tr_slot_give(ctx, &latch);
  destroy(&all);
}

/* A look that is listed: what follows is the same program, unless it writes what was looked at, or what has
 * to outlive a finding. */
static void listed_looks(tr_ctx *ctx) {
  vectors all = make(ctx, TR_F32);
  tr_program list;
  int latch;
  CHECK_OK(ctx, tr_watch_take(ctx, &latch));
  tr_program_init(&list, latch);
  for (int k = 0; k < 4; k++) {
    int64_t before = tr_ctx_counts(ctx).programs;
    CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, k, NULL, NULL, all.v[0]));
    CHECK_OK(ctx, tr_program_watch(&list, all.v[0], k, all.v[1]));
    CHECK_OK(ctx, k == 3
                      ? tr_program_watch(&list, all.v[2], k, NULL)
                      : tr_program_scale(&list, 2, all.v[0], all.v[k])); /* what was looked at, keep, other */
    CHECK(tr_ctx_counts(ctx).programs == before + (k != 2));
    CHECK_OK(ctx, tr_program_run(&list));
    CHECK(tr_ctx_counts(ctx).programs == before + 1 + (k != 2));
  }
  CHECK(asked(ctx, latch, true) == TR_WATCH_NONE);
  CHECK_OK(ctx, tr_program_copy(&list, all.v[5], all.v[1]));
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, NAN, NULL, NULL, all.v[0]));
  CHECK_OK(ctx, tr_program_watch(&list, all.v[0], 7, all.v[1]));
  CHECK_OK(ctx,
           tr_program_map(&list, TR_MAP_CONST, 3, NULL, NULL, all.v[2])); /* in the program that finds it */
  CHECK_OK(ctx, tr_program_map(&list, TR_MAP_CONST, 3, NULL, NULL, all.v[1])); /* behind it */
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(asked(ctx, latch, true) == 7 && same(ctx, all.v[1], all.v[5]));
  CHECK_OK(ctx, tr_fill(3, all.v[4]));
  CHECK(same(ctx, all.v[2], all.v[4]));
  tr_slot_give(ctx, &latch);
  destroy(&all);
}

/* A device that tells late: nothing is seen before a wait, all after it; a download is one. */
static void late(tr_ctx *ctx) {
  vectors all = make(ctx, TR_F64);
  static double host[N];
  int latch, slot;
  double sum;
  CHECK_OK(ctx, tr_watch_take(ctx, &latch));
  CHECK_OK(ctx, tr_slot_take(ctx, &slot));
  tr_guard_set_late(ctx, true);
  for (int k = 0; k < 2; k++) {
    CHECK_OK(ctx, tr_map(TR_MAP_CONST, NAN, NULL, NULL, all.v[0]));
    CHECK_OK(ctx, look(all.v[0], 9, latch));
    CHECK(asked(ctx, latch, false) == TR_WATCH_NONE);
    if (k == 0)
      CHECK(asked(ctx, latch, true) == 9);
    else
      CHECK_OK(ctx, tr_array_download(all.v[1], host));
    CHECK(asked(ctx, latch, false) == 9);
    tr_slot_give(ctx, &latch);
    CHECK_OK(ctx, tr_watch_take(ctx, &latch));
    CHECK(asked(ctx, latch, false) == TR_WATCH_NONE);
  }
  CHECK_OK(ctx, tr_fill(2, all.v[0]));
  CHECK_OK(ctx, tr_reduce_begin(TR_SUM, all.v[0], NULL, NULL, slot));
  CHECK_OK(ctx, tr_slot_read(ctx, slot, 1, &sum));
  CHECK(sum == 2 * N);
  tr_guard_set_late(ctx, false);
  tr_slot_give(ctx, &slot);
  tr_slot_give(ctx, &latch);
  destroy(&all);
}

static void refused(tr_ctx *ctx) {
  tr_array *a, *b, *i32;
  tr_program list;
  tr_program_init(&list, -1);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){4}, &a));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){5}, &b));
  CHECK_OK(ctx, tr_array_create(ctx, TR_I32, 1, (int64_t[]){4}, &i32));
  int64_t before = tr_ctx_counts(ctx).operations;
  CHECK_ERROR(ctx, tr_program_scale(&list, 1, a, b), TR_E_SHAPE, "counts");
  CHECK_ERROR(ctx, tr_program_copy(&list, i32, i32), TR_E_SHAPE, "a copy needs");
  CHECK_OK(ctx, tr_program_copy(&list, a, a)); /* onto itself: nothing */
  CHECK_ERROR(ctx, tr_program_map(&list, TR_MAP_CONST, 1, NULL, NULL, i32), TR_E_SHAPE, "not i32");
  CHECK_ERROR(ctx, tr_program_map(&list, TR_MAP_MUL, 0, a, NULL, a), TR_E_ARG, "operand");
  CHECK_ERROR(ctx, tr_program_map(&list, (tr_map_op)77, 0, a, a, a), TR_E_ARG, "77");
  CHECK_ERROR(ctx, tr_program_lincomb(&list, 0, (double[]){1}, (const tr_array *const[]){a}, a), TR_E_ARG,
              "0 terms");
  CHECK_ERROR(ctx, tr_program_lincomb(&list, 17, (double[]){1}, (const tr_array *const[]){a}, a), TR_E_ARG,
              "17 terms");
  CHECK_ERROR(ctx, tr_program_weights(&list, a, NULL, (double[]){1}, (double[]){1}, b), TR_E_SHAPE,
              "error weights");
  CHECK_ERROR(ctx, tr_program_reduce(&list, TR_SUM, a, NULL, NULL, 5), TR_E_ARG, "slot 5");
  CHECK_ERROR(ctx, tr_program_reduce(&list, TR_SUM_XY, a, NULL, NULL, 0), TR_E_ARG, "operand");
  CHECK_ERROR(ctx, tr_program_watch(&list, a, 0, NULL), TR_E_ARG, "slot -1");
  /* a watch that nobody took: also where nothing is watched, as its latch would decide over the list */
  tr_program never_begun = {0}, other;
  tr_program_init(&other, 999);
  CHECK_OK(ctx, tr_program_scale(&other, 1, a, a));
  CHECK_ERROR(ctx, tr_program_run(&other), TR_E_ARG, "watch 999");
  CHECK_OK(ctx, tr_program_run(&other)); /* it is empty now */
  CHECK_OK(ctx, tr_program_run(&never_begun));
  CHECK_OK(ctx, tr_program_scale(&never_begun, 1, a, a));
  CHECK_ERROR(ctx, tr_program_run(&never_begun), TR_E_ARG, "tr_program_init");
  /* nothing given */
  tr_array empty = tr_view(a, 3, 1, (int64_t[]){2});
  tr_ctx_clear(ctx);
  CHECK_ERROR(ctx, tr_program_scale(&list, 1, &empty, a), TR_E_SHAPE, "empty view");
  CHECK_ERROR(ctx, tr_program_lincomb(&list, 1, (double[]){1}, (const tr_array *const[]){NULL}, a), TR_E_ARG,
              "NULL");
  CHECK_ERROR(ctx, tr_program_copy(NULL, a, a), TR_E_ARG, "p is NULL");
  CHECK_ERROR(ctx, tr_program_map(NULL, TR_MAP_ABS, 0, a, NULL, a), TR_E_ARG, "p is NULL");
  CHECK_ERROR(ctx, tr_program_weights(&list, a, NULL, NULL, (double[]){1}, a), TR_E_ARG, "rtol");
  CHECK_ERROR(ctx, tr_program_reduce(NULL, TR_SUM, a, NULL, NULL, 0), TR_E_ARG, "p is NULL");
  CHECK_ERROR(ctx, tr_program_watch(NULL, a, 0, NULL), TR_E_ARG, "p is NULL");
  CHECK_ERROR(ctx, tr_slot_take(ctx, NULL), TR_E_ARG, "slot");
  CHECK_ERROR(ctx, tr_watch_take(ctx, NULL), TR_E_ARG, "slot");
  CHECK_ERROR(ctx, tr_slot_read(ctx, 0, 1, NULL), TR_E_ARG, "out");
  CHECK_ERROR(ctx, tr_watch_ask(ctx, 0, true, NULL), TR_E_ARG, "step");
  CHECK_ERROR(NULL, tr_program_run(NULL), TR_E_ARG, "p is NULL");
  CHECK_ERROR(ctx, tr_program_scale(&list, 1, a, NULL), TR_E_ARG, "z");
  CHECK_ERROR(NULL, tr_wait(NULL), TR_E_ARG, "ctx");
  tr_program_init(NULL, -1);
  tr_slot_give(ctx, NULL);
  tr_slot_give(NULL, &(int){3});
  CHECK(!tr_program_holds(NULL, a->data));
  CHECK_OK(ctx, tr_program_run(&list));
  CHECK(tr_ctx_counts(ctx).operations == before);
  tr_array_destroy(&a);
  tr_array_destroy(&b);
  tr_array_destroy(&i32);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (tr_dtype dtype = TR_F32; dtype <= TR_F64; dtype++) {
    same_bits(ctx, dtype, VECTORS);
    same_bits(ctx, dtype, 6);
    weights(ctx, dtype);
    draws(ctx, dtype, 7, 1251);
    draws(ctx, dtype, 3, 1);
    draws(ctx, dtype, 0, 5);
    watches(ctx, dtype);
  }
  thread_free(ctx);
  hand_over(ctx);
  slots(ctx);
  left_undone(ctx);
  listed_looks(ctx);
  if (strcmp(tr_ctx_resource(ctx), "guard") == 0) late(ctx);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
