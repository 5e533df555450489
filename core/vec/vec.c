#include "core/vec/vec.h"

#include <math.h>

#include "core/context_private.h"
#include "core/record/record_private.h"
#include "core/require_private.h"
#include "core/vec/program.h"
#include "core/vec/vec_private.h"

#define SLOT_OF_REDUCE 0 /* never taken: nothing else is on its way while tr_reduce waits */

#define NOTE(ctx, what, moves, ...)                                                                          \
  TR_TRY(tr_record_notes((ctx), (what), (moves),                                                             \
                         (int)(sizeof((const tr_array *const[]){__VA_ARGS__}) / sizeof(tr_array *)),         \
                         (const tr_array *const[]){__VA_ARGS__}))

/* The table of the backend, which is about to do one operation. */
static const tr_vec_ops *counted(tr_ctx *ctx) {
  tr_ctx_count(ctx, TR_COUNT_OPERATION, 0);
  return tr_ctx_backend(ctx)->vec;
}

tr_status tr_vec_check(const tr_array *z, const tr_array *x, const char *what) {
  TR_TRY(tr_array_check(z));
  if (x) TR_TRY(tr_array_check(x));
  if (z->dtype != TR_F32 && z->dtype != TR_F64)
    return TR_FAIL(z->ctx, TR_E_SHAPE, "%s needs f32 or f64, not %s", what, tr_dtype_name(z->dtype));
  if (x && (x->ctx != z->ctx || x->dtype != z->dtype || x->count != z->count)) {
    char a[80], b[80];
    return TR_FAIL(z->ctx, TR_E_SHAPE, "%s of %s and %s: contexts, types and counts must agree", what,
                   tr_array_describe(x, a, sizeof a), tr_array_describe(z, b, sizeof b));
  }
  return TR_OK;
}

tr_status tr_vec_check_written(const tr_array *z, const tr_array *x, const char *what) {
  TR_TRY(tr_vec_check(z, x, what));
  if (!x || !tr_array_lies_across(z, x)) return TR_OK;
  return TR_FAIL(z->ctx, TR_E_ARG,
                 "%s whose result lies across an operand: give it the operand's memory, or memory apart",
                 what);
}

tr_status tr_vec_check_lincomb(int k, const tr_array *const *x, const tr_array *z) {
  if (k < 1 || k > TR_LINCOMB_MAX)
    return TR_FAIL(TR_CTX_OF(z), TR_E_ARG, "a linear combination of %d terms: use 1 to %d", k,
                   TR_LINCOMB_MAX);
  for (int i = 0; i < k; i++) {
    if (!x[i]) return TR_FAIL(TR_CTX_OF(z), TR_E_ARG, "term %d of a linear combination is NULL", i);
    TR_TRY(tr_vec_check_written(z, x[i], "a linear combination"));
  }
  return TR_OK;
}

tr_status tr_lincomb(int k, const double *a, const tr_array *const *x, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF(z), a, x, z);
  tr_program p;
  tr_program_init(&p, -1);
  TR_TRY(tr_program_lincomb(&p, k, a, x, z));
  return tr_program_run_single(&p);
}

tr_status tr_axpby(double a, const tr_array *x, double b, const tr_array *y, tr_array *z) {
  TR_REQUIRE_ARRAYS(x, y, z);
  return tr_lincomb(2, (const double[]){a, b}, (const tr_array *const[]){x, y}, z);
}

tr_status tr_scale(double a, const tr_array *x, tr_array *z) {
  TR_REQUIRE_ARRAYS(x, z);
  return tr_lincomb(1, &a, &x, z);
}

tr_status tr_fill(double c, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF(z), z);
  return tr_map(TR_MAP_CONST, c, NULL, NULL, z);
}

tr_status tr_vec_check_map(tr_map_op op, const tr_array *x, const tr_array *y, const tr_array *z) {
  if ((int)op < TR_MAP_CONST || op > TR_MAP_ADDC)
    return TR_FAIL(z->ctx, TR_E_ARG, "there is no elementwise operation %d", (int)op);
  TR_TRY(tr_vec_check_written(z, x, "an elementwise operation"));
  TR_TRY(tr_vec_check_written(z, y, "an elementwise operation"));
  if ((op != TR_MAP_CONST && !x) || ((op == TR_MAP_MUL || op == TR_MAP_DIV) && !y))
    return TR_FAIL(z->ctx, TR_E_ARG, "elementwise operation %d lacks an operand", (int)op);
  return TR_OK;
}

tr_status tr_map(tr_map_op op, double c, const tr_array *x, const tr_array *y, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, y, z), z);
  tr_program p;
  tr_program_init(&p, -1);
  TR_TRY(tr_program_map(&p, op, c, x, y, z));
  return tr_program_run_single(&p);
}

/* ---- reductions ---- */

tr_status tr_vec_check_segments(const tr_array *x, const tr_segments *seg) {
  if (!seg || seg->n == 0) return TR_OK;
  bool sound = seg->n > 0 && seg->n <= TR_MAX_SEGMENTS && seg->end[seg->n - 1] == x->count;
  for (int i = 0; sound && i < seg->n; i++) sound = seg->end[i] >= (i ? seg->end[i - 1] : 0);
  return sound ? TR_OK
               : TR_FAIL(x->ctx, TR_E_ARG, "segments must rise and end at the element count %lld",
                         (long long)x->count);
}

tr_segments tr_vec_segments(const tr_array *x, const tr_segments *seg) {
  return seg && seg->n ? *seg : (tr_segments){1, {x->count}};
}

tr_status tr_vec_check_reduce(tr_reduce_op op, const tr_array *x, const tr_array *y, const tr_segments *seg) {
  if ((int)op < TR_SUM_XY || op > TR_SUM)
    return TR_FAIL(x->ctx, TR_E_ARG, "there is no reduction %d", (int)op);
  TR_TRY(tr_vec_check(x, y, "a reduction"));
  TR_TRY(tr_vec_check_segments(x, seg));
  if ((op == TR_SUM_XY || op == TR_SUM_XW2) && !y)
    return TR_FAIL(x->ctx, TR_E_ARG, "reduction %d lacks its second operand", (int)op);
  return TR_OK;
}

tr_status tr_reduce_begin(tr_reduce_op op, const tr_array *x, const tr_array *y, const tr_segments *seg,
                          int slot) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, y), x);
  tr_program p;
  tr_program_init(&p, -1);
  return tr_program_reduce(&p, op, x, y, seg, slot);
}

tr_status tr_reduce(tr_reduce_op op, const tr_array *x, const tr_array *y, const tr_segments *seg,
                    double *out) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, y), x, out);
  TR_TRY(tr_reduce_begin(op, x, y, seg, SLOT_OF_REDUCE));
  return tr_slot_read(x->ctx, SLOT_OF_REDUCE, tr_vec_segments(x, seg).n, out);
}

/* ---- slots ---- */

tr_status tr_slot_take(tr_ctx *ctx, int *slot) {
  TR_REQUIRE(ctx, slot);
  tr_slots *slots = tr_ctx_slots(ctx);
  *slot = -1;
  for (int i = SLOT_OF_REDUCE + 1; i < TR_SLOTS && *slot < 0; i++)
    if (!(slots->taken >> i & 1u)) *slot = i;
  if (*slot < 0)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED,
                   "all %d slots for results are taken: at most so many solves within each other's "
                   "right-hand sides",
                   TR_SLOTS - 1);
  slots->taken |= 1u << *slot;
  return TR_OK;
}

void tr_slot_give(tr_ctx *ctx, int *slot) {
  if (!ctx || !slot) return;
  if (*slot >= 0 && *slot < TR_SLOTS) tr_ctx_slots(ctx)->taken &= ~(1u << *slot);
  *slot = -1;
}

bool tr_vec_slot_is_taken(tr_ctx *ctx, int slot) {
  return slot >= 0 && slot < TR_SLOTS && tr_ctx_slots(ctx)->taken >> slot & 1u;
}

tr_status tr_vec_check_slot(tr_ctx *ctx, int slot) {
  if (slot == SLOT_OF_REDUCE || tr_vec_slot_is_taken(ctx, slot)) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "slot %d was not taken", slot);
}

tr_status tr_wait(tr_ctx *ctx) {
  if (!ctx) return TR_FAIL(NULL, TR_E_ARG, "tr_wait: ctx is NULL");
  TR_TRY(tr_record_refuses(ctx, "a wait"));
  tr_ctx_count(ctx, TR_COUNT_WAIT, 0);
  return tr_ctx_backend(ctx)->vec->wait(ctx);
}

/* Waits for the slot's result if it is still on its way. */
static tr_status wait_for(tr_ctx *ctx, int slot) {
  return tr_ctx_slots(ctx)->pending >> slot & 1u ? tr_wait(ctx) : TR_OK;
}

tr_status tr_slot_read(tr_ctx *ctx, int slot, int n, double *out) {
  TR_REQUIRE(ctx, out);
  TR_TRY(tr_vec_check_slot(ctx, slot));
  if (n < 0 || n > TR_MAX_SEGMENTS)
    return TR_FAIL(ctx, TR_E_ARG, "%d numbers of a slot: it has %d", n, TR_MAX_SEGMENTS);
  TR_TRY(wait_for(ctx, slot));
  const volatile double *result = tr_ctx_backend(ctx)->vec->slot(ctx, slot);
  for (int i = 0; i < n; i++) out[i] = result[i];
  return TR_OK;
}

tr_status tr_watch_take(tr_ctx *ctx, int *slot) {
  TR_REQUIRE(ctx, slot);
  TR_TRY(tr_slot_take(ctx, slot));
  tr_status status = wait_for(ctx, *slot); /* for what the owner before left on its way */
  if (status == TR_OK) status = tr_ctx_backend(ctx)->vec->watch(ctx, *slot);
  if (status != TR_OK) tr_slot_give(ctx, slot);
  return status;
}

tr_status tr_watch_ask(tr_ctx *ctx, int slot, bool wait, int64_t *step) {
  TR_REQUIRE(ctx, step);
  TR_TRY(tr_vec_check_slot(ctx, slot));
  if (wait) TR_TRY(wait_for(ctx, slot));
  *step = (int64_t)*tr_ctx_backend(ctx)->vec->slot(ctx, slot);
  return TR_OK;
}

/* ---- others ---- */

tr_status tr_vec_check_address(const tr_random_address *address, uint32_t purpose, const tr_array *z) {
  TR_TRY(tr_vec_check(z, NULL, "a normal draw"));
  int64_t row = z->shape[0] ? z->count / z->shape[0] : 0;
  if (row > (int64_t)1 << 33)
    return TR_FAIL(z->ctx, TR_E_SHAPE, "a sample of %lld elements: at most 2^33", (long long)row);
  if (purpose <= 0xFFFFu && address->sample <= ((uint64_t)1 << 48) - (uint64_t)z->shape[0]) return TR_OK;
  return TR_FAIL(z->ctx, TR_E_ARG, "random address out of range: purpose < 2^16, sample < 2^48");
}

tr_status tr_randn(const tr_random_address *address, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF(z), address, z);
  TR_TRY(tr_vec_check_address(address, address->purpose, z));
  NOTE(z->ctx, "a normal draw", false, z);
  return counted(z->ctx)->randn(z->ctx, address, z);
}

tr_status tr_randn_sums(const tr_randn_sums_args *args) {
  if (!args) return TR_FAIL(NULL, TR_E_ARG, "tr_randn_sums: args is NULL");
  tr_array *z = args->z[0], *other = args->z[1];
  TR_REQUIRE(TR_CTX_OF_ANY(z, other), z, args->term);
  TR_TRY(tr_vec_check_address(&args->address, args->address.purpose, z));
  TR_TRY(tr_vec_check_address(&args->address, args->second, z));
  if (args->n < 1 || args->n > TR_RANDN_TERMS)
    return TR_FAIL(z->ctx, TR_E_ARG, "a sum of %d terms of normals: use 1 to %d", args->n, TR_RANDN_TERMS);
  if (other) TR_TRY(tr_vec_check(z, other, "sums of normals"));
  if (other && !tr_array_same_shape(z, other)) {
    char a[80], b[80];
    return TR_FAIL(z->ctx, TR_E_SHAPE, "sums of the same normals in %s and %s: equal shapes are needed",
                   tr_array_describe(z, a, sizeof a), tr_array_describe(other, b, sizeof b));
  }
  NOTE(z->ctx, "sums of normals", false, z, other);
  return counted(z->ctx)->randn_sums(z->ctx, args);
}

tr_status tr_blend_channels(int64_t channels, double a, const tr_array *x, double b, const tr_array *y,
                            tr_array *z) {
  TR_REQUIRE_ARRAYS(x, y, z);
  TR_TRY(tr_vec_check_written(z, x, "a blend of channels"));
  TR_TRY(tr_vec_check_written(z, y, "a blend of channels"));
  if (z->ndim < 2 || !tr_array_same_shape(x, z) || !tr_array_same_shape(y, z) || channels < 0 ||
      channels > z->shape[1]) {
    char text[80];
    return TR_FAIL(z->ctx, TR_E_SHAPE,
                   "a blend of %lld channels of %s: three equal shapes (N, C, ...) needed",
                   (long long)channels, tr_array_describe(z, text, sizeof text));
  }
  NOTE(z->ctx, "a blend of channels", true, x, y, z);
  return counted(z->ctx)->blend_channels(z->ctx, channels, a, x, b, y, z);
}

tr_status tr_dot_rows(double a, const tr_array *x, const tr_array *y, double b, tr_array *z) {
  TR_REQUIRE_ARRAYS(x, y, z);
  if (z->dtype != x->dtype || z->ctx != x->ctx || z->count == 0 || x->count % z->count != 0) {
    char text[80], other[80];
    return TR_FAIL(z->ctx, TR_E_SHAPE, "products of the rows of %s into %s: one element a row is needed",
                   tr_array_describe(x, text, sizeof text), tr_array_describe(z, other, sizeof other));
  }
  TR_TRY(tr_vec_check(x, y, "products of rows"));
  if (tr_array_lies_across(z, x) || tr_array_lies_across(z, y))
    return TR_FAIL(z->ctx, TR_E_ARG, "products of rows whose result lies across them: give it memory apart");
  NOTE(z->ctx, "products of rows", false, x, y, z);
  return counted(z->ctx)->dot_rows(z->ctx, a, x, y, b, z);
}

static tr_status check_deflate(const tr_deflate_args *a) {
  const tr_array *given = a->given, *all[] = {a->images, a->deflated, a->numbers};
  TR_TRY(tr_vec_check(given, NULL, "a deflation"));
  bool fit = a->basis >= 1 && a->numbers->count >= 2 && a->numbers->count % 2 == 0;
  for (int i = 0; i < 3; i++) {
    TR_TRY(tr_array_check(all[i]));
    fit = fit && all[i]->ctx == given->ctx && all[i]->dtype == given->dtype;
  }
  int64_t rows = a->numbers->count / 2;
  fit = fit && given->count > 0 && a->basis <= given->count && given->count % (2 * a->basis) == 0 &&
        given->count / (2 * a->basis) % rows == 0 && a->deflated->count == given->count &&
        a->images->count >= given->count / 2 && a->deflated->data != given->data &&
        a->deflated->data != a->images->data && a->first >= 0 && a->rows >= 0 && a->first <= rows - a->rows;
  if (fit) return TR_OK;
  char text[80], other[80];
  return TR_FAIL(given->ctx, TR_E_SHAPE,
                 "a deflation of %s into %s by %lld vectors a row, rows %lld to %lld of %lld: twice as many "
                 "vectors of these rows, apart from each other, and as many images are needed",
                 tr_array_describe(given, text, sizeof text),
                 tr_array_describe(a->deflated, other, sizeof other), (long long)a->basis,
                 (long long)a->first, (long long)(a->first + a->rows), (long long)rows);
}

tr_status tr_deflate(const tr_deflate_args *args) {
  if (!args) return TR_FAIL(NULL, TR_E_ARG, "tr_deflate: args is NULL");
  TR_REQUIRE_ARRAYS(args->given, args->images, args->deflated, args->numbers);
  TR_TRY(check_deflate(args));
  tr_ctx *ctx = args->given->ctx;
  if (!tr_ctx_backend(ctx)->vec->deflate)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "the backend '%s' has no deflation: use cpu",
                   tr_ctx_backend(ctx)->name);
  NOTE(ctx, "a deflation", true, args->given, args->images, args->deflated, args->numbers);
  return counted(ctx)->deflate(ctx, args);
}
