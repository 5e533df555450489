/* The rows of a sweep taken together over the seeds. */
#ifndef TR_EXPERIMENTS_SWEEP_REPORT_SUMMARY_H
#define TR_EXPERIMENTS_SWEEP_REPORT_SUMMARY_H

#include "experiments/common/intervals.h"
#include "experiments/sweep/rows.h"

/* Of one path and setting. Errors are of the runs that ended well. */
typedef struct {
  int n, n_ok;
  double nfe, accepted, rejected, wall_seconds; /* means */
  stat_interval error;                          /* ODE: rms, or relative for a checkpoint */
  stat_interval mean_bias, cov_bias;            /* freed of sampling noise, as stat_bias2 does */
  stat_interval sw2, sw2_floor;
} sweep_point;

tr_status sweep_summarise(tr_ctx *ctx, const sweep_rows *rows, bool relative, int path, int setting,
                          sweep_point *out);

/* What the error of an ODE run is, and what samples stand for the law, "exact" or "tight": of an exact target
 * or a checkpoint, in words. */
const char *sweep_error_words(const sweep_options *options);
const char *sweep_samples_word(const sweep_options *options);

/* table.md */
tr_status sweep_write_table(tr_ctx *ctx, const sweep_rows *rows, const sweep_options *options,
                            const char *file);

/* The pictures, each NAME.gp, NAME.dat and, by gnuplot, NAME.png. Without gnuplot *drawn is false and the
 * others are there. *n: how many. */
tr_status sweep_write_plots(tr_ctx *ctx, const sweep_rows *rows, const sweep_options *options, int *n,
                            bool *drawn);

#endif
