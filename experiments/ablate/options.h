/* The options of `transit ablate`: the struct they fill and the table that parses them. */
#ifndef TR_EXPERIMENTS_ABLATE_OPTIONS_H
#define TR_EXPERIMENTS_ABLATE_OPTIONS_H

#include "experiments/common/common_options.h"

typedef struct {
  const char *target, *data_path, *eval_path;
  long image_size;
  tr_text_list paths, predictions, weights;
  const char *seeds;
  const char *model, *train_args;
  long hidden, depth, max_steps, batch;
  double lr, ema_decay;
  long num_samples, likelihood_samples, ode_steps, sde_steps, probes;
  const char *ode_method, *sde_method, *form, *last_step, *trace;
  double rtol, norm, last_step_size;
  machine_options machine;
} ablate_options;

extern const tr_option_table ablate_table;

#endif
