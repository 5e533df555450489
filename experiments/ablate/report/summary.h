/* The trainings of an ablation taken together over the seeds. */
#ifndef TR_EXPERIMENTS_ABLATE_REPORT_SUMMARY_H
#define TR_EXPERIMENTS_ABLATE_REPORT_SUMMARY_H

#include "experiments/ablate/rows.h"
#include "experiments/ablate/target.h"
#include "experiments/common/intervals.h"

/* A cell's number over the seeds that have it; n 0: none has. */
stat_interval ablate_mean(const ablate_rows *rows, int cell, ablate_number number);
/* A cell's number minus another's, or another number of its own, seed by seed. */
stat_interval ablate_difference(const ablate_rows *rows, int cell, ablate_number number, int other,
                                ablate_number of_other);
/* Evaluations of the field a sample, on average over all trainings that drew any; NaN: none did. */
double ablate_mean_nfe(const ablate_rows *rows, bool sde);
/* How many trainings of a cell ended well. */
int ablate_sound(const ablate_rows *rows, int cell);

/* How a cell stands in a column of errors. ABLATE_BEST: its mean is the least, and the intervals of the
 * differences, seed by seed, from all others are above 0. ABLATE_CLOSE: the interval of its difference from
 * the least mean holds 0, or that mean is its own. Cells of which a seed failed do not take part, and a
 * single seed tells nothing. */
typedef enum { ABLATE_PLAIN, ABLATE_CLOSE, ABLATE_BEST } ablate_rank;
ablate_rank ablate_rank_of(const ablate_rows *rows, int cell, ablate_number number);

/* What a report is of. */
typedef struct {
  tr_ctx *ctx;
  const ablate_rows *rows;
  const ablate_options *options;
  const ablate_target *target;
  int64_t parameters; /* of a network */
} ablate_report;

/* The columns of errors that it has: samples by ODE and SDE, then ABLATE_KL or ABLATE_BPD. */
enum { ABLATE_ERRORS = 3 };
void ablate_errors_of(const ablate_report *report, ablate_number numbers[ABLATE_ERRORS]);

/* table.md */
tr_status ablate_write_table(const ablate_report *report);
/* errors.dat and errors.gp, and by gnuplot errors.png, which *drawn says. */
tr_status ablate_write_plot(const ablate_report *report, bool *drawn);

#endif
