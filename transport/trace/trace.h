/* Estimates of the trace of a drift's Jacobian, for log-densities. Modules of kind "trace". J is the Jacobian
 * of one row (n elements), z a Rademacher vector (entries +1 or -1), R the number of probes:
 *
 *   hutchinson  z' J z for each of R probes; variance 2 sum_{i != j} S_ij^2 with S = (J + J') / 2: a diagonal
 *               J is exact, which is why the probes are not Gaussian         (Hutchinson 1990; R products)
 *   hutch++     k n + tr(Q' A Q) + u' A u, u = (I - Q Q') g, for each of R probes g, with A = J - k I,
 *               k = mean z' J z / n over R sketch vectors z and Q an orthonormal basis of the A z
 *               (Meyer, Musco, Musco, Woodruff, arXiv 2010.09649, with the mean of the spectrum taken off
 *               first: without it the projection destroys what Rademacher vectors have exactly; 3 R products)
 *   exact       the sum of e_i' J e_i                                          (n products, no error)
 *
 * hutch++ goes back twice behind one forward, since the basis must be there before its products; exact, whose
 * memory is two stacks of unit vectors of the whole batch, once for every stack. A provider without
 * vjp_passes (transport/drift.h), such as a guide, goes forward as often; one without vjp, once for every
 * vector and once more.
 *
 * Given the sketch each of the R values is an unbiased estimate, independent of the others: their spread is
 * an error bar. Probes are addressed by (seed, sample, probe, element) and held for a whole solve, or the
 * right-hand side would be random and step control meaningless. */
#ifndef TR_TRANSPORT_TRACE_TRACE_H
#define TR_TRANSPORT_TRACE_TRACE_H

#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_KIND_TRACE "trace"

typedef struct tr_trace tr_trace;

typedef struct tr_trace_type {
  tr_module info;
  bool sampled; /* R probes and as many columns; false: no probes, one column, no error */
  /* Rademacher vectors held for a solve, and further ones multiplied by J in an estimate; row: n */
  int64_t (*n_held)(int n_probes, int64_t row);
  int64_t (*n_derived)(int n_probes, int64_t row); /* NULL: none */
  int64_t (*n_numbers)(int n_probes);              /* numbers a row that an estimate works with; NULL: none */
  /* What it gives tr_trace_products_twice as `derive` hands operations to the device that take arrays that
   * move (core/record/record.h) and does nothing else, and knows no arrays but held, derived, products and
   * numbers: products in two passes are then recorded */
  bool derives_on_device;
  /* Instead of these: makes `held`, vectors of its own in its own shape, and `products`, for states like x */
  tr_status (*open)(tr_trace *trace, const tr_array *x);
  /* f = the drift at x; z (columns, N) = a tr(J) + b for every column and row. */
  tr_status (*apply)(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                     double a, double b, tr_array *z);
} tr_trace_type;

/* By name; TR_E_ARG for a table that declares parameters, for which traces have no place. */
TR_API tr_status tr_trace_find(tr_ctx *ctx, const char *name, const tr_trace_type **out);

typedef struct {
  const tr_trace_type *type;
  int n_probes;                /* R, 1 to 100000; not read without probes */
  uint64_t seed, first_sample; /* row i of the state is sample first_sample + i */
  uint32_t draw; /* another draw of every probe; < 2^20, (draw + 1) R <= 2^32, for hutch++ 2^31 */
  /* (R N, ...): the probes themselves, none all zeros, borrowed; NULL: addressed. hutchinson */
  const tr_array *probes;
  /* exact: the most that a stack of unit vectors of all rows takes, though never less than one vector; 0:
   * 64 MiB. No bit of an estimate depends on it. */
  int64_t stack_bytes;
} tr_trace_spec;

/* An estimate in progress on states like x (N, ...). For writers of modules: */
struct tr_trace {
  tr_trace_spec spec;
  tr_drift *drift; /* borrowed */
  int columns;
  int64_t rows, row;  /* N, n */
  tr_array *held;     /* (n_held N, ...): vector k of every row, k after k */
  tr_array *derived;  /* (n_derived N, ...) or NULL; exact: the diagonals */
  tr_array *products; /* (the larger of the two N, ...) */
  tr_array *numbers;  /* (n_numbers, N) or NULL */
};

/* Draws the probes; the drift is borrowed and the caller destroys the estimate. TR_E_ARG for settings out of
 * their range and a given probe of zeros, TR_E_SHAPE for given probes that do not fit x, TR_E_UNSUPPORTED
 * when the drift has neither vjp nor jvp. */
TR_API tr_status tr_trace_create(const tr_trace_spec *spec, tr_drift *drift, const tr_array *x,
                                 tr_trace **out);
TR_API void tr_trace_destroy(tr_trace **trace);
/* f (N, ...) = the drift at x, z (columns N) = a tr(J) + b. TR_E_INTERRUPTED, naming t, where the
 * context was asked to stop (tr_ctx_check_interrupt), exact also between its products. */
TR_API tr_status tr_trace_apply(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond,
                                tr_array *f, double a, double b, tr_array *z);

/* For modules, which have `products` made: n vectors of every row, from element `from` of an array on, as one
 * view (n, N, ...). */
TR_API tr_array tr_trace_stack(const tr_trace *trace, const tr_array *of, int64_t from, int64_t n);
/* products[k] = J' v[k], or J v[k] where the drift has no vjp (the trace is the same), for the
 * first n vectors of v, and f; TR_E_ARG where `products` has no room for n. One forward for all where the
 * drift allows it. */
TR_API tr_status tr_trace_products(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond,
                                   int64_t n, const tr_array *v, tr_array *f);
/* The same first for n_held vectors held, then for n_derived derived: `derive` fills these in `rows` rows
 * from `first` on, where it finds products[0 .. n_held - 1]; those of the derived then take their place. */
typedef tr_status (*tr_trace_derive)(void *user, int64_t first, int64_t rows);
TR_API tr_status tr_trace_products_twice(tr_trace *trace, tr_times times, const tr_array *x,
                                         const tr_cond *cond, int64_t n_held, int64_t n_derived,
                                         tr_trace_derive derive, void *user, tr_array *f);

#ifdef __cplusplus
}
#endif

#endif
