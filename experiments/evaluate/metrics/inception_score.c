#include "experiments/evaluate/metrics/inception_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/evaluate/metrics/bootstrap.h"

int64_t metric_split_count(const metric_split *split, int64_t n) {
  return split->block > 0 ? (n + split->block - 1) / split->block : split->parts;
}

static int64_t begin_of(const metric_split *split, int64_t n, int64_t part) {
  if (split->block == 0) return part * n / split->parts;
  return part * split->block < n ? part * split->block : n;
}

/* Working memory of a part: a row as probabilities and their logarithms, the mean and its logarithm. */
typedef struct {
  const metric_classes *classes;
  int64_t d;
  double *p, *log_p, *mean, *log_mean;
} work;

static void softmax(const work *w) {
  double most = w->log_p[0], sum = 0;
  for (int64_t c = 1; c < w->d; c++) most = fmax(most, w->log_p[c]);
  for (int64_t c = 0; c < w->d; c++) sum += w->p[c] = exp(w->log_p[c] - most);
  const double log_sum = log(sum);
  for (int64_t c = 0; c < w->d; c++) w->p[c] /= sum, w->log_p[c] -= most + log_sum;
}

static void take_row(const work *w, int64_t i) {
  metric_rows_get(w->classes->rows, i, 1, w->log_p);
  if (w->classes->logits) {
    softmax(w);
    return;
  }
  double sum = 0;
  for (int64_t c = 0; c < w->d; c++) sum += w->log_p[c];
  for (int64_t c = 0; c < w->d; c++) w->p[c] = w->log_p[c] / sum, w->log_p[c] = log(w->p[c]);
}

/* The mean of KL(p_i | mean), and effect[i - from] = each less the mean. */
static double divergence(const work *w, int64_t from, int64_t to, double *effect) {
  const double n = (double)(to - from);
  double mean = 0;
  memset(w->mean, 0, (size_t)w->d * sizeof *w->mean);
  for (int64_t i = from; i < to; i++) {
    take_row(w, i);
    for (int64_t c = 0; c < w->d; c++) w->mean[c] += w->p[c];
  }
  for (int64_t c = 0; c < w->d; c++) w->log_mean[c] = log(w->mean[c] / n);
  for (int64_t i = from; i < to; i++) {
    double sum = 0;
    take_row(w, i);
    for (int64_t c = 0; c < w->d; c++)
      if (w->p[c] > 0) sum += w->p[c] * (w->log_p[c] - w->log_mean[c]);
    effect[i - from] = sum;
    mean += sum;
  }
  mean /= n;
  for (int64_t i = 0; i < to - from; i++) effect[i] -= mean;
  return mean;
}

static tr_status check_probabilities(tr_ctx *ctx, const metric_rows *rows, double *row) {
  for (int64_t i = 0; i < rows->n; i++) {
    double sum = 0, least = 0;
    metric_rows_get(rows, i, 1, row);
    for (int64_t c = 0; c < rows->d; c++) sum += row[c], least = fmin(least, row[c]);
    if (least < 0)
      return TR_FAIL(ctx, TR_E_ARG, "%s: row %lld holds a probability of %g, below 0", rows->name,
                     (long long)i, least);
    if (fabs(sum - 1) > 1e-3)
      return TR_FAIL(ctx, TR_E_ARG, "%s: the probabilities of row %lld have the sum %g, should be 1",
                     rows->name, (long long)i, sum);
  }
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const metric_rows *rows, const metric_split *split) {
  TR_TRY(metric_rows_check(ctx, rows, 1));
  const bool blocks = split->block > 0 && split->parts == 0;
  if (blocks || (split->block == 0 && split->parts > 0 && split->parts <= rows->n)) return TR_OK;
  return TR_FAIL(
      ctx, TR_E_ARG,
      "an Inception Score of %lld samples in %lld parts or blocks of %lld: one of the two, parts at "
      "most as many as the samples",
      (long long)rows->n, (long long)split->parts, (long long)split->block);
}

/* With memory for all classes in w and for the effects of the largest part. */
static void score_parts(const work *w, const metric_split *split, double *effect, uint64_t seed,
                        metric_value *out, double *scores) {
  const int64_t n = w->classes->rows->n, parts = metric_split_count(split, n);
  metric_bootstrap boot = {.seed = seed};
  double mean = 0;
  for (int64_t part = 0; part < parts; part++) {
    const int64_t from = begin_of(split, n, part), to = begin_of(split, n, part + 1);
    const double score = exp(divergence(w, from, to, effect));
    for (int64_t i = 0; i < to - from; i++) effect[i] *= score / (double)(to - from) / (double)parts;
    metric_bootstrap_add(&boot, to - from, effect);
    if (scores) scores[part] = score;
    mean += score / (double)parts;
  }
  *out = metric_bootstrap_interval(&boot, mean);
  out->low = fmin(out->value, fmax(out->low, 1));
  out->high = fmax(out->value, fmin(out->high, (double)w->d));
}

tr_status metric_inception_score(tr_ctx *ctx, const metric_classes *classes, const metric_split *split,
                                 uint64_t seed, metric_value *out, double *scores) {
  const metric_rows *rows = classes->rows;
  TR_TRY(check(ctx, rows, split));
  double *memory = malloc((size_t)(4 * rows->d + rows->n) * sizeof *memory);
  if (!memory)
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for an Inception Score of %lld samples", (long long)rows->n);
  const work w = {classes, rows->d, memory, memory + rows->d, memory + 2 * rows->d, memory + 3 * rows->d};
  tr_status status = classes->logits ? TR_OK : check_probabilities(ctx, rows, w.p);
  if (status == TR_OK) score_parts(&w, split, memory + 4 * rows->d, seed, out, scores);
  free(memory);
  return status;
}
