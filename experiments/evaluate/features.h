/* All metrics of two sets of features, without any network: what `transit evaluate` says of them. */
#ifndef TR_EXPERIMENTS_EVALUATE_FEATURES_H
#define TR_EXPERIMENTS_EVALUATE_FEATURES_H

#include "experiments/common/program.h"
#include "experiments/evaluate/metrics/inception_score.h"
#include "experiments/evaluate/metrics/moments.h"

/* One side. What it lacks is zeroed (n == 0, d == 0): the metrics that need it are then absent and say so. */
typedef struct {
  const char *name;          /* what messages call it: "--features A.npz" */
  metric_rows pool, spatial; /* (n, 2048), (n, 2023) of the Inception network, or any others */
  metric_rows scores;        /* (n, classes) */
  bool logits;               /* scores are logits (without bias), else probabilities */
  metric_gaussian pool_given, spatial_given; /* stored statistics, which FID and sFID then take; borrowed */
} evaluate_side;

typedef struct {
  evaluate_side samples, reference;
  int neighbours;     /* 0: 3 */
  metric_split split; /* of the Inception Score; zeroed: blocks of 5000 */
  int kid_subsets;    /* 0: 100 */
  int64_t
      kid_size; /* 0: 1000, or what the smaller side has; where neither has more, the whole sets at once */
  int limit_points; /* FID at so many n from a tenth of the samples to all, and their limit; 0: none */
  uint64_t seed;    /* of bootstraps and subsets */
} evaluate_input;

typedef enum {
  EVALUATE_FID,
  EVALUATE_SFID,
  EVALUATE_INCEPTION_SCORE,
  EVALUATE_PRECISION,
  EVALUATE_RECALL,
  EVALUATE_KID,
  EVALUATE_FID_INF, /* absent unless limit_points was given; without an interval */
  EVALUATE_COUNT
} evaluate_metric;
/* "fid", "sfid", "inception_score", "precision", "recall", "kid", "fid_inf" */
extern const char *const evaluate_names[EVALUATE_COUNT];

/* Of a warning or a reason, which begins with the name of a set. */
#define EVALUATE_WORDS 400

typedef struct {
  metric_value number; /* low and high are NaN where there is no interval */
  bool absent;
  char why[EVALUATE_WORDS]; /* it is absent, in a line; or "" */
} evaluate_entry;

#define EVALUATE_WARNINGS     8
#define EVALUATE_LIMIT_POINTS 32
typedef struct {
  int64_t n, reference_n; /* reference_n 0: stored statistics, which do not say */
  evaluate_entry metric[EVALUATE_COUNT];
  int limit_points;
  int64_t limit_n[EVALUATE_LIMIT_POINTS];
  double limit_fid[EVALUATE_LIMIT_POINTS];
  int kid_subsets;  /* of kid_size samples, which KID is the mean of; 0: it is of all samples */
  int64_t kid_size; /* as it was settled */
  int n_warnings;   /* what makes the numbers incomparable, a line each */
  char warning[EVALUATE_WARNINGS][EVALUATE_WORDS];
} evaluate_result;

/* TR_E_NONFINITE for features that are not finite (which row), TR_E_SHAPE for features of different sizes,
 * TR_E_ARG for one sample, for probabilities that are none, for samples whose arrays have different numbers
 * of rows. A metric that these samples cannot have, such as precision of k samples or fewer, is absent.
 * Prints nothing. */
tr_status evaluate_features(program *p, const evaluate_input *input, evaluate_result *out);

/* Adds the warning of numbers that stand beside no published ones: n is not 50,000, or (0) not known. */
void evaluate_warn_number(const char *name, int64_t n, evaluate_result *out);

#endif
