/* A progress bar with the time still needed, on a terminal only. Into a pipe or a file goes nothing, or a
 * line now and then where a command asks for it. */
#ifndef TR_EXPERIMENTS_COMMON_PROGRESS_H
#define TR_EXPERIMENTS_COMMON_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  bool shown; /* standard error is a terminal */
  double started, printed;
  double done, share; /* work finished before the current part, and the part's share of the whole */
  double from, to;    /* times between which the current part runs */
  double before;      /* of `done`, what a run of before had done: it took none of this one's time */
  /* OPTIONAL, all set after progress_start: */
  const char *unit; /* what is counted; NULL: evaluations */
  char what[96];    /* the part in words */
  double heartbeat; /* seconds between two lines off a terminal; 0: there are none */
  const char *name; /* "transit sweep": how these begin */
  /* Seconds until all is done, when the part has taken `seconds` and `evaluations` for that fraction of its
   * way; NULL: by the shares. */
  double (*left)(const void *user, double seconds, double fraction, long evaluations);
  const void *left_user;
  double part_started, most; /* most: of everything, shown so far */
} progress;
#define PROGRESS_HEARTBEAT 60

void progress_start(progress *p);
/* The next part of the work: a solve from time `from` to `to` that is `share` of everything; the shares add
 * up to 1. */
void progress_part(progress *p, double share, double from, double to);
/* The same after `done` of everything: for work that goes back when a part of it fails. */
void progress_at(progress *p, double done, double share, double from, double to);
/* What a terminal shows at time t of the part, `elapsed` seconds after the start: never above 100 %, nor a
 * negative time. With `left`, and the part in words, at most 78 columns; the percentage is that of the time,
 * and never goes back. */
void progress_line(progress *p, double t, long n_rhs, double elapsed, char *text, size_t size);
/* A tr_progress_fn; user is the progress. */
void progress_tick(double t, long n_rhs, void *user);
/* Clears the line. */
void progress_end(progress *p);

#endif
