/* Recordings: the same bits as operations one by one, whatever arrays the caller has, one launch each; made
 * anew when what they use is gone; and what cannot be recorded is told, and done all the same. Where a device
 * records nothing, the results are those, too. */
/* TR_TEST_RESOURCES */
#include "core/record/record.h"

#include <stdlib.h>
#include <string.h>

#include "core/vec/vec.h"
#include "tests/simt/counters.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"

enum { N = 300 };

typedef struct {
  tr_ctx *ctx;
  tr_array *kept, *work; /* (N), its own */
  const tr_array *x;     /* (3, N), of the caller */
  tr_array *y;           /* (2, N), of the caller */
  int calls;
  int ask; /* for something that cannot be recorded */
} body;

enum { NOTHING, MEMORY, DOWNLOAD, SMALL, WAIT, DOTS, DESTROY };

static tr_status ask_more(body *b) {
  double sum[N];
  tr_array *more = NULL, row = tr_rows(b->x, 0, 1), one = tr_view(b->work, 0, 1, (int64_t[]){1});
  tr_status status = TR_OK;
  switch (b->ask) {
  case MEMORY:
    status = tr_array_like(b->work, &more);
    tr_array_destroy(&more);
    return status;
  case DOWNLOAD:
    return tr_array_get_f64(b->work, sum);
  case SMALL:
    return tr_array_set_small(&one, &(double){3});
  case WAIT:
    return tr_reduce(TR_SUM, b->work, NULL, NULL, sum);
  case DOTS:
    return tr_dot_rows(1, &row, &row, 0, &one);
  case DESTROY:
    tr_array_destroy(&b->kept);
    TR_TRY(tr_array_like(b->work, &b->kept));
    return tr_fill(1, b->kept);
  default:
    return TR_OK;
  }
}

/* y[0] = |x[1]| kept + 2 x[2], y[1] = x[0] on its first third, work elsewhere */
static tr_status run(void *user) {
  body *b = user;
  const int64_t cut[] = {1, 3, N / 3};
  b->calls++;
  tr_array first = tr_rows(b->x, 0, 1), second = tr_rows(b->x, 1, 1), third = tr_rows(b->x, 2, 1);
  tr_array a = tr_rows(b->y, 0, 1), c = tr_rows(b->y, 1, 1);
  TR_TRY(tr_map(TR_MAP_ABS, 0, &second, NULL, b->work));
  TR_TRY(tr_map(TR_MAP_MUL, 0, b->work, b->kept, b->work));
  TR_TRY(tr_axpby(1, b->work, 2, &third, &a));
  TR_TRY(tr_array_copy(&first, &c));
  tr_array blended = tr_view(&first, 0, 3, cut), other = tr_view(b->work, 0, 3, cut),
           out = tr_view(&c, 0, 3, cut);
  TR_TRY(tr_blend_channels(1, 1, &blended, 0, &other, &out));
  return ask_more(b);
}

static void open_body(tr_ctx *ctx, body *b) {
  *b = (body){.ctx = ctx};
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){N}, &b->kept));
  CHECK_OK(ctx, tr_array_like(b->kept, &b->work));
  CHECK_OK(ctx, tr_fill(1.25, b->kept));
}

static void close_body(body *b) {
  tr_array_destroy(&b->kept);
  tr_array_destroy(&b->work);
}

static tr_record_call call_of(body *b, int64_t number) {
  return (tr_record_call){
      .key = {b, {number}}, .what = "a test", .n_moving = 2, .moving = {b->x, b->y}, .body = run, .user = b};
}

/* The result at these numbers is the same, bit for bit, as without a recording, in the memory given. */
static void check_call(body *b, int64_t number, uint64_t sample, tr_array *x, tr_array *y) {
  double got[2 * N], want[2 * N];
  CHECK_OK(b->ctx, tr_randn(&(tr_random_address){.purpose = TR_RANDOM_TEST, .sample = sample}, x));
  b->x = x, b->y = y;
  CHECK_OK(b->ctx, run(b));
  CHECK_OK(b->ctx, tr_array_get_f64(y, want));
  CHECK_OK(b->ctx, tr_fill(-1, y));
  const tr_record_call call = call_of(b, number);
  CHECK_OK(b->ctx, tr_record(b->ctx, &call));
  CHECK_OK(b->ctx, tr_array_get_f64(y, got));
  CHECK(memcmp(got, want, sizeof got) == 0 && want[0] != 0);
  b->calls--; /* that of `want` */
}

typedef struct {
  tr_array *x[3], *y[3];
} arrays;

static arrays open_arrays(tr_ctx *ctx) {
  arrays a;
  for (int i = 0; i < 3; i++) {
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){3 + i, N}, &a.x[i]));
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){2 + i, N}, &a.y[i]));
  }
  return a;
}

static void close_arrays(arrays *a) {
  for (int i = 0; i < 3; i++) {
    tr_array_destroy(&a->x[i]);
    tr_array_destroy(&a->y[i]);
  }
}

/* Where the arrays of a call lie, by its number: within others, too. */
static void place(const arrays *a, int i, tr_array *x, tr_array *y) {
  *x = tr_rows(a->x[i % 3], i % 3 ? 1 : 0, 3);
  *y = tr_rows(a->y[(i / 3) % 3], (i / 3) % 3 ? 1 : 0, 2);
}

static void replays(tr_ctx *ctx, bool records) {
  body b;
  tr_array x, y;
  open_body(ctx, &b);
  arrays a = open_arrays(ctx);
  for (int i = 0; i < 9; i++) {
    const tr_counts before = tr_ctx_counts(ctx);
    place(&a, i, &x, &y);
    check_call(&b, 1, (uint64_t)i, &x, &y);
    const tr_counts news = counts_since(ctx, before);
    CHECK(news.recorded == (records && i == 1) && news.replays == (records && i >= 1) &&
          news.unrecorded == 0);
    CHECK(b.calls == (records && i >= 1 ? 2 : i + 1) && news.allocations == 0);
  }
  close_arrays(&a);
  close_body(&b);
}

/* On the emulator: a replay is one launch of a graph, and one small copy if anything has moved. */
static void launches(tr_ctx *ctx, bool records) {
  simt_counters before, after;
  if (!simt_counted(&before) || !records) return;
  body b;
  tr_array x[2], y[2];
  open_body(ctx, &b);
  arrays a = open_arrays(ctx);
  for (int i = 0; i < 2; i++) {
    place(&a, 4 * i, &x[i], &y[i]);
    CHECK_OK(ctx, tr_fill(i, a.x[i]));
  }
  for (int i = 0; i < 8; i++) {
    b.x = &x[i / 2 % 2], b.y = &y[i / 2 % 2];
    const tr_record_call call = call_of(&b, 1);
    simt_counted(&before);
    CHECK_OK(ctx, tr_record(ctx, &call));
    simt_counted(&after);
    if (i < 2) continue;
    CHECK(after.graph_launches == before.graph_launches + 1 && after.launches == before.launches);
    CHECK(after.copies[1].calls - before.copies[1].calls == (i % 2 == 0));
    CHECK(after.waits == before.waits && after.allocations == before.allocations);
  }
  close_arrays(&a);
  close_body(&b);
}

/* Other memory of its own, maybe at the same address: what was recorded is not used again. */
static void memory_goes(tr_ctx *ctx, bool records) {
  body b;
  open_body(ctx, &b);
  arrays a = open_arrays(ctx);
  for (int round = 0; round < 3; round++) {
    const tr_counts before = tr_ctx_counts(ctx);
    for (int i = 0; i < 4; i++) check_call(&b, 1, (uint64_t)i, a.x[0], a.y[0]);
    CHECK(counts_since(ctx, before).recorded == records);
    if (round == 1) {
      tr_record_drop(ctx, &a); /* another's */
      tr_record_drop(ctx, &b);
      continue;
    }
    tr_array_destroy(&b.kept);
    CHECK_OK(ctx, tr_array_like(b.work, &b.kept));
    CHECK_OK(ctx, tr_fill(3 + round, b.kept));
  }
  const tr_counts before = tr_ctx_counts(ctx);
  tr_array *unrelated;
  check_call(&b, 1, 7, a.x[0], a.y[0]);
  check_call(&b, 1, 7, a.x[0], a.y[0]);
  CHECK_OK(ctx, tr_array_like(b.work, &unrelated));
  tr_array_destroy(&unrelated);
  tr_array_destroy(&a.x[1]); /* memory that moves is not the recording's */
  check_call(&b, 1, 8, a.x[0], a.y[0]);
  CHECK(counts_since(ctx, before).replays == (records ? 2 : 0));
  close_arrays(&a);
  close_body(&b);
}

static char warning[256];
static void hear(const char *message, void *user) {
  (*(int *)user)++;
  snprintf(warning, sizeof warning, "%s", message);
}

/* Told once, and done. */
static void refusals(tr_ctx *ctx, bool records) {
  static const char *const said[] = {
      [MEMORY] = "an array that is made", [DOWNLOAD] = "a download",   [SMALL] = "a small upload",
      [WAIT] = "a result for the host",   [DOTS] = "products of rows", [DESTROY] = "destroys memory"};
  for (int ask = MEMORY; ask <= DESTROY; ask++) {
    body b;
    int warnings = 0;
    open_body(ctx, &b);
    arrays a = open_arrays(ctx);
    tr_ctx_on_warning(ctx, hear, &warnings);
    b.ask = ask;
    const tr_counts before = tr_ctx_counts(ctx);
    if (ask == DESTROY) CHECK_OK(ctx, tr_fill(1, b.kept));
    for (int i = 0; i < 5; i++) check_call(&b, 1, (uint64_t)i, a.x[0], a.y[0]);
    const tr_counts news = counts_since(ctx, before);
    CHECK(news.recorded == 0 && news.replays == 0);
    if (ask != DESTROY) CHECK(news.unrecorded == records && warnings == records && b.calls == 5 + records);
    if (records && ask != DESTROY) CHECK(strstr(warning, said[ask]) && strstr(warning, "a test is launched"));
    tr_ctx_on_warning(ctx, NULL, NULL);
    close_arrays(&a);
    close_body(&b);
  }
}

static tr_status fail(void *user) {
  body *b = user;
  b->calls++;
  return TR_FAIL(b->ctx, TR_E_SOLVER, "the body has had enough");
}

static tr_status run_within(void *user) {
  const tr_record_call call = call_of(user, 2);
  return tr_record(((body *)user)->ctx, &call);
}

static void calls(tr_ctx *ctx, bool records) {
  body b;
  volatile sig_atomic_t flag = 0;
  open_body(ctx, &b);
  arrays a = open_arrays(ctx);
  CHECK_OK(ctx, tr_fill(1, a.x[0]));
  b.x = a.x[0], b.y = a.y[0];
  tr_record_call call = call_of(&b, 5);
  call.body = fail; /* again and again, and nothing is recorded of it */
  for (int i = 0; i < 3; i++) CHECK_ERROR(ctx, tr_record(ctx, &call), TR_E_SOLVER, "had enough");
  CHECK(b.calls == 3);
  call = call_of(&b, 6);
  call.body = run_within; /* one within another is part of it */
  tr_counts before = tr_ctx_counts(ctx);
  for (int i = 0; i < 4; i++) CHECK_OK(ctx, tr_record(ctx, &call));
  CHECK(counts_since(ctx, before).recorded == records && counts_since(ctx, before).replays == 3 * records);
  call.t = 0.25, flag = 1;
  tr_ctx_set_interrupt(ctx, &flag);
  if (records) CHECK_ERROR(ctx, tr_record(ctx, &call), TR_E_INTERRUPTED, "t = 0.25");
  tr_ctx_set_interrupt(ctx, NULL);
  tr_record_turn(ctx, false);
  before = tr_ctx_counts(ctx);
  for (int i = 0; i < 3; i++) CHECK_OK(ctx, tr_record(ctx, &call));
  CHECK(counts_since(ctx, before).replays == 0);
  tr_record_turn(ctx, true);
  tr_array over = tr_rows(a.x[2], 0, 3), lower = tr_rows(a.x[2], 2, 2); /* an address then tells nothing */
  b.x = &over, b.y = &lower, b.ask = NOTHING;
  CHECK_OK(ctx, tr_fill(1, a.x[2]));
  before = tr_ctx_counts(ctx);
  call = call_of(&b, 9);
  call.n_moving = 2;
  for (int i = 0; i < 3; i++) (void)tr_record(ctx, &call), tr_ctx_clear(ctx);
  CHECK(counts_since(ctx, before).recorded == 0);
  call.n_moving = TR_RECORD_MOVING + 1;
  CHECK_ERROR(ctx, tr_record(ctx, &call), TR_E_ARG, "arrays that move");
  call.body = NULL;
  CHECK_ERROR(ctx, tr_record(ctx, &call), TR_E_ARG, "body");
  close_arrays(&a);
  close_body(&b);
}

/* ---- what the host does in between ---- */

typedef struct {
  tr_ctx *ctx;
  tr_array *x; /* a number */
  double seen[8];
  int n, fails; /* at the aside of this number */
  int64_t number[8];
} talk;

/* Sees what was done before it, and nothing of what comes after. */
static tr_status look(void *user, int64_t number) {
  talk *t = user;
  t->number[t->n] = number;
  CHECK_OK(t->ctx, tr_array_get_f64(t->x, &t->seen[t->n++]));
  return number == t->fails ? TR_FAIL(t->ctx, TR_E_SOLVER, "aside %d has had enough", (int)number) : TR_OK;
}

static tr_status other_look(void *user, int64_t number) {
  return look(user, number);
}

/* x = 1, 2, twice a look, 12, a look at the end */
static tr_status say(void *user) {
  talk *t = user;
  TR_TRY(tr_fill(1, t->x));
  TR_TRY(tr_record_aside(t->ctx, look, t, 7));
  TR_TRY(tr_axpby(1, t->x, 1, t->x, t->x));
  TR_TRY(tr_record_aside(t->ctx, look, t, 6));
  TR_TRY(tr_record_aside(t->ctx, look, t, 5));
  TR_TRY(tr_scale(6, t->x, t->x));
  return tr_record_aside(t->ctx, look, t, 4);
}

static void check_talk(const talk *t) {
  static const double seen[] = {1, 2, 2, 12};
  double x;
  CHECK_OK(t->ctx, tr_array_get_f64(t->x, &x));
  CHECK(t->n == 4 && memcmp(t->seen, seen, sizeof seen) == 0 && x == 12);
  for (int i = 0; i < 4; i++) CHECK(t->number[i] == 7 - i);
}

static void asides(tr_ctx *ctx, bool records) {
  simt_counters before, after;
  talk t = {.ctx = ctx};
  int warnings = 0;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &t.x));
  CHECK_OK(ctx, say(&t)); /* outside of everything */
  check_talk(&t);
  tr_record_call call = {.key = {&t, {3}}, .what = "a test", .body = say, .user = &t, .aside = look};
  for (int i = 0; i < 4; i++) {
    talk now = t; /* the user of the call under way */
    now.n = 0, call.user = &now;
    const bool counts = simt_counted(&before) && records && i > 1;
    CHECK_OK(ctx, tr_fill(0, t.x));
    CHECK_OK(ctx, tr_record(ctx, &call));
    simt_counted(&after);
    check_talk(&now);
    if (counts)
      CHECK(after.graph_launches == before.graph_launches + 3 && after.launches == before.launches + 1);
  }
  t.n = 0, t.fails = 6, call.user = &t;
  CHECK_ERROR(ctx, tr_record(ctx, &call), TR_E_SOLVER, "aside 6 has had enough");
  CHECK(t.n == 2);
  t.fails = 0;
  tr_ctx_on_warning(ctx, hear, &warnings);
  call.key.number[0] = 4, call.aside = other_look;
  for (int i = 0; i < 3; i++) {
    t.n = 0;
    CHECK_OK(ctx, tr_record(ctx, &call));
    check_talk(&t);
  }
  CHECK(warnings == records &&
        (!records || strstr(warning, "what the host does in between cannot be recorded")));
  tr_ctx_on_warning(ctx, NULL, NULL);
  CHECK_ERROR(ctx, tr_record_aside(ctx, NULL, &t, 0), TR_E_ARG, "aside");
  tr_array_destroy(&t.x);
}

/* ---- what another recording uses ---- */

typedef struct {
  tr_array *x, *others; /* `others` is destroyed by the second call */
  int calls;
} spoiler;

static tr_status fill_others(void *user) {
  return tr_fill(1, ((spoiler *)user)->others);
}

static tr_status spoil(void *user) {
  spoiler *s = user;
  TR_TRY(tr_fill(++s->calls, s->x));
  if (s->calls == 2) tr_array_destroy(&s->others);
  return tr_scale(10, s->x, s->x);
}

/* A body that destroys it is run instead, and the other recording is gone. */
static void others_go(tr_ctx *ctx, bool records) {
  spoiler s = {0};
  int warnings = 0;
  double x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &s.x));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &s.others));
  tr_record_call call = {.key = {&s, {1}}, .what = "a test", .body = fill_others, .user = &s};
  for (int i = 0; i < 3; i++) CHECK_OK(ctx, tr_record(ctx, &call));
  tr_ctx_on_warning(ctx, hear, &warnings);
  call.key.number[0] = 2, call.body = spoil;
  for (int i = 0; i < 3; i++) {
    CHECK_OK(ctx, tr_record(ctx, &call));
    CHECK_OK(ctx, tr_array_get_f64(s.x, &x));
    CHECK(x == 10 * s.calls);
  }
  CHECK(s.calls == 3 + records && warnings == records && (!records || strstr(warning, "destroys memory")));
  tr_ctx_on_warning(ctx, NULL, NULL);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &s.others));
  call.key.number[0] = 1, call.body = fill_others;
  const tr_counts before = tr_ctx_counts(ctx);
  for (int i = 0; i < 3; i++) CHECK_OK(ctx, tr_record(ctx, &call));
  CHECK_OK(ctx, tr_array_get_f64(s.others, &x));
  CHECK(x == 1 && counts_since(ctx, before).recorded == records);
  tr_record_drop(ctx, &s);
  tr_array_destroy(&s.x), tr_array_destroy(&s.others);
}

/* More than a context keeps: each is still right. */
static void many(tr_ctx *ctx) {
  body b;
  open_body(ctx, &b);
  arrays a = open_arrays(ctx);
  for (int i = 0; i < 2 * 70; i++) check_call(&b, i % 70, (uint64_t)i, a.x[0], a.y[0]);
  for (int i = 0; i < 8; i++) check_call(&b, 69 - i % 2, (uint64_t)i, a.x[0], a.y[0]);
  close_arrays(&a);
  close_body(&b);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  const bool records = tr_record_possible(ctx);
  replays(ctx, records);
  launches(ctx, records);
  memory_goes(ctx, records);
  refusals(ctx, records);
  calls(ctx, records);
  asides(ctx, records);
  others_go(ctx, records);
  many(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
