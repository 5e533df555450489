/* Mixtures of `transit sweep`: names, JSON files good and corrupt, moments, samples. */
#include <stdlib.h>

#include "experiments/common/statistics.h"
#include "experiments/input/mixture.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static void names(tr_ctx *ctx) {
  mixture m;
  CHECK_OK(ctx, mixture_of(ctx, "gmm:d=2,modes=8,std=0.05", &m));
  CHECK(m.K == 8 && m.d == 2 && m.weights[7] == 0.125);
  CHECK_NEAR(m.means[0], 2, 1e-15);
  CHECK_NEAR(m.means[2 * 2 + 1], 2, 1e-15); /* mode 2 of 8: a quarter turn */
  CHECK_NEAR(m.variances[5], 0.0025, 1e-15);
  mixture_free(&m);
  CHECK_OK(ctx, mixture_of(ctx, "gmm:d=1,modes=3,std=1,radius=5", &m));
  CHECK(m.means[0] == -5 && m.means[1] == 0 && m.means[2] == 5);
  mixture_free(&m);
  CHECK_OK(ctx, mixture_of(ctx, "gaussian:d=3,mean=1/-2/0.5,std=0.1", &m));
  CHECK(m.K == 1 && m.means[1] == -2 && m.means[2] == 0.5);
  CHECK_NEAR(m.variances[2], 0.01, 1e-15);
  mixture_free(&m);
  CHECK_OK(ctx, mixture_of(ctx, "gaussian:d=2,std=1/3", &m));
  CHECK(m.means[1] == 0 && m.variances[0] == 1 && m.variances[1] == 9);
  mixture_free(&m);
}

/* In many dimensions the means are normals of std radius / sqrt(d), others for another seed. */
static void far_means(tr_ctx *ctx) {
  mixture m, other;
  double square = 0;
  CHECK_OK(ctx, mixture_of(ctx, "gmm:d=64,modes=100,std=1,radius=3", &m));
  CHECK_OK(ctx, mixture_of(ctx, "gmm:d=64,modes=100,std=1,radius=3,seed=1", &other));
  for (int i = 0; i < 6400; i++) square += m.means[i] * m.means[i] / 6400;
  CHECK_NEAR(square * 64, 9, 0.8); /* its own std is 9 sqrt(2 / 6400) = 0.16 */
  CHECK(m.means[17] != other.means[17]);
  mixture_free(&m);
  mixture_free(&other);
}

static void bad_names(tr_ctx *ctx) {
  static const struct {
    const char *text, *word;
  } bad[] = {
      {"gmn:d=2", "did you mean 'gmm"},
      {"gausian:d=2", "did you mean 'gaussian"},
      {"moons", "use gmm:d=.."},
      {"", "unknown target"},
      {"gmm", "lacks d="},
      {"gmm:d=2,modes=8", "lacks std="},
      {"gmm:d=2,mode=8,std=1", "did you mean 'modes'"},
      {"gmm:d=2,modes=8,std=1,colour=3", "unknown key 'colour'"},
      {"gmm:d=2,d=2", "twice"},
      {"gmm:d", "not key=value"},
      {"gmm:d=,modes=2", "not key=value"},
      {"gmm:d=0,modes=8,std=1", "whole number from 1"},
      {"gmm:d=2.5,modes=8,std=1", "whole number"},
      {"gmm:d=2,modes=8,std=-1", "> 0"},
      {"gmm:d=2,modes=8,std=nan", "> 0"},
      {"gmm:d=2,modes=8,std=1x", "> 0"},
      {"gmm:d=1000000,modes=2,std=1", "entries at most"},
      {"gaussian:d=3,mean=1/2", "3 separated by '/'"},
      {"gaussian:d=2,mean=1/2/3", "2 separated by '/'"},
      {"gaussian:d=2,std=0", "> 0"},
      {"gaussian:d=2,mean=/1", "2 separated by '/'"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    mixture m;
    int before = check_failures;
    CHECK_ERROR(ctx, mixture_of(ctx, bad[i].text, &m), TR_E_ARG, bad[i].word);
    if (check_failures != before) fprintf(stderr, "  of '%s'\n", bad[i].text);
    mixture_free(&m);
  }
}

static const char *json_file(const char *text) {
  const char *path = scratch("mixture.json");
  write_whole(path, text, strlen(text));
  return path;
}

static void files(tr_ctx *ctx) {
  mixture m;
  CHECK_OK(ctx,
           mixture_of(ctx,
                      json_file("{\"weights\": [1, 3], \"normalise\": true, \"means\": [[0, 1], [2, 3]], "
                                "\"variances\": [0.5, [1, 2]]}"),
                      &m));
  CHECK(m.K == 2 && m.d == 2 && m.weights[0] == 0.25 && m.weights[1] == 0.75);
  CHECK(m.means[3] == 3 && m.variances[0] == 0.5 && m.variances[1] == 0.5 && m.variances[3] == 2);
  double mean[2], cov[4];
  mixture_moments(&m, mean, cov);
  CHECK_NEAR(mean[0], 1.5, 1e-15);
  CHECK_NEAR(cov[0], 0.125 + 0.75 + 0.75, 1e-15); /* E var + var of the means: 4 * 3 / 16 */
  CHECK_NEAR(cov[1], 0.75, 1e-15);
  mixture_free(&m);
}

/* One Gaussian of mean and cov, with and without gaussian:, and a mixture with a full covariance. */
static void full_files(tr_ctx *ctx) {
  char name[512];
  mixture m;
  double mean[2], cov[4];
  const char *path = json_file("{\"mean\": [1, -2], \"cov\": [[2, 0.5], [0.5, 1]]}");
  snprintf(name, sizeof name, "gaussian:%s", path);
  for (int prefixed = 0; prefixed < 2; prefixed++) {
    CHECK_OK(ctx, mixture_of(ctx, prefixed ? name : path, &m));
    CHECK(m.K == 1 && m.d == 2 && m.weights[0] == 1 && m.means[1] == -2 && m.covs && m.covs[1] == 0.5);
    mixture_moments(&m, mean, cov);
    CHECK(mean[0] == 1 && mean[1] == -2 && cov[0] == 2 && cov[2] == 0.5 && cov[3] == 1);
    CHECK_NEAR(m.variances[0] * m.variances[1], 1.75, 1e-15); /* eigenvalues: product det, sum trace */
    CHECK_NEAR(m.variances[0] + m.variances[1], 3, 1e-15);
    mixture_free(&m);
  }
  CHECK_OK(ctx,
           mixture_of(ctx,
                      json_file("{\"weights\": [1, 3], \"normalise\": true, \"means\": [[0, 1], [2, 3]], "
                                "\"variances\": [[0.5, 0.25], [[2, -1], [-1, 2]]]}"),
                      &m));
  CHECK(m.K == 2 && m.covs[0] == 0.5 && m.covs[1] == 0 && m.covs[3] == 0.25 && m.covs[5] == -1);
  CHECK(m.variances[0] == 0.5 && m.variances[1] == 0.25 && m.axes[0] == 1 && m.axes[1] == 0);
  mixture_moments(&m, mean, cov);
  CHECK_NEAR(cov[1], 0.75 * -1 + 0.75, 1e-15); /* E cov + cov of the means */
  mixture_free(&m);
  snprintf(name, sizeof name, "gaussian:%s",
           json_file("{\"weights\": [0.5, 0.5], \"means\": [[0], [1]], \"variances\": [1, 1]}"));
  CHECK_ERROR(ctx, mixture_of(ctx, name, &m), TR_E_ARG, "has 2 components");
  CHECK_ERROR(ctx, mixture_of(ctx, "gaussian:absent.json", &m), TR_E_IO, "'absent.json'");
}

static void bad_files(tr_ctx *ctx) {
  static const struct {
    const char *text, *word;
  } bad[] = {
      {"", "line 1"},
      {"{\"weights\": [1], ", "line 1"},
      {"[1, 2]", "an object"},
      {"{\"weights\": [1], \"means\": [[0]]}", "variances is missing"},
      {"{\"weights\": 1, \"means\": [[0]], \"variances\": [1]}", "weights is not a list"},
      {"{\"weight\": [1], \"means\": [[0]], \"variances\": [1]}", "did you mean 'weights'"},
      {"{\"weights\": [1], \"weights\": [1]}", "duplicate"},
      {"{\"weights\": [], \"means\": [], \"variances\": []}", "empty"},
      {"{\"weights\": [1, 1], \"means\": [[0]], \"variances\": [1]}", "must agree"},
      {"{\"weights\": [-1], \"means\": [[0]], \"variances\": [1]}", "weight 0 is -1: weights are positive"},
      {"{\"weights\": [0], \"means\": [[0]], \"variances\": [1]}", "weights are positive"},
      {"{\"weights\": [\"1\"], \"means\": [[0]], \"variances\": [1]}", "weight 0 is not a number"},
      {"{\"weights\": [0.5, 0.51], \"means\": [[0], [1]], \"variances\": [1, 1]}",
       "the weights sum to 1.01, not to 1: mend them, or say \"normalise\": true"},
      {"{\"weights\": [1, 1], \"normalise\": false, \"means\": [[0], [1]], \"variances\": [1, 1]}",
       "sum to 2, not to 1"},
      {"{\"weights\": [1], \"normalise\": 1, \"means\": [[0]], \"variances\": [1]}",
       "neither true nor false"},
      {"{\"weights\": [1e308, 1e308], \"means\": [[0], [1]], \"variances\": [1, 1]}", "not finite"},
      {"{\"weights\": [1], \"means\": [[]], \"variances\": [1]}", "mean 0 is not a list"},
      {"{\"weights\": [1, 1], \"means\": [[0, 1], [0]], \"variances\": [1, 1]}", "mean 1 has 1 entries"},
      {"{\"weights\": [1], \"means\": [[0, null]], \"variances\": [1]}", "mean 0 is not a number"},
      {"{\"weights\": [1], \"means\": [[0, 1]], \"variances\": [[1]]}", "variance 0 has 1 entries"},
      {"{\"weights\": [1], \"means\": [[0]], \"variances\": [0]}", "variances are positive"},
      {"{\"weights\": [1], \"means\": [[0, 1]], \"variances\": [[1, -2]]}", "has -2: variances are positive"},
      {"{\"weights\": [1], \"means\": [[0]], \"variances\": [true]}", "variance 0 is not a list"},
      {"{\"mean\": [0, 0]}", "cov is missing"},
      {"{\"cov\": [[1]]}", "mean is missing"},
      {"{\"mean\": [0], \"cov\": [[1]], \"weights\": [1]}", "leave weights away"},
      {"{\"mean\": [0], \"covs\": [[1]]}", "did you mean 'cov'"},
      {"{\"mean\": [], \"cov\": []}", "mean 0 is not a list"},
      {"{\"mean\": [0, 0], \"cov\": [[1, 0]]}", "covariance 0 has 1 rows"},
      {"{\"mean\": [0, 0], \"cov\": [[1, 0], [0]]}", "covariance 0, row 1 has 1 entries"},
      {"{\"mean\": [0, 0], \"cov\": [[1, 0], 1]}", "covariance 0, row 1 is not a list"},
      {"{\"mean\": [0, 0], \"cov\": [[1, null], [0, 1]]}", "covariance 0, row 0 is not a number"},
      {"{\"mean\": [0, 0], \"cov\": [[1, 0.5], [0.4, 1]]}", "is 0.4, and (0, 1) is 0.5: they must agree"},
      {"{\"mean\": [0, 0], \"cov\": [[1, 2], [2, 1]]}", "the eigenvalue -1"},
      {"{\"mean\": [0, 0], \"cov\": [[1, 1], [1, 1]]}", "not positive definite"},
      {"{\"mean\": [0, 0], \"cov\": [[0, 0], [0, 0]]}", "not positive definite"},
  };
  mixture m;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int before = check_failures;
    CHECK_ERROR(ctx, mixture_read(ctx, json_file(bad[i].text), &m), TR_E_IO, bad[i].word);
    if (check_failures != before) fprintf(stderr, "  of '%s'\n", bad[i].text);
    mixture_free(&m);
  }
  CHECK_ERROR(ctx, mixture_read(ctx, scratch("absent.json"), &m), TR_E_IO, "absent.json");
}

/* Exact samples have the exact moments, to what their number allows; the same seed gives the same ones. */
static void samples(tr_ctx *ctx, const char *text) {
  enum { N = 40000 };
  mixture m;
  CHECK_OK(ctx, mixture_of(ctx, json_file(text), &m));
  double mean[3], cov[9], *x = malloc(2 * N * 3 * sizeof *x), *again = x + N * 3;
  stat_moment_errors errors;
  mixture_moments(&m, mean, cov);
  mixture_sample(&m, 7, N, x);
  mixture_sample(&m, 7, N, again);
  CHECK(memcmp(x, again, N * 3 * sizeof *x) == 0);
  mixture_sample(&m, 8, N, again);
  CHECK(memcmp(x, again, N * 3 * sizeof *x) != 0);
  mixture_sample_step(&m, 7, 0, N, again);
  CHECK(memcmp(x, again, N * 3 * sizeof *x) == 0);
  mixture_sample_step(&m, 7, 1, N, again);
  for (int i = 0; i < N * 3; i++) CHECK(x[i] != again[i]);
  CHECK_OK(ctx, stat_compare_moments(ctx, N, 3, x, mean, cov, &errors));
  CHECK(errors.mean_error2 < 9 * errors.mean_noise2);
  CHECK(errors.cov_error2 < 9 * errors.cov_noise2);
  CHECK(errors.mean_noise2 < 2.0 / N && errors.cov_noise2 < 20.0 / N);
  free(x);
  mixture_free(&m);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  names(ctx);
  far_means(ctx);
  bad_names(ctx);
  files(ctx);
  full_files(ctx);
  bad_files(ctx);
  samples(ctx, "{\"weights\": [1, 3], \"normalise\": true, \"means\": [[0, 1, -1], [2, 3, 0]], "
               "\"variances\": [0.5, [1, 2, 0.01]]}");
  samples(ctx, "{\"weights\": [1, 3], \"normalise\": true, \"means\": [[0, 1, -1], [2, 3, 0]], "
               "\"variances\": [0.5, [[1, 0.9, -0.3], [0.9, 2, 0.1], [-0.3, 0.1, 0.4]]]}");
  tr_ctx_close(&ctx);
  return check_report();
}
