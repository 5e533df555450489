/* The SDE sampler on exact Gaussian fields, without Monte Carlo (tests/support/problems/moments.h). Every
 * form, path and prediction; orders; the exact first step; last steps; outputs, limits, refusals. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"

/* Every form on every path from t = 0: the right law in the limit, with the method's order. The first order
 * methods may change the sign of their error on the way, so of them only a decrease is asked. */
static void every_form(tr_ctx *ctx) {
  static const struct {
    const char *name;
    double ratio_min, ratio_max, size;
  } methods[] = {
      {"euler-maruyama", 0, 0.75, 0.04}, {"heun-sit", 0, 0.9, 0.07}, {"heun-additive", 0.1, 0.27, 1.5e-3}};
  for (int m = 0; m < 3; m++)
    for (int p = 0; p < 3; p++)
      for (int f = 0; f < MOMENTS_FORMS; f++) {
        tr_table *table;
        tr_sampler s = moments_sampler(ctx, moments_paths[p], methods[m].name, "Tweedie");
        s.diffusion = moments_form(ctx, moments_forms[f], &table);
        double want = moments_tweedie(&s.interpolant, 1 - s.last_size), error[2], mean[2];
        for (int k = 0; k < 2; k++) {
          moments got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, 100 << k);
          error[k] = fabs(got.variance / want - 1);
          mean[k] = fabs(got.mean - MOMENTS_MU);
          CHECK(got.stats.nfe <= s.sde.method->nfe_per_step * (100L << k) + 1 && got.stats.t0 == 0);
          CHECK(got.stats.t_end == 1 && got.stats.n_steps == (100 << k) + 1);
        }
        CHECK(error[1] / error[0] >= methods[m].ratio_min && error[1] / error[0] <= methods[m].ratio_max);
        CHECK_NEAR(error[1], 0, methods[m].size);
        CHECK_NEAR(mean[1], 0, 0.55 * mean[0] + 1e-13);
        tr_table_destroy(&table);
      }
}

/* The law does not depend on what the network predicts, at sample eps 0 too: noise and score start with the
 * exact step, at the price of TR_THETA_MIN in its denoiser (times the step, here 0.01). A denoiser is
 * regular at t = 0 unless D is infinite. */
static void every_prediction(tr_ctx *ctx) {
  static const tr_quantity kinds[] = {TR_NOISE, TR_SCORE, TR_DENOISER};
  for (int p = 0; p < 3; p++)
    for (int f = 0; f < 2; f++)
      for (int k = 0; k < 3; k++) {
        tr_table *table;
        tr_sampler s = moments_sampler(ctx, moments_paths[p], "heun-additive", "Mean");
        s.diffusion = moments_form(ctx, f ? "SBDM" : "sigma", &table);
        moments want = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, 96),
                got = moments_run(ctx, s, kinds[k], MOMENTS_C, 96);
        /* The first step itself differs when it is exact for one prediction and Heun's for the other. */
        bool same_first = p == 2 || f == 1 || kinds[k] == TR_DENOISER;
        CHECK_NEAR(got.mean, want.mean, same_first ? 2e-5 : 1e-3);
        CHECK_NEAR(got.variance / want.variance, 1, same_first ? 2e-5 : 2e-2);
        CHECK(got.stats.t0 == 0);
      }
}

/* For data of no spread the frozen denoiser is exact, and so is one step of any size from t = 0. Two last
 * steps make its law visible: Tweedie gives mu itself, Euler x + v L with v = alpha' mu + (sigma'/sigma)(x -
 * alpha mu). */
static void exact_first_step(tr_ctx *ctx) {
  for (int p = 0; p < 2; p++)
    for (int k = 0; k < 2; k++) {
      tr_sampler s = moments_sampler(ctx, moments_paths[p], "euler-maruyama", "Tweedie");
      tr_quantity kind = k ? TR_NOISE : TR_VELOCITY;
      s.last_size = 0.3;
      CHECK_OK(ctx, tr_diffusion_find(ctx, k ? "sigma" : "SBDM", &s.diffusion));
      moments got = moments_run(ctx, s, kind, 0, 1);
      CHECK_NEAR(got.mean, MOMENTS_MU, 1e-9);
      CHECK_NEAR(got.variance, 0, 1e-18);
      CHECK(got.stats.nfe == 2);
      CHECK_OK(ctx, tr_last_step_find(ctx, "Euler", &s.last));
      got = moments_run(ctx, s, kind, 0, 1);
      tr_coeffs at = tr_interpolant_at(&s.interpolant, 0.7);
      double clamp = k ? 2 * TR_THETA_MIN : 1e-12;
      CHECK_NEAR(got.mean, (at.alpha + 0.3 * at.dalpha) * MOMENTS_MU, clamp);
      CHECK_NEAR(sqrt(got.variance), fabs(1 + 0.3 * at.dsigma / at.sigma) * at.sigma, clamp);
    }
}

/* Without a last step the run reaches the data, where forms with D / sigma finite are legal for every method.
 */
static void to_the_data(tr_ctx *ctx) {
  static const char *const legal[] = {"SBDM", "sigma", "linear", "increasing-decreasing", "KL-eta", "kappa"};
  for (int p = 0; p < 3; p++)
    for (int f = 0; f < 6; f++) {
      tr_table *table;
      tr_sampler s = moments_sampler(ctx, moments_paths[p], "heun-additive", "None");
      s.diffusion = moments_form(ctx, legal[f], &table);
      if (p < 2) {
        moments got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, 400);
        CHECK(got.stats.t1 == 1 && got.stats.t_end == 1 && got.stats.nfe <= 800 && got.stats.n_steps == 400);
        CHECK_NEAR(got.mean, MOMENTS_MU, 1e-4);
        CHECK_NEAR(got.variance / MOMENTS_C, 1, 2e-3);
      }
      s.sde.method = flow_sde_method(ctx, "euler-maruyama");
      moments got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, 400);
      CHECK_NEAR(got.mean, MOMENTS_MU, 5e-3);
      CHECK_NEAR(got.variance / MOMENTS_C, 1, 0.1);
      tr_table_destroy(&table);
    }
}

/* ---- addressed noise, outputs, limits, refusals: on a batch of plain states ---- */

enum { N = 2 };
static const double mean[N] = {0.5, -0.5}, variance[N] = {0.09, 0.25};
static const gaussian target = {N, mean, variance};

static tr_array *draw(tr_ctx *ctx, const tr_sampler *s, int rows) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){rows, N}, &x));
  CHECK_OK(ctx, tr_sample_init(s, x));
  return x;
}

/* Mean and variance of many samples within five standard errors; the last rows drawn alone are the same bits.
 */
static void addressed(tr_ctx *ctx) {
  enum { ROWS = 4000 };
  static double all[ROWS * N], alone[4 * N];
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  s.n_steps = 101;
  CHECK_OK(ctx, tr_last_step_find(ctx, "None", &s.last));
  tr_array *x = draw(ctx, &s, ROWS);
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, all));
  tr_array_destroy(&x);
  for (int i = 0; i < N; i++) {
    double m = 0, v = 0;
    for (int r = 0; r < ROWS; r++) m += all[r * N + i] / ROWS;
    for (int r = 0; r < ROWS; r++) v += (all[r * N + i] - m) * (all[r * N + i] - m) / ROWS;
    CHECK_NEAR(m, mean[i], 5 * sqrt(variance[i] / ROWS));
    CHECK_NEAR(v / variance[i], 1, 5 * sqrt(2.0 / ROWS) + 0.03);
  }
  s.first_sample = ROWS - 4;
  x = draw(ctx, &s, 4);
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, alone));
  CHECK(memcmp(alone, all + (ROWS - 4) * N, sizeof alone) == 0);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

typedef struct {
  int calls, last_index;
  double t[4], value[4];
} outputs;

static tr_status take(int index, double t, const tr_array *x, void *user) {
  outputs *out = user;
  double row[N];
  TR_TRY(tr_array_get_f64(x, row));
  out->t[out->calls] = t;
  out->value[out->calls++] = row[0];
  out->last_index = index;
  return TR_OK;
}

static void outputs_and_limits(tr_ctx *ctx) {
  static const double times[] = {0, 0.48, 0.96, 1};
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  outputs out = {0};
  tr_sample_stats stats;
  double end[N], first[N];
  s.n_steps = 13;
  s.save_times = times;
  s.n_save = 4;
  s.on_output = take;
  s.out_user = &out;
  tr_array *x = draw(ctx, &s, 1);
  CHECK_OK(ctx, tr_array_get_f64(x, first));
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, &stats));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  CHECK(out.calls == 4 && out.last_index == 3 && memcmp(out.t, times, sizeof times) == 0);
  CHECK(out.value[0] == first[0] && out.value[3] == end[0] && out.value[2] != end[0]);
  CHECK(stats.nfe == 13 && stats.n_steps == 13 && stats.t_end == 1 && stats.t1 == 0.96);
  CHECK(stats.stop_reason == TR_STOP_END && strstr(stats.convention, "w = 2 D"));
  CHECK(strcmp(stats.solver, "euler-maruyama") == 0 && stats.clock == TR_CLOCK_T);
  /* A limit is spent to the last evaluation: on steps, and on the last step where one is left for it. */
  s.n_save = 0;
  for (long limit = 1; limit <= 14; limit++) {
    s.max_nfe = limit;
    CHECK_OK(ctx, tr_sample_init(&s, x));
    CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, &stats));
    bool whole = limit >= 13;
    CHECK(stats.nfe == (whole ? 13 : limit) && stats.n_steps == stats.nfe);
    CHECK(stats.stop_reason == (whole ? TR_STOP_END : TR_STOP_MAX_NFE));
    CHECK_NEAR(stats.t_end, whole ? 1 : 0.08 * (double)limit, 1e-12);
  }
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

static int warnings;
static void count_warning(const char *message, void *user) {
  (void)user;
  warnings += strstr(message, "may diverge") != NULL;
}

/* ---- what the warning of steps that may diverge names ---- */

typedef struct {
  int n;
  char text[400];
} heard;
static void hear(const char *message, void *user) {
  heard *h = user;
  h->n += strstr(message, "may diverge") != NULL;
  snprintf(h->text, sizeof h->text, "%s", message);
}

/* The number behind these words, 0 without them. */
static double named(const heard *h, const char *words, bool before) {
  const char *at = strstr(h->text, words);
  if (!at) return 0;
  if (!before) return strtod(at + strlen(words), NULL);
  while (at > h->text && at[-1] != ' ') at--;
  return strtod(at, NULL);
}

/* On data without spread, whose law after any steps is that of the noise alone: over 1 where it should be. */
static double blown_up(tr_ctx *ctx, const tr_sampler *s, int points, heard *h) {
  *h = (heard){0};
  moments got = moments_run(ctx, *s, TR_VELOCITY, 1e-6, points);
  tr_coeffs at = tr_interpolant_at(&s->interpolant, got.stats.t1);
  return got.variance / (at.sigma * at.sigma + at.alpha * at.alpha * 1e-6);
}

/* Each remedy that the warning names works, on the run that it is named for, and one that would not is not
 * named: without a last step a constant D has no number of steps that is enough, nor has sigma above norm 2.
 */
static void remedies(tr_ctx *ctx) {
  static const struct {
    const char *form, *last;
    double norm;
    bool by_steps;
  } cases[] = {{"sigma", "Mean", 100, true}, {"constant", "Mean", 3, true}, {"constant", "None", 1, false},
               {"sigma", "None", 10, false}, {"SBDM", "None", 30, false},   {"linear", "Mean", 40, true}};
  for (int c = 0; c < 6; c++) {
    heard h;
    tr_sampler s = moments_sampler(ctx, "Linear", "euler-maruyama", cases[c].last);
    enum { POINTS = 100 };
    CHECK_OK(ctx, tr_diffusion_find(ctx, cases[c].form, &s.diffusion));
    tr_ctx_on_warning(ctx, hear, &h);
    s.diffusion.norm = cases[c].norm;
    double before = blown_up(ctx, &s, POINTS, &h), norm = named(&h, "a norm of at most ", false);
    int points = (int)named(&h, " sampling steps", true);
    printf("%s %g, %s: %.1e times the variance; %s\n", cases[c].form, cases[c].norm, cases[c].last, before,
           h.text);
    CHECK(h.n == 1 && before > 3 && strstr(h.text, "exponential-euler"));
    CHECK((points > 0) == cases[c].by_steps);
    CHECK(norm > 0 && norm < cases[c].norm);
    if (points > 0) {
      double after = blown_up(ctx, &s, points, &h);
      CHECK(h.n == 0 && points > POINTS && after < before / 2);
    }
    s.diffusion.norm = norm;
    double after = blown_up(ctx, &s, POINTS, &h);
    CHECK(h.n == 0 && after < before / 2);
    s.diffusion.norm = 1.3 * norm;
    blown_up(ctx, &s, POINTS, &h);
    CHECK(h.n == 1);
    s.diffusion.norm = cases[c].norm;
    s.sde.method = flow_sde_method(ctx, "exponential-euler");
    CHECK(blown_up(ctx, &s, POINTS, &h) < before / 2 && h.n == 0);
  }
  tr_ctx_on_warning(ctx, NULL, NULL);
}

/* The limit itself: with a constant D the last of 10 steps to 0.96 has 2 sigma^2 / D = 2 0.136^2 / D. */
static void where_it_warns(tr_ctx *ctx) {
  for (int over = 0; over < 2; over++) {
    heard h;
    tr_sampler s = moments_sampler(ctx, "Linear", "euler-maruyama", "Mean");
    CHECK_OK(ctx, tr_diffusion_find(ctx, "constant", &s.diffusion));
    s.diffusion.norm = 2 * 0.136 * 0.136 / 0.096 * (over ? 1.001 : 0.999);
    tr_ctx_on_warning(ctx, hear, &h);
    blown_up(ctx, &s, 10, &h);
    CHECK(h.n == over);
  }
  tr_ctx_on_warning(ctx, NULL, NULL);
}

static void refusals(tr_ctx *ctx) {
  tr_sampler good = flow_sampler(ctx, "Linear", TR_VELOCITY, &target), s = good;
  tr_array *x = draw(ctx, &good, 1);
  static const double between[] = {0.98};
  outputs out = {0};
  CHECK_OK(ctx, tr_last_step_find(ctx, "None", &s.last));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "constant", &s.diffusion));
  s.sde.method = flow_sde_method(ctx, "heun-sit");
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG,
              "heun-sit evaluates the drift at the end, t = 1, where it is infinite for the form constant");
  s.sde.method = flow_sde_method(ctx, "euler-maruyama");
  tr_ctx_on_warning(ctx, count_warning, NULL);
  s.n_steps = 400;
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, NULL));
  CHECK(warnings == 1);
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &s.diffusion));
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, NULL));
  CHECK(warnings == 1);
  tr_ctx_on_warning(ctx, NULL, NULL);
  s = good;
  CHECK_OK(ctx, tr_diffusion_find(ctx, "constant", &s.diffusion));
  s.last_size = 0;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "the last step Mean is infinite");
  s = good;
  s.reverse = true;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "noise to data only");
  s = good;
  s.max_nfe = -1;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "-1 evaluations");
  s = good;
  s.sde.method = NULL;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "without an SDE method");
  s = good;
  s.last.type = NULL;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "without a last step");
  s = good;
  s.diffusion.type = NULL;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "without a diffusion form");
  s = good;
  s.last_size = 1.5;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "a last step of size 1.5");
  s = good;
  s.save_times = between;
  s.n_save = 1;
  s.on_output = take;
  s.out_user = &out;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "on to 1 in one step");
  s = good;
  s.diffusion.norm = -1;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "norm of the diffusion is -1");
  CHECK(out.calls == 0 && good.drift->n_eval == 2 * 399);
  tr_array_destroy(&x);
  tr_drift_destroy(&good.drift);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  every_form(ctx);
  every_prediction(ctx);
  exact_first_step(ctx);
  to_the_data(ctx);
  addressed(ctx);
  outputs_and_limits(ctx);
  where_it_warns(ctx);
  remedies(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
