/* The virtual Brownian tree: one path whatever is asked in whatever order, with the law of Brownian motion.
 */
#include "core/vec/vec.h"
#include "integrators/sde/brownian.h"
#include "tests/support/check.h"

/* TR_TEST_RESOURCES */

enum { ROWS = 5, ROW = 7, COUNT = ROWS * ROW };

static const double t0 = -0.5, t1 = 1.5;

static tr_brownian *tree(tr_ctx *ctx, uint64_t seed, uint64_t first) {
  tr_brownian *path = NULL;
  CHECK_OK(ctx, tr_brownian_create_tree(ctx, seed, first, t0, t1, &path));
  return path;
}

static void draw(tr_ctx *ctx, const tr_brownian *path, tr_dtype dtype, int rows, double from, double to,
                 double *z, double *z2) {
  tr_array *a = NULL, *b = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){rows, ROW}, &a));
  CHECK_OK(ctx, tr_array_like(a, &b));
  CHECK_OK(ctx, tr_brownian_over(path, from, to, a, z2 ? b : NULL));
  CHECK_OK(ctx, tr_array_get_f64(a, z));
  if (z2) CHECK_OK(ctx, tr_array_get_f64(b, z2));
  tr_array_destroy(&a);
  tr_array_destroy(&b);
}

/* Increment and Levy area, not normalised. */
static void ask(tr_ctx *ctx, const tr_brownian *path, double from, double to, double *w, double *levy) {
  draw(ctx, path, TR_F64, ROWS, from, to, w, levy);
  for (int i = 0; i < COUNT; i++) {
    w[i] *= sqrt(to - from);
    levy[i] *= sqrt((to - from) / 12);
  }
}

/* Two neighbouring intervals make the interval of both: at binary fractions, elsewhere, and below the finest
 * nodes. */
static void refinement(tr_ctx *ctx) {
  static const double cases[][3] = {{-0.5, 0.5, 1.5},       {-0.25, 0, 0.75},
                                    {-0.4, 0.3333, 1.4},    {0.1, 0.10003, 0.2},
                                    {0.7, 0.70001, 0.7001}, {0.3, 0.3 + 3e-8, 0.3 + 7e-8}};
  tr_brownian *path = tree(ctx, 3, 0);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    double s = cases[c][0], t = cases[c][1], u = cases[c][2], h1 = t - s, h2 = u - t;
    double w1[COUNT], w2[COUNT], w[COUNT], H1[COUNT], H2[COUNT], H[COUNT];
    ask(ctx, path, s, u, w, H);
    ask(ctx, path, t, u, w2, H2);
    ask(ctx, path, s, t, w1, H1);
    double unit = sqrt(u - s), slack = h1 < 1e-6 ? 1e-4 : 1e-6; /* times are rounded to 2^-40 */
    for (int i = 0; i < COUNT; i++) {
      double levy = (h1 * H1[i] + h2 * H2[i] + (h2 * w1[i] - h1 * w2[i]) / 2) / (u - s);
      CHECK_NEAR((w1[i] + w2[i]) / unit, w[i] / unit, slack);
      CHECK_NEAR(levy / unit, H[i] / unit, slack);
    }
  }
  tr_brownian_destroy(&path);
}

/* H by its definition, from the values of the path at very many times: the mean of W - W_s minus half of dW.
 */
static void levy_by_definition(tr_ctx *ctx) {
  enum { M = 1024 };
  double from = -0.25, to = 0.5, h = (to - from) / M, w[COUNT], H[COUNT], dw[COUNT], unused[COUNT];
  double at[COUNT] = {0}, mean[COUNT] = {0};
  tr_brownian *path = tree(ctx, 4, 0);
  ask(ctx, path, from, to, w, H);
  for (int j = 0; j < M; j++) {
    ask(ctx, path, from + j * h, from + (j + 1) * h, dw, unused);
    for (int i = 0; i < COUNT; i++) {
      mean[i] += (at[i] + dw[i] / 2) / M;
      at[i] += dw[i];
    }
  }
  for (int i = 0; i < COUNT; i++) {
    CHECK_NEAR(at[i], w[i], 1e-10);
    CHECK_NEAR(mean[i] - w[i] / 2, H[i], 2e-3); /* the error of the mean: sqrt(h^3 M / 12) / (to - from) */
  }
  tr_brownian_destroy(&path);
}

/* Over many paths: normals of unit variance, z and z2 and those of other intervals uncorrelated, within five
 * standard errors. */
static void law(tr_ctx *ctx) {
  enum { SEEDS = 300, N = SEEDS * COUNT, PARTS = 4, NUMBERS = 2 * PARTS };
  static const double cut[PARTS + 1] = {-0.5, 0.25, 0.26, 0.61, 0.6123};
  double product[NUMBERS][NUMBERS] = {{0}};
  for (int seed = 0; seed < SEEDS; seed++) {
    double value[NUMBERS][COUNT];
    tr_brownian *path = tree(ctx, 100 + (uint64_t)seed, 0);
    for (int k = 0; k < PARTS; k++)
      draw(ctx, path, TR_F64, ROWS, cut[k], cut[k + 1], value[2 * k], value[2 * k + 1]);
    for (int a = 0; a < NUMBERS; a++)
      for (int b = 0; b <= a; b++)
        for (int i = 0; i < COUNT; i++) product[a][b] += value[a][i] * value[b][i] / N;
    tr_brownian_destroy(&path);
  }
  for (int a = 0; a < NUMBERS; a++)
    for (int b = 0; b <= a; b++) CHECK_NEAR(product[a][b], a == b, 5 * sqrt((a == b ? 2.0 : 1.0) / N));
}

static void addressed(tr_ctx *ctx, tr_dtype dtype) {
  double z[COUNT], z2[COUNT], again[COUNT], again2[COUNT], other[COUNT];
  tr_brownian *path = tree(ctx, 3, 40), *seed = tree(ctx, 4, 40);
  draw(ctx, path, dtype, ROWS, 0.1, 0.3, z, z2);
  draw(ctx, path, dtype, ROWS, 0.2, 0.9, other, NULL);
  draw(ctx, path, dtype, ROWS, 0.1, 0.3, again, again2);
  CHECK(memcmp(z, again, sizeof z) == 0 && memcmp(z2, again2, sizeof z) == 0);
  draw(ctx, seed, dtype, ROWS, 0.1, 0.3, other, NULL);
  CHECK(memcmp(z, other, sizeof z) != 0);
  for (int i = 0; i < ROWS; i++) { /* whatever the batch */
    double one[ROW], one2[ROW];
    tr_brownian *alone = tree(ctx, 3, 40 + (uint64_t)i);
    draw(ctx, alone, dtype, 1, 0.1, 0.3, one, one2);
    CHECK(memcmp(one, z + i * ROW, sizeof one) == 0 && memcmp(one2, z2 + i * ROW, sizeof one2) == 0);
    tr_brownian_destroy(&alone);
  }
  draw(ctx, path, TR_F64, ROWS, 0.1, 0.3, other, NULL);
  CHECK(check_relative(z, other, COUNT) <= (dtype == TR_F64 ? 0 : 3e-6));
  tr_brownian_destroy(&path);
  tr_brownian_destroy(&seed);
}

static void refused(tr_ctx *ctx) {
  tr_brownian *path = tree(ctx, 3, 0), *steps = NULL, *none = NULL;
  tr_array *z = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){3}, &z));
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 3, 0, &steps));
  CHECK(tr_brownian_knows_times(path) && !tr_brownian_knows_times(steps));
  CHECK_ERROR(ctx, tr_brownian_over(path, 0, 1.6, z, NULL), TR_E_ARG, "0 to 1.6");
  CHECK_ERROR(ctx, tr_brownian_over(path, -0.6, 0, z, NULL), TR_E_ARG, "-0.6 to 0");
  CHECK_ERROR(ctx, tr_brownian_over(path, 0.3, 0.3, z, NULL), TR_E_ARG, "0.3 to 0.3");
  CHECK_ERROR(ctx, tr_brownian_over(path, 0.3, 0.2, z, NULL), TR_E_ARG, "0.3 to 0.2");
  CHECK_ERROR(ctx, tr_brownian_over(path, NAN, 0.2, z, NULL), TR_E_ARG, "nan");
  CHECK_ERROR(ctx, tr_brownian_over(steps, 0, 1, z, NULL), TR_E_UNSUPPORTED, "tree");
  CHECK_ERROR(ctx, tr_brownian_normals(path, 2, z, NULL), TR_E_UNSUPPORTED, "step 2");
  CHECK_ERROR(ctx, tr_brownian_create_tree(ctx, 1, 0, 1, 1, &none), TR_E_ARG, "increase");
  CHECK_ERROR(ctx, tr_brownian_create_tree(ctx, 1, 0, 0, INFINITY, &none), TR_E_ARG, "inf");
  CHECK_ERROR(ctx, tr_brownian_create_tree(ctx, 1, 0, NAN, 1, &none), TR_E_ARG, "nan");
  CHECK(none == NULL);
  tr_array_destroy(&z);
  tr_brownian_destroy(&steps);
  tr_brownian_destroy(&path);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  refinement(ctx);
  levy_by_definition(ctx);
  law(ctx);
  addressed(ctx, TR_F64);
  addressed(ctx, TR_F32);
  refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
