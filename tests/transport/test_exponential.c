/* Exponential multistep methods of the ODE: the order of every registered one on exact Gaussian and mixture
 * flows, all paths, both directions; the papers' formulas written out once more; what holds for any path and
 * step size; ends, breaks, limits, refusals. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "tests/support/problems/orders.h"
#include "transport/exponential/exponential.h"

enum { N = 2, ROWS = 3, ALL = N * ROWS };
static const char *const paths[] = {"Linear", "GVP", "VP"};
static const double mean[N] = {0.5, -0.4}, variance[N] = {0.09, 0.25};
static const gaussian target = {N, mean, variance};
static const double start[ALL] = {0.3, -1.1, 1.4, 0.2, -0.6, 0.9};

/* The i-th exponential method, NULL past the last. */
static const tr_ode_method *method_at(tr_ctx *ctx, int i) {
  const tr_module *module;
  for (int k = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, k)); k++) {
    const tr_ode_method *method = (const tr_ode_method *)module;
    if ((method->caps & TR_ODE_ANGLE) && i-- == 0) return method;
  }
  return NULL;
}

static void run(tr_ctx *ctx, const tr_sampler *s, const double *from, double *to, tr_sample_stats *stats) {
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, from));
  CHECK_OK(ctx, tr_sample_ode(s, NULL, x, stats));
  CHECK_OK(ctx, tr_array_get_f64(x, to));
  tr_array_destroy(&x);
}

static double largest_difference(const double *a, const double *b) {
  double most = 0;
  for (int i = 0; i < ALL; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

/* ---- orders ---- */

/* Error of a run with n steps against `want`. */
static double error_with(tr_ctx *ctx, tr_sampler s, int n, const double *want) {
  double got[ALL];
  tr_sample_stats stats;
  s.n_steps = n + 1;
  run(ctx, &s, start, got, &stats);
  CHECK(stats.n_steps == n && stats.nfe == n && stats.clock == TR_CLOCK_ANGLE);
  return largest_difference(got, want);
}

/* Between the ends every method has its order; one that only its start keeps from a higher order may show
 * more. */
static void between_the_ends(tr_ctx *ctx) {
  const tr_ode_method *method;
  for (int i = 0; (method = method_at(ctx, i)); i++) {
    const tr_exponential *table = method->detail;
    orders measured;
    orders_angle(ctx, method, &measured);
    printf("%-10s claimed %g; measured", method->info.name, method->order);
    for (int k = 0; k < measured.n; k++) {
      printf(" %.2f", measured.order[k]);
      if (table->points > 3)
        CHECK(measured.order[k] > method->order - 0.6);
      else
        CHECK_NEAR(measured.order[k], method->order, 0.3);
      CHECK(measured.fine[k] < (method->order == 1 ? 2e-2 : 2e-3));
    }
    CHECK(measured.nfe_per_step == 1);
    printf("\n");
  }
  CHECK(method_at(ctx, 4) != NULL);
}

/* The method's line in `transit list` says which order holds where. */
static void said(const tr_ode_method *method, double whole) {
  char text[64];
  snprintf(text, sizeof text, "order %g", method->order);
  CHECK(strstr(method->info.summary, text) != NULL);
  snprintf(text, sizeof text, "to the ends %g", whole);
  CHECK((strstr(method->info.summary, text) != NULL) == (whole != method->order));
}

/* From end to end in both directions. */
static void from_end_to_end(tr_ctx *ctx) {
  const tr_ode_method *method;
  for (int i = 0; (method = method_at(ctx, i)); i++) {
    const tr_exponential *table = method->detail;
    orders measured;
    orders_whole(ctx, method, &measured);
    printf("%-10s from end to end claimed %g; measured", method->info.name, table->whole_order);
    for (int k = 0; k < measured.n; k++) {
      printf(" %.2f", measured.order[k]);
      CHECK(measured.order[k] > table->whole_order - 0.25);
      if (table->points < 4) CHECK(measured.order[k] < table->whole_order + 0.35);
      CHECK(measured.fine[k] < (table->whole_order == 1 ? 2e-2 : 3e-4));
    }
    printf("\n");
    CHECK(measured.nfe_per_step == 1);
    said(method, table->whole_order);
  }
}

/* On VP sigma is a root of 1 - t, and the last of even steps in t alone makes it order 1 where nothing is
 * extrapolated to sigma = 0. */
static void to_the_end_of_vp(tr_ctx *ctx) {
  static const struct {
    const char *name;
    double least;
  } claims[] = {{"ddim", 0.9}, {"dpmpp-2m", 0.6}, {"dpmpp-3m", 2.7},
                {"deis", 2.7}, {"unipc", 0.8},    {"unipc-3", 2.7}};
  for (int m = 0; m < 6; m++) {
    tr_sampler s = flow_sampler(ctx, "VP", TR_VELOCITY, &target);
    double want[ALL];
    s.sample_eps = 0;
    for (int i = 0; i < ALL; i++) want[i] = gaussian_flow(&target, &s.interpolant, i % N, 0, start[i], 1);
    s.ode.method = flow_ode_method(ctx, claims[m].name);
    double coarse = error_with(ctx, s, 160, want), fine = error_with(ctx, s, 320, want);
    printf("%-10s to the end of VP %.2f\n", claims[m].name, log2(coarse / fine));
    CHECK(log2(coarse / fine) > claims[m].least);
    tr_drift_destroy(&s.drift);
  }
}

/* ---- the papers' formulas on one number, in x ---- */

typedef struct {
  double alpha, sigma, lambda;
} level;

static level level_at(const tr_interpolant *interpolant, double t) {
  tr_coeffs at = tr_interpolant_at(interpolant, t);
  return (level){at.alpha, at.sigma, log(at.alpha) - log(at.sigma)};
}

static double denoiser(level l, double x) {
  double V = l.alpha * l.alpha * variance[0] + l.sigma * l.sigma;
  return mean[0] + l.alpha * variance[0] * (x - l.alpha * mean[0]) / V;
}

static double plain_2m(const level *l, int steps, double x) {
  double before = 0;
  for (int i = 0; i < steps; i++) {
    double m = denoiser(l[i], x), h = l[i + 1].lambda - l[i].lambda, D = m;
    if (i) D += h / (2 * (l[i].lambda - l[i - 1].lambda)) * (m - before);
    x = l[i + 1].sigma / l[i].sigma * x - l[i + 1].alpha * expm1(-h) * D;
    before = m;
  }
  return x;
}

/* rho of sum_k rho_k r_k^i = b_i, i = 0 .. n - 1, by elimination. */
static void vandermonde(int n, const double *r, const double *b, double *rho) {
  double a[3][4];
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < n; k++) a[i][k] = pow(r[k], i);
    a[i][n] = b[i];
  }
  for (int i = 0; i < n; i++)
    for (int row = 0; row < n; row++) {
      double factor = row == i ? 0 : a[row][i] / a[i][i];
      for (int k = i; k <= n; k++) a[row][k] -= factor * a[i][k];
    }
  for (int i = 0; i < n; i++) rho[i] = a[i][n] / a[i][i];
}

/* From x at l[0] to l[1]: sum over rho_k D_k / r_k of the paper's section 3, B = e^-h - 1 for the denoiser,
 * D_k = m[k] - m[0] at l[-k], k = 1 .. p - 1, and for the corrector D_p / 1 = now - m[0] at l[1]. */
static double unified_step(const level *l, int p, const double *m, const double *now, double x) {
  double h = l[1].lambda - l[0].lambda, B = expm1(-h), phi = B / -h - 1, factorial = 1, sum = 0;
  double r[3], b[3], D[3], rho[3] = {0.5};
  int n = now ? p : p - 1;
  for (int i = 0; i < n; i++) {
    factorial *= i + 1;
    b[i] = factorial * phi / B;
    phi = phi / -h - 1 / (factorial * (i + 2));
    r[i] = i < p - 1 ? (l[-1 - i].lambda - l[0].lambda) / h : 1;
    D[i] = i < p - 1 ? (m[i + 1] - m[0]) / r[i] : *now - m[0];
  }
  if (n > 1) vandermonde(n, r, b, rho); /* n = 1: 1/2, as the paper takes for bh2 */
  for (int i = 0; i < n; i++) sum += rho[i] * D[i];
  return l[1].sigma / l[0].sigma * x - l[1].alpha * B * (m[0] + sum);
}

/* UniPC with the paper's Vandermonde systems. */
static double plain_unipc(const level *l, int order, int steps, double x) {
  double m[4] = {0}, base = x;
  for (int i = 0; i < steps; i++) {
    double now = denoiser(l[i], x);
    if (i > 0) base = unified_step(l + i - 1, i < order ? i : order, m, &now, base);
    for (int k = 3; k > 0; k--) m[k] = m[k - 1];
    m[0] = now;
    x = unified_step(l + i, i + 1 < order ? i + 1 : order, m, NULL, base);
  }
  return x;
}

/* Uneven steps from lambda = -3 to 3. */
enum { STEPS = 9 };
static void lambda_grid(const tr_interpolant *interpolant, double *t) {
  for (int i = 0; i <= STEPS; i++) {
    double u = (double)i / STEPS, lambda = -3 + 6 * (u + 0.2 * u * (1 - u));
    t[i] = tr_interpolant_time(interpolant, atan(exp(lambda)));
  }
}

/* The sampler on that grid. Its drift and its time grid stay valid as long as t. */
static tr_sampler on_grid(tr_ctx *ctx, const char *path, const char *method, const double *t, int points) {
  tr_sampler s = flow_sampler(ctx, path, TR_VELOCITY, &target);
  s.ode.method = flow_ode_method(ctx, method);
  CHECK_OK(ctx, tr_grid_find(ctx, "list", &s.grid));
  s.grid.list = t;
  s.grid.n_list = points;
  return s;
}

/* A run over any part of [0, 1]: the integrator itself on the canonical field, x at both ends. */
typedef struct {
  tr_sampler *sampler;
  tr_array *x;
} field;

static tr_status canonical(double theta, const tr_array *y, tr_array *dy, void *user) {
  field *f = user;
  double t = tr_interpolant_time(&f->sampler->interpolant, theta);
  TR_TRY(tr_scale(tr_interpolant_at(&f->sampler->interpolant, t).c, y, f->x));
  return tr_field_eval(&f->sampler->interpolant, f->sampler->drift, TR_CANONICAL, (tr_times){1, &t}, f->x,
                       NULL, dy);
}

static void solve_part(tr_ctx *ctx, tr_sampler *s, const double *t, int points, const double *from,
                       double *to) {
  double theta[STEPS + 1];
  tr_array *y, *scratch;
  for (int i = 0; i < points; i++) theta[i] = tr_interpolant_at(&s->interpolant, t[i]).theta;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &y));
  CHECK_OK(ctx, tr_array_like(y, &scratch));
  CHECK_OK(ctx, tr_array_set_f64(y, from));
  CHECK_OK(ctx, tr_scale(1 / tr_interpolant_at(&s->interpolant, t[0]).c, y, y));
  tr_ode_spec spec = {.method = s->ode.method, .grid = theta, .n_grid = points};
  tr_rhs rhs = {.fn = canonical, .user = &(field){s, scratch}};
  CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, (double[]){theta[0], theta[points - 1]}, 2, y, NULL, NULL, NULL));
  CHECK_OK(ctx, tr_scale(tr_interpolant_at(&s->interpolant, t[points - 1]).c, y, y));
  CHECK_OK(ctx, tr_array_get_f64(y, to));
  tr_array_destroy(&y);
  tr_array_destroy(&scratch);
}

static void written_out(tr_ctx *ctx) {
  for (int p = 0; p < 3; p++)
    for (int m = 0; m < 3; m++) {
      static const char *const names[] = {"dpmpp-2m", "unipc", "unipc-3"};
      double t[STEPS + 1], got[ALL];
      level l[STEPS + 1];
      tr_sampler s = on_grid(ctx, paths[p], names[m], NULL, 0);
      lambda_grid(&s.interpolant, t);
      for (int i = 0; i <= STEPS; i++) l[i] = level_at(&s.interpolant, t[i]);
      solve_part(ctx, &s, t, STEPS + 1, start, got);
      for (int row = 0; row < ROWS; row++) {
        double x = start[row * N];
        CHECK_NEAR(got[row * N], m ? plain_unipc(l, m + 1, STEPS, x) : plain_2m(l, STEPS, x), 1e-12);
      }
      tr_drift_destroy(&s.drift);
    }
}

/* On the same grid of lambda x / alpha is the same on every path, started from the same y. */
static void path_invariance(tr_ctx *ctx) {
  const tr_ode_method *method;
  for (int i = 0; (method = method_at(ctx, i)); i++) {
    double first[ALL] = {0};
    for (int p = 0; p < 3; p++) {
      double t[STEPS + 1], x[ALL], c0, end;
      tr_sampler s = on_grid(ctx, paths[p], method->info.name, NULL, 0);
      lambda_grid(&s.interpolant, t);
      c0 = tr_interpolant_at(&s.interpolant, t[0]).c;
      end = tr_interpolant_at(&s.interpolant, t[STEPS]).alpha;
      for (int k = 0; k < ALL; k++) x[k] = c0 * start[k];
      solve_part(ctx, &s, t, STEPS + 1, x, x);
      for (int k = 0; k < ALL; k++) x[k] /= end;
      if (p == 0)
        memcpy(first, x, sizeof x);
      else
        CHECK_NEAR(largest_difference(first, x), 0, 2e-12);
      tr_drift_destroy(&s.drift);
    }
  }
}

/* DDIM is Euler's method for x / alpha over sigma / alpha, d(x/alpha) = e d(sigma/alpha). */
static void ddim_is_euler_in_ratios(tr_ctx *ctx) {
  for (int p = 0; p < 3; p++) {
    double t[STEPS + 1], got[ALL];
    tr_sampler s = on_grid(ctx, paths[p], "ddim", NULL, 0);
    lambda_grid(&s.interpolant, t);
    solve_part(ctx, &s, t, STEPS + 1, start, got);
    double x = start[0];
    for (int i = 0; i < STEPS; i++) {
      level a = level_at(&s.interpolant, t[i]), b = level_at(&s.interpolant, t[i + 1]);
      double e = (x - a.alpha * denoiser(a, x)) / a.sigma;
      x = b.alpha * (x / a.alpha + e * (b.sigma / b.alpha - a.sigma / a.alpha));
    }
    CHECK_NEAR(got[0], x, 1e-12);
    tr_drift_destroy(&s.drift);
  }
}

/* ---- ends, breaks, outputs, refusals ---- */

enum { SAVED = 5 };
typedef struct {
  double state[SAVED][ALL];
} saved_states;

static tr_status keep(int index, double t, const tr_array *x, void *user) {
  (void)t;
  return tr_array_get_f64(x, ((saved_states *)user)->state[index]);
}

static const double rough[] = {0, 0.1, 0.2, 0.4, 0.6, 0.75, 1};
/* A run over `rough` and the states at its inner points, in its direction. */
static tr_interpolant rough_run(tr_ctx *ctx, const char *path, const char *method, bool reverse, double *end,
                                saved_states *saved) {
  double inner[SAVED];
  tr_sampler s = on_grid(ctx, path, method, rough, SAVED + 2);
  for (int i = 0; i < SAVED; i++) inner[i] = rough[reverse ? SAVED - i : 1 + i];
  s.sample_eps = 0;
  s.reverse = reverse;
  s.save_times = inner;
  s.n_save = SAVED;
  s.on_output = keep;
  s.out_user = saved;
  run(ctx, &s, start, end, NULL);
  tr_drift_destroy(&s.drift);
  return s.interpolant;
}

/* The last step to sigma = 0 gives the denoiser of the state before it for methods in lambda. */
static void last_step_is_the_denoiser(tr_ctx *ctx) {
  static const char *const names[] = {"ddim", "dpmpp-2m", "unipc"};
  for (int p = 0; p < 3; p++)
    for (int m = 0; m < 3; m++) {
      saved_states saved;
      double got[ALL];
      tr_interpolant interpolant = rough_run(ctx, paths[p], names[m], false, got, &saved);
      level l = level_at(&interpolant, 0.75);
      for (int row = 0; row < ROWS; row++)
        CHECK_NEAR(got[row * N], denoiser(l, saved.state[SAVED - 1][row * N]), 1e-13);
    }
}

/* The polynomial through value[i] at node[i], at u. */
static double through(int n, const double *node, const double *value, double u) {
  double sum = 0;
  for (int j = 0; j < n; j++) {
    double product = value[j];
    for (int i = 0; i < n; i++)
      if (i != j) product *= (u - node[i]) / (node[j] - node[i]);
    sum += product;
  }
  return sum;
}

/* Methods of order 3 end where the polynomial in sin(theta) through the last denoisers is at sigma = 0, or
 * that in theta through the last noises at alpha = 0. */
static void last_step_extrapolates(tr_ctx *ctx) {
  static const struct {
    const char *name;
    bool reverse;
    int points;
  } cases[] = {{"dpmpp-3m", false, 3}, {"unipc-3", false, 3}, {"deis", true, 4}};
  for (int p = 0; p < 2; p++)
    for (int m = 0; m < 3; m++) {
      saved_states saved;
      double got[ALL];
      int points = cases[m].points;
      bool reverse = cases[m].reverse;
      tr_interpolant interpolant = rough_run(ctx, paths[p], cases[m].name, reverse, got, &saved);
      for (int row = 0; row < ROWS; row++) {
        double node[4], value[4];
        for (int j = 0; j < points; j++) {
          double t = rough[reverse ? 1 + j : SAVED - j], x = saved.state[SAVED - 1 - j][row * N];
          level l = level_at(&interpolant, t);
          double m_here = denoiser(l, x);
          double theta = tr_interpolant_at(&interpolant, t).theta;
          node[j] = reverse ? theta : sin(theta);
          value[j] = reverse ? (x - l.alpha * m_here) / l.sigma : m_here;
        }
        CHECK_NEAR(got[row * N], through(points, node, value, !reverse), 1e-12);
      }
    }
}

/* In lambda as published where the steps in lambda are alike, in sin(theta) elsewhere: it changes where the
 * longest step is 2, or 5 of the shortest. Steps beyond |lambda| = 4 do not count. */
static void which_variable(tr_ctx *ctx) {
  static const struct {
    double lambda[5];
    bool even;
  } grids[] = {{{-3, -1.01, 0.98, 2.5, 4}, true}, {{-3, -0.99, 0.98, 2.5, 4}, false},
               {{-1, 0, 0.5, 0.71, 1.5}, true},   {{-1, 0, 0.5, 0.69, 1.5}, false},
               {{1, 2, 3, 4.01, 6.1}, true},      {{1, 2, 3, 3.99, 6.1}, false},
               {{-6.1, -4.01, -3, -2, -1}, true}, {{-6.1, -3.99, -3, -2, -1}, false},
               {{-4.2, -4.15, -3, -2, -1}, true}, {{-4.2, -3.95, -2, 0, 0.3}, false}};
  for (int g = 0; g < 10; g++) {
    tr_sampler s = on_grid(ctx, "Linear", "unipc-3", NULL, 0);
    double t[5], got[ALL];
    level l[5];
    for (int i = 0; i < 5; i++) {
      t[i] = tr_interpolant_time(&s.interpolant, atan(exp(grids[g].lambda[i])));
      l[i] = level_at(&s.interpolant, t[i]);
    }
    solve_part(ctx, &s, t, 5, start, got);
    double off = fabs(got[0] - plain_unipc(l, 3, 4, start[0]));
    CHECK(grids[g].even ? off < 1e-12 : off > 1e-6);
    tr_drift_destroy(&s.drift);
  }
}

/* Every prediction gives the same samples, from end to end, up to what TR_THETA_MIN costs where a prediction
 * says nothing at the start of the run. */
static void every_prediction(tr_ctx *ctx) {
  static const tr_quantity kinds[] = {TR_NOISE, TR_SCORE, TR_DENOISER};
  const tr_ode_method *method;
  for (int i = 0; (method = method_at(ctx, i)); i++)
    for (int p = 0; p < 3; p++)
      for (int k = 0; k < 3; k++)
        for (int reverse = 0; reverse < 2; reverse++) {
          double want[ALL], got[ALL];
          for (int other = 0; other < 2; other++) {
            tr_sampler s = flow_sampler(ctx, paths[p], other ? kinds[k] : TR_VELOCITY, &target);
            s.ode.method = method;
            s.n_steps = 31;
            s.sample_eps = 0;
            s.reverse = reverse;
            run(ctx, &s, start, other ? got : want, NULL);
            tr_drift_destroy(&s.drift);
          }
          double allowed = kinds[k] == TR_DENOISER ? (reverse ? 6e-3 : 1e-12) : reverse ? 1e-12 : 3e-5;
          CHECK_NEAR(largest_difference(want, got), 0, allowed);
        }
}

/* A break at a grid point begins anew: breaks at every point leave the first-order method. */
static void breaks(tr_ctx *ctx) {
  static const double t[] = {0, 0.2, 0.4, 0.6, 0.8, 1}, inside[] = {0.3};
  const tr_ode_method *method;
  double ddim[ALL] = {0}, got[ALL], plain[ALL];
  for (int i = 0; (method = method_at(ctx, i)); i++) {
    tr_sampler s = on_grid(ctx, "Linear", method->info.name, t, 6);
    run(ctx, &s, start, plain, NULL);
    s.ode.breaks = inside;
    s.ode.n_breaks = 1;
    run(ctx, &s, start, got, NULL);
    CHECK(memcmp(plain, got, sizeof got) == 0);
    s.ode.breaks = t;
    s.ode.n_breaks = 6;
    run(ctx, &s, start, got, NULL);
    if (i == 0) memcpy(ddim, got, sizeof got);
    CHECK_NEAR(largest_difference(ddim, got), 0, 1e-15);
    CHECK((i == 0) == (memcmp(plain, got, sizeof got) == 0));
    tr_drift_destroy(&s.drift);
  }
}

/* A grid of one interval and of two; f32; a limit of evaluations. */
static void small_runs(tr_ctx *ctx) {
  const tr_ode_method *method;
  for (int i = 0; (method = method_at(ctx, i)); i++)
    for (int points = 2; points < 8; points++) {
      tr_sampler s = flow_sampler(ctx, "VP", TR_VELOCITY, &target);
      tr_sample_stats stats;
      tr_array *x;
      double worst;
      s.ode.method = method;
      s.sample_eps = 0;
      s.n_steps = points;
      s.max_nfe = 4;
      CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){ROWS, N}, &x));
      CHECK_OK(ctx, tr_sample_init(&s, x));
      CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
      CHECK_OK(ctx, tr_reduce(TR_MAX_ABS, x, NULL, NULL, &worst));
      CHECK(isfinite(worst) && stats.nfe == (points < 6 ? points - 1 : 4));
      CHECK(stats.stop_reason == (points < 6 ? TR_STOP_END : TR_STOP_MAX_NFE));
      tr_array_destroy(&x);
      tr_drift_destroy(&s.drift);
    }
}

static void refusals(tr_ctx *ctx) {
  tr_sampler s = flow_sampler(ctx, "Linear", TR_VELOCITY, &target);
  tr_array *x;
  double beyond[] = {0, 1, 2};
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, N}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, start));
  s.ode.method = flow_ode_method(ctx, "deis");
  s.clock = TR_CLOCK_T;
  CHECK_ERROR(ctx, tr_sample_ode(&s, NULL, x, NULL), TR_E_ARG, "deis works in the angle");
  tr_ode_spec spec = {.method = s.ode.method, .grid = beyond, .n_grid = 3};
  tr_rhs rhs = {.fn = canonical, .user = &(field){&s, x}};
  CHECK_ERROR(ctx, tr_ode_solve(&spec, &rhs, (double[]){0, 2}, 2, x, NULL, NULL, NULL), TR_E_ARG,
              "from 0 to pi/2");
  const tr_module *module;
  CHECK_ERROR(ctx, tr_find(ctx, TR_KIND_SDE_METHOD, "deis", &module), TR_E_ARG, "unknown sde-method 'deis'");
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  between_the_ends(ctx);
  from_end_to_end(ctx);
  to_the_end_of_vp(ctx);
  written_out(ctx);
  path_invariance(ctx);
  ddim_is_euler_in_ratios(ctx);
  last_step_is_the_denoiser(ctx);
  last_step_extrapolates(ctx);
  which_variable(ctx);
  every_prediction(ctx);
  breaks(ctx);
  small_runs(ctx);
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
