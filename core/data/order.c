#include "core/data/order.h"

#include "core/random.h"
#include "core/require_private.h"

tr_status tr_draw_order(tr_ctx *ctx, uint64_t seed, int64_t epoch, int64_t n, int64_t *order) {
  TR_REQUIRE(ctx, order);
  if (epoch < 0 || epoch > UINT32_MAX || n < 1 || n >= (int64_t)1 << 48)
    return TR_FAIL(ctx, TR_E_ARG,
                   "the order of %lld rows in epoch %lld: 1 to 2^48 - 1 rows, epochs below 2^32",
                   (long long)n, (long long)epoch);
  const tr_random_address at = {.seed = seed, .purpose = TR_RANDOM_ORDER, .step = (uint32_t)epoch};
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    const int64_t j = (int64_t)(tr_random_uniform(&at, (uint64_t)i, 0) * (double)(i + 1)), held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return TR_OK;
}

bool tr_draw_flip(uint64_t seed, int64_t step, int64_t row) {
  const tr_random_address at = {.seed = seed, .purpose = TR_RANDOM_FLIP, .step = (uint32_t)step};
  return tr_random_uniform(&at, (uint64_t)row, 0) < 0.5;
}

int64_t tr_draw_substitute(uint64_t seed, int64_t step, int64_t row, int64_t n) {
  const tr_random_address at = {.seed = seed, .purpose = TR_RANDOM_SUBSTITUTE, .step = (uint32_t)step};
  return n > 0 ? (int64_t)(tr_random_uniform(&at, (uint64_t)row, 0) * (double)n) : 0;
}
