/* SDE methods: formulas, order conditions, singular start, outputs, limits, bad arguments. Measured orders:
 * test_orders.c. */
#include <stdlib.h>

#include "core/module/registry.h"
#include "core/vec/vec.h"
#include "integrators/register.h"
#include "integrators/sde/sde.h"
#include "integrators/sde/stochastic_rk.h"
#include "tests/support/problems/sde_problems.h"

/* TR_TEST_RESOURCES */

/* --- The formulas of the reference, one step by hand. --- */
static void one_step_by_hand(tr_ctx *ctx) {
  double t = 0.25, h = 0.125, x0 = 0.7, z = -1.3, g = sqrt(affine_noise2(t));
  double f0 = affine_slope(t) * x0 + affine_offset(t);
  double xh = x0 + g * sqrt(h) * z, k1 = affine_slope(t) * xh + affine_offset(t);
  double k2 = affine_slope(t + h) * (xh + h * k1) + affine_offset(t + h), s;
  affine.g2_integral(t, t + h, &s, NULL);
  double dw = sqrt(s) * z, k2a = affine_slope(t + h) * (x0 + h * f0 + dw) + affine_offset(t + h);
  double zl = 0.6, W = sqrt(h) * z, H = sqrt(h / 12) * zl, chi = W / 2 + H, g1 = sqrt(affine_noise2(t + h));
  double ks2 =
             affine_slope(t + 0.75 * h) * (x0 + 0.75 * h * f0 + 1.5 * g1 * chi) + affine_offset(t + 0.75 * h),
         c = 5. / 6;
  double kk1 = affine_slope(t) * (x0 + g * H) + affine_offset(t);
  double kk2 = affine_slope(t + c * h) * (x0 + c * h * kk1 + g * (c * W + H)) + affine_offset(t + c * h);
  const struct {
    const char *name;
    double want;
  } cases[] = {{"sra1", x0 + h * (f0 + 2 * ks2) / 3 + chi * (g - g1) + g1 * W},
               {"shark", x0 + h * (0.4 * kk1 + 0.6 * kk2) + g * W + (g1 - g) * (W / 2 - H)},
               {"Euler", x0 + f0 * h + g * sqrt(h) * z},
               {"Heun", xh + h / 2 * (k1 + k2)},
               {"heun-additive", x0 + h / 2 * (f0 + k2a) + dw}};
  for (int m = 0; m < 5; m++) {
    const tr_sde_method *method = find_sde(ctx, cases[m].name);
    tr_array *x, *zs, *zl2, *scratch[4] = {0};
    tr_program list;
    double got;
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &x));
    CHECK_OK(ctx, tr_array_like(x, &zs));
    CHECK_OK(ctx, tr_array_like(x, &zl2));
    CHECK_OK(ctx, tr_fill(zl, zl2));
    for (int i = 0; i < method->n_scratch; i++) CHECK_OK(ctx, tr_array_like(x, &scratch[i]));
    CHECK_OK(ctx, tr_fill(x0, x));
    CHECK_OK(ctx, tr_fill(z, zs));
    tr_program_init(&list, -1);
    CHECK_OK(ctx, method->step(method, NULL, &affine, t, t + h, zs, zl2, x, scratch, &list));
    CHECK_OK(ctx, tr_program_run(&list));
    CHECK_OK(ctx, tr_array_get_f64(x, &got));
    CHECK_NEAR(got, cases[m].want, 1e-14);
    for (int i = 0; i < method->n_scratch; i++) tr_array_destroy(&scratch[i]);
    tr_array_destroy(&zs);
    tr_array_destroy(&zl2);
    tr_array_destroy(&x);
  }
}

/* --- The conditions of strong order 1.5 (integrators/sde/stochastic_rk.h) hold for every table that claims
 * it.
 * --- */
static void order_conditions(tr_ctx *ctx) {
  static const char *const methods[] = {"sra1", "shark", "sosra"};
  for (int m = 0; m < 3; m++) {
    const tr_sde_method *method = find_sde(ctx, methods[m]);
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

/* --- f and g are asked within the step only, at the end of the grid exactly when the table says so, also
 * where t + (t_next - t) rounds to more than t_next. --- */
typedef struct {
  double low, high;
} extent;
static void meet(extent *e, double t) {
  e->low = fmin(e->low, t);
  e->high = fmax(e->high, t);
}
static tr_status watched_drift(double t, const tr_array *x, tr_array *dx, void *user) {
  meet(user, t);
  return tr_scale(-1, x, dx);
}
static tr_status watched_g2(double t, double *out, void *user) {
  meet(user, t);
  *out = 1 + t;
  return TR_OK;
}
static tr_status watched_g2_integral(double t0, double t1, double *out, void *user) {
  (void)user;
  *out = t1 - t0 + (t1 * t1 - t0 * t0) / 2;
  return TR_OK;
}

static void times_within_steps(tr_ctx *ctx) {
  const tr_module *module;
  int traps = 0;
  tr_array *x;
  tr_brownian *path;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){1}, &x));
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 1, 0, &path));
  for (int m = 0; (module = tr_module_at(ctx, TR_KIND_SDE_METHOD, m)) != NULL; m++)
    for (int i = 1; i < 400; i++) {
      const tr_sde_method *method = (const tr_sde_method *)module;
      double grid[] = {0.0025 * i - 0.001, 0.99937};
      extent seen = {INFINITY, -INFINITY};
      tr_sde_problem problem = {
          .drift = watched_drift, .g2 = watched_g2, .g2_integral = watched_g2_integral, .user = &seen};
      tr_sde_spec spec = {.method = method, .grid = grid, .n_grid = 2};
      if (grid[0] + (grid[1] - grid[0]) > grid[1]) traps++;
      CHECK_OK(ctx, tr_fill(1, x));
      CHECK_OK(ctx, tr_sde_solve(&spec, &problem, path, NULL, 0, x, NULL, NULL, NULL));
      CHECK(seen.low == grid[0] && seen.high <= grid[1] &&
            (seen.high == grid[1]) == ((method->caps & TR_SDE_USES_END) != 0));
    }
  CHECK(traps > 0);
  tr_brownian_destroy(&path);
  tr_array_destroy(&x);
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
static tr_status tiny_singular(double t, double h, const tr_array *z, tr_array *x, long *n_rhs,
                               tr_program *list, void *user) {
  tiny *p = user;
  CHECK(t == 0);
  p->singular++;
  *n_rhs += 1;
  return tr_program_axpby(list, 1 - h, x, sqrt(h), z, x);
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
  call c = {.spec = {.method = find_sde(ctx, method), .grid = quarters, .n_grid = 5},
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
    CHECK(c.stats.stop_reason == (limit < 8 ? TR_STOP_MAX_NFE : TR_STOP_END));
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
    CHECK(c.stats.stop_reason == TR_STOP_ERROR);                                                             \
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
  REFUSED(tr_brownian_destroy(&c.path), TR_E_ARG, "path is NULL");
  REFUSED(c.tiny.nan_from = 0.6, TR_E_NONFINITE, "from t = 0.6 to 0.8");
  REFUSED(c.spec.method = find_sde(ctx, "heun-additive"), TR_E_UNSUPPORTED, "integral");
  REFUSED((c.problem.g2 = tiny_g2, c.spec.grid = (double[]){0.5, 1}, c.spec.n_grid = 2,
           c.times = (double[]){1}, c.n_times = 1),
          TR_E_ARG, "negative");
  REFUSED((tr_brownian_destroy(&c.path), tr_brownian_create_given(ctx, 3, zero_normals, NULL, &c.path)),
          TR_E_ARG, "step 3");
  const tr_module *module;
  CHECK_ERROR(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, "huen-sit", &module), TR_E_ARG, "heun-sit");
}

/* A method of one's own with a parameter: every step multiplies the state by it. The value comes settled: the
 * default, what is set, and nothing out of range. */
static tr_status multiply(const tr_sde_method *method, const double *params, const tr_sde_problem *problem,
                          double t, double t_next, const tr_array *z, const tr_array *z2, tr_array *x,
                          tr_array *const *scratch, tr_program *list) {
  (void)method, (void)problem, (void)t, (void)t_next, (void)z, (void)z2, (void)scratch;
  return tr_program_axpby(list, params[0], x, 0, x, x);
}

static void parameters(tr_ctx *ctx) {
  static const tr_param params[] = {
      {.name = "factor", .value = 0.5, .range = {.ends = TR_RANGE_GT, .low = 0}, .help = "of a step"}};
  static const tr_sde_method own = {
      .info = {.name = "own", .params = params, .n_params = 1}, .nfe_per_step = 0, .step = multiply};
  const double grid[] = {0, 0.5, 1};
  tr_sde_spec spec = {.method = &own, .grid = grid, .n_grid = 3};
  tr_brownian *path;
  tr_array *x;
  double got;
  CHECK_OK(ctx, tr_brownian_create_addressed(ctx, 1, 0, &path));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, 1}, &x));
  for (int set = 0; set < 2; set++) {
    if (set) CHECK_OK(ctx, tr_module_set(ctx, &own.info, &spec.values, "factor", 3));
    CHECK_OK(ctx, tr_fill(8, x));
    CHECK_OK(ctx, tr_sde_solve(&spec, &affine, path, NULL, 0, x, NULL, NULL, NULL));
    CHECK_OK(ctx, tr_array_get_f64(x, &got));
    CHECK(got == (set ? 72 : 2));
  }
  spec.values.v[0] = -1; /* past the name */
  CHECK_ERROR(ctx, tr_sde_solve(&spec, &affine, path, NULL, 0, x, NULL, NULL, NULL), TR_E_ARG,
              "factor of own is -1: use a finite number > 0");
  tr_array_destroy(&x);
  tr_brownian_destroy(&path);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  one_step_by_hand(ctx);
  order_conditions(ctx);
  times_within_steps(ctx);
  singular_start(ctx);
  outputs(ctx);
  limits(ctx);
  errors(ctx);
  parameters(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
