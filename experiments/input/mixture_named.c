/* Mixtures by name: gmm:..., gaussian:... */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/module/registry.h"
#include "core/random.h"
#include "core/text.h"
#include "experiments/input/mixture.h"
#include "transport/path/interpolant.h"

#define KEYS_MAX 8
#define TEXT_MAX 4096

/* "key=value,key=value" split in place of a copy. */
typedef struct {
  tr_ctx *ctx;
  const char *whole; /* for messages */
  char copy[TEXT_MAX];
  const char *key[KEYS_MAX], *value[KEYS_MAX];
  int n;
} fields;

static tr_status bad_key(const fields *f, const char *key, const char *const *known, int n_known) {
  const char *near = tr_nearest(key, known, n_known);
  if (near)
    return TR_FAIL(f->ctx, TR_E_ARG, "target '%s': unknown key '%s': did you mean '%s'?",
                   TR_SHOW(f->whole, 200), key, near);
  char all[128] = "";
  for (int i = 0; i < n_known; i++) {
    size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", known[i]);
  }
  return TR_FAIL(f->ctx, TR_E_ARG, "target '%s': unknown key '%s': it has %s", TR_SHOW(f->whole, 200),
                 TR_SHOW(key, 100), all);
}

static tr_status add_field(fields *f, char *word, const char *const *known, int n_known) {
  char *equals = strchr(word, '=');
  if (!equals || !equals[1])
    return TR_FAIL(f->ctx, TR_E_ARG, "target '%s': '%s' is not key=value", TR_SHOW(f->whole, 200),
                   TR_SHOW(word, 100));
  *equals = 0;
  bool is_known = false;
  for (int i = 0; i < n_known; i++) is_known = is_known || strcmp(word, known[i]) == 0;
  if (!is_known) return bad_key(f, word, known, n_known);
  for (int i = 0; i < f->n; i++)
    if (strcmp(f->key[i], word) == 0)
      return TR_FAIL(f->ctx, TR_E_ARG, "target '%s': '%s' is given twice", TR_SHOW(f->whole, 200), word);
  f->key[f->n] = word;
  f->value[f->n++] = equals + 1;
  return TR_OK;
}

static tr_status split_fields(tr_ctx *ctx, const char *whole, const char *rest, const char *const *known,
                              int n_known, fields *f) {
  *f = (fields){.ctx = ctx, .whole = whole};
  if (strlen(rest) >= sizeof f->copy)
    return TR_FAIL(ctx, TR_E_ARG, "target '%s...' is too long: write it as a .json file", TR_SHOW(whole, 60));
  strcpy(f->copy, rest);
  char *next = f->copy;
  for (char *word; (word = strtok_r(next, ",", &next));) TR_TRY(add_field(f, word, known, n_known));
  return TR_OK;
}

static const char *value_of(const fields *f, const char *key) {
  for (int i = 0; i < f->n; i++)
    if (strcmp(f->key[i], key) == 0) return f->value[i];
  return NULL;
}

/* All that is missing of the keys, in one line. */
static tr_status need_keys(const fields *f, const char *const *keys, const char *example) {
  char missing[128] = "";
  size_t used = 0;
  for (int i = 0; keys[i] && used < sizeof missing; i++)
    if (!value_of(f, keys[i]))
      used += (size_t)snprintf(missing + used, sizeof missing - used, "%s%s=", used ? ", " : "", keys[i]);
  if (!used) return TR_OK;
  return TR_FAIL(f->ctx, TR_E_ARG, "target '%s' lacks %s: write it like %s", TR_SHOW(f->whole, 200), missing,
                 example);
}

static tr_status bad_number(const fields *f, const char *key, const char *text, const char *wanted) {
  return TR_FAIL(f->ctx, TR_E_ARG, "target '%s': %s '%s' is not right: use %s", TR_SHOW(f->whole, 200), key,
                 TR_SHOW(text, 100), wanted);
}

/* One number in text up to `stop`; NULL text is not allowed. */
static bool read_number(const char *text, char stop, double *out, const char **end) {
  char *after;
  *out = strtod(text, &after);
  *end = after;
  return after != text && (*after == 0 || *after == stop) && isfinite(*out) && *text != ' ';
}

static tr_status whole_number(const fields *f, const char *key, double low, double high, const char *fallback,
                              double *out) {
  const char *text = value_of(f, key), *end;
  if (!text) text = fallback;
  if (read_number(text, 0, out, &end) && *out == floor(*out) && *out >= low && *out <= high) return TR_OK;
  char wanted[96];
  snprintf(wanted, sizeof wanted, "a whole number from %.15g to %.15g", low, high);
  return bad_number(f, key, text, wanted);
}

static tr_status positive(const fields *f, const char *key, const char *fallback, double *out) {
  const char *text = value_of(f, key), *end;
  if (!text) text = fallback;
  return read_number(text, 0, out, &end) && *out > 0 ? TR_OK : bad_number(f, key, text, "a number > 0");
}

/* d numbers separated by '/', or one for all. */
static tr_status per_dimension(const fields *f, const char *key, const char *fallback, int64_t d,
                               bool above_zero, double *out) {
  const char *text = value_of(f, key), *at = text ? text : fallback, *end;
  char wanted[96];
  if (d == 1)
    snprintf(wanted, sizeof wanted, "a number%s", above_zero ? " > 0" : "");
  else
    snprintf(wanted, sizeof wanted, "one number%s, or %lld separated by '/'", above_zero ? " > 0" : "",
             (long long)d);
  for (int64_t i = 0; i < d; i++) {
    if (!read_number(at, '/', &out[i], &end) || (above_zero && !(out[i] > 0)))
      return bad_number(f, key, text, wanted);
    bool more = *end == '/';
    if (!more && i == 0)
      for (; i + 1 < d; i++) out[i + 1] = out[0];
    if (more != (i + 1 < d)) return bad_number(f, key, text, wanted);
    at = end + 1;
  }
  return TR_OK;
}

static void place_means(mixture *m, double radius, uint64_t seed) {
  tr_random_address address = {.seed = seed, .purpose = TR_RANDOM_TEST};
  for (int k = 0; k < m->K; k++)
    for (int64_t i = 0; i < m->d; i++) {
      double z[2], *mean = &m->means[k * m->d + i];
      if (m->d == 1)
        *mean = m->K == 1 ? 0 : radius * (2.0 * k / (m->K - 1) - 1);
      else if (m->d == 2)
        *mean = radius * (i == 0 ? cos(2 * TR_PI * k / m->K) : sin(2 * TR_PI * k / m->K));
      else {
        tr_random_normal_pair(&address, (uint64_t)k, (uint32_t)(i / 2), z);
        *mean = radius / sqrt((double)m->d) * z[i % 2];
      }
    }
}

static tr_status modes_of(tr_ctx *ctx, const char *whole, const char *rest, mixture *out) {
  static const char *const known[] = {"d", "modes", "std", "radius", "seed"};
  fields f;
  double d, modes, std, radius, seed;
  TR_TRY(split_fields(ctx, whole, rest, known, 5, &f));
  TR_TRY(need_keys(&f, (const char *const[]){"d", "modes", "std", NULL}, "gmm:d=2,modes=8,std=0.05"));
  TR_TRY(whole_number(&f, "d", 1, MIXTURE_MAX, NULL, &d));
  TR_TRY(whole_number(&f, "modes", 1, MIXTURE_MAX, NULL, &modes));
  TR_TRY(positive(&f, "std", NULL, &std));
  TR_TRY(positive(&f, "radius", "2", &radius));
  TR_TRY(whole_number(&f, "seed", 0, 1e15, "0", &seed));
  TR_TRY(mixture_allocate(ctx, (int64_t)modes, (int64_t)d, false, out));
  for (int k = 0; k < out->K; k++) out->weights[k] = 1 / modes;
  for (int64_t i = 0; i < out->K * out->d; i++) out->variances[i] = std * std;
  place_means(out, radius, (uint64_t)seed);
  return TR_OK;
}

static tr_status gaussian_of(tr_ctx *ctx, const char *whole, const char *rest, mixture *out) {
  static const char *const known[] = {"d", "mean", "std"};
  fields f;
  double d;
  TR_TRY(split_fields(ctx, whole, rest, known, 3, &f));
  TR_TRY(need_keys(&f, (const char *const[]){"d", NULL}, "gaussian:d=2,mean=0,std=1"));
  TR_TRY(whole_number(&f, "d", 1, MIXTURE_MAX, NULL, &d));
  TR_TRY(mixture_allocate(ctx, 1, (int64_t)d, false, out));
  out->weights[0] = 1;
  TR_TRY(per_dimension(&f, "mean", "0", out->d, false, out->means));
  TR_TRY(per_dimension(&f, "std", "1", out->d, true, out->variances));
  for (int64_t i = 0; i < out->d; i++) out->variances[i] *= out->variances[i];
  return TR_OK;
}

bool mixture_is_file(const char *text) {
  size_t length = strlen(text);
  return length > 5 && strcmp(text + length - 5, ".json") == 0;
}

/* FILE.json, or gaussian:FILE.json. */
static tr_status file_of(tr_ctx *ctx, const char *text, mixture *out) {
  static const char prefix[] = "gaussian:";
  bool one = strncmp(text, prefix, sizeof prefix - 1) == 0;
  TR_TRY(mixture_read(ctx, one ? text + sizeof prefix - 1 : text, out));
  if (!one || out->K == 1) return TR_OK;
  int K = out->K;
  mixture_free(out);
  return TR_FAIL(ctx, TR_E_ARG, "target '%s' has %d components: leave 'gaussian:' away for a mixture",
                 TR_SHOW(text, 200), K);
}

tr_status mixture_of(tr_ctx *ctx, const char *text, mixture *out) {
  static const char *const known[] = {"gmm", "gaussian"};
  *out = (mixture){0};
  if (mixture_is_file(text)) return file_of(ctx, text, out);
  char name[32];
  size_t length = strcspn(text, ":");
  snprintf(name, sizeof name, "%.*s", length < 31 ? (int)length : 31, text);
  const char *rest = text[length] ? text + length + 1 : "";
  if (strcmp(name, "gmm") == 0) return modes_of(ctx, text, rest, out);
  if (strcmp(name, "gaussian") == 0) return gaussian_of(ctx, text, rest, out);
  const char *near = tr_nearest(name, known, 2);
  if (near)
    return TR_FAIL(ctx, TR_E_ARG, "unknown target '%s': did you mean '%s:...'?", TR_SHOW(text, 200), near);
  return TR_FAIL(ctx, TR_E_ARG,
                 "unknown target '%s': use gmm:d=..,modes=..,std=.., gaussian:d=.. or a .json file",
                 TR_SHOW(text, 200));
}
