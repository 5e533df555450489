/* Conversions between velocity, noise, score, denoiser and the canonical field: every pair on every path
 * against the definitions, finite ends, refusals, one row at its own time. */
/* TR_TEST_RESOURCES */
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "transport/laststep/laststep.h"

static const char *const paths[] = {"Linear", "GVP", "VP"};
static const tr_quantity predictions[] = {TR_VELOCITY, TR_NOISE, TR_SCORE, TR_DENOISER, TR_CANONICAL};
enum { PREDICTIONS = 5 };

static tr_interpolant find(tr_ctx *ctx, const char *name) {
  tr_interpolant interpolant = {0};
  CHECK_OK(ctx, tr_interpolant_find(ctx, name, &interpolant));
  return interpolant;
}

static const tr_prediction_type *prediction_of(tr_ctx *ctx, tr_quantity tag) {
  const tr_prediction_type *prediction = NULL;
  CHECK_OK(ctx, tr_prediction_of(ctx, tag, &prediction));
  return prediction;
}

/* The five quantities of a point that is made of a known m and e. */
static void all_quantities(const tr_coeffs *c, double m, double e, double *x, double q[5]) {
  *x = c->alpha * m + c->sigma * e;
  q[TR_VELOCITY] = c->dalpha * m + c->dsigma * e;
  q[TR_NOISE] = e;
  q[TR_SCORE] = -e / c->sigma;
  q[TR_DENOISER] = m;
  q[TR_CANONICAL] = c->sigma / c->c * m - c->alpha / c->c * e;
}

static void every_pair(tr_ctx *ctx) {
  double m = 0.83, e = -1.37, x, q[5];
  for (int i = 0; i < 3; i++) {
    tr_interpolant interpolant = find(ctx, paths[i]);
    for (double t = 0.02; t < 1; t += 0.05) {
      tr_coeffs c = tr_interpolant_at(&interpolant, t);
      all_quantities(&c, m, e, &x, q);
      for (int k = 0; k < PREDICTIONS; k++)
        for (int wanted = TR_VELOCITY; wanted <= TR_CANONICAL; wanted++) {
          tr_affine a;
          CHECK_OK(ctx, tr_convert(ctx, &interpolant, prediction_of(ctx, predictions[k]), (tr_quantity)wanted,
                                   t, &a));
          double size = fabs(a.x * x) + fabs(a.p * q[predictions[k]]) + fabs(q[wanted]);
          CHECK_NEAR(a.x * x + a.p * q[predictions[k]], q[wanted], 1e-14 * size);
          if (wanted == (int)predictions[k]) CHECK(a.x == 0 && a.p == 1);
        }
      /* (y, F) <-> (m, e) is a rotation by theta. */
      double y = x / c.c, F = q[TR_CANONICAL];
      CHECK_NEAR(sin(c.theta) * y + cos(c.theta) * F, m, 1e-14);
      CHECK_NEAR(cos(c.theta) * y - sin(c.theta) * F, e, 1e-14);
    }
  }
}

/* Which conversions exist at the ends. Rows: prediction; columns: velocity, noise, score, denoiser, F. */
static void at_the_ends(tr_ctx *ctx) {
  static const char exists[2][3][PREDICTIONS][6] = {/* t = 0 */
                                                    {{"11111", "01100", "01100", "11111", "11111"},
                                                     {"11111", "01100", "01100", "11111", "11111"},
                                                     {"11111", "11111", "11111", "11111", "11111"}},
                                                    /* t = 1 */
                                                    {{"11011", "11011", "11111", "00010", "11011"},
                                                     {"11011", "11011", "11111", "00010", "11011"},
                                                     {"11011", "01011", "11111", "00010", "01011"}}};
  for (int end = 0; end < 2; end++)
    for (int i = 0; i < 3; i++) {
      tr_interpolant interpolant = find(ctx, paths[i]);
      tr_coeffs c = tr_interpolant_at(&interpolant, end);
      for (int k = 0; k < PREDICTIONS; k++)
        for (int wanted = 0; wanted < 5; wanted++) {
          tr_affine a;
          bool got = tr_affine_of(prediction_of(ctx, predictions[k]), &c, (tr_quantity)wanted, &a);
          CHECK(got == (exists[end][i][k][wanted] == '1'));
          if (got != (exists[end][i][k][wanted] == '1'))
            fprintf(stderr, "  t = %d, %s, %s from %s\n", end, paths[i],
                    tr_quantity_name((tr_quantity)wanted), tr_quantity_name(predictions[k]));
          CHECK(got == (isfinite(a.x) && isfinite(a.p)));
        }
    }
}

/* On the exact field of N(mu, c): a last step of size L takes N(alpha mu, V) to
 *   None: itself | Euler, Mean: mean + L alpha' mu, slope 1 + L k and 1 + L (k - D / V) | Tweedie: mean mu,
 *   slope alpha c / V
 * with k = (alpha alpha' c + sigma sigma') / V, whatever the prediction. */
static void laws_of_last_steps(tr_ctx *ctx) {
  const double mu = 0.7, c = 0.3, L = 0.04, D = 0.6;
  tr_diffusion form;
  CHECK_OK(ctx, tr_diffusion_find(ctx, "constant", &form));
  form.norm = D;
  for (int i = 0; i < 3; i++) {
    tr_interpolant path = find(ctx, paths[i]);
    tr_coeffs at = tr_interpolant_at(&path, 1 - L);
    double V = at.alpha * at.alpha * c + at.sigma * at.sigma;
    double k = (at.alpha * at.dalpha * c + at.sigma_dsigma) / V, before = at.alpha * mu;
    const struct {
      const char *name;
      double mean, slope;
    } want[] = {{"None", before, 1},
                {"Euler", before + L * at.dalpha * mu, 1 + L * k},
                {"Mean", before + L * at.dalpha * mu, 1 + L * (k - D / V)},
                {"Tweedie", mu, at.alpha * c / V}};
    for (int w = 0; w < 4; w++)
      for (int p = 0; p < PREDICTIONS; p++) {
        tr_last_step last;
        tr_affine map;
        CHECK_OK(ctx, tr_last_step_find(ctx, want[w].name, &last));
        CHECK_OK(ctx, tr_last_step_map(ctx, &last, &path, prediction_of(ctx, predictions[p]), &form, 1 - L, L,
                                       &map));
        double to[2], x[] = {before, before + 1};
        for (int n = 0; n < 2; n++) { /* the exact field at x: noise and denoiser of the Gaussian */
          double e = at.sigma * (x[n] - before) / V, m = mu + at.alpha * c * (x[n] - before) / V, own, q[5];
          all_quantities(&at, m, e, &own, q);
          CHECK_NEAR(own, x[n], 1e-14);
          to[n] = map.x * x[n] + map.p * q[predictions[p]];
        }
        CHECK_NEAR(to[0], want[w].mean, 1e-12);
        CHECK_NEAR(to[1] - to[0], want[w].slope, 1e-12);
      }
  }
}

/* On the Linear path the last steps Euler and Tweedie are one map (x + (1 - t) v = m); everywhere Tweedie is
 * x / alpha + sigma^2 / alpha s and Mean is x + (v + D s) L. */
static void last_steps(tr_ctx *ctx) {
  tr_last_step euler, tweedie, mean, none;
  CHECK_OK(ctx, tr_last_step_find(ctx, "Euler", &euler));
  CHECK_OK(ctx, tr_last_step_find(ctx, "Tweedie", &tweedie));
  CHECK_OK(ctx, tr_last_step_find(ctx, "Mean", &mean));
  CHECK_OK(ctx, tr_last_step_find(ctx, "None", &none));
  tr_diffusion form;
  CHECK_OK(ctx, tr_diffusion_find(ctx, "constant", &form));
  form.norm = 0.6;
  double m = 0.3, e = 1.9, x, q[5], L = 0.04;
  for (int i = 0; i < 3; i++) {
    tr_interpolant interpolant = find(ctx, paths[i]);
    tr_coeffs c = tr_interpolant_at(&interpolant, 1 - L);
    all_quantities(&c, m, e, &x, q);
    for (int k = 0; k < PREDICTIONS; k++) {
      const tr_prediction_type *prediction = prediction_of(ctx, predictions[k]);
      double p = q[predictions[k]];
      tr_affine a, b, d, n;
      CHECK_OK(ctx, tr_last_step_map(ctx, &euler, &interpolant, prediction, &form, 1 - L, L, &a));
      CHECK_OK(ctx, tr_last_step_map(ctx, &tweedie, &interpolant, prediction, &form, 1 - L, L, &b));
      CHECK_OK(ctx, tr_last_step_map(ctx, &mean, &interpolant, prediction, &form, 1 - L, L, &d));
      CHECK_OK(ctx, tr_last_step_map(ctx, &none, &interpolant, prediction, &form, 1 - L, L, &n));
      CHECK_NEAR(a.x * x + a.p * p, x + q[TR_VELOCITY] * L, 1e-12);
      CHECK_NEAR(b.x * x + b.p * p, (x + c.sigma * c.sigma * q[TR_SCORE]) / c.alpha, 1e-12);
      CHECK_NEAR(d.x * x + d.p * p, x + (q[TR_VELOCITY] + 0.6 * q[TR_SCORE]) * L, 1e-12);
      CHECK(n.x == 1 && n.p == 0);
      if (i == 0) CHECK_NEAR(a.x, b.x, 1e-14 * fabs(b.x) + 1e-15);
      if (i == 0) CHECK_NEAR(a.p, b.p, 1e-14 * fabs(b.p) + 1e-15);
    }
  }
  tr_interpolant linear = find(ctx, "Linear");
  tr_affine a;
  CHECK_ERROR(ctx, tr_last_step_map(ctx, &mean, &linear, prediction_of(ctx, TR_VELOCITY), &form, 1, 0, &a),
              TR_E_ARG, "Mean is infinite for a velocity prediction and the form constant at t = 1");
}

/* tr_field_eval: a provider that returns the row's noise, asked for everything else, each row at its time. */
static tr_status constant_noise(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f,
                                void *user) {
  (void)times, (void)x, (void)cond;
  return tr_fill(*(double *)user, f);
}

static void fields(tr_ctx *ctx) {
  double e = 0.7, x[3] = {0.5, -1, 2}, got[3], t[3] = {0.2, 0.5, 0.9};
  tr_drift *drift = NULL;
  tr_array *in, *out;
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "constant noise", TR_NOISE, constant_noise, &e, &drift));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){3, 1}, &in));
  CHECK_OK(ctx, tr_array_like(in, &out));
  CHECK_OK(ctx, tr_array_set_f64(in, x));
  tr_interpolant gvp = find(ctx, "GVP");
  for (int each = 0; each < 2; each++) {
    CHECK_OK(ctx, tr_field_eval(&gvp, drift, TR_DENOISER, (tr_times){each ? 3 : 1, t}, in, NULL, out));
    CHECK_OK(ctx, tr_array_get_f64(out, got));
    for (int i = 0; i < 3; i++) {
      tr_coeffs c = tr_interpolant_at(&gvp, each ? t[i] : t[0]);
      CHECK_NEAR(got[i], (x[i] - c.sigma * e) / c.alpha, 1e-14);
    }
  }
  CHECK(drift->n_eval == 2);
  double ends[3] = {0.2, 0, 0.4};
  CHECK_ERROR(ctx, tr_field_eval(&gvp, drift, TR_VELOCITY, (tr_times){3, ends}, in, NULL, out), TR_E_ARG,
              "the velocity does not follow from a noise prediction at t = 0 of GVP, where alpha = 0");
  double one = 1;
  CHECK_ERROR(ctx, tr_field_eval(&gvp, drift, TR_SCORE, (tr_times){1, &one}, in, NULL, out), TR_E_ARG,
              "the score does not follow from a noise prediction at t = 1 of GVP, where sigma = 0");
  CHECK_OK(ctx, tr_field_eval(&gvp, drift, TR_NOISE, (tr_times){3, ends}, in, NULL, out));
  double late = 1.5;
  CHECK_ERROR(ctx, tr_field_eval(&gvp, drift, TR_SCORE, (tr_times){1, &late}, in, NULL, out), TR_E_ARG,
              "t = 1.5");
  CHECK_ERROR(ctx, tr_field_eval(&gvp, drift, TR_DENOISER, (tr_times){2, t}, in, NULL, out), TR_E_SHAPE,
              "2 times for 3 rows");
  tr_drift_destroy(&drift);
  tr_array_destroy(&in);
  tr_array_destroy(&out);
}

static void bad_input(tr_ctx *ctx) {
  const tr_prediction_type *prediction;
  tr_last_step last;
  CHECK_ERROR(ctx, tr_prediction_find(ctx, "velocty", &prediction), TR_E_ARG, "velocity");
  CHECK_ERROR(ctx, tr_prediction_of(ctx, (tr_quantity)123, &prediction), TR_E_ARG, "tag 123");
  CHECK_ERROR(ctx, tr_last_step_find(ctx, "Meen", &last), TR_E_ARG, "Mean");
  CHECK_OK(ctx, tr_prediction_find(ctx, "data", &prediction));
  CHECK(prediction->tag == TR_DENOISER);
}

/* What of e there is in the state after the last step, over what there was before: of a point that is made of
 * m and e, for every path, prediction, form and last step; the numbers of SiT's default size. */
static void noise_of_last_steps(tr_ctx *ctx) {
  static const char *const forms[] = {"constant", "SBDM", "sigma", "linear", "increasing-decreasing"},
                           *const steps[] = {"None", "Mean", "Euler", "Tweedie"};
  const double L = 0.04;
  for (int i = 0; i < 3; i++)
    for (int f = 0; f < 5; f++)
      for (int k = 0; k < 4; k++)
        for (int p = 0; p < PREDICTIONS; p++) {
          tr_interpolant path = find(ctx, paths[i]);
          tr_coeffs at = tr_interpolant_at(&path, 1 - L);
          tr_diffusion form;
          tr_last_step last;
          tr_affine map;
          double x[2], q[2][5], after[2], factor;
          CHECK_OK(ctx, tr_diffusion_find(ctx, forms[f], &form));
          CHECK_OK(ctx, tr_last_step_find(ctx, steps[k], &last));
          form.norm = 3;
          CHECK_OK(ctx, tr_last_step_map(ctx, &last, &path, prediction_of(ctx, predictions[p]), &form, 1 - L,
                                         L, &map));
          for (int e = 0; e < 2; e++) {
            all_quantities(&at, 0.7, e ? 1.5 : 0.5, &x[e], q[e]);
            after[e] = map.x * x[e] + map.p * q[e][predictions[p]];
          }
          CHECK_OK(ctx, tr_last_step_noise(ctx, &last, &path, prediction_of(ctx, predictions[p]), &form,
                                           1 - L, L, &factor));
          CHECK_NEAR(factor, (after[1] - after[0]) / at.sigma, 1e-9 * (1 + fabs(factor)));
          if (i > 0) continue;
          double D = f == 0 ? 3 : f == 1 ? 3 * 0.04 / 0.96 : f < 4 ? 3 * 0.04 : 3 * pow(sin(TR_PI * 0.96), 2);
          CHECK_NEAR(factor, k == 0 ? 1 : k == 1 ? -D * L / (0.04 * 0.04) : 0, 1e-9);
        }
  tr_interpolant linear = find(ctx, "Linear");
  tr_diffusion form;
  tr_last_step tweedie;
  double factor;
  /* from pure noise, where a velocity says the denoiser only */
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &form));
  CHECK_OK(ctx, tr_last_step_find(ctx, "Tweedie", &tweedie));
  CHECK_OK(ctx,
           tr_last_step_noise(ctx, &tweedie, &linear, prediction_of(ctx, TR_VELOCITY), &form, 0, 1, &factor));
  CHECK_NEAR(factor, 0, 1e-14);
  CHECK_OK(ctx, tr_last_step_find(ctx, "Tweedie", &tweedie));
  CHECK_ERROR(
      ctx, tr_last_step_noise(ctx, &tweedie, &linear, prediction_of(ctx, TR_VELOCITY), &form, 1, 0, &factor),
      TR_E_ARG, "no noise is left at t = 1");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  every_pair(ctx);
  at_the_ends(ctx);
  last_steps(ctx);
  laws_of_last_steps(ctx);
  fields(ctx);
  bad_input(ctx);
  noise_of_last_steps(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
