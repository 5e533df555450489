/* The sum of e_i' J e_i over all unit vectors. */
#include <stdlib.h>

#include "core/vec.h"
#include "transport/modules.h"
#include "transport/trace.h"

static int64_t n_held(int n_probes, int64_t row) {
  (void)n_probes;
  return row;
}

static tr_status hold(tr_trace *trace) {
  double *unit = calloc((size_t)trace->held->count, sizeof *unit);
  if (!unit)
    return TR_FAIL(
        trace->drift->ctx, TR_E_MEM,
        "out of memory for the exact trace of %lld rows of %lld elements: use fewer rows at a time, "
        "or probes",
        (long long)trace->rows, (long long)trace->row);
  for (int64_t k = 0; k < trace->row; k++)
    for (int64_t i = 0; i < trace->rows; i++) unit[(k * trace->rows + i) * trace->row + k] = 1;
  tr_status status = tr_array_set_f64(trace->held, unit);
  free(unit);
  return status;
}

/* z = a (sum of the diagonal) + b; dots (n, N): the diagonal element n of each row. */
static tr_status add_up(const tr_trace *trace, const tr_array *dots, double a, double b, tr_array *z) {
  TR_TRY(tr_fill(b, z));
  for (int64_t k = 0; k < trace->row; k++) {
    tr_array *one;
    const int64_t rows = trace->rows;
    TR_TRY(tr_array_view(dots, k * rows, 1, &rows, &one));
    tr_status status = tr_axpby(1, z, a, one, z);
    tr_array_destroy(&one);
    TR_TRY(status);
  }
  return TR_OK;
}

static tr_status apply(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                       double a, double b, tr_array *z) {
  const int64_t n = trace->row * trace->rows;
  tr_array *dots;
  TR_TRY(tr_trace_products(trace, times, x, cond, trace->row, trace->held, f));
  TR_TRY(tr_array_create(x->ctx, x->dtype, 1, &n, &dots));
  tr_status status = tr_dot_rows(1, trace->held, trace->products, 0, dots);
  if (status == TR_OK) status = add_up(trace, dots, a, b, z);
  tr_array_destroy(&dots);
  return status;
}

static const tr_trace_type type = {
    .info = {"exact", NULL, "the whole diagonal: one product for each element of a row"},
    .n_held = n_held,
    .hold = hold,
    .apply = apply};
const tr_module *const tr_trace_exact = &type.info;
