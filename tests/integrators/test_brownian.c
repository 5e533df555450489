/* Brownian paths: addresses do not know the batch; coarse paths are the same path; the Levy area belongs to
 * it. */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "integrators/sde/brownian.h"
#include "tests/support/check.h"

/* TR_TEST_RESOURCES */

enum { ROWS = 5, ROW = 7, COUNT = ROWS * ROW };

static tr_array *block(tr_ctx *ctx, tr_dtype dtype, int rows) {
  tr_array *a = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, (int64_t[]){rows, ROW}, &a));
  return a;
}

static void draw(tr_ctx *ctx, const tr_brownian *path, tr_dtype dtype, int rows, long step, double *z,
                 double *z2) {
  tr_array *a = block(ctx, dtype, rows), *b = block(ctx, dtype, rows);
  CHECK_OK(ctx, tr_brownian_normals(path, step, a, z2 ? b : NULL));
  CHECK_OK(ctx, tr_array_get_f64(a, z));
  if (z2) CHECK_OK(ctx, tr_array_get_f64(b, z2));
  tr_array_destroy(&a);
  tr_array_destroy(&b);
}

static tr_brownian *addressed(tr_ctx *ctx, uint64_t seed, uint64_t first) {
  tr_brownian *path = NULL;
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, seed, first, &path));
  return path;
}
static tr_brownian *coarse(tr_ctx *ctx, const tr_brownian *fine, int factor) {
  tr_brownian *path = NULL;
  CHECK_OK(ctx, tr_brownian_create_coarse(ctx, fine, factor, &path));
  return path;
}

static void batch_free(tr_ctx *ctx, tr_dtype dtype, int factor) {
  double z[COUNT], z2[COUNT], one[ROW], one2[ROW];
  tr_brownian *base = addressed(ctx, 3, 40), *all = coarse(ctx, base, factor);
  draw(ctx, all, dtype, ROWS, 9, z, z2);
  for (int i = 0; i < ROWS; i++) {
    tr_brownian *alone_base = addressed(ctx, 3, 40 + (uint64_t)i), *alone = coarse(ctx, alone_base, factor);
    draw(ctx, alone, dtype, 1, 9, one, one2);
    CHECK(memcmp(one, z + i * ROW, sizeof one) == 0);
    CHECK(memcmp(one2, z2 + i * ROW, sizeof one2) == 0);
    tr_brownian_destroy(&alone);
    tr_brownian_destroy(&alone_base);
  }
  tr_brownian_destroy(&all);
  tr_brownian_destroy(&base);
}

/* Different seeds, steps and the two normals of a step differ; the same address gives the same bits. */
static void addresses_matter(tr_ctx *ctx) {
  double a[COUNT], a2[COUNT], b[COUNT];
  tr_brownian *path = addressed(ctx, 3, 0), *other = addressed(ctx, 4, 0);
  draw(ctx, path, TR_F64, ROWS, 0, a, a2);
  draw(ctx, path, TR_F64, ROWS, 0, b, NULL);
  CHECK(memcmp(a, b, sizeof a) == 0);
  CHECK(memcmp(a, a2, sizeof a) != 0);
  draw(ctx, path, TR_F64, ROWS, 1, b, NULL);
  CHECK(memcmp(a, b, sizeof a) != 0);
  draw(ctx, other, TR_F64, ROWS, 0, b, NULL);
  CHECK(memcmp(a, b, sizeof a) != 0);
  tr_brownian_destroy(&path);
  tr_brownian_destroy(&other);
}

/* Coarse by 2 and then by 3 is coarse by 6; the increments add up. */
static void composition(tr_ctx *ctx) {
  double once[COUNT], once2[COUNT], twice[COUNT], twice2[COUNT], sum[COUNT] = {0}, z[COUNT];
  tr_brownian *fine = addressed(ctx, 5, 0), *two = coarse(ctx, fine, 2), *six = coarse(ctx, fine, 6),
              *two_three = coarse(ctx, two, 3);
  draw(ctx, six, TR_F64, ROWS, 4, once, once2);
  draw(ctx, two_three, TR_F64, ROWS, 4, twice, twice2);
  for (int j = 0; j < 6; j++) {
    draw(ctx, fine, TR_F64, ROWS, 4 * 6 + j, z, NULL);
    for (int i = 0; i < COUNT; i++) sum[i] += z[i] / sqrt(6);
  }
  for (int i = 0; i < COUNT; i++) {
    CHECK_NEAR(twice[i], once[i], 1e-13);
    CHECK_NEAR(twice2[i], once2[i], 1e-13);
    CHECK_NEAR(sum[i], once[i], 1e-13);
  }
  tr_brownian_destroy(&two_three);
  tr_brownian_destroy(&six);
  tr_brownian_destroy(&two);
  tr_brownian_destroy(&fine);
}

/* H from its definition, the mean of W over the step minus half the increment, with W summed up from very
 * many fine steps: agrees with the Levy normal of the coarse path. */
static void levy_by_definition(tr_ctx *ctx) {
  enum { M = 4096 };
  double h = 1.0 / M, w[ROW] = {0}, area[ROW] = {0}, z[ROW], once[ROW], once2[ROW];
  tr_brownian *fine = addressed(ctx, 6, 0), *whole = coarse(ctx, fine, M);
  draw(ctx, whole, TR_F64, 1, 0, once, once2);
  for (int j = 0; j < M; j++) {
    draw(ctx, fine, TR_F64, 1, j, z, NULL);
    for (int i = 0; i < ROW; i++) {
      area[i] += h * (w[i] + sqrt(h) * z[i] / 2);
      w[i] += sqrt(h) * z[i];
    }
  }
  for (int i = 0; i < ROW; i++) {
    CHECK_NEAR(once[i], w[i], 1e-12);
    CHECK_NEAR(once2[i], (area[i] - w[i] / 2) * sqrt(12), 1e-3);
  }
  tr_brownian_destroy(&whole);
  tr_brownian_destroy(&fine);
}

/* The two normals of a coarse step: unit variance, uncorrelated, within five standard errors. */
static void coarse_moments(tr_ctx *ctx) {
  enum { STEPS = 400, N = STEPS * COUNT };
  double z[COUNT], z2[COUNT], var = 0, var2 = 0, cov = 0;
  tr_brownian *fine = addressed(ctx, 8, 0), *path = coarse(ctx, fine, 3);
  for (int k = 0; k < STEPS; k++) {
    draw(ctx, path, TR_F64, ROWS, k, z, z2);
    for (int i = 0; i < COUNT; i++)
      var += z[i] * z[i] / N, var2 += z2[i] * z2[i] / N, cov += z[i] * z2[i] / N;
  }
  CHECK_NEAR(var, 1, 5 * sqrt(2.0 / N));
  CHECK_NEAR(var2, 1, 5 * sqrt(2.0 / N));
  CHECK_NEAR(cov, 0, 5 / sqrt(N));
  tr_brownian_destroy(&path);
  tr_brownian_destroy(&fine);
}

static tr_status count_up(long step, tr_array *z, void *user) {
  return *(int *)user ? TR_E_IO : tr_fill((double)step, z);
}

static tr_status count_down(long step, tr_array *z, void *user) {
  return *(int *)user ? TR_E_IO : tr_fill(-(double)step, z);
}

static void given_and_refused(tr_ctx *ctx) {
  int fail = 0;
  double z[COUNT];
  tr_brownian *path = NULL, *none = NULL;
  CHECK_OK(ctx, tr_brownian_create_given(ctx, 3, count_up, &fail, &path));
  draw(ctx, path, TR_F32, ROWS, 2, z, NULL);
  CHECK(z[0] == 2 && z[COUNT - 1] == 2);
  tr_array *a = block(ctx, TR_F64, ROWS), *b = block(ctx, TR_F64, ROWS);
  CHECK_ERROR(ctx, tr_brownian_normals(path, 3, a, NULL), TR_E_ARG, "step 3");
  CHECK_ERROR(ctx, tr_brownian_normals(path, -1, a, NULL), TR_E_ARG, "step -1");
  CHECK_ERROR(ctx, tr_brownian_normals(path, 0, a, b), TR_E_UNSUPPORTED, "Levy");
  tr_brownian *both = NULL;
  CHECK_OK(ctx, tr_brownian_create_given_levy(ctx, 3, count_up, count_down, &fail, &both));
  double z2[COUNT];
  draw(ctx, both, TR_F64, ROWS, 2, z, z2);
  CHECK(z[3] == 2 && z2[3] == -2);
  fail = 1;
  CHECK_ERROR(ctx, tr_brownian_normals(path, 0, a, NULL), TR_E_IO, "step 0");
  CHECK_ERROR(ctx, tr_brownian_create_given(ctx, 0, count_up, &fail, &none), TR_E_ARG, "at least 1");
  CHECK_ERROR(ctx, tr_brownian_create_given(ctx, 3, NULL, &fail, &none), TR_E_ARG, "read is NULL");
  CHECK_ERROR(ctx, tr_brownian_create_coarse(ctx, path, 0, &none), TR_E_ARG, "factor");
  CHECK_ERROR(ctx, tr_brownian_create_coarse(ctx, NULL, 2, &none), TR_E_ARG, "fine");
  CHECK(none == NULL);
  CHECK_ERROR(ctx, tr_brownian_normals(both, 0, a, b), TR_E_IO, "step 0");
  CHECK_ERROR(ctx, tr_brownian_create_given_levy(ctx, 3, count_up, NULL, &fail, &none), TR_E_ARG,
              "read_levy is NULL");
  CHECK_ERROR(ctx, tr_brownian_create_given_levy(ctx, 0, count_up, count_down, &fail, &none), TR_E_ARG,
              "not 0");
  CHECK(none == NULL);
  tr_brownian_destroy(&both);
  tr_brownian *many = addressed(ctx, 1, 0);
  CHECK_ERROR(ctx, tr_brownian_normals(many, (long)1 << 32, a, NULL), TR_E_ARG, "4294967296");
  tr_brownian_destroy(&many);
  tr_brownian_destroy(&path);
  tr_brownian_destroy(&path); /* NULL is fine */
  tr_array_destroy(&a);
  tr_array_destroy(&b);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  batch_free(ctx, TR_F64, 1);
  batch_free(ctx, TR_F32, 4);
  addresses_matter(ctx);
  composition(ctx);
  levy_by_definition(ctx);
  coarse_moments(ctx);
  given_and_refused(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
