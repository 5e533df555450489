/* Mixtures from JSON files. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "core/registry.h"
#include "experiments/mixture.h"

typedef struct {
  tr_ctx *ctx;
  const char *path;
  const json_t *weights, *means, *variances;
} source;

#define BAD(s, ...) bad_content((s), __VA_ARGS__)
static tr_status bad_content(const source *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static tr_status bad_content(const source *s, const char *format, ...) {
  char what[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  return TR_FAIL(s->ctx, TR_E_IO, "mixture '%.200s': %s", s->path, what);
}

static tr_status find_lists(source *s, const json_t *root) {
  static const char *const known[] = {"weights", "means", "variances"};
  const json_t **const lists[] = {&s->weights, &s->means, &s->variances};
  const char *key;
  json_t *value;
  if (!json_is_object(root)) return BAD(s, "an object with weights, means and variances is needed");
  json_object_foreach((json_t *)root, key, value) {
    int i = 0;
    while (i < 3 && strcmp(key, known[i]) != 0) i++;
    const char *near = i < 3 ? NULL : tr_nearest(key, known, 3);
    if (near) return BAD(s, "unknown key '%.60s': did you mean '%s'?", key, near);
    if (i == 3) return BAD(s, "unknown key '%.60s': weights, means and variances are known", key);
    if (!json_is_array(value)) return BAD(s, "%s is not a list", key);
    *lists[i] = value;
  }
  for (int i = 0; i < 3; i++)
    if (!*lists[i]) return BAD(s, "%s is missing", known[i]);
  return TR_OK;
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

static tr_status component(const source *s, size_t k, mixture *out) {
  const json_t *variance = json_array_get(s->variances, k);
  double *c = out->variances + (int64_t)k * out->d;
  TR_TRY(number(s, json_array_get(s->weights, k), "weight", k, &out->weights[k]));
  if (!(out->weights[k] > 0)) return BAD(s, "weight %zu is %g: weights are positive", k, out->weights[k]);
  TR_TRY(row(s, json_array_get(s->means, k), "mean", k, out->d, out->means + (int64_t)k * out->d));
  if (json_is_number(variance)) {
    TR_TRY(number(s, variance, "variance", k, &c[0]));
    for (int64_t i = 1; i < out->d; i++) c[i] = c[0];
  } else {
    TR_TRY(row(s, variance, "variance", k, out->d, c));
  }
  for (int64_t i = 0; i < out->d; i++)
    if (!(c[i] > 0)) return BAD(s, "variance %zu has %g: variances are positive", k, c[i]);
  return TR_OK;
}

static tr_status convert(source *s, const json_t *root, mixture *out) {
  TR_TRY(find_lists(s, root));
  TR_TRY(check_lengths(s));
  size_t K = json_array_size(s->weights), d = json_array_size(json_array_get(s->means, 0));
  if (K > MIXTURE_MAX / d)
    return BAD(s, "%zu components in %zu dimensions: %d entries at most", K, d, MIXTURE_MAX);
  TR_TRY(mixture_allocate(s->ctx, (int64_t)K, (int64_t)d, out));
  double sum = 0;
  for (size_t k = 0; k < K; k++) {
    TR_TRY(component(s, k, out));
    sum += out->weights[k];
  }
  if (!isfinite(sum)) return BAD(s, "the sum of the weights is not finite");
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
  json_decref(root);
  if (status != TR_OK) mixture_free(out);
  return status;
}
