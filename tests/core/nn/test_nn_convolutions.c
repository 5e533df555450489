/* Operations on pictures against plain sums in double, in the shapes that networks have them in; nothing but
 * the channels of the result is written, and a sample's bits depend on nothing but the sample. */
#include <stdlib.h>

#include "core/backend.h"
#include "core/nn/nn.h"
#include "tests/support/check.h"

/* TR_TEST_RESOURCES */

#define SENTINEL 123.0

enum { N = 3 }; /* samples */

/* Numbers between -1 and 1 that look random, the same for the same `number`, f32. The caller frees. */
static double *numbers(int64_t count, uint32_t number) {
  double *v = malloc((size_t)count * sizeof *v);
  uint32_t state = number * 2654435761U + 12345;
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525U + 1013904223U;
    v[i] = (double)(state >> 8) * 0x1p-23 - 1;
  }
  return v;
}

static tr_array *array_of(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, const double *v) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, ndim, shape, &a));
  CHECK_OK(ctx, tr_array_set_f64(a, v));
  return a;
}

static tr_array *filled(tr_ctx *ctx, tr_dtype dtype, const int64_t shape[4], double value) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 4, shape, &a));
  double *v = malloc((size_t)a->count * sizeof *v);
  for (int64_t i = 0; i < a->count; i++) v[i] = value;
  CHECK_OK(ctx, tr_array_set_f64(a, v));
  free(v);
  return a;
}

static double *close_array(tr_array *a) {
  double *v = malloc((size_t)a->count * sizeof *v);
  CHECK_OK(a->ctx, tr_array_get_f64(a, v));
  tr_array_destroy(&a);
  return v;
}

/* Samples from `first` on of an array. */
static tr_array some(const tr_array *a, int64_t first, int64_t n) {
  tr_array part = *a;
  const int64_t each = a->count / a->shape[0];
  part.shape[0] = n, part.count = n * each;
  part.data = (char *)a->data + first * each * (int64_t)tr_dtype_size(a->dtype);
  return part;
}

static double act(tr_nn_activation activation, double v) {
  if (activation == TR_NN_SILU) return v / (1 + exp(-v));
  if (activation == TR_NN_RELU) return v < 0 ? 0 : v;
  return v;
}

/* ---- convolutions ---- */

enum { NONE, OTHER, ONTO }; /* the residual: another array, or y */

typedef struct {
  int64_t height, width, channels, out;
  tr_nn_window window;
  bool doubled, affine, bias;
  tr_nn_activation pre, activation;
  int residual;
  int64_t all, first; /* channels of y, and where those that are written begin */
} conv_case;

/* On the host. `was`: y before. */
typedef struct {
  const conv_case *c;
  double *x, *affine, *kernel, *bias, *was;
  int64_t high, wide;
} conv_numbers;

static conv_numbers numbers_of(const conv_case *c) {
  const int64_t times = c->doubled ? 2 : 1, taps = (int64_t)c->window.size[0] * c->window.size[1];
  conv_numbers p = {.c = c};
  p.high = tr_nn_window_extent(&c->window, 0, times * c->height);
  p.wide = tr_nn_window_extent(&c->window, 1, times * c->width);
  p.x = numbers(N * c->height * c->width * c->channels, 1), p.affine = numbers(N * 2 * c->channels, 2);
  p.kernel = numbers(c->out * c->channels * taps, 3), p.bias = numbers(c->out, 4);
  p.was = numbers(N * p.high * p.wide * c->all, 5);
  return p;
}

static void free_numbers(conv_numbers *p) {
  free(p->x), free(p->affine), free(p->kernel), free(p->bias), free(p->was);
}

/* What the kernel meets at pixel (i, j), maybe outside. */
static double met(const conv_numbers *p, int64_t n, int64_t i, int64_t j, int64_t channel) {
  const conv_case *c = p->c;
  const int64_t times = c->doubled ? 2 : 1;
  if (i < 0 || j < 0 || i >= times * c->height || j >= times * c->width) return 0;
  const double v = p->x[((n * c->height + i / times) * c->width + j / times) * c->channels + channel];
  const double *a = p->affine + 2 * n * c->channels;
  return c->affine ? act(c->pre, a[channel] * v + a[c->channels + channel]) : v;
}

static double sum_at(const conv_numbers *p, int64_t n, int64_t i, int64_t j, int64_t o) {
  const conv_case *c = p->c;
  const tr_nn_window *w = &c->window;
  double sum = c->bias ? p->bias[o] : 0;
  const double *kernel = p->kernel + o * c->channels * w->size[0] * w->size[1];
  for (int64_t channel = 0; channel < c->channels; channel++)
    for (int64_t k = 0; k < w->size[0]; k++)
      for (int64_t l = 0; l < w->size[1]; l++)
        sum += *kernel++ *
               met(p, n, i * w->stride + k - w->before[0], j * w->stride + l - w->before[1], channel);
  return sum;
}

/* y, whole. The caller frees. */
static double *convolved(const conv_numbers *p) {
  const conv_case *c = p->c;
  const int64_t pixels = N * p->high * p->wide;
  double *y = malloc((size_t)(pixels * c->all) * sizeof *y);
  for (int64_t q = 0; q < pixels * c->all; q++) y[q] = c->residual == ONTO ? p->was[q] : SENTINEL;
  for (int64_t q = 0; q < pixels; q++)
    for (int64_t o = 0; o < c->out; o++) {
      const int64_t at = q * c->all + c->first + o;
      const double sum = sum_at(p, q / p->wide / p->high, q / p->wide % p->high, q % p->wide, o);
      y[at] = act(c->activation, sum) + (c->residual == NONE ? 0 : p->was[at]);
    }
  return y;
}

typedef struct {
  tr_array *x, *affine, *values, *bias, *was;
  tr_nn_weight *w;
} conv_arrays;

static conv_arrays arrays_of(tr_ctx *ctx, tr_dtype dtype, tr_nn_products products, const conv_numbers *p) {
  const conv_case *c = p->c;
  const tr_nn_window *w = &c->window;
  const int64_t taps = (int64_t)w->size[0] * w->size[1];
  conv_arrays a = {
      .x = array_of(ctx, dtype, 4, (int64_t[]){N, c->height, c->width, c->channels}, p->x),
      .affine = array_of(ctx, dtype, 3, (int64_t[]){N, 2, c->channels}, p->affine),
      .values = array_of(ctx, TR_F32, 4, (int64_t[]){c->out, c->channels, w->size[0], w->size[1]}, p->kernel),
      .bias = array_of(ctx, dtype, 1, (int64_t[]){c->out}, p->bias),
      .was = array_of(ctx, dtype, 4, (int64_t[]){N, p->high, p->wide, c->all}, p->was)};
  const tr_nn_weight_spec spec = {.out = c->out,
                                  .in = c->channels * taps,
                                  .storage = dtype,
                                  .compute = dtype,
                                  .products = products,
                                  .taps = taps};
  CHECK_OK(ctx, tr_nn_weight_create(ctx, &spec, &a.w));
  CHECK_OK(ctx, tr_nn_weight_set(a.w, a.values));
  return a;
}

static void destroy_arrays(conv_arrays *a) {
  tr_nn_weight_destroy(&a->w);
  tr_array_destroy(&a->x), tr_array_destroy(&a->affine), tr_array_destroy(&a->values);
  tr_array_destroy(&a->bias), tr_array_destroy(&a->was);
}

/* Samples from `first` on, into those of y. */
static void convolve(tr_ctx *ctx, const conv_case *c, const conv_arrays *a, const tr_array *y, int64_t first,
                     int64_t n) {
  tr_array x = some(a->x, first, n), affine = some(a->affine, first, n), out = some(y, first, n);
  tr_array was = some(a->was, first, n);
  CHECK_OK(ctx, tr_nn_conv2d(&(tr_nn_conv2d_args){.x = &x,
                                                  .affine = c->affine ? &affine : NULL,
                                                  .pre = c->pre,
                                                  .doubled = c->doubled,
                                                  .w = a->w,
                                                  .window = c->window,
                                                  .bias = c->bias ? a->bias : NULL,
                                                  .activation = c->activation,
                                                  .residual = c->residual == ONTO    ? &out
                                                              : c->residual == OTHER ? &was
                                                                                     : NULL,
                                                  .y = &out,
                                                  .first = c->first}));
}

static tr_array *result_of(tr_ctx *ctx, tr_dtype dtype, const conv_numbers *p) {
  const int64_t shape[] = {N, p->high, p->wide, p->c->all};
  return p->c->residual == ONTO ? array_of(ctx, dtype, 4, shape, p->was)
                                : filled(ctx, dtype, shape, SENTINEL);
}

static void convolution(tr_ctx *ctx, tr_dtype dtype, tr_nn_products products, double bound,
                        const conv_case *c) {
  conv_numbers p = numbers_of(c);
  conv_arrays a = arrays_of(ctx, dtype, products, &p);
  tr_array *y = result_of(ctx, dtype, &p), *each = result_of(ctx, dtype, &p);
  const int64_t count = y->count;
  convolve(ctx, c, &a, y, 0, N);
  for (int64_t n = 0; n < N; n++) convolve(ctx, c, &a, each, n, 1);
  double *want = convolved(&p), *got = close_array(y), *alone = close_array(each);
  bool kept = true;
  for (int64_t i = 0; i < count; i++) {
    const bool outside = i % c->all < c->first || i % c->all >= c->first + c->out;
    kept = kept && (!outside || got[i] == (dtype == TR_F32 ? (double)(float)want[i] : want[i]));
    if (outside) got[i] = alone[i] = want[i] = 0;
  }
  CHECK(kept);
  CHECK_NEAR(check_relative(got, want, count), 0, bound);
  CHECK_NEAR(check_relative(alone, want, count), 0, bound);
  if (promises(ctx, TR_BACKEND_ROWS_INDEPENDENT)) CHECK(memcmp(got, alone, (size_t)count * sizeof *got) == 0);
  free(want), free(got), free(alone);
  free_numbers(&p), destroy_arrays(&a);
}

#define THREE                                                                                                \
  {                                                                                                          \
    {3, 3}, 1, {1, 1}, {                                                                                     \
      1, 1                                                                                                   \
    }                                                                                                        \
  }
#define ONE                                                                                                  \
  {                                                                                                          \
    {1, 1}, 1, {0, 0}, {                                                                                     \
      0, 0                                                                                                   \
    }                                                                                                        \
  }
#define HALVED                                                                                               \
  {                                                                                                          \
    {3, 3}, 2, {0, 0}, {                                                                                     \
      1, 1                                                                                                   \
    }                                                                                                        \
  }
static const conv_case cases[] = {
    /* height, width, channels, out, window, doubled, affine, bias, pre, activation, residual, all, first */
    {6, 8, 3, 8, THREE, false, false, true, TR_NN_IDENTITY, TR_NN_IDENTITY, NONE, 8, 0},
    {12, 10, 16, 12, THREE, false, true, true, TR_NN_SILU, TR_NN_IDENTITY, ONTO, 12, 0},
    {12, 10, 8, 12, THREE, false, true, true, TR_NN_SILU, TR_NN_IDENTITY, OTHER, 12, 0},
    {5, 7, 8, 5, THREE, true, false, true, TR_NN_IDENTITY, TR_NN_IDENTITY, NONE, 5, 0},
    {9, 6, 8, 4, HALVED, false, false, true, TR_NN_IDENTITY, TR_NN_IDENTITY, NONE, 4, 0},
    {5, 4, 16, 9, ONE, false, false, true, TR_NN_IDENTITY, TR_NN_IDENTITY, NONE, 9, 0},
    {5, 4, 7, 9, ONE, false, false, false, TR_NN_IDENTITY, TR_NN_RELU, NONE, 21, 8},
    {5, 4, 7, 9, ONE, false, true, false, TR_NN_RELU, TR_NN_IDENTITY, ONTO, 21, 7},
    {17,
     17,
     12,
     8,
     {{1, 7}, 1, {0, 3}, {0, 3}},
     false,
     false,
     true,
     TR_NN_IDENTITY,
     TR_NN_RELU,
     NONE,
     24,
     16},
    {7, 9, 6, 8, {{5, 5}, 2, {2, 1}, {3, 4}}, false, true, false, TR_NN_IDENTITY, TR_NN_RELU, ONTO, 8, 0},
    {11, 11, 5, 6, {{3, 3}, 2, {0, 0}, {0, 0}}, false, false, true, TR_NN_IDENTITY, TR_NN_SILU, OTHER, 7, 1},
};

static void convolutions(tr_ctx *ctx) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    convolution(ctx, TR_F64, TR_NN_FULL, 1e-14, &cases[i]);
    convolution(ctx, TR_F32, TR_NN_FULL, 2e-6, &cases[i]);
    if (promises(ctx, TR_BACKEND_TF32)) convolution(ctx, TR_F32, TR_NN_TF32, 2e-3, &cases[i]);
  }
}

/* ---- norms ---- */

/* The numbers of a group lie far from 0, so that squares alone would lose the variance. */
static void norm(tr_ctx *ctx, tr_dtype dtype, double bound, int64_t side, int64_t channels, int groups) {
  const int64_t pixels = side * (side + 1), shape[] = {N, side, side + 1, channels}, wide = channels / groups;
  double *v = numbers(N * pixels * channels, 7), *gamma = numbers(channels, 8), *beta = numbers(channels, 9);
  double *want = malloc((size_t)(N * 2 * channels) * sizeof *want);
  for (int64_t i = 0; i < N * pixels * channels; i++) v[i] = (float)(v[i] + 300);
  for (int64_t g = 0; g < N * groups; g++) {
    const int64_t n = g / groups, first = g % groups * wide;
    long double sum = 0, squares = 0;
    for (int64_t i = 0; i < pixels * wide; i++)
      sum += v[(n * pixels + i / wide) * channels + first + i % wide];
    const double mean = (double)(sum / (pixels * wide));
    for (int64_t i = 0; i < pixels * wide; i++) {
      const double d = v[(n * pixels + i / wide) * channels + first + i % wide] - mean;
      squares += d * d;
    }
    for (int64_t c = first; c < first + wide; c++) {
      want[2 * n * channels + c] = gamma[c] / sqrt((double)(squares / (pixels * wide)) + 1e-6);
      want[(2 * n + 1) * channels + c] = beta[c] - mean * want[2 * n * channels + c];
    }
  }
  tr_array *x = array_of(ctx, dtype, 4, shape, v), *a = array_of(ctx, dtype, 1, &channels, gamma);
  tr_array *b = array_of(ctx, dtype, 1, &channels, beta), *affine, *each;
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 3, (int64_t[]){N, 2, channels}, &affine));
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 3, affine->shape, &each));
  tr_nn_group_norm_args args = {
      .x = x, .groups = groups, .gamma = a, .beta = b, .eps = 1e-6, .affine = affine};
  CHECK_OK(ctx, tr_nn_group_norm(&args));
  for (int64_t n = 0; n < N; n++) {
    tr_array one = some(x, n, 1), of_one = some(each, n, 1);
    args.x = &one, args.affine = &of_one;
    CHECK_OK(ctx, tr_nn_group_norm(&args));
  }
  double *got = close_array(affine), *alone = close_array(each);
  CHECK_NEAR(check_relative(got, want, N * 2 * channels), 0, bound);
  if (promises(ctx, TR_BACKEND_ROWS_INDEPENDENT))
    CHECK(memcmp(got, alone, (size_t)(N * 2 * channels) * sizeof *got) == 0);
  tr_array_destroy(&x), tr_array_destroy(&a), tr_array_destroy(&b);
  free(v), free(gamma), free(beta), free(want), free(got), free(alone);
}

/* y = act(a x + b), in place. */
static void affine(tr_ctx *ctx, tr_dtype dtype, double bound, int64_t channels) {
  const int64_t pixels = 30, count = N * pixels * channels;
  double *v = numbers(count, 10), *m = numbers(N * 2 * channels, 11),
         *want = malloc((size_t)count * sizeof *want);
  for (int64_t i = 0; i < count; i++) {
    const double *a = m + i / (pixels * channels) * 2 * channels;
    want[i] = act(TR_NN_SILU, a[i % channels] * v[i] + a[channels + i % channels]);
  }
  tr_array *x = array_of(ctx, dtype, 4, (int64_t[]){N, 5, 6, channels}, v);
  tr_array *a = array_of(ctx, dtype, 3, (int64_t[]){N, 2, channels}, m);
  CHECK_OK(ctx, tr_nn_affine(&(tr_nn_affine_args){.x = x, .affine = a, .activation = TR_NN_SILU, .y = x}));
  double *got = close_array(x);
  CHECK_NEAR(check_relative(got, want, count), 0, bound);
  tr_array_destroy(&a);
  free(v), free(m), free(want), free(got);
}

/* ---- pools ---- */

static double pooled(const double *x, const int64_t shape[4], const tr_nn_window *w, bool mean, int64_t n,
                     int64_t i, int64_t j, int64_t c) {
  double sum = 0, most = -INFINITY, count = 0;
  for (int64_t k = i * w->stride - w->before[0], end = k + w->size[0]; k < end; k++)
    for (int64_t l = j * w->stride - w->before[1], last = l + w->size[1]; l < last; l++) {
      if (k < 0 || l < 0 || k >= shape[1] || l >= shape[2]) continue;
      const double v = x[((n * shape[1] + k) * shape[2] + l) * shape[3] + c];
      sum += v, count++, most = fmax(most, v);
    }
  return mean ? sum / count : most;
}

static void pool(tr_ctx *ctx, tr_dtype dtype, double bound, const tr_nn_window *w, int64_t channels,
                 tr_nn_pool kind) {
  const int64_t shape[] = {N, 7, 8, channels}, all = channels + 5;
  const int64_t out[] = {N, tr_nn_window_extent(w, 0, 7), tr_nn_window_extent(w, 1, 8), all};
  double *v = numbers(N * 56 * channels, 12);
  tr_array *x = array_of(ctx, dtype, 4, shape, v), *y = filled(ctx, dtype, out, SENTINEL);
  const int64_t count = y->count;
  CHECK_OK(ctx, tr_nn_pool2d(&(tr_nn_pool2d_args){.x = x, .pool = kind, .window = *w, .y = y, .first = 4}));
  double *got = close_array(y), worst = 0;
  for (int64_t at = 0; at < count; at++) {
    const int64_t c = at % all - 4, q = at / all;
    const bool inside = c >= 0 && c < channels;
    const double want = inside ? pooled(v, shape, w, kind == TR_NN_POOL_MEAN, q / out[2] / out[1],
                                        q / out[2] % out[1], q % out[2], c)
                               : SENTINEL;
    worst = fmax(worst, fabs(got[at] - want));
  }
  CHECK_NEAR(worst, 0, kind == TR_NN_POOL_MEAN ? bound : 0);
  tr_array_destroy(&x);
  free(v), free(got);
}

static void pools(tr_ctx *ctx, tr_dtype dtype, double bound) {
  const tr_nn_window halved = {{3, 3}, 2, {0, 0}, {0, 0}}, same = {{3, 3}, 1, {1, 1}, {1, 1}};
  pool(ctx, dtype, bound, &halved, 12, TR_NN_POOL_MAX), pool(ctx, dtype, bound, &same, 7, TR_NN_POOL_MAX);
  pool(ctx, dtype, bound, &halved, 7, TR_NN_POOL_MEAN), pool(ctx, dtype, bound, &same, 12, TR_NN_POOL_MEAN);
  const tr_nn_window whole = {{7, 8}, 1, {0, 0}, {0, 0}};
  pool(ctx, dtype, bound, &whole, 8, TR_NN_POOL_MEAN);
}

/* What is not a number is so in the largest, too. */
static void pool_of_nothing(tr_ctx *ctx) {
  const double v[] = {1, NAN, 2, 3}, four[] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
  const tr_nn_window whole = {{2, 2}, 1, {0, 0}, {0, 0}};
  tr_array *x = array_of(ctx, TR_F32, 4, (int64_t[]){1, 2, 2, 1}, v),
           *y = filled(ctx, TR_F32, (int64_t[]){1, 1, 1, 1}, 0);
  double got;
  CHECK_OK(ctx, tr_nn_pool2d(&(tr_nn_pool2d_args){.x = x, .window = whole, .y = y}));
  CHECK_OK(ctx, tr_array_get_f64(y, &got));
  CHECK(isnan(got));
  CHECK_OK(ctx, tr_array_set_f64(x, four));
  CHECK_OK(ctx, tr_nn_pool2d(&(tr_nn_pool2d_args){.x = x, .window = whole, .y = y}));
  CHECK_OK(ctx, tr_array_get_f64(y, &got));
  CHECK(got == -INFINITY);
  tr_array_destroy(&x), tr_array_destroy(&y);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  convolutions(ctx);
  const struct {
    int64_t side, channels;
    int groups;
  } norms[] = {{5, 8, 2}, {14, 6, 3}, {4, 160, 32}, {17, 4, 4}};
  for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
    norm(ctx, TR_F64, 1e-11, norms[i].side, norms[i].channels, norms[i].groups);
    norm(ctx, TR_F32, 1e-7, norms[i].side, norms[i].channels, norms[i].groups);
  }
  affine(ctx, TR_F64, 1e-14, 7), affine(ctx, TR_F32, 1e-6, 7), affine(ctx, TR_F32, 1e-6, 12);
  pools(ctx, TR_F64, 1e-14), pools(ctx, TR_F32, 2e-7);
  pool_of_nothing(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
