/* Dense output, break points, and the same bits on every device. */
#include <stdlib.h>

#include "core/backend.h"
#include "integrators/ode/dense_private.h"
#include "integrators/register.h"
#include "tests/support/problems/ode_problems.h"

/* TR_TEST_RESOURCES */

static const char *const methods[] = {"cvode-adams", "cvode-bdf", "dopri5",        "bosh3", "euler", "heun2",
                                      "midpoint",    "rk4",       "rk4-classical", "ab2",   "ab3"};
enum { METHODS = sizeof methods / sizeof *methods, MAX_GRID = 257, OUTPUTS = 41 };

static double grid[MAX_GRID];
static void uniform_grid(double t0, double t1, int steps) {
  for (int i = 0; i <= steps; i++) grid[i] = t0 + (t1 - t0) * i / steps;
}
static tr_ode_spec spec_for(tr_ctx *ctx, const char *method, double tol, int steps) {
  tr_ode_spec spec = {.method = find_ode(ctx, method), .rtol = tol, .atol = tol};
  if (!(spec.method->caps & TR_ODE_ADAPTIVE)) spec.grid = grid, spec.n_grid = steps + 1;
  return spec;
}

/* The Hermite weights reproduce polynomials of degree (number of data) - 1. */
static void hermite_is_exact(void) {
  const double t[3] = {-0.3, 0.1, 0.7};
  for (int n = 1; n <= 3; n++)
    for (int mask = 0; mask < 1 << n; mask++) {
      bool slope[3] = {mask & 1, mask & 2, mask & 4};
      int data = n;
      for (int j = 0; j < n; j++) data += slope[j];
      for (int degree = 0; degree < data; degree++)
        for (double s = -0.3; s < 0.71; s += 0.125) {
          double wy[3], wf[3], value = 0;
          tr_hermite_weights(n, t, slope, s, wy, wf);
          for (int j = 0; j < n; j++)
            value +=
                wy[j] * pow(t[j], degree) + (degree && slope[j] ? wf[j] * degree * pow(t[j], degree - 1) : 0);
          CHECK_NEAR(value, pow(s, degree), 1e-12);
        }
    }
}

typedef struct {
  const problem *p;
  const double *times;
  int seen;
  double worst;
  double states[OUTPUTS][PROBLEM_MAX];
} listener;

static tr_status listen(int index, double t, const tr_array *x, void *user) {
  listener *l = user;
  CHECK(index == l->seen && t == l->times[index]);
  l->seen++;
  TR_TRY(tr_array_get_f64(x, l->states[index]));
  l->worst = fmax(l->worst, distance(l->p, x, t));
  return TR_OK;
}

/* Largest error over irregular output times; checks that listening changes neither the work nor the end. */
static double output_error(tr_ctx *ctx, const problem *p, const tr_ode_spec *spec, double t0, double t1) {
  double times[OUTPUTS];
  for (int i = 0; i < OUTPUTS; i++) {
    double u = (double)i / (OUTPUTS - 1);
    times[i] = t0 + (t1 - t0) * (u + 0.3 * u * (1 - u));
  }
  listener l = {.p = p, .times = times};
  recorder r = record(p), quiet = record(p);
  tr_rhs rhs = recorded(&r), quiet_rhs = recorded(&quiet);
  tr_ode_stats stats, quiet_stats;
  tr_array *x = exact_state(ctx, p, TR_F64, t0), *y = exact_state(ctx, p, TR_F64, t0);
  CHECK_OK(ctx, tr_ode_solve(spec, &rhs, times, OUTPUTS, x, listen, &l, &stats));
  CHECK_OK(ctx, tr_ode_solve(spec, &quiet_rhs, (double[]){t0, t1}, 2, y, NULL, NULL, &quiet_stats));
  CHECK(l.seen == OUTPUTS);
  CHECK(stats.n_rhs == quiet_stats.n_rhs && r.calls == quiet.calls);
  double with[PROBLEM_MAX], without[PROBLEM_MAX];
  CHECK_OK(ctx, tr_array_get_f64(x, with));
  CHECK_OK(ctx, tr_array_get_f64(y, without));
  CHECK(memcmp(with, without, (size_t)p->n * sizeof *with) == 0);
  CHECK(memcmp(with, l.states[OUTPUTS - 1], (size_t)p->n * sizeof *with) == 0);
  tr_array_destroy(&x);
  tr_array_destroy(&y);
  return l.worst;
}

static void dense_order(tr_ctx *ctx, const problem *p, double t0, double t1) {
  for (int m = 0; m < METHODS; m++) {
    const tr_ode_method *method = find_ode(ctx, methods[m]);
    if (method->caps & TR_ODE_ADAPTIVE) continue;
    double error[2];
    for (int k = 0; k < 2; k++) {
      uniform_grid(t0, t1, 8 << k);
      tr_ode_spec spec = spec_for(ctx, methods[m], 0, 8 << k);
      error[k] = output_error(ctx, p, &spec, t0, t1);
    }
    CHECK(log2(error[0] / error[1]) > method->order - 0.3);
  }
}

static void dense_accuracy(tr_ctx *ctx, const problem *p, double t0, double t1) {
  for (int m = 0; m < METHODS; m++)
    for (double tol = 1e-3; tol > 1e-9; tol *= 0.1) {
      tr_ode_spec spec = spec_for(ctx, methods[m], tol, 0);
      if (spec.method->caps & TR_ODE_ADAPTIVE) CHECK(output_error(ctx, p, &spec, t0, t1) < 300 * tol);
    }
}

/* Output times on grid points get the very state that a solve ending there returns. */
static void exact_on_grid_points(tr_ctx *ctx) {
  uniform_grid(0, 1, 10);
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 0, 10);
    if (spec.method->caps & TR_ODE_ADAPTIVE) continue;
    double times[4] = {0, grid[1], grid[7], 1};
    listener l = {.p = &logistic, .times = times};
    recorder r = record(&logistic);
    tr_rhs rhs = recorded(&r);
    tr_array *x = exact_state(ctx, &logistic, TR_F64, 0);
    CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, times, 4, x, listen, &l, NULL));
    CHECK(l.seen == 4);
    tr_array_destroy(&x);
    for (int i = 1; i < 3; i++) {
      double end[PROBLEM_MAX];
      spec.n_grid = i == 1 ? 2 : 8;
      x = exact_state(ctx, &logistic, TR_F64, 0);
      CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, (double[]){0, times[i]}, 2, x, NULL, NULL, NULL));
      CHECK_OK(ctx, tr_array_get_f64(x, end));
      CHECK(memcmp(end, l.states[i], (size_t)logistic.n * sizeof *end) == 0);
      tr_array_destroy(&x);
    }
  }
}

/* Grid points and output times that differ by roundings are the same: the state is the grid's, handed out at
 * once, and the last one is not lost. */
static void up_to_rounding(tr_ctx *ctx) {
  for (int sign = -1; sign <= 1; sign += 2)
    for (int m = 0; m < METHODS; m++) {
      uniform_grid(0, 1, 10);
      double times[4] = {0, grid[3] + sign * 0x1p-53, grid[7] - sign * 0x1p-52, 1 + sign * 0x1p-52};
      tr_ode_spec spec = spec_for(ctx, methods[m], 0, 10);
      if (spec.method->caps & TR_ODE_ADAPTIVE) continue;
      listener got = {.p = &logistic, .times = times},
               want = {.p = &logistic, .times = (double[]){0, grid[3], grid[7], 1}};
      for (int exact = 0; exact < 2; exact++) {
        listener *l = exact ? &want : &got;
        recorder r = record(&logistic);
        tr_rhs rhs = recorded(&r);
        tr_array *x = exact_state(ctx, &logistic, TR_F64, 0);
        CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, l->times, 4, x, listen, l, NULL));
        CHECK(l->seen == 4);
        tr_array_destroy(&x);
      }
      for (int i = 1; i < 4; i++)
        CHECK(memcmp(got.states[i], want.states[i], (size_t)logistic.n * sizeof(double)) == 0);
    }
}

/* max_nfe: the states up to where the solve came are handed out, no others. */
static void outputs_stop_with_the_budget(tr_ctx *ctx) {
  uniform_grid(0, 1, 16);
  for (int m = 0; m < METHODS; m++) {
    tr_ode_spec spec = spec_for(ctx, methods[m], 1e-7, 16);
    double times[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++) times[i] = (double)i / (OUTPUTS - 1);
    listener l = {.p = &rotation, .times = times};
    recorder r = record(&rotation);
    tr_rhs rhs = recorded(&r);
    tr_ode_stats stats;
    tr_array *x = exact_state(ctx, &rotation, TR_F64, 0);
    spec.max_nfe = 14;
    CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, times, OUTPUTS, x, listen, &l, &stats));
    int reached = 0;
    while (reached < OUTPUTS && times[reached] <= stats.t_end + 1e-12) reached++;
    CHECK(stats.stop_reason == TR_STOP_MAX_NFE && stats.t_end < 1);
    CHECK(l.seen == reached);
    tr_array_destroy(&x);
  }
}

/* x' = rate x with rate 1, -5, 1 on [0, .3], [.3, .7], [.7, 1]: at a jump the segment tells the side. */
typedef struct {
  double from, to;
  long calls, segments;
  bool ignore_segments; /* decides by t alone, as an integrator without breaks would have it */
} jumping;

static tr_status jumping_segment(double from, double to, void *user) {
  jumping *j = user;
  j->from = from, j->to = to;
  j->segments++;
  return TR_OK;
}
static tr_status jumping_f(double t, const tr_array *x, tr_array *dx, void *user) {
  jumping *j = user;
  double value[2], at = j->ignore_segments ? t : (j->from + j->to) / 2;
  j->calls++;
  CHECK(j->segments > 0);
  CHECK(t >= fmin(j->from, j->to) && t <= fmax(j->from, j->to));
  double rate = at > 0.3 && at < 0.7 ? -5 : 1;
  TR_TRY(tr_array_get_f64(x, value));
  for (int i = 0; i < 2; i++) value[i] *= rate;
  return tr_array_set_f64(dx, value);
}
static double jumping_log(double t) {
  return t < 0.3 ? t : t < 0.7 ? 0.3 - 5 * (t - 0.3) : 0.3 - 2 + t - 0.7;
}

typedef struct {
  int seen;
  double worst;
} jump_listener;
static tr_status jump_listen(int index, double t, const tr_array *x, void *user) {
  jump_listener *l = user;
  double value[2];
  CHECK(index == l->seen++);
  TR_TRY(tr_array_get_f64(x, value));
  l->worst = fmax(l->worst, fabs(value[0] - exp(jumping_log(t))));
  return TR_OK;
}

static double jump_error(tr_ctx *ctx, tr_ode_spec *spec, bool backward, bool breaks, long *calls) {
  double times[] = {0, 0.05, 0.2, 0.29, 0.3, 0.31, 0.5, 0.69, 0.72, 0.9, 1};
  enum { N = sizeof times / sizeof *times };
  if (backward)
    for (int i = 0; i < N / 2; i++) {
      double swap = times[i];
      times[i] = times[N - 1 - i];
      times[N - 1 - i] = swap;
    }
  /* any order, twice, at the ends and outside */
  double edges[] = {0.7, 0.3, 0.7, 1, 2.5, 0};
  spec->breaks = edges;
  spec->n_breaks = breaks ? 6 : 0;
  jumping j = {.ignore_segments = !breaks};
  tr_rhs rhs = {.fn = jumping_f, .on_segment = jumping_segment, .user = &j};
  jump_listener l = {0};
  tr_array *x;
  double start = exp(jumping_log(times[0]));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){2}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, (double[]){start, start}));
  CHECK_OK(ctx, tr_ode_solve(spec, &rhs, times, N, x, jump_listen, &l, NULL));
  CHECK(l.seen == N);
  CHECK(j.segments == (breaks ? 3 : 1));
  *calls = j.calls;
  tr_array_destroy(&x);
  return l.worst;
}

static void breaks_keep_accuracy(tr_ctx *ctx) {
  for (int backward = 0; backward < 2; backward++)
    for (int m = 0; m < METHODS; m++) {
      const tr_ode_method *method = find_ode(ctx, methods[m]);
      long with, without;
      CHECK(method->caps & TR_ODE_BREAKS);
      if (method->caps & TR_ODE_ADAPTIVE) {
        tr_ode_spec spec = spec_for(ctx, methods[m], 1e-7, 0);
        CHECK(jump_error(ctx, &spec, backward, true, &with) < 300e-7);
        jump_error(ctx, &spec, backward, false, &without);
        CHECK(with < without);
        continue;
      }
      double error[2];
      for (int k = 0; k < 2; k++) { /* 0.3 and 0.7 are grid points: the order survives the jumps */
        uniform_grid(backward, !backward, 20 << k);
        tr_ode_spec spec = spec_for(ctx, methods[m], 0, 20 << k);
        error[k] = jump_error(ctx, &spec, backward, true, &with);
      }
      CHECK(log2(error[0] / error[1]) > method->order - 0.35);
    }
}

/* cpu and this resource agree bit for bit; adaptive methods, whose steps come of norms, to a part of their
 * tolerance where sums have another order. */
static void same_bits(tr_ctx *ctx) {
  tr_ctx *cpu;
  tr_error error;
  CHECK_OK(NULL, tr_ctx_open("cpu", 1, &cpu, &error));
  CHECK_OK(cpu, tr_integrators_register(cpu));
  uniform_grid(0, 1, 16);
  for (int m = 0; m < METHODS; m++)
    for (tr_dtype dtype = TR_F32; dtype <= TR_F64; dtype++) {
      const bool adaptive = find_ode(ctx, methods[m])->caps & TR_ODE_ADAPTIVE;
      double end[2][PROBLEM_MAX];
      long calls[2];
      for (int k = 0; k < 2; k++) {
        tr_ctx *on = k ? ctx : cpu;
        tr_ode_spec spec = spec_for(on, methods[m], 1e-5, 16);
        recorder r = record(&logistic);
        tr_rhs rhs = recorded(&r);
        tr_array *x = exact_state(on, &logistic, dtype, 0);
        CHECK_OK(on, tr_ode_solve(&spec, &rhs, (double[]){0, 1}, 2, x, NULL, NULL, NULL));
        CHECK_OK(on, tr_array_get_f64(x, end[k]));
        calls[k] = r.calls;
        tr_array_destroy(&x);
      }
      if (adaptive && !promises(ctx, TR_BACKEND_PROCESSOR_BITS)) {
        for (int i = 0; i < logistic.n; i++) CHECK_NEAR(end[1][i], end[0][i], 1e-6);
        continue;
      }
      CHECK(memcmp(end[0], end[1], (size_t)logistic.n * sizeof **end) == 0);
      CHECK(calls[0] == calls[1]);
    }
  tr_ctx_close(&cpu);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_integrators_register(ctx));
  hermite_is_exact();
  dense_order(ctx, &logistic, 0, 1);
  dense_order(ctx, &rotation, 1, 0);
  dense_accuracy(ctx, &logistic, 0, 1);
  dense_accuracy(ctx, &rotation, 0, 1);
  dense_accuracy(ctx, &logistic, 1, -0.5);
  exact_on_grid_points(ctx);
  up_to_rounding(ctx);
  outputs_stop_with_the_budget(ctx);
  breaks_keep_accuracy(ctx);
  same_bits(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
