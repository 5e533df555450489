/* Operations on pictures on the processor, element by element. */
#include <math.h>
#include <string.h>

#include "core/cpu/cpu.h"

static double get(const tr_array *a, int64_t i) {
  return a->dtype == TR_F32 ? (double)((const float *)a->data)[i] : ((const double *)a->data)[i];
}

static void put(const tr_array *a, int64_t i, double v) {
  if (a->dtype == TR_F32)
    ((float *)a->data)[i] = (float)v;
  else
    ((double *)a->data)[i] = v;
}

static double act(tr_nn_activation activation, double v) {
  if (activation == TR_NN_SILU) return v / (1 + exp(-v));
  if (activation == TR_NN_RELU) return v < 0 ? 0 : v;
  if (activation == TR_NN_GELU_TANH) return v / (1 + exp(-1.5957691216057308 * (v + 0.044715 * v * v * v)));
  return v;
}

static int64_t place(const tr_array *a, int64_t n, int64_t i, int64_t j, int64_t c) {
  return ((n * a->shape[1] + i) * a->shape[2] + j) * a->shape[3] + c;
}

/* Element (o, i) of a weight in panels. */
static double weight_at(tr_ctx *ctx, const tr_nn_weight_spec *spec, const char *panels, int64_t o,
                        int64_t i) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const int64_t size = (int64_t)tr_dtype_size(spec->compute), wide = tr_cpu_panel(state->level, size);
  const int64_t first = o / wide * wide, width = tr_cpu_smaller(wide, spec->out - first);
  const int64_t at = first * spec->in + i * tr_cpu_padded(width, size) + o - first;
  const tr_array like = {.dtype = spec->compute, .data = (void *)panels};
  return get(&like, at);
}

static double input(const tr_nn_conv2d_args *a, int64_t n, int64_t i, int64_t j, int64_t c) {
  const tr_array *x = a->x;
  const int64_t times = a->doubled ? 2 : 1;
  if (i < 0 || j < 0 || i >= times * x->shape[1] || j >= times * x->shape[2]) return 0;
  const double v = get(x, place(x, n, i / times, j / times, c));
  if (!a->affine) return v;
  const int64_t channels = x->shape[3], at = 2 * n * channels + c;
  return act(a->pre, get(a->affine, at) * v + get(a->affine, at + channels));
}

static double conv_at(tr_ctx *ctx, const tr_nn_conv2d_args *a, const char *panels, int64_t n, int64_t i,
                      int64_t j, int64_t o) {
  const tr_nn_window *w = &a->window;
  const int64_t taps = a->w->spec.taps;
  double sum = 0;
  for (int64_t c = 0; c < a->x->shape[3]; c++)
    for (int64_t t = 0; t < taps; t++)
      sum += weight_at(ctx, &a->w->spec, panels, o, c * taps + t) *
             input(a, n, i * w->stride + t / w->size[1] - w->before[0],
                   j * w->stride + t % w->size[1] - w->before[1], c);
  return sum;
}

tr_status tr_cpu_conv2d(tr_ctx *ctx, const tr_nn_conv2d_args *a) {
  const char *panels;
  TR_TRY(tr_cpu_weight_panels(ctx, a->w, false, &panels));
  const tr_array *y = a->y;
  const int64_t wide = y->shape[2], rows = y->shape[0] * y->shape[1] * wide, out = a->w->spec.out;
#pragma omp parallel for num_threads(tr_ctx_threads(ctx)) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    const int64_t n = r / wide / y->shape[1], i = r / wide % y->shape[1], j = r % wide;
    for (int64_t o = 0; o < out; o++) {
      const int64_t at = place(y, n, i, j, a->first + o);
      double v = conv_at(ctx, a, panels, n, i, j, o) + (a->bias ? get(a->bias, o) : 0);
      v = act(a->activation, v) + (a->residual ? get(a->residual, at) : 0);
      put(y, at, v);
    }
  }
  return TR_OK;
}

/* Mean and variance of a group of a sample. */
static void moments(const tr_array *x, int64_t n, int64_t first, int64_t wide, double *mean, double *var) {
  const int64_t pixels = x->shape[1] * x->shape[2], channels = x->shape[3];
  double sum = 0, squares = 0;
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t c = first; c < first + wide; c++) sum += get(x, (n * pixels + p) * channels + c);
  *mean = sum / (double)(pixels * wide);
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t c = first; c < first + wide; c++) {
      const double d = get(x, (n * pixels + p) * channels + c) - *mean;
      squares += d * d;
    }
  *var = squares / (double)(pixels * wide);
}

tr_status tr_cpu_group_norm(tr_ctx *ctx, const tr_nn_group_norm_args *a) {
  (void)ctx;
  const int64_t channels = a->x->shape[3], wide = channels / a->groups;
  for (int64_t n = 0; n < a->x->shape[0]; n++)
    for (int64_t g = 0; g < a->groups; g++) {
      double mean, var;
      moments(a->x, n, g * wide, wide, &mean, &var);
      for (int64_t c = g * wide; c < (g + 1) * wide; c++) {
        const double scale = get(a->gamma, c) / sqrt(var + a->eps);
        put(a->affine, 2 * n * channels + c, scale);
        put(a->affine, (2 * n + 1) * channels + c, get(a->beta, c) - mean * scale);
      }
    }
  return TR_OK;
}

tr_status tr_cpu_affine(tr_ctx *ctx, const tr_nn_affine_args *a) {
  const int64_t channels = a->x->shape[3], pixels = a->x->shape[1] * a->x->shape[2];
  const int64_t rows = a->x->shape[0] * pixels;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->x->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    const int64_t at = 2 * (r / pixels) * channels;
    for (int64_t c = 0; c < channels; c++)
      put(a->y, r * channels + c,
          act(a->activation,
              get(a->affine, at + c) * get(a->x, r * channels + c) + get(a->affine, at + channels + c)));
  }
  return TR_OK;
}

static double pooled(const tr_nn_pool2d_args *a, int64_t n, int64_t i, int64_t j, int64_t c) {
  const tr_nn_window *w = &a->window;
  const tr_array *x = a->x;
  double sum = 0, most = -INFINITY;
  int64_t count = 0;
  for (int64_t k = 0; k < w->size[0]; k++)
    for (int64_t l = 0; l < w->size[1]; l++) {
      const int64_t row = i * w->stride + k - w->before[0], column = j * w->stride + l - w->before[1];
      if (row < 0 || column < 0 || row >= x->shape[1] || column >= x->shape[2]) continue;
      const double v = get(x, place(x, n, row, column, c));
      sum += v, count++;
      most = v > most || v != v ? v : most;
    }
  return a->pool == TR_NN_POOL_MAX ? most : sum / (double)count;
}

tr_status tr_cpu_pool2d(tr_ctx *ctx, const tr_nn_pool2d_args *a) {
  const tr_array *y = a->y;
  const int64_t wide = y->shape[2], rows = y->shape[0] * y->shape[1] * wide;
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, y->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    const int64_t n = r / wide / y->shape[1], i = r / wide % y->shape[1], j = r % wide;
    for (int64_t c = 0; c < a->x->shape[3]; c++)
      put(y, place(y, n, i, j, a->first + c), pooled(a, n, i, j, c));
  }
  return TR_OK;
}

/* Two neighbours of place i of an axis and the weight of the second. */
typedef struct {
  int64_t low, high;
  double part;
} between;

static between between_of(tr_nn_resize resize, int64_t i, int64_t in, int64_t out) {
  double at = resize == TR_NN_RESIZE_CORNER ? (double)i * ((double)in / (double)out)
                                            : ((double)i + 0.5) * ((double)in / (double)out) - 0.5;
  if (at < 0) at = 0;
  between b = {.low = (int64_t)at};
  b.high = tr_cpu_smaller(b.low + 1, in - 1);
  b.part = at - (double)b.low;
  return b;
}

static double bilinear(const tr_nn_resize2d_args *a, int64_t n, int64_t i, int64_t j, int64_t c) {
  const tr_array *x = a->x;
  const between r = between_of(a->resize, i, x->shape[1], a->y->shape[1]);
  const between s = between_of(a->resize, j, x->shape[2], a->y->shape[2]);
  const double top =
      get(x, place(x, n, r.low, s.low, c)) * (1 - s.part) + get(x, place(x, n, r.low, s.high, c)) * s.part;
  const double low =
      get(x, place(x, n, r.high, s.low, c)) * (1 - s.part) + get(x, place(x, n, r.high, s.high, c)) * s.part;
  return top * (1 - r.part) + low * r.part;
}

/* Weight of pixel k of `in` in place i of `out`, not yet summing to 1. */
static double triangle(int64_t i, int64_t k, int64_t in, int64_t out) {
  const double ratio = (double)in / (double)out, wide = ratio > 1 ? ratio : 1;
  const double d = fabs((double)k + 0.5 - ((double)i + 0.5) * ratio) / wide;
  return d < 1 ? 1 - d : 0;
}

static double antialiased(const tr_nn_resize2d_args *a, int64_t n, int64_t i, int64_t j, int64_t c) {
  const tr_array *x = a->x;
  double sum = 0, weights = 0;
  for (int64_t k = 0; k < x->shape[1]; k++) {
    const double row = triangle(i, k, x->shape[1], a->y->shape[1]);
    if (row == 0) continue;
    for (int64_t l = 0; l < x->shape[2]; l++) {
      const double weight = row * triangle(j, l, x->shape[2], a->y->shape[2]);
      if (weight == 0) continue;
      sum += weight * get(x, place(x, n, k, l, c)), weights += weight;
    }
  }
  return sum / weights;
}

tr_status tr_cpu_resize2d(tr_ctx *ctx, const tr_nn_resize2d_args *a) {
  const tr_array *y = a->y;
  const int64_t wide = y->shape[2], rows = y->shape[0] * y->shape[1] * wide;
#pragma omp parallel for num_threads(tr_ctx_threads(ctx)) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    const int64_t n = r / wide / y->shape[1], i = r / wide % y->shape[1], j = r % wide;
    for (int64_t c = 0; c < y->shape[3]; c++) {
      const double v =
          a->resize == TR_NN_RESIZE_ANTIALIASED ? antialiased(a, n, i, j, c) : bilinear(a, n, i, j, c);
      put(y, place(y, n, i, j, c), a->scale * v + a->shift);
    }
  }
  return TR_OK;
}
