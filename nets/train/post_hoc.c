#include "nets/train/post_hoc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "core/text.h"
#include "nets/checkpoint/checkpoint.h"

/* ---- what a file says ---- */

static tr_status number_of(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *path, const char *name,
                           double *out) {
  const char *text = tr_checkpoint_arg(checkpoint, name);
  char *end = NULL;
  *out = text ? strtod(text, &end) : NAN;
  if (text && end != text && !*end && isfinite(*out)) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO,
                 "'%s' is no snapshot of an average by a power of the step: its argument %s is %s",
                 TR_SHOW(path, 300), name, text ? TR_SHOW(text, 60) : "missing");
}

tr_status tr_snapshot_open(tr_ctx *ctx, const char *path, tr_snapshot *out) {
  tr_checkpoint *checkpoint;
  TR_REQUIRE(ctx, path, out);
  *out = (tr_snapshot){.path = path};
  TR_TRY(tr_checkpoint_open(ctx, path, &checkpoint));
  tr_status status = number_of(ctx, checkpoint, path, TR_SNAPSHOT_STEP, &out->profile.step);
  if (status == TR_OK) status = number_of(ctx, checkpoint, path, TR_SNAPSHOT_GAMMA, &out->profile.gamma);
  tr_checkpoint_close(&checkpoint);
  return status;
}

/* ---- the fit ---- */

/* Profiles of length 1, of which row k of the factor is that of profile chosen[k]: Cholesky with the largest
 * remainder first, until what is left is rounding. */
#define LEFT 1e-10 /* the square of what a profile may add to those before it */
typedef struct {
  int n, rank;
  const tr_snapshot *snapshots;
  int *candidate; /* (n): snapshots that end in time */
  double *length; /* (n): of their profiles */
  double *factor; /* (n, n), lower, rows in the order of choice: rank of them hold */
  double *left;   /* (n): squares of the remainders */
  double *wanted, *ones, *solved;
} fit;

static void close_fit(fit *f) {
  free(f->candidate);
  free(f->length);
}

static tr_status open_fit(tr_ctx *ctx, int n, const tr_snapshot *snapshots, double end, fit *f) {
  const size_t rows = (size_t)n;
  *f = (fit){.snapshots = snapshots, .candidate = malloc(rows * sizeof *f->candidate)};
  f->length = malloc(rows * (rows + 5) * sizeof *f->length);
  if (!f->candidate || !f->length)
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for a fit by %d snapshots", n);
  f->left = f->length + rows;
  f->wanted = f->left + rows;
  f->ones = f->wanted + rows;
  f->solved = f->ones + rows;
  f->factor = f->solved + rows;
  for (int i = 0; i < n; i++) {
    const tr_power_profile *p = &snapshots[i].profile;
    if (p->step > end) continue;
    f->candidate[f->n] = i;
    f->length[f->n] = sqrt(tr_power_dot(p, p));
    f->left[f->n++] = 1;
  }
  return TR_OK;
}

static const tr_power_profile *profile(const fit *f, int i) {
  return &f->snapshots[f->candidate[i]].profile;
}

static void exchange_numbers(double *a, double *b) {
  const double held = *a;
  *a = *b;
  *b = held;
}

static void exchange(fit *f, int a, int b) {
  const int held = f->candidate[a];
  if (a == b) return;
  f->candidate[a] = f->candidate[b];
  f->candidate[b] = held;
  exchange_numbers(&f->length[a], &f->length[b]);
  exchange_numbers(&f->left[a], &f->left[b]);
  for (int k = 0; k < f->rank; k++)
    exchange_numbers(&f->factor[(size_t)a * (size_t)f->n + (size_t)k],
                     &f->factor[(size_t)b * (size_t)f->n + (size_t)k]);
}

static double *row_of(const fit *f, int i) {
  return f->factor + (size_t)i * (size_t)f->n;
}

/* Column `rank` of the factor, of the profile that stands there. */
static void add_column(fit *f) {
  const int k = f->rank;
  double *own = row_of(f, k);
  own[k] = sqrt(f->left[k]);
  for (int i = k + 1; i < f->n; i++) {
    double *row = row_of(f, i),
           sum = tr_power_dot(profile(f, i), profile(f, k)) / f->length[i] / f->length[k];
    for (int j = 0; j < k; j++) sum -= row[j] * own[j];
    row[k] = sum / own[k];
    f->left[i] -= row[k] * row[k];
  }
  f->rank++;
}

static void factorise(fit *f) {
  for (int k = 0; k < f->n; k++) {
    int most = k;
    for (int i = k + 1; i < f->n; i++)
      if (f->left[i] > f->left[most]) most = i;
    if (f->left[most] < LEFT) return;
    exchange(f, k, most);
    add_column(f);
  }
}

/* x = the solution of L x = x, and of L' x = x. */
static void solve_lower(const fit *f, double *x) {
  for (int i = 0; i < f->rank; i++) {
    for (int j = 0; j < i; j++) x[i] -= row_of(f, i)[j] * x[j];
    x[i] /= row_of(f, i)[i];
  }
}

static void solve_upper(const fit *f, double *x) {
  for (int i = f->rank - 1; i >= 0; i--) {
    for (int j = i + 1; j < f->rank; j++) x[i] -= row_of(f, j)[i] * x[j];
    x[i] /= row_of(f, i)[i];
  }
}

static double dot(const double *a, const double *b, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* With G = L L' the products of profiles of length 1, b theirs with the one wanted (of length 1 too) and c
 * what a unit of each adds to the sum of the weights: G v = b + lambda c, c'v = 1. */
static void solve(fit *f, const tr_power_profile *want, double length) {
  for (int i = 0; i < f->rank; i++) {
    f->wanted[i] = tr_power_dot(profile(f, i), want) / f->length[i] / length;
    f->ones[i] = length / f->length[i];
  }
  solve_lower(f, f->wanted);
  solve_lower(f, f->ones);
  const double lambda = (1 - dot(f->ones, f->wanted, f->rank)) / dot(f->ones, f->ones, f->rank);
  for (int i = 0; i < f->rank; i++) f->solved[i] = f->wanted[i] + lambda * f->ones[i];
}

/* 1 - 2 b'v + v'G v, in the coordinates of the factor. */
static double residual(const fit *f) {
  double sum = 1 - dot(f->wanted, f->wanted, f->rank);
  for (int i = 0; i < f->rank; i++) {
    const double off = f->solved[i] - f->wanted[i];
    sum += off * off;
  }
  return sqrt(fmax(sum, 0));
}

static tr_status check_profile(tr_ctx *ctx, const tr_power_profile *p, const char *what) {
  if (isfinite(tr_power_dot(p, p))) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s has step %g and gamma %g: steps are > 0, gamma 0 to %g", what, p->step,
                 p->gamma, TR_POWER_MOST);
}

static tr_status fit_weights(tr_ctx *ctx, int n, const tr_snapshot *snapshots, const tr_power_profile *want,
                             double *weights, tr_post_hoc_fit *out) {
  fit f;
  const double length = sqrt(tr_power_dot(want, want));
  tr_status status = open_fit(ctx, n, snapshots, want->step, &f);
  if (status == TR_OK && f.n == 0)
    status = TR_FAIL(ctx, TR_E_ARG, "no snapshot ends at step %g or before", want->step);
  if (status == TR_OK) {
    factorise(&f);
    solve(&f, want, length);
    *out = (tr_post_hoc_fit){.residual = residual(&f), .used = f.rank};
    solve_upper(&f, f.solved);
    for (int i = 0; i < f.rank; i++) {
      weights[f.candidate[i]] = f.solved[i] * length / f.length[i];
      out->size += fabs(weights[f.candidate[i]]);
    }
  }
  close_fit(&f);
  return status;
}

tr_status tr_post_hoc_weights(tr_ctx *ctx, int n, const tr_snapshot *snapshots, const tr_power_profile *want,
                              double *weights, tr_post_hoc_fit *out) {
  TR_REQUIRE(ctx, snapshots, want, weights, out);
  if (n < 1 || n > TR_SNAPSHOTS_MOST)
    return TR_FAIL(ctx, TR_E_ARG, "a fit by %d snapshots: use 1 to %d", n, TR_SNAPSHOTS_MOST);
  for (int i = 0; i < n; i++) TR_TRY(check_profile(ctx, &snapshots[i].profile, "a snapshot"));
  TR_TRY(check_profile(ctx, want, "the average that is wanted"));
  memset(weights, 0, (size_t)n * sizeof *weights);
  for (int i = 0; i < n; i++)
    if (snapshots[i].profile.step == want->step && snapshots[i].profile.gamma == want->gamma) {
      weights[i] = 1;
      *out = (tr_post_hoc_fit){.size = 1, .used = 1};
      return TR_OK;
    }
  return fit_weights(ctx, n, snapshots, want, weights, out);
}

/* ---- the sum ---- */

typedef struct {
  tr_ctx *ctx;
  int n;
  const tr_snapshot *snapshots;
  const double *weights;
  tr_checkpoint **files; /* (n), NULL where the weight is 0 */
  tr_tensors *sets;      /* (n) */
  int first;             /* that counts */
  tr_params *out;
} sum;

static tr_status open_files(sum *s) {
  s->first = -1;
  s->files = calloc((size_t)s->n, sizeof *s->files);
  s->sets = calloc((size_t)s->n, sizeof *s->sets);
  if (!s->files || !s->sets) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for %d files", s->n);
  for (int i = 0; i < s->n; i++) {
    if (s->weights[i] == 0) continue;
    if (s->first < 0) s->first = i;
    TR_TRY(tr_checkpoint_open(s->ctx, s->snapshots[i].path, &s->files[i]));
    TR_TRY(tr_checkpoint_weights(s->ctx, s->files[i], NULL, &s->sets[i]));
    if (s->sets[i].n != s->sets[s->first].n)
      return TR_FAIL(s->ctx, TR_E_SHAPE, "'%s' has %d tensors, '%s' %d: they are not of one network",
                     TR_SHOW(s->snapshots[i].path, 200), s->sets[i].n,
                     TR_SHOW(s->snapshots[s->first].path, 200), s->sets[s->first].n);
  }
  return s->first >= 0 ? TR_OK : TR_FAIL(s->ctx, TR_E_ARG, "a sum of files whose weights are all 0");
}

static tr_status make_result(sum *s) {
  const tr_tensors *set = &s->sets[s->first];
  tr_param_entry *entries = calloc((size_t)set->n + 1, sizeof *entries);
  if (!entries) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for %d tensors", set->n);
  bool wide = false;
  for (int i = 0; i < set->n; i++) {
    entries[i] = (tr_param_entry){.name = set->items[i].name, .ndim = set->items[i].ndim};
    memcpy(entries[i].shape, set->items[i].shape, sizeof entries[i].shape);
    wide = wide || set->items[i].dtype == TR_F64;
  }
  tr_status status = tr_params_create(s->ctx, wide ? TR_F64 : TR_F32, set->n, entries, &s->out);
  free(entries);
  return status;
}

static bool has_shape(const tr_tensor *t, const tr_param_entry *entry) {
  bool same = t->ndim == entry->ndim;
  for (int k = 0; same && k < t->ndim; k++) same = t->shape[k] == entry->shape[k];
  return same;
}

static tr_status read_tensor(const sum *s, int file, const tr_tensor *t, double *out) {
  const tr_status status = tr_tensor_to_f64(s->ctx, t, out);
  if (status == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(s->ctx);
  tr_ctx_clear(s->ctx);
  return TR_FAIL(s->ctx, status, "'%s': %s", TR_SHOW(s->snapshots[file].path, 200),
                 TR_SHOW(error.message, 400));
}

static tr_status add_tensor(const sum *s, int file, const tr_param_entry *entry, double *one, double *total) {
  const tr_tensor *t = tr_tensors_find(&s->sets[file], entry->name);
  if (!t || !has_shape(t, entry))
    return TR_FAIL(s->ctx, TR_E_SHAPE, "'%s' %s '%s': it is not of the network of '%s'",
                   TR_SHOW(s->snapshots[file].path, 200), t ? "has another shape of" : "lacks",
                   TR_SHOW(entry->name, 100), TR_SHOW(s->snapshots[s->first].path, 200));
  TR_TRY(read_tensor(s, file, t, one));
  for (int64_t k = 0; k < t->count; k++) total[k] += s->weights[file] * one[k];
  return TR_OK;
}

static tr_status sum_tensor(const sum *s, int which) {
  const tr_param_entry *entry = tr_params_entry(s->out, which);
  tr_array part = tr_params_value(s->out, which);
  double *both = calloc(2 * (size_t)part.count, sizeof *both);
  if (!both) return TR_FAIL(s->ctx, TR_E_MEM, "out of memory for '%s'", TR_SHOW(entry->name, 100));
  tr_status status = TR_OK;
  for (int i = 0; status == TR_OK && i < s->n; i++)
    if (s->files[i]) status = add_tensor(s, i, entry, both, both + part.count);
  if (status == TR_OK) status = tr_array_set_f64(&part, both + part.count);
  free(both);
  return status;
}

tr_status tr_post_hoc_sum(tr_ctx *ctx, int n, const tr_snapshot *snapshots, const double *weights,
                          tr_params **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, snapshots, weights, out);
  if (n < 1 || n > TR_SNAPSHOTS_MOST)
    return TR_FAIL(ctx, TR_E_ARG, "a sum of %d files: use 1 to %d", n, TR_SNAPSHOTS_MOST);
  for (int i = 0; i < n; i++)
    if (!snapshots[i].path || !isfinite(weights[i]))
      return TR_FAIL(ctx, TR_E_ARG, "file %d of a sum has weight %g and path '%s'", i, weights[i],
                     snapshots[i].path ? TR_SHOW(snapshots[i].path, 200) : "(NULL)");
  sum s = {.ctx = ctx, .n = n, .snapshots = snapshots, .weights = weights};
  tr_status status = open_files(&s);
  if (status == TR_OK) status = make_result(&s);
  for (int i = 0; status == TR_OK && i < tr_params_n(s.out); i++) status = sum_tensor(&s, i);
  for (int i = 0; s.files && i < n; i++) tr_checkpoint_close(&s.files[i]);
  free(s.files);
  free(s.sets);
  if (status != TR_OK) tr_params_destroy(&s.out);
  *out = s.out;
  return status;
}
