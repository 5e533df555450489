/* The operations of training: interpolation and losses against sums written out, their gradient by central
 * differences, AdamW against what a constant gradient gives in closed form and against its formula, running
 * averages, and what is refused. */
#include <stdlib.h>

#include "core/nn/nn.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"

/* TR_TEST_RESOURCES */

static tr_array *table(tr_ctx *ctx, int64_t rows, int64_t cols, const double *numbers) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, cols ? 2 : 1, (int64_t[]){rows, cols}, &a));
  if (numbers) CHECK_OK(ctx, tr_array_set_f64(a, numbers));
  return a;
}

static double rounded(tr_dtype dtype, double x) {
  return dtype == TR_F32 ? (double)(float)x : x;
}

/* ---- rows with numbers of their own ---- */

enum { N = 3, M = 21 };

static void interpolate(tr_ctx *ctx, tr_dtype dtype) {
  const double at[N * 2] = {0, 1, 0.25, -0.5, 1, 0};
  tr_array *x1 = matrix(ctx, dtype, N, M, 1), *x0 = matrix(ctx, dtype, N, M, 2), *t = table(ctx, N, 2, at);
  double *h1 = values(x1), *h0 = values(x0);
  CHECK_OK(ctx, tr_nn_interpolate(&(tr_nn_interpolate_args){.x1 = x1, .x0 = x0, .at = t, .x = x0}));
  double *got = values(x0);
  bool same = true;
  for (int i = 0; i < N * M; i++)
    same = same && got[i] == rounded(dtype, at[i / M * 2] * h1[i] + at[i / M * 2 + 1] * h0[i]);
  CHECK(same);
  free(h1), free(h0), free(got);
  tr_array_destroy(&x1), tr_array_destroy(&x0), tr_array_destroy(&t);
}

typedef struct {
  tr_array *p, *x1, *x0, *at, *loss, *dp;
} loss_case;

static loss_case loss_open(tr_ctx *ctx, tr_dtype dtype) {
  static const double at[N * 4] = {1, -1, 1, 1, 0.3, 0, -1, 2.5, -0.7, 0.2, 0.1, 0};
  return (loss_case){.p = matrix(ctx, dtype, N, M, 1),
                     .x1 = matrix(ctx, dtype, N, M, 2),
                     .x0 = matrix(ctx, dtype, N, M, 3),
                     .dp = matrix(ctx, dtype, N, M, 4),
                     .at = table(ctx, N, 4, at),
                     .loss = table(ctx, N, 0, NULL)};
}

static void loss_close(loss_case *c) {
  tr_array **all[] = {&c->p, &c->x1, &c->x0, &c->at, &c->loss, &c->dp};
  for (int i = 0; i < 6; i++) tr_array_destroy(all[i]);
}

static void losses(tr_ctx *ctx, tr_dtype dtype) {
  loss_case c = loss_open(ctx, dtype);
  double *p = values(c.p), *x1 = values(c.x1), *x0 = values(c.x0), *at = values(c.at);
  CHECK_OK(ctx,
           tr_nn_loss(&(tr_nn_loss_args){
               .p = c.p, .x1 = c.x1, .x0 = c.x0, .at = c.at, .factor = 0.5, .loss = c.loss, .dp = c.dp}));
  double *got = values(c.loss), *dp = values(c.dp);
  for (int r = 0; r < N; r++) {
    const double *a = at + 4 * r;
    double sum = 0, worst = 0;
    for (int i = r * M; i < (r + 1) * M; i++) {
      const double residual = a[0] * p[i] + a[1] * x1[i] + a[2] * x0[i];
      sum += residual * residual;
      worst = fmax(worst, fabs(dp[i] - a[3] * a[0] * residual / M));
    }
    CHECK_NEAR(got[r], a[3] * sum / M, 1e-14 * (1 + sum));
    CHECK_NEAR(worst, 0, dtype == TR_F32 ? 1e-7 : 1e-16);
  }
  /* the same without a gradient, and with it in the place of the prediction */
  CHECK_OK(ctx, tr_fill(7, c.loss));
  CHECK_OK(ctx, tr_nn_loss(&(tr_nn_loss_args){
                    .p = c.p, .x1 = c.x1, .x0 = c.x0, .at = c.at, .factor = 1, .loss = c.loss}));
  double *again = values(c.loss);
  CHECK(!memcmp(got, again, N * sizeof *got));
  CHECK_OK(ctx, tr_nn_loss(&(tr_nn_loss_args){
                    .p = c.p, .x1 = c.x1, .x0 = c.x0, .at = c.at, .factor = 0.5, .loss = c.loss, .dp = c.p}));
  double *over = values(c.p);
  CHECK(!memcmp(over, dp, N * M * sizeof *dp));
  free(p), free(x1), free(x0), free(at), free(got), free(dp), free(again), free(over);
  loss_close(&c);
}

static void refused_rows(tr_ctx *ctx) {
  loss_case c = loss_open(ctx, TR_F32), other = loss_open(ctx, TR_F64);
  tr_array *narrow = table(ctx, N, 2, NULL);
  const tr_nn_loss_args good = {.p = c.p, .x1 = c.x1, .x0 = c.x0, .at = c.at, .factor = 1, .loss = c.loss};
  tr_nn_loss_args a = good;
  a.at = narrow;
  CHECK_ERROR(ctx, tr_nn_loss(&a), TR_E_SHAPE, "a loss");
  a = good, a.x1 = other.x1;
  CHECK_ERROR(ctx, tr_nn_loss(&a), TR_E_SHAPE, "x1 of a loss");
  a = good, a.dp = other.dp;
  CHECK_ERROR(ctx, tr_nn_loss(&a), TR_E_SHAPE, "dp of a loss");
  a = good, a.loss = c.p;
  CHECK_ERROR(ctx, tr_nn_loss(&a), TR_E_SHAPE, "loss of a loss");
  CHECK_ERROR(ctx, tr_nn_interpolate(&(tr_nn_interpolate_args){.x1 = c.x1, .x0 = c.x0, .at = c.at, .x = c.p}),
              TR_E_SHAPE, "an interpolation");
  tr_array_destroy(&narrow);
  loss_close(&c);
  loss_close(&other);
}

/* ---- AdamW ---- */

typedef struct {
  tr_array *p, *g, *m, *v, *average[2];
} adamw_case;

static adamw_case adamw_open(tr_ctx *ctx, tr_dtype dtype, int64_t n) {
  adamw_case c = {.p = matrix(ctx, dtype, 1, n, 1), .g = matrix(ctx, dtype, 1, n, 2)};
  tr_array **zero[] = {&c.m, &c.v};
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, tr_array_like(c.p, zero[i]));
    CHECK_OK(ctx, tr_fill(0, *zero[i]));
    CHECK_OK(ctx, tr_array_like(c.p, &c.average[i]));
    CHECK_OK(ctx, tr_scale(1, c.p, c.average[i]));
  }
  return c;
}

static void adamw_close(adamw_case *c) {
  tr_array **all[] = {&c->p, &c->g, &c->m, &c->v, &c->average[0], &c->average[1]};
  for (int i = 0; i < 6; i++) tr_array_destroy(all[i]);
}

static tr_nn_adamw_args adamw_args(const adamw_case *c, int64_t step) {
  return (tr_nn_adamw_args){.p = c->p,
                            .g = c->g,
                            .m = c->m,
                            .v = c->v,
                            .factor = 1,
                            .rate = 1e-2,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .eps = 1e-8,
                            .step = step};
}

/* With the same gradient in every step the corrected moments are the gradient and its square: every step
 * takes rate g / (|g| + eps) off, whatever the betas. */
static void constant_gradient(tr_ctx *ctx) {
  enum { n = 10000, STEPS = 7 };
  adamw_case c = adamw_open(ctx, TR_F64, n);
  double *p = values(c.p), *g = values(c.g), worst = 0;
  for (int step = 1; step <= STEPS; step++) {
    tr_nn_adamw_args a = adamw_args(&c, step);
    CHECK_OK(ctx, tr_nn_adamw(&a));
  }
  double *got = values(c.p);
  for (int i = 0; i < n; i++)
    worst = fmax(worst, fabs(got[i] - (p[i] - STEPS * 1e-2 * g[i] / (fabs(g[i]) + 1e-8))));
  CHECK_NEAR(worst, 0, 1e-14);
  free(p), free(g), free(got);
  adamw_close(&c);
}

/* Gradients that change, a decay, a factor, averages: the formula, with its roundings. */
static void formula(tr_ctx *ctx, tr_dtype dtype) {
  enum { n = 5003, STEPS = 5 };
  const double keep[2] = {0.5, 0.9}, b1 = 0.8, b2 = 0.95, rate = 0.03, decay = 0.1, eps = 1e-3, factor = 0.25;
  adamw_case c = adamw_open(ctx, dtype, n);
  double *p = values(c.p), *ema[2] = {values(c.average[0]), values(c.average[1])};
  double *m = calloc(n, sizeof *m), *v = calloc(n, sizeof *v);
  for (int step = 1; step <= STEPS; step++) {
    tr_array *g = matrix(ctx, dtype, 1, n, (uint32_t)(10 + step));
    double *slope = values(g);
    tr_nn_adamw_args a = adamw_args(&c, step);
    a.g = g, a.factor = factor, a.rate = rate, a.decay = decay, a.eps = eps, a.beta1 = b1, a.beta2 = b2;
    a.average[0] = c.average[0], a.average[3] = c.average[1], a.keep[0] = keep[0], a.keep[3] = keep[1];
    CHECK_OK(ctx, tr_nn_adamw(&a));
    for (int i = 0; i < n; i++) {
      const double s = factor * slope[i];
      m[i] = rounded(dtype, b1 * m[i] + (1 - b1) * s);
      v[i] = rounded(dtype, b2 * v[i] + (1 - b2) * s * s);
      p[i] = rounded(dtype, (1 - rate * decay) * p[i] - rate * (m[i] / (1 - pow(b1, step))) /
                                                            (sqrt(v[i] / (1 - pow(b2, step))) + eps));
      for (int k = 0; k < 2; k++) ema[k][i] = rounded(dtype, keep[k] * ema[k][i] + (1 - keep[k]) * p[i]);
    }
    free(slope);
    tr_array_destroy(&g);
  }
  const double tolerance = dtype == TR_F32 ? 3e-7 : 1e-14;
  const double *want[] = {p, m, v, ema[0], ema[1]};
  tr_array *const got[] = {c.p, c.m, c.v, c.average[0], c.average[1]};
  for (int i = 0; i < 5; i++) {
    double *h = values(got[i]);
    CHECK_NEAR(check_relative(h, want[i], n), 0, tolerance);
    free(h);
  }
  free(p), free(m), free(v), free(ema[0]), free(ema[1]);
  adamw_close(&c);
}

/* The gaps between parameters stay zero. */
static void zeros_stay(tr_ctx *ctx) {
  adamw_case c = adamw_open(ctx, TR_F32, 100);
  CHECK_OK(ctx, tr_fill(0, c.p));
  CHECK_OK(ctx, tr_fill(0, c.g));
  tr_nn_adamw_args a = adamw_args(&c, 1);
  a.decay = 0.1;
  CHECK_OK(ctx, tr_nn_adamw(&a));
  double most;
  CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, c.p, NULL, NULL, &most));
  CHECK(most == 0);
  adamw_close(&c);
}

static void refused_steps(tr_ctx *ctx) {
  adamw_case c = adamw_open(ctx, TR_F32, 8), longer = adamw_open(ctx, TR_F32, 9),
             wide = adamw_open(ctx, TR_F64, 8);
  tr_nn_adamw_args a = adamw_args(&c, 0);
  CHECK_ERROR(ctx, tr_nn_adamw(&a), TR_E_ARG, "the first is 1");
  a = adamw_args(&c, 1), a.beta2 = 1;
  CHECK_ERROR(ctx, tr_nn_adamw(&a), TR_E_ARG,
              "beta2 of a step of AdamW is 1: use a number from 0 to below 1");
  a = adamw_args(&c, 1), a.rate = -1;
  CHECK_ERROR(ctx, tr_nn_adamw(&a), TR_E_ARG, "rate");
  a = adamw_args(&c, 1), a.eps = NAN;
  CHECK_ERROR(ctx, tr_nn_adamw(&a), TR_E_ARG, "eps");
  a = adamw_args(&c, 1), a.average[2] = c.average[0], a.keep[2] = 1.5;
  CHECK_ERROR(ctx, tr_nn_adamw(&a), TR_E_ARG, "keep[2]");
  a = adamw_args(&c, 1), a.g = longer.g;
  CHECK_ERROR(ctx, tr_nn_adamw(&a), TR_E_SHAPE, "AdamW");
  a = adamw_args(&c, 1), a.m = wide.m;
  CHECK_ERROR(ctx, tr_nn_adamw(&a), TR_E_SHAPE, "m of a step of AdamW");
  adamw_close(&c);
  adamw_close(&longer);
  adamw_close(&wide);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  const tr_dtype dtypes[] = {TR_F32, TR_F64};
  for (int i = 0; i < 2; i++) {
    interpolate(ctx, dtypes[i]);
    losses(ctx, dtypes[i]);
    formula(ctx, dtypes[i]);
  }
  refused_rows(ctx);
  constant_gradient(ctx);
  zeros_stay(ctx);
  refused_steps(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
