#include "tests/support/problems/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"

/* A query of one head: rows of q, of k and v of its sample, and its softmax. */
typedef struct {
  const attention_problem *p;
  int64_t hidden, wide, row, place, stat; /* place: of its head in a row */
  const double *q, *k, *v;
  double *softmax, *terms; /* exp(s - c), whose sum is `sum`; all T */
  double sum, c;
} query;

void round_to_bf16(double *v, int64_t n) {
  uint16_t *halves = malloc((size_t)n * sizeof *halves);
  (void)tr_dtype_from_f64(TR_BF16, n, v, halves);
  tr_dtype_to_f64(TR_BF16, n, halves, v);
  free(halves);
}

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static double as_product(const attention_problem *p, double v) {
  uint16_t half;
  if (!p->rounded) return v;
  (void)tr_dtype_from_f64(TR_BF16, 1, &v, &half);
  tr_dtype_to_f64(TR_BF16, 1, &half, &v);
  return v;
}

static double total(const double *v, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += v[i];
  return sum;
}

static double largest(const double *v, int64_t n) {
  double most = -INFINITY;
  for (int64_t i = 0; i < n; i++) most = fmax(most, v[i]);
  return most;
}

static void softmax_of(query *o) {
  const int64_t T = o->p->T;
  for (int64_t j = 0; j < T; j++)
    o->softmax[j] = dot(o->q, o->k + j * o->wide, o->p->size) / sqrt((double)o->p->size);
  o->c = largest(o->softmax, o->p->first && o->p->first < T ? o->p->first : T);
  o->c += log(2) * ceil((largest(o->softmax, T) - o->c) / log(2));
  o->sum = 0;
  for (int64_t j = 0; j < T; j++) o->sum += o->terms[j] = exp(o->softmax[j] - o->c);
  for (int64_t j = 0; j < T; j++) o->softmax[j] = o->terms[j] / o->sum;
}

static query begin(const attention_problem *p, const double *qkv) {
  const size_t bytes = (size_t)p->T * sizeof(double);
  return (query){.p = p,
                 .hidden = p->heads * p->size,
                 .wide = 3 * p->heads * p->size,
                 .q = qkv,
                 .softmax = malloc(bytes),
                 .terms = malloc(bytes)};
}

/* The query of head h in row r of all. */
static query at(query o, const double *qkv, int64_t r, int64_t h) {
  o.row = r / o.p->T * o.p->T, o.place = h * o.p->size;
  o.stat = (r / o.p->T * o.p->heads + h) * o.p->T + r % o.p->T;
  o.q = qkv + r * o.wide + o.place;
  o.k = qkv + o.row * o.wide + o.hidden + o.place, o.v = o.k + o.hidden;
  softmax_of(&o);
  return o;
}

static void end(query *o) {
  free(o->softmax), free(o->terms);
}

void attention_forward(const attention_problem *p, const double *qkv, double *y, double *stats) {
  query room = begin(p, qkv);
  for (int64_t r = 0; r < p->N * p->T; r++)
    for (int64_t h = 0; h < p->heads; h++) {
      const query o = at(room, qkv, r, h);
      double *to = y + r * o.hidden + o.place;
      memset(to, 0, (size_t)p->size * sizeof *to);
      for (int64_t j = 0; j < p->T; j++) {
        const double share = as_product(p, o.terms[j]) / o.sum;
        for (int64_t c = 0; c < p->size; c++) to[c] += share * o.v[j * o.wide + c];
      }
      stats[o.stat] = o.c + log(o.sum);
    }
  end(&room);
}

void attention_gradient(const attention_problem *p, const double *qkv, const double *dy, double *dqkv) {
  query room = begin(p, qkv);
  double *dp = malloc((size_t)p->T * sizeof *dp);
  memset(dqkv, 0, (size_t)(p->N * p->T * room.wide) * sizeof *dqkv);
  for (int64_t r = 0; r < p->N * p->T; r++)
    for (int64_t h = 0; h < p->heads; h++) {
      const query o = at(room, qkv, r, h);
      const double *g = dy + r * o.hidden + o.place;
      double *dq = dqkv + r * o.wide + o.place, *dk = dqkv + o.row * o.wide + o.hidden + o.place;
      for (int64_t j = 0; j < p->T; j++) dp[j] = dot(g, o.v + j * o.wide, p->size);
      const double mean = dot(o.softmax, dp, p->T);
      for (int64_t j = 0; j < p->T; j++) {
        const double ds = as_product(p, o.softmax[j] * (dp[j] - mean) / sqrt((double)p->size));
        const double share = as_product(p, o.softmax[j]);
        for (int64_t c = 0; c < p->size; c++) {
          dq[c] += ds * o.k[j * o.wide + c];
          dk[j * o.wide + c] += ds * o.q[c];
          dk[j * o.wide + o.hidden + c] += share * g[c];
        }
      }
    }
  free(dp);
  end(&room);
}

/* What the tangent rounds: P itself and its tangent, or the terms and what they are of ds - m. */
static void tangent_of(const query *o, const double *qkv, const double *v, double *ds, double *to) {
  const attention_problem *p = o->p;
  const int64_t T = p->T, first = p->first < T ? p->first : T;
  const double *moved = v + (o->k - qkv), size = sqrt((double)p->size);
  for (int64_t j = 0; j < T; j++)
    ds[j] = dot(v + (o->q - qkv), o->k + j * o->wide, p->size) + dot(o->q, moved + j * o->wide, p->size);
  const double mean = dot(o->softmax, ds, T), *terms = first ? o->terms : o->softmax,
               sum = first ? o->sum : 1;
  const double m = first ? dot(terms, ds, first) / total(terms, first) : mean;
  memset(to, 0, (size_t)p->size * sizeof *to);
  for (int64_t j = 0; j < T; j++) {
    const double share = as_product(p, terms[j]) / sum;
    const double change = as_product(p, terms[j] * (ds[j] - m) / size) / sum - share * (mean - m) / size;
    for (int64_t c = 0; c < p->size; c++)
      to[c] += change * o->v[j * o->wide + c] + share * moved[o->hidden + j * o->wide + c];
  }
}

void attention_tangent(const attention_problem *p, const double *qkv, const double *v, double *Jv) {
  query room = begin(p, qkv);
  double *ds = malloc((size_t)p->T * sizeof *ds);
  for (int64_t r = 0; r < p->N * p->T; r++)
    for (int64_t h = 0; h < p->heads; h++) {
      const query o = at(room, qkv, r, h);
      tangent_of(&o, qkv, v, ds, Jv + r * o.hidden + o.place);
    }
  free(ds);
  end(&room);
}
