#include "core/record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/context_private.h"
#include "core/record/record_private.h"
#include "core/require_private.h"

#define MOST 64 /* recordings of a context; the one that was used longest ago makes room */

/* Memory that a body uses: from .. to - 1. */
typedef struct {
  uintptr_t from, to;
} range;

typedef enum { NEW, SEEN, MADE, REFUSED } state;

typedef struct {
  uintptr_t aligned; /* the lowest bits of its address: kernels are chosen by them */
  size_t bytes;
} moved;

/* All that has to be equal. */
typedef struct {
  tr_record_key key;
  int n_moving;
  moved moving[TR_RECORD_MOVING];
} identity;

/* What is launched as a whole, and what the host is asked to do behind it. */
typedef struct {
  void *made; /* the backend's; NULL: no operation */
  int64_t number;
} part;

typedef struct {
  identity is;
  state state;
  int n_parts, part_room;
  part *part;
  bool spoiled; /* memory of it was destroyed within its body, or while another was recorded */
  int64_t used;
  int n, room;
  range *range; /* by address, apart from each other */
} record;

struct tr_records {
  bool off;
  int64_t clock;
  int n;
  record *list[MOST];
  /* The body under way; NULL: none. */
  record *now;
  const tr_record_call *call;
  bool recording;         /* in place of running it, and: */
  bool begun, empty;      /* there is a part under way, without an operation so far */
  bool lacking;           /* memory for a part */
  const char *refused[2]; /* what it asked for that cannot be recorded, and of what; NULL: nothing */
};

static tr_records *records_of(tr_ctx *ctx) {
  tr_records **at = tr_ctx_records(ctx);
  if (!*at) *at = calloc(1, sizeof **at);
  return *at;
}

static const tr_record_ops *ops_of(tr_ctx *ctx) {
  return tr_ctx_backend(ctx)->record;
}

bool tr_record_possible(tr_ctx *ctx) {
  return ctx && ops_of(ctx) && ops_of(ctx)->ready(ctx);
}

void tr_record_turn(tr_ctx *ctx, bool on) {
  tr_records *all = ctx ? records_of(ctx) : NULL;
  if (all) all->off = !on;
}

static tr_status refuse(tr_records *all, const char *what, const char *of) {
  if (!all->refused[0]) all->refused[0] = what, all->refused[1] = of;
  return TR_E_UNSUPPORTED;
}

/* ---- the list ---- */

static void destroy_parts(tr_ctx *ctx, record *r) {
  for (int i = 0; i < r->n_parts; i++)
    if (r->part[i].made) ops_of(ctx)->drop(ctx, r->part[i].made);
  free(r->part);
  r->part = NULL, r->n_parts = r->part_room = 0;
}

static void destroy(tr_ctx *ctx, record *r) {
  destroy_parts(ctx, r);
  free(r->range);
  free(r);
}

/* Takes the i-th out of the list; the one under way is destroyed when its body is done, and so is any in a
 * recording: a device that records cannot be waited for. */
static void remove_at(tr_ctx *ctx, tr_records *all, int i) {
  record *r = all->list[i];
  if (r == all->now || all->recording) {
    r->spoiled = true;
    if (all->recording) refuse(all, "what destroys memory of a recording", "");
    return;
  }
  all->list[i] = all->list[--all->n];
  destroy(ctx, r);
}

static void remove_record(tr_ctx *ctx, tr_records *all, const record *r) {
  for (int i = 0; i < all->n; i++)
    if (all->list[i] == r) {
      remove_at(ctx, all, i);
      return;
    }
}

void tr_record_drop(tr_ctx *ctx, const void *owner) {
  tr_records *all = ctx ? *tr_ctx_records(ctx) : NULL;
  for (int i = all ? all->n - 1 : -1; i >= 0; i--)
    if (!owner || all->list[i]->is.key.owner == owner) remove_at(ctx, all, i);
}

void tr_records_close(tr_ctx *ctx) {
  tr_records **all = tr_ctx_records(ctx);
  tr_record_drop(ctx, NULL);
  free(*all);
  *all = NULL;
}

static identity identity_of(const tr_record_call *call) {
  identity is;
  memset(&is, 0, sizeof is); /* padding too: they are compared as bytes */
  is.key.owner = call->key.owner;
  memcpy(is.key.number, call->key.number, sizeof is.key.number);
  is.n_moving = call->n_moving;
  for (int i = 0; i < call->n_moving; i++) {
    const tr_array *a = call->moving[i];
    is.moving[i].aligned = (uintptr_t)a->data % 16;
    is.moving[i].bytes = (size_t)a->count * tr_dtype_size(a->dtype);
  }
  return is;
}

static void make_room(tr_ctx *ctx, tr_records *all) {
  if (all->n < MOST) return;
  int oldest = 0;
  for (int i = 1; i < all->n; i++)
    if (all->list[i]->used < all->list[oldest]->used) oldest = i;
  remove_at(ctx, all, oldest);
}

/* That of the call, a new one if there was none; NULL: no memory. */
static record *find(tr_ctx *ctx, tr_records *all, const tr_record_call *call) {
  const identity is = identity_of(call);
  for (int i = 0; i < all->n; i++)
    if (memcmp(&all->list[i]->is, &is, sizeof is) == 0) return all->list[i];
  make_room(ctx, all);
  record *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  memcpy(&r->is, &is, sizeof is);
  return all->list[all->n++] = r;
}

/* ---- memory that a body uses ---- */

/* The first range that ends behind `at`. */
static int place_of(const record *r, uintptr_t at) {
  int low = 0, high = r->n;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (r->range[middle].to > at)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static bool uses(const record *r, uintptr_t from, uintptr_t to) {
  const int i = place_of(r, from);
  return i < r->n && r->range[i].from < to;
}

/* False if there is no memory. */
static bool add_range(record *r, range of) {
  int i = place_of(r, of.from), end = i;
  for (; end < r->n && r->range[end].from < of.to; end++) {
    if (r->range[end].from < of.from) of.from = r->range[end].from;
    if (r->range[end].to > of.to) of.to = r->range[end].to;
  }
  if (i == end && r->n == r->room) {
    const int room = r->room ? 2 * r->room : 64;
    range *more = realloc(r->range, (size_t)room * sizeof *more);
    if (!more) return false;
    r->range = more, r->room = room;
  }
  memmove(r->range + i + 1, r->range + end, (size_t)(r->n - end) * sizeof *r->range);
  r->range[i] = of;
  r->n += 1 - (end - i);
  return true;
}

void tr_record_forgets(tr_ctx *ctx, const void *memory, size_t bytes) {
  tr_records *all = *tr_ctx_records(ctx);
  const uintptr_t from = (uintptr_t)memory, to = from + bytes;
  for (int i = all ? all->n - 1 : -1; i >= 0; i--)
    if (!memory || uses(all->list[i], from, to)) remove_at(ctx, all, i);
}

/* ---- what the wrappers tell ---- */

static range range_of(const tr_array *a) {
  const uintptr_t from = (uintptr_t)a->data;
  return (range){from, from + (uintptr_t)a->count * tr_dtype_size(a->dtype)};
}

static bool overlap(range a, range b) {
  return a.from < b.to && b.from < a.to;
}

static bool is_moving(const tr_record_call *call, range r) {
  for (int i = 0; i < call->n_moving; i++)
    if (overlap(r, range_of(call->moving[i]))) return true;
  return false;
}

tr_status tr_record_refuses(tr_ctx *ctx, const char *what) {
  tr_records *all = *tr_ctx_records(ctx);
  return all && all->recording ? refuse(all, what, "") : TR_OK;
}

tr_status tr_record_notes(tr_ctx *ctx, const char *what, bool moves, int n, const tr_array *const *operand) {
  tr_records *all = *tr_ctx_records(ctx);
  if (!all || !all->now) return TR_OK;
  all->empty = false;
  for (int i = 0; i < n; i++) {
    if (!operand[i] || operand[i]->count == 0) continue;
    const range of = range_of(operand[i]);
    if (!is_moving(all->call, of)) {
      if (!add_range(all->now, of))
        return TR_FAIL(ctx, TR_E_MEM, "out of memory for a recording of %s", what);
    } else if (all->recording && !moves) {
      return refuse(all, what, " on an array of the caller");
    }
  }
  return TR_OK;
}

/* ---- parts ---- */

static tr_status begin_part(tr_ctx *ctx, tr_records *all, const tr_record_call *call) {
  void *base[TR_RECORD_MOVING];
  size_t bytes[TR_RECORD_MOVING];
  for (int i = 0; i < call->n_moving; i++) {
    const range of = range_of(call->moving[i]);
    base[i] = call->moving[i]->data, bytes[i] = of.to - of.from;
  }
  const tr_status status = ops_of(ctx)->begin(ctx, call->what, call->n_moving, base, bytes);
  all->begun = status == TR_OK, all->empty = true;
  all->lacking = status == TR_E_MEM;
  return status;
}

static bool room_for_a_part(record *r) {
  if (r->n_parts < r->part_room) return true;
  const int room = r->part_room ? 2 * r->part_room : 4;
  part *more = realloc(r->part, (size_t)room * sizeof *more);
  if (more) r->part = more, r->part_room = room;
  return more;
}

/* number: for what the host does behind it. */
static tr_status end_part(tr_ctx *ctx, tr_records *all, record *r, bool keep, int64_t number) {
  void *made = NULL;
  if (!all->begun) return TR_OK;
  all->begun = false;
  const tr_status status = ops_of(ctx)->end(ctx, keep && !all->empty, &made);
  all->lacking = status == TR_E_MEM;
  if (!keep || status != TR_OK) return status;
  if (room_for_a_part(r)) {
    r->part[r->n_parts++] = (part){made, number};
    return TR_OK;
  }
  if (made) ops_of(ctx)->drop(ctx, made);
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for a recording");
}

tr_status tr_record_aside(tr_ctx *ctx, tr_status (*aside)(void *user, int64_t number), void *user,
                          int64_t number) {
  if (!ctx) return TR_FAIL(NULL, TR_E_ARG, "tr_record_aside: ctx is NULL");
  TR_REQUIRE_FUNCTION(ctx, aside);
  tr_records *all = *tr_ctx_records(ctx);
  if (!all || !all->recording) return aside(user, number);
  if (all->call->aside != aside) return refuse(all, "what the host does in between", "");
  TR_TRY(end_part(ctx, all, all->now, true, number));
  return begin_part(ctx, all, all->call);
}

/* ---- calls ---- */

/* Runs the body, or records it; what it uses is noted. */
static tr_status run(tr_records *all, record *r, const tr_record_call *call, bool recording) {
  all->now = r, all->call = call, all->recording = recording;
  all->refused[0] = NULL;
  const tr_status status = call->body(call->user);
  all->now = NULL, all->call = NULL, all->recording = false;
  return status;
}

static tr_status run_first(tr_ctx *ctx, tr_records *all, record *r, const tr_record_call *call) {
  const tr_status status = run(all, r, call, false);
  r->state = SEEN;
  if (status != TR_OK || r->spoiled) remove_record(ctx, all, r);
  return status;
}

/* The decision is told once. */
static tr_status go_without(tr_ctx *ctx, record *r, const tr_record_call *call, bool failed_before,
                            const char *why, const char *of) {
  if (!failed_before) tr_ctx_clear(ctx); /* whoever passed the refusal on may have said something */
  r->state = REFUSED, r->spoiled = false;
  tr_ctx_count(ctx, TR_COUNT_UNRECORDED, 0);
  tr_ctx_warn(ctx, "%s is launched piece by piece: %s%s", call->what, why, of);
  return call->body(call->user);
}

static tr_status refused(tr_ctx *ctx, const tr_records *all, record *r, const tr_record_call *call,
                         bool failed_before) {
  char of[96];
  snprintf(of, sizeof of, "%s cannot be recorded", all->refused[1]);
  return go_without(ctx, r, call, failed_before, all->refused[0], of);
}

static tr_status replay(tr_ctx *ctx, const record *r, const tr_record_call *call) {
  void *address[TR_RECORD_MOVING];
  for (int i = 0; i < call->n_moving; i++) address[i] = call->moving[i]->data;
  if (!call->finishes) TR_TRY(tr_ctx_check_interrupt(ctx, call->t));
  tr_ctx_count(ctx, TR_COUNT_REPLAY, 0);
  for (int i = 0; i < r->n_parts; i++) {
    const part p = r->part[i];
    if (i) TR_TRY(call->aside(call->user, r->part[i - 1].number));
    if (p.made) TR_TRY(ops_of(ctx)->replay(ctx, p.made, address));
  }
  return TR_OK;
}

static tr_status record_body(tr_ctx *ctx, tr_records *all, record *r, const tr_record_call *call) {
  all->refused[0] = NULL;
  TR_TRY(begin_part(ctx, all, call));
  tr_status status = run(all, r, call, true);
  if (all->refused[0]) status = TR_E_UNSUPPORTED;
  const tr_status ended = end_part(ctx, all, r, status == TR_OK, 0);
  return status == TR_OK ? ended : status;
}

static void remove_spoiled(tr_ctx *ctx, tr_records *all, const record *but) {
  for (int i = all->n - 1; i >= 0; i--)
    if (all->list[i]->spoiled && all->list[i] != but) remove_at(ctx, all, i);
}

static tr_status make(tr_ctx *ctx, tr_records *all, record *r, const tr_record_call *call) {
  const bool failed_before = tr_ctx_failed(ctx);
  const tr_status status = record_body(ctx, all, r, call);
  if (status != TR_OK) destroy_parts(ctx, r);
  remove_spoiled(ctx, all, r);
  if (all->refused[0]) return refused(ctx, all, r, call, failed_before);
  if (status != TR_OK && all->lacking)
    return go_without(ctx, r, call, failed_before, "there is no memory for a recording", "");
  if (status != TR_OK) {
    remove_record(ctx, all, r);
    return status;
  }
  tr_ctx_count(ctx, TR_COUNT_RECORDED, 0);
  r->state = MADE;
  return replay(ctx, r, call);
}

/* Then an address does not tell which of them is meant. */
static bool moving_overlap(const tr_record_call *call) {
  for (int i = 0; i < call->n_moving; i++)
    for (int j = 0; j < i; j++)
      if (overlap(range_of(call->moving[i]), range_of(call->moving[j]))) return true;
  return false;
}

static tr_status check_call(tr_ctx *ctx, const tr_record_call *call) {
  TR_REQUIRE(ctx, call->what);
  TR_REQUIRE_FUNCTION(ctx, call->body);
  if (call->n_moving < 0 || call->n_moving > TR_RECORD_MOVING)
    return TR_FAIL(ctx, TR_E_ARG, "%s with %d arrays that move: use 0 to %d", call->what, call->n_moving,
                   TR_RECORD_MOVING);
  for (int i = 0; i < call->n_moving; i++) TR_TRY(tr_array_check(call->moving[i]));
  return TR_OK;
}

tr_status tr_record(tr_ctx *ctx, const tr_record_call *call) {
  TR_REQUIRE(ctx, call);
  TR_TRY(check_call(ctx, call));
  if (!tr_record_possible(ctx)) return call->body(call->user);
  tr_records *all = records_of(ctx);
  if (!all) return TR_FAIL(ctx, TR_E_MEM, "out of memory for recordings");
  if (all->off || all->now || moving_overlap(call)) return call->body(call->user);
  record *r = find(ctx, all, call);
  if (!r) return TR_FAIL(ctx, TR_E_MEM, "out of memory for recordings");
  r->used = ++all->clock;
  switch (r->state) {
  case NEW:
    return run_first(ctx, all, r, call);
  case SEEN:
    return make(ctx, all, r, call);
  case MADE:
    return replay(ctx, r, call);
  default:
    return call->body(call->user);
  }
}
