/* z' J z, one column for every probe. */
#include "core/vec/vec.h"
#include "transport/modules_private.h"
#include "transport/trace/trace.h"

static int64_t n_held(int n_probes, int64_t row) {
  (void)row;
  return n_probes;
}

static tr_status apply(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                       double a, double b, tr_array *z) {
  TR_TRY(tr_trace_products(trace, times, x, cond, trace->columns, trace->held, f));
  return tr_dot_rows(a, trace->held, trace->products, b, z);
}

static const tr_trace_type type = {
    .info = {.name = "hutchinson", .summary = "z' J z for R Rademacher probes, held"},
    .sampled = true,
    .n_held = n_held,
    .apply = apply};
const tr_module *const tr_trace_hutchinson = &type.info;
