/* The progress line: shares of parts, work that goes back, no more than 100 % and no negative time. */
#include <stdlib.h>

#include "experiments/common/progress.h"
#include "tests/support/check.h"

static const char *line(progress *p, double t, double elapsed) {
  static char text[160];
  progress_line(p, t, 24, elapsed, text, sizeof text);
  return text;
}

static double percent(const char *text) {
  return strtod(strchr(text, ']') + 1, NULL);
}

static void parts(void) {
  progress p = {0};
  progress_part(&p, 0.25, 0, 1);
  CHECK(strcmp(line(&p, 0, 3), "[....................]   0 %  24 evaluations  ") == 0);
  CHECK(strcmp(line(&p, 1, 3), "[#####...............]  25 %  24 evaluations  9 s left  ") == 0);
  progress_part(&p, 0.75, 1, 0); /* backward in time */
  CHECK(percent(line(&p, 1, 3)) == 25 && percent(line(&p, 0.8, 3)) == 40);
  CHECK(strcmp(line(&p, 0, 3), "[####################] 100 %  24 evaluations  0 s left  ") == 0);
  CHECK(percent(line(&p, -0.1, 3)) == 100 && percent(line(&p, 1.1, 3)) == 25);
  progress_part(&p, 0.5, 0, 1);
  CHECK(strcmp(line(&p, 1, 3), "[####################] 100 %  24 evaluations  0 s left  ") == 0);
  p = (progress){.before = 0.6, .done = 0.6}; /* a run that goes on: its time is that of the rest alone */
  progress_part(&p, 0.1, 0, 1);
  CHECK(strcmp(line(&p, 0, 3), "[############........]  60 %  24 evaluations  ") == 0);
  CHECK(strcmp(line(&p, 1, 3), "[##############......]  70 %  24 evaluations  9 s left  ") == 0);
  p = (progress){0};
  progress_part(&p, 1, 0, 1);
  p.unit = "steps";
  CHECK(strcmp(line(&p, 1, 3), "[####################] 100 %  24 steps  0 s left  ") == 0);
}

/* Each part begins where those before it end, whatever their shares. */
static void sums(void) {
  progress p = {0};
  progress_part(&p, 0.1, 0, 1);
  progress_part(&p, 0.3, 0, 1);
  progress_part(&p, 0.6, 0, 1);
  CHECK(percent(line(&p, 0, 3)) == 40 && percent(line(&p, 0.5, 3)) == 70);
}

/* A batch of 24 that fails and is halved down to its last input begins each half where it stands. */
static void halves(void) {
  progress p = {0};
  double last = 0;
  for (int n = 24, first = 0; n >= 1; first += n / 2, n -= n / 2) {
    progress_at(&p, first / 24.0, n / 24.0, 1, 0);
    CHECK(percent(line(&p, 1, 3)) == rint(first / 0.24) && percent(line(&p, 0, 3)) == 100);
    if (n > 1) progress_at(&p, first / 24.0, n / 2 / 24.0, 1, 0);
    CHECK(percent(line(&p, 0.5, 3)) <= 100 && percent(line(&p, 0.5, 3)) >= last);
    last = percent(line(&p, 1, 3));
    if (n == 1) break;
  }
}

/* Text that does not fit is cut, not overrun. */
static void small(void) {
  progress p = {.share = 1, .to = 1};
  for (size_t size = 1; size < 60; size++) {
    char *text = malloc(size);
    progress_line(&p, 0.5, 1234567, 100, text, size);
    CHECK(strlen(text) < size);
    free(text);
  }
}

/* ---- with a forecast ---- */

static double seconds_left = 30;

static double forecast(const void *user, double seconds, double fraction, long evaluations) {
  CHECK(user == &seconds_left && seconds >= 0 && fraction >= 0 && fraction <= 1 && evaluations == 24);
  return seconds_left;
}

static progress with_forecast(const char *what) {
  progress p = {.left = forecast, .left_user = &seconds_left, .name = "transit test", .to = 1};
  snprintf(p.what, sizeof p.what, "%s", what);
  return p;
}

/* The percentage is that of the time and never goes back; a long text does not break the line. */
static void named(void) {
  progress p = with_forecast("row 7 of 36: heun2, 32 steps, Linear, seed 3");
  seconds_left = 30;
  CHECK(strcmp(line(&p, 0.5, 10),
               "[##........]  25 %  row 7 of 36: heun2, 32 steps, Linear, seed 3, 30 s left") == 0);
  seconds_left = 90;
  CHECK(strcmp(line(&p, 0.5, 10),
               "[##........]  25 %  row 7 of 36: heun2, 32 steps, Linear, seed 3, 90 s left") == 0);
  seconds_left = NAN;
  CHECK(strcmp(line(&p, 0.5, 10), "[##........]  25 %  row 7 of 36: heun2, 32 steps, Linear, seed 3") == 0);
  memset(p.what, 'x', sizeof p.what - 1);
  seconds_left = 1234567;
  CHECK(strlen(line(&p, 0.5, 10)) == 78 && strstr(line(&p, 0.5, 10), "x, 1234567 s left"));
}

/* Off a terminal: nothing before the first heartbeat is due, and then one line each. */
static void heartbeat(const char *file) {
  CHECK(freopen(file, "w", stderr) != NULL);
  progress p;
  progress_start(&p);
  CHECK(!p.shown);
  snprintf(p.what, sizeof p.what, "row 2 of 3");
  p.left = forecast, p.left_user = &seconds_left, p.name = "transit test", p.heartbeat = 1000;
  seconds_left = 60;
  progress_tick(0.5, 24, &p);
  p.started -= 1500;
  progress_tick(0.5, 24, &p);
  progress_tick(0.5, 24, &p);
  p.printed -= 1500;
  progress_tick(0.5, 24, &p);
  p.heartbeat = 0;
  p.printed -= 1500;
  progress_tick(0.5, 24, &p);
  progress_end(&p);
  fflush(stderr);
  char text[256] = "";
  FILE *said = fopen(file, "r");
  CHECK(said != NULL);
  for (int i = 0; i < 2; i++)
    CHECK(fgets(text, sizeof text, said) && strstr(text, "transit test: 96 %  row 2 of 3, 60 s left\n"));
  CHECK(fgets(text, sizeof text, said) == NULL);
  fclose(said);
  remove(file);
}

int main(void) {
  parts();
  sums();
  halves();
  small();
  named();
  heartbeat("test_progress.stderr");
  return check_report();
}
