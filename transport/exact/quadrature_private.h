/* Gauss-Legendre quadrature on the host, in double. */
#ifndef TR_TRANSPORT_EXACT_QUADRATURE_PRIVATE_H
#define TR_TRANSPORT_EXACT_QUADRATURE_PRIVATE_H

#ifdef __cplusplus
extern "C" {
#endif

/* The 10 nodes inside (a, b), in no order, and their weights. */
#define TR_GAUSS_NODES 10
void tr_gauss_nodes(double a, double b, double *node, double *weight);

/* int_a^b f(s) ds (a > b possible) on these nodes: exact for polynomials of degree 19. */
double tr_gauss(double (*f)(double s, const void *user), const void *user, double a, double b);

#ifdef __cplusplus
}
#endif

#endif
