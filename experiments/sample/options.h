/* The options of `transit sample`: the struct they fill and the table that parses them. */
#ifndef TR_EXPERIMENTS_SAMPLE_OPTIONS_H
#define TR_EXPERIMENTS_SAMPLE_OPTIONS_H

#include "experiments/common/common_options.h"
#include "experiments/vae/autoencoder.h"

enum { SAMPLE_ODE, SAMPLE_SDE };

typedef struct {
  model_options model;
  long image_size;
  /* what to draw */
  tr_int_list class_labels;
  long num_samples, batch_size, shard_size;
  uint64_t seed;
  const char *init;
  autoencoder_options vae;
  /* solver */
  const char *method, *clock, *sample_path;
  tr_pair_list method_params, sample_path_params;
  long num_sampling_steps, max_nfe, max_order;
  grid_options grid;
  double rtol, atol, first_step, train_eps, sample_eps;
  bool reverse, likelihood, with_logp, recompute;
  const char *trace;
  long probes;
  double logp_tol;
  tr_double_list save_times;
  bool gif;
  const char *gif_of;
  long gif_frames, gif_samples;
  /* noise of the SDE */
  const char *diffusion_form, *diffusion_table, *noise, *last_step;
  tr_pair_list form_params, last_step_params;
  double diffusion_norm, eta, last_step_size;
  /* noise around an ODE method */
  const char *ode_method;
  noised_options noised;
  guidance_options guidance;
  machine_options machine;
} sample_options;

extern const tr_option_table sample_table;

#endif
