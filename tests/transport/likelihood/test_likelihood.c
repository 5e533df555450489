/* Log-densities on exact mixtures: to 1e-5 for d = 2, 16, 64 on every path, by every prediction, with the
 * exact trace, and along another path than the model's; a density that integrates to 1; the sampling
 * direction and the reverse direction agree; error bars that are honest over 1000 inputs; nothing but the
 * probes depends on the batch; work counted; bad settings. On a device: those of which an operation of it has
 * a part, on one path. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/problems/mixtures.h"
#include "transport/likelihood/likelihood.h"
#include "transport/transfer.h"

#define LEAST_VARIANCE 0.05 /* of exact_mixtures, whose variances go up to 0.35 */

static const char *const paths[] = {"Linear", "GVP", "VP"};

static tr_sampler reverse_sampler(tr_ctx *ctx, const char *path, double rtol) {
  tr_sampler s;
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &s.interpolant));
  s.reverse = true;
  s.sample_eps = 0;
  s.ode.rtol = rtol;
  s.ode.atol = rtol;
  s.seed = 11;
  return s;
}

static tr_density with_trace(tr_ctx *ctx, const char *name, int n_probes) {
  tr_density density;
  CHECK_OK(ctx, tr_density_defaults(ctx, &density));
  CHECK_OK(ctx, tr_trace_find(ctx, name, &density.trace));
  density.n_probes = n_probes;
  return density;
}

/* ln p of the mixture itself, where the standard normal that the solve ends in differs from p at time t (VP:
 * alpha(0) > 0; an eps): the solver's result with the true prior put in its place. */
static void put_true_prior(const tr_drift *drift, double t, const tr_array *latents, double *logp) {
  int64_t rows = latents->shape[0];
  double *normal = malloc(2 * (size_t)rows * sizeof *normal), *truth = normal + rows;
  if (!normal) exit(1);
  CHECK_OK(drift->ctx, tr_log_normal(latents, normal));
  mixture_log_density(drift, t, latents, truth);
  for (int64_t i = 0; i < rows; i++) logp[i] += truth[i] - normal[i];
  free(normal);
}

typedef struct {
  const char *path, *along; /* of the model; that the flow follows */
  tr_quantity kind;
  int n;
  const char *method;
  tr_clock clock;
  double eps;
} setting;

static double worst_error(tr_ctx *ctx, const setting *set) {
  enum { ROWS = 2 };
  tr_sampler s = reverse_sampler(ctx, set->along, 1e-8);
  tr_density density = with_trace(ctx, "exact", 0);
  tr_sample_stats stats;
  tr_interpolant trained;
  double logp[ROWS], se[ROWS], truth[ROWS], worst = 0;
  CHECK_OK(ctx, tr_interpolant_find(ctx, set->path, &trained));
  tr_drift *model = mixture_random(ctx, &trained, set->kind, set->n, 3, LEAST_VARIANCE, (uint64_t)set->n),
           *moved = NULL;
  tr_drift *exact =
      mixture_random(ctx, &s.interpolant, TR_VELOCITY, set->n, 3, LEAST_VARIANCE, (uint64_t)set->n);
  s.drift = model;
  if (strcmp(set->path, set->along) != 0) {
    CHECK_OK(ctx, tr_drift_create_transferred(model, &trained, &s.interpolant, &moved));
    s.drift = moved;
  }
  s.clock = set->clock;
  s.sample_eps = set->eps;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, set->method, (const tr_module **)&s.ode.method));
  tr_array *x = mixture_points(ctx, ROWS, set->n, 7);
  mixture_log_density(exact, 1 - set->eps, x, truth);
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, logp, se, &stats));
  put_true_prior(exact, stats.t1, x, logp);
  for (int i = 0; i < ROWS; i++) {
    worst = fmax(worst, fabs(logp[i] - truth[i]));
    CHECK(se[i] == 0);
  }
  CHECK(stats.nfe == stats.ode.n_rhs && stats.n_vjp == set->n * stats.ode.n_rhs);
  tr_array_destroy(&x);
  tr_drift_destroy(&moved);
  tr_drift_destroy(&model);
  tr_drift_destroy(&exact);
  return worst;
}

/* What a prediction costs whose canonical field is not finite at an end and held TR_THETA_MIN away from it:
 * TR_THETA_MIN^2 / 2 times the change of the divergence there, and as much by the state. At the data that is
 * at most 1 / variance a dimension; at the noise it is the data's spread, here with points beyond it. */
static double cost_of_holding(tr_quantity kind, int n) {
  double change = kind == TR_VELOCITY ? 0 : kind == TR_DENOISER ? 1 / LEAST_VARIANCE : 3;
  return n * change * TR_THETA_MIN * TR_THETA_MIN;
}

/* Every path, prediction and dimension: with the eps that is the default of all predictions but the velocity,
 * and from end to end. */
static void exact_mixtures(tr_ctx *ctx) {
  static const int dimensions[] = {2, 16, 64};
  static const tr_quantity kinds[] = {TR_VELOCITY, TR_NOISE, TR_SCORE, TR_DENOISER};
  for (int p = 0; p < 3; p++)
    for (int k = 0; k < 4; k++)
      for (int d = 0; d < 3; d++) {
        const int n = dimensions[d];
        setting set = {paths[p], paths[p], kinds[k], n, "cvode-adams", TR_CLOCK_AUTO, 1e-3};
        CHECK_NEAR(worst_error(ctx, &set), 0, 1e-5);
        set.eps = 0;
        CHECK_NEAR(worst_error(ctx, &set), 0, 1e-5 + (n > 2 ? cost_of_holding(kinds[k], n) : 0));
        set.method = "dopri5", set.clock = TR_CLOCK_ANGLE;
        if (n == 2 || (n == 16 && k == 0)) CHECK_NEAR(worst_error(ctx, &set), 0, 1e-5);
      }
}

/* Along another path than the model's the flow has the same end points, and the same density. Below its own
 * first angle (VP) a model's field is held: theta^2 / 2 times the change of the divergence, about 1 a
 * dimension there, and as much for the latents. */
static void along_another_path(tr_ctx *ctx) {
  enum { D = 5 };
  for (int p = 0; p < 3; p++)
    for (int q = 0; q < 3; q++) {
      tr_interpolant trained;
      setting set = {paths[p], paths[q], TR_VELOCITY, D, "cvode-adams", TR_CLOCK_AUTO, 0};
      CHECK_OK(ctx, tr_interpolant_find(ctx, paths[p], &trained));
      double theta = tr_interpolant_at(&trained, 0).theta, bound = 1e-5 + D * theta * theta;
      if (p != q) CHECK_NEAR(worst_error(ctx, &set), 0, bound);
      set.kind = TR_DENOISER, set.eps = 2e-3;
      if (p != q) CHECK_NEAR(worst_error(ctx, &set), 0, bound);
    }
}

/* ---- fixed grids ---- */

static double error_of_steps(tr_ctx *ctx, tr_sampler s, int n) {
  enum { ROWS = 3, D = 3 };
  tr_density density = with_trace(ctx, "exact", 0);
  tr_sample_stats stats;
  double logp[ROWS], se[ROWS], truth[ROWS], worst = 0;
  tr_array *x = mixture_points(ctx, ROWS, D, 5);
  s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 3, 0.1, 4);
  s.n_steps = n + 1;
  mixture_log_density(s.drift, 1 - s.sample_eps, x, truth);
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, logp, se, &stats));
  put_true_prior(s.drift, stats.t1, x, logp);
  CHECK(stats.n_steps == n);
  for (int i = 0; i < ROWS; i++) worst = fmax(worst, fabs(logp[i] - truth[i]));
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
  return worst;
}

/* ln p has the order that the method claims for the state: the exponential methods too, whose steps are exact
 * for a denoiser or a noise that does not change, which the columns have not. */
static void order_of(tr_ctx *ctx, const tr_ode_method *method, const char *path) {
  tr_sampler s = reverse_sampler(ctx, path, 1e-3);
  double coarse = 0, fine;
  s.ode.method = method;
  s.sample_eps = 0.1;
  for (int n = 60; n <= 120; n += 20) /* an error that changes sign is small at one n only */
    coarse = fmax(coarse, error_of_steps(ctx, s, n) * pow(n / 120., method->order));
  fine = error_of_steps(ctx, s, 480);
  double order = log2(coarse / fine) / 2;
  if (!(order >= method->order - 0.3)) printf("%s on %s: %g -> %g\n", method->info.name, path, coarse, fine);
  CHECK(order >= method->order - 0.3);
}

static void orders_on_grids(tr_ctx *ctx) {
  const tr_module *module;
  for (int i = 0; (module = tr_module_at(ctx, TR_KIND_ODE_METHOD, i)); i++) {
    const tr_ode_method *method = (const tr_ode_method *)module;
    for (int p = 0; p < 2 && !(method->caps & TR_ODE_ADAPTIVE); p++) order_of(ctx, method, paths[p]);
  }
}

/* ---- a field of the plane that is no gradient, whose density nothing else tells ---- */

static void swirl(double t, const double x[2], double f[2], double J[2][2]) {
  f[0] = sin(1.3 * x[1]) + 0.5 * cos(TR_PI * t) * x[0];
  f[1] = 0.7 * cos(x[0]) - 0.3 * x[1] * t;
  J[0][0] = 0.5 * cos(TR_PI * t);
  J[0][1] = 1.3 * cos(1.3 * x[1]);
  J[1][0] = -0.7 * sin(x[0]);
  J[1][1] = -0.3 * t;
}

static tr_status swirl_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                           const tr_array *w, tr_array *f, tr_array *wJ) {
  (void)cond;
  double *host = malloc(4 * (size_t)x->count * sizeof *host), J[2][2];
  if (!host) return TR_FAIL(drift->ctx, TR_E_MEM, "out of memory");
  double *covector = host + x->count, *value = covector + x->count, *product = value + x->count;
  TR_TRY(tr_array_get_f64(x, host));
  if (w) TR_TRY(tr_array_get_f64(w, covector));
  for (int64_t i = 0; i < x->count; i += 2) {
    swirl(times.t[0], host + i, value + i, J);
    for (int j = 0; w && j < 2; j++) product[i + j] = covector[i] * J[0][j] + covector[i + 1] * J[1][j];
  }
  TR_TRY(tr_array_set_f64(f, value));
  if (w) TR_TRY(tr_array_set_f64(wJ, product));
  free(host);
  return TR_OK;
}

static tr_status swirl_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                            tr_array *f) {
  return swirl_vjp(drift, times, x, cond, NULL, f, NULL);
}

static void swirl_destroy(tr_drift *drift) {
  (void)drift;
}

static const tr_drift_ops swirl_ops = {
    .name = "swirl", .eval = swirl_eval, .vjp = swirl_vjp, .destroy = swirl_destroy};

/* The trapezoid rule, spectrally accurate for a smooth density that is 0 at the ends. */
static void integrates_to_one(tr_ctx *ctx, const char *path, tr_clock clock) {
  enum { SIDE = 91 };
  const double h = 0.2;
  tr_sampler s = reverse_sampler(ctx, path, 1e-6);
  tr_density density = with_trace(ctx, "exact", 0);
  tr_drift drift = {.ops = &swirl_ops, .ctx = ctx, .kind = TR_VELOCITY, .null_class = -1};
  double *points = malloc(4 * SIDE * SIDE * sizeof *points), *logp = points + 2 * SIDE * SIDE;
  double *se = logp + SIDE * SIDE, sum = 0;
  tr_array *x;
  if (!points) exit(1);
  for (int i = 0; i < SIDE * SIDE; i++) {
    points[2 * i] = h * (i % SIDE - SIDE / 2);
    points[2 * i + 1] = h * (i / SIDE - SIDE / 2);
  }
  s.drift = &drift;
  s.clock = clock;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){SIDE * SIDE, 2}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, points));
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, logp, se, NULL));
  for (int i = 0; i < SIDE * SIDE; i++) sum += exp(logp[i]) * h * h;
  CHECK_NEAR(sum, 1, 1e-5);
  tr_array_destroy(&x);
  free(points);
}

/* ---- forward and backward ---- */

/* ln p of samples drawn forward, and of the same samples on the way back. */
static void both_directions(tr_ctx *ctx, const char *path, tr_quantity kind, double eps, const char *trace) {
  enum { ROWS = 4 };
  tr_sampler s = reverse_sampler(ctx, path, 1e-9);
  tr_density density = with_trace(ctx, trace, 3);
  double there[ROWS], back[ROWS], se[ROWS], se_back[ROWS];
  s.drift = mixture_random(ctx, &s.interpolant, kind, 5, 3, 0.1, 3);
  s.sample_eps = eps;
  s.reverse = false;
  tr_array *x, *start;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){ROWS, 5}, &x));
  CHECK_OK(ctx, tr_array_like(x, &start));
  CHECK_OK(ctx, tr_sample_init(&s, x));
  CHECK_OK(ctx, tr_array_copy(x, start));
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, there, se, NULL));
  s.reverse = true;
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, back, se_back, NULL));
  double a[ROWS * 5], b[ROWS * 5];
  CHECK_OK(ctx, tr_array_get_f64(x, a));
  CHECK_OK(ctx, tr_array_get_f64(start, b));
  CHECK_NEAR(check_relative(a, b, ROWS * 5), 0, 1e-6);
  for (int i = 0; i < ROWS; i++) {
    CHECK_NEAR(back[i], there[i], 1e-6);
    CHECK_NEAR(se_back[i], se[i], 1e-6);
  }
  tr_array_destroy(&x);
  tr_array_destroy(&start);
  tr_drift_destroy(&s.drift);
}

/* ---- error bars ---- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The Kolmogorov-Smirnov distance of n values from the standard normal. */
static double distance_from_normal(double *z, int n) {
  double worst = 0;
  qsort(z, (size_t)n, sizeof *z, ascending);
  for (int i = 0; i < n; i++) {
    double F = 0.5 * erfc(-z[i] / sqrt(2));
    worst = fmax(worst, fmax(F - (double)i / n, (i + 1.0) / n - F));
  }
  return worst;
}

static void honest_error_bars(tr_ctx *ctx) {
  enum { ROWS = 1000, D = 8, R = 32 };
  tr_sampler s = reverse_sampler(ctx, "Linear", 1e-5);
  tr_density density = with_trace(ctx, "hutchinson", R);
  static double logp[ROWS], se[ROWS], truth[ROWS];
  double sum = 0, squares = 0;
  s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 3, 0.1, 2);
  tr_array *x = mixture_points(ctx, ROWS, D, 1);
  mixture_log_density(s.drift, 1, x, truth);
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, logp, se, NULL));
  for (int i = 0; i < ROWS; i++) {
    CHECK(se[i] > 0);
    logp[i] = (logp[i] - truth[i]) / se[i];
    sum += logp[i];
    squares += logp[i] * logp[i];
  }
  double mean = sum / ROWS, variance = squares / ROWS - mean * mean;
  CHECK_NEAR(mean, 0, 3 / sqrt(ROWS));
  CHECK_NEAR(variance, (R - 1.0) / (R - 3.0), 3 * sqrt(2.0 / ROWS)); /* Student's t */
  CHECK(distance_from_normal(logp, ROWS) < 1.63 / sqrt(ROWS));       /* the 1 % quantile */
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

/* ln p of `count` given probes, from number `first` on, on a fixed grid where every trajectory is the same.
 */
static void of_probes(tr_ctx *ctx, const tr_sampler *s, const tr_array *all, int first, int count, int rows,
                      double *logp, double *se) {
  tr_density density = with_trace(ctx, "hutchinson", count);
  tr_array probes = tr_rows(all, (int64_t)first * rows, (int64_t)count * rows);
  density.probes = &probes;
  tr_array *x = mixture_points(ctx, rows, (int)all->shape[1], 4);
  CHECK_OK(ctx, tr_sample_density(s, &density, NULL, x, logp, se, NULL));
  tr_array_destroy(&x);
}

/* The standard error of R probes is that of the R values that they give one by one: s / sqrt(R), s over R
 * - 1. */
static void spread_of_probes(tr_ctx *ctx) {
  enum { ROWS = 3, D = 4, R = 3 };
  tr_sampler s = reverse_sampler(ctx, "GVP", 1e-3);
  double logp[ROWS], se[ROWS], alone[R][ROWS], none[ROWS];
  s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 2, 0.2, 9);
  s.n_steps = 12;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "rk4", (const tr_module **)&s.ode.method));
  tr_array *probes = mixture_points(ctx, R * ROWS, D, 77);
  of_probes(ctx, &s, probes, 0, R, ROWS, logp, se);
  for (int r = 0; r < R; r++) of_probes(ctx, &s, probes, r, 1, ROWS, alone[r], none);
  for (int i = 0; i < ROWS; i++) {
    double mean = 0, square = 0;
    for (int r = 0; r < R; r++) mean += alone[r][i] / R;
    for (int r = 0; r < R; r++) square += (alone[r][i] - mean) * (alone[r][i] - mean);
    CHECK(isnan(none[i]));
    CHECK_NEAR(logp[i], mean, 1e-12 * fabs(mean));
    CHECK_NEAR(se[i] / sqrt(square / (R - 1) / R), 1, 1e-10);
  }
  tr_array_destroy(&probes);
  tr_drift_destroy(&s.drift);
}

/* ---- work, batches, tolerance ---- */

/* On a fixed grid a row's result has the same bits alone and in a batch. */
static void any_batch(tr_ctx *ctx, const char *trace) {
  enum { ROWS = 3, D = 4 };
  tr_sampler s = reverse_sampler(ctx, "GVP", 1e-3);
  tr_density density = with_trace(ctx, trace, 2);
  double logp[ROWS], se[ROWS], one, one_se;
  s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 2, 0.2, 9);
  s.n_steps = 12;
  s.first_sample = 40;
  CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "rk4", (const tr_module **)&s.ode.method));
  tr_array *x = mixture_points(ctx, ROWS, D, 4), *kept = mixture_points(ctx, ROWS, D, 4);
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, logp, se, NULL));
  for (int i = 0; i < ROWS; i++) {
    s.first_sample = 40 + (uint64_t)i;
    tr_array row = tr_rows(kept, i, 1);
    CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, &row, &one, &one_se, NULL));
    CHECK(one == logp[i] && one_se == se[i]);
  }
  tr_array_destroy(&x);
  tr_array_destroy(&kept);
  tr_drift_destroy(&s.drift);
}

/* The solver's error in ln p follows the tolerance in nats, with loose latents. */
static void own_tolerance(tr_ctx *ctx) {
  enum { D = 16 };
  double error[2];
  for (int tight = 0; tight < 2; tight++) {
    tr_sampler s = reverse_sampler(ctx, "Linear", 1e-2);
    tr_density density = with_trace(ctx, "exact", 0);
    double logp, se, truth;
    density.tolerance = tight ? 1e-4 : 1;
    s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 3, 0.02, 6);
    CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, "dopri5", (const tr_module **)&s.ode.method));
    tr_array *x = mixture_points(ctx, 1, D, 8);
    mixture_log_density(s.drift, 1, x, &truth);
    CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, NULL));
    error[tight] = fabs(logp - truth);
    tr_array_destroy(&x);
    tr_drift_destroy(&s.drift);
  }
  CHECK(error[1] < 5e-3);
  CHECK(error[0] > 10 * error[1]);
}

/* dx/dt turns the plane ever faster and has no divergence: ln p asks for no steps at all, and the latents, in
 * the same error norm, for many. They end where the rotation ends. */
static tr_status turning_vjp(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                             const tr_array *w, tr_array *f, tr_array *wJ) {
  (void)drift, (void)cond;
  const tr_array *in[] = {x, w};
  tr_array *out[] = {f, wJ};
  for (int k = 0; k < (w ? 2 : 1); k++) {
    double a[2], speed = (k ? -1 : 1) * (10 + 60 * times.t[0]); /* w' J = -(J w)' */
    TR_TRY(tr_array_get_f64(in[k], a));
    TR_TRY(tr_array_set_f64(out[k], (double[]){-speed * a[1], speed * a[0]}));
  }
  return TR_OK;
}

static tr_status turning_eval(tr_drift *drift, tr_times times, const tr_array *x, const tr_cond *cond,
                              tr_array *f) {
  return turning_vjp(drift, times, x, cond, NULL, f, NULL);
}

static const tr_drift_ops turning_ops = {
    .name = "turning", .eval = turning_eval, .vjp = turning_vjp, .destroy = swirl_destroy};

static void latents_in_the_norm(tr_ctx *ctx) {
  static const char *const methods[] = {"cvode-adams", "dopri5", "bosh3"};
  tr_drift drift = {.ops = &turning_ops, .ctx = ctx, .kind = TR_VELOCITY, .null_class = -1};
  for (int m = 0; m < 3; m++)
    for (int reverse = 0; reverse < 2; reverse++) {
      tr_sampler s = reverse_sampler(ctx, "Linear", 1e-6);
      tr_density density = with_trace(ctx, "exact", 0);
      double logp, se, end[2], r2 = 0.5 * 0.5 + 1.2 * 1.2, turned = (reverse ? -1 : 1) * (10 + 60 / 2.);
      tr_array *x;
      density.tolerance = 1;
      s.drift = &drift;
      s.reverse = reverse;
      CHECK_OK(ctx, tr_find(ctx, TR_KIND_ODE_METHOD, methods[m], (const tr_module **)&s.ode.method));
      CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, 2}, &x));
      CHECK_OK(ctx, tr_array_set_f64(x, (double[]){0.5, 1.2}));
      CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, NULL));
      CHECK_OK(ctx, tr_array_get_f64(x, end));
      CHECK_NEAR(end[0], 0.5 * cos(turned) - 1.2 * sin(turned), 1e-3);
      CHECK_NEAR(end[1], 0.5 * sin(turned) + 1.2 * cos(turned), 1e-3);
      CHECK_NEAR(logp, -log(2 * TR_PI) - r2 / 2, 1e-3);
      tr_array_destroy(&x);
    }
}

static void cut_short(tr_ctx *ctx) {
  tr_sampler s = reverse_sampler(ctx, "Linear", 1e-8);
  tr_density density = with_trace(ctx, "exact", 0);
  double logp, se, truth;
  tr_sample_stats stats;
  s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, 2, 2, 0.1, 6);
  s.max_nfe = 40;
  tr_array *x = mixture_points(ctx, 1, 2, 8);
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, &stats));
  CHECK(isnan(logp) && stats.stop_reason == TR_STOP_MAX_NFE);
  s.reverse = false; /* the density of the state where it stopped */
  CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, &stats));
  CHECK(stats.t_end > 0 && stats.t_end < 1);
  mixture_log_density(s.drift, stats.t_end, x, &truth);
  CHECK_NEAR(logp, truth, 1e-5);
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

static void refusals(tr_ctx *ctx) {
  tr_sampler s = reverse_sampler(ctx, "Linear", 1e-3);
  tr_density density = with_trace(ctx, "exact", 0);
  double logp, se;
  tr_array *x = mixture_points(ctx, 1, 2, 8);
  CHECK_ERROR(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, NULL), TR_E_ARG, "drift");
  s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, 2, 2, 0.1, 6);
  density.tolerance = -1;
  CHECK_ERROR(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, NULL), TR_E_ARG, "-1 nats");
  density.tolerance = 0;
  CHECK_OK(ctx, tr_fill(1e200, x));
  CHECK_ERROR(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, NULL), TR_E_NONFINITE, "finite");
  tr_array_destroy(&x);
  tr_drift_destroy(&s.drift);
}

/* A tolerance of 0 nats stands for rtol times the number of elements, and no other. */
static void default_tolerance(tr_ctx *ctx) {
  enum { D = 16 };
  const double tolerances[] = {0, 1e-2 * D, 1e-2};
  double logp[3], se;
  for (int k = 0; k < 3; k++) {
    tr_sampler s = reverse_sampler(ctx, "Linear", 1e-2);
    tr_density density = with_trace(ctx, "exact", 0);
    density.tolerance = tolerances[k];
    s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 3, 0.02, 6);
    tr_array *x = mixture_points(ctx, 1, D, 8);
    CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, &logp[k], &se, NULL));
    tr_array_destroy(&x);
    tr_drift_destroy(&s.drift);
  }
  CHECK(logp[0] == logp[1] && logp[0] != logp[2]);
}

/* Drawing cut short: ln p is that of the state where the run stopped, in both clocks. */
static void cut_short_forward(tr_ctx *ctx) {
  enum { D = 3 };
  for (int clock = TR_CLOCK_T; clock <= TR_CLOCK_ANGLE; clock++)
    for (long most = 30; most < 90; most += 20) {
      tr_sampler s = reverse_sampler(ctx, "Linear", 1e-9);
      tr_density density = with_trace(ctx, "exact", 0);
      double logp, se, truth;
      tr_sample_stats stats;
      tr_array *x;
      s.reverse = false;
      s.clock = (tr_clock)clock;
      s.max_nfe = most;
      s.drift = mixture_random(ctx, &s.interpolant, TR_VELOCITY, D, 2, 0.1, 6);
      CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, D}, &x));
      CHECK_OK(ctx, tr_sample_init(&s, x));
      CHECK_OK(ctx, tr_sample_density(&s, &density, NULL, x, &logp, &se, &stats));
      CHECK(stats.stop_reason == TR_STOP_MAX_NFE && stats.t_end > 0.01 && stats.t_end < 0.99);
      mixture_log_density(s.drift, stats.t_end, x, &truth);
      CHECK_NEAR(logp, truth, 1e-5);
      tr_array_destroy(&x);
      tr_drift_destroy(&s.drift);
    }
}

static void on_a_device(tr_ctx *ctx) {
  both_directions(ctx, paths[0], TR_VELOCITY, 0, "hutchinson");
  both_directions(ctx, paths[0], TR_NOISE, 1e-3, "hutch++"); /* c differs from 1 at both ends */
  both_directions(ctx, paths[0], TR_SCORE, 0, "exact");
  honest_error_bars(ctx);
  any_batch(ctx, "hutchinson");
  any_batch(ctx, "hutch++");
  cut_short(ctx);
}

static void on_all_paths(tr_ctx *ctx) {
  exact_mixtures(ctx);
  along_another_path(ctx);
  orders_on_grids(ctx);
  integrates_to_one(ctx, "Linear", TR_CLOCK_T);
  integrates_to_one(ctx, "GVP", TR_CLOCK_ANGLE);
  for (int p = 1; p < 3; p++) {
    both_directions(ctx, paths[p], TR_VELOCITY, 0, "hutchinson");
    both_directions(ctx, paths[p], TR_NOISE, 1e-3, "hutch++");
    both_directions(ctx, paths[p], TR_SCORE, 0, "exact");
  }
  spread_of_probes(ctx);
  own_tolerance(ctx);
  latents_in_the_norm(ctx);
  default_tolerance(ctx);
  cut_short_forward(ctx);
  refusals(ctx);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  on_a_device(ctx);
  if (strcmp(tr_ctx_resource(ctx), "cpu") == 0) on_all_paths(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
