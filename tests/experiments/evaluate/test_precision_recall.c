/* Neighbours, precision and recall: by hand on a line, against all distances by differences with many ties,
 * goldens, degenerate sets, bad input. */
/* TR_TEST_DEVICE */
#include "experiments/evaluate/metrics/precision_recall.h"

#include "experiments/evaluate/metrics/bootstrap.h"
#include "experiments/evaluate/metrics/neighbours.h"
#include "tests/experiments/evaluate/rows.h"

/* On a line, balls to the nearest neighbour: those of 0, 1, 2, 3 reach 1. 4 lies on a border, 4.5 and 10
 * outside. The ball of 0.5 reaches to 4 and holds the whole reference. */
static void by_hand(tr_ctx *ctx) {
  const double reference[] = {0, 1, 2, 3}, generated[] = {0.5, 4, 10, 4.5}, far[] = {100, 100.5, 101};
  const metric_rows r = rows_of(4, 1, reference), g = rows_of(4, 1, generated), f = rows_of(3, 1, far);
  double radii2[4];
  bool inside[4];
  metric_coverage out;
  CHECK_OK(ctx, metric_precision_recall(
                    ctx, &g, &r, 1, 1, &out,
                    &(metric_decisions){.radii2_generated = radii2, .generated_inside = inside}));
  CHECK(out.precision.value == 0.5 && out.recall.value == 1);
  CHECK(inside[0] && inside[1] && !inside[2] && !inside[3]);
  CHECK(radii2[0] == 3.5 * 3.5 && radii2[1] == 0.25 && radii2[2] == 5.5 * 5.5 && radii2[3] == 0.25);
  CHECK(out.precision.low < 0.5 && out.precision.high > 0.5);
  CHECK_NEAR(out.recall.low, pow(0.05, 0.25), 1e-15);
  CHECK(out.recall.high == 1);
  CHECK_OK(ctx, metric_precision_recall(ctx, &f, &r, 2, 1, &out, NULL));
  CHECK(out.precision.value == 0 && out.recall.value == 0 && out.recall.low == 0);
  CHECK_NEAR(out.recall.high, 1 - pow(0.05, 0.25), 1e-15);
}

static double squared(const metric_rows *a, int64_t i, const metric_rows *b, int64_t j) {
  const double *x = (const double *)a->data + i * a->d, *y = (const double *)b->data + j * b->d;
  double sum = 0;
  for (int64_t k = 0; k < a->d; k++) sum += (x[k] - y[k]) * (x[k] - y[k]);
  return sum;
}

/* The nearest, one after the other, by all distances. */
static void against_all(tr_ctx *ctx, const metric_rows *points, const metric_rows *centres, int k) {
  double *found = malloc((size_t)(points->n * k) * sizeof *found);
  int64_t *index = malloc((size_t)(points->n * k) * sizeof *index);
  const metric_rows *of = centres ? centres : points;
  int wrong = 0;
  CHECK_OK(ctx, metric_neighbours(ctx, points, centres, k, found, index));
  for (int64_t i = 0; i < points->n; i++) {
    double last = -1;
    int64_t last_index = -1;
    for (int c = 0; c < k; c++) {
      double best = INFINITY;
      int64_t at = -1;
      for (int64_t j = 0; j < of->n; j++) {
        const double d2 = squared(points, i, of, j);
        if ((!centres && i == j) || d2 < last || (d2 == last && j <= last_index) || d2 >= best) continue;
        best = d2, at = j;
      }
      wrong += fabs(found[i * k + c] - best) > 1e-12 * best || index[i * k + c] != at;
      last = best, last_index = at;
    }
  }
  CHECK(wrong == 0);
  free(found), free(index);
}

/* More rows than a tile; and whole numbers far from 0, where most distances are shared by many. */
static void neighbours(tr_ctx *ctx) {
  enum { N = 1300, D = 11, M = 300, E = 3 };
  static double x[N * D], lattice[(N + M) * E];
  draw_rows(5, N, D, x);
  const metric_rows points = rows_of(N, D, x), some = metric_rows_part(&points, 1000, 300);
  against_all(ctx, &points, NULL, 4);
  against_all(ctx, &some, &points, 1);
  draw_rows(6, N + M, E, lattice);
  for (int i = 0; i < (N + M) * E; i++) lattice[i] = 1e6 + rint(2 * lattice[i]);
  const metric_rows all = rows_of(N, E, lattice), others = rows_of(M, E, lattice + N * E);
  against_all(ctx, &others, NULL, 3);
  against_all(ctx, &others, &all, 5);
  /* and the decisions: of radii that are themselves distances */
  static double radii2[N], radii2_others[M];
  static bool inside[N], inside_others[M];
  for (int i = 0; i < N; i++) radii2[i] = i % 3;
  for (int i = 0; i < M; i++) radii2_others[i] = i % 4 ? 1 : 2;
  CHECK_OK(ctx, metric_inside(ctx, &all, radii2, inside, &others, radii2_others, inside_others));
  int wrong = 0;
  for (int64_t i = 0; i < N; i++) {
    bool want = false;
    for (int64_t j = 0; j < M; j++) want |= squared(&all, i, &others, j) <= radii2_others[j];
    wrong += want != inside[i];
  }
  for (int64_t j = 0; j < M; j++) {
    bool want = false;
    for (int64_t i = 0; i < N; i++) want |= squared(&all, i, &others, j) <= radii2[i];
    wrong += want != inside_others[j];
  }
  CHECK(wrong == 0);
}

static void goldens(tr_ctx *ctx) {
  tr_npz *npz = golden_open(ctx, "metrics/metrics");
  static double radii2_gen[360], radii2_ref[400];
  static bool gen_inside[360], ref_inside[400];
  double *memory[8];
  const metric_rows ref = golden_rows(ctx, npz, "ref", &memory[0]),
                    gen = golden_rows(ctx, npz, "gen", &memory[1]);
  metric_coverage out;
  CHECK_OK(ctx, metric_precision_recall(ctx, &gen, &ref, (int)golden_scalar(ctx, npz, "k"), 1, &out,
                                        &(metric_decisions){radii2_gen, radii2_ref, gen_inside, ref_inside}));
  CHECK_NEAR(out.precision.value, golden_scalar(ctx, npz, "precision"), 1e-15);
  CHECK_NEAR(out.recall.value, golden_scalar(ctx, npz, "recall"), 1e-15);
  const metric_rows want[] = {golden_rows(ctx, npz, "radii2_gen", &memory[2]),
                              golden_rows(ctx, npz, "radii2_ref", &memory[3]),
                              golden_rows(ctx, npz, "precision_recall_k1", &memory[4]),
                              golden_rows(ctx, npz, "precision_recall_k5", &memory[5])};
  CHECK_NEAR(check_relative(radii2_gen, want[0].data, 360), 0, 1e-14);
  CHECK_NEAR(check_relative(radii2_ref, want[1].data, 400), 0, 1e-14);
  tr_npy decided[2];
  CHECK_OK(ctx, tr_npz_get(npz, "gen_inside_ref", &decided[0]));
  CHECK_OK(ctx, tr_npz_get(npz, "ref_inside_gen", &decided[1]));
  CHECK(decided[0].count == 360 && memcmp(decided[0].data, gen_inside, 360) == 0);
  CHECK(decided[1].count == 400 && memcmp(decided[1].data, ref_inside, 400) == 0);
  tr_npy_close(&decided[0]), tr_npy_close(&decided[1]);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(ctx, metric_precision_recall(ctx, &gen, &ref, i ? 5 : 1, 1, &out, NULL));
    CHECK_NEAR(out.precision.value, memory[4 + i][0], 1e-15);
    CHECK_NEAR(out.recall.value, memory[4 + i][1], 1e-15);
  }
  for (int i = 0; i < 6; i++) free(memory[i]);
  tr_npz_close(&npz);
}

static void degenerate(tr_ctx *ctx) {
  static const char *const cases[] = {"few",       "both_few",         "identical",
                                      "reordered", "all_equal_points", "duplicates"};
  tr_npz *npz = golden_open(ctx, "metrics/degenerate");
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    char entry[4][64];
    double *memory[2];
    static const char *const what[] = {"ref", "gen", "precision", "recall"};
    for (int i = 0; i < 4; i++) snprintf(entry[i], 64, "%s_%s", cases[c], what[i]);
    const metric_rows ref = golden_rows(ctx, npz, entry[0], &memory[0]),
                      gen = golden_rows(ctx, npz, entry[1], &memory[1]);
    metric_coverage out = {{NAN, NAN, NAN}, {NAN, NAN, NAN}};
    CHECK_OK(ctx, metric_precision_recall(ctx, &gen, &ref, 3, 1, &out, NULL));
    CHECK_NEAR(out.precision.value, golden_scalar(ctx, npz, entry[2]), 1e-15);
    CHECK_NEAR(out.recall.value, golden_scalar(ctx, npz, entry[3]), 1e-15);
    free(memory[0]), free(memory[1]);
  }
  tr_npz_close(&npz);
}

/* The bootstrap of a share has the deviation sqrt(p (1 - p) / n). */
static void shares(tr_ctx *ctx) {
  bool decisions[400];
  metric_value out;
  for (int i = 0; i < 400; i++) decisions[i] = i % 5 == 0;
  CHECK_OK(ctx, metric_share(ctx, 400, decisions, 1, &out));
  CHECK(out.value == 0.2);
  CHECK_NEAR((out.high - out.low) / (2 * 1.96), 0.02, 0.002);
  CHECK_NEAR((out.high + out.low) / 2, 0.2, 0.003);
}

static void bad_input(tr_ctx *ctx) {
  double x[] = {0, 1, 2, 3, 4, 5}, found[64];
  const metric_rows three = rows_of(3, 1, x), five = rows_of(5, 1, x), wide = rows_of(3, 2, x);
  metric_coverage out;
  CHECK_ERROR(ctx, metric_precision_recall(ctx, &three, &five, 3, 1, &out, NULL), TR_E_ARG,
              "3 samples, too few for the 3 nearest neighbours: at least 4");
  CHECK_ERROR(ctx, metric_precision_recall(ctx, &five, &three, 3, 1, &out, NULL), TR_E_ARG, "at least 4");
  CHECK_ERROR(ctx, metric_precision_recall(ctx, &five, &five, 0, 1, &out, NULL), TR_E_ARG, "0 neighbours");
  CHECK_ERROR(ctx, metric_precision_recall(ctx, &five, &five, 33, 1, &out, NULL), TR_E_ARG, "1 to 32");
  CHECK_ERROR(ctx, metric_precision_recall(ctx, &five, &wide, 2, 1, &out, NULL), TR_E_SHAPE,
              "1 numbers a row");
  CHECK_ERROR(ctx, metric_neighbours(ctx, &five, &three, 4, found, NULL), TR_E_ARG, "at least 4");
  x[2] = NAN;
  CHECK_ERROR(ctx, metric_neighbours(ctx, &five, NULL, 1, found, NULL), TR_E_NONFINITE, "row 2");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  by_hand(ctx);
  neighbours(ctx);
  goldens(ctx);
  degenerate(ctx);
  shares(ctx);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
