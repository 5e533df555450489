/* How long a sweep will still take: what is left is counted, what is done was timed. */
#ifndef TR_EXPERIMENTS_SWEEP_FORECAST_H
#define TR_EXPERIMENTS_SWEEP_FORECAST_H

#include <stdbool.h>

#include "core/context.h"

/* Runs of one setting, each of about `cost` evaluations. */
typedef struct {
  long left, done;
  double cost, seconds; /* of those done */
} sweep_forecast_runs;

typedef struct {
  int n_settings;
  sweep_forecast_runs *runs; /* (n_settings) */
  long tight_left, tight_done;
  double tight_seconds, tight_evaluations; /* of those done */
  int part;                                /* what is going on: a setting, SWEEP_FORECAST_TIGHT, or none */
} sweep_forecast;
enum { SWEEP_FORECAST_NONE = -1, SWEEP_FORECAST_TIGHT = -2 };

/* All counts 0; sweep_forecast_free in any case. */
tr_status sweep_forecast_open(tr_ctx *ctx, int n_settings, sweep_forecast *out);
void sweep_forecast_free(sweep_forecast *forecast);

/* A run of this setting, or a tight solve, begins (it is left no more), and ends after so long. */
void sweep_forecast_begin(sweep_forecast *forecast, int part);
void sweep_forecast_end(sweep_forecast *forecast, double seconds, long evaluations);

/* Seconds until all is done, when the part going on has taken `seconds` and `evaluations` for that fraction
 * of its way; NaN while there is nothing to tell it by. */
double sweep_forecast_left(const sweep_forecast *forecast, double seconds, double fraction, long evaluations);

#endif
