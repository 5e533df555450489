#include "experiments/evaluate/metrics/classifier_free.h"

#include <math.h>
#include <stdlib.h>

#include "experiments/common/statistics.h"
#include "experiments/evaluate/metrics/bootstrap.h"
#include "experiments/evaluate/metrics/neighbours.h"
#include "experiments/evaluate/metrics/products.h"

static tr_status no_memory(tr_ctx *ctx, int64_t n) {
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for figures of %lld samples", (long long)n);
}

/* ---- projections ---- */

typedef struct {
  double value;
  int64_t index;
} projected;

/* (directions, n) of a side. */
typedef struct {
  int64_t n;
  projected *all;
} side;

static void project(void *user, int64_t i, int64_t first, int64_t n, const double *products) {
  const side *s = user;
  for (int64_t r = 0; r < n; r++) s->all[(first + r) * s->n + i] = (projected){products[r], i};
}

static int ascending(const void *a, const void *b) {
  const projected *x = a, *y = b;
  return x->value != y->value ? (x->value > y->value) - (x->value < y->value)
                              : (x->index > y->index) - (x->index < y->index);
}

static tr_status project_side(tr_ctx *ctx, const metric_rows *rows, const metric_rows *directions, side *s) {
  *s = (side){.n = rows->n, .all = malloc((size_t)(rows->n * directions->n) * sizeof *s->all)};
  if (!s->all) return no_memory(ctx, rows->n);
  const metric_chosen x = {.rows = rows, .n = rows->n}, u = {.rows = directions, .n = directions->n};
  TR_TRY(metric_products(ctx, &x, &u, false, project, s));
  for (int64_t r = 0; r < directions->n; r++)
    qsort(s->all + r * rows->n, (size_t)rows->n, sizeof *s->all, ascending);
  return TR_OK;
}

/* ---- one direction ---- */

/* W2^2 of n and m equally weighted points in ascending order: masses 1 / n and 1 / m in units of 1 / (n m).
 */
static double w2_squared(int64_t n, const projected *a, int64_t m, const projected *b) {
  double sum = 0;
  for (int64_t i = 0, j = 0, at = 0; i < n && j < m;) {
    const int64_t end_a = (i + 1) * m, end_b = (j + 1) * n, end = end_a < end_b ? end_a : end_b;
    sum += (double)(end - at) * (a[i].value - b[j].value) * (a[i].value - b[j].value);
    at = end;
    i += end == end_a, j += end == end_b;
  }
  return sum / ((double)n * (double)m);
}

/* Adds the dual potential at each point of a, the effect of its mass: phi' = 2 (u - T(u)), where between
 * points i and i + 1 T is the quantile (i + 1) / n of b. */
static void add_potential(int64_t n, const projected *a, int64_t m, const projected *b, double weight,
                          double *effect) {
  double phi = 0;
  for (int64_t i = 0; i < n; i++) {
    effect[a[i].index] += weight * phi;
    if (i + 1 == n) break;
    const int64_t j = (i + 1) * m / n; /* at a step of b's quantiles either side of it will do: the middle */
    const double q = (i + 1) * m % n ? b[j].value : (b[j - 1].value + b[j].value) / 2;
    phi += (a[i + 1].value - a[i].value) * (a[i + 1].value + a[i].value - 2 * q);
  }
}

/* ---- all of them ---- */

static void sum_directions(int64_t directions, const side *a, const side *b, double *square, double *effect) {
  const double share = 1.0 / (double)directions;
  *square = 0;
  for (int64_t r = 0; r < directions; r++) {
    const projected *x = a->all + r * a->n, *y = b->all + r * b->n;
    *square += share * w2_squared(a->n, x, b->n, y);
    add_potential(a->n, x, b->n, y, share / (double)a->n, effect);
    add_potential(b->n, y, a->n, x, share / (double)b->n, effect + a->n);
  }
}

/* From the square to its root: effects by the chain rule. */
static metric_value root_of(double square, const side *a, const side *b, uint64_t seed, double *effect) {
  const double value = sqrt(square);
  if (value == 0) return (metric_value){0};
  for (int64_t i = 0; i < a->n + b->n; i++) effect[i] /= 2 * value;
  metric_bootstrap boot = {.seed = seed};
  metric_bootstrap_add(&boot, a->n, effect);
  metric_bootstrap_add(&boot, b->n, effect + a->n);
  metric_value out = metric_bootstrap_interval(&boot, value);
  out.low = fmax(out.low, 0);
  return out;
}

tr_status metric_sliced_w2(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, int directions,
                           uint64_t seed, metric_value *out) {
  TR_TRY(metric_rows_check_pair(ctx, a, b, 1));
  if (directions < 1) return TR_FAIL(ctx, TR_E_ARG, "%d directions, should be at least 1", directions);
  const int64_t count = a->d == 1 ? 1 : directions;
  double *u = malloc((size_t)(count * a->d) * sizeof *u),
         *effect = calloc((size_t)(a->n + b->n), sizeof *effect), square;
  side sides[2] = {{0}};
  tr_status status = u && effect ? TR_OK : no_memory(ctx, a->n + b->n);
  if (status == TR_OK) {
    for (int64_t r = 0; r < count; r++) stat_direction(seed, (int)r, a->d, u + r * a->d);
    const metric_rows vectors = {"directions", count, a->d, TR_F64, u};
    status = project_side(ctx, a, &vectors, &sides[0]);
    if (status == TR_OK) status = project_side(ctx, b, &vectors, &sides[1]);
  }
  if (status == TR_OK) {
    sum_directions(count, &sides[0], &sides[1], &square, effect);
    *out = root_of(square, &sides[0], &sides[1], seed, effect);
  }
  free(u);
  free(effect);
  free(sides[0].all);
  free(sides[1].all);
  return status;
}

/* ---- classes ---- */

tr_status metric_nearest_class(tr_ctx *ctx, const metric_rows *generated, const int32_t *labels,
                               const metric_rows *reference, const int32_t *reference_labels, uint64_t seed,
                               metric_value *out) {
  const int64_t n = generated->n;
  double *distances2 = malloc((size_t)(n + 1) * sizeof *distances2);
  int64_t *nearest = malloc((size_t)(n + 1) * sizeof *nearest);
  bool *right = malloc((size_t)(n + 1));
  tr_status status = distances2 && nearest && right ? TR_OK : no_memory(ctx, n);
  if (status == TR_OK) status = metric_neighbours(ctx, generated, reference, 1, distances2, nearest);
  if (status == TR_OK) {
    for (int64_t i = 0; i < n; i++) right[i] = labels[i] == reference_labels[nearest[i]];
    status = metric_share(ctx, n, right, seed, out);
  }
  free(distances2);
  free(nearest);
  free(right);
  return status;
}
