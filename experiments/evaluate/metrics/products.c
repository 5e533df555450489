#include "experiments/evaluate/metrics/products.h"

#include <stdlib.h>
#include <string.h>

#include "core/nn/nn.h"

/* A tile is 256 x 1024: what is packed for the right side then serves long enough, and a tile is 2 MiB. */
enum { LEFT = 256, RIGHT = 1024 };

/* ---- rows ---- */

void metric_chosen_get(const metric_chosen *c, int64_t first, int64_t n, double *out) {
  const int64_t d = c->rows->d;
  if (!c->index) metric_rows_get(c->rows, first, n, out);
  for (int64_t i = 0; i < n; i++) {
    if (c->index) metric_rows_get(c->rows, c->index[first + i], 1, out + i * d);
    for (int64_t k = 0; c->shift && k < d; k++) out[i * d + k] -= c->shift[k];
  }
}

tr_status metric_chosen_squares(tr_ctx *ctx, const metric_chosen *c, double *out) {
  double *row = malloc((size_t)c->rows->d * sizeof *row);
  if (!row) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a row of %lld", (long long)c->rows->d);
  for (int64_t i = 0; i < c->n; i++) {
    metric_chosen_get(c, i, 1, row);
    out[i] = 0;
    for (int64_t k = 0; k < c->rows->d; k++) out[i] += row[k] * row[k];
  }
  free(row);
  return TR_OK;
}

tr_status metric_chosen_mean(tr_ctx *ctx, const metric_chosen *c, double *out) {
  const int64_t d = c->rows->d;
  double *row = malloc((size_t)d * sizeof *row);
  if (!row) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a row of %lld", (long long)d);
  memset(out, 0, (size_t)d * sizeof *out);
  for (int64_t i = 0; i < c->n; i++) {
    metric_chosen_get(c, i, 1, row);
    for (int64_t k = 0; k < d; k++) out[k] += row[k];
  }
  for (int64_t k = 0; k < d; k++) out[k] /= (double)c->n;
  free(row);
  return TR_OK;
}

/* ---- a right side, and blocks of the left one ---- */

typedef struct {
  int64_t block, out, in; /* of the right side (out, in); rows of the left one at a time */
  tr_nn_weight *weight;
  tr_array *w, *x, *y; /* (out, in), (block, in), (block, out), or for `transposed` the last two exchanged */
} products;

static void close_products(products *p) {
  tr_nn_weight_destroy(&p->weight);
  tr_array_destroy(&p->w);
  tr_array_destroy(&p->x);
  tr_array_destroy(&p->y);
}

static tr_status open_products(tr_ctx *ctx, int64_t block, int64_t out, int64_t in, bool transposed,
                               products *p) {
  *p = (products){.block = block, .out = out, .in = in};
  const tr_nn_weight_spec spec = {.out = out, .in = in, .storage = TR_F64, .compute = TR_F64};
  tr_status status = tr_nn_weight_create(ctx, &spec, &p->weight);
  if (status == TR_OK) status = tr_array_create(ctx, TR_F64, 2, (int64_t[]){out, in}, &p->w);
  if (status == TR_OK)
    status = tr_array_create(ctx, TR_F64, 2, (int64_t[]){block, transposed ? out : in}, &p->x);
  if (status == TR_OK)
    status = tr_array_create(ctx, TR_F64, 2, (int64_t[]){block, transposed ? in : out}, &p->y);
  if (status != TR_OK) close_products(p);
  return status;
}

static tr_status set_right(products *p, const double *rows) {
  TR_TRY(tr_array_upload(p->w, rows));
  return tr_nn_weight_set(p->weight, p->w);
}

/* At most a block of rows. */
static tr_status multiply(products *p, int64_t n, const double *x, bool transposed, double *y) {
  tr_array left = tr_rows(p->x, 0, n), result = tr_rows(p->y, 0, n);
  TR_TRY(tr_array_upload(&left, x));
  TR_TRY(
      tr_nn_linear(&(tr_nn_linear_args){.x = &left, .w = p->weight, .transposed = transposed, .y = &result}));
  return tr_array_download(&result, y);
}

static tr_status check_interrupt(tr_ctx *ctx) {
  return tr_ctx_interrupted(ctx) ? TR_FAIL(ctx, TR_E_INTERRUPTED, "interrupted") : TR_OK;
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- all pairs ---- */

typedef struct {
  const metric_chosen *x, *y;
  bool upper;
  metric_visit visit;
  void *user;
  products products;
  double *left, *right, *tile;
} pairs;

static tr_status visit_tile(pairs *p, int64_t first_x, int64_t first_y) {
  const int64_t n = smaller(p->products.block, p->x->n - first_x),
                m = smaller(p->products.out, p->y->n - first_y);
  metric_chosen_get(p->x, first_x, n, p->left);
  TR_TRY(multiply(&p->products, n, p->left, false, p->tile));
  for (int64_t i = 0; i < n; i++) p->visit(p->user, first_x + i, first_y, m, p->tile + i * p->products.out);
  return TR_OK;
}

/* A right side that is not full is filled up with zeros: a weight has one size. */
static tr_status visit_all(tr_ctx *ctx, pairs *p) {
  const int64_t d = p->x->rows->d, width = p->products.out;
  for (int64_t j = 0; j < p->y->n; j += width) {
    const int64_t m = smaller(width, p->y->n - j), end = p->upper ? j + m : p->x->n;
    metric_chosen_get(p->y, j, m, p->right);
    memset(p->right + m * d, 0, (size_t)((width - m) * d) * sizeof *p->right);
    TR_TRY(set_right(&p->products, p->right));
    for (int64_t i = 0; i < end; i += p->products.block) {
      TR_TRY(check_interrupt(ctx));
      TR_TRY(visit_tile(p, i, j));
    }
  }
  return TR_OK;
}

tr_status metric_products(tr_ctx *ctx, const metric_chosen *x, const metric_chosen *y, bool upper,
                          metric_visit visit, void *user) {
  const int64_t d = x->rows->d, n = smaller(LEFT, x->n), m = smaller(RIGHT, y->n);
  if (n == 0 || m == 0) return TR_OK;
  pairs p = {.x = x, .y = y, .upper = upper, .visit = visit, .user = user};
  double *memory = malloc((size_t)((n + m) * d + n * m) * sizeof *memory);
  if (!memory) return TR_FAIL(ctx, TR_E_MEM, "out of memory for products of rows of %lld", (long long)d);
  p.left = memory, p.right = p.left + n * d, p.tile = p.right + m * d;
  tr_status status = open_products(ctx, n, m, d, false, &p.products);
  if (status == TR_OK) status = visit_all(ctx, &p);
  close_products(&p.products);
  free(memory);
  return status;
}

/* ---- matrices ---- */

tr_status metric_multiply(tr_ctx *ctx, int64_t n, const double *x, int64_t out, int64_t in, const double *w,
                          bool transposed, double *y) {
  products p;
  if (n == 0 || out == 0 || in == 0) return TR_OK;
  TR_TRY(open_products(ctx, smaller(LEFT, n), out, in, transposed, &p));
  tr_status status = set_right(&p, w);
  for (int64_t i = 0; i < n && status == TR_OK; i += p.block) {
    status = check_interrupt(ctx);
    if (status == TR_OK)
      status = multiply(&p, smaller(p.block, n - i), x + i * (transposed ? out : in), transposed,
                        y + i * (transposed ? in : out));
  }
  close_products(&p);
  return status;
}
