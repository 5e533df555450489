#include "transport/quadrature.h"

double tr_gauss(double (*f)(double, const void *), const void *user, double a, double b) {
  static const double node[5] = {0.14887433898163121088, 0.43339539412924719080, 0.67940956829902440623,
                                 0.86506336668898451073, 0.97390652851717172008};
  static const double weight[5] = {0.29552422471475287017, 0.26926671930999635509, 0.21908636251598204400,
                                   0.14945134915058059315, 0.06667134430868813759};
  double middle = (a + b) / 2, half = (b - a) / 2, sum = 0;
  for (int i = 0; i < 5; i++)
    sum += weight[i] * (f(middle - half * node[i], user) + f(middle + half * node[i], user));
  return half * sum;
}
