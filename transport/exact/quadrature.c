#include "transport/exact/quadrature_private.h"

void tr_gauss_nodes(double a, double b, double *node, double *weight) {
  static const double x[TR_GAUSS_NODES / 2] = {0.14887433898163121088, 0.43339539412924719080,
                                               0.67940956829902440623, 0.86506336668898451073,
                                               0.97390652851717172008};
  static const double w[TR_GAUSS_NODES / 2] = {0.29552422471475287017, 0.26926671930999635509,
                                               0.21908636251598204400, 0.14945134915058059315,
                                               0.06667134430868813759};
  double middle = (a + b) / 2, half = (b - a) / 2;
  for (int i = 0; i < TR_GAUSS_NODES; i++) {
    node[i] = middle + (i % 2 ? half : -half) * x[i / 2];
    weight[i] = half * w[i / 2];
  }
}

double tr_gauss(double (*f)(double, const void *), const void *user, double a, double b) {
  double node[TR_GAUSS_NODES], weight[TR_GAUSS_NODES], sum = 0;
  tr_gauss_nodes(a, b, node, weight);
  for (int i = 0; i < TR_GAUSS_NODES; i++) sum += weight[i] * f(node[i], user);
  return sum;
}
