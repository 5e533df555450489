#include "tests/support/golden.h"

#include <stdlib.h>

#include "nets/checkpoint/checkpoint.h"
#include "tests/support/check.h"
#include "tests/support/nets/networks.h"

static void need(tr_ctx *ctx, tr_status status) {
  if (status == TR_OK) return;
  fprintf(stderr, "golden data: %s\n", tr_ctx_error(ctx)->message);
  exit(1);
}

tr_npz *golden_open(tr_ctx *ctx, const char *name) {
  char path[512];
  tr_npz *npz;
  snprintf(path, sizeof path, TR_TEST_DATA "/goldens/%s.npz", name);
  need(ctx, tr_npz_open(ctx, path, &npz));
  return npz;
}

static tr_npy get(tr_ctx *ctx, tr_npz *npz, const char *entry) {
  tr_npy npy;
  need(ctx, tr_npz_get(npz, entry, &npy));
  return npy;
}

tr_array *golden_array(tr_npz *npz, const char *entry, tr_dtype dtype) {
  tr_array *array;
  if (tr_npz_get_array(npz, entry, dtype, &array) == TR_OK) return array;
  fprintf(stderr, "golden data: no entry '%s'\n", entry);
  exit(1);
}

double golden_scalar(tr_ctx *ctx, tr_npz *npz, const char *entry) {
  tr_npy npy = get(ctx, npz, entry);
  double value = NAN;
  if (npy.count == 1) tr_npy_get_f64(&npy, &value);
  tr_npy_close(&npy);
  return value;
}

int golden_labels(tr_ctx *ctx, tr_npz *npz, int32_t *labels, int max) {
  tr_npy npy = get(ctx, npz, "y");
  int n = (int)npy.count;
  if (n > max) exit(1);
  need(ctx, tr_npy_get_i32(ctx, &npy, labels));
  tr_npy_close(&npy);
  return n;
}

tr_net *golden_net(tr_ctx *ctx, const tr_net_options *options) {
  const tr_net_settings settings = {.num_classes = 10, .n_told = 1, .told = &(tr_net_size){"num_heads", 3}};
  tr_checkpoint *file;
  tr_tensors weights;
  tr_net *net;
  need(ctx, tr_checkpoint_open(ctx, TR_TEST_DATA "/goldens/ema.pt", &file));
  need(ctx, tr_checkpoint_weights(ctx, file, NULL, &weights));
  need(ctx, networks_open(ctx, &weights, &settings, options, &net));
  tr_checkpoint_close(&file);
  return net;
}

tr_drift *golden_network(tr_ctx *ctx, tr_dtype dtype, tr_quantity kind) {
  tr_net *net = golden_net(ctx, &(tr_net_options){.dtype = dtype});
  tr_drift *network;
  need(ctx, tr_drift_take_net(&net, kind, &network));
  return network;
}

double golden_difference(tr_npz *npz, const char *entry, const tr_array *a) {
  tr_array *want = golden_array(npz, entry, TR_F64);
  double result = NAN;
  double *x = malloc((size_t)a->count * sizeof *x), *y = malloc((size_t)want->count * sizeof *y);
  if (x && y && want->count == a->count && tr_array_get_f64(a, x) == TR_OK &&
      tr_array_get_f64(want, y) == TR_OK)
    result = check_relative(x, y, a->count);
  free(x), free(y);
  tr_array_destroy(&want);
  return result;
}

tr_sampler golden_sampler(tr_ctx *ctx, const char *path, const char *prediction, const char *method) {
  const tr_prediction_type *kind;
  tr_sampler s;
  need(ctx, tr_prediction_find(ctx, prediction, &kind));
  need(ctx, tr_sampler_defaults(ctx, &s));
  need(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  need(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, method, (const tr_module **)&s.ode.method));
  s.drift = golden_network(ctx, TR_F64, kind->tag);
  s.ode.rtol = 1e-9;
  s.ode.atol = 1e-9;
  return s;
}

void golden_pairs(tr_ctx *ctx,
                  void (*check)(tr_ctx *ctx, const char *path, const char *prediction, const char *method)) {
  static const char *const paths[] = {"Linear", "GVP", "VP"}, *const methods[] = {"cvode-adams", "dopri5"};
  static const char *const predictions[] = {"velocity", "noise", "score"};
  for (int p = 0; p < 3; p++)
    for (int q = 0; q < 3; q++) check(ctx, paths[p], predictions[q], methods[(p + q) % 2]);
}
