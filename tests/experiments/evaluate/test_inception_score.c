/* Inception Score: uniform and one-hot, goldens, zeros, its interval, bad input. */
#include "experiments/evaluate/metrics/inception_score.h"
#include "tests/experiments/evaluate/rows.h"

static metric_value score(tr_ctx *ctx, const metric_rows *rows, bool logits, metric_split split,
                          double *scores) {
  const metric_classes classes = {rows, logits};
  metric_value out = {NAN, NAN, NAN};
  CHECK_OK(ctx, metric_inception_score(ctx, &classes, &split, 1, &out, scores));
  CHECK(out.low <= out.value && out.value <= out.high);
  return out;
}

/* Two sure classes, three to one: exp of the entropy of (3/4, 1/4). */
static void by_hand(tr_ctx *ctx) {
  const double p[] = {1, 0, 1, 0, 1, 0, 0, 1};
  const metric_rows rows = rows_of(4, 2, p);
  const double want = exp(-0.75 * log(0.75) - 0.25 * log(0.25));
  CHECK_NEAR(score(ctx, &rows, false, (metric_split){.parts = 1}, NULL).value, want, 1e-15);
  double parts[2];
  CHECK_NEAR(score(ctx, &rows, false, (metric_split){.block = 3}, parts).value, 1, 1e-15);
  CHECK_NEAR(score(ctx, &rows, false, (metric_split){.parts = 2}, parts).value, 1.5, 1e-15);
  CHECK_NEAR(parts[0], 1, 1e-15);
  CHECK_NEAR(parts[1], 2, 1e-15);
}

static void goldens(tr_ctx *ctx) {
  tr_npz *npz = golden_open(ctx, "metrics/metrics");
  double *memory[4], parts[16];
  const metric_rows logits = golden_rows(ctx, npz, "gen_logits", &memory[0]),
                    probs = golden_rows(ctx, npz, "gen_probs", &memory[1]),
                    blocks = golden_rows(ctx, npz, "is_scores_split_size", &memory[2]),
                    ten = golden_rows(ctx, npz, "is_scores_10", &memory[3]);
  for (int known = 0; known < 2; known++) {
    const metric_rows *rows = known ? &probs : &logits;
    const metric_split by_block = {.block = (int64_t)golden_scalar(ctx, npz, "is_split_size")};
    CHECK(metric_split_count(&by_block, rows->n) == blocks.n);
    CHECK_NEAR(score(ctx, rows, !known, by_block, parts).value, golden_scalar(ctx, npz, "is_split_size_mean"),
               1e-10);
    CHECK_NEAR(check_relative(parts, blocks.data, blocks.n), 0, 1e-10);
    CHECK_NEAR(score(ctx, rows, !known, (metric_split){.parts = 10}, parts).value,
               golden_scalar(ctx, npz, "is_10_mean"), 1e-10);
    CHECK_NEAR(check_relative(parts, ten.data, ten.n), 0, 1e-10);
    CHECK_NEAR(score(ctx, rows, !known, (metric_split){.parts = 1}, parts).value,
               golden_scalar(ctx, npz, "is_1"), 1e-10);
  }
  for (int i = 0; i < 4; i++) free(memory[i]);
  tr_npz_close(&npz);
}

/* Probabilities that are 0, uniform, one-hot. */
static void degenerate(tr_ctx *ctx) {
  enum { N = 40, C = 10 };
  tr_npz *npz = golden_open(ctx, "metrics/degenerate");
  double *memory, uniform[N * C], one_hot[N * C] = {0};
  const metric_rows zeros = golden_rows(ctx, npz, "zero_probs_logits", &memory);
  const metric_split whole = {.parts = 1};
  CHECK_NEAR(score(ctx, &zeros, true, whole, NULL).value, golden_scalar(ctx, npz, "zero_probs_is_1"), 1e-10);
  for (int i = 0; i < N * C; i++) uniform[i] = 1.0 / C;
  for (int i = 0; i < N; i++) one_hot[i * C + i % C] = 1;
  const metric_rows flat = rows_of(N, C, uniform), sure = rows_of(N, C, one_hot);
  CHECK_NEAR(score(ctx, &flat, false, whole, NULL).value, golden_scalar(ctx, npz, "uniform_is_1"), 1e-13);
  CHECK_NEAR(score(ctx, &sure, false, whole, NULL).value, golden_scalar(ctx, npz, "one_hot_is_1"), 1e-13);
  free(memory);
  tr_npz_close(&npz);
}

/* Over many sets of logits the intervals hold the mean score. */
static void coverage(tr_ctx *ctx) {
  enum { TRIALS = 300, N = 400, C = 5 };
  static double x[N * C];
  metric_value found[TRIALS];
  for (int t = 0; t < TRIALS; t++) {
    draw_rows(t, N, C, x);
    for (int i = 0; i < N * C; i++) x[i] *= 3;
    const metric_rows rows = rows_of(N, C, x);
    found[t] = score(ctx, &rows, true, (metric_split){.block = 200}, NULL);
  }
  check_coverage("Inception Score", TRIALS, found, 0.15);
}

static void bad_input(tr_ctx *ctx) {
  double p[] = {0.5, 0.5, 0.7, 0.4, 1.5, -0.5};
  metric_rows rows = rows_of(2, 2, p);
  metric_classes classes = {&rows, false};
  const metric_split whole = {.parts = 1}, both = {.parts = 1, .block = 5}, many = {.parts = 3}, none = {0};
  metric_value out;
  CHECK_ERROR(ctx, metric_inception_score(ctx, &classes, &whole, 1, &out, NULL), TR_E_ARG,
              "row 1 have the sum 1.1");
  rows = rows_of(1, 2, p + 4);
  CHECK_ERROR(ctx, metric_inception_score(ctx, &classes, &whole, 1, &out, NULL), TR_E_ARG,
              "row 0 holds a probability of -0.5");
  classes.logits = true;
  CHECK_ERROR(ctx, metric_inception_score(ctx, &classes, &both, 1, &out, NULL), TR_E_ARG, "one of the two");
  CHECK_ERROR(ctx, metric_inception_score(ctx, &classes, &many, 1, &out, NULL), TR_E_ARG, "one of the two");
  CHECK_ERROR(ctx, metric_inception_score(ctx, &classes, &none, 1, &out, NULL), TR_E_ARG, "one of the two");
  p[4] = NAN;
  CHECK_ERROR(ctx, metric_inception_score(ctx, &classes, &whole, 1, &out, NULL), TR_E_NONFINITE, "row 0");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  by_hand(ctx);
  goldens(ctx);
  degenerate(ctx);
  coverage(ctx);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
