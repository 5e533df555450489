#include "transport/exponential/unipc_private.h"

#include <math.h>

#define MAX_POINTS 4 /* of order 3 */

/* How many of theta[0], theta[-1], .. theta[1-n] come before the first with infinite lambda. */
static int finite_points(const double *theta, int n) {
  int known = 0;
  while (known < n && isfinite(tr_angle_lambda(theta[-known]))) known++;
  return known;
}

/* UniP from theta[0] to theta[1] through the newest p of the denoisers: weights of m_n-j - m_n. */
static void predict(const double *theta, int p, double *weight) {
  double node[MAX_POINTS];
  if (p == 2) weight[1] += tr_exponential_2m(theta);
  if (p < 3) return;
  for (int j = 0; j < p; j++) node[j] = theta[-j];
  tr_exponential_lambda(node, p, 0, theta[1], weight);
}

/* UniC-p of the step from theta[-1] to theta[0]: weights of m_n-j - m_n-1. */
static void rebuild(const double *theta, int p, double *weight) {
  double node[MAX_POINTS];
  if (p == 1) weight[0] = sin(theta[0] - theta[-1]) / cos(theta[-1]) / 2;
  if (p < 2) return;
  for (int j = 0; j <= p; j++) node[j] = theta[-j];
  tr_exponential_lambda(node, p + 1, 1, theta[0], weight);
}

void tr_exponential_unipc(int order, const double *theta, int n, double *weight) {
  int known = finite_points(theta, n), p = known - 1 < order ? known - 1 : order;
  double P[MAX_POINTS] = {0}, Q[MAX_POINTS + 1] = {0};
  predict(theta, known < order ? known : order, weight);
  if (p < 1) return;
  predict(theta - 1, p, P);
  rebuild(theta, p, Q);
  double carry = cos(theta[1]) / cos(theta[0]);
  weight[1] -= carry * Q[0];
  for (int j = 2; j <= p; j++) {
    weight[1] -= carry * (Q[j] - P[j - 1]);
    weight[j] += carry * (Q[j] - P[j - 1]);
  }
}
