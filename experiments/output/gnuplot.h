/* Pictures by gnuplot: the beginning of a script, and running it where gnuplot is installed. */
#ifndef TR_EXPERIMENTS_OUTPUT_GNUPLOT_H
#define TR_EXPERIMENTS_OUTPUT_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/* The text as it may be shown (core/text.h), at most 1023 bytes of it, between single quotes: within double
 * ones gnuplot would run what stands in backquotes. */
void gnuplot_quoted(FILE *out, const char *text);

/* The variable `data` ("base.dat"), the PNG terminal 1100 wide, the output "base.png", the title. */
void gnuplot_begin(FILE *out, const char *base, int height, const char *title);

/* "0072b2": the i-th of seven colours, from the first again after them. */
const char *gnuplot_colour(int i);

/* Runs `gnuplot script` in the folder. False when there is no gnuplot or it fails. */
bool gnuplot_draw(const char *folder, const char *script);

#endif
