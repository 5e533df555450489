/* Figures for small data, of the numbers themselves (pixels), without any network; with the Gaussian MMD of
 * kernel_distance.h. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_CLASSIFIER_FREE_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_CLASSIFIER_FREE_H

#include "experiments/evaluate/metrics/rows.h"

#define METRIC_DIRECTIONS 200

/* Sliced Wasserstein-2 distance (Bonneel et al. 2015): the root mean square, over random directions addressed
 * by the seed, of the exact W2 between the projections of sets of any two sizes >= 1; one number a row has
 * one direction. Range: >= 0, above 0 for different samples of one law, too. The interval is a bootstrap of
 * the samples, linearised by the dual potentials. */
tr_status metric_sliced_w2(tr_ctx *ctx, const metric_rows *a, const metric_rows *b, int directions,
                           uint64_t seed, metric_value *out);

/* The share of generated samples whose nearest reference sample is of the class that they should be, 0 to 1.
 */
tr_status metric_nearest_class(tr_ctx *ctx, const metric_rows *generated, const int32_t *labels,
                               const metric_rows *reference, const int32_t *reference_labels, uint64_t seed,
                               metric_value *out);

#endif
