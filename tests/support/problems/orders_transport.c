#include <stdlib.h>

#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"
#include "tests/support/problems/orders.h"

/* ---- methods in the angle ---- */

enum { N = 2, ROWS = 3, ALL = N * ROWS };
static const double start[ALL] = {0.3, -1.1, 1.4, 0.2, -0.6, 0.9};

static tr_drift *single(tr_ctx *ctx, const tr_interpolant *interpolant) {
  static const double mean[N] = {0.5, -0.4}, variance[N] = {0.09, 0.25};
  tr_drift *drift = NULL;
  CHECK_OK(ctx, tr_exact_create_gaussian(ctx, interpolant, TR_VELOCITY, N, mean, variance, &drift));
  return drift;
}

static tr_drift *mixture(tr_ctx *ctx, const tr_interpolant *interpolant) {
  static const double weights[] = {1, 2, 1}, means[] = {1, 0.5, -0.5, 1, 0, -1},
                      variances[] = {0.2, 0.1, 0.15, 0.3, 0.1, 0.2};
  tr_drift *drift = NULL;
  CHECK_OK(ctx,
           tr_exact_create_mixture(ctx, interpolant, TR_VELOCITY, N, 3, weights, means, variances, &drift));
  return drift;
}

static void end_of(tr_ctx *ctx, const tr_sampler *s, double *end, tr_sample_stats *stats) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, start));
  CHECK_OK(ctx, tr_sample_ode(s, NULL, x, stats));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  tr_array_destroy(&x);
}

static void reference(tr_ctx *ctx, tr_sampler s, double *want) {
  s.ode.method = flow_ode_method(ctx, "dopri5");
  s.ode.rtol = s.ode.atol = 1e-11;
  s.clock = TR_CLOCK_ANGLE;
  end_of(ctx, &s, want, NULL);
}

typedef struct {
  long nfe, steps;
} work;

/* The largest error of a run with n steps against `want`. */
static double error_with(tr_ctx *ctx, tr_sampler s, int n, const double *want, work *done) {
  double got[ALL], most = 0;
  tr_sample_stats stats;
  s.n_steps = n + 1;
  end_of(ctx, &s, got, &stats);
  CHECK(stats.n_steps == n && stats.clock == TR_CLOCK_ANGLE);
  done->nfe += stats.nfe;
  done->steps += n;
  for (int i = 0; i < ALL; i++) most = fmax(most, fabs(got[i] - want[i]));
  return most;
}

/* On the first `paths` paths, eps from the ends; 8 `least` steps against the worst of `least` to 2 `least`.
 * An error that changes sign is small at one n only. */
static void orders_on_flows(tr_ctx *ctx, const tr_ode_method *method, int paths, double eps, int least,
                            orders *out) {
  work done = {0};
  out->n = 0;
  for (int p = 0; p < paths; p++)
    for (int kind = 0; kind < 4; kind++) {
      tr_sampler s;
      double want[ALL], coarse = 0;
      CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
      CHECK_OK(ctx, tr_interpolant_find(ctx, moments_paths[p], &s.interpolant));
      if (p == 2)
        CHECK_OK(ctx, tr_interpolant_set(ctx, &s.interpolant, "sigma_max", 5)); /* alpha(0) = 0.28 */
      s.drift = kind & 2 ? mixture(ctx, &s.interpolant) : single(ctx, &s.interpolant);
      s.sample_eps = eps;
      s.reverse = kind & 1;
      reference(ctx, s, want);
      s.ode.method = method;
      double fine = error_with(ctx, s, 8 * least, want, &done);
      for (int n = least; n <= 2 * least; n += least / 3)
        coarse = fmax(coarse, error_with(ctx, s, n, want, &done) * pow(n / (2. * least), method->order));
      out->order[out->n] = log2(coarse / fine) / 2;
      out->fine[out->n++] = fine;
      tr_drift_destroy(&s.drift);
    }
  out->nfe_per_step = (double)done.nfe / (double)done.steps;
}

void orders_angle(tr_ctx *ctx, const tr_ode_method *method, orders *out) {
  orders_on_flows(ctx, method, 3, 0.1, 60, out);
}

void orders_whole(tr_ctx *ctx, const tr_ode_method *method, orders *out) {
  orders_on_flows(ctx, method, 2, 0, 150, out);
}

/* ---- SDE methods that take the problem's steps ---- */

void orders_forms(tr_ctx *ctx, const char *path, const tr_sde_method *method, int steps, orders *out) {
  work done = {0};
  out->n = MOMENTS_FORMS;
  for (int f = 0; f < MOMENTS_FORMS; f++) {
    tr_table *table;
    tr_sampler s = moments_sampler(ctx, path, method->info.name, "None");
    s.diffusion = moments_form(ctx, moments_forms[f], &table);
    s.sample_eps = 0.04;
    double error[2];
    for (int k = 0; k < 2; k++) {
      moments got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, steps << k);
      tr_coeffs at = tr_interpolant_at(&s.interpolant, 0.96);
      double V = at.alpha * at.alpha * MOMENTS_C + at.sigma * at.sigma;
      error[k] = fabs(got.variance / V - 1);
      CHECK_NEAR(got.mean, at.alpha * MOMENTS_MU, method->weak_order > 1 ? 1e-3 : 2e-2);
      CHECK(got.stats.n_steps == steps << k);
      done.nfe += got.stats.nfe;
      done.steps += got.stats.n_steps;
    }
    out->order[f] = log2(error[0] / error[1]);
    out->fine[f] = error[1];
    tr_table_destroy(&table);
  }
  out->nfe_per_step = (double)done.nfe / (double)done.steps;
}

enum { SAMPLES = 256, FINE = 2048 };

static void sampled_end(tr_ctx *ctx, tr_sampler s, const tr_brownian *path, int steps, double *end,
                        work *done) {
  tr_sample_stats stats;
  tr_array *x;
  s.path = path;
  s.n_steps = steps + 1;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){SAMPLES, N}, &x));
  CHECK_OK(ctx, tr_sample_init(&s, x));
  CHECK_OK(ctx, tr_sample_sde(&s, NULL, x, &stats));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  done->nfe += stats.nfe;
  done->steps += stats.n_steps;
  tr_array_destroy(&x);
}

void orders_strong_sampled(tr_ctx *ctx, const tr_sde_method *method, orders *out) {
  static const int factors[] = {64, 16};
  double *end = malloc(2 * SAMPLES * N * sizeof *end), *limit = end + SAMPLES * N, error[2] = {0, 0};
  work done = {0};
  tr_brownian *fine, *coarse;
  tr_sampler s = moments_sampler(ctx, "Linear", "shark", "None");
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &s.diffusion));
  s.sample_eps = 0.04;
  s.drift = mixture(ctx, &s.interpolant);
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 11, 0, &fine));
  sampled_end(ctx, s, fine, FINE, limit, &done);
  done = (work){0};
  s.sde.method = method;
  for (int k = 0; k < 2; k++) {
    CHECK_OK(ctx, tr_brownian_create_coarse(ctx, fine, factors[k], &coarse));
    sampled_end(ctx, s, coarse, FINE / factors[k], end, &done);
    for (int i = 0; i < SAMPLES * N; i++) error[k] += fabs(end[i] - limit[i]) / (SAMPLES * N);
    tr_brownian_destroy(&coarse);
  }
  out->n = 1;
  out->order[0] = log(error[0] / error[1]) / log((double)factors[0] / factors[1]);
  out->fine[0] = error[1];
  out->nfe_per_step = (double)done.nfe / (double)done.steps;
  tr_brownian_destroy(&fine);
  tr_drift_destroy(&s.drift);
  free(end);
}

/* ---- noise between solves of an ODE ---- */

void orders_noised(tr_ctx *ctx, const tr_sde_method *method, const tr_ode_method *ode, orders *out) {
  work done = {0};
  out->n = 0;
  for (int p = 0; p < 2; p++) {
    double error[2];
    for (int k = 0; k < 2; k++) {
      tr_restart intervals[] = {{0.2, 0.5, 2, 24 << k}, {0.5, 0.9, 1, 36 << k}};
      tr_sampler s = moments_sampler(ctx, moments_paths[p], method->info.name, "None");
      CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &s.diffusion));
      s.sample_eps = 0.04;
      s.ode.method = ode;
      s.restarts = intervals;
      s.n_restarts = 2;
      moments got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, 100 << k);
      tr_coeffs at = tr_interpolant_at(&s.interpolant, 0.96);
      error[k] = fabs(got.variance / (at.alpha * at.alpha * MOMENTS_C + at.sigma * at.sigma) - 1);
      CHECK_NEAR(got.mean, at.alpha * MOMENTS_MU, 2e-2);
      done.nfe += got.stats.nfe;
      done.steps += got.stats.n_steps;
    }
    out->order[out->n] = log2(error[0] / error[1]);
    out->fine[out->n++] = error[1];
  }
  out->nfe_per_step = (double)done.nfe / (double)done.steps;
}
