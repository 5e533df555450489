/* A progress bar with the time still needed, on a terminal only: nothing goes into a pipe or a file. */
#ifndef TR_EXPERIMENTS_COMMON_PROGRESS_H
#define TR_EXPERIMENTS_COMMON_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  bool shown; /* standard error is a terminal */
  double started, printed;
  double done, share; /* work finished before the current part, and the part's share of the whole */
  double from, to;    /* times between which the current part runs */
} progress;

void progress_start(progress *p);
/* The next part of the work: a solve from time `from` to `to` that is `share` of everything; the shares add
 * up to 1. */
void progress_part(progress *p, double share, double from, double to);
/* The same after `done` of everything: for work that goes back when a part of it fails. */
void progress_at(progress *p, double done, double share, double from, double to);
/* What a terminal shows at time t of the part, `elapsed` seconds after the start: never above 100 %, nor a
 * negative time. */
void progress_line(const progress *p, double t, long n_rhs, double elapsed, char *text, size_t size);
/* A tr_progress_fn; user is the progress. */
void progress_tick(double t, long n_rhs, void *user);
/* Clears the line. */
void progress_end(progress *p);

#endif
