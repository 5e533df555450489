/* The clock of the benches. */
#ifndef TR_TESTS_SECONDS_H
#define TR_TESTS_SECONDS_H

/* Seconds of a clock that never goes back, from an arbitrary start. */
double seconds_now(void);

#endif
