/* Vector operations on the CPU, chunk by chunk (core/cpu/vec_chunk.c). Sums run over fixed chunks, added in
 * order, so a result does not depend on the number of threads. A program runs all its operations on a chunk
 * before it goes on to the next: what they share is then still in cache. */
#include <math.h>
#include <string.h>

#include "core/cpu/cpu.h"

#define CHUNK       4096
#define RANDOM_COST 32 /* a normal number costs as much as so many elements of the others */

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- programs ---- */

/* The chunks of a program: each segment of its reduction is cut from its own start. */
typedef struct {
  tr_segments parts;
  int64_t first[TR_MAX_SEGMENTS + 1]; /* of each part; then their number */
} chunks;

static chunks cut(const tr_program *p) {
  chunks c = {.parts = p->reduce.slot >= 0 ? p->reduce.parts : (tr_segments){1, {p->count}}};
  for (int k = 0; k < c.parts.n; k++) {
    int64_t n = c.parts.end[k] - (k ? c.parts.end[k - 1] : 0);
    c.first[k + 1] = c.first[k] + (n + CHUNK - 1) / CHUNK;
  }
  return c;
}

static void run_weights(const tr_program *p, const tr_program_op *op, int64_t from, int64_t to) {
  const double *factor = p->factor + op->first;
  for (int k = 0; k < p->parts.n && from < to; k++) {
    int64_t end = least(to, p->parts.end[k]);
    if (end <= from) continue;
    tr_chunk_weights(p->dtype, factor[2 * k], factor[2 * k + 1], p->vector[p->term[op->first]],
                     p->vector[op->z], from, end);
    from = end;
  }
}

/* A pair that a chunk has only one half of is made for that half. */
static void run_draw(const tr_program *p, const tr_program_op *op, int64_t from, int64_t to) {
  const tr_program_draw *d = &p->draw[op->first];
  const tr_array z = {.dtype = p->dtype, .data = p->vector[op->z]};
  for (int64_t i = from; i < to;) {
    const int64_t r = i / d->row, e = i % d->row;
    double pair[2];
    tr_random_normal_pair(&d->address, d->address.sample + (uint64_t)r, (uint32_t)(e / 2), pair);
    tr_cpu_store(&z, i++, pair[e % 2]);
    if (e % 2 == 0 && e + 1 < d->row && i < to) tr_cpu_store(&z, i++, pair[1]);
  }
}

static void run_op(const tr_program *p, const tr_program_op *op, int64_t from, int64_t to) {
  const void *x[TR_LINCOMB_MAX] = {NULL};
  void *z = p->vector[op->z];
  for (int i = 0; i < op->n; i++) x[i] = p->vector[p->term[op->first + i]];
  switch ((tr_program_kind)op->kind) {
  case TR_PROGRAM_LINCOMB:
    tr_chunk_lincomb(p->dtype, op->n, p->factor + op->first, x, z, from, to);
    break;
  case TR_PROGRAM_MAP:
    tr_chunk_map(p->dtype, (tr_map_op)op->map, p->factor[op->first], x[0], x[1], z, from, to);
    break;
  case TR_PROGRAM_WEIGHTS:
    run_weights(p, op, from, to);
    break;
  case TR_PROGRAM_NORMALS:
    run_draw(p, op, from, to);
    break;
  }
}

/* Chunk number i: all operations, then its part of the reduction and of the look for what is not finite. */
static void run_chunk(const tr_program *p, const chunks *c, int64_t i, double *partial, bool *finite) {
  int k = 0;
  while (i >= c->first[k + 1]) k++;
  int64_t from = (k ? c->parts.end[k - 1] : 0) + (i - c->first[k]) * CHUNK,
          to = least(from + CHUNK, c->parts.end[k]);
  for (int j = 0; j < p->n_ops; j++) run_op(p, &p->op[j], from, to);
  if (p->reduce.slot >= 0)
    partial[i] = tr_chunk_reduce(p->dtype, (tr_reduce_op)p->reduce.op, p->vector[p->reduce.x],
                                 p->reduce.y >= 0 ? p->vector[p->reduce.y] : NULL, from, to);
  *finite = p->watch.x < 0 || tr_chunk_finite(p->dtype, p->vector[p->watch.x], from, to);
}

static double combine(tr_reduce_op op, double a, double b) {
  if (op == TR_MAX_ABS) return isnan(a) || a >= b ? a : b;
  if (op == TR_MIN) return isnan(a) || a <= b ? a : b;
  return a + b;
}

/* The results of the segments: those of their chunks, combined in order. */
static void finish_reduction(const tr_program *p, const chunks *c, const double *partial, double *out) {
  tr_reduce_op op = (tr_reduce_op)p->reduce.op;
  for (int k = 0; k < c->parts.n; k++) {
    double result = op == TR_MIN ? INFINITY : 0;
    for (int64_t i = c->first[k]; i < c->first[k + 1]; i++) result = combine(op, result, partial[i]);
    out[k] = result;
  }
}

static tr_status cpu_program(tr_ctx *ctx, const tr_program *p) {
  tr_cpu_state *state = tr_ctx_backend_state(ctx);
  double *latch = p->watch.slot >= 0 ? state->slots[p->watch.slot] : NULL;
  if (latch && *latch != TR_WATCH_NONE) return TR_OK;
  const chunks c = cut(p);
  const int64_t n = c.first[c.parts.n];
  void *partial = NULL;
  bool finite = true;
  if (p->reduce.slot >= 0) TR_TRY(tr_cpu_scratch(ctx, (size_t)n * sizeof(double), &partial));
  const int looks = (p->reduce.slot >= 0) + (p->watch.x >= 0);
  const int threads =
      tr_cpu_threads_for_elements(ctx, p->count * (p->n_ops + looks + RANDOM_COST * p->n_draws));
#pragma omp parallel for num_threads(threads) schedule(static) reduction(&& : finite)
  for (int64_t i = 0; i < n; i++) {
    bool fine;
    run_chunk(p, &c, i, partial, &fine);
    finite = finite && fine;
  }
  if (p->reduce.slot >= 0) finish_reduction(p, &c, partial, state->slots[p->reduce.slot]);
  if (latch && !finite) *latch = (double)p->watch.step;
  if (!state->late) tr_cpu_show_slots(state);
  return TR_OK;
}

void tr_cpu_show_slots(tr_cpu_state *state) {
  memcpy(state->shown, state->slots, sizeof state->shown);
}

static tr_status cpu_watch(tr_ctx *ctx, int slot) {
  tr_cpu_state *state = tr_ctx_backend_state(ctx);
  state->shown[slot][0] = state->slots[slot][0] = TR_WATCH_NONE;
  return TR_OK;
}

static tr_status cpu_wait(tr_ctx *ctx) {
  tr_cpu_show_slots(tr_ctx_backend_state(ctx));
  return TR_OK;
}

static const volatile double *cpu_slot(tr_ctx *ctx, int slot) {
  return ((const tr_cpu_state *)tr_ctx_backend_state(ctx))->shown[slot];
}

/* ---- others ---- */

static tr_status cpu_randn(tr_ctx *ctx, const tr_random_address *address, tr_array *z) {
  int64_t rows = z->shape[0], row = rows ? z->count / rows : 0, pairs = (row + 1) / 2;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, RANDOM_COST * z->count))               \
    schedule(static)
  for (int64_t k = 0; k < rows * pairs; k++) {
    int64_t r = k / pairs, p = k % pairs;
    double pair[2];
    tr_random_normal_pair(address, address->sample + (uint64_t)r, (uint32_t)p, pair);
    tr_cpu_store(z, r * row + 2 * p, pair[0]);
    if (2 * p + 1 < row) tr_cpu_store(z, r * row + 2 * p + 1, pair[1]);
  }
  return TR_OK;
}

/* Adds term k to the sums of one pair of elements, [sum][element of the pair]; x, y: its normals. */
#define DEFINE_ADD_TERM(T)                                                                                   \
  static void add_term_##T(const double factor[2][2], const double *x, const double *y, bool first,          \
                           T sum[2][2]) {                                                                    \
    for (int s = 0; s < 2; s++)                                                                              \
      for (int e = 0; e < 2; e++) {                                                                          \
        double term = factor[s][0] * (double)(T)x[e] + factor[s][1] * (double)(T)y[e];                       \
        sum[s][e] = (T)(first ? term : term + (double)sum[s][e]);                                            \
      }                                                                                                      \
  }
DEFINE_ADD_TERM(float)
DEFINE_ADD_TERM(double)

/* Both sums of pair p of a sample. */
static void sum_pair(const tr_randn_sums_args *a, uint64_t sample, uint32_t p, double sum[2][2]) {
  tr_random_address first = a->address, second = a->address;
  float in_f32[2][2] = {{0}};
  second.purpose = a->second;
  for (int k = 0; k < a->n; k++) {
    double x[2], y[2];
    first.step = second.step = a->term[k].step;
    tr_random_normal_pair(&first, sample, p, x);
    tr_random_normal_pair(&second, sample, p, y);
    if (a->z[0]->dtype == TR_F32)
      add_term_float(a->term[k].factor, x, y, k == 0, in_f32);
    else
      add_term_double(a->term[k].factor, x, y, k == 0, sum);
  }
  if (a->z[0]->dtype != TR_F32) return;
  for (int i = 0; i < 4; i++) sum[i / 2][i % 2] = (double)in_f32[i / 2][i % 2];
}

static tr_status cpu_randn_sums(tr_ctx *ctx, const tr_randn_sums_args *a) {
  const tr_array *z = a->z[0];
  int64_t rows = z->shape[0], row = rows ? z->count / rows : 0, pairs = (row + 1) / 2;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, 2 * RANDOM_COST * a->n * z->count))    \
    schedule(static)
  for (int64_t k = 0; k < rows * pairs; k++) {
    int64_t r = k / pairs, p = k % pairs;
    double sum[2][2] = {{0}};
    sum_pair(a, a->address.sample + (uint64_t)r, (uint32_t)p, sum);
    for (int s = 0; s < 2 && a->z[s]; s++)
      for (int e = 0; e < 2 && 2 * p + e < row; e++) tr_cpu_store(a->z[s], r * row + 2 * p + e, sum[s][e]);
  }
  return TR_OK;
}

#define DEFINE_BLEND(T)                                                                                      \
  static void blend_##T(double a, const T *x, double b, const T *y, T *z, int64_t blended, int64_t row) {    \
    for (int64_t i = 0; i < blended; i++) z[i] = (T)(a * (double)x[i] + b * (double)y[i]);                   \
    for (int64_t i = blended; i < row; i++) z[i] = y[i];                                                     \
  }
DEFINE_BLEND(float)
DEFINE_BLEND(double)

static tr_status cpu_blend_channels(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                                    const tr_array *y, tr_array *z) {
  int64_t rows = z->shape[0], row = rows ? z->count / rows : 0;
  int64_t blended = z->shape[1] ? row / z->shape[1] * channels : 0;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, z->count)) schedule(static)
  for (int64_t from = 0; from < rows * row; from += row) {
    if (z->dtype == TR_F32)
      blend_float(a, (const float *)x->data + from, b, (const float *)y->data + from, (float *)z->data + from,
                  blended, row);
    else
      blend_double(a, (const double *)x->data + from, b, (const double *)y->data + from,
                   (double *)z->data + from, blended, row);
  }
  return TR_OK;
}

static tr_status cpu_dot_rows(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b,
                              tr_array *z) {
  int64_t rows = z->count, row = x->count / rows;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, x->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    double sum = tr_chunk_reduce(x->dtype, TR_SUM_XY, x->data, y->data, r * row, (r + 1) * row);
    tr_cpu_store(z, r, a * sum + b);
  }
  return TR_OK;
}

const tr_vec_ops tr_cpu_vec = {.program = cpu_program,
                               .watch = cpu_watch,
                               .wait = cpu_wait,
                               .slot = cpu_slot,
                               .randn = cpu_randn,
                               .randn_sums = cpu_randn_sums,
                               .blend_channels = cpu_blend_channels,
                               .dot_rows = cpu_dot_rows,
                               .deflate = tr_cpu_deflate};
