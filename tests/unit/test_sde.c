/* SDE methods: weak order without Monte Carlo, strong order on shared paths, singular start, outputs, limits,
 * bad arguments. */
#include <stdlib.h>

#include "core/registry.h"
#include "core/vec.h"
#include "integrators/register.h"
#include "integrators/sde.h"
#include "integrators/stochastic_rk.h"
#include "tests/support/check.h"

/* TR_TEST_RESOURCES */

static const tr_sde_method *find(tr_ctx *ctx, const char *name) {
  const tr_module *module = NULL;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, name, &module));
  return (const tr_sde_method *)module;
}

/* --- Weak order, exactly. For an affine drift every scheme maps coefficients over the basis (1, x_0, z_1,
 * H_1,
 * .. z_K, H_K) to such coefficients, so the state is that row and the "normals" of step k are unit vectors.
 * Then mean = c_0 + c_1 E x_0 and variance = c_1^2 Var x_0 + sum c_k^2 hold without sampling error. --- */
static double slope(double t) {
  return -1.5 - 0.7 * t;
}
static double offset(double t) {
  return 1 + cos(2 * t);
}
static double noise2(double t) {
  return 0.5 + 2 * (1 - t) * (1 - t);
}
static const double mean0 = 0.4, variance0 = 0.3;

static tr_status affine_drift(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  double *c = malloc((size_t)x->count * sizeof *c);
  tr_status status = tr_array_get_f64(x, c);
  for (int64_t i = 0; i < x->count; i++) c[i] *= slope(t);
  c[0] += offset(t);
  if (status == TR_OK) status = tr_array_set_f64(dx, c);
  free(c);
  return status;
}
static tr_status affine_g2(double t, double *out, void *user) {
  (void)user;
  *out = noise2(t);
  return TR_OK;
}
static tr_status affine_g2_integral(double t0, double t1, double *out, void *user) {
  (void)user;
  *out = 0.5 * (t1 - t0) + 2 * (pow(1 - t0, 3) - pow(1 - t1, 3)) / 3;
  return TR_OK;
}
static const tr_sde_problem affine = {
    .drift = affine_drift, .g2 = affine_g2, .g2_integral = affine_g2_integral};

static tr_status unit(long index, tr_array *z) {
  double *c = calloc((size_t)z->count, sizeof *c);
  c[index] = 1;
  tr_status status = tr_array_set_f64(z, c);
  free(c);
  return status;
}
static tr_status unit_normal(long step, tr_array *z, void *user) {
  (void)user;
  return unit(2 + 2 * step, z);
}
static tr_status unit_levy(long step, tr_array *z, void *user) {
  (void)user;
  return unit(3 + 2 * step, z);
}

/* m' = slope m + offset, V' = 2 slope V + g^2, by many classical Runge-Kutta steps. */
static void exact_moments(double *mean, double *variance) {
  enum { N = 20000 };
  double m = mean0, v = variance0, h = 1.0 / N;
  for (int i = 0; i < N; i++) {
    double km[4], kv[4], at[4] = {0, 0.5, 0.5, 1};
    for (int s = 0; s < 4; s++) {
      double t = (i + at[s]) * h, ms = m + (s ? at[s] * h * km[s - 1] : 0),
             vs = v + (s ? at[s] * h * kv[s - 1] : 0);
      km[s] = slope(t) * ms + offset(t);
      kv[s] = 2 * slope(t) * vs + noise2(t);
    }
    m += h / 6 * (km[0] + 2 * km[1] + 2 * km[2] + km[3]);
    v += h / 6 * (kv[0] + 2 * kv[1] + 2 * kv[2] + kv[3]);
  }
  *mean = m, *variance = v;
}

static void moments(tr_ctx *ctx, const char *method, int steps, double *mean, double *variance) {
  int n = 2 * steps + 2;
  double *c = calloc((size_t)n, sizeof *c), *grid = malloc(((size_t)steps + 1) * sizeof *grid);
  for (int i = 0; i <= steps; i++) grid[i] = (double)i / steps;
  c[1] = 1;
  tr_array *x;
  tr_brownian *path;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){n}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, c));
  CHECK_OK(ctx, tr_brownian_create_given_levy(ctx, steps, unit_normal, unit_levy, NULL, &path));
  tr_sde_spec spec = {.method = find(ctx, method), .grid = grid, .n_grid = steps + 1};
  tr_sde_stats stats;
  CHECK_OK(ctx, tr_sde_solve(&spec, &affine, path, NULL, 0, x, NULL, NULL, &stats));
  CHECK(stats.n_steps == steps && stats.n_rhs == (long)steps * spec.method->nfe_per_step && stats.t_end == 1);
  CHECK(strcmp(stats.stop_reason, "end") == 0 && strcmp(stats.solver, method) == 0);
  CHECK_OK(ctx, tr_array_get_f64(x, c));
  *mean = c[0] + c[1] * mean0;
  *variance = c[1] * c[1] * variance0;
  for (int i = 2; i < n; i++) *variance += c[i] * c[i];
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
  free(c);
  free(grid);
}

static void weak_order(tr_ctx *ctx) {
  static const struct {
    const char *name;
    double variance, mean;
  } order[] = {{"euler-maruyama", 1, 1}, {"heun-sit", 1, 2}, {"heun-additive", 2, 2},
               {"sra1", 2, 2},           {"shark", 2, 2},    {"sosra", 2, 2}};
  double mean, variance;
  exact_moments(&mean, &variance);
  for (int m = 0; m < 6; m++) {
    double em[2], ev[2];
    for (int k = 0; k < 2; k++) {
      moments(ctx, order[m].name, 200 << k, &em[k], &ev[k]);
      em[k] = fabs(em[k] - mean), ev[k] = fabs(ev[k] - variance);
    }
    CHECK_NEAR(log2(em[0] / em[1]), order[m].mean, 0.15);
    CHECK_NEAR(log2(ev[0] / ev[1]), order[m].variance, 0.15);
    CHECK(ev[1] < 0.01);
    CHECK_NEAR(find(ctx, order[m].name)->weak_order, order[m].variance, 0);
  }
}

/* --- Strong order for additive noise, on coarser views of one path; one limit for all of them. --- */
enum { SAMPLES = 512, FINE = 1024 };

static tr_status sine_drift(double t, const tr_array *x, tr_array *dx, void *user) {
  (void)user;
  static double c[SAMPLES];
  TR_TRY(tr_array_get_f64(x, c));
  for (int i = 0; i < SAMPLES; i++) c[i] = 2 * sin(2 * c[i] + t);
  return tr_array_set_f64(dx, c);
}

static void end_on_path(tr_ctx *ctx, const char *method, const tr_brownian *path, int steps, double *end) {
  double grid[FINE + 1];
  for (int i = 0; i <= steps; i++) grid[i] = (double)i / steps;
  const tr_sde_problem sine = {.drift = sine_drift, .g2 = affine_g2, .g2_integral = affine_g2_integral};
  tr_sde_spec spec = {.method = find(ctx, method), .grid = grid, .n_grid = steps + 1};
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){SAMPLES, 1}, &x));
  CHECK_OK(ctx, tr_fill(0.2, x));
  CHECK_OK(ctx, tr_sde_solve(&spec, &sine, path, NULL, 0, x, NULL, NULL, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, end));
  tr_array_destroy(&x);
}

static void strong_order(tr_ctx *ctx) {
  static const char *const methods[] = {"euler-maruyama", "heun-sit", "heun-additive",
                                        "sra1",           "shark",    "sosra"};
  static double reference[SAMPLES], end[SAMPLES];
  tr_brownian *fine;
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 11, 0, &fine));
  end_on_path(ctx, "shark", fine, FINE, reference);
  for (int m = 0; m < 6; m++) {
    double error[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
      int factor = k ? 16 : 64;
      tr_brownian *path;
      CHECK_OK(ctx, tr_brownian_create_coarse(ctx, fine, factor, &path));
      end_on_path(ctx, methods[m], path, FINE / factor, end);
      for (int i = 0; i < SAMPLES; i++) error[k] += fabs(end[i] - reference[i]) / SAMPLES;
      tr_brownian_destroy(&path);
    }
    CHECK_NEAR(log(error[0] / error[1]) / log(4), find(ctx, methods[m])->strong_order, 0.3);
    CHECK(error[1] < 0.1);
  }
  tr_brownian_destroy(&fine);
}

/* --- The formulas of the reference, one step by hand. --- */
static void one_step_by_hand(tr_ctx *ctx) {
  double t = 0.25, h = 0.125, x0 = 0.7, z = -1.3, g = sqrt(noise2(t));
  double f0 = slope(t) * x0 + offset(t);
  double xh = x0 + g * sqrt(h) * z, k1 = slope(t) * xh + offset(t);
  double k2 = slope(t + h) * (xh + h * k1) + offset(t + h), s;
  affine_g2_integral(t, t + h, &s, NULL);
  double dw = sqrt(s) * z, k2a = slope(t + h) * (x0 + h * f0 + dw) + offset(t + h);
  double zl = 0.6, W = sqrt(h) * z, H = sqrt(h / 12) * zl, chi = W / 2 + H, g1 = sqrt(noise2(t + h));
  double ks2 = slope(t + 0.75 * h) * (x0 + 0.75 * h * f0 + 1.5 * g1 * chi) + offset(t + 0.75 * h), c = 5. / 6;
  double kk1 = slope(t) * (x0 + g * H) + offset(t);
  double kk2 = slope(t + c * h) * (x0 + c * h * kk1 + g * (c * W + H)) + offset(t + c * h);
  const struct {
    const char *name;
    double want;
  } cases[] = {{"sra1", x0 + h * (f0 + 2 * ks2) / 3 + chi * (g - g1) + g1 * W},
               {"shark", x0 + h * (0.4 * kk1 + 0.6 * kk2) + g * W + (g1 - g) * (W / 2 - H)},
               {"Euler", x0 + f0 * h + g * sqrt(h) * z},
               {"Heun", xh + h / 2 * (k1 + k2)},
               {"heun-additive", x0 + h / 2 * (f0 + k2a) + dw}};
  for (int m = 0; m < 5; m++) {
    const tr_sde_method *method = find(ctx, cases[m].name);
    tr_array *x, *zs, *zl2, *scratch[4] = {0};
    double got;
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &x));
    CHECK_OK(ctx, tr_array_like(x, &zs));
    CHECK_OK(ctx, tr_array_like(x, &zl2));
    CHECK_OK(ctx, tr_fill(zl, zl2));
    for (int i = 0; i < method->n_scratch; i++) CHECK_OK(ctx, tr_array_like(x, &scratch[i]));
    CHECK_OK(ctx, tr_fill(x0, x));
    CHECK_OK(ctx, tr_fill(z, zs));
    CHECK_OK(ctx, method->step(method, &affine, t, t + h, zs, zl2, x, scratch));
    CHECK_OK(ctx, tr_array_get_f64(x, &got));
    CHECK_NEAR(got, cases[m].want, 1e-14);
    for (int i = 0; i < method->n_scratch; i++) tr_array_destroy(&scratch[i]);
    tr_array_destroy(&zs);
    tr_array_destroy(&zl2);
    tr_array_destroy(&x);
  }
}

/* --- The conditions of strong order 1.5 (integrators/stochastic_rk.h) hold for every table that claims it.
 * --- */
static void order_conditions(tr_ctx *ctx) {
  static const char *const methods[] = {"sra1", "shark", "sosra"};
  for (int m = 0; m < 3; m++) {
    const tr_sde_method *method = find(ctx, methods[m]);
    const tr_srk_table *t = method->detail;
    double b = 0, bc = 0, bw = 0, bh = 0, square = 0, w = 0, h = 0, node_w = 0, node_h = 0;
    for (int i = 0; i < t->stages; i++) {
      double a = 0, wi = 0, hi = 0;
      for (int j = 0; j < i; j++) a += t->a[i][j];
      for (int j = 0; j < t->nodes; j++) wi += t->stage_w[i][j], hi += t->stage_h[i][j];
      CHECK_NEAR(a, t->c[i], 1e-14);
      b += t->b[i], bc += t->b[i] * t->c[i];
      bw += t->b[i] * wi, bh += t->b[i] * hi, square += t->b[i] * (wi * wi + hi * hi / 12);
    }
    for (int j = 0; j < t->nodes; j++) {
      w += t->end_w[j], h += t->end_h[j];
      node_w += t->node[j] * t->end_w[j], node_h += t->node[j] * t->end_h[j];
    }
    CHECK_NEAR(b, 1, 1e-14);
    CHECK_NEAR(bc, 0.5, 1e-14);
    CHECK_NEAR(bw, 0.5, 1e-14);
    CHECK_NEAR(bh, 1, 1e-14);
    CHECK_NEAR(square, 0.5, 1e-14);
    CHECK_NEAR(w, 1, 1e-14);
    CHECK_NEAR(h, 0, 1e-14);
    CHECK_NEAR(node_w, 0.5, 1e-14);
    CHECK_NEAR(node_h, -1, 1e-14);
    CHECK(method->strong_order == 1.5 && method->weak_order == 2);
  }
}

/* --- Singular start, outputs, limits, errors. A small problem of one element. --- */
typedef struct {
  long calls, singular;
  double nan_from; /* the drift is NaN from here on */
} tiny;

static tr_status tiny_drift(double t, const tr_array *x, tr_array *dx, void *user) {
  tiny *p = user;
  p->calls++;
  return tr_axpby(t >= p->nan_from ? NAN : -1, x, 0, x, dx);
}
static tr_status tiny_g2(double t, double *out, void *user) {
  (void)user;
  *out = t == 0 ? INFINITY : t == 0.5 ? -1 : 1;
  return TR_OK;
}
static tr_status constant_g2(double t, double *out, void *user) {
  (void)t, (void)user;
  *out = 1;
  return TR_OK;
}
static tr_status tiny_singular(double t, double h, const tr_array *z, tr_array *x, long *n_rhs, void *user) {
  tiny *p = user;
  CHECK(t == 0);
  p->singular++;
  *n_rhs += 1;
  return tr_axpby(1 - h, x, sqrt(h), z, x);
}
static tr_status zero_normals(long step, tr_array *z, void *user) {
  (void)step, (void)user;
  return tr_fill(0, z);
}
typedef struct {
  int seen;
  double value[8];
} listener;
static tr_status listen(int index, double t, const tr_array *x, void *user) {
  listener *l = user;
  (void)t;
  CHECK(index == l->seen);
  return tr_array_get_f64(x, &l->value[l->seen++]);
}

static const double quarters[] = {0, 0.25, 0.6, 0.8, 1}, backward[] = {1, 0.5, 0}, twice[] = {0, 0.5, 0.5, 1};

typedef struct {
  tr_sde_spec spec;
  tr_sde_problem problem;
  tiny tiny;
  const double *times;
  int n_times;
  listener heard;
  tr_sde_stats stats;
  tr_brownian *path;
  double end;
} call;

static call good(tr_ctx *ctx, const char *method) {
  call c = {.spec = {.method = find(ctx, method), .grid = quarters, .n_grid = 5},
            .problem = {.drift = tiny_drift, .g2 = constant_g2, .singular_step = tiny_singular},
            .tiny = {.nan_from = INFINITY},
            .times = quarters,
            .n_times = 5};
  CHECK_OK(ctx, tr_brownian_create_given(ctx, 4, zero_normals, NULL, &c.path));
  return c;
}

static tr_status go(tr_ctx *ctx, call *c) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &x));
  CHECK_OK(ctx, tr_fill(1, x));
  c->problem.user = &c->tiny;
  tr_status status =
      tr_sde_solve(&c->spec, &c->problem, c->path, c->times, c->n_times, x, listen, &c->heard, &c->stats);
  if (tr_array_get_f64(x, &c->end) != TR_OK) c->end = NAN;
  tr_array_destroy(&x);
  tr_brownian_destroy(&c->path);
  return status;
}

static void singular_start(tr_ctx *ctx) {
  call c = good(ctx, "euler-maruyama");
  c.problem.g2 = tiny_g2;
  CHECK_OK(ctx, go(ctx, &c));
  CHECK(c.tiny.singular == 1 && c.tiny.calls == 3 && c.stats.n_rhs == 4 && c.stats.n_steps == 4);
  CHECK_NEAR(c.end, 0.75 * 0.65 * 0.8 * 0.8, 1e-15);

  c = good(ctx, "euler-maruyama");
  c.problem.g2 = tiny_g2;
  c.problem.singular_step = NULL;
  CHECK_ERROR(ctx, go(ctx, &c), TR_E_NONFINITE, "at t = 0");
  CHECK(c.tiny.calls == 0);
}

static void outputs(tr_ctx *ctx) {
  static const double times[] = {0, 0.1, 0.25, 0.425, 1};
  call c = good(ctx, "euler-maruyama");
  c.times = times;
  CHECK_OK(ctx, go(ctx, &c));
  CHECK(c.heard.seen == 5);
  const double want[] = {1, 0.9, 0.75, 0.75 * (1 - 0.175), 0.75 * 0.65 * 0.8 * 0.8};
  for (int i = 0; i < 5; i++) CHECK_NEAR(c.heard.value[i], want[i], 1e-15);
  CHECK(c.heard.value[4] == c.end);
}

static volatile sig_atomic_t stop_flag = 1;

static void limits(tr_ctx *ctx) {
  for (long limit = 1; limit <= 9; limit++) {
    call c = good(ctx, "heun-sit");
    c.spec.max_nfe = limit;
    CHECK_OK(ctx, go(ctx, &c));
    CHECK(c.tiny.calls <= limit && c.stats.n_rhs == c.tiny.calls);
    CHECK(c.stats.n_steps == (limit / 2 < 4 ? limit / 2 : 4));
    CHECK(c.stats.t_end == quarters[c.stats.n_steps]);
    CHECK(strcmp(c.stats.stop_reason, limit < 8 ? "max-nfe" : "end") == 0);
    CHECK(c.heard.seen == c.stats.n_steps + 1);
  }
  call c = good(ctx, "euler-maruyama");
  tr_ctx_set_interrupt(ctx, &stop_flag);
  CHECK_ERROR(ctx, go(ctx, &c), TR_E_INTERRUPTED, "t = 0.25");
  tr_ctx_set_interrupt(ctx, NULL);
}

#define REFUSED(change, want, word)                                                                          \
  do {                                                                                                       \
    call c = good(ctx, "euler-maruyama");                                                                    \
    change;                                                                                                  \
    tr_status status = go(ctx, &c);                                                                          \
    CHECK(strcmp(c.stats.stop_reason, "error") == 0);                                                        \
    CHECK_ERROR(ctx, status, want, word);                                                                    \
  } while (0)

static void errors(tr_ctx *ctx) {
  static const double outside[] = {0, 1.5}, not_a_number[] = {0, NAN, 1};
  REFUSED((c.spec.grid = backward, c.spec.n_grid = 3), TR_E_ARG, "strictly increasing");
  REFUSED((c.spec.grid = twice, c.spec.n_grid = 4), TR_E_ARG, "point 2");
  REFUSED((c.spec.grid = not_a_number, c.spec.n_grid = 3), TR_E_ARG, "nan");
  REFUSED(c.spec.n_grid = 1, TR_E_ARG, "at least 2");
  REFUSED((c.times = outside, c.n_times = 2), TR_E_ARG, "1.5");
  REFUSED((c.times = backward, c.n_times = 3), TR_E_ARG, "strictly increasing");
  REFUSED(c.spec.max_nfe = -1, TR_E_ARG, "max_nfe = -1");
  REFUSED(c.spec.method = NULL, TR_E_ARG, "no method");
  REFUSED(c.problem.drift = NULL, TR_E_ARG, "no drift");
  REFUSED(c.problem.g2 = NULL, TR_E_ARG, "no diffusion");
  REFUSED(tr_brownian_destroy(&c.path), TR_E_ARG, "no Brownian path");
  REFUSED(c.tiny.nan_from = 0.6, TR_E_NONFINITE, "from t = 0.6 to 0.8");
  REFUSED(c.spec.method = find(ctx, "heun-additive"), TR_E_UNSUPPORTED, "integral");
  REFUSED((c.problem.g2 = tiny_g2, c.spec.grid = (double[]){0.5, 1}, c.spec.n_grid = 2,
           c.times = (double[]){1}, c.n_times = 1),
          TR_E_ARG, "negative");
  REFUSED((tr_brownian_destroy(&c.path), tr_brownian_create_given(ctx, 3, zero_normals, NULL, &c.path)),
          TR_E_ARG, "step 3");
  const tr_module *module;
  CHECK_ERROR(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, "huen-sit", &module), TR_E_ARG, "heun-sit");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  weak_order(ctx);
  strong_order(ctx);
  one_step_by_hand(ctx);
  order_conditions(ctx);
  singular_start(ctx);
  outputs(ctx);
  limits(ctx);
  errors(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
