#include "experiments/mixture.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"

tr_status mixture_allocate(tr_ctx *ctx, int64_t K, int64_t d, mixture *out) {
  *out = (mixture){0};
  if (K < 1 || d < 1 || K > MIXTURE_MAX / d)
    return TR_FAIL(ctx, TR_E_ARG,
                   "a mixture of %lld components in %lld dimensions: at least one each, %d entries at most",
                   (long long)K, (long long)d, MIXTURE_MAX);
  size_t entries = (size_t)(K * d);
  double *block = malloc(((size_t)K + 2 * entries) * sizeof *block);
  if (!block) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a mixture");
  *out = (mixture){(int)K, d, block, block + K, block + (size_t)K + entries};
  return TR_OK;
}

void mixture_free(mixture *m) {
  free(m->weights);
  *m = (mixture){0};
}

void mixture_moments(const mixture *m, double *mean, double *cov) {
  int64_t d = m->d;
  for (int64_t i = 0; i < d; i++) {
    mean[i] = 0;
    for (int k = 0; k < m->K; k++) mean[i] += m->weights[k] * m->means[k * d + i];
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      double sum = 0;
      for (int k = 0; k < m->K; k++) {
        double a = m->means[k * d + i] - mean[i], b = m->means[k * d + j] - mean[j];
        sum += m->weights[k] * (a * b + (i == j ? m->variances[k * d + i] : 0));
      }
      cov[i * d + j] = sum;
    }
}

static int component(const mixture *m, double uniform) {
  double sum = 0;
  for (int k = 0; k < m->K - 1; k++)
    if (uniform < (sum += m->weights[k])) return k;
  return m->K - 1;
}

void mixture_sample(const mixture *m, uint64_t seed, int64_t n, double *x) {
  tr_random_address which = {.seed = seed, .purpose = TR_RANDOM_LABEL};
  tr_random_address where = {.seed = seed, .purpose = TR_RANDOM_TEST};
  for (int64_t row = 0; row < n; row++) {
    int k = component(m, tr_random_uniform(&which, (uint64_t)row, 0));
    for (int64_t i = 0; i < m->d; i++) {
      double z[2];
      tr_random_normal_pair(&where, (uint64_t)row, (uint32_t)(i / 2), z);
      x[row * m->d + i] = m->means[k * m->d + i] + sqrt(m->variances[k * m->d + i]) * z[i % 2];
    }
  }
}
