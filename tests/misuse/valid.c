#include "tests/misuse/valid.h"

#include <stdlib.h>

#include "tests/support/check.h"

#define DIGITS TR_EXPERIMENT_DATA "/digits-ema.pt"
enum { ROWS = 2, ROW = 64, NODES = 10000 };

valid_arguments valid;

static double nodes[2 * NODES];
static int32_t labels[ROWS] = {3, 4};
static double half = 0.5;

static tr_status drift_of(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)t, (void)user;
  return tr_array_copy(x, dx);
}
static tr_status one(double t, double *out, void *user) {
  (void)t, (void)user;
  *out = 1;
  return TR_OK;
}
static tr_status span(double t0, double t1, double *out, void *user) {
  (void)user;
  *out = t1 - t0;
  return TR_OK;
}

/* ---- arrays, numbers, files ---- */

static void open_core(tr_ctx *ctx) {
  static const tr_option option = {.name = "steps", .type = TR_OPTION_INT, .help = "."};
  tr_array **x = &valid.tr_array;
  valid.tr_ctx = ctx;
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 1)); /* a process that forks has no others */
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){ROWS, 1, 8, 8}, x));
  CHECK_OK(ctx, tr_fill(0, *x));
  for (int i = 0; i < 128; i++) valid.arrays[i] = *x, valid.texts[i] = "text";
  for (int i = 0; i < 2 * NODES; i++) nodes[i] = (1.0 + i) / (2 * NODES + 1);
  valid.nodes = nodes + NODES;
  tr_program_init(&valid.tr_program, -1);
  valid.tr_segments = (tr_segments){1, {(*x)->count}};
  valid.tr_param_entry = (tr_param_entry){"w", 1, {8}, false};
  valid.tr_nn_weight_spec = (tr_nn_weight_spec){.out = 2, .in = 3, .storage = TR_F64, .compute = TR_F64};
  CHECK_OK(ctx, tr_nn_weight_create(ctx, &valid.tr_nn_weight_spec, &valid.tr_nn_weight));
  valid.tr_option_table = (tr_option_table){
      .program = "p", .name = "n", .summary = "s", .options = &option, .n_options = 1, .values_size = 64};
}

static void open_files(tr_ctx *ctx) {
  CHECK((valid.file = fopen("/dev/null", "w")) != NULL);
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F64, 1, (int64_t[]){8}, nodes, &valid.tr_npy));
  CHECK_OK(ctx, tr_npy_save(ctx, "data.npy", &valid.tr_npy));
  CHECK_OK(ctx, tr_npz_create(ctx, "data.npz", &valid.tr_npz_out));
  CHECK_OK(ctx, tr_npz_add(valid.tr_npz_out, "x", &valid.tr_npy));
  CHECK_OK(ctx, tr_npz_commit(&valid.tr_npz_out));
  CHECK_OK(ctx, tr_npz_open(ctx, "data.npz", &valid.tr_npz));
  CHECK_OK(ctx, tr_npz_create(ctx, "more.npz", &valid.tr_npz_out));
  CHECK_OK(ctx, tr_out_file_open(ctx, "text", &valid.tr_out_file));
  CHECK_OK(ctx, tr_file_map_open(ctx, "data.npy", &valid.tr_file_map));
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F64, 4, (int64_t[]){ROWS, 1, 8, 8}, nodes, &valid.tr_npy));
  CHECK_OK(ctx, tr_npy_save(ctx, "states.npy", &valid.tr_npy));
  CHECK_OK(ctx, tr_dataset_open(ctx, "states.npy", 3, (int64_t[]){1, 8, 8}, 0, &valid.tr_dataset));
  valid.tr_loader_options = (tr_loader_options){.batch = ROWS, .rows = ROWS};
  CHECK_OK(ctx, tr_loader_open(ctx, "states.npy", &valid.tr_loader_options, &valid.tr_loader));
}

/* ---- a network and its checkpoint ---- */

static void open_network(tr_ctx *ctx) {
  tr_model **model = &valid.tr_model;
  CHECK_OK(ctx, tr_model_open(ctx, DIGITS, NULL, model));
  CHECK_OK(ctx, tr_checkpoint_open(ctx, DIGITS, &valid.tr_checkpoint));
  valid.tr_net_options = (tr_net_options){.dtype = TR_F64, .trained = true, .storage = TR_WEIGHTS_WIDE};
  CHECK_OK(ctx, tr_model_network(*model, &valid.tr_net_options, &valid.tr_net));
  CHECK_OK(ctx, tr_drift_of_net(valid.tr_net, TR_VELOCITY, &valid.tr_drift));
  valid.tr_tensors = &(*model)->weights;
  valid.tr_tensor = (*model)->weights.items;
  valid.tr_net_config = &(*model)->config;
  valid.tr_net_type = valid.tr_net->type;
  valid.tr_net_info = &valid.tr_net->info;
  valid.tr_layer = valid.tr_net->layers;
  while (!valid.tr_layer->w) valid.tr_layer++;
  valid.tr_params = tr_net_params(valid.tr_net);
  valid.tr_drift_passes = (tr_drift_passes){0};
  CHECK_OK(ctx, tr_params_like(valid.tr_params, &valid.tr_net_gradient.array));
  valid.tr_net_gradient.params = valid.tr_params;
  valid.tr_net_backward_args = (tr_net_backward_args){
      .want = TR_GRAD_PARAMS, .w = valid.tr_array, .gradient = valid.tr_net_gradient.array};
}

static void open_autoencoder(tr_ctx *ctx) {
  valid.tr_vae_sizes = (tr_vae_sizes){.levels = 1, .widths = {2}, .layers = 1, .groups = 1};
  valid.tr_vae_options = (tr_vae_options){.dtype = TR_F64};
  CHECK_OK(ctx, tr_vae_create_random(ctx, &valid.tr_vae_sizes, &valid.tr_vae_options, 1, &valid.tr_vae));
  valid.tr_vae_info = tr_vae_about(valid.tr_vae);
}

/* ---- transport ---- */

static void open_paths(tr_ctx *ctx) {
  const tr_module *module;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &valid.tr_interpolant));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &valid.tr_diffusion));
  CHECK_OK(ctx, tr_grid_find(ctx, "shift", &valid.tr_grid));
  CHECK_OK(ctx, tr_last_step_find(ctx, "Mean", &valid.tr_last_step));
  CHECK_OK(ctx, tr_prediction_find(ctx, "velocity", &valid.tr_prediction_type));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, "sra1", &module));
  valid.tr_sde_method = (const tr_sde_method *)module;
  valid.tr_module = &valid.tr_grid.type->info;
  valid.tr_values = valid.tr_grid.values;
  valid.tr_coeffs = tr_interpolant_at(&valid.tr_interpolant, 0.5);
  valid.tr_loss.interpolant = valid.tr_interpolant;
  valid.tr_loss.prediction = valid.tr_prediction_type;
  CHECK_OK(ctx, tr_loss_weight_find(ctx, "velocity", &valid.tr_loss.weight));
  CHECK_OK(ctx, tr_table_create(ctx, 8, nodes, nodes, &valid.tr_table));
  CHECK_OK(ctx, tr_exact_create_gaussian(ctx, &valid.tr_interpolant, TR_VELOCITY, ROW, nodes, nodes,
                                         &valid.exact));
  CHECK_OK(ctx, tr_gaussian_create(ctx, 2, nodes, (double[]){2, 1, 1, 2}, &valid.tr_gaussian));
  valid.tr_guidance = (tr_guidance){1.5, 0, 0, 1};
  valid.tr_times = (tr_times){1, &half};
  valid.tr_cond = (tr_cond){ROWS, labels};
  CHECK_OK(ctx, tr_conditions_set(ctx, &valid.tr_conditions, valid.tr_times, &valid.tr_cond));
}

static void open_runs(tr_ctx *ctx) {
  const tr_module *module;
  tr_sampler *s = &valid.tr_sampler;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, s));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "euler", &module));
  s->drift = valid.tr_drift;
  s->ode.method = (const tr_ode_method *)module;
  s->n_steps = 3;
  valid.tr_ode_spec = (tr_ode_spec){.method = s->ode.method, .grid = nodes, .n_grid = 4};
  valid.tr_sde_spec = (tr_sde_spec){.method = valid.tr_sde_method, .grid = nodes, .n_grid = 4};
  valid.tr_rhs = (tr_rhs){.fn = drift_of};
  valid.tr_sde_problem = (tr_sde_problem){.drift = drift_of, .g2 = one, .g2_integral = span};
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 1, 0, &valid.tr_brownian));
  CHECK_OK(ctx, tr_density_defaults(ctx, &valid.tr_density));
  valid.tr_trace_spec = (tr_trace_spec){.type = valid.tr_density.trace, .n_probes = 1};
  CHECK_OK(ctx, tr_trace_create(&valid.tr_trace_spec, valid.exact, valid.tr_array, &valid.tr_trace));
}

/* ---- training ---- */

static void open_training(tr_ctx *ctx) {
  tr_trainer_options *o = &valid.tr_trainer_options;
  CHECK_OK(ctx, tr_comm_open(ctx, &valid.tr_comm));
  CHECK_OK(ctx, tr_loss_rows_create(ctx, ROWS, &valid.tr_loss_rows));
  CHECK_OK(ctx, tr_loss_rows_set(valid.tr_loss_rows, &valid.tr_loss, valid.tr_times, ROWS));
  tr_trainer_defaults(o);
  o->loss = valid.tr_loss;
  o->times = valid.tr_time_law = (tr_time_law){.t0 = 0, .t1 = 1};
  o->batch = o->rows = ROWS;
  valid.tr_schedule = o->schedule;
  valid.tr_train_rows = (tr_train_rows){.n = ROWS, .global = ROWS};
  valid.tr_train_batch = (tr_train_batch){.x1 = valid.tr_array, .labels = labels};
  CHECK_OK(ctx, tr_trainer_create(valid.tr_net, o, &valid.tr_trainer));
}

void valid_open(tr_ctx *ctx) {
  CHECK_OK(ctx, tr_register_all(ctx));
  open_core(ctx);
  open_files(ctx);
  open_network(ctx);
  open_autoencoder(ctx);
  open_paths(ctx);
  open_runs(ctx);
  open_training(ctx);
}

void valid_close(void) {
  valid_arguments *v = &valid;
  tr_trainer_destroy(&v->tr_trainer);
  tr_comm_close(&v->tr_comm);
  tr_loss_rows_destroy(&v->tr_loss_rows);
  tr_trace_destroy(&v->tr_trace);
  tr_brownian_destroy(&v->tr_brownian);
  tr_conditions_clear(&v->tr_conditions);
  tr_table_destroy(&v->tr_table);
  tr_drift_destroy(&v->exact);
  tr_gaussian_free(&v->tr_gaussian);
  tr_array_destroy(&v->tr_net_gradient.array);
  tr_drift_destroy(&v->tr_drift);
  tr_net_destroy(&v->tr_net);
  tr_vae_destroy(&v->tr_vae);
  tr_checkpoint_close(&v->tr_checkpoint);
  tr_model_close(&v->tr_model);
  tr_loader_close(&v->tr_loader);
  tr_dataset_close(&v->tr_dataset);
  tr_file_map_close(&v->tr_file_map);
  tr_out_file_discard(&v->tr_out_file);
  tr_npz_discard(&v->tr_npz_out);
  tr_npz_close(&v->tr_npz);
  fclose(v->file);
  tr_nn_weight_destroy(&v->tr_nn_weight);
  tr_array_destroy(&v->tr_array);
}
