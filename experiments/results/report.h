/* What reports of results share: files written whole, cells of a table in Markdown. */
#ifndef TR_EXPERIMENTS_RESULTS_REPORT_H
#define TR_EXPERIMENTS_RESULTS_REPORT_H

#include <stdio.h>

#include "core/context.h"
#include "experiments/common/intervals.h"

/* Writes `path` by fill(out, user), whole or not at all; signals wait meanwhile. What a killed process had
 * half written of it goes. */
tr_status report_write(tr_ctx *ctx, const char *path, tr_status (*fill)(FILE *out, void *user), void *user);

/* The line below the heading of a table: columns of texts, then of numbers. */
void report_rule(FILE *out, int texts, int numbers);
/* " 1.2 |" by a format for one number; " - |" for NaN. */
void report_number(FILE *out, const char *format, double value);
/* "0.12 [0.11, 0.13]", the mean alone where one value has no interval, "-" where there is none; of so
 * many digits. No end is shown below `least`. */
void report_interval(FILE *out, stat_interval i, double least, int digits);

#endif
