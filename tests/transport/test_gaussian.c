/* Gaussians with full covariance: eigenvectors; fields, density and divergence against the formulas with V
 * inverted by elimination; the flow map against solves and itself; log-determinants of forward and reverse
 * solves; KL and W2 against other formulas. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/random.h"
#include "core/vec/vec.h"
#include "nets/register.h"
#include "tests/support/problems/flow.h"
#include "transport/exact/gaussian.h"
#include "transport/exact/symmetric_private.h"

enum { N = 3 };
static const char *const paths[] = {"Linear", "GVP", "VP"};
static const double mean[N] = {0.8, -0.4, 0.1};
static const double covariance[N * N] = {0.50, 0.30, -0.10, 0.30, 0.40, 0.05, -0.10, 0.05, 0.09};
static const double point[N] = {0.37, -0.85, 0.61};

static tr_interpolant find(tr_ctx *ctx, const char *name) {
  tr_interpolant path = {0};
  CHECK_OK(ctx, tr_interpolant_find(ctx, name, &path));
  return path;
}

/* ---- eigenvectors ---- */

static double normal(uint64_t row, int64_t i) {
  double z[2];
  tr_random_address address = {.seed = 5, .purpose = TR_RANDOM_TEST};
  tr_random_normal_pair(&address, row, (uint32_t)(i / 2), z);
  return z[i % 2];
}

/* The rows of axes are orthonormal and axes' diag(values) axes is A, both to rounding. */
static void decomposes(tr_ctx *ctx, int64_t n, const double *A) {
  double *values = malloc((size_t)(n + n * n) * sizeof *values), *axes = values + n;
  double size = 0, off = 0, turned = 0;
  CHECK_OK(ctx, tr_symmetric_eigen(ctx, n, A, values, axes));
  for (int64_t i = 0; i < n * n; i++) size = fmax(size, fabs(A[i]));
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = 0, product = 0;
      for (int64_t k = 0; k < n; k++) {
        sum += axes[k * n + i] * values[k] * axes[k * n + j];
        product += axes[i * n + k] * axes[j * n + k];
      }
      off = fmax(off, fabs(sum - A[i * n + j]));
      turned = fmax(turned, fabs(product - (i == j)));
    }
  CHECK_NEAR(off, 0, 1e-14 * (double)n * size);
  CHECK_NEAR(turned, 0, 1e-14 * (double)n);
  free(values);
}

static void eigenvectors(tr_ctx *ctx) {
  enum { MOST = 40 };
  static double A[MOST * MOST];
  for (int64_t n = 1; n <= MOST; n = n * 2 + 1)
    for (int kind = 0; kind < 4; kind++) { /* full, of rank 1, of equal eigenvalues, graded */
      for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
          double u = normal((uint64_t)i, j), full = kind == 1 ? normal(1, i) * normal(1, j) : u;
          double entry = kind == 2 ? 3.0 * (i == j) : kind == 3 ? u * pow(10, -(double)(i + j) / 4) : full;
          A[i * n + j] = A[j * n + i] = entry;
        }
      decomposes(ctx, n, A);
    }
  /* Known ones: 2 -+ 1 of ((2, 1), (1, 2)); small eigenvalues of a graded matrix keep their digits. */
  double values[2], axes[4];
  CHECK_OK(ctx, tr_symmetric_eigen(ctx, 2, (double[]){2, 1, 1, 2}, values, axes));
  CHECK_NEAR(fmin(values[0], values[1]), 1, 1e-15);
  CHECK_NEAR(fmax(values[0], values[1]), 3, 1e-15);
  CHECK_OK(ctx, tr_symmetric_eigen(ctx, 2, (double[]){1, 1e-10, 1e-10, 2e-20}, values, axes));
  CHECK_NEAR(fmin(values[0], values[1]) / 1e-20, 1, 1e-9);
}

/* ---- the fields ---- */

/* V^-1 d, det V and V^-1 W for V = a C + b I, by Gauss-Jordan elimination of (V | d | W). */
typedef struct {
  double solved[N], product[N][N], det;
} solution;

static solution solve(double a, double b, const double *d, double wa, double wb) {
  double M[N][2 * N + 1];
  solution out = {.det = 1};
  for (int i = 0; i < N; i++) {
    M[i][N] = d[i];
    for (int j = 0; j < N; j++) {
      M[i][j] = a * covariance[i * N + j] + b * (i == j);
      M[i][N + 1 + j] = wa * covariance[i * N + j] + wb * (i == j);
    }
  }
  for (int k = 0; k < N; k++) {
    double pivot = M[k][k];
    out.det *= pivot;
    for (int j = 0; j <= 2 * N; j++) M[k][j] /= pivot;
    for (int i = 0; i < N; i++) {
      double factor = M[i][k];
      for (int j = 0; i != k && j <= 2 * N; j++) M[i][j] -= factor * M[k][j];
    }
  }
  for (int i = 0; i < N; i++) {
    out.solved[i] = M[i][N];
    for (int j = 0; j < N; j++) out.product[i][j] = M[i][N + 1 + j];
  }
  return out;
}

/* v = a' mu + (a a' C + g g' I) r, s = -r, e = g r, m = mu + a C r with r = V^-1 (x - a mu);
 * ln p = -(n ln 2 pi + ln det V + d . r) / 2; div v = tr(V^-1 dV/dt) / 2. */
static void formulas(tr_ctx *ctx, const char *name, double t) {
  tr_interpolant path = find(ctx, name);
  tr_coeffs c = tr_interpolant_at(&path, t);
  double d[N], want[5][N], log_density, divergence, trace = 0, square = 0;
  for (int i = 0; i < N; i++) d[i] = point[i] - c.alpha * mean[i];
  solution s = solve(c.alpha * c.alpha, c.sigma * c.sigma, d, c.alpha * c.dalpha, c.sigma_dsigma);
  for (int i = 0; i < N; i++) {
    double Cr = 0;
    for (int j = 0; j < N; j++) Cr += covariance[i * N + j] * s.solved[j];
    want[TR_VELOCITY][i] = c.dalpha * mean[i] + c.alpha * c.dalpha * Cr + c.sigma_dsigma * s.solved[i];
    want[TR_SCORE][i] = -s.solved[i];
    want[TR_NOISE][i] = c.sigma * s.solved[i];
    want[TR_DENOISER][i] = mean[i] + c.alpha * Cr;
    want[TR_CANONICAL][i] = cos(c.theta) * want[TR_DENOISER][i] - sin(c.theta) * want[TR_NOISE][i];
    trace += s.product[i][i];
    square += d[i] * s.solved[i];
  }
  for (int kind = TR_VELOCITY; kind <= TR_CANONICAL; kind++) {
    tr_drift *drift;
    double f[N];
    CHECK_OK(ctx, tr_exact_create_gaussian_full(ctx, &path, (tr_quantity)kind, N, mean, covariance, &drift));
    for (int dtype = 0; dtype < 2; dtype++) {
      tr_array *x, *value;
      CHECK_OK(ctx, tr_array_create(ctx, dtype ? TR_F32 : TR_F64, 2, (int64_t[]){1, N}, &x));
      CHECK_OK(ctx, tr_array_like(x, &value));
      CHECK_OK(ctx, tr_array_set_f64(x, point));
      CHECK_OK(ctx, tr_drift_eval(drift, (tr_times){1, &t}, x, NULL, value));
      CHECK_OK(ctx, tr_array_get_f64(value, f));
      tr_array_destroy(&value);
      CHECK_NEAR(check_relative(f, want[kind], N), 0, dtype ? 1e-5 : 1e-12);
      tr_array_destroy(&x);
    }
    CHECK_OK(ctx, tr_exact_log_density(drift, t, point, &log_density));
    CHECK_NEAR(log_density, -(N * log(2 * TR_PI) + log(s.det) + square) / 2, 1e-12 * (1 + square));
    CHECK_OK(ctx, tr_exact_divergence(drift, TR_VELOCITY, t, point, &divergence));
    CHECK_NEAR(divergence, trace, 1e-12 * (1 + fabs(trace)));
    tr_drift_destroy(&drift);
  }
}

/* ---- the flow ---- */

/* Reverse and forward solves on the backend against the flow map. */
static void flow_of_solves(tr_ctx *ctx, const tr_gaussian *g, const char *name) {
  for (int reverse = 0; reverse < 2; reverse++) {
    tr_sampler s;
    tr_sample_stats stats;
    tr_array *x;
    double got[N], want[N];
    CHECK_OK(ctx, tr_sampler_defaults(ctx, &s));
    s.interpolant = find(ctx, name);
    CHECK_OK(ctx,
             tr_exact_create_gaussian_full(ctx, &s.interpolant, TR_VELOCITY, N, mean, covariance, &s.drift));
    s.ode.method = flow_ode_method(ctx, "dopri5");
    s.ode.rtol = s.ode.atol = 1e-11;
    s.reverse = reverse;
    CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, N}, &x));
    CHECK_OK(ctx, tr_array_set_f64(x, point));
    CHECK_OK(ctx, tr_sample_ode(&s, NULL, x, &stats));
    CHECK_OK(ctx, tr_array_get_f64(x, got));
    CHECK_OK(ctx, tr_gaussian_flow(ctx, g, &s.interpolant, stats.t0, stats.t1, point, want));
    CHECK_NEAR(check_relative(got, want, N), 0, 1e-8);
    tr_array_destroy(&x);
    tr_drift_destroy(&s.drift);
  }
}

/* Through an intermediate time, back again, and what it does to densities: ln p_t(flow x) + ln det = ln
 * p_s(x). Its Jacobian has that determinant. */
static void flow_of_itself(tr_ctx *ctx, const tr_gaussian *g, const char *name) {
  static const double times[] = {0, 0.23, 0.5, 0.81, 1};
  tr_interpolant path = find(ctx, name);
  tr_drift *drift;
  CHECK_OK(ctx, tr_exact_create_gaussian_full(ctx, &path, TR_SCORE, N, mean, covariance, &drift));
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 5; j++) {
      double direct[N], stop[N], back[N], J[N][N], before, after, log_det, log_det_back, s = times[i],
                                                                                         t = times[j];
      CHECK_OK(ctx, tr_gaussian_flow(ctx, g, &path, s, t, point, direct));
      CHECK_OK(ctx, tr_gaussian_flow(ctx, g, &path, s, 0.4, point, stop));
      CHECK_OK(ctx, tr_gaussian_flow(ctx, g, &path, 0.4, t, stop, stop));
      CHECK_NEAR(check_relative(stop, direct, N), 0, 1e-12);
      CHECK_OK(ctx, tr_gaussian_flow(ctx, g, &path, t, s, direct, back));
      CHECK_NEAR(check_relative(back, point, N), 0, 1e-12);
      CHECK_OK(ctx, tr_gaussian_log_determinant(ctx, g, &path, s, t, &log_det));
      CHECK_OK(ctx, tr_gaussian_log_determinant(ctx, g, &path, t, s, &log_det_back));
      CHECK_NEAR(log_det + log_det_back, 0, 1e-13);
      CHECK_OK(ctx, tr_exact_log_density(drift, s, point, &before));
      CHECK_OK(ctx, tr_exact_log_density(drift, t, direct, &after));
      CHECK_NEAR(after + log_det, before, 1e-11 * (1 + fabs(before)));
      for (int k = 0; k < N; k++) { /* the map is affine: differences are exact */
        double moved[N] = {point[0], point[1], point[2]};
        moved[k] += 1;
        CHECK_OK(ctx, tr_gaussian_flow(ctx, g, &path, s, t, moved, moved));
        for (int l = 0; l < N; l++) J[l][k] = moved[l] - direct[l];
      }
      double det = J[0][0] * (J[1][1] * J[2][2] - J[1][2] * J[2][1]) -
                   J[0][1] * (J[1][0] * J[2][2] - J[1][2] * J[2][0]) +
                   J[0][2] * (J[1][0] * J[2][1] - J[1][1] * J[2][0]);
      CHECK_NEAR(log(det), log_det, 1e-10);
    }
  tr_drift_destroy(&drift);
}

static void moments(tr_ctx *ctx, const tr_gaussian *g, const char *name) {
  tr_interpolant path = find(ctx, name);
  for (double t = 0; t <= 1; t += 0.25) {
    tr_coeffs c = tr_interpolant_at(&path, t);
    double m[N], C[N * N];
    tr_gaussian_moments(g, &path, t, m, C);
    for (int i = 0; i < N; i++) {
      CHECK_NEAR(m[i], c.alpha * mean[i], 1e-15);
      for (int j = 0; j < N; j++)
        CHECK_NEAR(C[i * N + j], c.alpha * c.alpha * covariance[i * N + j] + c.sigma * c.sigma * (i == j),
                   1e-15);
    }
  }
}

/* ---- the log-determinant of solves: (x, l) with dl/dt = div v, forward and back ---- */

static tr_status with_divergence(double t, const tr_array *state, tr_array *rate, void *user) {
  const tr_drift *drift = user;
  double x[N + 1], f[N + 1];
  TR_TRY(tr_array_get_f64(state, x));
  TR_TRY(tr_exact_field(drift, TR_VELOCITY, t, x, f));
  TR_TRY(tr_exact_divergence(drift, TR_VELOCITY, t, x, &f[N]));
  return tr_array_set_f64(rate, f);
}

static void solve_both(tr_ctx *ctx, tr_drift *drift, double from, double to, double *state) {
  tr_ode_spec spec = {.method = flow_ode_method(ctx, "dopri5"), .rtol = 1e-11, .atol = 1e-11};
  tr_rhs rhs = {.fn = with_divergence, .user = drift};
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){N + 1}, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, state));
  CHECK_OK(ctx, tr_ode_solve(&spec, &rhs, (double[]){from, to}, 2, x, NULL, NULL, NULL));
  CHECK_OK(ctx, tr_array_get_f64(x, state));
  tr_array_destroy(&x);
}

/* Forward then reverse returns x and the two log-determinants cancel; for the Gaussian the first is known,
 * for a mixture with full covariances it is ln p_s(x) - ln p_t(flow x). */
static void log_determinants(tr_ctx *ctx, const tr_gaussian *g, const char *name) {
  static const double weights[] = {1, 2}, means[2 * N] = {0.8, -0.4, 0.1, -1, 0.5, 0.3};
  double covariances[2 * N * N];
  for (int i = 0; i < N * N; i++) {
    covariances[i] = covariance[i];
    covariances[N * N + i] = (i % (N + 1) == 0) * 0.5 - 0.4 * covariance[i];
  }
  for (int mixture = 0; mixture < 2; mixture++) {
    tr_interpolant path = find(ctx, name);
    tr_drift *drift;
    double state[N + 1] = {point[0], point[1], point[2], 0}, want, before, after, s = 0.1, t = 0.95;
    CHECK_OK(ctx, tr_exact_create_mixture_full(ctx, &path, TR_VELOCITY, N, 1 + mixture, weights, means,
                                               covariances, &drift));
    solve_both(ctx, drift, s, t, state);
    CHECK_OK(ctx, tr_exact_log_density(drift, s, point, &before));
    CHECK_OK(ctx, tr_exact_log_density(drift, t, state, &after));
    CHECK_NEAR(state[N], before - after, 1e-8);
    if (!mixture) {
      CHECK_OK(ctx, tr_gaussian_log_determinant(ctx, g, &path, s, t, &want));
      CHECK_NEAR(state[N], want, 1e-8);
    }
    solve_both(ctx, drift, t, s, state);
    for (int i = 0; i < N; i++) CHECK_NEAR(state[i], point[i], 1e-8);
    CHECK_NEAR(state[N], 0, 1e-8);
    tr_drift_destroy(&drift);
  }
}

/* ---- distances ---- */

static tr_gaussian gaussian_of(tr_ctx *ctx, int64_t n, const double *m, const double *C) {
  tr_gaussian g;
  CHECK_OK(ctx, tr_gaussian_create(ctx, n, m, C, &g));
  return g;
}

/* In one dimension both are elementary; in two the trace of the root of C_a C_b is sqrt(tr C_a C_b + 2
 * sqrt(det C_a det C_b)), and KL needs a 2 x 2 inverse only. */
static void distances(tr_ctx *ctx) {
  double kl, w2, one = 1, zero = 0, two = 2, quarter = 0.25;
  tr_gaussian p = gaussian_of(ctx, 1, &one, &quarter), q = gaussian_of(ctx, 1, &zero, &two);
  CHECK_OK(ctx, tr_gaussian_kl(ctx, &p, &q, &kl));
  CHECK_NEAR(kl, (0.125 + 0.5 - 1 + log(8)) / 2, 1e-15);
  CHECK_OK(ctx, tr_gaussian_w2(ctx, &p, &q, &w2));
  CHECK_NEAR(w2 * w2, 1 + (sqrt(2) - 0.5) * (sqrt(2) - 0.5), 1e-14);
  tr_gaussian_free(&p);
  tr_gaussian_free(&q);

  static const double ma[2] = {0.3, -1}, mb[2] = {1.1, 0.4}, A[4] = {0.7, -0.3, -0.3, 0.5},
                      B[4] = {0.2, 0.1, 0.1, 1.4};
  tr_gaussian a = gaussian_of(ctx, 2, ma, A), b = gaussian_of(ctx, 2, mb, B);
  double det_a = A[0] * A[3] - A[1] * A[1], det_b = B[0] * B[3] - B[1] * B[1], d[2] = {0.8, 1.4};
  double cross = A[0] * B[0] + 2 * A[1] * B[1] + A[3] * B[3];
  double inverse = (B[3] * A[0] - 2 * B[1] * A[1] + B[0] * A[3]) / det_b;
  double mahalanobis = (B[3] * d[0] * d[0] - 2 * B[1] * d[0] * d[1] + B[0] * d[1] * d[1]) / det_b;
  CHECK_OK(ctx, tr_gaussian_kl(ctx, &a, &b, &kl));
  CHECK_NEAR(kl, (inverse + mahalanobis - 2 + log(det_b / det_a)) / 2, 1e-13);
  CHECK_OK(ctx, tr_gaussian_w2(ctx, &a, &b, &w2));
  CHECK_NEAR(w2 * w2,
             d[0] * d[0] + d[1] * d[1] + A[0] + A[3] + B[0] + B[3] -
                 2 * sqrt(cross + 2 * sqrt(det_a * det_b)),
             1e-13);
  double other;
  CHECK_OK(ctx, tr_gaussian_w2(ctx, &b, &a, &other));
  CHECK_NEAR(other, w2, 1e-14);
  CHECK_OK(ctx, tr_gaussian_kl(ctx, &a, &a, &kl));
  CHECK_OK(ctx, tr_gaussian_w2(ctx, &a, &a, &w2));
  CHECK_NEAR(kl, 0, 1e-14);
  CHECK_NEAR(w2 * w2, 0, 1e-14);
  tr_gaussian_free(&a);
  tr_gaussian_free(&b);
}

static void refusals(tr_ctx *ctx, const tr_gaussian *g) {
  tr_interpolant linear = find(ctx, "Linear");
  tr_gaussian bad, point_mass = gaussian_of(ctx, 2, (double[]){0, 0}, (double[]){1, 0, 0, 0});
  double out, x[N];
  CHECK_ERROR(ctx, tr_gaussian_create(ctx, 0, mean, covariance, &bad), TR_E_ARG, "0 elements");
  CHECK_ERROR(ctx, tr_gaussian_create(ctx, 1, &(double){NAN}, covariance, &bad), TR_E_ARG, "mean");
  CHECK_ERROR(ctx, tr_gaussian_create(ctx, 2, mean, (double[]){1, 3, 3, 1}, &bad), TR_E_ARG,
              "the eigenvalue -2");
  CHECK(bad.mean == NULL);
  CHECK_ERROR(ctx, tr_gaussian_flow(ctx, g, &linear, 0, 1.5, point, x), TR_E_ARG, "1.5");
  CHECK_ERROR(ctx, tr_gaussian_flow(ctx, &point_mass, &linear, 1, 0, point, x), TR_E_ARG, "variance of 0");
  CHECK_OK(ctx, tr_gaussian_log_determinant(ctx, &point_mass, &linear, 0, 1, &out));
  CHECK(out == -INFINITY);
  CHECK_ERROR(ctx, tr_gaussian_kl(ctx, g, &point_mass, &out), TR_E_SHAPE, "3 and 2 elements");
  CHECK_ERROR(ctx, tr_gaussian_kl(ctx, &point_mass, &point_mass, &out), TR_E_ARG, "no density");
  CHECK_OK(ctx, tr_gaussian_w2(ctx, &point_mass, &point_mass, &out));
  CHECK_NEAR(out, 0, 1e-7);
  tr_gaussian_free(&point_mass);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  tr_gaussian g = gaussian_of(ctx, N, mean, covariance);
  eigenvectors(ctx);
  for (int p = 0; p < 3; p++) {
    for (double t = 0.05; t < 1; t += 0.15) formulas(ctx, paths[p], t);
    flow_of_solves(ctx, &g, paths[p]);
    flow_of_itself(ctx, &g, paths[p]);
    moments(ctx, &g, paths[p]);
    log_determinants(ctx, &g, paths[p]);
  }
  distances(ctx);
  refusals(ctx, &g);
  tr_gaussian_free(&g);
  tr_ctx_close(&ctx);
  return check_report();
}
