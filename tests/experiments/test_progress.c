/* The progress line: shares of parts, work that goes back, no more than 100 % and no negative time. */
#include <stdlib.h>

#include "experiments/common/progress.h"
#include "tests/support/check.h"

static const char *line(const progress *p, double t, double elapsed) {
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

int main(void) {
  parts();
  halves();
  small();
  return check_report();
}
