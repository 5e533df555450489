/* The options of `transit likelihood`: the struct they fill and the table that parses them. */
#ifndef TR_EXPERIMENTS_LIKELIHOOD_OPTIONS_H
#define TR_EXPERIMENTS_LIKELIHOOD_OPTIONS_H

#include "experiments/common/common_options.h"

typedef struct {
  model_options model;
  /* of what */
  const char *data, *dequant, *probe;
  tr_int_list class_labels;
  long num_samples, batch_size, dequant_samples;
  uint64_t seed;
  double cfg_scale;
  /* how */
  const char *trace, *method, *clock, *sample_path;
  tr_pair_list method_params, sample_path_params;
  long probes, num_sampling_steps;
  grid_options grid;
  double rtol, atol, logp_tol, sample_eps, dequant_eps;
  bool check, save_score, recompute;
  machine_options machine;
} likelihood_options;

extern const tr_option_table likelihood_table;

#endif
