#include "core/vec/program.h"

#include "core/context_private.h"
#include "core/record/record_private.h"
#include "core/require_private.h"
#include "core/vec/vec_private.h"

static void empty(tr_program *p) {
  p->n_vectors = p->n_ops = p->n_terms = p->n_draws = 0;
  p->parts.n = 0;
  p->reduce.slot = p->watch.x = -1;
}

void tr_program_init(tr_program *p, int watch) {
  if (!p) return;
  p->watch.slot = watch;
  empty(p);
}

/* ---- room ---- */

static int find(const tr_program *p, const void *data) {
  int i = 0;
  while (i < p->n_vectors && p->vector[i] != data) i++;
  return i < p->n_vectors ? i : -1;
}

bool tr_program_holds(const tr_program *p, const void *data) {
  return p && find(p, data) >= 0;
}

/* Chunk by chunk an element is read before or after its neighbours are written, as it comes. So a vector that
 * lies across another one has to wait. */
static bool lies_across(const tr_program *p, const tr_array *a) {
  size_t bytes = (size_t)a->count * tr_dtype_size(a->dtype);
  for (int i = 0; i < p->n_vectors; i++) {
    const char *low = p->vector[i], *high = a->data;
    if (low > high) low = a->data, high = p->vector[i];
    if ((size_t)(high - low) < bytes) return true;
  }
  return false;
}

/* vectors[0] is the one to be written. */
static bool fits(const tr_program *p, int n, const tr_array *const *vectors, int terms) {
  int added = 0;
  if (p->n_vectors == 0) return true;
  if (p->watch.x >= 0 && (vectors[0]->data == p->vector[p->watch.x] || vectors[0]->data == p->watch.keep))
    return false;
  if (vectors[0]->ctx != p->ctx || vectors[0]->dtype != p->dtype || vectors[0]->count != p->count)
    return false;
  if (p->n_ops == TR_PROGRAM_OPS || p->n_terms + terms > TR_PROGRAM_TERMS) return false;
  for (int i = 0; i < n; i++) {
    if (find(p, vectors[i]->data) >= 0) continue;
    if (lies_across(p, vectors[i])) return false;
    added++;
  }
  return p->n_vectors + added <= TR_PROGRAM_VECTORS;
}

/* Makes room for n vectors that go together, and `terms` numbers. */
static tr_status make_room(tr_program *p, int n, const tr_array *const *vectors, int terms) {
  if (!fits(p, n, vectors, terms)) TR_TRY(tr_program_run(p));
  if (p->n_vectors == 0) empty(p); /* it may be all zeros: never begun */
  p->ctx = vectors[0]->ctx, p->dtype = vectors[0]->dtype, p->count = vectors[0]->count;
  return TR_OK;
}

static int place(tr_program *p, const tr_array *a) {
  int i = find(p, a->data);
  if (i >= 0) return i;
  p->vector[p->n_vectors] = a->data;
  return p->n_vectors++;
}

/* ---- listing ---- */

/* A new operation on x[0 .. n-1]; the caller fills its numbers, factor[first ..]. */
static tr_program_op *append(tr_program *p, tr_program_kind kind, int n, const tr_array *const *x,
                             const tr_array *z, int terms) {
  tr_program_op *op = &p->op[p->n_ops++];
  *op = (tr_program_op){.kind = (uint8_t)kind, .n = (uint8_t)n, .first = (uint16_t)p->n_terms};
  for (int i = 0; i < n; i++) p->term[p->n_terms + i] = (uint8_t)place(p, x[i]);
  op->z = (uint8_t)place(p, z);
  p->n_terms += terms;
  return op;
}

tr_status tr_program_lincomb(tr_program *p, int k, const double *a, const tr_array *const *x, tr_array *z) {
  const tr_array *all[1 + TR_LINCOMB_MAX] = {z};
  TR_REQUIRE(TR_CTX_OF(z), p, a, x, z);
  TR_TRY(tr_vec_check_lincomb(k, x, z));
  for (int i = 0; i < k; i++) all[1 + i] = x[i];
  TR_TRY(make_room(p, 1 + k, all, k));
  double *factor = p->factor + append(p, TR_PROGRAM_LINCOMB, k, x, z, k)->first;
  for (int i = 0; i < k; i++) factor[i] = a[i];
  return TR_OK;
}

tr_status tr_program_axpby(tr_program *p, double a, const tr_array *x, double b, const tr_array *y,
                           tr_array *z) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, y, z), p, x, y, z);
  return tr_program_lincomb(p, 2, (const double[]){a, b}, (const tr_array *const[]){x, y}, z);
}

tr_status tr_program_scale(tr_program *p, double a, const tr_array *x, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, z), p, x, z);
  return tr_program_lincomb(p, 1, &a, &x, z);
}

tr_status tr_program_copy(tr_program *p, const tr_array *x, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, z), p, x, z);
  TR_TRY(tr_vec_check_written(z, x, "a copy"));
  return x->data == z->data ? TR_OK : tr_program_scale(p, 1, x, z);
}

tr_status tr_program_map(tr_program *p, tr_map_op op, double c, const tr_array *x, const tr_array *y,
                         tr_array *z) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, y, z), p, z);
  TR_TRY(tr_vec_check_map(op, x, y, z));
  const int n = op == TR_MAP_CONST ? 0 : op == TR_MAP_MUL || op == TR_MAP_DIV ? 2 : 1;
  const tr_array *all[3] = {z, x, y};
  TR_TRY(make_room(p, 1 + n, all, 2));
  tr_program_op *listed = append(p, TR_PROGRAM_MAP, n, all + 1, z, 2);
  listed->map = (uint8_t)op;
  p->factor[listed->first] = c;
  return TR_OK;
}

tr_status tr_program_randn(tr_program *p, const tr_random_address *address, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF(z), p, address, z);
  TR_TRY(tr_vec_check_address(address, address->purpose, z));
  if (z->count == 0) return TR_OK;
  if (p->n_draws == TR_PROGRAM_DRAWS) TR_TRY(tr_program_run(p));
  TR_TRY(make_room(p, 1, (const tr_array *const[]){z}, 0));
  append(p, TR_PROGRAM_NORMALS, 0, NULL, z, 0)->first = (uint16_t)p->n_draws;
  p->draw[p->n_draws++] = (tr_program_draw){*address, z->count / z->shape[0]};
  return TR_OK;
}

static bool same_parts(const tr_segments *a, const tr_segments *b) {
  bool same = a->n == b->n;
  for (int k = 0; same && k < a->n; k++) same = a->end[k] == b->end[k];
  return same;
}

tr_status tr_program_weights(tr_program *p, const tr_array *y, const tr_segments *seg, const double *rtol,
                             const double *atol, tr_array *w) {
  TR_REQUIRE(TR_CTX_OF_ANY(y, w), p, y, rtol, atol, w);
  TR_TRY(tr_vec_check_written(w, y, "error weights"));
  TR_TRY(tr_vec_check_segments(y, seg));
  const tr_segments parts = tr_vec_segments(y, seg);
  if (p->parts.n && !same_parts(&p->parts, &parts)) TR_TRY(tr_program_run(p));
  TR_TRY(make_room(p, 2, (const tr_array *const[]){w, y}, 2 * parts.n));
  double *factor = p->factor + append(p, TR_PROGRAM_WEIGHTS, 1, &y, w, 2 * parts.n)->first;
  p->parts = parts;
  for (int k = 0; k < parts.n; k++) factor[2 * k] = rtol[k], factor[2 * k + 1] = atol[k];
  return TR_OK;
}

/* ---- running ---- */

static void note_pending(tr_ctx *ctx, int slot) {
  if (slot >= 0) tr_ctx_slots(ctx)->pending |= 1u << slot;
}

static tr_status note_vectors(const tr_program *p) {
  if (p->reduce.slot >= 0 || p->watch.slot >= 0) TR_TRY(tr_record_refuses(p->ctx, "a result for the host"));
  for (int i = 0; i < p->n_vectors; i++) {
    const tr_array v = {.ctx = p->ctx, .dtype = p->dtype, .count = p->count, .data = p->vector[i]};
    TR_TRY(tr_record_notes(p->ctx, "a program", true, 1, &(const tr_array *){&v}));
  }
  return TR_OK;
}

static tr_status hand_to_device(tr_program *p, tr_count as) {
  TR_TRY(note_vectors(p));
  tr_ctx_count(p->ctx, as, 0);
  note_pending(p->ctx, p->reduce.slot);
  if (p->watch.x >= 0) note_pending(p->ctx, p->watch.slot);
  return tr_ctx_backend(p->ctx)->vec->program(p->ctx, p);
}

static tr_status check_watch(const tr_program *p) {
  if (p->watch.slot == -1 || tr_vec_slot_is_taken(p->ctx, p->watch.slot)) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_ARG,
                 "a program with the watch %d: give tr_program_init a slot of tr_watch_take, or -1",
                 p->watch.slot);
}

static tr_status hand_over(tr_program *p, tr_count as) {
  tr_status status = check_watch(p);
  if (status == TR_OK) status = hand_to_device(p, as);
  empty(p);
  return status;
}

tr_status tr_program_run(tr_program *p) {
  if (!p) return TR_FAIL(NULL, TR_E_ARG, "tr_program_run: p is NULL");
  return p->n_vectors ? hand_over(p, TR_COUNT_PROGRAM) : TR_OK;
}

tr_status tr_program_run_single(tr_program *p) {
  return hand_over(p, TR_COUNT_OPERATION);
}

tr_status tr_program_reduce(tr_program *p, tr_reduce_op op, const tr_array *x, const tr_array *y,
                            const tr_segments *seg, int slot) {
  const bool two = op == TR_SUM_XY || op == TR_SUM_XW2;
  TR_REQUIRE(TR_CTX_OF_ANY(x, y), p, x);
  TR_TRY(tr_vec_check_reduce(op, x, y, seg));
  TR_TRY(tr_vec_check_slot(x->ctx, slot));
  TR_TRY(make_room(p, two ? 2 : 1, (const tr_array *const[]){x, y}, 0));
  p->reduce.x = place(p, x);
  p->reduce.y = two ? place(p, y) : -1;
  p->reduce.op = op;
  p->reduce.slot = slot;
  p->reduce.parts = tr_vec_segments(x, seg);
  return hand_over(p, TR_COUNT_PROGRAM);
}

tr_status tr_program_watch(tr_program *p, const tr_array *x, int64_t step, const tr_array *keep) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, keep), p, x);
  TR_TRY(tr_vec_check(x, NULL, "a watch"));
  TR_TRY(tr_vec_check_slot(x->ctx, p->watch.slot));
  if (step < 0) return TR_FAIL(x->ctx, TR_E_ARG, "a watch of step %lld: use 0 or more", (long long)step);
  if (p->watch.x >= 0) TR_TRY(tr_program_run(p));
  TR_TRY(make_room(p, 1, &x, 0));
  p->watch.x = place(p, x);
  p->watch.step = step;
  p->watch.keep = keep ? keep->data : NULL;
  return TR_OK;
}
