#include "transport/likelihood/likelihood.h"

#include <math.h>
#include <stdlib.h>

#include "core/error/fit_private.h"
#include "core/require_private.h"
#include "core/vec/vec.h"
#include "transport/drift_private.h"
#include "transport/sampler/run_private.h"

tr_status tr_density_defaults(tr_ctx *ctx, tr_density *out) {
  TR_REQUIRE(ctx, out);
  *out = (tr_density){.n_probes = 8};
  return tr_trace_find(ctx, "hutchinson", &out->trace);
}

tr_status tr_log_normal(const tr_array *x, double *out) {
  TR_REQUIRE(TR_CTX_OF(x), x, out);
  const int64_t rows = x->shape[0];
  if (rows == 0) return TR_OK;
  tr_array *logs;
  TR_TRY(tr_array_create(x->ctx, x->dtype, 1, &rows, &logs));
  double n = (double)(x->count / rows);
  tr_status status = tr_dot_rows(-0.5, x, x, -0.5 * n * log(2 * TR_PI), logs);
  if (status == TR_OK) status = tr_array_get_f64(logs, out);
  tr_array_destroy(&logs);
  return status;
}

/* Mean and standard error of row i over the columns. */
static void average(const double *change, int columns, int64_t rows, int64_t i, double *mean, double *se) {
  double sum = 0, squares = 0;
  for (int c = 0; c < columns; c++) sum += change[c * rows + i];
  *mean = sum / columns;
  for (int c = 0; c < columns; c++) {
    double d = change[c * rows + i] - *mean;
    squares += d * d;
  }
  *se = columns > 1 ? sqrt(squares / (columns - 1) / columns) : NAN;
}

/* logp holds the density at the noise end, and becomes that at the data end. */
static void combine(const tr_sampler *sampler, const tr_trace *trace, const double *change, bool whole,
                    double *logp, double *logp_se) {
  for (int64_t i = 0; i < trace->rows; i++) {
    double mean;
    average(change, trace->columns, trace->rows, i, &mean, &logp_se[i]);
    if (!trace->spec.type->sampled) logp_se[i] = 0;
    logp[i] += sampler->reverse ? -mean : mean;
    if (sampler->reverse && !whole) logp[i] = logp_se[i] = NAN;
  }
}

static tr_status run(const tr_sampler *sampler, const tr_density *density, const tr_cond *cond,
                     tr_trace *trace, tr_array *x, double *logp, double *logp_se, tr_sample_stats *stats) {
  double tolerance = density->tolerance > 0 ? density->tolerance : sampler->ode.rtol * (double)trace->row;
  double *change = malloc((size_t)trace->columns * (size_t)trace->rows * sizeof *change);
  if (!change) return TR_FAIL(x->ctx, TR_E_MEM, "out of memory for %d estimates", trace->columns);
  tr_status status = sampler->reverse ? TR_OK : tr_log_normal(x, logp);
  if (status == TR_OK) status = tr_sample_ode_traced(sampler, cond, trace, tolerance, x, change, stats);
  if (status == TR_OK && sampler->reverse) status = tr_log_normal(x, logp);
  if (status == TR_OK) combine(sampler, trace, change, stats->stop_reason == TR_STOP_END, logp, logp_se);
  free(change);
  return status;
}

typedef struct {
  tr_trace_spec spec;
  tr_drift *drift;
  const tr_array *x;
  const tr_cond *cond;
} traced;

/* Whether there is memory for the trace of the first n rows, and then for their solve. */
static bool would_fit(void *user, int64_t n) {
  const traced *t = user;
  tr_array rows = tr_rows(t->x, 0, n);
  tr_trace *trace;
  if (tr_trace_create(&t->spec, t->drift, &rows, &trace) != TR_OK) return false;
  const int64_t vectors = rows.count ? trace->products->count / rows.count : 0;
  const bool fits = tr_drift_fits(t->drift, t->x, t->cond, n, vectors);
  tr_trace_destroy(&trace);
  return fits;
}

static tr_status create_trace(const tr_trace_spec *spec, tr_drift *drift, const tr_array *x,
                              const tr_cond *cond, tr_trace **out) {
  const tr_status status = tr_trace_create(spec, drift, x, out);
  traced few = {*spec, drift, x, cond};
  few.spec.probes = NULL; /* those that are given are of all rows */
  if (status != TR_E_MEM || tr_ctx_error(x->ctx)->status != TR_E_MEM) return status;
  return tr_tell_what_fits(x->ctx, x->shape[0], would_fit, &few);
}

tr_status tr_sample_density(const tr_sampler *sampler, const tr_density *density, const tr_cond *cond,
                            tr_array *x, double *logp, double *logp_se, tr_sample_stats *stats) {
  TR_REQUIRE(TR_CTX_OF(x), sampler, density, x, logp, logp_se);
  tr_sample_stats unread;
  tr_trace *trace;
  if (!sampler->drift) return TR_FAIL(x->ctx, TR_E_ARG, "a sampler without a drift provider");
  if (!(density->tolerance >= 0 && isfinite(density->tolerance)))
    return TR_FAIL(x->ctx, TR_E_ARG,
                   "a tolerance of %g nats: use a finite number above 0, or 0 for the default",
                   density->tolerance);
  tr_trace_spec spec = {.type = density->trace,
                        .n_probes = density->n_probes,
                        .seed = sampler->seed,
                        .first_sample = sampler->first_sample,
                        .draw = density->draw,
                        .probes = density->probes};
  TR_TRY(create_trace(&spec, sampler->drift, x, cond, &trace));
  tr_status status = run(sampler, density, cond, trace, x, logp, logp_se, stats ? stats : &unread);
  tr_trace_destroy(&trace);
  return status;
}
