/* Mixtures from JSON files. */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "core/module/registry.h"
#include "core/text.h"
#include "experiments/input/mixture.h"

typedef struct {
  tr_ctx *ctx;
  const char *path;
  const json_t *weights, *means, *variances;
  bool normalise; /* "normalise": true */
  json_t *made;   /* what they lie in where the file has mean and cov, else NULL */
} source;

#define BAD(s, ...) bad_content((s), __VA_ARGS__)
static tr_status bad_content(const source *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static tr_status bad_content(const source *s, const char *format, ...) {
  char what[256];
  va_list arguments;
  va_start(arguments, format);
  tr_text_vshow(what, sizeof what, format, arguments);
  va_end(arguments);
  return TR_FAIL(s->ctx, TR_E_IO, "mixture '%s': %s", TR_SHOW(s->path, 200), what);
}

enum { WEIGHTS, MEANS, VARIANCES, MEAN, COV, KEYS };
static const char *const known[KEYS] = {"weights", "means", "variances", "mean", "cov"};
#define NORMALISE "normalise" /* true: weights are relative to their sum */

static tr_status find_keys(const source *s, const json_t *root, const json_t *found[KEYS]) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)root, key, value) {
    int i = 0;
    if (strcmp(key, NORMALISE) == 0) continue;
    while (i < KEYS && strcmp(key, known[i]) != 0) i++;
    const char *near = i < KEYS ? NULL : tr_nearest(key, known, KEYS);
    if (near) return BAD(s, "unknown key '%s': did you mean '%s'?", TR_SHOW(key, 60), near);
    if (i == KEYS)
      return BAD(s, "unknown key '%s': weights, means, variances and normalise are known, or mean and cov",
                 TR_SHOW(key, 60));
    if (!json_is_array(value)) return BAD(s, "%s is not a list", key);
    found[i] = value;
  }
  return TR_OK;
}

/* Weights, means and variances, those of one Gaussian made of its mean and cov. */
static tr_status find_lists(source *s, const json_t *root) {
  const json_t *found[KEYS] = {0};
  if (!json_is_object(root))
    return BAD(s, "an object with weights, means and variances, or with mean and cov, is needed");
  TR_TRY(find_keys(s, root, found));
  const json_t *normalise = json_object_get(root, NORMALISE);
  if (normalise && !json_is_boolean(normalise)) return BAD(s, NORMALISE " is neither true nor false");
  s->normalise = json_is_true(normalise);
  bool one = found[MEAN] || found[COV];
  for (int i = WEIGHTS; i < KEYS; i++)
    if ((i >= MEAN) == one && !found[i]) return BAD(s, "%s is missing", known[i]);
  for (int i = WEIGHTS; one && i < MEAN; i++)
    if (found[i]) return BAD(s, "mean and cov are all of one Gaussian: leave %s away", known[i]);
  if (one) /* references of their own, held by s->made */
    s->made = json_pack("{s:[i], s:[O], s:[O]}", known[WEIGHTS], 1, known[MEANS], found[MEAN],
                        known[VARIANCES], found[COV]);
  for (int i = WEIGHTS; one && i < MEAN; i++) found[i] = json_object_get(s->made, known[i]);
  s->weights = found[WEIGHTS], s->means = found[MEANS], s->variances = found[VARIANCES];
  return s->weights ? TR_OK : TR_FAIL(s->ctx, TR_E_MEM, "out of memory for '%s'", TR_SHOW(s->path, 200));
}

static tr_status check_lengths(const source *s) {
  size_t K = json_array_size(s->weights);
  if (K == 0) return BAD(s, "weights is empty: at least one component is needed");
  if (json_array_size(s->means) != K || json_array_size(s->variances) != K)
    return BAD(s, "%zu weights, %zu means, %zu variances: the numbers of components must agree", K,
               json_array_size(s->means), json_array_size(s->variances));
  const json_t *first = json_array_get(s->means, 0);
  if (!json_is_array(first) || json_array_size(first) == 0) return BAD(s, "mean 0 is not a list of numbers");
  return TR_OK;
}

static tr_status number(const source *s, const json_t *value, const char *what, size_t k, double *out) {
  if (!json_is_number(value) || !isfinite(json_number_value(value)))
    return BAD(s, "%s %zu is not a number", what, k);
  *out = json_number_value(value);
  return TR_OK;
}

static tr_status row(const source *s, const json_t *list, const char *what, size_t k, int64_t d,
                     double *out) {
  if (!json_is_array(list)) return BAD(s, "%s %zu is not a list of numbers", what, k);
  if (json_array_size(list) != (size_t)d)
    return BAD(s, "%s %zu has %zu entries: mean 0 has %lld, all must agree", what, k, json_array_size(list),
               (long long)d);
  for (size_t i = 0; i < (size_t)d; i++) TR_TRY(number(s, json_array_get(list, i), what, k, &out[i]));
  return TR_OK;
}

/* A covariance is written as a number, as its diagonal, or as a matrix. */
static bool is_matrix(const json_t *variance) {
  return json_is_array(json_array_get(variance, 0));
}

static bool has_matrix(const source *s) {
  for (size_t k = 0; k < json_array_size(s->variances); k++)
    if (is_matrix(json_array_get(s->variances, k))) return true;
  return false;
}

static tr_status diagonal(const source *s, const json_t *variance, size_t k, int64_t d, double *c) {
  if (json_is_number(variance)) {
    TR_TRY(number(s, variance, "variance", k, &c[0]));
    for (int64_t i = 1; i < d; i++) c[i] = c[0];
  } else {
    TR_TRY(row(s, variance, "variance", k, d, c));
  }
  for (int64_t i = 0; i < d; i++)
    if (!(c[i] > 0)) return BAD(s, "variance %zu has %g: variances are positive", k, c[i]);
  return TR_OK;
}

static tr_status read_matrix(const source *s, const json_t *rows, size_t k, int64_t d, double *cov) {
  char what[64];
  if (json_array_size(rows) != (size_t)d)
    return BAD(s, "covariance %zu has %zu rows: mean 0 has %lld entries, all must agree", k,
               json_array_size(rows), (long long)d);
  snprintf(what, sizeof what, "covariance %zu, row", k);
  for (int64_t i = 0; i < d; i++)
    TR_TRY(row(s, json_array_get(rows, (size_t)i), what, (size_t)i, d, cov + i * d));
  return TR_OK;
}

static tr_status check_positive(const source *s, size_t k, int64_t d, const double *variance) {
  double least = variance[0], most = variance[0];
  for (int64_t i = 1; i < d; i++) least = fmin(least, variance[i]), most = fmax(most, variance[i]);
  if (least > (double)d * DBL_EPSILON * most) return TR_OK;
  return BAD(s, "covariance %zu is not positive definite: its smallest eigenvalue is %.3g, the largest %.3g",
             k, least, most);
}

static tr_status full_matrix(const source *s, const json_t *rows, size_t k, tr_gaussian *g, double *cov) {
  char reason[200];
  TR_TRY(read_matrix(s, rows, k, g->n, cov));
  tr_status status = tr_gaussian_axes(s->ctx, g->n, cov, g->variance, g->axes);
  if (status != TR_E_ARG) return status == TR_OK ? check_positive(s, k, g->n, g->variance) : status;
  snprintf(reason, sizeof reason, "%s", TR_SHOW(tr_ctx_error(s->ctx)->message, 199));
  tr_ctx_clear(s->ctx);
  return BAD(s, "covariance %zu: %s", k, reason);
}

/* Covariance k of a mixture that may have full ones elsewhere. */
static tr_status covariance(const source *s, size_t k, mixture *out) {
  const json_t *variance = json_array_get(s->variances, k);
  int64_t d = out->d;
  tr_gaussian g = mixture_component(out, (int)k);
  double *cov = out->covs ? out->covs + (int64_t)k * d * d : NULL;
  if (is_matrix(variance)) return full_matrix(s, variance, k, &g, cov);
  TR_TRY(diagonal(s, variance, k, d, g.variance));
  for (int64_t i = 0; cov && i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      cov[i * d + j] = i == j ? g.variance[i] : 0;
      g.axes[i * d + j] = i == j;
    }
  return TR_OK;
}

static tr_status component(const source *s, size_t k, mixture *out) {
  TR_TRY(number(s, json_array_get(s->weights, k), "weight", k, &out->weights[k]));
  if (!(out->weights[k] > 0)) return BAD(s, "weight %zu is %g: weights are positive", k, out->weights[k]);
  TR_TRY(row(s, json_array_get(s->means, k), "mean", k, out->d, out->means + (int64_t)k * out->d));
  return covariance(s, k, out);
}

/* Of weights that were printed with seven digits or more. */
#define SUM_TOLERANCE 1e-6

static tr_status convert(source *s, const json_t *root, mixture *out) {
  TR_TRY(find_lists(s, root));
  TR_TRY(check_lengths(s));
  size_t K = json_array_size(s->weights), d = json_array_size(json_array_get(s->means, 0));
  if (K > MIXTURE_MAX / d)
    return BAD(s, "%zu components in %zu dimensions: %d entries at most", K, d, MIXTURE_MAX);
  bool full = has_matrix(s);
  if (full && (d > MIXTURE_FULL_MAX || K > MIXTURE_MAX / d / d))
    return BAD(s, "%zu full covariances in %zu dimensions: %d dimensions and %d entries at most", K, d,
               MIXTURE_FULL_MAX, MIXTURE_MAX);
  TR_TRY(mixture_allocate(s->ctx, (int64_t)K, (int64_t)d, full, out));
  double sum = 0;
  for (size_t k = 0; k < K; k++) {
    TR_TRY(component(s, k, out));
    sum += out->weights[k];
  }
  if (!isfinite(sum)) return BAD(s, "the sum of the weights is not finite");
  if (!s->normalise && fabs(sum - 1) > SUM_TOLERANCE)
    return BAD(s, "the weights sum to %.6g, not to 1: mend them, or say \"" NORMALISE "\": true", sum);
  for (size_t k = 0; k < K; k++) out->weights[k] /= sum;
  return TR_OK;
}

tr_status mixture_read(tr_ctx *ctx, const char *path, mixture *out) {
  source s = {.ctx = ctx, .path = path};
  json_error_t error;
  *out = (mixture){0};
  json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (!root && error.line < 0) return BAD(&s, "%s", error.text);
  if (!root) return BAD(&s, "line %d: %s", error.line, error.text);
  tr_status status = convert(&s, root, out);
  json_decref(s.made);
  json_decref(root);
  if (status != TR_OK) mixture_free(out);
  return status;
}
