/* Inception Score (Salimans et al., arXiv 1606.03498): exp of the mean over samples of KL(p_i | p), p the
 * mean of the p_i, in parts of the samples; the value is the mean over the parts. Range: 1 to the number of
 * classes. By the log-softmax, so that a probability of 0 counts as 0 (guided-diffusion gives NaN). */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_INCEPTION_SCORE_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_INCEPTION_SCORE_H

#include "experiments/evaluate/metrics/rows.h"

/* In which parts. Give one of the two: */
typedef struct {
  int64_t
      block; /* so many samples each in order, a short last part counts as much (guided-diffusion: 5000) */
  int64_t parts; /* i N / parts .. (i + 1) N / parts (torch-fidelity: 10); 1: whole; at most N */
} metric_split;
#define METRIC_SPLIT_DEFAULT ((metric_split){.block = 5000})
int64_t metric_split_count(const metric_split *split, int64_t n);

typedef struct {
  const metric_rows *rows; /* (n, classes), n >= 1 */
  bool logits;             /* before the softmax; else probabilities, >= 0, of sum 1 to 1e-3 (made 1) */
} metric_classes;

/* scores: NULL, or one a part. The interval is a bootstrap of the samples within their parts, linearised: one
 * sample changes log(score) by KL(p_i | p) - its mean. TR_E_ARG names the row whose probabilities are none;
 * TR_E_NONFINITE one with NaN or infinity. */
tr_status metric_inception_score(tr_ctx *ctx, const metric_classes *classes, const metric_split *split,
                                 uint64_t seed, metric_value *out, double *scores);

#endif
