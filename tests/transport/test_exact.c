/* Exact mixtures, with diagonal and with full covariances: identities between their fields, derivatives
 * against central differences, the continuity equation, the backend in f32 and f64 against the host, what
 * turning the axes does. */
/* TR_TEST_RESOURCES */
#include "nets/register.h"
#include "tests/support/check.h"
#include "transport/exact/exact.h"

enum { N = 3, K = 4 };
static const double weights[K] = {1, 2, 0.5, 3};
static const double means[K * N] = {1, -1, 0.3, -0.7, 0.4, 1.2, 0, 0.9, -1.1, -1.5, -0.2, 0.6};
static const double variances[K * N] = {0.3, 0.05, 0.2, 0.1, 0.4, 0.02, 0.25, 0.25, 0.25, 0.5, 0.01, 0.09};
static const double point[N] = {0.37, -0.45, 0.21};

static bool full; /* which of the two mixtures */

/* Row i of the rotation of component k: by (k + 1) / 2 in the plane of the axes 0 and 1, then 1 and 2. */
static void axis_of(int k, int i, double *out) {
  double a = 0.5 * (k + 1), c = cos(a), s = sin(a);
  const double rows[N][N] = {{c, -s * c, s * s}, {s, c * c, -c * s}, {0, s, c}};
  memcpy(out, rows[i], sizeof rows[i]);
}

static void turned_covariances(double *out) {
  memset(out, 0, K * N * N * sizeof *out);
  for (int k = 0; k < K; k++)
    for (int a = 0; a < N; a++) {
      double axis[N];
      axis_of(k, a, axis);
      for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) out[(k * N + i) * N + j] += axis[i] * variances[k * N + a] * axis[j];
    }
}

static tr_drift *field_of(tr_ctx *ctx, const char *path, tr_quantity kind) {
  tr_interpolant interpolant;
  tr_drift *drift = NULL;
  double covariances[K * N * N];
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &interpolant));
  turned_covariances(covariances);
  if (full)
    CHECK_OK(ctx, tr_exact_create_mixture_full(ctx, &interpolant, kind, N, K, weights, means, covariances,
                                               &drift));
  else
    CHECK_OK(ctx, tr_exact_create_mixture(ctx, &interpolant, kind, N, K, weights, means, variances, &drift));
  return drift;
}

static void at(tr_drift *drift, double t, const double *x, double *f) {
  tr_array *a, *b;
  CHECK_OK(drift->ctx, tr_array_create(drift->ctx, TR_F64, 2, (int64_t[]){1, N}, &a));
  CHECK_OK(drift->ctx, tr_array_like(a, &b));
  CHECK_OK(drift->ctx, tr_array_set_f64(a, x));
  CHECK_OK(drift->ctx, tr_drift_eval(drift, (tr_times){1, &t}, a, NULL, b));
  CHECK_OK(drift->ctx, tr_array_get_f64(b, f));
  tr_array_destroy(&a);
  tr_array_destroy(&b);
}

/* x = alpha m + sigma e, v = alpha' m + sigma' e, s = -e / sigma, F = cos m - sin e. */
static void identities(tr_ctx *ctx, const char *path, double t) {
  double f[5][N];
  tr_interpolant interpolant;
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &interpolant));
  tr_coeffs c = tr_interpolant_at(&interpolant, t);
  for (int kind = TR_VELOCITY; kind <= TR_CANONICAL; kind++) {
    tr_drift *drift = field_of(ctx, path, (tr_quantity)kind);
    at(drift, t, point, f[kind]);
    tr_drift_destroy(&drift);
  }
  for (int i = 0; i < N; i++) {
    double m = f[TR_DENOISER][i], e = f[TR_NOISE][i];
    CHECK_NEAR(c.alpha * m + c.sigma * e, point[i], 1e-13);
    CHECK_NEAR(c.dalpha * m + c.dsigma * e, f[TR_VELOCITY][i], 1e-11 * (1 + fabs(f[TR_VELOCITY][i])));
    CHECK_NEAR(-e / c.sigma, f[TR_SCORE][i], 1e-11 * (1 + fabs(f[TR_SCORE][i])));
    CHECK_NEAR(cos(c.theta) * m - sin(c.theta) * e, f[TR_CANONICAL][i],
               1e-13 * (1 + fabs(f[TR_CANONICAL][i])));
  }
}

/* The score is the gradient of the log-density, and d/dt ln p + div v + v . s = 0, by central differences. */
static void density(tr_ctx *ctx, const char *path, double t) {
  tr_drift *velocity = field_of(ctx, path, TR_VELOCITY), *score = field_of(ctx, path, TR_SCORE);
  double v[N], s[N], up[N], down[N], high, low, h = 1e-5, divergence = 0, transport = 0;
  at(velocity, t, point, v);
  at(score, t, point, s);
  for (int i = 0; i < N; i++) {
    double moved[N] = {point[0], point[1], point[2]};
    moved[i] = point[i] + h;
    CHECK_OK(ctx, tr_exact_log_density(score, t, moved, &high));
    at(velocity, t, moved, up);
    moved[i] = point[i] - h;
    CHECK_OK(ctx, tr_exact_log_density(score, t, moved, &low));
    at(velocity, t, moved, down);
    CHECK_NEAR((high - low) / (2 * h), s[i], 1e-7 * (1 + fabs(s[i])));
    divergence += (up[i] - down[i]) / (2 * h);
    transport += v[i] * s[i];
  }
  double exact;
  CHECK_OK(ctx, tr_exact_divergence(score, TR_VELOCITY, t, point, &exact));
  CHECK_NEAR(exact, divergence, 1e-7 * (1 + fabs(divergence)));
  CHECK_OK(ctx, tr_exact_log_density(score, t + h, point, &high));
  CHECK_OK(ctx, tr_exact_log_density(score, t - h, point, &low));
  CHECK_NEAR((high - low) / (2 * h) + divergence + transport, 0,
             1e-6 * (1 + fabs(divergence) + fabs(transport)));
  tr_drift_destroy(&velocity);
  tr_drift_destroy(&score);
}

/* J z against central differences of the field, and w . (J z) = (w J) . z. */
static void derivatives(tr_ctx *ctx, const char *path, tr_quantity kind, double t) {
  static const double z[N] = {0.5, -1.3, 0.8}, w[N] = {-0.4, 0.7, 1.1};
  tr_drift *drift = field_of(ctx, path, kind);
  tr_array *x, *direction, *f, *product;
  double Jz[N], wJ[N], direct[N], field[N], up[N], down[N], h = 1e-6, left = 0, right = 0;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){1, N}, &x));
  CHECK_OK(ctx, tr_array_like(x, &direction));
  CHECK_OK(ctx, tr_array_like(x, &f));
  CHECK_OK(ctx, tr_array_like(x, &product));
  CHECK_OK(ctx, tr_array_set_f64(x, point));
  CHECK_OK(ctx, tr_array_set_f64(direction, z));
  CHECK_OK(ctx, tr_drift_jvp(drift, (tr_times){1, &t}, x, NULL, direction, product));
  CHECK_OK(ctx, tr_array_get_f64(product, Jz));
  CHECK_OK(ctx, tr_array_set_f64(direction, w));
  CHECK_OK(ctx, tr_drift_vjp(drift, (tr_times){1, &t}, x, NULL, direction, f, product));
  CHECK_OK(ctx, tr_array_get_f64(product, wJ));
  CHECK_OK(ctx, tr_array_get_f64(f, field));
  at(drift, t, point, direct);
  at(drift, t, (double[]){point[0] + h * z[0], point[1] + h * z[1], point[2] + h * z[2]}, up);
  at(drift, t, (double[]){point[0] - h * z[0], point[1] - h * z[1], point[2] - h * z[2]}, down);
  for (int i = 0; i < N; i++) {
    CHECK_NEAR(field[i], direct[i], 0);
    CHECK_NEAR(Jz[i], (up[i] - down[i]) / (2 * h), 1e-6 * (1 + fabs(Jz[i])));
    left += w[i] * Jz[i], right += wJ[i] * z[i];
  }
  CHECK_NEAR(left, right, 1e-11 * (1 + fabs(left)));
  tr_array_destroy(&x);
  tr_array_destroy(&direction);
  tr_array_destroy(&f);
  tr_array_destroy(&product);
  tr_drift_destroy(&drift);
}

/* The backend in f64 and f32 against the functions on the host, for every quantity, from a provider of
 * another one; the trace of J is the sum of its unit products. */
static void host_and_backend(tr_ctx *ctx, const char *path, tr_quantity kind, double t) {
  static const double z[N] = {0.5, -1.3, 0.8};
  tr_drift *drift = field_of(ctx, path, kind), *other = field_of(ctx, path, TR_NOISE);
  double want[3][N], trace, sum = 0;
  CHECK_OK(ctx, tr_exact_field(other, kind, t, point, want[0]));
  CHECK_OK(ctx, tr_exact_product(other, kind, true, t, point, z, want[1]));
  CHECK_OK(ctx, tr_exact_product(other, kind, false, t, point, z, want[2]));
  CHECK_OK(ctx, tr_exact_divergence(other, kind, t, point, &trace));
  for (int i = 0; i < N; i++) {
    double unit[N] = {0}, column[N];
    unit[i] = 1;
    CHECK_OK(ctx, tr_exact_product(other, kind, false, t, point, unit, column));
    sum += column[i];
  }
  CHECK_NEAR(sum, trace, 1e-13 * (1 + fabs(trace)));
  for (int dtype = 0; dtype < 2; dtype++) {
    tr_array *x, *w, *f, *product;
    double got[3][N];
    CHECK_OK(ctx, tr_array_create(ctx, dtype ? TR_F32 : TR_F64, 2, (int64_t[]){1, N}, &x));
    CHECK_OK(ctx, tr_array_like(x, &w));
    CHECK_OK(ctx, tr_array_like(x, &f));
    CHECK_OK(ctx, tr_array_like(x, &product));
    CHECK_OK(ctx, tr_array_set_f64(x, point));
    CHECK_OK(ctx, tr_array_set_f64(w, z));
    CHECK_OK(ctx, tr_drift_eval(drift, (tr_times){1, &t}, x, NULL, f));
    CHECK_OK(ctx, tr_array_get_f64(f, got[0]));
    CHECK_OK(ctx, tr_drift_vjp(drift, (tr_times){1, &t}, x, NULL, w, f, product));
    CHECK_OK(ctx, tr_array_get_f64(product, got[1]));
    CHECK_OK(ctx, tr_drift_jvp(drift, (tr_times){1, &t}, x, NULL, w, product));
    CHECK_OK(ctx, tr_array_get_f64(product, got[2]));
    for (int i = 0; i < 3; i++) CHECK_NEAR(check_relative(got[i], want[i], N), 0, dtype ? 2e-5 : 0);
    tr_array_destroy(&x);
    tr_array_destroy(&w);
    tr_array_destroy(&f);
    tr_array_destroy(&product);
  }
  tr_drift_destroy(&drift);
  tr_drift_destroy(&other);
}

/* A full covariance that is diagonal is the diagonal one; turning space turns the fields: f_Q(Q x) = Q f(x)
 * for means Q mu and covariances Q diag(c) Q'. */
static void turned(tr_ctx *ctx, const char *path, tr_quantity kind, double t) {
  double Q[N][N], covariances[K * N * N] = {0}, turned_means[K * N] = {0}, x[N] = {0}, f[N], want[N] = {0},
                                      got[N];
  tr_interpolant interpolant;
  tr_drift *diagonal = NULL, *same = NULL, *moved = NULL;
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &interpolant));
  CHECK_OK(ctx, tr_exact_create_mixture(ctx, &interpolant, kind, N, K, weights, means, variances, &diagonal));
  CHECK_OK(ctx, tr_exact_field(diagonal, kind, t, point, f));
  for (int k = 0; k < K; k++)
    for (int i = 0; i < N; i++) covariances[(k * N + i) * N + i] = variances[k * N + i];
  CHECK_OK(ctx,
           tr_exact_create_mixture_full(ctx, &interpolant, kind, N, K, weights, means, covariances, &same));
  CHECK_OK(ctx, tr_exact_field(same, kind, t, point, got));
  CHECK_NEAR(check_relative(got, f, N), 0, 1e-14);
  memset(covariances, 0, sizeof covariances);
  for (int i = 0; i < N; i++) axis_of(1, i, Q[i]);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      x[i] += Q[i][j] * point[j], want[i] += Q[i][j] * f[j];
      for (int k = 0; k < K; k++) {
        turned_means[k * N + i] += Q[i][j] * means[k * N + j];
        for (int a = 0; a < N; a++)
          covariances[(k * N + i) * N + j] += Q[i][a] * variances[k * N + a] * Q[j][a];
      }
    }
  CHECK_OK(ctx, tr_exact_create_mixture_full(ctx, &interpolant, kind, N, K, weights, turned_means,
                                             covariances, &moved));
  CHECK_OK(ctx, tr_exact_field(moved, kind, t, x, got));
  CHECK_NEAR(check_relative(got, want, N), 0, 1e-12);
  tr_drift_destroy(&diagonal);
  tr_drift_destroy(&same);
  tr_drift_destroy(&moved);
}

static tr_status nothing(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  (void)times, (void)x, (void)cond, (void)f, (void)user;
  return TR_OK;
}

static void refusals_of_points(tr_ctx *ctx) {
  double out[N];
  tr_drift *drift = field_of(ctx, "Linear", TR_SCORE), *callback;
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "mine", TR_SCORE, nothing, NULL, &callback));
  CHECK_ERROR(ctx, tr_exact_field(callback, TR_SCORE, 0.5, point, out), TR_E_ARG, "of mine is not known");
  CHECK_ERROR(ctx, tr_exact_field(drift, (tr_quantity)7, 0.5, point, out), TR_E_ARG, "quantity 7");
  CHECK_ERROR(ctx, tr_exact_divergence(drift, TR_SCORE, 1.5, point, out), TR_E_ARG, "t = 1.5");
  CHECK_ERROR(ctx, tr_exact_product(drift, TR_SCORE, true, NAN, point, point, out), TR_E_ARG, "t = nan");
  tr_drift_destroy(&drift);
  tr_drift_destroy(&callback);
}

static void refusals_of_covariances(tr_ctx *ctx) {
  static const struct {
    double covariance[4];
    const char *word;
  } bad[] = {{{1, 0.5, 0.4, 1}, "(1, 0) of a symmetric matrix is 0.4, and (0, 1) is 0.5"},
             {{1, 2, 2, 1}, "the eigenvalue -1"},
             {{1, 0, 0, -1}, "the eigenvalue -1"},
             {{1, NAN, NAN, 1}, "is nan"},
             {{INFINITY, 0, 0, 1}, "is inf"}};
  tr_interpolant linear;
  tr_drift *drift;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(
        ctx,
        tr_exact_create_gaussian_full(ctx, &linear, TR_SCORE, 2, (double[2]){0}, bad[i].covariance, &drift),
        TR_E_ARG, bad[i].word);
  CHECK(drift == NULL);
  /* A singular one exists but at sigma = 0. */
  double out[2], x[2] = {0.3, 0.3};
  CHECK_OK(ctx, tr_exact_create_gaussian_full(ctx, &linear, TR_SCORE, 2, (double[2]){0},
                                              (double[4]){1, 1, 1, 1}, &drift));
  CHECK_OK(ctx, tr_exact_field(drift, TR_SCORE, 0.5, x, out));
  CHECK_NEAR(out[0], -0.3 / 0.75, 1e-14); /* V = 1/4 (2 + 1) along (1, 1) */
  CHECK_ERROR(ctx, tr_exact_field(drift, TR_SCORE, 1, x, out), TR_E_ARG, "variance of 0");
  tr_drift_destroy(&drift);
}

static void refusals(tr_ctx *ctx) {
  tr_interpolant linear;
  tr_drift *drift;
  double one = 1, zero = 0, negative = -1, t = 1, out;
  CHECK_OK(ctx, tr_interpolant_find(ctx, "Linear", &linear));
  CHECK_ERROR(ctx, tr_exact_create_gaussian(ctx, &linear, TR_SCORE, 1, &zero, &negative, &drift), TR_E_ARG,
              "variance -1");
  CHECK_ERROR(ctx, tr_exact_create_mixture(ctx, &linear, TR_SCORE, 1, 1, &negative, &zero, &one, &drift),
              TR_E_ARG, "weight 0");
  CHECK_ERROR(ctx, tr_exact_create_mixture(ctx, &linear, TR_SCORE, 1, 0, &one, &zero, &one, &drift), TR_E_ARG,
              "at least one");
  CHECK_ERROR(ctx, tr_exact_create_gaussian(ctx, &linear, TR_SCORE, 1, &(double){NAN}, &one, &drift),
              TR_E_ARG, "mean nan");
  CHECK_OK(ctx, tr_exact_create_gaussian(ctx, &linear, TR_SCORE, 1, &zero, &zero, &drift));
  CHECK_ERROR(ctx, tr_exact_log_density(drift, t, &one, &out), TR_E_ARG, "t = 1");
  tr_drift_destroy(&drift);
}

int main(int argc, char **argv) {
  static const char *const paths[] = {"Linear", "GVP", "VP"};
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int p = 0; p < 6; p++) {
    full = p >= 3;
    for (double t = 0.15; t < 1; t += 0.2) {
      identities(ctx, paths[p % 3], t);
      density(ctx, paths[p % 3], t);
      for (int kind = TR_VELOCITY; kind <= TR_CANONICAL; kind++) {
        derivatives(ctx, paths[p % 3], (tr_quantity)kind, t);
        host_and_backend(ctx, paths[p % 3], (tr_quantity)kind, t);
        if (full) turned(ctx, paths[p % 3], (tr_quantity)kind, t);
      }
    }
  }
  refusals(ctx);
  refusals_of_points(ctx);
  refusals_of_covariances(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
