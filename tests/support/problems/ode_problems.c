#include "tests/support/problems/ode_problems.h"

#include <stdlib.h>

#include "core/module/registry.h"

static void rotation_f(double t, const double *x, double *dx, int n) {
  (void)t;
  for (int i = 0; i < n; i += 2) {
    double w = 1 + 0.15 * i;
    dx[i] = -0.2 * w * x[i] - w * x[i + 1];
    dx[i + 1] = w * x[i] - 0.2 * w * x[i + 1];
  }
}
static void rotation_exact(double t, double *x, int n) {
  for (int i = 0; i < n; i += 2) {
    double w = 1 + 0.15 * i;
    x[i] = exp(-0.2 * w * t) * cos(w * t + i);
    x[i + 1] = exp(-0.2 * w * t) * sin(w * t + i);
  }
}
const problem rotation = {16, rotation_f, rotation_exact};

static void logistic_f(double t, const double *x, double *dx, int n) {
  for (int i = 0; i < n; i++) dx[i] = x[i] * (1 - x[i]) * (1 + cos(3 * t));
}
static void logistic_exact(double t, double *x, int n) {
  for (int i = 0; i < n; i++) x[i] = 1 / (1 + (0.3 + i) * exp(-(t + sin(3 * t) / 3)));
}
const problem logistic = {5, logistic_f, logistic_exact};

const tr_ode_method *find_ode(tr_ctx *ctx, const char *name) {
  const tr_module *module = NULL;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, name, &module));
  return (const tr_ode_method *)module;
}

recorder record(const problem *p) {
  return (recorder){.p = p, .t_min = INFINITY, .t_max = -INFINITY};
}

static tr_status recorded_f(double t, const tr_array *x, tr_array *dx, void *user) {
  recorder *r = user;
  double in[PROBLEM_MAX], out[PROBLEM_MAX];
  r->calls++;
  r->t_min = fmin(r->t_min, t);
  r->t_max = fmax(r->t_max, t);
  bool fails = r->fail_at && r->calls >= r->fail_at, nan = r->nan_at && r->calls >= r->nan_at;
  if ((fails || nan) && r->calls_after_trouble++ == 0) r->trouble_t = t;
  if (fails) return r->fail_status;
  TR_TRY(tr_array_get_f64(x, in));
  r->p->f(t, in, out, r->p->n);
  if (nan) out[0] = NAN;
  return tr_array_set_f64(dx, out);
}

static tr_status recorded_segment(double from, double to, void *user) {
  recorder *r = user;
  r->from = from, r->to = to;
  r->segments++;
  return TR_OK;
}

tr_rhs recorded(recorder *r) {
  return (tr_rhs){.fn = recorded_f, .on_segment = recorded_segment, .user = r};
}

tr_array *exact_state(tr_ctx *ctx, const problem *p, tr_dtype dtype, double t) {
  double value[PROBLEM_MAX];
  tr_array *x = NULL;
  p->exact(t, value, p->n);
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 1, (int64_t[]){p->n}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, value));
  return x;
}

double distance(const problem *p, const tr_array *x, double t) {
  double got[PROBLEM_MAX], want[PROBLEM_MAX], worst = 0;
  CHECK_OK(x->ctx, tr_array_get_f64(x, got));
  p->exact(t, want, p->n);
  for (int i = 0; i < p->n; i++)
    if (!(fabs(got[i] - want[i]) <= worst)) worst = fabs(got[i] - want[i]);
  return worst;
}

double solve_error(tr_ctx *ctx, const problem *p, const tr_ode_spec *spec, tr_dtype dtype, double t0,
                   double t1, tr_ode_stats *stats) {
  recorder r = record(p);
  tr_rhs rhs = recorded(&r);
  tr_ode_stats mine;
  if (!stats) stats = &mine;
  tr_array *x = exact_state(ctx, p, dtype, t0);
  CHECK_OK(ctx, tr_ode_solve(spec, &rhs, (double[]){t0, t1}, 2, x, NULL, NULL, stats));
  CHECK(stats->n_rhs == r.calls);
  CHECK(r.t_min >= fmin(t0, t1) && r.t_max <= fmax(t0, t1));
  double error = distance(p, x, t1);
  tr_array_destroy(&x);
  return error;
}
