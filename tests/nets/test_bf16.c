/* Checkpoints in bf16: a network keeps the weights of its layers so, in about half the memory, and gives the
 * bits of the same numbers stored as f32: samples, products with covectors and vectors. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/model.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/nets/safetensors.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"
#include "tests/support/scratch.h"
#include "transport/sampler/sampler.h"

enum { ROWS = 3 };

/* The same numbers, of which bf16 holds each, in both types. */
static void write_both(const tr_tensors *all, const char *half, const char *single) {
  for (int i = 0; i < all->n; i++) {
    double *data = (double *)all->items[i].data;
    for (int64_t k = 0; k < all->items[i].count; k++) {
      uint16_t bits;
      tr_dtype_from_f64(TR_BF16, 1, &data[k], &bits);
      tr_dtype_to_f64(TR_BF16, 1, &bits, &data[k]);
    }
  }
  safetensors_write(half, all, "BF16");
  safetensors_write(single, all, "F32");
}

/* Everything that the checkpoint gives, in one array that the caller frees: samples, f, wJ and Jv. */
static double *everything(tr_ctx *ctx, const char *path, int heads, tr_dtype dtype, int64_t *count) {
  const double t = 0.375;
  int32_t labels[ROWS];
  tr_model *model;
  tr_sampler s;
  tr_array *x, *w, *out[4];
  CHECK_OK(ctx, tr_model_open(
                    ctx, path,
                    &(tr_model_options){.n_told = heads != 0, .told = &(tr_net_size){"num_heads", heads}},
                    &model));
  const tr_net_info *info = &model->config.info;
  for (int i = 0; i < ROWS && info->num_classes; i++) labels[i] = i % info->num_classes;
  const tr_cond cond = {ROWS, info->num_classes ? labels : NULL};
  int64_t shape[TR_MAX_DIMS];
  const int ndim = tr_net_states(info, ROWS, shape);
  CHECK_OK(ctx, tr_array_create(ctx, dtype, ndim, shape, &x));
  CHECK_OK(ctx, tr_array_like(x, &w));
  for (int i = 0; i < 4; i++) CHECK_OK(ctx, tr_array_like(x, &out[i]));
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_model_drift(model, dtype, &s.drift));
  tr_model_close(&model);
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 2, .purpose = TR_RANDOM_TEST}, x));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 3, .purpose = TR_RANDOM_TEST}, w));
  CHECK_OK(ctx, tr_drift_vjp(s.drift, (tr_times){1, &t}, x, &cond, w, out[1], out[2]));
  CHECK_OK(ctx, tr_drift_jvp(s.drift, (tr_times){1, &t}, x, &cond, w, out[3]));
  s.ode.rtol = s.ode.atol = 1e-2;
  CHECK_OK(ctx, tr_array_copy(x, out[0]));
  CHECK_OK(ctx, tr_sample_ode(&s, &cond, out[0], NULL));
  *count = 4 * x->count;
  double *all = malloc((size_t)*count * sizeof *all);
  for (int i = 0; i < 4; i++) CHECK_OK(ctx, tr_array_get_f64(out[i], all + i * x->count));
  tr_array_destroy(&x), tr_array_destroy(&w);
  for (int i = 0; i < 4; i++) tr_array_destroy(&out[i]);
  tr_drift_destroy(&s.drift);
  return all;
}

static void same_bits(tr_ctx *ctx, const char *half, const char *single, int heads, tr_dtype dtype) {
  int64_t n, m;
  double *a = everything(ctx, half, heads, dtype, &n), *b = everything(ctx, single, heads, dtype, &m);
  CHECK(n == m && memcmp(a, b, (size_t)n * sizeof *a) == 0);
  free(a), free(b);
}

static int64_t held(tr_ctx *ctx, const tr_model *model, const tr_net_options *options) {
  const int64_t before = tr_ctx_memory(ctx);
  tr_net *net;
  CHECK_OK(ctx, tr_model_network(model, options, &net));
  const int64_t bytes = tr_ctx_memory(ctx) - before;
  tr_net_destroy(&net);
  return bytes;
}

/* As found, in the network's own type, rounded. Parameters that are trained are wide. */
static void memory(tr_ctx *ctx, const char *half, const char *single, int heads) {
  const char *const paths[] = {half, single};
  int64_t bytes[2][4];
  for (int i = 0; i < 2; i++) {
    tr_model *model;
    CHECK_OK(ctx, tr_model_open(
                      ctx, paths[i],
                      &(tr_model_options){.n_told = heads != 0, .told = &(tr_net_size){"num_heads", heads}},
                      &model));
    for (int k = 0; k < 3; k++)
      bytes[i][k] = held(ctx, model, &(tr_net_options){.dtype = TR_F32, .storage = (tr_net_storage)k});
    bytes[i][3] = held(ctx, model, &(tr_net_options){.dtype = TR_F32, .trained = true});
    tr_model_close(&model);
  }
  /* A device holds weights in the type in which it multiplies. */
  const int64_t tenths = promises(ctx, TR_BACKEND_SUMS_IN_ORDER) ? 6 : 11;
  CHECK(bytes[0][TR_WEIGHTS_AS_FOUND] < tenths * bytes[1][TR_WEIGHTS_AS_FOUND] / 10);
  CHECK(bytes[0][TR_WEIGHTS_WIDE] == bytes[1][TR_WEIGHTS_WIDE]);
  CHECK(bytes[1][TR_WEIGHTS_AS_FOUND] == bytes[1][TR_WEIGHTS_WIDE]);
  CHECK(bytes[1][TR_WEIGHTS_BF16] == bytes[0][TR_WEIGHTS_AS_FOUND]);
  CHECK(bytes[0][3] == bytes[1][3] && bytes[0][3] > bytes[0][TR_WEIGHTS_WIDE]);
}

static void of_sit(tr_ctx *ctx) {
  scene_sizes sit = scene_odd;
  const char *half = scratch("sit16.safetensors"), *single = scratch("sit32.safetensors");
  weights *w = weights_create();
  scene s;
  sit.out_channels = 4, sit.patch = 2;
  open_trained_scene(ctx, &sit, TR_F64, 1, &s);
  const tr_params *params = tr_net_params(s.net);
  for (int i = 0; i < tr_params_n(params); i++) {
    const tr_param_entry *entry = tr_params_entry(params, i);
    weights_add(ctx, w, entry->name, entry->ndim, entry->shape, 0.2);
  }
  close_scene(&s);
  const tr_tensors all = weights_tensors(w);
  write_both(&all, half, single);
  same_bits(ctx, half, single, sit.heads, TR_F32);
  same_bits(ctx, half, single, sit.heads, TR_F64);
  memory(ctx, half, single, sit.heads);
  weights_free(w);
}

static void of_mlp(tr_ctx *ctx) {
  const char *half = scratch("mlp16.safetensors"), *single = scratch("mlp32.safetensors");
  weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 70, 2, 6, 0});
  const tr_tensors all = weights_tensors(w);
  write_both(&all, half, single);
  same_bits(ctx, half, single, 0, TR_F32);
  same_bits(ctx, half, single, 0, TR_F64);
  memory(ctx, half, single, 0);
  weights_free(w);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  of_sit(ctx);
  of_mlp(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
