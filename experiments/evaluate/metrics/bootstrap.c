#include "experiments/evaluate/metrics/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "experiments/common/statistics.h"

/* Sum of n effects drawn with replacement: four indices a block of Philox, each the upper half of a 32-bit
 * number times n. */
static double draw(uint64_t seed, uint32_t set, uint32_t replicate, int64_t n, const double *effect) {
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  double sum = 0;
  for (int64_t i = 0; i < n; i += 4) {
    uint32_t word[4];
    tr_philox4x32((const uint32_t[]){(uint32_t)(i / 4), replicate, set, TR_RANDOM_BOOTSTRAP}, key, word);
    for (int k = 0; k < 4 && i + k < n; k++) sum += effect[(uint64_t)word[k] * (uint64_t)n >> 32];
  }
  return sum;
}

void metric_bootstrap_add(metric_bootstrap *b, int64_t n, const double *effect) {
  double all = 0;
  for (int64_t i = 0; i < n; i++) all += effect[i];
  for (uint32_t r = 0; r < METRIC_REPLICATES; r++)
    b->deviation[r] += draw(b->seed, b->sets, r, n, effect) - all;
  b->sets++;
}

static double quantile(const double *sorted, double p) {
  const double at = p * (METRIC_REPLICATES - 1);
  const int below = (int)at;
  return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

metric_value metric_bootstrap_interval(const metric_bootstrap *b, double value) {
  double sorted[METRIC_REPLICATES];
  for (int r = 0; r < METRIC_REPLICATES; r++) sorted[r] = b->deviation[r];
  qsort(sorted, METRIC_REPLICATES, sizeof *sorted, stat_ascending);
  return (metric_value){value, value + quantile(sorted, 0.025), value + quantile(sorted, 0.975)};
}

tr_status metric_share(tr_ctx *ctx, int64_t n, const bool *decisions, uint64_t seed, metric_value *out) {
  int64_t right = 0;
  for (int64_t i = 0; i < n; i++) right += decisions[i];
  if (right == 0 || right == n) {
    const double bound = pow(0.05, 1.0 / (double)n);
    *out = right ? (metric_value){1, bound, 1} : (metric_value){0, 0, 1 - bound};
    return TR_OK;
  }
  double *effect = malloc((size_t)n * sizeof *effect);
  if (!effect) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld decisions", (long long)n);
  for (int64_t i = 0; i < n; i++) effect[i] = decisions[i] ? 1.0 / (double)n : 0;
  metric_bootstrap b = {.seed = seed};
  metric_bootstrap_add(&b, n, effect);
  free(effect);
  *out = metric_bootstrap_interval(&b, (double)right / (double)n);
  return TR_OK;
}
