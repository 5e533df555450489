#include "tests/support/seconds.h"

#include <stdlib.h>
#include <time.h>

static double seconds_by(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double seconds_now(void) {
  return seconds_by(CLOCK_MONOTONIC);
}

double seconds_of_processors(void) {
  return seconds_by(CLOCK_PROCESS_CPUTIME_ID);
}

static int rising(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double median(double *x, int64_t n) {
  qsort(x, (size_t)n, sizeof *x, rising);
  return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}
