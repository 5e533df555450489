#include "experiments/progress.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "experiments/program.h"

void progress_start(progress *p) {
  *p = (progress){.shown = isatty(STDERR_FILENO), .started = program_seconds()};
}

void progress_part(progress *p, double share, double from, double to) {
  p->done += p->share;
  p->share = share;
  p->from = from;
  p->to = to;
}

void progress_tick(double t, long n_rhs, void *user) {
  progress *p = user;
  double now = program_seconds();
  if (!p->shown || now - p->printed < 0.1) return;
  p->printed = now;
  double part = p->to != p->from ? (t - p->from) / (p->to - p->from) : 1;
  double done = p->done + p->share * (part < 0 ? 0 : part > 1 ? 1 : part);
  static const char full[] = "####################", empty[] = "....................";
  int filled = (int)(20 * fmin(1, fmax(0, done)));
  fprintf(stderr, "\r[%.*s%.*s] %3.0f %%  %ld evaluations  ", filled, full, 20 - filled, empty, 100 * done,
          n_rhs);
  if (done > 0.01) fprintf(stderr, "%.0f s left  ", (now - p->started) * (1 - done) / done);
  fflush(stderr);
}

void progress_end(progress *p) {
  if (p->shown && p->printed > 0) fprintf(stderr, "\r%78s\r", "");
  p->shown = false;
}
