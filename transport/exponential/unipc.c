#include "transport/exponential/unipc_private.h"

#include <math.h>

#define MAX_POINTS 4 /* of order 3 */

/* How many of theta[0], theta[-1], .. theta[1-n] come before the first with infinite lambda. */
static int finite_points(const double *theta, int n) {
  int known = 0;
  while (known < n && isfinite(tr_angle_lambda(theta[-known]))) known++;
  return known;
}

static void polynomial(bool even, const double *theta, int n, int base, double theta1, double *weight) {
  double node[MAX_POINTS];
  for (int j = 0; j < n; j++) node[j] = theta[-j];
  if (even)
    tr_exponential_lambda(node, n, base, theta1, weight);
  else
    tr_exponential_weights(tr_difference_of_sines, node, n, base, theta1, weight);
}

/* UniP from theta[0] to theta[1] through the newest p of the denoisers: weights of m_n-j - m_n. */
static void predict(bool even, const double *theta, int p, double *weight) {
  if (p == 2) weight[1] += even ? tr_exponential_2m(theta) : tr_exponential_second(TR_DENOISER, theta);
  if (p > 2) polynomial(even, theta, p, 0, theta[1], weight);
}

/* UniC-p of the step from theta[-1] to theta[0]: weights of m_n-j - m_n-1. */
static void rebuild(bool even, const double *theta, int p, double *weight) {
  if (p == 1) weight[0] = sin(theta[0] - theta[-1]) / cos(theta[-1]) / 2;
  if (p > 1) polynomial(even, theta, p + 1, 1, theta[0], weight);
}

void tr_exponential_unipc(int order, bool even, const double *theta, int n, double *weight) {
  int known = even ? finite_points(theta, n) : n, p = known - 1 < order ? known - 1 : order;
  double P[MAX_POINTS] = {0}, Q[MAX_POINTS + 1] = {0};
  predict(even, theta, known < order ? known : order, weight);
  if (p < 1) return;
  predict(even, theta - 1, p, P);
  rebuild(even, theta, p, Q);
  double carry = cos(theta[1]) / cos(theta[0]);
  weight[1] -= carry * Q[0];
  for (int j = 2; j <= p; j++) {
    weight[1] -= carry * (Q[j] - P[j - 1]);
    weight[j] += carry * (Q[j] - P[j - 1]);
  }
}
