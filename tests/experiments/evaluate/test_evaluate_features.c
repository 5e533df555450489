/* All metrics of two sets of features at once: goldens, what is absent and why, warnings, bad input. */
#include "experiments/evaluate/features.h"
#include "tests/experiments/evaluate/rows.h"

/* The goldens' two sides. */
typedef struct {
  double *memory[7];
  evaluate_input in;
  tr_npz *npz;
} sides;

static void open_sides(tr_ctx *ctx, sides *s) {
  *s = (sides){.npz = golden_open(ctx, "metrics/metrics")};
  evaluate_side *a = &s->in.samples, *b = &s->in.reference;
  a->name = "--features A.npz", b->name = "--reference-features B.npz";
  a->pool = golden_rows(ctx, s->npz, "gen", &s->memory[0]);
  a->spatial = golden_rows(ctx, s->npz, "gen_spatial", &s->memory[1]);
  a->scores = golden_rows(ctx, s->npz, "gen_logits", &s->memory[2]), a->logits = true;
  b->pool = golden_rows(ctx, s->npz, "ref", &s->memory[3]);
  b->spatial = golden_rows(ctx, s->npz, "ref_spatial", &s->memory[4]);
  s->in.split.block = 100;
}

static void close_sides(sides *s) {
  for (int i = 0; i < 7; i++) free(s->memory[i]);
  tr_npz_close(&s->npz);
}

static evaluate_result evaluate(tr_ctx *ctx, const evaluate_input *in) {
  program p = {.ctx = ctx};
  evaluate_result out = {0};
  CHECK_OK(ctx, evaluate_features(&p, in, &out));
  return out;
}

static void fails(tr_ctx *ctx, const evaluate_input *in, tr_status status, const char *word) {
  program p = {.ctx = ctx};
  evaluate_result out;
  CHECK_ERROR(ctx, evaluate_features(&p, in, &out), status, word);
}

static bool warned(const evaluate_result *r, const char *text) {
  for (int i = 0; i < r->n_warnings; i++)
    if (strstr(r->warning[i], text)) return true;
  return false;
}

static void goldens(tr_ctx *ctx) {
  sides s;
  open_sides(ctx, &s);
  const evaluate_result r = evaluate(ctx, &s.in);
  static const struct {
    evaluate_metric metric;
    const char *entry;
    double within;
  } wanted[] = {{EVALUATE_FID, "fid", 1e-12},
                {EVALUATE_SFID, "sfid", 1e-12},
                {EVALUATE_INCEPTION_SCORE, "is_split_size_mean", 1e-10},
                {EVALUATE_PRECISION, "precision", 1e-15},
                {EVALUATE_RECALL, "recall", 1e-15},
                {EVALUATE_KID, "kid_all", 1e-10}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    const evaluate_entry *e = &r.metric[wanted[i].metric];
    printf("%s %.6f (%.6f to %.6f)\n", evaluate_names[wanted[i].metric], e->number.value, e->number.low,
           e->number.high);
    CHECK(!e->absent && e->why[0] == 0);
    CHECK_NEAR(e->number.value, golden_scalar(ctx, s.npz, wanted[i].entry), wanted[i].within);
    CHECK(e->number.low < e->number.value && e->number.value < e->number.high);
  }
  CHECK(r.n == 360 && r.reference_n == 400 && r.metric[EVALUATE_FID_INF].absent);
  CHECK(r.n_warnings == 2 && warned(&r, "--features A.npz: 360 samples, not 50000") &&
        warned(&r, "400 samples"));
  /* the same again is the same to the bit; k and subsets are taken */
  const evaluate_result again = evaluate(ctx, &s.in);
  CHECK(memcmp(again.metric, r.metric, sizeof r.metric) == 0);
  s.in.neighbours = 1, s.in.kid_size = 100, s.in.kid_subsets = 20, s.in.limit_points = 7;
  const evaluate_result other = evaluate(ctx, &s.in);
  CHECK_NEAR(other.metric[EVALUATE_PRECISION].number.value, 0.625, 1e-12);
  CHECK_NEAR(other.metric[EVALUATE_KID].number.value, golden_scalar(ctx, s.npz, "kid_all"), 0.03);
  CHECK(other.metric[EVALUATE_KID].number.value != r.metric[EVALUATE_KID].number.value);
  CHECK(other.limit_points == 7 && other.limit_n[0] == 36 && other.limit_n[6] == 360);
  CHECK_NEAR(other.limit_fid[6], r.metric[EVALUATE_FID].number.value, 1e-12);
  CHECK(other.metric[EVALUATE_FID_INF].number.value < other.limit_fid[6]);
  close_sides(&s);
}

/* Stored statistics serve FID, samples the rest; what is not there is said. */
static void absences(tr_ctx *ctx) {
  sides s;
  open_sides(ctx, &s);
  const metric_rows mu = golden_rows(ctx, s.npz, "mu_ref", &s.memory[5]),
                    sigma = golden_rows(ctx, s.npz, "sigma_ref", &s.memory[6]);
  evaluate_side *b = &s.in.reference;
  CHECK_OK(ctx, metric_gaussian_given(ctx, "B.npz", 0, 24, mu.data, sigma.data, &b->pool_given));
  b->pool.n = 0, b->spatial.n = 0, s.in.samples.scores.n = 0;
  const evaluate_result r = evaluate(ctx, &s.in);
  CHECK_NEAR(r.metric[EVALUATE_FID].number.value, golden_scalar(ctx, s.npz, "fid"), 1e-12);
  CHECK(r.metric[EVALUATE_FID].number.high > r.metric[EVALUATE_FID].number.low &&
        !r.metric[EVALUATE_FID].absent);
  for (evaluate_metric m = EVALUATE_SFID; m < EVALUATE_COUNT; m++)
    CHECK(r.metric[m].absent && r.metric[m].why[0] && isnan(r.metric[m].number.value));
  CHECK(strstr(r.metric[EVALUATE_SFID].why, "--reference-features B.npz has no spatial"));
  CHECK(strstr(r.metric[EVALUATE_INCEPTION_SCORE].why, "A.npz has no scores"));
  CHECK(r.reference_n == 0 && warned(&r, "stored statistics do not say"));
  metric_gaussian_free(&b->pool_given);
  close_sides(&s);
}

/* As many samples as neighbours, and fewer than features: what there is of them, and what they are warned of.
 */
static void few(tr_ctx *ctx) {
  sides s;
  open_sides(ctx, &s);
  s.in.samples.pool.n = s.in.samples.spatial.n = s.in.samples.scores.n = 3;
  const evaluate_result r = evaluate(ctx, &s.in);
  CHECK(!r.metric[EVALUATE_FID].absent && isfinite(r.metric[EVALUATE_FID].number.value));
  CHECK(!r.metric[EVALUATE_KID].absent && r.metric[EVALUATE_PRECISION].absent &&
        r.metric[EVALUATE_RECALL].absent);
  CHECK(strstr(r.metric[EVALUATE_RECALL].why, "3 samples"));
  CHECK(warned(&r, "fewer samples than features (3, 24), fid") && warned(&r, "(3, 14), sfid"));
  close_sides(&s);
}

static void bad_input(tr_ctx *ctx) {
  sides s;
  open_sides(ctx, &s);
  evaluate_input in = s.in;
  in.samples.pool.n = in.samples.spatial.n = in.samples.scores.n = 1;
  fails(ctx, &in, TR_E_ARG, "gen: 1 sample, at least 2");
  in = s.in, in.samples.spatial.n = 300;
  fails(ctx, &in, TR_E_ARG, "gen_spatial: 300 samples, and gen has 360");
  in = s.in, in.reference.pool = in.reference.spatial;
  fails(ctx, &in, TR_E_SHAPE, "pool features of 24 and of 14 numbers");
  in = s.in, in.samples.logits = false;
  fails(ctx, &in, TR_E_ARG, "gen_logits: row 0 holds a probability of");
  in = s.in, in.samples = (evaluate_side){.name = "A.npz"};
  fails(ctx, &in, TR_E_ARG, "A.npz: no features");
  in = s.in, in.limit_points = 1;
  fails(ctx, &in, TR_E_ARG, "1 points");
  s.memory[3][24 * 17 + 3] = NAN;
  fails(ctx, &s.in, TR_E_NONFINITE, "ref: row 17");
  close_sides(&s);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  goldens(ctx);
  absences(ctx);
  few(ctx);
  bad_input(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
