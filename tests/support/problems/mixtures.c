#include "tests/support/problems/mixtures.h"

#include <stdlib.h>

#include "core/random.h"

static double uniform(uint64_t which, uint32_t step, uint32_t element) {
  tr_random_address address = {.seed = which, .purpose = TR_RANDOM_TEST, .step = step};
  return tr_random_uniform(&address, 0, element);
}

tr_drift *mixture_random(tr_ctx *ctx, const tr_interpolant *interpolant, tr_quantity kind, int n, int K,
                         double least, uint64_t which) {
  size_t entries = (size_t)n * (size_t)K;
  double *block = malloc((2 * entries + (size_t)K) * sizeof *block), *means = block + K;
  double *variances = means + entries;
  tr_drift *drift;
  if (!block) exit(1);
  for (int k = 0; k < K; k++) block[k] = 0.5 + uniform(which, 0, (uint32_t)k);
  for (size_t i = 0; i < entries; i++) {
    means[i] = 2 * uniform(which, 1, (uint32_t)i) - 1;
    variances[i] = least + 0.3 * uniform(which, 2, (uint32_t)i);
  }
  CHECK_OK(ctx, tr_exact_create_mixture(ctx, interpolant, kind, n, K, block, means, variances, &drift));
  free(block);
  return drift;
}

tr_array *mixture_points(tr_ctx *ctx, int64_t rows, int n, uint64_t which) {
  tr_array *x;
  double *host = malloc((size_t)rows * (size_t)n * sizeof *host);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){rows, n}, &x));
  if (!host) exit(1);
  for (int64_t i = 0; i < rows * n; i++) host[i] = 3 * uniform(which, 3, (uint32_t)i) - 1.5;
  CHECK_OK(ctx, tr_array_set_f64(x, host));
  free(host);
  return x;
}

void mixture_log_density(const tr_drift *drift, double t, const tr_array *x, double *out) {
  int64_t n = x->count / x->shape[0];
  double *host = malloc((size_t)x->count * sizeof *host);
  if (!host) exit(1);
  CHECK_OK(drift->ctx, tr_array_get_f64(x, host));
  for (int64_t i = 0; i < x->shape[0]; i++)
    CHECK_OK(drift->ctx, tr_exact_log_density(drift, t, host + i * n, &out[i]));
  free(host);
}
