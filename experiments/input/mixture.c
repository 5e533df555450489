#include "experiments/input/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "transport/exact/exact.h"

tr_status mixture_allocate(tr_ctx *ctx, int64_t K, int64_t d, bool full, mixture *out) {
  *out = (mixture){0};
  if (K < 1 || d < 1 || K > MIXTURE_MAX / d)
    return TR_FAIL(ctx, TR_E_ARG,
                   "a mixture of %lld components in %lld dimensions: at least one each, %d entries at most",
                   (long long)K, (long long)d, MIXTURE_MAX);
  if (full && (d > MIXTURE_FULL_MAX || K > MIXTURE_MAX / d / d))
    return TR_FAIL(
        ctx, TR_E_ARG,
        "full covariances of %lld components in %lld dimensions: %d dimensions and %d entries at most",
        (long long)K, (long long)d, MIXTURE_FULL_MAX, MIXTURE_MAX);
  size_t entries = (size_t)(K * d), of_matrices = full ? entries * (size_t)d : 0;
  double *block = malloc(((size_t)K + 2 * (entries + of_matrices)) * sizeof *block);
  if (!block) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a mixture");
  *out = (mixture){
      .K = (int)K, .d = d, .weights = block, .means = block + K, .variances = block + (size_t)K + entries};
  if (!full) return TR_OK;
  out->covs = out->variances + entries;
  out->axes = out->covs + of_matrices;
  return TR_OK;
}

void mixture_free(mixture *m) {
  free(m->weights);
  *m = (mixture){0};
}

tr_gaussian mixture_component(const mixture *m, int k) {
  int64_t d = m->d;
  return (tr_gaussian){d, m->means + k * d, m->variances + k * d, m->axes ? m->axes + k * d * d : NULL};
}

tr_status mixture_drift(tr_ctx *ctx, const mixture *m, const tr_interpolant *path, tr_quantity kind,
                        tr_drift **out) {
  return m->covs
             ? tr_exact_create_mixture_full(ctx, path, kind, m->d, m->K, m->weights, m->means, m->covs, out)
             : tr_exact_create_mixture(ctx, path, kind, m->d, m->K, m->weights, m->means, m->variances, out);
}

static double covariance(const mixture *m, int k, int64_t i, int64_t j) {
  if (m->covs) return m->covs[(k * m->d + i) * m->d + j];
  return i == j ? m->variances[k * m->d + i] : 0;
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
        sum += m->weights[k] * (a * b + covariance(m, k, i, j));
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
  mixture_sample_step(m, seed, 0, n, x);
}

void mixture_sample_step(const mixture *m, uint64_t seed, uint32_t step, int64_t n, double *x) {
  tr_random_address which = {.seed = seed, .purpose = TR_RANDOM_LABEL, .step = step};
  tr_random_address where = {.seed = seed, .purpose = TR_RANDOM_TEST, .step = step};
  for (int64_t row = 0; row < n; row++, x += m->d) {
    tr_gaussian g = mixture_component(m, component(m, tr_random_uniform(&which, (uint64_t)row, 0)));
    memcpy(x, g.mean, (size_t)m->d * sizeof *x);
    for (int64_t i = 0; i < m->d; i++) {
      double z[2];
      tr_random_normal_pair(&where, (uint64_t)row, (uint32_t)(i / 2), z);
      double along = sqrt(g.variance[i]) * z[i % 2];
      for (int64_t j = 0; g.axes && j < m->d; j++) x[j] += along * g.axes[i * m->d + j];
      if (!g.axes) x[i] += along;
    }
  }
}
