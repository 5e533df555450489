/* When two times of a run are the same. */
#ifndef TR_INTEGRATORS_SAME_TIME_PRIVATE_H
#define TR_INTEGRATORS_SAME_TIME_PRIVATE_H

#include <math.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of the length of the run. Points of a grid, breaks, output times and ends of steps are computed in
 * different ways (as multiples of a step, as sums, through another clock and back) and then differ by a few
 * roundings, a part in 10^14 of the run at most. A hundred times that is still far below any step that is
 * meant, and far above what a double resolves. */
#define TR_SAME_TIME 1e-12

static inline bool tr_same_time(double a, double b, double length) {
  return fabs(a - b) <= TR_SAME_TIME * length;
}

#ifdef __cplusplus
}
#endif

#endif
