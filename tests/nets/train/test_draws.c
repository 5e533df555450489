/* Draws of training by address: rows of any cut get the same numbers, laws have their moments and ends;
 * rates of a schedule. */
#include <stdlib.h>

#include "core/data/order.h"
#include "nets/train/draws.h"
#include "nets/train/schedule.h"
#include "tests/support/check.h"

enum { N = 20000 };

static void cut(tr_ctx *ctx, const tr_time_law *law) {
  static double whole[N], part[N];
  tr_train_rows rows = {.seed = 7, .step = 3, .n = N, .global = N};
  CHECK_OK(ctx, tr_draw_times(ctx, &rows, law, whole));
  for (int64_t first = 0; first < N; first += 777) {
    rows.first = first;
    rows.n = first + 777 < N ? 777 : N - first;
    CHECK_OK(ctx, tr_draw_times(ctx, &rows, law, part + first));
  }
  CHECK(!memcmp(whole, part, sizeof whole));
  rows = (tr_train_rows){.seed = 7, .step = 4, .n = N, .global = N};
  CHECK_OK(ctx, tr_draw_times(ctx, &rows, law, part));
  CHECK(memcmp(whole, part, sizeof whole) != 0);
}

static void moments(tr_ctx *ctx, const tr_time_law *law, double mean, double variance, double tolerance) {
  static double t[N];
  double sum = 0, squares = 0;
  const tr_train_rows rows = {.seed = 1, .step = 0, .n = N, .global = N};
  CHECK_OK(ctx, tr_draw_times(ctx, &rows, law, t));
  for (int i = 0; i < N; i++) {
    CHECK(t[i] >= law->t0 && t[i] <= law->t1);
    sum += t[i];
    squares += t[i] * t[i];
  }
  CHECK_NEAR(sum / N, mean, tolerance);
  CHECK_NEAR(squares / N - sum / N * sum / N, variance, tolerance);
}

static void stratified(tr_ctx *ctx) {
  double t[100];
  const tr_time_law law = {.sampling = TR_TIMES_STRATIFIED, .t0 = 0, .t1 = 1};
  const tr_train_rows rows = {.seed = 1, .step = 9, .first = 50, .n = 50, .global = 100};
  CHECK_OK(ctx, tr_draw_times(ctx, &rows, &law, t));
  for (int i = 0; i < 50; i++) CHECK(t[i] >= (50 + i) / 100. && t[i] <= (51 + i) / 100.);
}

static void coins(tr_ctx *ctx) {
  static int32_t labels[N];
  int dropped = 0, flipped = 0, both = 0;
  const tr_train_rows rows = {.seed = 1, .step = 0, .n = N, .global = N};
  for (int i = 0; i < N; i++) labels[i] = i % 10;
  CHECK_OK(ctx, tr_draw_dropout(ctx, &rows, 0.1, 10, labels));
  for (int i = 0; i < N; i++) {
    CHECK(labels[i] == 10 || labels[i] == i % 10);
    dropped += labels[i] == 10;
    const bool flip = tr_draw_flip(1, 0, i);
    flipped += flip;
    both += labels[i] == 10 && flip;
  }
  CHECK_NEAR(dropped, 0.1 * N, 5 * sqrt(0.09 * N));
  CHECK_NEAR(flipped, 0.5 * N, 5 * sqrt(0.25 * N));
  CHECK_NEAR(both, 0.05 * N, 5 * sqrt(0.05 * N));
  CHECK_OK(ctx, tr_draw_dropout(ctx, &rows, 0, 77, labels));
  for (int i = 0; i < N; i++) CHECK(labels[i] != 77);
  CHECK_OK(ctx, tr_draw_dropout(ctx, &rows, 1, 77, labels));
  for (int i = 0; i < N; i++) CHECK(labels[i] == 77);
}

static void refused(tr_ctx *ctx) {
  double t[4];
  const tr_time_law law = {.t0 = 0, .t1 = 1};
  tr_time_law bad = law;
  const tr_train_rows rows = {.n = 4, .global = 4};
  tr_train_rows beyond = rows;
  beyond.first = 1;
  CHECK_ERROR(ctx, tr_draw_times(ctx, &beyond, &law, t), TR_E_ARG, "rows 1 to 5 of a batch of 4");
  beyond = rows, beyond.step = -1;
  CHECK_ERROR(ctx, tr_draw_times(ctx, &beyond, &law, t), TR_E_ARG, "step -1");
  bad.t1 = 2;
  CHECK_ERROR(ctx, tr_draw_times(ctx, &rows, &bad, t), TR_E_ARG, "between 0 and 2");
  bad = law, bad.sampling = TR_TIMES_LOGIT_NORMAL;
  CHECK_ERROR(ctx, tr_draw_times(ctx, &rows, &bad, t), TR_E_ARG, "deviation");
  bad = law, bad.sampling = (tr_time_sampling)9;
  CHECK_ERROR(ctx, tr_draw_times(ctx, &rows, &bad, t), TR_E_ARG, "no law of times 9");
  int32_t labels[4] = {0};
  CHECK_ERROR(ctx, tr_draw_dropout(ctx, &rows, 1.5, 1, labels), TR_E_ARG, "1.5");
}

static void schedules(void) {
  tr_schedule s = {.kind = TR_SCHEDULE_CONSTANT, .rate = 2, .warmup = 4};
  CHECK(tr_schedule_rate(&s, 0) == 0.5 && tr_schedule_rate(&s, 3) == 2 && tr_schedule_rate(&s, 1000) == 2);
  s = (tr_schedule){.kind = TR_SCHEDULE_COSINE, .rate = 2, .warmup = 2, .steps = 10};
  CHECK(tr_schedule_rate(&s, 0) == 1 && tr_schedule_rate(&s, 2) == 2 && tr_schedule_rate(&s, 10) == 0);
  CHECK_NEAR(tr_schedule_rate(&s, 6), 1, 1e-15);
  CHECK_NEAR(tr_schedule_rate(&s, 4), 1 + sqrt(0.5), 1e-15);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  const tr_time_law uniform = {.t0 = 0.1, .t1 = 0.9},
                    stratum = {.sampling = TR_TIMES_STRATIFIED, .t0 = 0, .t1 = 1},
                    normal = {.sampling = TR_TIMES_LOGIT_NORMAL, .mean = 0, .deviation = 1, .t0 = 0, .t1 = 1};
  cut(ctx, &uniform);
  cut(ctx, &stratum);
  cut(ctx, &normal);
  moments(ctx, &uniform, 0.5, 0.64 / 12, 5e-3);
  moments(ctx, &stratum, 0.5, 1 / 12., 1e-4);
  moments(ctx, &normal, 0.5, 0.0433794, 5e-3); /* of a logit-normal (0, 1), by quadrature */
  stratified(ctx);
  coins(ctx);
  refused(ctx);
  schedules();
  tr_ctx_close(&ctx);
  return check_report();
}
