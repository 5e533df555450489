/* Exact mixtures: identities between their fields, derivatives against central differences, the continuity
 * equation. */
/* TR_TEST_RESOURCES */
#include "tests/support/check.h"
#include "transport/exact.h"
#include "transport/register.h"

enum { N = 3, K = 4 };
static const double weights[K] = {1, 2, 0.5, 3};
static const double means[K * N] = {1, -1, 0.3, -0.7, 0.4, 1.2, 0, 0.9, -1.1, -1.5, -0.2, 0.6};
static const double variances[K * N] = {0.3, 0.05, 0.2, 0.1, 0.4, 0.02, 0.25, 0.25, 0.25, 0.5, 0.01, 0.09};
static const double point[N] = {0.37, -0.45, 0.21};

static tr_drift *field_of(tr_ctx *ctx, const char *path, tr_quantity kind) {
  tr_interpolant interpolant;
  tr_drift *drift = NULL;
  CHECK_OK(ctx, tr_interpolant_find(ctx, path, &interpolant));
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
  for (int p = 0; p < 3; p++) {
    for (double t = 0.15; t < 1; t += 0.2) {
      identities(ctx, paths[p], t);
      density(ctx, paths[p], t);
      for (int kind = TR_VELOCITY; kind <= TR_CANONICAL; kind++)
        derivatives(ctx, paths[p], (tr_quantity)kind, t);
    }
  }
  refusals(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
