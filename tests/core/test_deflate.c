/* Deflation: the shift, an orthonormal basis of what the images show, and the rest of the probes, row by row;
 * images that show nothing new; rows that are left alone; bad arguments. */
/* TR_TEST_RESOURCES */
#include "core/vec/vec.h"
#include "tests/support/check.h"

enum { ROWS = 4, N = 7, R = 3 };
#define UNTOUCHED -5.0

typedef struct {
  tr_array *given, *images, *deflated, *numbers;
  double g[2 * R][ROWS][N], y[R][ROWS][N], q[2 * R][ROWS][N], number[2][ROWS];
} scene;

/* Signs and pseudo-random images; in row 2 these are a multiple of the signs, in row 3 the third is the first
 * one again. */
static void fill(scene *s) {
  for (int k = 0; k < 2 * R; k++)
    for (int i = 0; i < ROWS; i++)
      for (int e = 0; e < N; e++) s->g[k][i][e] = (k * 13 + i * 5 + e * e * 3 + e) % 7 < 3 ? 1 : -1;
  for (int k = 0; k < R; k++)
    for (int i = 0; i < ROWS; i++)
      for (int e = 0; e < N; e++) s->y[k][i][e] = i == 2 ? 2.5 * s->g[k][i][e] : sin(1 + e + 10 * k * k + i);
  for (int e = 0; e < N; e++) s->g[2][3][e] = s->g[0][3][e], s->y[2][3][e] = s->y[0][3][e];
}

static void open_scene(tr_ctx *ctx, tr_dtype dtype, scene *s) {
  const int64_t whole[3] = {2 * R, ROWS, N}, images[3] = {R, ROWS, N}, numbers[2] = {2, ROWS};
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 3, whole, &s->given));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 3, images, &s->images));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 3, whole, &s->deflated));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 2, numbers, &s->numbers));
  fill(s);
  CHECK_OK(ctx, tr_array_set_f64(s->given, s->g[0][0]));
  CHECK_OK(ctx, tr_array_set_f64(s->images, s->y[0][0]));
  CHECK_OK(ctx, tr_array_get_f64(s->images, s->y[0][0])); /* as rounded */
  CHECK_OK(ctx, tr_fill(UNTOUCHED, s->deflated));
  CHECK_OK(ctx, tr_fill(UNTOUCHED, s->numbers));
}

static void close_scene(scene *s) {
  tr_array_destroy(&s->given);
  tr_array_destroy(&s->images);
  tr_array_destroy(&s->deflated);
  tr_array_destroy(&s->numbers);
}

static tr_deflate_args all_rows(const scene *s) {
  return (tr_deflate_args){R, 0, ROWS, s->given, s->images, s->deflated, s->numbers};
}

static void read_back(tr_ctx *ctx, scene *s) {
  CHECK_OK(ctx, tr_array_get_f64(s->deflated, s->q[0][0]));
  CHECK_OK(ctx, tr_array_get_f64(s->numbers, s->number[0]));
}

static double dot(const double *a, const double *b) {
  double sum = 0;
  for (int e = 0; e < N; e++) sum += a[e] * b[e];
  return sum;
}

/* How far v is from the space of the basis of row i. */
static double distance(const scene *s, int i, const double *v) {
  double rest[N];
  memcpy(rest, v, sizeof rest);
  for (int k = 0; k < R; k++) {
    double c = dot(s->q[k][i], v);
    for (int e = 0; e < N; e++) rest[e] -= c * s->q[k][i][e];
  }
  return sqrt(dot(rest, rest));
}

static void check_row(const scene *s, int i, int rank, double tolerance) {
  double c = 0;
  int seen = 0;
  for (int k = 0; k < R; k++) c += dot(s->g[k][i], s->y[k][i]) / (R * N);
  CHECK_NEAR(s->number[0][i], c, tolerance);
  CHECK(s->number[1][i] == N - rank);
  for (int k = 0; k < R; k++) {
    const double *q = s->q[k][i], length = dot(q, q);
    double image[N];
    CHECK(length == 0 || fabs(length - 1) < tolerance);
    seen += length != 0;
    for (int j = 0; j < k; j++) CHECK_NEAR(dot(q, s->q[j][i]), 0, tolerance);
    for (int e = 0; e < N; e++) image[e] = s->y[k][i][e] - s->number[0][i] * s->g[k][i][e];
    CHECK_NEAR(distance(s, i, image), 0, 4 * tolerance);
  }
  CHECK(seen == rank);
  for (int k = R; k < 2 * R; k++) {
    double taken[N];
    for (int j = 0; j < R; j++) CHECK_NEAR(dot(s->q[k][i], s->q[j][i]), 0, 2 * tolerance);
    for (int e = 0; e < N; e++) taken[e] = s->g[k][i][e] - s->q[k][i][e];
    CHECK_NEAR(distance(s, i, taken), 0, 4 * tolerance);
  }
}

static void rows(tr_ctx *ctx, tr_dtype dtype) {
  const double tolerance = dtype == TR_F32 ? 1e-6 : 1e-14;
  scene s;
  open_scene(ctx, dtype, &s);
  tr_deflate_args args = all_rows(&s);
  CHECK_OK(ctx, tr_deflate(&args));
  read_back(ctx, &s);
  for (int i = 0; i < 3; i++) check_row(&s, i, i == 2 ? 0 : R, tolerance);
  if (dtype == TR_F64) check_row(&s, 3, R - 1, tolerance); /* in f32 its rounding is a direction of its own */
  for (int k = R; k < 2 * R; k++) CHECK(memcmp(s.q[k][2], s.g[k][2], sizeof s.q[k][2]) == 0);
  close_scene(&s);
}

/* A few rows have the bits that they have among all, and the others stay. */
static void some_rows(tr_ctx *ctx, tr_dtype dtype) {
  static scene s, whole;
  open_scene(ctx, dtype, &whole);
  open_scene(ctx, dtype, &s);
  tr_deflate_args all = all_rows(&whole), some = all_rows(&s);
  some.first = 1, some.rows = 2;
  CHECK_OK(ctx, tr_deflate(&all));
  CHECK_OK(ctx, tr_deflate(&some));
  read_back(ctx, &whole);
  read_back(ctx, &s);
  for (int k = 0; k < 2 * R; k++)
    for (int i = 0; i < ROWS; i++)
      for (int e = 0; e < N; e++) CHECK(s.q[k][i][e] == (i == 1 || i == 2 ? whole.q[k][i][e] : UNTOUCHED));
  for (int j = 0; j < 2; j++)
    for (int i = 0; i < ROWS; i++)
      CHECK(s.number[j][i] == (i == 1 || i == 2 ? whole.number[j][i] : UNTOUCHED));
  some.rows = 0;
  CHECK_OK(ctx, tr_deflate(&some));
  close_scene(&s);
  close_scene(&whole);
}

static void bad_input(tr_ctx *ctx) {
  static scene s, other;
  open_scene(ctx, TR_F64, &s);
  open_scene(ctx, TR_F32, &other);
  const tr_deflate_args good = all_rows(&s);
  tr_deflate_args bad[9];
  for (int k = 0; k < 9; k++) bad[k] = good;
  bad[0].basis = 0;
  bad[1].basis = R + 1;
  bad[2].first = -1;
  bad[3].first = 1;
  bad[4].rows = -1;
  bad[5].deflated = s.given;
  bad[6].deflated = s.images;
  bad[7].images = other.images;
  bad[8].numbers = s.given;
  for (int k = 0; k < 9; k++) CHECK_ERROR(ctx, tr_deflate(&bad[k]), TR_E_SHAPE, "a deflation of");
  bad[0] = good, bad[0].images = NULL;
  CHECK_ERROR(ctx, tr_deflate(&bad[0]), TR_E_ARG, "images is NULL");
  close_scene(&s);
  close_scene(&other);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  for (tr_dtype dtype = TR_F32; dtype <= TR_F64; dtype++) {
    rows(ctx, dtype);
    some_rows(ctx, dtype);
  }
  bad_input(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
