#include "experiments/evaluate/features.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "experiments/evaluate/metrics/frechet.h"
#include "experiments/evaluate/metrics/kernel_distance.h"
#include "experiments/evaluate/metrics/precision_recall.h"

const char *const evaluate_names[EVALUATE_COUNT] = {"fid",    "sfid", "inception_score", "precision",
                                                    "recall", "kid",  "fid_inf"};

typedef struct {
  tr_ctx *ctx;
  const evaluate_input *in;
  evaluate_result *out;
} work;

static void absent(const work *w, evaluate_metric metric, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void absent(const work *w, evaluate_metric metric, const char *format, ...) {
  evaluate_entry *entry = &w->out->metric[metric];
  va_list args;
  *entry = (evaluate_entry){.number = {NAN, NAN, NAN}, .absent = true, .why = ""};
  va_start(args, format);
  vsnprintf(entry->why, sizeof entry->why, format, args);
  va_end(args);
}

static void warn(const work *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void warn(const work *w, const char *format, ...) {
  if (w->out->n_warnings == EVALUATE_WARNINGS) return;
  va_list args;
  va_start(args, format);
  vsnprintf(w->out->warning[w->out->n_warnings++], sizeof w->out->warning[0], format, args);
  va_end(args);
}

/* ---- what there is ---- */

static int64_t count_of(const evaluate_side *s) {
  return s->pool.n ? s->pool.n : s->spatial.n ? s->spatial.n : s->scores.n;
}

static tr_status check_side(tr_ctx *ctx, const evaluate_side *s) {
  const metric_rows *all[] = {&s->pool, &s->spatial, &s->scores};
  for (int i = 0; i < 3; i++) {
    if (all[i]->n == 0) continue;
    TR_TRY(metric_rows_check(ctx, all[i], 2));
    if (all[i]->n != count_of(s))
      return TR_FAIL(ctx, TR_E_ARG, "%s: %lld samples, and %s has %lld: they must be of the same samples",
                     all[i]->name, (long long)all[i]->n, s->pool.n ? s->pool.name : s->spatial.name,
                     (long long)count_of(s));
  }
  return TR_OK;
}

/* Rows of both sides, which are refused where they are no features of one kind. */
static tr_status check_sizes(tr_ctx *ctx, const metric_rows *a, const metric_gaussian *given_a,
                             const metric_rows *b, const metric_gaussian *given_b, const char *what) {
  const int64_t of_a[] = {a->n ? a->d : 0, given_a->d}, of_b[] = {b->n ? b->d : 0, given_b->d};
  int64_t d = 0;
  for (int i = 0; i < 4; i++) {
    const int64_t next = i < 2 ? of_a[i] : of_b[i - 2];
    if (d && next && next != d)
      return TR_FAIL(ctx, TR_E_SHAPE,
                     "%s features of %lld and of %lld numbers: samples and reference must be of one network",
                     what, (long long)d, (long long)next);
    if (next) d = next;
  }
  return TR_OK;
}

static tr_status check_input(tr_ctx *ctx, const evaluate_input *in) {
  const evaluate_side *a = &in->samples, *b = &in->reference;
  TR_TRY(check_side(ctx, a));
  TR_TRY(check_side(ctx, b));
  TR_TRY(check_sizes(ctx, &a->pool, &a->pool_given, &b->pool, &b->pool_given, "pool"));
  TR_TRY(check_sizes(ctx, &a->spatial, &a->spatial_given, &b->spatial, &b->spatial_given, "spatial"));
  if (count_of(a) || a->pool_given.d || a->spatial_given.d) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s: no features: it should have pool, spatial, or scores of classes",
                 a->name);
}

/* ---- Frechet distances ---- */

/* The statistics of a side: its own, to be freed, or those given. */
typedef struct {
  const metric_gaussian *use;
  const metric_rows *rows; /* which they are of, NULL: given */
  metric_gaussian own;
} statistics;

static tr_status statistics_of(tr_ctx *ctx, const metric_rows *rows, const metric_gaussian *given,
                               statistics *s) {
  *s = (statistics){.use = given};
  if (given->d) return TR_OK;
  TR_TRY(metric_gaussian_of(ctx, rows, &s->own));
  s->use = &s->own, s->rows = rows;
  return TR_OK;
}

static void warn_few(const work *w, const evaluate_side *side, const metric_gaussian *g, const char *what) {
  if (g->n > 0 && g->n < g->d)
    warn(w, "%s: fewer samples than features (%lld, %lld), %s then says more of their number than of them",
         side->name, (long long)g->n, (long long)g->d, what);
}

/* FID at a tenth of the samples and on, and the limit. That of all of them is known. */
static tr_status find_limit(const work *w, const statistics *samples, const statistics *reference) {
  evaluate_result *out = w->out;
  const int points = w->in->limit_points;
  if (points == 0) return TR_OK;
  if (!samples->rows) {
    absent(w, EVALUATE_FID_INF, "%s has statistics alone, no features", w->in->samples.name);
    return TR_OK;
  }
  const int64_t n = samples->rows->n, least = n / 10 > 2 ? n / 10 : 2;
  if (points < 2 || points > EVALUATE_LIMIT_POINTS || n - least < points - 1)
    return TR_FAIL(w->ctx, TR_E_ARG,
                   "a limit through %d points of %lld samples: 2 to %d, and no more than samples", points,
                   (long long)n, EVALUATE_LIMIT_POINTS);
  for (int i = 0; i < points; i++) out->limit_n[i] = least + (n - least) * i / (points - 1);
  out->limit_points = points;
  out->limit_fid[points - 1] = out->metric[EVALUATE_FID].number.value;
  TR_TRY(metric_frechet_at(w->ctx, samples->rows, reference->use, points - 1, out->limit_n, out->limit_fid));
  evaluate_entry *entry = &out->metric[EVALUATE_FID_INF];
  *entry = (evaluate_entry){.number = {NAN, NAN, NAN}};
  return metric_frechet_limit(w->ctx, points, out->limit_n, out->limit_fid, &entry->number.value);
}

static tr_status compare(const work *w, evaluate_metric metric, const statistics *a, const statistics *b) {
  warn_few(w, &w->in->samples, a->use, evaluate_names[metric]);
  warn_few(w, &w->in->reference, b->use, evaluate_names[metric]);
  TR_TRY(metric_frechet_interval(w->ctx, a->use, a->rows, b->use, b->rows, w->in->seed,
                                 &w->out->metric[metric].number));
  return metric == EVALUATE_FID ? find_limit(w, a, b) : TR_OK;
}

/* Whether both sides have rows or, with `given`, statistics; else the metric is absent. */
static bool both_have(const work *w, evaluate_metric metric, const char *array, const metric_rows *a,
                      const metric_gaussian *given_a, const metric_rows *b, const metric_gaussian *given_b) {
  const bool has_a = a->n || (given_a && given_a->d), has_b = b->n || (given_b && given_b->d);
  if (!has_a || !has_b)
    absent(w, metric, "%s has no %s", has_a ? w->in->reference.name : w->in->samples.name, array);
  return has_a && has_b;
}

static tr_status frechet(const work *w, evaluate_metric metric, const char *array, const metric_rows *a,
                         const metric_gaussian *given_a, const metric_rows *b,
                         const metric_gaussian *given_b) {
  if (!both_have(w, metric, array, a, given_a, b, given_b)) return TR_OK;
  statistics of_a, of_b = {0};
  tr_status status = statistics_of(w->ctx, a, given_a, &of_a);
  if (status == TR_OK) status = statistics_of(w->ctx, b, given_b, &of_b);
  if (status == TR_OK) status = compare(w, metric, &of_a, &of_b);
  metric_gaussian_free(&of_a.own);
  metric_gaussian_free(&of_b.own);
  return status;
}

/* ---- the others ---- */

static tr_status inception_score(const work *w) {
  const evaluate_side *s = &w->in->samples;
  const metric_split *asked = &w->in->split, usual = METRIC_SPLIT_DEFAULT;
  const metric_classes classes = {&s->scores, s->logits};
  if (s->scores.n == 0) {
    absent(w, EVALUATE_INCEPTION_SCORE, "%s has no scores of classes", s->name);
    return TR_OK;
  }
  return metric_inception_score(w->ctx, &classes, asked->block || asked->parts ? asked : &usual, w->in->seed,
                                &w->out->metric[EVALUATE_INCEPTION_SCORE].number, NULL);
}

static tr_status coverage(const work *w) {
  const metric_rows *a = &w->in->samples.pool, *b = &w->in->reference.pool;
  const int k = w->in->neighbours ? w->in->neighbours : 3;
  metric_coverage found;
  for (evaluate_metric m = EVALUATE_PRECISION; m <= EVALUATE_RECALL; m++) {
    if (!both_have(w, m, "features of single samples (pool)", a, NULL, b, NULL)) continue;
    const evaluate_side *few = a->n <= k ? &w->in->samples : b->n <= k ? &w->in->reference : NULL;
    if (few)
      absent(w, m, "%s has %lld samples, and balls that reach to neighbour %d need more than %d", few->name,
             (long long)count_of(few), k, k);
  }
  if (w->out->metric[EVALUATE_PRECISION].absent) return TR_OK;
  TR_TRY(metric_precision_recall(w->ctx, a, b, k, w->in->seed, &found, NULL));
  w->out->metric[EVALUATE_PRECISION].number = found.precision;
  w->out->metric[EVALUATE_RECALL].number = found.recall;
  return TR_OK;
}

static tr_status kid(const work *w) {
  const metric_rows *a = &w->in->samples.pool, *b = &w->in->reference.pool;
  metric_value *out = &w->out->metric[EVALUATE_KID].number;
  const int64_t wanted = w->in->kid_size ? w->in->kid_size : METRIC_KID_SIZE,
                least = a->n < b->n ? a->n : b->n, size = wanted < least ? wanted : least;
  if (!both_have(w, EVALUATE_KID, "features of single samples (pool)", a, NULL, b, NULL)) return TR_OK;
  if (a->n <= wanted && b->n <= wanted) return metric_kid(w->ctx, a, b, NULL, w->in->seed, out, NULL);
  metric_subsets subsets;
  w->out->kid_subsets = w->in->kid_subsets ? w->in->kid_subsets : METRIC_KID_SUBSETS;
  w->out->kid_size = size;
  TR_TRY(metric_subsets_draw(w->ctx, w->in->seed, w->out->kid_subsets, size, a->n, b->n, &subsets));
  tr_status status = metric_kid(w->ctx, a, b, &subsets, w->in->seed, out, NULL);
  metric_subsets_free(&subsets);
  return status;
}

void evaluate_warn_number(const char *name, int64_t n, evaluate_result *out) {
  const work w = {.out = out};
  if (n == 50000) return;
  if (n == 0)
    warn(&w, "%s: stored statistics do not say of how many samples they are", name);
  else
    warn(&w,
         "%s: %lld samples, not 50000: distances fall as their number grows, compare at equal numbers only",
         name, (long long)n);
}

/* Of a set whose statistics were given, those are what FID compares with. */
static int64_t number_of(const evaluate_side *s) {
  return s->pool_given.d ? s->pool_given.n : s->spatial_given.d ? s->spatial_given.n : count_of(s);
}

static bool is_there(const evaluate_side *s) {
  return count_of(s) > 0 || s->pool_given.d || s->spatial_given.d;
}

tr_status evaluate_features(program *p, const evaluate_input *in, evaluate_result *out) {
  const evaluate_side *a = &in->samples, *b = &in->reference;
  const work w = {p->ctx, in, out};
  *out = (evaluate_result){.n = number_of(a), .reference_n = number_of(b)};
  TR_TRY(check_input(p->ctx, in));
  absent(&w, EVALUATE_FID_INF, "it was not asked for");
  evaluate_warn_number(a->name, out->n, out);
  if (is_there(b)) evaluate_warn_number(b->name, out->reference_n, out);
  TR_TRY(frechet(&w, EVALUATE_FID, "pool features", &a->pool, &a->pool_given, &b->pool, &b->pool_given));
  TR_TRY(frechet(&w, EVALUATE_SFID, "spatial features", &a->spatial, &a->spatial_given, &b->spatial,
                 &b->spatial_given));
  TR_TRY(inception_score(&w));
  TR_TRY(coverage(&w));
  return kid(&w);
}
