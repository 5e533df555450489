/* Hutch++ after a shift by the mean of the spectrum. Sketch vectors are the first R held, probes the rest;
 * the derived ones are the basis Q and the projected probes u. All of it stays on the device: the basis is
 * one operation, tr_deflate, and what follows the products two products of rows and a program. */
#include "core/vec/program.h"
#include "core/vec/vec.h"
#include "transport/modules_private.h"
#include "transport/trace/trace.h"

static int64_t twice(int n_probes, int64_t row) {
  (void)row;
  return 2 * (int64_t)n_probes;
}

/* Numbers of every row: two of the deflation, R of lengths, 2 R of products. */
enum { SHIFT, REST, LENGTHS };

static int64_t numbers(int n_probes) {
  return LENGTHS + 3 * (int64_t)n_probes;
}

static tr_status derive_rows(void *user, int64_t first, int64_t rows) {
  const tr_trace *trace = user;
  tr_array found = tr_rows(trace->numbers, SHIFT, 2);
  return tr_deflate(&(tr_deflate_args){.basis = trace->columns,
                                       .first = first,
                                       .rows = rows,
                                       .given = trace->held,
                                       .images = trace->products,
                                       .deflated = trace->derived,
                                       .numbers = &found});
}

/* Number i of every row, a vector. */
static tr_array number(const tr_trace *trace, int64_t i) {
  return tr_view(trace->numbers, i * trace->rows, 1, &trace->rows);
}

/* |u|^2 of every projected probe, and v' J v of everything derived. */
static tr_status measure(const tr_trace *trace) {
  const int64_t R = trace->columns;
  tr_array lengths = tr_rows(trace->numbers, LENGTHS, R);
  tr_array products = tr_rows(trace->numbers, LENGTHS + R, 2 * R);
  tr_array u = tr_trace_stack(trace, trace->derived, R * trace->rows * trace->row, R);
  TR_TRY(tr_dot_rows(1, &u, &u, 0, &lengths));
  return tr_dot_rows(1, trace->derived, trace->products, 0, &products);
}

/* z += v' J v of the basis and of probe r. */
static tr_status add_products(const tr_trace *trace, int64_t r, tr_program *list, tr_array *z) {
  const int64_t R = trace->columns, first = LENGTHS + R;
  tr_array one[TR_LINCOMB_MAX];
  const tr_array *term[TR_LINCOMB_MAX] = {z};
  double factor[TR_LINCOMB_MAX] = {1};
  int n = 1;
  for (int64_t j = 0; j <= R; j++) {
    one[n] = number(trace, first + (j < R ? j : R + r));
    factor[n] = 1;
    term[n] = &one[n];
    if (++n < TR_LINCOMB_MAX && j < R) continue;
    TR_TRY(tr_program_lincomb(list, n, factor, term, z));
    n = 1;
  }
  return TR_OK;
}

/* z = a (k (n - |Q|^2 - |u|^2) + tr(Q' J Q) + u' J u) + b of probe r, which is k n + tr(Q' A Q) + u' A u. */
static tr_status estimate(const tr_trace *trace, int64_t r, double a, double b, tr_program *list,
                          tr_array *z) {
  tr_array shift = number(trace, SHIFT), rest = number(trace, REST), length = number(trace, LENGTHS + r);
  TR_TRY(tr_program_axpby(list, 1, &rest, -1, &length, z));
  TR_TRY(tr_program_map(list, TR_MAP_MUL, 0, z, &shift, z));
  TR_TRY(add_products(trace, r, list, z));
  TR_TRY(tr_program_scale(list, a, z, z));
  return tr_program_map(list, TR_MAP_ADDC, b, z, NULL, z);
}

static tr_status apply(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                       double a, double b, tr_array *z) {
  const int64_t R = trace->columns;
  tr_program list;
  tr_program_init(&list, -1);
  TR_TRY(tr_trace_products_twice(trace, times, x, cond, R, 2 * R, derive_rows, trace, f));
  TR_TRY(measure(trace));
  for (int64_t r = 0; r < R; r++) {
    tr_array column = tr_view(z, r * trace->rows, 1, &trace->rows);
    TR_TRY(estimate(trace, r, a, b, &list, &column));
  }
  return tr_program_run(&list);
}

static const tr_trace_type type = {
    .info = {.name = "hutch++",
             .aliases = "hutchpp",
             .summary = "R probes off a sketched subspace, shifted by the mean first; 3 R products"},
    .sampled = true,
    .n_held = twice,
    .n_derived = twice,
    .n_numbers = numbers,
    .derives_on_device = true,
    .apply = apply};
const tr_module *const tr_trace_hutchpp = &type.info;
