/* Hutch++ after a shift by the mean of the spectrum. Sketch vectors are the first R held, probes the rest;
 * the derived ones are the basis Q and the projected probes u. The basis is made on the host. */
#include <math.h>
#include <stdlib.h>

#include "core/vec/vec.h"
#include "transport/modules_private.h"
#include "transport/trace/trace.h"

#define DEPENDENT 1e-12 /* of a vector's length: what is left of it by rounding alone */

static int64_t twice(int n_probes, int64_t row) {
  (void)row;
  return 2 * (int64_t)n_probes;
}

typedef struct {
  tr_trace *trace;
  double *held, *products, *derived; /* (2 R, N, n) each: one block */
  double *shift;                     /* (N): k */
  int *rank;                         /* (N): vectors in Q */
} host_copy;

static double *vector(const host_copy *h, double *stack, int64_t k, int64_t i) {
  return stack + (k * h->trace->rows + i) * h->trace->row;
}

static double dot(int64_t n, const double *x, const double *y) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* v -= Q Q' v, twice: once is not enough for what is nearly in Q. */
static void project(const host_copy *h, int64_t i, int rank, double *v) {
  int64_t n = h->trace->row;
  for (int pass = 0; pass < 2; pass++)
    for (int j = 0; j < rank; j++) {
      const double *q = vector(h, h->derived, j, i);
      double c = dot(n, q, v);
      for (int64_t e = 0; e < n; e++) v[e] -= c * q[e];
    }
}

/* k, Q and the projected probes of row i, out of the products with the sketch. A product that lies in what Q
 * has already adds nothing to it and leaves a vector of zeros. */
static void derive(host_copy *h, int64_t i) {
  int R = h->trace->columns, rank = 0;
  int64_t n = h->trace->row;
  double k = 0;
  for (int j = 0; j < R; j++) k += dot(n, vector(h, h->held, j, i), vector(h, h->products, j, i));
  k /= (double)R * (double)n;
  for (int j = 0; j < R; j++) {
    const double *z = vector(h, h->held, j, i), *Jz = vector(h, h->products, j, i);
    double *q = vector(h, h->derived, rank, i);
    for (int64_t e = 0; e < n; e++) q[e] = Jz[e] - k * z[e];
    double before = sqrt(dot(n, Jz, Jz));
    project(h, i, rank, q);
    double length = sqrt(dot(n, q, q));
    bool counts = length > DEPENDENT * before;
    for (int64_t e = 0; e < n; e++) q[e] = counts ? q[e] / length : 0;
    rank += counts;
  }
  for (int j = rank; j < R; j++)
    for (int64_t e = 0; e < n; e++) vector(h, h->derived, j, i)[e] = 0;
  for (int j = 0; j < R; j++) {
    double *u = vector(h, h->derived, R + j, i);
    for (int64_t e = 0; e < n; e++) u[e] = vector(h, h->held, R + j, i)[e];
    project(h, i, rank, u);
  }
  h->shift[i] = k;
  h->rank[i] = rank;
}

/* z[r] of row i: k n + tr(Q' A Q) + u' A u with A = J - k I. */
static double estimate(const host_copy *h, int r, int64_t i) {
  int R = h->trace->columns;
  int64_t n = h->trace->row;
  const double *u = vector(h, h->derived, R + r, i);
  double sum = h->shift[i] * ((double)n - h->rank[i] - dot(n, u, u));
  for (int j = 0; j < h->rank[i]; j++)
    sum += dot(n, vector(h, h->derived, j, i), vector(h, h->products, j, i));
  return sum + dot(n, u, vector(h, h->products, R + r, i));
}

typedef tr_status (*moving)(tr_array *rows, double *host);

static tr_status download(tr_array *rows, double *host) {
  return tr_array_get_f64(rows, host);
}

static tr_status upload(tr_array *rows, double *host) {
  return tr_array_set_f64(rows, host);
}

/* Rows first .. first + rows - 1 of the first n vectors of a stack to or from the host. */
static tr_status move_rows(const host_copy *h, tr_array *stack, double *host, int64_t n, int64_t first,
                           int64_t rows, moving move) {
  for (int64_t k = 0; k < n; k++) {
    tr_array part = tr_rows(stack, k * h->trace->rows + first, rows);
    TR_TRY(move(&part, vector(h, host, k, first)));
  }
  return TR_OK;
}

static tr_status derive_rows(void *user, int64_t first, int64_t rows) {
  host_copy *h = user;
  tr_trace *trace = h->trace;
  int R = trace->columns;
  TR_TRY(move_rows(h, trace->products, h->products, R, first, rows, download));
  for (int64_t i = first; i < first + rows; i++) derive(h, i);
  return move_rows(h, trace->derived, h->derived, 2 * R, first, rows, upload);
}

static tr_status open_copy(tr_trace *trace, host_copy *h) {
  size_t stack = (size_t)trace->held->count, rows = (size_t)trace->rows;
  *h = (host_copy){.trace = trace};
  h->held = malloc((3 * stack + rows) * sizeof *h->held);
  h->rank = malloc(rows * sizeof *h->rank);
  if (!h->held || !h->rank) return TR_FAIL(trace->drift->ctx, TR_E_MEM, "out of memory for hutch++");
  h->products = h->held + stack;
  h->derived = h->products + stack;
  h->shift = h->derived + stack;
  return TR_OK;
}

static tr_status finish(const host_copy *h, double a, double b, tr_array *z) {
  const tr_trace *trace = h->trace;
  double *values = malloc((size_t)z->count * sizeof *values);
  if (!values) return TR_FAIL(z->ctx, TR_E_MEM, "out of memory for hutch++");
  for (int r = 0; r < trace->columns; r++)
    for (int64_t i = 0; i < trace->rows; i++) values[r * trace->rows + i] = a * estimate(h, r, i) + b;
  tr_status status = tr_array_set_f64(z, values);
  free(values);
  return status;
}

static tr_status apply(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                       double a, double b, tr_array *z) {
  host_copy h;
  tr_status status;
  TR_TRY_GOTO(status, open_copy(trace, &h), done);
  TR_TRY_GOTO(status, tr_array_get_f64(trace->held, h.held), done);
  TR_TRY_GOTO(
      status,
      tr_trace_products_twice(trace, times, x, cond, trace->columns, 2 * trace->columns, derive_rows, &h, f),
      done);
  TR_TRY_GOTO(status, tr_array_get_f64(trace->products, h.products), done);
  status = finish(&h, a, b, z);
done:
  free(h.held);
  free(h.rank);
  return status;
}

static const tr_trace_type type = {
    .info = {.name = "hutch++",
             .aliases = "hutchpp",
             .summary = "R probes off a sketched subspace, shifted by the mean first; 3 R products"},
    .sampled = true,
    .n_held = twice,
    .n_derived = twice,
    .apply = apply};
const tr_module *const tr_trace_hutchpp = &type.info;
