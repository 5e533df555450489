/* The clocks of the benches, and the middle of what they told. */
#ifndef TR_TESTS_SECONDS_H
#define TR_TESTS_SECONDS_H

#include <stdint.h>

/* Seconds of a clock that never goes back, from an arbitrary start. */
double seconds_now(void);

/* Seconds that this process has had of the processors so far, all threads together. */
double seconds_of_processors(void);

/* The median of n >= 1 numbers, which are in rising order afterwards. */
double median(double *x, int64_t n);

#endif
