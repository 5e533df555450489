/* A progress bar with the time still needed, on a terminal only: nothing is printed into a pipe or a file.
 */
#ifndef TR_EXPERIMENTS_PROGRESS_H
#define TR_EXPERIMENTS_PROGRESS_H

#include <stdbool.h>

typedef struct {
  bool shown; /* standard error is a terminal */
  double started, printed;
  double done, share; /* work finished before the current part, and the part's share of the whole */
  double from, to;    /* times between which the current part runs */
} progress;

void progress_start(progress *p);
/* The next part of the work: a solve from time `from` to `to` that is `share` of everything (the shares add
 * up to 1).
 */
void progress_part(progress *p, double share, double from, double to);
/* A tr_progress_fn; user is the progress. */
void progress_tick(double t, long n_rhs, void *user);
/* Clears the line. */
void progress_end(progress *p);

#endif
