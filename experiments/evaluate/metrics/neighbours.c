#include "experiments/evaluate/metrics/neighbours.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "experiments/evaluate/metrics/products.h"

/* ---- squared distances ---- */

/* Two sets, less one shift, with the squares of their rows. From a product, |x|^2 + |y|^2 - 2 x'y is within
 * slack (|x|^2 + |y|^2) of the squared distance. */
typedef struct {
  metric_chosen x, y;
  double *shift, *xx, *yy;
  double *row[2]; /* of x and y as they are */
  double slack;
} distances;

static void close_distances(distances *s) {
  free(s->shift);
}

static tr_status open_distances(tr_ctx *ctx, const metric_rows *x, const metric_rows *y, distances *s) {
  const int64_t d = x->d;
  *s = (distances){.x = {.rows = x, .n = x->n}, .y = {.rows = y, .n = y->n}};
  s->slack = 2 * (double)(d + 8) * DBL_EPSILON;
  s->shift = malloc((size_t)(3 * d + x->n + y->n) * sizeof *s->shift);
  if (!s->shift) return TR_FAIL(ctx, TR_E_MEM, "%s: out of memory for distances", x->name);
  s->row[0] = s->shift + d, s->row[1] = s->row[0] + d;
  s->xx = s->row[1] + d, s->yy = s->xx + x->n;
  tr_status status = metric_chosen_mean(ctx, &s->x, s->shift);
  s->x.shift = s->y.shift = s->shift;
  if (status == TR_OK) status = metric_chosen_squares(ctx, &s->x, s->xx);
  if (status == TR_OK) status = metric_chosen_squares(ctx, &s->y, s->yy);
  return status;
}

/* By differences: eight sums in turn, the same whichever of the two comes first. */
static double difference2(int64_t d, const double *a, const double *b) {
  double sum[8] = {0}, rest = 0;
  int64_t k = 0;
  for (; k + 8 <= d; k += 8)
    for (int s = 0; s < 8; s++) sum[s] += (a[k + s] - b[k + s]) * (a[k + s] - b[k + s]);
  for (; k < d; k++) rest += (a[k] - b[k]) * (a[k] - b[k]);
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + rest;
}

static double exact(const distances *s, int64_t i, int64_t j) {
  metric_rows_get(s->x.rows, i, 1, s->row[0]);
  metric_rows_get(s->y.rows, j, 1, s->row[1]);
  return difference2(s->x.rows->d, s->row[0], s->row[1]);
}

static double bound(const distances *s, int64_t i, int64_t j) {
  return s->slack * (s->xx[i] + s->yy[j]);
}

/* ---- the nearest ---- */

/* More candidates than neighbours are kept, so that rounding seldom decides who is among them. */
enum { SPARE = 8 };

typedef struct {
  double distance2;
  int64_t index;
} candidate;

typedef struct {
  distances s;
  bool self; /* centres are the points */
  int k, room;
  double widest;   /* square of a centre */
  candidate *list; /* (n, room), ascending, indices -1 behind the last, and one more */
} search;

static bool before(candidate a, candidate b) {
  return a.distance2 != b.distance2 ? a.distance2 < b.distance2 : a.index < b.index;
}

static void offer(candidate *list, int room, candidate c) {
  int at = room - 1;
  if (list[at].index >= 0 && !before(c, list[at])) return;
  for (; at > 0 && (list[at - 1].index < 0 || before(c, list[at - 1])); at--) list[at] = list[at - 1];
  list[at] = c;
}

static void clear(candidate *list, int room) {
  for (int c = 0; c < room; c++) list[c] = (candidate){INFINITY, -1};
}

static void offer_row(void *user, int64_t i, int64_t first, int64_t n, const double *products) {
  search *f = user;
  candidate *mine = f->list + i * f->room;
  for (int64_t c = f->self && first <= i ? i + 1 - first : 0; c < n; c++) {
    const int64_t j = first + c;
    const double distance2 = f->s.xx[i] + f->s.yy[j] - 2 * products[c];
    if (distance2 <= mine[f->room - 1].distance2) offer(mine, f->room, (candidate){distance2, j});
    if (f->self && distance2 <= f->list[(j + 1) * f->room - 1].distance2)
      offer(f->list + j * f->room, f->room, (candidate){distance2, i});
  }
}

/* All centres by differences. */
static void search_all(const search *f, int64_t i, candidate *list) {
  clear(list, f->room);
  for (int64_t j = 0; j < f->s.y.n; j++)
    if (!f->self || j != i) offer(list, f->room, (candidate){exact(&f->s, i, j), j});
}

/* The candidates by differences; where one that was left out could be nearer than the k-th of them, all. */
static void settle(const search *f, int64_t i) {
  candidate *list = f->list + i * f->room, *sorted = f->list + f->s.x.n * f->room;
  double last = INFINITY;
  clear(sorted, f->room);
  for (int c = 0; c < f->room && list[c].index >= 0; c++) {
    last = list[c].distance2;
    offer(sorted, f->room, (candidate){exact(&f->s, i, list[c].index), list[c].index});
  }
  for (int c = 0; c < f->room; c++) list[c] = sorted[c];
  if (list[f->room - 1].index < 0) return; /* nobody was left out */
  if (last - f->s.slack * (f->s.xx[i] + f->widest) <= list[f->k - 1].distance2) search_all(f, i, list);
}

static tr_status run_search(tr_ctx *ctx, search *f) {
  const int64_t n = f->s.x.n;
  f->list = malloc((size_t)((n + 1) * f->room) * sizeof *f->list);
  if (!f->list) return TR_FAIL(ctx, TR_E_MEM, "%s: out of memory for neighbours", f->s.x.rows->name);
  for (int64_t i = 0; i < n; i++) clear(f->list + i * f->room, f->room);
  for (int64_t j = 0; j < f->s.y.n; j++) f->widest = fmax(f->widest, f->s.yy[j]);
  TR_TRY(metric_products(ctx, &f->s.x, &f->s.y, f->self, offer_row, f));
  for (int64_t i = 0; i < n; i++) {
    if (tr_ctx_interrupted(ctx)) return TR_FAIL(ctx, TR_E_INTERRUPTED, "interrupted");
    settle(f, i);
  }
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const metric_rows *points, const metric_rows *centres, int k) {
  if (k < 1 || k > METRIC_MAX_NEIGHBOURS)
    return TR_FAIL(ctx, TR_E_ARG, "%d neighbours, should be 1 to %d", k, METRIC_MAX_NEIGHBOURS);
  if (centres && centres != points) TR_TRY(metric_rows_check_pair(ctx, points, centres, 1));
  TR_TRY(metric_rows_check(ctx, points, 1));
  const int64_t others = centres ? centres->n : points->n - 1;
  if (others >= k) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG,
                 "%s: %lld sample%s, too few for the %d nearest neighbours: at least %d are needed",
                 centres ? centres->name : points->name, (long long)(centres ? centres->n : points->n),
                 (centres ? centres->n : points->n) == 1 ? "" : "s", k, centres ? k : k + 1);
}

tr_status metric_neighbours(tr_ctx *ctx, const metric_rows *points, const metric_rows *centres, int k,
                            double *distances2, int64_t *index) {
  TR_TRY(check(ctx, points, centres, k));
  search f = {.self = !centres, .k = k, .room = k + SPARE};
  tr_status status = open_distances(ctx, points, centres ? centres : points, &f.s);
  if (status == TR_OK) status = run_search(ctx, &f);
  for (int64_t i = 0; status == TR_OK && i < points->n; i++)
    for (int c = 0; c < k; c++) {
      distances2[i * k + c] = f.list[i * f.room + c].distance2;
      if (index) index[i * k + c] = f.list[i * f.room + c].index;
    }
  free(f.list);
  close_distances(&f.s);
  return status;
}

/* ---- within balls ---- */

typedef struct {
  distances s;
  const double *radii2[2]; /* of x, of y */
  bool *inside[2];
} balls;

/* Whether a distance known to its bound is within the radius; where it may be either, by differences. */
static bool within(const balls *b, int64_t i, int64_t j, double distance2, double radius2) {
  const double error = bound(&b->s, i, j);
  if (distance2 < radius2 - error) return true;
  return distance2 <= radius2 + error && exact(&b->s, i, j) <= radius2;
}

static void look_row(void *user, int64_t i, int64_t first, int64_t n, const double *products) {
  balls *b = user;
  for (int64_t c = 0; c < n; c++) {
    const int64_t j = first + c;
    if (b->inside[0][i] && b->inside[1][j]) continue;
    const double distance2 = b->s.xx[i] + b->s.yy[j] - 2 * products[c];
    if (!b->inside[0][i]) b->inside[0][i] = within(b, i, j, distance2, b->radii2[1][j]);
    if (!b->inside[1][j]) b->inside[1][j] = within(b, i, j, distance2, b->radii2[0][i]);
  }
}

tr_status metric_inside(tr_ctx *ctx, const metric_rows *a, const double *radii2_a, bool *a_inside,
                        const metric_rows *b, const double *radii2_b, bool *b_inside) {
  TR_TRY(metric_rows_check_pair(ctx, a, b, 1));
  balls both = {.radii2 = {radii2_a, radii2_b}, .inside = {a_inside, b_inside}};
  for (int64_t i = 0; i < a->n; i++) a_inside[i] = false;
  for (int64_t j = 0; j < b->n; j++) b_inside[j] = false;
  tr_status status = open_distances(ctx, a, b, &both.s);
  if (status == TR_OK) status = metric_products(ctx, &both.s.x, &both.s.y, false, look_row, &both);
  close_distances(&both.s);
  return status;
}
