/* How long a sweep will take: on sweeps whose parts take as long as they do, minute by minute. */
#include "experiments/sweep/forecast.h"
#include "tests/support/check.h"

enum { SETTINGS = 3, SEEDS = 4 };

/* What a part takes in truth: a tight solve 400 evaluations of 25 ms, runs 10 ms an evaluation. */
static const double tight_seconds = 10;
static const long tight_evaluations = 400;
static const double costs[SETTINGS] = {10, 40, 200}; /* the last is said to need 100 */

static double truth(int part) {
  return part == SWEEP_FORECAST_TIGHT ? tight_seconds : 0.01 * costs[part];
}

static void start(tr_ctx *ctx, long tight, long rows, sweep_forecast *f) {
  CHECK_OK(ctx, sweep_forecast_open(ctx, SETTINGS, f));
  f->tight_left = tight;
  for (int i = 0; i < SETTINGS; i++)
    f->runs[i] = (sweep_forecast_runs){.left = rows, .cost = fmin(costs[i], 100)};
}

typedef struct {
  double now, all; /* seconds, of which all are needed */
  double worst;    /* the largest error of an estimate, in parts of what is left in truth */
  double early;    /* the same within the first tenth */
} watch;

/* One part, looked at ten times. */
static void live(sweep_forecast *f, int part, watch *w) {
  long evaluations = part == SWEEP_FORECAST_TIGHT ? tight_evaluations : (long)costs[part];
  sweep_forecast_begin(f, part);
  for (int k = 1; k <= 10; k++) {
    double seconds = truth(part) * k / 10, left = w->all - w->now - seconds;
    double said = sweep_forecast_left(f, seconds, k / 10.0, evaluations * k / 10);
    CHECK(!(said < 0));
    double off = fabs(said - left) / fmax(left, 1);
    if (w->now + seconds < 0.1 * w->all)
      w->early = fmax(w->early, off);
    else
      w->worst = fmax(w->worst, off);
  }
  w->now += truth(part);
  sweep_forecast_end(f, truth(part), evaluations);
}

/* A tight solve for each seed and then its runs. The guess of the first is bettered by what was measured:
 * never 12 seconds that become 28. */
static void whole(tr_ctx *ctx) {
  sweep_forecast f;
  watch w = {.all = SEEDS * tight_seconds};
  for (int i = 0; i < SETTINGS; i++) w.all += SEEDS * truth(i);
  start(ctx, SEEDS, SEEDS, &f);
  CHECK(isnan(sweep_forecast_left(&f, 0, 0, 0)));
  for (int seed = 0; seed < SEEDS; seed++) {
    live(&f, SWEEP_FORECAST_TIGHT, &w);
    for (int i = 0; i < SETTINGS; i++) live(&f, i, &w);
  }
  printf("largest error: %.2f, in the first tenth %.2f\n", w.worst, w.early);
  CHECK(w.worst < 0.2 && w.early < 0.3);
  CHECK_NEAR(w.now, w.all, 1e-9);
  CHECK(sweep_forecast_left(&f, 0, 1, 0) == 0);
  sweep_forecast_free(&f);
}

/* All but the last rows are there, and no tight solve is needed: what is left is a few runs, not a solve. */
static void resumed(tr_ctx *ctx) {
  sweep_forecast f;
  watch w = {.all = truth(0) + truth(1) + truth(2)};
  start(ctx, 0, 1, &f);
  live(&f, 0, &w);
  CHECK(sweep_forecast_left(&f, 0, 0, 0) < w.all);
  live(&f, 1, &w);
  live(&f, 2, &w);
  CHECK(sweep_forecast_left(&f, 0, 1, 0) == 0);
  sweep_forecast_free(&f);
  /* One tight solve and one row, the solve being most of it. */
  start(ctx, 1, 0, &f);
  f.runs[0].left = 1;
  w = (watch){.all = tight_seconds + truth(0)};
  live(&f, SWEEP_FORECAST_TIGHT, &w);
  live(&f, 0, &w);
  CHECK(w.worst < 0.3 && w.early < 0.3);
  sweep_forecast_free(&f);
}

int main(void) {
  tr_ctx *ctx;
  CHECK(tr_ctx_open("cpu", 0, &ctx, NULL) == TR_OK);
  whole(ctx);
  resumed(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
