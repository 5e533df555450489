/* An example and a test: a network of a user's own, f = W x + b + t c, registered like the built-in ones. Its
 * checkpoint opens as any other, is sampled, and its parameters can be trained. Everything about it is in
 * this file, down to the line before "the test". */
/* TR_TEST_RESOURCES */
#include <math.h>
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/layers/weights.h"
#include "nets/model.h"
#include "nets/network.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/nets/safetensors.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/scratch.h"
#include "transport/sampler/sampler.h"

typedef struct {
  int dim;
} affine_sizes;

enum { AFFINE_RATE, AFFINE_DRIVE };

/* affine.rate.weight (dim, dim) and affine.rate.bias (dim); affine.drive (1, dim), which is c. */
static bool affine_entry(const void *sizes, int i, tr_net_entry *out) {
  const int64_t dim = ((const affine_sizes *)sizes)->dim;
  if (i == AFFINE_RATE) *out = (tr_net_entry){.name = "affine.rate", .ndim = 2, .shape = {dim, dim}};
  if (i == AFFINE_DRIVE)
    *out = (tr_net_entry){
        .name = "affine.drive", .kind = TR_ENTRY_TABLE, .ndim = 2, .shape = {1, dim}, .start = TR_START_ZERO};
  return i <= AFFINE_DRIVE;
}

static const tr_net_type affine;

static tr_status affine_configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                                  const double *params, void *sizes) {
  affine_sizes *of = sizes;
  const tr_tensor *rate;
  (void)settings, (void)params;
  TR_TRY(tr_weights_find(ctx, weights, "affine.rate.weight", 2, "(dim, dim)", "an affine field", &rate));
  of->dim = (int)rate->shape[0];
  return tr_weights_check(ctx, weights, &affine, sizes, "an affine field");
}

static tr_status affine_check(tr_ctx *ctx, const void *sizes) {
  const affine_sizes *of = sizes;
  return of->dim > 0 ? TR_OK : TR_FAIL(ctx, TR_E_ARG, "an affine field of dimension %d", of->dim);
}

static void affine_about(const void *sizes, tr_net_info *out) {
  out->ndim = 1, out->shape[0] = ((const affine_sizes *)sizes)->dim;
}

static void affine_say(const void *sizes, char *text, size_t size) {
  snprintf(text, size, "affine field, states (%d)", ((const affine_sizes *)sizes)->dim);
}

/* Row by row, so that each may have a time of its own. */
static tr_status affine_forward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                                tr_array *f) {
  const tr_layer *rate = &net->layers[AFFINE_RATE], *drive = &net->layers[AFFINE_DRIVE];
  (void)cond;
  TR_TRY(tr_layer_apply(x, rate, TR_NN_IDENTITY, f));
  for (int64_t i = 0; i < x->shape[0]; i++) {
    tr_array row = tr_rows(f, i, 1);
    TR_TRY(tr_axpby(1, &row, times.t[times.n == 1 ? 0 : i], &drive->table, &row));
  }
  return TR_OK;
}

static tr_status affine_jvp(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond,
                            const tr_array *v, tr_array *Jv) {
  (void)times, (void)x, (void)cond;
  return tr_layer_jvp(v, &net->layers[AFFINE_RATE], Jv);
}

static const char *const affine_beginnings[] = {"affine.", NULL};
static const tr_net_key affine_keys[] = {
    {.key = "dim", .offset = offsetof(affine_sizes, dim), .recorded = true}, {0}};
static const tr_net_type affine = {.info = {.name = "affine", .summary = "W x + b + t c"},
                                   .caps = TR_NET_FIELD,
                                   .beginnings = affine_beginnings,
                                   .sizes_bytes = sizeof(affine_sizes),
                                   .keys = affine_keys,
                                   .entry = affine_entry,
                                   .configure = affine_configure,
                                   .check = affine_check,
                                   .about = affine_about,
                                   .say = affine_say,
                                   .forward = affine_forward,
                                   .jvp = affine_jvp};

/* ---- the test ---- */

enum { DIM = 2, ROWS = 5 };
static const double rate[DIM * DIM] = {-0.5, 0, 0, -0.5}, shift[DIM] = {1, -2}, drive[DIM] = {0.25, 3};

static tr_tensors tensors(tr_tensor items[3]) {
  items[0] = tr_tensor_of_f64("affine.rate.weight", 2, (int64_t[]){DIM, DIM}, rate);
  items[1] = tr_tensor_of_f64("affine.rate.bias", 1, (int64_t[]){DIM}, shift);
  items[2] = tr_tensor_of_f64("affine.drive", 2, (int64_t[]){1, DIM}, drive);
  return (tr_tensors){.n = 3, .items = items};
}

/* Where dx/dt = a x + b + c t takes x0 in a unit of time. */
static double end_of(double a, double b, double c, double x0) {
  const double grown = exp(a);
  return grown * x0 + b * (grown - 1) / a + c * (grown - 1 - a) / (a * a);
}

static void sampled(tr_ctx *ctx, const tr_model *model) {
  tr_sampler s;
  tr_sample_stats stats;
  tr_array *x;
  const tr_module *method;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "dopri5", &method));
  CHECK_OK(ctx, tr_model_drift(model, TR_F64, &s.drift));
  s.interpolant = model->interpolant;
  s.ode.method = (const tr_ode_method *)method;
  s.ode.rtol = s.ode.atol = 1e-10;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, DIM}, &x));
  CHECK_OK(ctx, tr_sample_init(&s, x));
  double *start = values(x);
  CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
  double *end = values(x);
  for (int i = 0; i < ROWS * DIM; i++)
    CHECK_NEAR(end[i], end_of(rate[0], shift[i % DIM], drive[i % DIM], start[i]), 1e-8);
  CHECK(stats.nfe > 0 && tr_net_counted(tr_net_of_drift(s.drift)).n_forward == stats.nfe);
  free(start), free(end);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

/* Only what the table has. */
static void capabilities(tr_ctx *ctx, const tr_model *model) {
  tr_drift *drift;
  tr_array *x, *y, *z;
  const double t = 0.5;
  CHECK_OK(ctx, tr_model_drift(model, TR_F64, &drift));
  CHECK(drift->ops->caps == (TR_DRIFT_JVP | TR_DRIFT_DETERMINISTIC) &&
        strcmp(drift->ops->name, "affine") == 0);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, DIM}, &x));
  CHECK_OK(ctx, tr_array_like(x, &y));
  CHECK_OK(ctx, tr_array_like(x, &z));
  CHECK_OK(ctx, tr_array_set_f64(x, (double[]){2, 4}));
  CHECK_OK(ctx, tr_drift_jvp(drift, (tr_times){1, &t}, x, NULL, x, y));
  double *Jv = values(y);
  CHECK(Jv[0] == -1 && Jv[1] == -2);
  free(Jv);
  CHECK_ERROR(ctx, tr_drift_vjp(drift, (tr_times){1, &t}, x, NULL, x, y, z), TR_E_UNSUPPORTED,
              "affine has no vector-Jacobian product");
  const tr_net_backward_args args = {.want = TR_GRAD_INPUT, .w = x, .wJ = y};
  CHECK_ERROR(ctx, tr_net_backward(tr_net_of_drift(drift), (tr_times){1, &t}, x, NULL, &args),
              TR_E_UNSUPPORTED, "the network affine has no backward");
  tr_array_destroy(&x), tr_array_destroy(&y), tr_array_destroy(&z);
  tr_drift_destroy(&drift);
}

/* Its parameters stand in one array, and count after a refresh. */
static void trained(tr_ctx *ctx, const tr_model *model) {
  tr_net *net;
  tr_array *x, *f;
  const double t = 0.5;
  CHECK_OK(ctx, tr_model_network(model, &(tr_net_options){.dtype = TR_F64, .trained = true}, &net));
  CHECK(tr_params_n(tr_net_params(net)) == 3 && tr_params_find(tr_net_params(net), "affine.drive") == 2);
  CHECK_OK(ctx, tr_scale(2, tr_params_values(tr_net_params(net)), tr_params_values(tr_net_params(net))));
  CHECK_OK(ctx, tr_net_refresh(net));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, DIM}, &x));
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_array_set_f64(x, (double[]){2, 4}));
  CHECK_OK(ctx, tr_net_forward(net, (tr_times){1, &t}, x, NULL, f));
  double *got = values(f);
  for (int i = 0; i < DIM; i++) CHECK_NEAR(got[i], 2 * (-0.5 * (i ? 4 : 2) + shift[i] + t * drive[i]), 1e-14);
  free(got);
  tr_array_destroy(&x), tr_array_destroy(&f);
  tr_net_destroy(&net);
}

static void refused(tr_ctx *ctx, const char *path) {
  tr_tensor items[3];
  tr_tensors some = tensors(items);
  tr_model *model;
  some.n = 2;
  safetensors_write(path, &some, "F32");
  CHECK_ERROR(ctx, tr_model_open(ctx, path, NULL, &model), TR_E_SHAPE, "lack the tensor 'affine.drive'");
  CHECK(model == NULL);
  some.n = 3, items[2].name = "affine.driver";
  safetensors_write(path, &some, "F32");
  CHECK_ERROR(ctx, tr_model_open(ctx, path, NULL, &model), TR_E_SHAPE, "lack the tensor 'affine.drive'");
  const tr_model_options wrong = {.path_type = "Liner"};
  items[2].name = "affine.drive";
  safetensors_write(path, &some, "F32");
  CHECK_ERROR(ctx, tr_model_open(ctx, path, &wrong, &model), TR_E_ARG, "did you mean 'Linear'");
  CHECK_ERROR(ctx, tr_model_open(ctx, path, &(tr_model_options){.weights = "best"}, &model), TR_E_ARG,
              "best");
  CHECK_ERROR(ctx, tr_model_open(ctx, scratch("none"), NULL, &model), TR_E_IO, "none");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tr_tensor items[3];
  tr_model *model;
  const tr_tensors all = tensors(items);
  const char *path = scratch("affine.safetensors");
  safetensors_write(path, &all, "F32");
  CHECK_OK(ctx, tr_register_all(ctx));
  CHECK_ERROR(ctx, tr_model_open(ctx, path, NULL, &model), TR_E_SHAPE, "of no network that is known here");
  CHECK_OK(ctx, tr_register(ctx, TR_KIND_NETWORK, &affine.info));
  CHECK_OK(ctx, tr_model_open(ctx, path, NULL, &model));
  char text[80];
  CHECK(strcmp(tr_net_config_kind(&model->config), "affine") == 0);
  CHECK(strcmp(tr_net_config_say(&model->config, text, sizeof text), "affine field, states (2)") == 0);
  CHECK(tr_net_config_value(&model->config, "dim") == DIM && model->config.info.row == DIM);
  CHECK(model->config.info.num_classes == 0 && model->config.info.null_class == -1);
  sampled(ctx, model);
  capabilities(ctx, model);
  trained(ctx, model);
  tr_model_close(&model);
  refused(ctx, scratch("other.safetensors"));
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
