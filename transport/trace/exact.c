/* The sum of e_i' J e_i over all unit vectors, a stack of them at a time behind one forward. Every stack is a
 * view of one array: the zeros and ones of the first `stacked` unit vectors after n - 1 zeros, so that a view
 * which begins k elements earlier holds those from unit vector k on. The whole diagonal is kept and added up
 * at the end in its own order: the sum does not depend on the stacks. */
#include <stdlib.h>

#include "core/vec/program.h"
#include "core/vec/vec.h"
#include "transport/modules_private.h"
#include "transport/trace/trace.h"

#define STACK_BYTES ((int64_t)64 << 20)

/* Unit vectors of a stack. Without vjp they are multiplied one by one. */
static int64_t as_fit(const tr_trace *trace, const tr_array *x) {
  int64_t bytes = trace->spec.stack_bytes ? trace->spec.stack_bytes : STACK_BYTES;
  int64_t n = trace->drift->ops->vjp ? bytes / (x->count * (int64_t)tr_dtype_size(x->dtype)) : 1;
  return n < 1 ? 1 : n > trace->row ? trace->row : n;
}

static int64_t stacked(const tr_trace *trace) {
  return trace->products->count / (trace->rows * trace->row);
}

/* Elements from .. from + count - 1, a vector. */
static tr_array piece(const tr_array *of, int64_t from, int64_t count) {
  return tr_view(of, from, 1, &count);
}

static tr_status zero_front(const tr_trace *trace) {
  if (trace->row == 1) return TR_OK;
  tr_array front = piece(trace->held, 0, trace->row - 1);
  return tr_fill(0, &front);
}

/* Unit vector k of the first stack, in every row; `unit` is room for it. */
static tr_status put_unit(const tr_trace *trace, int64_t k, double *unit) {
  const int64_t row = trace->row, all = trace->rows * row;
  tr_array to = piece(trace->held, row - 1 + k * all, all);
  for (int64_t e = 0; e < all; e++) unit[e] = e % row == k;
  return tr_array_set_f64(&to, unit);
}

static tr_status hold_units(const tr_trace *trace) {
  double *unit = malloc((size_t)(trace->rows * trace->row) * sizeof *unit);
  if (!unit)
    return TR_FAIL(
        trace->drift->ctx, TR_E_MEM,
        "out of memory for the exact trace of %lld rows of %lld elements: use fewer rows at a time",
        (long long)trace->rows, (long long)trace->row);
  tr_status status = zero_front(trace);
  for (int64_t k = 0; k < stacked(trace) && status == TR_OK; k++) status = put_unit(trace, k, unit);
  free(unit);
  return status;
}

static tr_status open(tr_trace *trace, const tr_array *x) {
  int64_t n = as_fit(trace, x), count = n * x->count + trace->row - 1;
  TR_TRY(tr_array_create(x->ctx, x->dtype, 1, &count, &trace->held));
  TR_TRY(tr_array_create(x->ctx, x->dtype, 1, &x->count, &trace->derived));
  TR_TRY(tr_array_like_stacked(x, n, &trace->products));
  return hold_units(trace);
}

/* A diagonal on its way, into `derived` (n N): element k of every row, k after k. */
typedef struct {
  tr_trace *trace;
  double t; /* of the first row, to be named */
} diagonal;

/* Element k of some rows, out of product r of the stack. */
static tr_status take_element(const diagonal *d, int64_t k, int64_t r, int64_t first, int64_t rows) {
  const tr_trace *trace = d->trace;
  const int64_t row = trace->row;
  tr_array unit = piece(trace->held, row - 1 - k + first * row, rows * row);
  tr_array product = piece(trace->products, (r * trace->rows + first) * row, rows * row);
  tr_array value = piece(trace->derived, k * trace->rows + first, rows);
  return tr_dot_rows(1, &unit, &product, 0, &value);
}

/* What the products of a stack give. */
static tr_status take(const diagonal *d, int64_t stack, int64_t first, int64_t rows) {
  const int64_t n = stacked(d->trace);
  for (int64_t k = stack * n; k < (stack + 1) * n && k < d->trace->row; k++)
    TR_TRY(take_element(d, k, k - stack * n, first, rows));
  return TR_OK;
}

/* The covectors of the next pass are there: what is left is to take the products of the one before. */
static tr_status next_stack(void *user, int pass, int64_t first, int64_t rows) {
  const diagonal *d = user;
  TR_TRY(take(d, pass - 1, first, rows));
  return tr_ctx_check_interrupt(d->trace->drift->ctx, d->t);
}

typedef struct {
  tr_array w, wJ;
} stack_views;

static tr_status run_passes(const diagonal *d, tr_times times, const tr_array *x, const tr_cond *cond, int n,
                            stack_views *views, const tr_array **w, tr_array **wJ, tr_array *f) {
  const tr_trace *trace = d->trace;
  const tr_drift_passes passes = {.n = n, .w = w, .wJ = wJ, .next = next_stack, .user = (void *)d};
  for (int64_t i = 0, k = 0; i < n; i++, k += stacked(trace)) {
    int64_t left = trace->row - k, vectors = left < stacked(trace) ? left : stacked(trace);
    views[i].w = tr_trace_stack(trace, trace->held, trace->row - 1 - k, vectors);
    views[i].wJ = tr_trace_stack(trace, trace->products, 0, vectors);
    w[i] = &views[i].w, wJ[i] = &views[i].wJ;
  }
  TR_TRY(tr_drift_vjp_passes(trace->drift, times, x, cond, &passes, f));
  return take(d, n - 1, 0, trace->rows);
}

/* Every stack a pass. */
static tr_status backward(const diagonal *d, tr_times times, const tr_array *x, const tr_cond *cond,
                          tr_array *f) {
  int n = (int)((d->trace->row + stacked(d->trace) - 1) / stacked(d->trace));
  stack_views *views = malloc((size_t)n * sizeof *views);
  const tr_array **w = malloc((size_t)n * sizeof *w);
  tr_array **wJ = malloc((size_t)n * sizeof *wJ);
  tr_status status = views && w && wJ
                         ? run_passes(d, times, x, cond, n, views, w, wJ, f)
                         : TR_FAIL(x->ctx, TR_E_MEM, "out of memory for an exact trace in %d passes", n);
  free(views);
  free(w);
  free(wJ);
  return status;
}

static tr_status forward_one(const diagonal *d, tr_times times, const tr_array *x, const tr_cond *cond,
                             int64_t k) {
  const tr_trace *trace = d->trace;
  tr_array unit = tr_view(trace->held, trace->row - 1 - k, x->ndim, x->shape);
  return tr_drift_jvp(trace->drift, times, x, cond, &unit, trace->products);
}

static tr_status forward(const diagonal *d, tr_times times, const tr_array *x, const tr_cond *cond,
                         tr_array *f) {
  TR_TRY(tr_drift_eval(d->trace->drift, times, x, cond, f));
  for (int64_t k = 0; k < d->trace->row; k++) {
    TR_TRY(tr_ctx_check_interrupt(x->ctx, d->t));
    TR_TRY(forward_one(d, times, x, cond, k));
    TR_TRY(take_element(d, k, 0, 0, d->trace->rows));
  }
  return TR_OK;
}

/* z = a (sum of the diagonal) + b */
static tr_status add_up(const diagonal *d, double a, double b, tr_array *z) {
  const int64_t rows = d->trace->rows;
  tr_program list;
  tr_program_init(&list, -1);
  TR_TRY(tr_program_map(&list, TR_MAP_CONST, b, NULL, NULL, z));
  for (int64_t k = 0; k < d->trace->row; k++) {
    tr_array one = piece(d->trace->derived, k * rows, rows);
    TR_TRY(tr_program_axpby(&list, 1, z, a, &one, z));
  }
  return tr_program_run(&list);
}

static tr_status apply(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                       double a, double b, tr_array *z) {
  const diagonal d = {trace, times.t[0]};
  TR_TRY((trace->drift->ops->vjp ? backward : forward)(&d, times, x, cond, f));
  return add_up(&d, a, b, z);
}

static const tr_trace_type type = {
    .info = {.name = "exact", .summary = "the whole diagonal: one product for each element of a row"},
    .open = open,
    .apply = apply};
const tr_module *const tr_trace_exact = &type.info;
