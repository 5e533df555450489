#include "experiments/common/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "experiments/common/program.h"

void progress_start(progress *p) {
  double now = program_seconds();
  *p = (progress){.shown = isatty(STDERR_FILENO), .started = now, .part_started = now};
}

void progress_at(progress *p, double done, double share, double from, double to) {
  p->done = done;
  p->share = share;
  p->from = from;
  p->to = to;
  p->part_started = program_seconds();
}

void progress_part(progress *p, double share, double from, double to) {
  progress_at(p, p->done + p->share, share, from, to);
}

#define COLUMNS 78
static const char full[] = "####################", empty[] = "....................";

static double fraction_of(const progress *p, double t) {
  double part = p->to != p->from ? (t - p->from) / (p->to - p->from) : 1;
  return fmin(1, fmax(0, part));
}

/* "25 %  row 7 of 36: heun2, 32 steps, 9 s left" by what the part has taken so far. */
static void by_forecast(progress *p, double t, long n_rhs, double elapsed, bool bar, char *text,
                        size_t size) {
  double spent = program_seconds() - p->part_started;
  double left = p->left(p->left_user, spent, fraction_of(p, t), n_rhs);
  char time[40] = "", head[48] = "";
  if (isfinite(left)) p->most = fmax(p->most, elapsed / fmax(elapsed + left, 1e-9));
  if (isfinite(left)) snprintf(time, sizeof time, ", %.0f s left", left);
  int filled = (int)(10 * p->most);
  if (bar) snprintf(head, sizeof head, "[%.*s%.*s] ", filled, full, 10 - filled, empty);
  int room = (bar ? COLUMNS : (int)sizeof p->what + COLUMNS) - (int)strlen(head) - 7 - (int)strlen(time);
  snprintf(text, size, "%s%3.0f %%  %.*s%s", head, 100 * p->most, room, p->what, time);
}

static void by_shares(const progress *p, double t, long n_rhs, double elapsed, char *text, size_t size) {
  double done = fmin(1, fmax(0, p->done + p->share * fraction_of(p, t)));
  const char *unit = p->unit ? p->unit : n_rhs == 1 ? "evaluation" : "evaluations";
  int filled = (int)(20 * done);
  int used = snprintf(text, size, "[%.*s%.*s] %3.0f %%  %ld %s  ", filled, full, 20 - filled, empty,
                      100 * done, n_rhs, unit);
  const double here = done - p->before; /* in this run's time */
  if (here > 0.01 * (1 - p->before) && used > 0 && (size_t)used < size)
    snprintf(text + used, size - (size_t)used, "%.0f s left  ", elapsed * (1 - done) / here);
}

void progress_line(progress *p, double t, long n_rhs, double elapsed, char *text, size_t size) {
  if (p->left)
    by_forecast(p, t, n_rhs, elapsed, true, text, size);
  else
    by_shares(p, t, n_rhs, elapsed, text, size);
}

/* Off a terminal: a line now and then. */
static void beat(progress *p, double t, long n_rhs, double now) {
  char text[256];
  if (!p->left || p->heartbeat <= 0 || now - fmax(p->printed, p->started) < p->heartbeat) return;
  p->printed = now;
  by_forecast(p, t, n_rhs, now - p->started, false, text, sizeof text);
  fprintf(stderr, "%s: %s\n", p->name, text + strspn(text, " "));
}

void progress_tick(double t, long n_rhs, void *user) {
  progress *p = user;
  double now = program_seconds();
  char line[160];
  if (!p->shown) beat(p, t, n_rhs, now);
  if (!p->shown || now - p->printed < 0.1) return;
  p->printed = now;
  progress_line(p, t, n_rhs, now - p->started, line, sizeof line);
  fprintf(stderr, "\r%-*s", p->left ? COLUMNS : 0, line);
  fflush(stderr);
}

void progress_end(progress *p) {
  if (p->shown && p->printed > 0) fprintf(stderr, "\r%*s\r", COLUMNS, "");
  p->shown = false;
  p->heartbeat = 0;
}
