#include "experiments/evaluate/metrics/kernel_distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "experiments/common/statistics.h"
#include "experiments/evaluate/metrics/bootstrap.h"
#include "experiments/evaluate/metrics/products.h"

static tr_status no_memory(tr_ctx *ctx, int64_t n) {
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for a kernel distance of %lld samples", (long long)n);
}

/* ---- subsets ---- */

void metric_subsets_free(metric_subsets *s) {
  free(s->a);
  free(s->b);
  *s = (metric_subsets){0};
}

/* The first `size` of a shuffle of 0 .. n - 1 (Fisher and Yates); all of it where that is all, in order. */
static void draw_subset(const tr_random_address *address, uint64_t sample, int64_t size, int64_t n,
                        int32_t *order, int32_t *out) {
  for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
  for (int64_t i = 0; i < size; i++) {
    const double u = tr_random_uniform(address, sample, (uint32_t)i);
    const int64_t j = size == n ? i : i + (int64_t)(u * (double)(n - i));
    out[i] = order[j];
    order[j] = order[i];
  }
}

tr_status metric_subsets_draw(tr_ctx *ctx, uint64_t seed, int count, int64_t size, int64_t na, int64_t nb,
                              metric_subsets *out) {
  *out = (metric_subsets){0};
  const int64_t most = na > nb ? na : nb, least = na < nb ? na : nb;
  if (count < 1 || size < 2 || size > least || most > INT32_MAX)
    return TR_FAIL(ctx, TR_E_ARG,
                   "%d subsets of %lld samples out of %lld and %lld: one at least, of 2 to %lld", count,
                   (long long)size, (long long)na, (long long)nb, (long long)least);
  metric_subsets s = {.count = count, .size = size};
  s.a = malloc((size_t)(count * size) * sizeof *s.a), s.b = malloc((size_t)(count * size) * sizeof *s.b);
  int32_t *order = malloc((size_t)most * sizeof *order);
  if (!s.a || !s.b || !order) {
    free(order);
    metric_subsets_free(&s);
    return no_memory(ctx, most);
  }
  for (int i = 0; i < count; i++) {
    const tr_random_address address = {.seed = seed, .purpose = TR_RANDOM_SUBSET, .step = (uint32_t)i};
    draw_subset(&address, 0, size, na, order, s.a + i * size);
    draw_subset(&address, 1, size, nb, order, s.b + i * size);
  }
  free(order);
  *out = s;
  return TR_OK;
}

/* ---- sums of a kernel ---- */

typedef struct {
  int64_t d;       /* cubic: (x'y / d + 1)^3 */
  double exponent; /* or exp(exponent |x - y|^2) where this is not 0 */
} kernel;

/* Sums over y of the kernel of each x, and over x of that of each y; self: without x with itself. */
typedef struct {
  const kernel *kernel;
  const double *xx, *yy;
  bool self;
  double *of_x, *of_y; /* of_y: NULL where not wanted */
} sums;

static double value_of(const sums *s, int64_t i, int64_t j, double product) {
  if (s->kernel->exponent != 0) return exp(s->kernel->exponent * fmax(s->xx[i] + s->yy[j] - 2 * product, 0));
  const double t = product / (double)s->kernel->d + 1;
  return t * t * t;
}

static void sum_row(void *user, int64_t i, int64_t first, int64_t n, const double *products) {
  const sums *s = user;
  double sum = 0;
  for (int64_t c = 0; c < n; c++) {
    const double value = s->self && first + c == i ? 0 : value_of(s, i, first + c, products[c]);
    sum += value;
    if (s->of_y) s->of_y[first + c] += value;
  }
  s->of_x[i] += sum;
}

/* Products of all rows with all, where many subsets ask for each of them, and there is room. */
typedef struct {
  int64_t width;
  double *values; /* (n, width); NULL: not kept */
} table;
typedef struct {
  table a_a, b_b, a_b;
  double *row; /* one of a subset */
} tables;

static void put_row(void *user, int64_t i, int64_t first, int64_t n, const double *products) {
  const table *t = user;
  memcpy(t->values + i * t->width + first, products, (size_t)n * sizeof *products);
}

static tr_status fill_tables(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, tables *t) {
  const metric_chosen of_a = {.rows = a, .n = a->n}, of_b = {.rows = b, .n = b->n};
  TR_TRY(metric_products(ctx, &of_a, &of_a, false, put_row, &t->a_a));
  TR_TRY(metric_products(ctx, &of_b, &of_b, false, put_row, &t->b_b));
  return metric_products(ctx, &of_a, &of_b, false, put_row, &t->a_b);
}

/* Left empty where products subset by subset are fewer, or all of them take more than 256 MiB. */
static tr_status make_tables(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, const metric_subsets *s,
                             tables *t) {
  const double n = (double)a->n, m = (double)b->n, all = n * n + m * m + n * m;
  *t = (tables){0};
  if (!s || all > (256 << 20) / sizeof(double) || all > 3.0 * s->count * (double)s->size * (double)s->size)
    return TR_OK;
  double *memory = malloc((size_t)(a->n * a->n + b->n * b->n + a->n * b->n + s->size) * sizeof *memory);
  if (!memory) return no_memory(ctx, a->n + b->n);
  t->a_a = (table){a->n, memory}, t->b_b = (table){b->n, memory + a->n * a->n};
  t->a_b = (table){b->n, t->b_b.values + b->n * b->n};
  t->row = t->a_b.values + a->n * b->n;
  tr_status status = fill_tables(ctx, a, b, t);
  if (status != TR_OK) {
    free(memory);
    *t = (tables){0};
  }
  return status;
}

/* The sums of x with y. */
static tr_status sum_pairs(tr_ctx *ctx, sums *s, const metric_chosen *x, const metric_chosen *y,
                           const table *t, double *row) {
  if (!t->values) return metric_products(ctx, x, y, false, sum_row, s);
  for (int64_t i = 0; i < x->n; i++) {
    for (int64_t c = 0; c < y->n; c++) row[c] = t->values[x->index[i] * t->width + y->index[c]];
    sum_row(s, i, 0, y->n, row);
  }
  return TR_OK;
}

/* Two sets and what their samples add up to; (n of a) and (n of b) each. */
typedef struct {
  metric_chosen a, b;
  const kernel *kernel;
  const tables *tables;
  double *aa, *bb;                           /* squares */
  double *a_in_a, *b_in_b, *a_in_b, *b_in_a; /* sums of the kernel */
} comparison;

static tr_status run_sums(tr_ctx *ctx, comparison *c) {
  if (c->kernel->exponent != 0) {
    TR_TRY(metric_chosen_squares(ctx, &c->a, c->aa));
    TR_TRY(metric_chosen_squares(ctx, &c->b, c->bb));
  }
  sums s = {c->kernel, c->aa, c->aa, true, c->a_in_a, NULL};
  TR_TRY(sum_pairs(ctx, &s, &c->a, &c->a, &c->tables->a_a, c->tables->row));
  s = (sums){c->kernel, c->bb, c->bb, true, c->b_in_b, NULL};
  TR_TRY(sum_pairs(ctx, &s, &c->b, &c->b, &c->tables->b_b, c->tables->row));
  s = (sums){c->kernel, c->aa, c->bb, false, c->a_in_b, c->b_in_a};
  return sum_pairs(ctx, &s, &c->a, &c->b, &c->tables->a_b, c->tables->row);
}

static double total(int64_t n, const double *values) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += values[i];
  return sum;
}

/* Adds to the effects of the rows chosen: 2 / n (mean within - mean between), times weight. */
static void add_effects(const metric_chosen *own, const double *within, int64_t others, const double *between,
                        double weight, double *effect) {
  for (int64_t i = 0; i < own->n; i++)
    effect[own->index ? own->index[i] : i] +=
        2 * weight / (double)own->n * (within[i] / (double)(own->n - 1) - between[i] / (double)others);
}

/* The squared discrepancy, and what each sample adds to it. */
static tr_status compare(tr_ctx *ctx, const metric_chosen *a, const metric_chosen *b, const kernel *kernel,
                         const tables *tables, double weight, double *effect_a, double *effect_b,
                         double *out) {
  const int64_t n = a->n, m = b->n;
  double *memory = calloc((size_t)(3 * (n + m)), sizeof *memory);
  if (!memory) return no_memory(ctx, n + m);
  comparison c = {.a = *a, .b = *b, .kernel = kernel, .tables = tables, .aa = memory, .bb = memory + n};
  c.a_in_a = c.bb + m, c.b_in_b = c.a_in_a + n, c.a_in_b = c.b_in_b + m, c.b_in_a = c.a_in_b + n;
  tr_status status = run_sums(ctx, &c);
  if (status == TR_OK) {
    *out = total(n, c.a_in_a) / ((double)n * (double)(n - 1)) +
           total(m, c.b_in_b) / ((double)m * (double)(m - 1)) -
           2 * total(n, c.a_in_b) / ((double)n * (double)m);
    add_effects(a, c.a_in_a, m, c.a_in_b, weight, effect_a);
    add_effects(b, c.b_in_b, n, c.b_in_a, weight, effect_b);
  }
  free(memory);
  return status;
}

static metric_value interval(uint64_t seed, double value, const metric_rows *a, const metric_rows *b,
                             const double *effect) {
  metric_bootstrap boot = {.seed = seed};
  metric_bootstrap_add(&boot, a->n, effect);
  metric_bootstrap_add(&boot, b->n, effect + a->n);
  return metric_bootstrap_interval(&boot, value);
}

/* ---- KID ---- */

static tr_status check_subsets(tr_ctx *ctx, const metric_subsets *s, int64_t na, int64_t nb) {
  if (s->count < 1 || s->size < 2)
    return TR_FAIL(ctx, TR_E_ARG, "%d subsets of %lld samples: at least one, of two", s->count,
                   (long long)s->size);
  for (int64_t i = 0; i < s->count * s->size; i++)
    if (s->a[i] < 0 || s->a[i] >= na || s->b[i] < 0 || s->b[i] >= nb)
      return TR_FAIL(ctx, TR_E_ARG, "a subset with the rows %d and %d of %lld and %lld", s->a[i], s->b[i],
                     (long long)na, (long long)nb);
  return TR_OK;
}

static tr_status kid(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, const metric_subsets *subsets,
                     const tables *tables, double *effect, double *scores, double *mean) {
  const kernel cubic = {.d = a->d};
  const int count = subsets ? subsets->count : 1;
  *mean = 0;
  for (int i = 0; i < count; i++) {
    metric_chosen of_a = {.rows = a, .n = a->n}, of_b = {.rows = b, .n = b->n};
    double score;
    if (subsets) {
      of_a.n = of_b.n = subsets->size;
      of_a.index = subsets->a + i * subsets->size, of_b.index = subsets->b + i * subsets->size;
    }
    TR_TRY(compare(ctx, &of_a, &of_b, &cubic, tables, 1.0 / count, effect, effect + a->n, &score));
    if (scores) scores[i] = score;
    *mean += score / count;
  }
  return TR_OK;
}

tr_status metric_kid(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, const metric_subsets *subsets,
                     uint64_t seed, metric_value *out, double *scores) {
  tables kept;
  double mean = 0;
  TR_TRY(metric_rows_check_pair(ctx, a, b, 2));
  if (subsets) TR_TRY(check_subsets(ctx, subsets, a->n, b->n));
  TR_TRY(make_tables(ctx, a, b, subsets, &kept));
  double *effect = calloc((size_t)(a->n + b->n), sizeof *effect);
  tr_status status =
      effect ? kid(ctx, a, b, subsets, &kept, effect, scores, &mean) : no_memory(ctx, a->n + b->n);
  if (status == TR_OK) *out = interval(seed, mean, a, b, effect);
  free(effect);
  free(kept.a_a.values);
  return status;
}

/* ---- Gaussian kernel ---- */

enum { MEDIAN_OF = 2000 };

/* Squared distances of pairs i < j. */
typedef struct {
  const double *squares;
  int64_t n;
  double *out;
} all_distances;

static void put_distances(void *user, int64_t i, int64_t first, int64_t n, const double *products) {
  all_distances *all = user;
  for (int64_t c = 0; c < n; c++)
    if (first + c > i)
      all->out[all->n++] = fmax(all->squares[i] + all->squares[first + c] - 2 * products[c], 0);
}

/* Up to MEDIAN_OF rows of both sides, evenly spread, less the shift. */
static void pool(const metric_rows *a, const metric_rows *b, const double *shift, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t at = i * (a->n + b->n) / n;
    metric_rows_get(at < a->n ? a : b, at < a->n ? at : at - a->n, 1, out + i * a->d);
    for (int64_t k = 0; k < a->d; k++) out[i * a->d + k] -= shift[k];
  }
}

static tr_status median2_of(tr_ctx *ctx, const metric_chosen *pooled, double *squares, double *room,
                            double *out) {
  all_distances all = {.squares = squares, .out = room};
  TR_TRY(metric_chosen_squares(ctx, pooled, squares));
  TR_TRY(metric_products(ctx, pooled, pooled, true, put_distances, &all));
  qsort(room, (size_t)all.n, sizeof *room, stat_ascending);
  *out = (room[(all.n - 1) / 2] + room[all.n / 2]) / 2;
  return TR_OK;
}

/* The squared median distance; its middle two are averaged where their number is even. */
static tr_status median2(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, const double *shift,
                         double *out) {
  const int64_t n = a->n + b->n < MEDIAN_OF ? a->n + b->n : MEDIAN_OF;
  double *rows = malloc((size_t)(n * a->d + n + n * (n - 1) / 2) * sizeof *rows);
  if (!rows) return no_memory(ctx, n);
  pool(a, b, shift, n, rows);
  const metric_rows pooled = {"", n, a->d, TR_F64, rows};
  const metric_chosen chosen = {.rows = &pooled, .n = n};
  tr_status status = median2_of(ctx, &chosen, rows + n * a->d, rows + n * a->d + n, out);
  free(rows);
  return status;
}

static tr_status gaussian(tr_ctx *ctx, const metric_chosen *a, const metric_chosen *b, uint64_t seed,
                          metric_value *out, double *scale) {
  double square = 0, value = 0;
  TR_TRY(median2(ctx, a->rows, b->rows, a->shift, &square));
  if (scale) *scale = sqrt(square);
  *out = (metric_value){0};
  if (square == 0) return TR_OK;
  const kernel k = {.exponent = -1 / (2 * square)};
  double *effect = calloc((size_t)(a->n + b->n), sizeof *effect);
  if (!effect) return no_memory(ctx, a->n + b->n);
  tr_status status = compare(ctx, a, b, &k, &(tables){0}, 1, effect, effect + a->n, &value);
  if (status == TR_OK) *out = interval(seed, value, a->rows, b->rows, effect);
  free(effect);
  return status;
}

tr_status metric_mmd(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, uint64_t seed,
                     metric_value *out, double *scale) {
  TR_TRY(metric_rows_check_pair(ctx, a, b, 2));
  double *shift = malloc((size_t)a->d * sizeof *shift);
  if (!shift) return no_memory(ctx, a->n + b->n);
  metric_chosen of_a = {.rows = a, .n = a->n}, of_b = {.rows = b, .n = b->n};
  tr_status status = metric_chosen_mean(ctx, &of_b, shift);
  of_a.shift = of_b.shift = shift;
  if (status == TR_OK) status = gaussian(ctx, &of_a, &of_b, seed, out, scale);
  free(shift);
  return status;
}
