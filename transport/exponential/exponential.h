/* Exponential multistep methods of the probability-flow ODE: one forward a step, exact when the denoiser m
 * and the noise e do not change. Modules of kind "ode-method", for tr_sample_ode.
 *
 * They work on the canonical form (transport/path/interpolant.h), dy/dtheta = F, where y = sin(theta) m +
 * cos(theta) e and F = cos(theta) m - sin(theta) e for every path, so that they are the same for all paths:
 * on the same grid of lambda = ln(alpha / sigma) = ln tan(theta) they give the same x / alpha. With q the
 * quantity that a method extrapolates, m or e, and h = theta' - theta, every step is one linear combination
 *
 *   y' = cos(h) y + sin(h) F + sum_j>0 w_j (q_n-j - q_n),
 *
 * whose weights w_j are the method's table, computed on the host in double. The first part is DDIM (Song et
 * al., arXiv 2010.02502), which is also x' = (sigma'/sigma) x + (alpha' - alpha sigma'/sigma) m = (alpha'/
 * alpha) x + (sigma' - sigma alpha'/alpha) e; written as a rotation it is finite at alpha = 0 and at sigma =
 * 0, in both directions, and ends at sigma = 0 in x = m. The sum is the integral of what the polynomial
 * through the known q adds:
 *
 *   of m   x'/sigma' = x/sigma + int m d(alpha/sigma)      of e   x'/alpha' = x/alpha + int e d(sigma/alpha)
 *
 * The order grows from 1 by one a step, anew in each segment between two breaks of the field (the edges of a
 * guidance interval that are grid points; a break inside a step is extrapolated across).
 *
 * Ends. lambda is -inf at alpha = 0 and inf at sigma = 0, and a step near an end is long in lambda however
 * many there are: polynomials in lambda leave order 2 of a run that reaches an end, whatever its first and
 * last step are, and where sigma is small but not 0 they extrapolate wildly (docs/decisions.md). In theta
 * both m and e are smooth up to both ends; m is even in pi/2 - theta to second order, and so is sin(theta),
 * in which m is extrapolated best. Methods with an `uneven` rule therefore take polynomials in lambda, as
 * published, on grids that are even in lambda (no step above 2, the longest at most 5 times the shortest, but
 * for steps beyond |lambda| = 4) and in sin(theta) on all others. The others use no value where lambda is
 * infinite and take the first and the last step of a run from noise to data at order 1.
 *
 * Start. A rule may correct the first step once F at its end is known, by tan(h/2) times the difference
 * between F there and what DDIM expects: no evaluation, and without it the order would be 2. F at the end is
 * kept, q there follows from both; the second step holds that change of F, which is as good at both ends. A
 * method is a tr_ode_method with TR_ODE_ANGLE whose `detail` is a tr_exponential and whose `solve` is
 * tr_exponential_solve. */
#ifndef TR_TRANSPORT_EXPONENTIAL_EXPONENTIAL_H
#define TR_TRANSPORT_EXPONENTIAL_EXPONENTIAL_H

#include "integrators/ode/ode.h"
#include "transport/drift.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_EXPONENTIAL_POINTS 5

typedef struct {
  /* weight[j], 0 < j < n (others are not read), all 0 on entry, of a step from theta[0] to theta[1] when q is
   * known at theta[0], theta[-1], .. theta[1-n]; 2 <= n <= points, 3 <= n with corrects_start. NULL for
   * points = 1. */
  void (*weights)(const double *theta, int n, double *weight);
  bool corrects_start;
} tr_exponential_rule;

typedef struct {
  tr_quantity of; /* q: TR_DENOISER or TR_NOISE */
  int points;     /* values of q in use, the newest included: 1 .. TR_EXPONENTIAL_POINTS */
  tr_exponential_rule rule;
  tr_exponential_rule uneven; /* on grids that are not even in lambda; weights NULL: `rule` there too */
  double whole_order;         /* of a run from alpha = 0 to sigma = 0; the method's `order` holds between */
} tr_exponential;

/* The `solve` of such a method. Times of the run are angles in [0, pi/2], its state y, its right-hand side F;
 * TR_E_ARG for other angles and for a table that is out of range. */
TR_API tr_status tr_exponential_solve(struct tr_ode_run *run);

/* For tables. theta at an end (integrators/same_time_private.h) has infinite lambda. */
TR_API double tr_angle_lambda(double theta);
/* Adds the weights of the polynomial of degree n - 1 in lambda through m at node[0 .. n-1], integrated
 * exactly from node[base] to theta1: weight[j] belongs to m[j] - m[base]. Nodes with infinite lambda are left
 * out with all after them; nothing is added where lambda at base or theta1 is infinite. n >= 2. */
TR_API void tr_exponential_lambda(const double *node, int n, int base, double theta1, double *weight);
/* The same with a polynomial in another variable u of theta, finite at both ends: nothing is added where
 * lambda at base is infinite; theta1 may be at either end. difference(a, b) = u(a) - u(b). For weights of e,
 * which is to theta what m is to pi/2 - theta, mirror all angles. */
typedef double (*tr_exponential_difference)(double a, double b);
TR_API void tr_exponential_weights(tr_exponential_difference difference, const double *node, int n, int base,
                                   double theta1, double *weight);
/* Of u = theta, and of u = sin(theta). */
TR_API double tr_difference_of_angles(double a, double b);
TR_API double tr_difference_of_sines(double a, double b);
/* The second step after a corrected start: weight of q_n-1 - q_n, q_n the corrected one. */
TR_API double tr_exponential_second(tr_quantity of, const double *theta);
/* DPM-Solver++ 2M: weight of m_n-1 - m_n; 0 where a lambda is infinite. */
TR_API double tr_exponential_2m(const double *theta);

#ifdef __cplusplus
}
#endif

#endif
