/* Products of rows in double, by the linear layers of core/nn: in tiles, so that no N x N matrix is ever
 * held. On the processor the bits depend neither on threads nor on the other rows of a tile. */
#ifndef TR_EXPERIMENTS_EVALUATE_METRICS_PRODUCTS_H
#define TR_EXPERIMENTS_EVALUATE_METRICS_PRODUCTS_H

#include "experiments/evaluate/metrics/rows.h"

/* n of the rows: those of `index`, or NULL: the first n. */
typedef struct {
  const metric_rows *rows;
  int64_t n;
  const int32_t *index;
  const double *shift; /* (d), taken away from each row; NULL: 0 */
} metric_chosen;
void metric_chosen_get(const metric_chosen *chosen, int64_t first, int64_t n, double *out);
/* |row|^2 of each, (n). TR_E_MEM. */
tr_status metric_chosen_squares(tr_ctx *ctx, const metric_chosen *chosen, double *out);
/* Mean of the rows, (d): what taken away makes their products small. */
tr_status metric_chosen_mean(tr_ctx *ctx, const metric_chosen *chosen, double *out);

/* Is handed the products of row i of x with rows first .. first + n - 1 of y, all of them in turn. */
typedef void (*metric_visit)(void *user, int64_t i, int64_t first, int64_t n, const double *products);
/* upper: x and y are the same, and only products with i < j are wanted: fewer others come then.
 * TR_E_INTERRUPTED between tiles. */
tr_status metric_products(tr_ctx *ctx, const metric_chosen *x, const metric_chosen *y, bool upper,
                          metric_visit visit, void *user);

/* y (n, out) = x (n, in) w', w (out, in). transposed: y (n, in) = x (n, out) w. Host memory, row-major. */
tr_status metric_multiply(tr_ctx *ctx, int64_t n, const double *x, int64_t out, int64_t in, const double *w,
                          bool transposed, double *y);

#endif
