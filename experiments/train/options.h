/* The options of `transit train`: the struct they fill and the table that parses them. */
#ifndef TR_EXPERIMENTS_TRAIN_OPTIONS_H
#define TR_EXPERIMENTS_TRAIN_OPTIONS_H

#include "experiments/common/common_options.h"
#include "experiments/vae/autoencoder.h"

typedef struct {
  /* data */
  const char *data_path, *draws;
  long num_classes, image_size, num_workers;
  bool flip, strict;
  /* network */
  const char *model, *init_weights, *learn_sigma;
  long hidden, depth, num_heads, patch;
  /* loss */
  const char *path_type, *prediction, *loss_weight, *time_sampling;
  tr_pair_list path_params;
  double train_eps, time_mean, time_std, label_dropout;
  /* optimiser */
  long batch, accumulate, epochs, max_steps, warmup, seed;
  double max_minutes, lr, weight_decay, clip_grad;
  tr_double_list betas, ema_decay, ema_sigma_rel;
  long ema_every;
  const char *lr_schedule;
  bool recompute;
  /* output */
  long log_every, ckpt_every, keep;
  long sample_every, num_samples, num_sampling_steps;
  double cfg_scale, sample_eps;
  autoencoder_options vae;
  long evaluate_every, evaluate_samples;
  double evaluate_scale;
  const char *evaluate_reference, *inception, *preprocess;
  const char *resume, *ckpt;
  bool wandb, no_wandb; /* at most one of them */
  machine_options machine;
} train_options;

extern const tr_option_table train_table;

#endif
