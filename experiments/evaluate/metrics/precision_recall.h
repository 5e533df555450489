/* Improved precision and recall (Kynkaanniemi et al., arXiv 1904.06991) as ADM's evaluator defines them: the
 * ball of a sample reaches to its k-th neighbour in its own set, itself not counted; precision is the share
 * of generated samples within a ball (border included) of the reference, recall that of the reference within
 * a ball of the generated. Range: 0 to 1. Distances are exact; ADM's are float16, which puts its numbers
 * 0.001 to 0.002 higher. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_PRECISION_RECALL_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_PRECISION_RECALL_H

#include "experiments/evaluate/metrics/rows.h"

typedef struct {
  metric_value precision, recall;
} metric_coverage;
/* What was decided on the way; each of n of its side, NULL: not wanted. */
typedef struct {
  double *radii2_generated, *radii2_reference;
  bool *generated_inside, *reference_inside;
} metric_decisions;

/* Sides of k samples or fewer: TR_E_ARG. The intervals are bootstraps of the decisions, with the balls as
 * they are; of decisions that are all alike, the exact 95 % bound. */
tr_status metric_precision_recall(tr_ctx *ctx, const metric_rows *generated, const metric_rows *reference,
                                  int k, uint64_t seed, metric_coverage *out,
                                  const metric_decisions *decisions);

#endif
