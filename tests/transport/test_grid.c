/* Time grids: each is uniform in its own variable, has exact ends, runs backwards on the same points, deals
 * with infinite ends as it says, and refuses what cannot be. */
#include <math.h>
#include <stdlib.h>

#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/scratch.h"

static const char *const paths[] = {"Linear", "GVP", "VP"};

/* n points or more precisely `n_points`, checked to be monotone with exact ends; the caller frees. */
static double *points(tr_ctx *ctx, const tr_grid *grid, const char *path, double t0, double t1, int n) {
  tr_interpolant interpolant;
  double *t = NULL;
  int got = 0;
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &interpolant));
  CHECK_OK(ctx, tr_grid_points(ctx, grid, &interpolant, t0, t1, n, &t, &got));
  CHECK(got == n && t[0] == t0 && t[n - 1] == t1);
  for (int i = 1; i < n; i++) CHECK(t1 > t0 ? t[i] > t[i - 1] : t[i] < t[i - 1]);
  return t;
}

static tr_grid grid_of(tr_ctx *ctx, const char *name) {
  tr_grid grid = {0};
  CHECK_OK(ctx, tr_grid_find(ctx, name, &grid));
  return grid;
}

static void ends_and_direction(tr_ctx *ctx) {
  static const double ends[][2] = {{0, 1}, {0, 0.96}, {1e-3, 1 - 1e-3}, {0.2, 0.7}};
  const tr_module *module;
  for (int g = 0; (module = tr_module_at(ctx, TR_KIND_GRID, g)); g++) {
    tr_grid grid = grid_of(ctx, module->name);
    if (grid.type->is_list) continue;
    for (int p = 0; p < 3; p++)
      for (int e = 0; e < 4; e++)
        for (int n = 2; n < 60; n = 2 * n + 1) {
          double *there = points(ctx, &grid, paths[p], ends[e][0], ends[e][1], n);
          double *back = points(ctx, &grid, paths[p], ends[e][1], ends[e][0], n);
          for (int i = 0; i < n; i++) CHECK(there[i] == back[n - 1 - i]);
          free(there);
          free(back);
        }
  }
  CHECK(module == NULL);
}

/* The formula of each grid on an interval without its infinite ends, written out once more; on 0 to 1 for
 * those that are finite there. */
static double lambda_of(tr_ctx *ctx, const char *path, double t) {
  tr_interpolant interpolant;
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &interpolant));
  tr_coeffs at = tr_interpolant_at(&interpolant, t);
  return log(at.alpha) - log(at.sigma);
}

static void formulas(tr_ctx *ctx) {
  enum { N = 9 };
  tr_grid uniform = grid_of(ctx, "uniform"), quadratic = grid_of(ctx, "quadratic"),
          shift = grid_of(ctx, "shift"), cosine = grid_of(ctx, "cosine"), snr = grid_of(ctx, "logSNR"),
          karras = grid_of(ctx, "karras");
  double *u = points(ctx, &uniform, "VP", 0, 1, N), *q = points(ctx, &quadratic, "VP", 0, 1, N),
         *s = points(ctx, &shift, "VP", 0, 1, N), *c = points(ctx, &cosine, "VP", 0, 1, N);
  for (int i = 0; i < N; i++) {
    double part = i / (N - 1.0), left = 1 - part;
    CHECK_NEAR(u[i], part, 1e-15);
    CHECK_NEAR(q[i], 1 - left * left, 1e-15);
    CHECK_NEAR(1 - s[i], 3 * left / (1 + 2 * left), 1e-15);
    CHECK_NEAR(c[i], (1 - cos(TR_PI * part)) / 2, 1e-15);
  }
  free(u), free(q), free(s), free(c);
  for (int p = 0; p < 3; p++) {
    double *l = points(ctx, &snr, paths[p], 0.1, 0.9, N), *k = points(ctx, &karras, paths[p], 0.1, 0.9, N);
    double l0 = lambda_of(ctx, paths[p], 0.1), l1 = lambda_of(ctx, paths[p], 0.9);
    for (int i = 0; i < N; i++) {
      double part = i / (N - 1.0), root = (1 - part) * exp(-l0 / 7) + part * exp(-l1 / 7);
      CHECK_NEAR(lambda_of(ctx, paths[p], l[i]), l0 + part * (l1 - l0), 1e-11);
      CHECK_NEAR(lambda_of(ctx, paths[p], k[i]), -7 * log(root), 1e-11);
    }
    free(l), free(k);
  }
}

/* Infinite ends: the first point stands for the lower bound, the upper bound is the last but one. */
static void infinite_ends(tr_ctx *ctx) {
  enum { N = 7 };
  tr_grid snr = grid_of(ctx, "logSNR"), karras = grid_of(ctx, "karras");
  CHECK_OK(ctx, tr_grid_set(ctx, &snr, "bound", 4));
  double *l = points(ctx, &snr, "Linear", 0, 1, N), *k = points(ctx, &karras, "Linear", 0, 1, N);
  for (int i = 1; i < N - 1; i++) {
    CHECK_NEAR(lambda_of(ctx, "Linear", l[i]), -4 + 8 * i / (N - 2.0), 1e-12);
    double root = pow(80, 1 / 7.) + i / (N - 2.0) * (pow(0.002, 1 / 7.) - pow(80, 1 / 7.));
    CHECK_NEAR((1 - k[i]) / k[i], pow(root, 7), 1e-12);
  }
  free(l), free(k);
  /* Only one end beyond the bound: nothing is appended where there is room. */
  l = points(ctx, &snr, "Linear", 0, 0.9, N);
  CHECK_NEAR(lambda_of(ctx, "Linear", l[N - 2]), log(9) - (log(9) + 4) / (N - 1), 1e-12);
  free(l);
}

static void lists(tr_ctx *ctx) {
  static const double times[] = {0, 0.3, 0.5, 1}, disorder[] = {0, 0.5, 0.5, 1}, beyond[] = {0, 0.5, 1.5};
  tr_interpolant linear;
  double *t;
  int n;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  tr_grid grid = grid_of(ctx, "list");
  CHECK_ERROR(ctx, tr_grid_points(ctx, &grid, &linear, 0, 1, 4, &t, &n), TR_E_ARG, "at least 2 points");
  grid.list = times;
  grid.n_list = 4;
  t = points(ctx, &grid, "Linear", 0, 1, 4);
  CHECK(memcmp(t, times, sizeof times) == 0);
  free(t);
  t = points(ctx, &grid, "Linear", 1, 0, 4);
  CHECK(t[1] == 0.5 && t[2] == 0.3);
  free(t);
  CHECK_ERROR(ctx, tr_grid_points(ctx, &grid, &linear, 0, 0.96, 4, &t, &n), TR_E_ARG,
              "this run from 0 to 0.96");
  grid.list = disorder;
  CHECK_ERROR(ctx, tr_grid_points(ctx, &grid, &linear, 0, 1, 4, &t, &n), TR_E_ARG, "point 2, 0.5, after 0.5");
  grid.list = beyond;
  grid.n_list = 3;
  CHECK_ERROR(ctx, tr_grid_points(ctx, &grid, &linear, 0, 1, 3, &t, &n), TR_E_ARG, "point 2 is 1.5");
  grid = grid_of(ctx, "uniform");
  grid.list = times;
  CHECK_ERROR(ctx, tr_grid_points(ctx, &grid, &linear, 0, 1, 4, &t, &n), TR_E_ARG, "takes no list");
  FILE *file = fopen(scratch("grid"), "w");
  fputs("t\n0 # noise\n0.25\n\n1\n", file);
  fclose(file);
  double *list;
  CHECK_OK(ctx, tr_grid_read(ctx, scratch("grid"), &list, &n));
  CHECK(n == 3 && list[0] == 0 && list[1] == 0.25 && list[2] == 1);
  free(list);
  file = fopen(scratch("pairs"), "w");
  fputs("0 1\n", file);
  fclose(file);
  CHECK_ERROR(ctx, tr_grid_read(ctx, scratch("pairs"), &list, &n), TR_E_IO, "pairs:1: expected one number");
}

static void refusals(tr_ctx *ctx) {
  tr_grid grid = grid_of(ctx, "shift");
  tr_interpolant linear;
  double *t;
  int n;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_ERROR(ctx, tr_grid_set(ctx, &grid, "rho", 2), TR_E_ARG, "no parameter 'rho': it has shift");
  CHECK_ERROR(ctx, tr_grid_set(ctx, &grid, "shift", 0), TR_E_ARG,
              "shift of shift is 0: use a finite number from 1e-06 to 1000000");
  CHECK_ERROR(ctx, tr_grid_set(ctx, &grid, "shift", NAN), TR_E_ARG, "finite number");
  CHECK_ERROR(ctx, tr_grid_set(ctx, &grid, "shift", 1e308), TR_E_ARG, "shift of shift is 1e+308");
  CHECK_ERROR(ctx, tr_grid_points(ctx, &grid, &linear, 0, 1, 1, &t, &n), TR_E_ARG, "1 sampling steps");
  grid = grid_of(ctx, "quadratic");
  CHECK_ERROR(ctx, tr_grid_set(ctx, &grid, "shift", 2), TR_E_ARG, "has no parameter 'shift'");
  CHECK_ERROR(ctx, tr_grid_find(ctx, "cosin", &grid), TR_E_ARG, "did you mean 'cosine'");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  ends_and_direction(ctx);
  formulas(ctx);
  infinite_ends(ctx);
  lists(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
