/* Parameters: the layout, views, further arrays of it, operations on the whole that keep the gaps. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/params.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"

enum { ENTRIES = 4 };
static const tr_param_entry entries[ENTRIES] = {{"in.weight", 2, {5, 3}, false},
                                                {"position", 3, {1, 2, 2}, true},
                                                {"in.bias", 1, {5}, false},
                                                {"scale", 1, {1}, true}};
static const int64_t counts[ENTRIES] = {15, 4, 5, 1};
static const int order[ENTRIES] = {0, 2, 1, 3}; /* in memory: those that are trained first */

static int64_t offset_of(const tr_params *params, int i) {
  tr_array at = tr_params_value(params, i);
  const tr_array *all = tr_params_values(params);
  return ((const char *)at.data - (const char *)all->data) / (int64_t)tr_dtype_size(all->dtype);
}

static void layout(tr_ctx *ctx, tr_dtype dtype) {
  const int64_t step = 64 / (int64_t)tr_dtype_size(dtype);
  tr_params *params;
  CHECK_OK(ctx, tr_params_create(ctx, dtype, ENTRIES, entries, &params));
  CHECK(tr_params_n(params) == ENTRIES);
  CHECK(tr_params_count(params, false) == 25 && tr_params_count(params, true) == 20);
  int64_t end = 0;
  for (int k = 0; k < ENTRIES; k++) {
    int i = order[k];
    tr_array value = tr_params_value(params, i);
    CHECK(offset_of(params, i) == end && end % step == 0);
    CHECK(value.count == counts[i] && value.ndim == entries[i].ndim && !value.owned);
    CHECK(value.dtype == dtype && value.ctx == ctx);
    for (int d = 0; d < value.ndim; d++) CHECK(value.shape[d] == entries[i].shape[d]);
    CHECK(tr_params_find(params, entries[i].name) == i);
    CHECK(tr_params_entry(params, i)->frozen == entries[i].frozen);
    CHECK(strcmp(tr_params_entry(params, i)->name, entries[i].name) == 0);
    end += (counts[i] + step - 1) / step * step;
    if (k == 1) CHECK(tr_params_trained(params, tr_params_values(params)).count == end);
  }
  CHECK(tr_params_values(params)->count == end && tr_params_values(params)->ndim == 1);
  CHECK(tr_params_find(params, "in.weigh") == -1 && tr_params_find(params, "") == -1);
  tr_params_destroy(&params);
  CHECK(params == NULL);
  tr_params_destroy(&params);
}

/* Values, row-major, of one parameter: 100 i + element. */
static void set_all(tr_ctx *ctx, const tr_params *params, const tr_array *array) {
  double host[16];
  for (int i = 0; i < ENTRIES; i++) {
    tr_array at = tr_params_at(params, array, i);
    for (int64_t k = 0; k < at.count; k++) host[k] = 100 * (i + 1) + (double)k;
    CHECK_OK(ctx, tr_array_set_f64(&at, host));
  }
}

/* Every parameter is a times what set_all wrote, frozen ones b times, and every gap 0. */
static void check_all(tr_ctx *ctx, const tr_params *params, const tr_array *array, double a, double b) {
  double *host = calloc((size_t)array->count, sizeof *host);
  CHECK_OK(ctx, tr_array_get_f64(array, host));
  int64_t at = 0;
  for (int k = 0; k < ENTRIES; k++) {
    int i = order[k];
    int64_t offset = offset_of(params, i);
    for (; at < offset; at++) CHECK(host[at] == 0);
    for (int64_t e = 0; e < counts[i]; e++, at++)
      CHECK(host[at] == (entries[i].frozen ? b : a) * (100 * (i + 1) + (double)e));
  }
  for (; at < array->count; at++) CHECK(host[at] == 0);
  free(host);
}

/* One operation on the whole is one on every parameter; one on the front leaves the frozen ones alone. */
static void whole(tr_ctx *ctx, tr_dtype dtype) {
  tr_params *params;
  tr_array *gradient, *average;
  CHECK_OK(ctx, tr_params_create(ctx, dtype, ENTRIES, entries, &params));
  tr_array *values = tr_params_values(params);
  CHECK_OK(ctx, tr_params_like(params, &gradient));
  CHECK_OK(ctx, tr_params_like(params, &average));
  check_all(ctx, params, values, 0, 0);
  check_all(ctx, params, gradient, 0, 0);
  set_all(ctx, params, values);
  check_all(ctx, params, values, 1, 1);
  check_all(ctx, params, average, 0, 0);
  set_all(ctx, params, gradient);
  CHECK_OK(ctx, tr_axpby(1, values, 1, average, average));
  check_all(ctx, params, average, 1, 1);
  tr_array front = tr_params_trained(params, values), step = tr_params_trained(params, gradient);
  CHECK_OK(ctx, tr_axpby(1, &front, -0.25, &step, &front));
  check_all(ctx, params, values, 0.75, 1);
  double sum, want = 0, norm;
  for (int64_t k = 0; k < 15; k++) want += 100 + (double)k;
  for (int64_t k = 0; k < 5; k++) want += 300 + (double)k;
  CHECK_OK(ctx, tr_reduce(TR_SUM, &step, NULL, NULL, &sum));
  CHECK(sum == want);
  CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, gradient, NULL, NULL, &norm));
  CHECK(norm == 400);
  tr_params_destroy(&params);
  tr_array_destroy(&average);
  tr_array_destroy(&gradient);
}

static void bad(tr_ctx *ctx) {
  static const struct {
    tr_param_entry entry;
    tr_status status;
    const char *word;
  } list[] = {{{NULL, 1, {1}, false}, TR_E_ARG, "parameter 1 has no name"},
              {{"", 1, {1}, false}, TR_E_ARG, "parameter 1 has no name"},
              {{"first", 1, {1}, false}, TR_E_ARG, "0 and 1, have the name 'first'"},
              {{"x", 0, {0}, false}, TR_E_SHAPE, "'x' of 0 dimensions: use 1 to 5"},
              {{"x", 6, {1}, false}, TR_E_SHAPE, "'x' of 6 dimensions"},
              {{"x", 2, {2, 0}, false}, TR_E_SHAPE, "extent 0 of dimension 1"},
              {{"x", 2, {-2, 1}, false}, TR_E_SHAPE, "extent -2 of dimension 0"},
              {{"x", 2, {INT64_MAX, 2}, false}, TR_E_SHAPE, "too large"},
              {{"x", 1, {INT64_MAX}, true}, TR_E_SHAPE, "too large"}};
  tr_params *params;
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
    const tr_param_entry two[] = {{"first", 1, {3}, false}, list[i].entry};
    CHECK_ERROR(ctx, tr_params_create(ctx, TR_F32, 2, two, &params), list[i].status, list[i].word);
    CHECK(params == NULL);
  }
  CHECK_ERROR(ctx, tr_params_create(ctx, TR_F32, 0, entries, &params), TR_E_ARG, "at least one");
  CHECK_ERROR(ctx, tr_params_create(ctx, TR_BF16, ENTRIES, entries, &params), TR_E_ARG, "use f32 or f64");
  CHECK_ERROR(ctx,
              tr_params_create(ctx, TR_F32, 1, &(tr_param_entry){"x", 1, {(int64_t)1 << 58}, false}, &params),
              TR_E_MEM, "memory");
  CHECK(params == NULL);
}

static void other_arrays(tr_ctx *ctx) {
  tr_params *params;
  tr_array *same, *short_one, *wide;
  CHECK_OK(ctx, tr_params_create(ctx, TR_F32, ENTRIES, entries, &params));
  int64_t n = tr_params_values(params)->count;
  CHECK_OK(ctx, tr_params_like(params, &same));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){n - 1}, &short_one));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, &n, &wide));
  CHECK_OK(ctx, tr_params_check(params, same, "the gradient"));
  CHECK_ERROR(ctx, tr_params_check(params, short_one, "the gradient"), TR_E_SHAPE, "the gradient is f32");
  CHECK_ERROR(ctx, tr_params_check(params, wide, "the average"), TR_E_SHAPE, "the average is f64");
  /* a view of what has another layout is none */
  CHECK(tr_params_at(params, short_one, 0).ndim == 0 && tr_params_trained(params, short_one).ndim == 0);
  CHECK_ERROR(ctx, TR_E_SHAPE, TR_E_SHAPE, "an array of parameters is f32");
  CHECK(tr_params_at(params, wide, 0).ndim == 0 && tr_params_trained(params, wide).ndim == 0);
  CHECK_ERROR(ctx, TR_E_SHAPE, TR_E_SHAPE, "an array of parameters is f64");
  CHECK(tr_params_at(params, same, ENTRIES).ndim == 0);
  CHECK_ERROR(ctx, TR_E_ARG, TR_E_ARG, "parameter");
  tr_array_destroy(&wide);
  tr_array_destroy(&short_one);
  tr_array_destroy(&same);
  tr_params_destroy(&params);
}

static void all_frozen(tr_ctx *ctx) {
  tr_params *params;
  CHECK_OK(ctx, tr_params_create(ctx, TR_F64, 1, &entries[1], &params));
  tr_array front = tr_params_trained(params, tr_params_values(params));
  CHECK(front.count == 0 && front.shape[0] == 0 && tr_params_count(params, true) == 0);
  CHECK_OK(ctx, tr_scale(2, &front, &front));
  tr_params_destroy(&params);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  const tr_dtype dtypes[] = {TR_F32, TR_F64};
  for (int i = 0; i < 2; i++) {
    layout(ctx, dtypes[i]);
    whole(ctx, dtypes[i]);
  }
  bad(ctx);
  other_arrays(ctx);
  all_frozen(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
