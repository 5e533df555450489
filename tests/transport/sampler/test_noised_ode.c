/* Churn and restart around ODE methods: the exact law on Gaussian fields, without Monte Carlo, whatever the
 * noise; the order of the ODE method; addressed noise, outputs, limits, refusals. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/moments.h"
#include "tests/support/problems/orders.h"

static const tr_restart intervals[] = {{0.2, 0.5, 2, 6}, {0.5, 0.9, 1, 9}};

static tr_sampler sampler_of(tr_ctx *ctx, const char *path, const char *method, const char *ode) {
  tr_sampler s = moments_sampler(ctx, path, method, "Mean");
  s.ode.method = flow_ode_method(ctx, ode);
  s.ode.rtol = s.ode.atol = 1e-10;
  s.restarts = intervals;
  s.n_restarts = 2;
  return s;
}

static void set(tr_ctx *ctx, tr_sampler *s, const char *param, double value) {
  CHECK_OK(ctx, tr_module_set(ctx, &s->sde.method->info, &s->sde.values, param, value));
}

/* Relative error of the variance at the end of the run. */
static double variance_error(tr_ctx *ctx, tr_sampler s, int steps, moments *got) {
  tr_coeffs at = tr_interpolant_at(&s.interpolant, 1 - s.sample_eps);
  *got = moments_run(ctx, s, TR_VELOCITY, MOMENTS_C, steps);
  CHECK_NEAR(got->mean, at.alpha * MOMENTS_MU, 0.2);
  return fabs(got->variance / (at.alpha * at.alpha * MOMENTS_C + at.sigma * at.sigma) - 1);
}

/* The noise adds no error: solved tightly, every form, level and interval leaves the law as it is, at 0.96
 * and at the data, and the noise is there: without its share of the variance the law would be another. */
static void exact_law(tr_ctx *ctx) {
  static const char *const odes[] = {"dopri5", "cvode-adams"};
  moments got;
  for (int p = 0; p < 3; p++)
    for (int end = 0; end < 2; end++) {
      for (int f = (p + end) % 2; f < MOMENTS_FORMS; f += 2) {
        tr_table *table;
        tr_sampler s = sampler_of(ctx, moments_paths[p], "churn", odes[f / 2 % 2]);
        s.diffusion = moments_form(ctx, moments_forms[f], &table);
        s.sample_eps = end ? 0 : 0.04;
        CHECK_NEAR(variance_error(ctx, s, 6, &got), 0, 2e-7);
        CHECK(got.stats.t0 == (p == 2 ? 0 : s.sample_eps) && got.stats.t_end == 1 - s.sample_eps);
        tr_table_destroy(&table);
      }
      tr_sampler s = sampler_of(ctx, moments_paths[p], "churn", "dopri5");
      s.sample_eps = end ? 0 : 0.04;
      set(ctx, &s, "churn", 3);
      set(ctx, &s, "level-min", 0.1);
      set(ctx, &s, "level-max", 5);
      CHECK_NEAR(variance_error(ctx, s, 8, &got), 0, 1e-7);
      set(ctx, &s, "noise", 1.05);
      CHECK(variance_error(ctx, s, 8, &got) > 1e-3);
      s = sampler_of(ctx, moments_paths[p], "restart", odes[p % 2]);
      s.sample_eps = end ? 0 : 0.04;
      CHECK_NEAR(variance_error(ctx, s, 6, &got), 0, 2e-7);
    }
}

/* Order and evaluations of the ODE method, with the noise of a form. */
static void orders_of_the_ode(tr_ctx *ctx) {
  static const char *const odes[] = {"euler", "heun2", "midpoint", "ddim"}, *const methods[] = {"churn",
                                                                                                "restart"};
  for (int m = 0; m < 4; m++)
    for (int k = 0; k < 2; k++) {
      const tr_ode_method *ode = flow_ode_method(ctx, odes[m]);
      orders measured;
      orders_noised(ctx, flow_sde_method(ctx, methods[k]), ode, &measured);
      printf("%s, %-9s claimed %g, measured %.2f, %.2f\n", methods[k], odes[m], ode->order, measured.order[0],
             measured.order[1]);
      for (int p = 0; p < measured.n; p++) {
        CHECK(measured.order[p] > ode->order - (k ? 0.2 : 0.15));
        if (k == 0) CHECK(measured.order[p] < ode->order + (m == 2 ? 1.2 : 0.3));
      }
      CHECK(measured.nfe_per_step == ode->nfe_per_step);
      tr_sampler s = sampler_of(ctx, "Linear", methods[k], odes[m]);
      moments got;
      s.sample_eps = 0.04;
      variance_error(ctx, s, 200, &got);
      /* two extra points at most where the intervals end */
      long steps = 200 + (k ? 2 * 6 + 9 : 0);
      CHECK(got.stats.n_steps >= steps && got.stats.n_steps <= steps + 2 * k);
      CHECK(got.stats.nfe == got.stats.n_steps * ode->nfe_per_step);
    }
}

/* ---- on plain states ---- */

enum { N = 2, ROWS = 6 };
static const double mean[N] = {0.5, -0.5}, variance[N] = {0.09, 0.25};
static const gaussian target = {N, mean, variance};

static tr_sampler plain(tr_ctx *ctx, const char *method, const char *ode) {
  tr_sampler s = sampler_of(ctx, "Linear", method, ode);
  s.drift = flow_sampler(ctx, "Linear", TR_VELOCITY, &target).drift;
  CHECK_OK(ctx, tr_diffusion_find(ctx, "sigma", &s.diffusion));
  s.n_steps = 11;
  return s;
}

/* A sample does not depend on its batch; without noise, or restarts, churn and restart are the ODE. */
static void addressed(tr_ctx *ctx) {
  static const char *const methods[] = {"churn", "restart"};
  double all[ROWS * N], alone[2 * N];
  for (int m = 0; m < 2; m++) {
    tr_sampler s = plain(ctx, methods[m], "heun2");
    flow_sample_sde(ctx, &s, ROWS, N, all, NULL);
    s.first_sample = ROWS - 2;
    flow_sample_sde(ctx, &s, 2, N, alone, NULL);
    CHECK(memcmp(alone, all + (ROWS - 2) * N, sizeof alone) == 0);
    s.seed++;
    flow_sample_sde(ctx, &s, 2, N, alone, NULL);
    CHECK(memcmp(alone, all + (ROWS - 2) * N, sizeof alone) != 0);
    tr_drift_destroy(&s.drift);

    tr_restart none[] = {{0.2, 0.5, 0, 3}}; /* points of the grid of 11 */
    double ode[ROWS * N];
    s = plain(ctx, methods[m], "heun2");
    s.diffusion.norm = 0;
    s.restarts = none;
    s.n_restarts = 1;
    flow_sample_sde(ctx, &s, ROWS, N, all, NULL);
    tr_array *x;
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
    CHECK_OK(ctx, tr_sample_init(&s, x));
    CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, NULL));
    CHECK_OK(ctx, tr_array_get_f64(x, ode));
    for (int i = 0; i < ROWS * N; i++) CHECK_NEAR(all[i], ode[i], 1e-14);
    tr_array_destroy(&x);
    tr_drift_destroy(&s.drift);
  }
}

/* A field of zeros that notes when it is asked. */
typedef struct {
  int n;
  double t[16];
} asked;
static tr_status note(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  asked *a = user;
  (void)x, (void)cond;
  if (a->n < 16) a->t[a->n++] = times.t[0];
  return tr_fill(0, f);
}

/* EDM's churn raises the noise level sigma / alpha of a step by the share min(S / steps, sqrt(2) - 1),
 * between the levels given: Euler's method is asked where the step then begins. */
static void edm_levels(tr_ctx *ctx) {
  enum { STEPS = 10 };
  static const double churns[] = {0, 1, 4.1, 4.2, 100};
  for (int p = 0; p < 2; p++)
    for (int c = 0; c < 5; c++)
      for (int bounded = 0; bounded < 2; bounded++) {
        asked a = {0};
        double x[ROWS * N];
        tr_sampler s = sampler_of(ctx, moments_paths[p], "churn", "euler");
        CHECK_OK(ctx, tr_drift_create_callback(ctx, "zeros", TR_VELOCITY, note, &a, &s.drift));
        s.n_steps = STEPS + 1;
        s.sample_eps = 0;
        set(ctx, &s, "churn", churns[c]);
        if (bounded) set(ctx, &s, "level-min", 0.35);
        if (bounded) set(ctx, &s, "level-max", 2.9);
        flow_sample_sde(ctx, &s, ROWS, N, x, NULL);
        CHECK(a.n == STEPS);
        for (int i = 1; i < STEPS; i++) {
          tr_coeffs at = tr_interpolant_at(&s.interpolant, (double)i / STEPS);
          double level = at.sigma / at.alpha, share = fmin(churns[c] / STEPS, sqrt(2) - 1);
          if (bounded && (level < 0.35 || level > 2.9)) share = 0;
          tr_coeffs from = tr_interpolant_at(&s.interpolant, a.t[i]);
          CHECK_NEAR(from.sigma / from.alpha / (level * (1 + share)), 1, 1e-12);
        }
        tr_drift_destroy(&s.drift);
      }
}

typedef struct {
  int calls;
  double t[8], value[8], last_progress;
} record;
static tr_status keep(int index, double t, const tr_array *x, void *user) {
  record *r = user;
  double c[ROWS * N];
  TR_TRY(tr_array_get_f64(x, c));
  CHECK(index == r->calls);
  r->t[r->calls] = t;
  r->value[r->calls++] = c[0];
  return TR_OK;
}
static void progress(double t, long n_rhs, void *user) {
  record *r = user;
  CHECK(t >= r->last_progress && t <= 1 + 1e-12 && n_rhs > 0);
  r->last_progress = t;
}

/* Each save time once, in order, the last one the end; progress rises; limits stop between legs or in one. */
static void outputs_and_limits(tr_ctx *ctx) {
  static const char *const methods[] = {"churn", "restart"}, *const odes[] = {"heun2", "dopri5"};
  static const double times[] = {0, 0.15, 0.3, 0.5, 0.72, 1};
  for (int m = 0; m < 2; m++)
    for (int o = 0; o < 2; o++) {
      double x[ROWS * N];
      record r = {0};
      tr_sample_stats stats;
      tr_sampler s = plain(ctx, methods[m], odes[o]);
      s.save_times = times;
      s.n_save = 6;
      s.on_output = keep;
      s.out_user = &r;
      s.on_progress = progress;
      s.progress_user = &r;
      flow_sample_sde(ctx, &s, ROWS, N, x, &stats);
      CHECK(r.calls == 6 && memcmp(r.t, times, sizeof times) == 0 && r.value[5] == x[0]);
      CHECK_NEAR(r.last_progress, 1, 1e-9);
      CHECK(strncmp(stats.solver, methods[m], strlen(methods[m])) == 0);
      CHECK((stats.convention[0] != 0) == (m == 0));
      long all = stats.nfe;
      for (long most = 1; most < all; most += all / 6) {
        r = (record){0};
        s.max_nfe = most;
        flow_sample_sde(ctx, &s, ROWS, N, x, &stats);
        CHECK(stats.nfe <= most && stats.nfe >= most - 7 && stats.stop_reason == TR_STOP_MAX_NFE);
        CHECK(stats.t_end < 1 || m == 1);
      }
      tr_drift_destroy(&s.drift);
    }
}

static void refuse(tr_ctx *ctx, const tr_sampler *s, const char *text) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, N}, &x));
  CHECK_OK(ctx, tr_fill(0, x));
  long before = s->drift->n_eval;
  CHECK_ERROR(ctx, tr_sample_sde(s, NULL, x, NULL), TR_E_ARG, text);
  CHECK(s->drift->n_eval == before);
  tr_array_destroy(&x);
}

static void refusals(tr_ctx *ctx) {
  tr_sampler good = plain(ctx, "restart", "heun2"), s = good;
  tr_restart r[2] = {{0.2, 0.5, 1, 3}, {0.4, 0.9, 1, 3}};
  s.restarts = r;
  refuse(ctx, &s, "begins before the one before it ends");
  s.n_restarts = 1;
  r[0].low = -0.1;
  refuse(ctx, &s, "this run goes from 0 to 1");
  r[0].low = 0.5;
  refuse(ctx, &s, "from t = 0.5 to 0.5");
  r[0] = (tr_restart){0.2, 0.5, -1, 3};
  refuse(ctx, &s, "-1 restarts");
  r[0] = (tr_restart){0.2, 0.5, 1, 0};
  refuse(ctx, &s, "of 0 steps");
  s.n_restarts = 0;
  refuse(ctx, &s, "without an interval");
  s = good;
  s.sde.method = flow_sde_method(ctx, "churn");
  const tr_module *churn = &s.sde.method->info;
  CHECK_ERROR(ctx, tr_module_set(ctx, churn, &s.sde.values, "churn", -1), TR_E_ARG,
              "churn of churn is -1: use a finite number from 0 to 1000000");
  s.sde.values = (tr_values){.set = 1, .v = {-1}}; /* past the name */
  refuse(ctx, &s, "churn of churn is -1");
  s.sde.values = (tr_values){0};
  set(ctx, &s, "level-min", 2);
  refuse(ctx, &s, "level-min of churn is set, but not its churn");
  set(ctx, &s, "churn", 1);
  set(ctx, &s, "level-max", 1);
  refuse(ctx, &s, "from 2 to 1");
  CHECK_ERROR(ctx, tr_module_set(ctx, churn, &s.sde.values, "noise", 0), TR_E_ARG,
              "noise of churn is 0: use a finite number > 0");
  s = good;
  s.reverse = true;
  refuse(ctx, &s, "noise to data only");
  s = good;
  s.ode.method = NULL;
  refuse(ctx, &s, "without the ODE method");
  s = good;
  s.sde.rtol = 1e-2;
  refuse(ctx, &s, "no error estimate of its own");
  s = good;
  s.max_nfe = -1;
  refuse(ctx, &s, "at most -1");
  s = good;
  tr_brownian *tree;
  CHECK_OK(ctx, tr_brownian_create_tree(ctx, 1, 0, 0, 1, &tree));
  s.path = tree;
  refuse(ctx, &s, "numbers its injections");
  tr_brownian_destroy(&tree);
  s = good;
  CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
  refuse(ctx, &s, "which the time grid list is not");
  tr_drift_destroy(&good.drift);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  exact_law(ctx);
  orders_of_the_ode(ctx);
  addressed(ctx);
  edm_levels(ctx);
  outputs_and_limits(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
