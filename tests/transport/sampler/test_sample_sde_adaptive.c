/* Adaptive steps of the SDE sampler: the law, the tolerance, one path, limits, refusals. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"

enum { N = 2, ROWS = 600 };
static const double mean[N] = {0.5, -0.5}, variance[N] = {0.09, 0.25};
static const gaussian target = {N, mean, variance};
static const char *const methods[] = {"shark", "sra1", "sosra"};

static tr_sampler sampler_of(tr_ctx *ctx, const char *path, const char *method, double tolerance) {
  tr_sampler s = flow_sampler(ctx, path, TR_VELOCITY, &target);
  s.sde.method = flow_sde_method(ctx, method);
  s.last_size = 0.04;
  CHECK_OK(ctx, tr_last_step_find(ctx, "None", &s.last));
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &s.diffusion));
  s.sde.rtol = s.sde.atol = tolerance;
  s.sample_eps = 0.02;
  return s;
}

/* Mean and variance within five standard errors, on every path, also from the infinite D of SBDM at t = 0. */
static void law(tr_ctx *ctx) {
  static double x[ROWS * N];
  for (int m = 0; m < 3; m++)
    for (int p = m % 2; p < 3; p += 2) {
      tr_sample_stats stats;
      tr_sampler s = sampler_of(ctx, moments_paths[p], methods[m], 2e-3);
      if (m == 1) CHECK_OK(ctx, tr_diffusion_find(ctx, "SBDM", &s.diffusion));
      if (m == 1) s.sample_eps = 0;
      if (m == 1) CHECK_OK(ctx, tr_last_step_find(ctx, "Tweedie", &s.last));
      flow_sample_sde(ctx, &s, ROWS, N, x, &stats);
      CHECK(stats.nfe > 10 && stats.n_steps > 5 && stats.stop_reason == TR_STOP_END);
      CHECK(stats.n_rejected == stats.sde.n_rejected);
      tr_coeffs at = tr_interpolant_at(&s.interpolant, 0.98);
      for (int i = 0; i < N; i++) {
        double mu = mean[i], V = variance[i], m1 = 0, m2 = 0;
        if (m == 1) {
          tr_coeffs end = tr_interpolant_at(&s.interpolant, 0.96);
          V *= end.alpha * end.alpha * V / (end.alpha * end.alpha * V + end.sigma * end.sigma);
        } else {
          mu *= at.alpha;
          V = at.alpha * at.alpha * V + at.sigma * at.sigma;
        }
        for (int r = 0; r < ROWS; r++) m1 += x[r * N + i] / ROWS;
        for (int r = 0; r < ROWS; r++) m2 += (x[r * N + i] - m1) * (x[r * N + i] - m1) / ROWS;
        CHECK_NEAR(m1, mu, 5 * sqrt(V / ROWS));
        CHECK_NEAR(m2 / V, 1, 5 * sqrt(2.0 / ROWS) + 0.01);
      }
      tr_drift_destroy(&s.drift);
    }
}

/* One path: as the tolerance falls, for any method, the samples go to the same limit. */
static void one_path(tr_ctx *ctx) {
  enum { FEW = 8 };
  double limit[FEW * N], x[FEW * N], before = INFINITY;
  tr_sampler s = sampler_of(ctx, "Linear", "shark", 5e-5);
  long nfe = 0;
  flow_sample_sde(ctx, &s, FEW, N, limit, NULL);
  for (int m = 0; m < 3; m++) {
    s.sde.method = flow_sde_method(ctx, methods[m]);
    for (int k = 0; k < 2; k++) {
      tr_sample_stats stats;
      double error = 0;
      s.sde.rtol = s.sde.atol = k ? 5e-4 : 2e-2;
      flow_sample_sde(ctx, &s, FEW, N, x, &stats);
      for (int i = 0; i < FEW * N; i++) error = fmax(error, fabs(x[i] - limit[i]));
      CHECK(error < (k ? 4e-3 : 0.1));
      if (k) CHECK(error < before / 4 && stats.nfe > 2 * nfe);
      before = error;
      nfe = stats.nfe;
    }
  }
  /* the same once more, and on the caller's own tree */
  double again[FEW * N];
  tr_brownian *tree;
  flow_sample_sde(ctx, &s, FEW, N, again, NULL);
  CHECK(memcmp(x, again, sizeof x) == 0);
  CHECK_OK(ctx, tr_brownian_create_tree(ctx, s.seed, 0, 0.02, 0.98, &tree));
  s.path = tree;
  flow_sample_sde(ctx, &s, FEW, N, again, NULL);
  CHECK(memcmp(x, again, sizeof x) == 0);
  tr_brownian_destroy(&tree);
  tr_drift_destroy(&s.drift);
}

static tr_status count(int index, double t, const tr_array *x, void *user) {
  (void)x;
  double *seen = user;
  seen[index] = t;
  return TR_OK;
}

typedef struct {
  int n;
  double t[400];
} ends;
static void keep_end(double t, long n_rhs, void *user) {
  ends *e = user;
  (void)n_rhs;
  if (e->n < 400) e->t[e->n++] = t;
}

/* Steps end at every jump of the field within the interval, as at outputs. */
static void stops_at_jumps(tr_ctx *ctx) {
  static const double breaks[] = {0.7, 0.2345, 0.001, 0.7001, 0.99};
  double x[4 * N];
  for (int m = 0; m < 3; m++) {
    ends e = {0};
    tr_sampler s = sampler_of(ctx, "GVP", methods[m], 1e-1);
    s.on_progress = keep_end;
    s.progress_user = &e;
    s.drift->breaks = breaks;
    s.drift->n_breaks = 5;
    flow_sample_sde(ctx, &s, 4, N, x, NULL);
    for (int b = 0; b < 5; b++) {
      int hits = 0;
      for (int i = 0; i < e.n; i++) hits += fabs(e.t[i] - breaks[b]) < 1e-12;
      CHECK(hits == (breaks[b] > 0.02 && breaks[b] < 0.98));
    }
    tr_drift_destroy(&s.drift);
  }
}

/* Outputs, jumps of the field within the interval, limits. */
static void outputs_and_limits(tr_ctx *ctx) {
  static const double times[] = {0.3, 0.55, 0.98}, breaks[] = {0.7, 0.2, 0.001};
  double seen[3] = {0}, x[4 * N];
  tr_sample_stats stats;
  tr_sampler s = sampler_of(ctx, "GVP", "shark", 1e-2);
  s.save_times = times;
  s.n_save = 3;
  s.on_output = count;
  s.out_user = seen;
  s.drift->breaks = breaks;
  s.drift->n_breaks = 3;
  flow_sample_sde(ctx, &s, 4, N, x, &stats);
  CHECK(memcmp(seen, times, sizeof seen) == 0);
  s.max_nfe = 9;
  flow_sample_sde(ctx, &s, 4, N, x, &stats);
  CHECK(stats.nfe == 8 && stats.stop_reason == TR_STOP_MAX_NFE && stats.t_end < 0.98);
  tr_drift_destroy(&s.drift);
}

static void refusals(tr_ctx *ctx) {
  tr_array *x;
  tr_brownian *path;
  tr_sampler s = sampler_of(ctx, "Linear", "shark", 1e-2);
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, N}, &x));
  CHECK_OK(ctx, tr_sample_init(&s, x));
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 1, 0, &path));
  s.path = path;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "need a Brownian tree");
  s.path = NULL;
  s.sde.atol = 0;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "atol = 0");
  s.sde.atol = -1;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "atol = -1");
  s.sde.atol = NAN;
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "atol = nan");
  s.sde.atol = 1e-2;
  s.sde.method = flow_sde_method(ctx, "euler-maruyama");
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "euler-maruyama has no error estimate");
  s.sde.method = flow_sde_method(ctx, "sa-solver");
  CHECK_ERROR(ctx, tr_sample_sde(&s, NULL, x, NULL), TR_E_ARG, "sa-solver has no error estimate");
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  law(ctx);
  one_path(ctx);
  stops_at_jumps(ctx);
  outputs_and_limits(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
