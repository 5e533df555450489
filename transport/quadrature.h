/* Gauss-Legendre quadrature on the host, in double. */
#ifndef TR_TRANSPORT_QUADRATURE_H
#define TR_TRANSPORT_QUADRATURE_H

#ifdef __cplusplus
extern "C" {
#endif

/* int_a^b f(s) ds (a > b possible) with 10 nodes inside (a, b): exact for polynomials of degree 19. */
double tr_gauss(double (*f)(double s, const void *user), const void *user, double a, double b);

#ifdef __cplusplus
}
#endif

#endif
