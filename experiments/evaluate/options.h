/* The options of `transit evaluate`. */
#ifndef TR_EXPERIMENTS_EVALUATE_OPTIONS_H
#define TR_EXPERIMENTS_EVALUATE_OPTIONS_H

#include "experiments/common/common_options.h"

typedef struct {
  const char *samples, *features, *reference, *reference_features;
  const char *inception, *preprocess, *save_stats;
  bool classifier_free, no_cache;
  long batch, neighbours, score_block, kid_subsets, kid_size, fid_inf;
  uint64_t seed;
  machine_options machine;
} evaluate_options;

extern const tr_option_table evaluate_table;

#endif
