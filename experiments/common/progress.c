#include "experiments/common/progress.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "experiments/common/program.h"

void progress_start(progress *p) {
  *p = (progress){.shown = isatty(STDERR_FILENO), .started = program_seconds()};
}

void progress_at(progress *p, double done, double share, double from, double to) {
  p->done = done;
  p->share = share;
  p->from = from;
  p->to = to;
}

void progress_part(progress *p, double share, double from, double to) {
  progress_at(p, p->done + p->share, share, from, to);
}

void progress_line(const progress *p, double t, long n_rhs, double elapsed, char *text, size_t size) {
  static const char full[] = "####################", empty[] = "....................";
  double part = p->to != p->from ? (t - p->from) / (p->to - p->from) : 1;
  double done = fmin(1, fmax(0, p->done + p->share * fmin(1, fmax(0, part))));
  int filled = (int)(20 * done);
  int used = snprintf(text, size, "[%.*s%.*s] %3.0f %%  %ld evaluations  ", filled, full, 20 - filled, empty,
                      100 * done, n_rhs);
  if (done > 0.01 && used > 0 && (size_t)used < size)
    snprintf(text + used, size - (size_t)used, "%.0f s left  ", elapsed * (1 - done) / done);
}

void progress_tick(double t, long n_rhs, void *user) {
  progress *p = user;
  double now = program_seconds();
  char line[160];
  if (!p->shown || now - p->printed < 0.1) return;
  p->printed = now;
  progress_line(p, t, n_rhs, now - p->started, line, sizeof line);
  fprintf(stderr, "\r%s", line);
  fflush(stderr);
}

void progress_end(progress *p) {
  if (p->shown && p->printed > 0) fprintf(stderr, "\r%78s\r", "");
  p->shown = false;
}
