#include "experiments/sweep/forecast.h"

#include <math.h>
#include <stdlib.h>

/* Evaluations of a tight solve, before one was made. */
#define TIGHT_EVALUATIONS 1000
/* From here on the fraction done of a part tells how long it takes. */
#define TELLING 0.05

tr_status sweep_forecast_open(tr_ctx *ctx, int n_settings, sweep_forecast *out) {
  *out = (sweep_forecast){.n_settings = n_settings, .part = SWEEP_FORECAST_NONE};
  out->runs = calloc((size_t)n_settings, sizeof *out->runs);
  return out->runs ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for %d settings", n_settings);
}

void sweep_forecast_free(sweep_forecast *f) {
  free(f->runs);
  f->runs = NULL;
}

void sweep_forecast_begin(sweep_forecast *f, int part) {
  f->part = part;
  if (part == SWEEP_FORECAST_TIGHT)
    f->tight_left -= f->tight_left > 0;
  else
    f->runs[part].left -= f->runs[part].left > 0;
}

void sweep_forecast_end(sweep_forecast *f, double seconds, long evaluations) {
  if (f->part == SWEEP_FORECAST_TIGHT) {
    f->tight_done++;
    f->tight_seconds += seconds;
    f->tight_evaluations += (double)evaluations;
  } else if (f->part >= 0) {
    f->runs[f->part].done++;
    f->runs[f->part].seconds += seconds;
  }
  f->part = SWEEP_FORECAST_NONE;
}

/* Seconds of a part that has come so far, by its own pace. */
static double by_pace(double seconds, double fraction) {
  return fraction > TELLING ? seconds / fraction : NAN;
}

static double seconds_a_cost(const sweep_forecast *f, double seconds, double fraction, long evaluations) {
  double spent = 0, cost = 0;
  for (int i = 0; i < f->n_settings; i++) {
    spent += f->runs[i].seconds;
    cost += f->runs[i].cost * (double)f->runs[i].done;
  }
  if (cost > 0) return spent / cost;
  if (f->part >= 0) return by_pace(seconds, fraction) / f->runs[f->part].cost;
  bool tight = f->part == SWEEP_FORECAST_TIGHT;
  return (f->tight_seconds + (tight ? seconds : 0)) /
         (f->tight_evaluations + (tight ? (double)evaluations : 0));
}

static double of_run(const sweep_forecast *f, int setting, double rate) {
  const sweep_forecast_runs *r = &f->runs[setting];
  return r->done ? r->seconds / (double)r->done : r->cost * rate;
}

static double of_tight(const sweep_forecast *f, double seconds, double fraction, double rate) {
  if (f->tight_done) return f->tight_seconds / (double)f->tight_done;
  return f->part == SWEEP_FORECAST_TIGHT ? by_pace(seconds, fraction) : TIGHT_EVALUATIONS * rate;
}

/* Of the part going on. Once it has come some way its own pace has a say. */
static double of_part(double expected, double seconds, double fraction) {
  double pace = by_pace(seconds, fraction), whole = expected;
  if (isfinite(pace)) whole = isfinite(expected) ? (1 - fraction) * expected + fraction * pace : pace;
  return fmax(0, whole - seconds);
}

double sweep_forecast_left(const sweep_forecast *f, double seconds, double fraction, long evaluations) {
  double rate = seconds_a_cost(f, seconds, fraction, evaluations);
  double tight = of_tight(f, seconds, fraction, rate), left = 0;
  if (f->tight_left > 0) left += (double)f->tight_left * tight;
  for (int i = 0; i < f->n_settings; i++)
    if (f->runs[i].left > 0) left += (double)f->runs[i].left * of_run(f, i, rate);
  if (f->part == SWEEP_FORECAST_TIGHT) left += of_part(tight, seconds, fraction);
  if (f->part >= 0) left += of_part(of_run(f, f->part, rate), seconds, fraction);
  return left;
}
