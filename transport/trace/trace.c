#include "transport/trace/trace.h"

#include <stdlib.h>

#include "core/random.h"
#include "core/require_private.h"

#define DRAWS_MAX (1u << 20)

tr_status tr_trace_find(tr_ctx *ctx, const char *name, const tr_trace_type **out) {
  TR_REQUIRE(ctx, name, out);
  const tr_module *module;
  TR_TRY(tr_find(ctx, TR_KIND_TRACE, name, &module));
  TR_TRY(tr_module_refuse_params(ctx, module, "traces"));
  *out = (const tr_trace_type *)module;
  return TR_OK;
}

/* ---- products with the Jacobian ---- */

tr_array tr_trace_stack(const tr_trace *trace, const tr_array *of, int64_t from, int64_t n) {
  if (!trace || !trace->products || !of) return (tr_array){0};
  const tr_array *like = trace->products;
  int64_t shape[TR_MAX_DIMS] = {n, trace->rows};
  for (int i = 1; i < like->ndim; i++) shape[i + 1] = like->shape[i];
  return tr_view(of, from, like->ndim + 1, shape);
}

static tr_status backward(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, int64_t n,
                          const tr_array *v, tr_array *f) {
  tr_array in = tr_trace_stack(trace, v, 0, n), out = tr_trace_stack(trace, trace->products, 0, n);
  return tr_drift_vjp_multi(trace->drift, times, x, cond, &in, f, &out);
}

static tr_status forward(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, int64_t k,
                         const tr_array *v) {
  tr_array in = tr_rows(v, k * trace->rows, trace->rows);
  tr_array out = tr_rows(trace->products, k * trace->rows, trace->rows);
  return tr_drift_jvp(trace->drift, times, x, cond, &in, &out);
}

/* Vectors of every row, for which `products` has room. */
static tr_status check_vectors(const tr_trace *trace, int64_t n) {
  const int64_t room = trace->products->count / (trace->rows * trace->row);
  if (n >= 0 && n <= room) return TR_OK;
  return TR_FAIL(trace->drift->ctx, TR_E_ARG, "products of %lld vectors: the trace has room for 0 to %lld",
                 (long long)n, (long long)room);
}

tr_status tr_trace_products(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond,
                            int64_t n, const tr_array *v, tr_array *f) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, v, f), trace, x, v, f);
  TR_REQUIRE(TR_CTX_OF_ANY(x, v, f), trace->drift, trace->products);
  TR_TRY(check_vectors(trace, n));
  if (trace->drift->ops->vjp) return backward(trace, times, x, cond, n, v, f);
  TR_TRY(tr_drift_eval(trace->drift, times, x, cond, f));
  for (int64_t k = 0; k < n; k++) TR_TRY(forward(trace, times, x, cond, k, v));
  return TR_OK;
}

typedef struct {
  tr_trace_derive derive;
  void *user;
} derivation;

static tr_status next_pass(void *user, int pass, int64_t first, int64_t rows) {
  const derivation *d = user;
  (void)pass;
  return d->derive(d->user, first, rows);
}

static tr_status backward_twice(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond,
                                int64_t n_held, int64_t n_derived, derivation *derive, tr_array *f) {
  tr_array in[2] = {tr_trace_stack(trace, trace->held, 0, n_held),
                    tr_trace_stack(trace, trace->derived, 0, n_derived)};
  tr_array out[2] = {tr_trace_stack(trace, trace->products, 0, n_held),
                     tr_trace_stack(trace, trace->products, 0, n_derived)};
  const tr_array *const work[] = {trace->held, trace->derived, trace->products, trace->numbers};
  tr_drift_passes passes = {.n = 2,
                            .w = (const tr_array *const[]){&in[0], &in[1]},
                            .wJ = (tr_array *const[]){&out[0], &out[1]},
                            .next = next_pass,
                            .user = derive};
  const tr_trace_type *type = trace->spec.type;
  if (type && type->derives_on_device)
    passes.n_work = trace->numbers ? 4 : 3, passes.work = work, passes.next_is = type;
  return tr_drift_vjp_passes(trace->drift, times, x, cond, &passes, f);
}

tr_status tr_trace_products_twice(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond,
                                  int64_t n_held, int64_t n_derived, tr_trace_derive derive, void *user,
                                  tr_array *f) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, f), trace, x, f);
  TR_REQUIRE_FUNCTION(TR_CTX_OF_ANY(x, f), derive);
  TR_REQUIRE(TR_CTX_OF_ANY(x, f), trace->drift, trace->held, trace->derived, trace->products);
  TR_TRY(check_vectors(trace, n_held));
  TR_TRY(check_vectors(trace, n_derived));
  derivation d = {derive, user};
  if (trace->drift->ops->vjp) return backward_twice(trace, times, x, cond, n_held, n_derived, &d, f);
  TR_TRY(tr_trace_products(trace, times, x, cond, n_held, trace->held, f));
  TR_TRY(derive(user, 0, trace->rows));
  for (int64_t k = 0; k < n_derived; k++) TR_TRY(forward(trace, times, x, cond, k, trace->derived));
  return TR_OK;
}

/* ---- probes ---- */

/* The step of an address has 32 bits: a draw past them would be another one again. */
static tr_status check_draw(const tr_trace *trace, int64_t vectors) {
  const uint64_t draws = ((uint64_t)UINT32_MAX + 1) / (uint64_t)vectors;
  if (trace->spec.draw < draws) return TR_OK;
  return TR_FAIL(trace->drift->ctx, TR_E_ARG,
                 "draw %u of %lld probe vectors: with as many use draws 0 to %llu", trace->spec.draw,
                 (long long)vectors, (unsigned long long)(draws - 1));
}

static tr_status draw_probes(tr_trace *trace) {
  int64_t n = trace->held->count, vectors = n / (trace->rows * trace->row);
  double *signs = malloc((size_t)n * sizeof *signs);
  if (!signs) return TR_FAIL(trace->drift->ctx, TR_E_MEM, "out of memory for probes");
  for (int64_t k = 0; k < vectors; k++) {
    tr_random_address address = {.seed = trace->spec.seed,
                                 .purpose = TR_RANDOM_PROBE,
                                 .step = (uint32_t)(trace->spec.draw * (uint64_t)vectors + (uint64_t)k)};
    for (int64_t i = 0; i < trace->rows; i++)
      tr_random_signs(&address, trace->spec.first_sample + (uint64_t)i, trace->row,
                      signs + (k * trace->rows + i) * trace->row);
  }
  tr_status status = tr_array_set_f64(trace->held, signs);
  free(signs);
  return status;
}

static bool all_zero(const double *v, int64_t n) {
  for (int64_t e = 0; e < n; e++)
    if (v[e] != 0) return false;
  return true;
}

/* A probe of zeros would say that the trace is zero; v: room for one probe of all rows. */
static tr_status check_probe(const tr_trace *trace, int64_t k, double *v) {
  tr_array probe = tr_rows(trace->held, k * trace->rows, trace->rows);
  tr_status status = tr_array_get_f64(&probe, v);
  for (int64_t i = 0; i < trace->rows && status == TR_OK; i++)
    if (all_zero(v + i * trace->row, trace->row))
      status = TR_FAIL(trace->drift->ctx, TR_E_ARG,
                       "probe %lld of row %lld is all zeros: probes z need E z z' = I, such as random signs",
                       (long long)k, (long long)i);
  return status;
}

static tr_status take_probes(tr_trace *trace) {
  double *v = malloc((size_t)(trace->rows * trace->row) * sizeof *v);
  if (!v) return TR_FAIL(trace->drift->ctx, TR_E_MEM, "out of memory for probes");
  tr_status status = tr_array_copy(trace->spec.probes, trace->held);
  for (int64_t k = 0; k < trace->spec.n_probes && status == TR_OK; k++) status = check_probe(trace, k, v);
  free(v);
  return status;
}

/* ---- creation ---- */

static tr_status check_spec(const tr_trace_spec *spec, const tr_drift *drift, const tr_array *x) {
  if (!spec->type) return TR_FAIL(x->ctx, TR_E_ARG, "a log-density without a way to estimate the trace");
  if (!drift->ops->vjp && !drift->ops->jvp)
    return TR_FAIL(x->ctx, TR_E_UNSUPPORTED,
                   "the provider %s has no vector-Jacobian product: a log-density needs one",
                   drift->ops->name);
  if (x->count == 0 || x->ndim == TR_MAX_DIMS) {
    char text[80];
    return TR_FAIL(x->ctx, TR_E_SHAPE,
                   "the trace at a state %s: use one with elements and at most %d dimensions",
                   tr_array_describe(x, text, sizeof text), TR_MAX_DIMS - 1);
  }
  if (spec->type->sampled && (spec->n_probes < 1 || spec->n_probes > 100000))
    return TR_FAIL(x->ctx, TR_E_ARG, "%d probes: use 1 to 100000", spec->n_probes);
  if (spec->draw >= DRAWS_MAX)
    return TR_FAIL(x->ctx, TR_E_ARG, "draw %u of the probes: use 0 to %u", spec->draw, DRAWS_MAX - 1);
  if (spec->stack_bytes < 0)
    return TR_FAIL(x->ctx, TR_E_ARG,
                   "%lld bytes for a stack of unit vectors: use 1 or more, or 0 for the default",
                   (long long)spec->stack_bytes);
  if (!spec->probes) return TR_OK;
  if (!spec->type->sampled || spec->type->n_derived)
    return TR_FAIL(x->ctx, TR_E_ARG, "given probes are for hutchinson, not for %s", spec->type->info.name);
  if (spec->probes->count == spec->n_probes * x->count && spec->probes->dtype == x->dtype) return TR_OK;
  char text[80], state[80];
  return TR_FAIL(x->ctx, TR_E_SHAPE, "the probes are %s, the state %s: %d times its elements are needed",
                 tr_array_describe(spec->probes, text, sizeof text),
                 tr_array_describe(x, state, sizeof state), spec->n_probes);
}

static tr_status hold_probes(tr_trace *trace, const tr_array *x) {
  const tr_trace_type *type = trace->spec.type;
  int probes = trace->spec.n_probes;
  int64_t held = type->n_held(probes, trace->row);
  int64_t derived = type->n_derived ? type->n_derived(probes, trace->row) : 0;
  if (!trace->spec.probes) TR_TRY(check_draw(trace, held));
  TR_TRY(tr_array_like_stacked(x, held, &trace->held));
  TR_TRY(tr_array_like_stacked(x, held > derived ? held : derived, &trace->products));
  if (derived) TR_TRY(tr_array_like_stacked(x, derived, &trace->derived));
  if (type->n_numbers) {
    const int64_t shape[2] = {type->n_numbers(probes), trace->rows};
    TR_TRY(tr_array_create(x->ctx, x->dtype, 2, shape, &trace->numbers));
  }
  return (trace->spec.probes ? take_probes : draw_probes)(trace);
}

tr_status tr_trace_create(const tr_trace_spec *spec, tr_drift *drift, const tr_array *x, tr_trace **out) {
  if (out) *out = NULL;
  TR_REQUIRE(TR_CTX_FROM(drift, x), spec, drift, x, out);
  TR_REQUIRE(TR_CTX_FROM(drift, x), drift->ops);
  TR_TRY(tr_array_check(x));
  TR_TRY(check_spec(spec, drift, x));
  tr_trace *trace = calloc(1, sizeof *trace);
  if (!trace) return TR_FAIL(x->ctx, TR_E_MEM, "out of memory for the trace");
  *trace = (tr_trace){.spec = *spec,
                      .drift = drift,
                      .columns = spec->type->sampled ? spec->n_probes : 1,
                      .rows = x->shape[0],
                      .row = x->count / x->shape[0]};
  tr_status status = (spec->type->open ? spec->type->open : hold_probes)(trace, x);
  if (status == TR_OK)
    *out = trace;
  else
    tr_trace_destroy(&trace);
  return status;
}

void tr_trace_destroy(tr_trace **trace) {
  if (!trace || !*trace) return;
  tr_array_destroy(&(*trace)->held);
  tr_array_destroy(&(*trace)->derived);
  tr_array_destroy(&(*trace)->products);
  tr_array_destroy(&(*trace)->numbers);
  free(*trace);
  *trace = NULL;
}

tr_status tr_trace_apply(tr_trace *trace, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                         double a, double b, tr_array *z) {
  TR_REQUIRE(TR_CTX_OF_ANY(x, f, z), trace, x, f, z);
  TR_REQUIRE(TR_CTX_OF_ANY(x, f, z), trace->spec.type, trace->drift);
  return trace->spec.type->apply(trace, times, x, cond, f, a, b, z);
}
