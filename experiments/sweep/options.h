/* The options of `transit sweep`: the struct they fill and the table that parses them. */
#ifndef TR_EXPERIMENTS_SWEEP_OPTIONS_H
#define TR_EXPERIMENTS_SWEEP_OPTIONS_H

#include "experiments/common/common_options.h"

typedef struct {
  const char *target;
  model_options model;
  guidance_options guidance;
  machine_options machine;
  tr_int_list class_labels;
  noised_options noised;
  long num_samples, tight_sets;
  tr_text_list solvers, path_types, sample_paths, time_grids, forms, last_steps;
  tr_double_list rtol, sde_rtol, norms;
  tr_pair_list method_params, sample_path_params, grid_params, form_params, last_step_params; /* and
 model.path_params */
  tr_int_list steps;
  const char *seeds, *clock, *grid_file, *diffusion_table;
  bool verbose;
  double atol, last_step_size, eta, tight_rtol;
} sweep_options;

extern const tr_option_table sweep_table;

#endif
