/* Arguments that are right, one of each type, for calls of which one argument is wrong (values.py). */
#ifndef TR_TESTS_MISUSE_VALID_H
#define TR_TESTS_MISUSE_VALID_H

#include "core/comm/comm.h"
#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/io/npz.h"
#include "core/options/options.h"
#include "core/vec/vec.h"
#include "nets/conditions.h"
#include "nets/inception/inception.h"
#include "nets/model.h"
#include "nets/network.h"
#include "nets/register.h"
#include "nets/train/trainer.h"
#include "nets/vae/vae.h"
#include "transport/exact/exact.h"
#include "transport/exact/gaussian.h"
#include "transport/guidance.h"
#include "transport/likelihood/likelihood.h"

/* Fields are named as their types. An opaque object is a pointer; what is no opaque object and not here is
 * zeros. */
typedef struct {
  tr_ctx *tr_ctx;
  tr_array *tr_array; /* (2, 1, 8, 8), f64, zeros */
  const tr_array *arrays[128];
  const char *texts[128];
  const double *nodes; /* in the middle of many numbers that rise from 0 to 1 */
  FILE *file;

  tr_affine tr_affine;
  tr_brownian *tr_brownian;
  tr_checkpoint *tr_checkpoint;
  tr_coeffs tr_coeffs;
  tr_comm *tr_comm;
  tr_cond tr_cond;
  tr_conditions tr_conditions;
  tr_dataset tr_dataset;
  tr_density tr_density;
  tr_diffusion tr_diffusion;
  tr_drift *tr_drift; /* of the network */
  tr_drift *exact;
  tr_drift_passes tr_drift_passes;
  tr_file_map tr_file_map;
  tr_gaussian tr_gaussian;
  tr_grid tr_grid;
  tr_guidance tr_guidance;
  tr_interpolant tr_interpolant;
  tr_last_step tr_last_step;
  tr_layer *tr_layer;
  tr_loader *tr_loader;
  tr_loader_options tr_loader_options;
  tr_loss tr_loss;
  tr_loss_rows *tr_loss_rows;
  tr_model *tr_model;
  const tr_module *tr_module;
  tr_net *tr_net;
  tr_net_backward_args tr_net_backward_args;
  tr_net_config *tr_net_config;
  tr_net_gradient tr_net_gradient;
  tr_net_info *tr_net_info;
  tr_net_options tr_net_options;
  tr_net_request tr_net_request;
  const tr_net_type *tr_net_type;
  tr_nn_weight *tr_nn_weight;
  tr_nn_weight_spec tr_nn_weight_spec;
  tr_npy tr_npy;
  tr_npz *tr_npz;
  tr_npz_out *tr_npz_out;
  tr_ode_spec tr_ode_spec;
  tr_option_table tr_option_table;
  tr_out_file *tr_out_file;
  tr_param_entry tr_param_entry;
  tr_params *tr_params;
  const tr_prediction_type *tr_prediction_type;
  tr_program tr_program;
  tr_rhs tr_rhs;
  tr_sampler tr_sampler;
  const tr_sde_method *tr_sde_method;
  tr_sde_problem tr_sde_problem;
  tr_sde_spec tr_sde_spec;
  tr_segments tr_segments;
  tr_schedule tr_schedule;
  tr_table *tr_table;
  tr_time_law tr_time_law;
  const tr_tensor *tr_tensor;
  tr_tensors *tr_tensors;
  tr_times tr_times;
  tr_trace *tr_trace;
  tr_trace_spec tr_trace_spec;
  tr_train_batch tr_train_batch;
  tr_train_rows tr_train_rows;
  tr_trainer *tr_trainer;
  tr_trainer_options tr_trainer_options;
  tr_vae *tr_vae;
  tr_vae_info tr_vae_info;
  tr_vae_options tr_vae_options;
  tr_vae_sizes tr_vae_sizes;
  tr_values tr_values;
} valid_arguments;
extern valid_arguments valid;

/* Makes them on a context, in the working directory. */
void valid_open(tr_ctx *ctx);
void valid_close(void);

#endif
