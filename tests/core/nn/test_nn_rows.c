/* What is done row by row, at widths that a device gives to a warp, to a block, and to a block that reads its
 * row more than once: against plain sums in double, and the bits of rows, which neither the batch around them
 * nor where they lie in memory may change. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

enum { R = 6, Q = 3 };
static const double eps = 1e-2;

/* Operands of R rows, a table of Q rows whose columns begin at `skip`, and a place for the result. */
typedef struct {
  tr_array *x, *v, *table, *y;
  int64_t D, skip;
} problem;

static problem make(tr_ctx *ctx, tr_dtype dtype, int64_t D, int64_t skip) {
  return (problem){matrix(ctx, dtype, R, D, 1),
                   matrix(ctx, dtype, R, D, 2),
                   matrix(ctx, dtype, Q, 2 * D + skip, 3),
                   matrix(ctx, dtype, R, D, 4),
                   D,
                   skip};
}

static void destroy(problem *p) {
  tr_array_destroy(&p->x), tr_array_destroy(&p->v), tr_array_destroy(&p->table), tr_array_destroy(&p->y);
}

/* ---- the operations, of rows and as many rows of the table as they need ---- */

static tr_status modulate(const problem *p, const tr_array *table) {
  return tr_nn_norm_modulate(&(tr_nn_norm_modulate_args){
      .x = p->x, .shift = {table, p->skip}, .scale = {table, p->skip + p->D}, .eps = eps, .y = p->y});
}
static tr_status back(const problem *p, const tr_array *table) {
  return tr_nn_norm_backward(&(tr_nn_norm_backward_args){
      .x = p->x, .scale = {table, p->skip}, .eps = eps, .dy = p->v, .residual = p->v, .dx = p->y});
}
static tr_status tangent(const problem *p, const tr_array *table) {
  return tr_nn_norm_jvp(
      &(tr_nn_norm_jvp_args){.x = p->x, .scale = {table, p->skip}, .eps = eps, .v = p->v, .y = p->y});
}
static tr_status gate(const problem *p, const tr_array *table) {
  return tr_nn_gate(&(tr_nn_gate_args){.x = p->x, .gate = {table, p->skip}, .residual = p->v, .y = p->y});
}
static tr_status activate(const problem *p, const tr_array *table) {
  (void)table;
  return tr_nn_activate(&(tr_nn_activate_args){.activation = TR_NN_GELU_TANH, .v = p->x, .y = p->y});
}
static tr_status slope(const problem *p, const tr_array *table) {
  (void)table;
  return tr_nn_activation_backward(
      &(tr_nn_activation_backward_args){.activation = TR_NN_SILU, .v = p->x, .dy = p->v, .dv = p->y});
}

typedef tr_status (*operation)(const problem *p, const tr_array *table);
static const operation operations[] = {modulate, back, tangent, gate, activate, slope};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* ---- what the norm and its tangent are ---- */

/* One row of operands. */
typedef struct {
  const double *x, *v, *shift, *scale;
  int64_t D;
} row;

static void norm_of(const row *r, double *mean, double *deviation) {
  double sum = 0, squares = 0;
  for (int64_t c = 0; c < r->D; c++) sum += r->x[c];
  *mean = sum / (double)r->D;
  for (int64_t c = 0; c < r->D; c++) squares += (r->x[c] - *mean) * (r->x[c] - *mean);
  *deviation = sqrt(squares / (double)r->D + eps);
}

static void expected_norm(const row *r, double *y) {
  double mean, deviation;
  norm_of(r, &mean, &deviation);
  for (int64_t c = 0; c < r->D; c++) y[c] = (r->x[c] - mean) / deviation * (1 + r->scale[c]) + r->shift[c];
}

static void expected_tangent(const row *r, double *y) {
  double mean, deviation, sum = 0, product = 0;
  norm_of(r, &mean, &deviation);
  for (int64_t c = 0; c < r->D; c++) sum += r->v[c], product += r->v[c] * (r->x[c] - mean) / deviation;
  for (int64_t c = 0; c < r->D; c++)
    y[c] = (r->v[c] - sum / (double)r->D - (r->x[c] - mean) / deviation * product / (double)r->D) /
           deviation * (1 + r->shift[c]);
}

static void near(const problem *p, void (*expected)(const row *, double *)) {
  double *x = values(p->x), *v = values(p->v), *table = values(p->table), *got = values(p->y);
  double *want = malloc((size_t)(R * p->D) * sizeof *want);
  for (int64_t r = 0; r < R; r++) {
    const double *columns = table + r / (R / Q) * p->table->shape[1] + p->skip;
    expected(&(row){x + r * p->D, v + r * p->D, columns, columns + p->D, p->D}, want + r * p->D);
  }
  CHECK(check_relative(got, want, R * p->D) < (p->y->dtype == TR_F64 ? 1e-13 : 2e-6));
  free(x), free(v), free(table), free(got), free(want);
}

/* ---- the bits of one row alone ---- */

static void alone(problem *p, operation operate, const double *all) {
  if (!promises(p->x->ctx, TR_BACKEND_ROWS_INDEPENDENT)) return;
  for (int64_t r = 1; r < R; r += 3) {
    tr_array x = tr_rows(p->x, r, 1), v = tr_rows(p->v, r, 1), y = tr_rows(p->y, r, 1),
             table = tr_rows(p->table, r / (R / Q), 1);
    const problem one = {&x, &v, &table, &y, p->D, p->skip};
    CHECK_OK(p->x->ctx, tr_fill(7, &y));
    CHECK_OK(p->x->ctx, operate(&one, &table));
    double *got = values(&y);
    CHECK(memcmp(got, all + r * p->D, (size_t)p->D * sizeof *got) == 0);
    free(got);
  }
}

static void rows(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  double *first[OPERATIONS];
  for (int64_t skip = 0; skip < 2; skip++) { /* with 1, the columns do not lie at whole quads */
    problem p = make(ctx, dtype, D, skip);
    for (int i = 0; i < OPERATIONS; i++) {
      CHECK_OK(ctx, operations[i](&p, p.table));
      if (operations[i] == modulate) near(&p, expected_norm);
      if (operations[i] == tangent) near(&p, expected_tangent);
      first[i] = values(p.y);
      alone(&p, operations[i], first[i]);
      free(first[i]);
    }
    destroy(&p);
  }
}

/* The same numbers a whole quad or one element on: the same bits. */
static void anywhere(tr_ctx *ctx, tr_dtype dtype, int64_t D) {
  problem p = make(ctx, dtype, D, 0);
  tr_array *space = matrix(ctx, dtype, 1, R * D + 1, 5), *place = matrix(ctx, dtype, 1, R * D + 1, 6);
  tr_array moved = tr_view(space, 1, 2, (int64_t[]){R, D}), y = tr_view(place, 1, 2, (int64_t[]){R, D});
  CHECK_OK(ctx, tr_scale(1, p.x, &moved));
  for (int i = 0; i < OPERATIONS; i++) {
    const problem other = {&moved, p.v, p.table, &y, D, 0};
    CHECK_OK(ctx, operations[i](&p, p.table));
    CHECK_OK(ctx, operations[i](&other, p.table));
    double *here = values(p.y), *there = values(&y);
    CHECK(memcmp(here, there, (size_t)(R * D) * sizeof *here) == 0);
    free(here), free(there);
  }
  tr_array_destroy(&space), tr_array_destroy(&place);
  destroy(&p);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  static const int64_t widths[] = {1, 6, 384, 515, 1152, 8196};
  for (int i = 0; i < 2; i++)
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
      rows(ctx, i ? TR_F64 : TR_F32, widths[k]);
      anywhere(ctx, i ? TR_F64 : TR_F32, widths[k]);
    }
  tr_ctx_close(&ctx);
  return check_report();
}
