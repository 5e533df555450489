/* An order is a permutation that each epoch shuffles anew and no place prefers; no input is preferred as a
 * substitute. */
#include "core/data/order.h"
#include "tests/support/check.h"

/* How often each number comes to each place of five, over many epochs. */
static void orders(tr_ctx *ctx) {
  enum { EPOCHS = 5000, n = 5 };
  int64_t order[n], count[n][n] = {{0}};
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    bool seen[n] = {false};
    CHECK_OK(ctx, tr_draw_order(ctx, 3, epoch, n, order));
    for (int i = 0; i < n; i++) {
      CHECK(order[i] >= 0 && order[i] < n && !seen[order[i]]);
      seen[order[i]] = true;
      count[i][order[i]]++;
    }
  }
  for (int i = 0; i < n * n; i++)
    CHECK_NEAR((double)count[i / n][i % n], EPOCHS / 5., 5 * sqrt(EPOCHS * 0.16));
  CHECK_OK(ctx, tr_draw_order(ctx, 3, 0, 1, order));
  CHECK(order[0] == 0);
  CHECK_ERROR(ctx, tr_draw_order(ctx, 3, -1, n, order), TR_E_ARG, "epoch -1");
  CHECK_ERROR(ctx, tr_draw_order(ctx, 3, 0, 0, order), TR_E_ARG, "0 rows");
}

static void substitutes(void) {
  enum { ROWS = 5000, n = 4 };
  int count[n] = {0};
  for (int row = 0; row < ROWS; row++) {
    const int64_t input = tr_draw_substitute(3, 8, row, n);
    CHECK(input >= 0 && input < n && input == tr_draw_substitute(3, 8, row, n));
    count[input]++;
  }
  for (int i = 0; i < n; i++) CHECK_NEAR(count[i], ROWS / 4., 5 * sqrt(ROWS * 0.1875));
  CHECK(tr_draw_substitute(3, 8, 0, 1) == 0 && tr_draw_substitute(3, 8, 0, 0) == 0);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  orders(ctx);
  substitutes();
  tr_ctx_close(&ctx);
  return check_report();
}
