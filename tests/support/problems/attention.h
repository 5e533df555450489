/* Attention in double on the host: forward, backward and forward mode, with what core/nn/nn.h says of
 * products in bf16 carried out where it is asked for. */
#ifndef TR_TESTS_ATTENTION_H
#define TR_TESTS_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

/* N samples of T tokens; rounded: what is made on the way to a product is rounded to bf16 (operands are the
 * caller's). Then c, the constant of a row's terms, is the largest of its first `first` scores and as many
 * times log 2 more as the largest of all needs to be no greater. */
typedef struct {
  int64_t N, T, heads, size;
  bool rounded;
  int64_t first;
} attention_problem;

/* y (N T, heads size) of qkv (N T, 3 heads size), and stats (N heads, T) */
void attention_forward(const attention_problem *p, const double *qkv, double *y, double *stats);
/* dqkv of dy */
void attention_gradient(const attention_problem *p, const double *qkv, const double *dy, double *dqkv);
/* Jv = J v. With `first` terms are rounded, and their products with ds - m, m the mean of ds under the first
 * of them; without, the softmax and its tangent. */
void attention_tangent(const attention_problem *p, const double *qkv, const double *v, double *Jv);

/* Rounds n numbers to bf16 in place. */
void round_to_bf16(double *v, int64_t n);

#endif
