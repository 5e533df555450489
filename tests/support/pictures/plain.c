#include "tests/support/pictures/plain.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/problems/matrices.h"

static double act(tr_nn_activation activation, double v) {
  if (activation == TR_NN_SILU) return v / (1 + exp(-v));
  if (activation == TR_NN_RELU) return v < 0 ? 0 : v;
  if (activation == TR_NN_GELU_TANH) return v / (1 + exp(-1.5957691216057308 * (v + 0.044715 * v * v * v)));
  return v;
}

static int64_t place(const tr_array *a, int64_t n, int64_t i, int64_t j, int64_t c) {
  return ((n * a->shape[1] + i) * a->shape[2] + j) * a->shape[3] + c;
}

static double *values_or_none(const tr_array *a) {
  return a ? values(a) : NULL;
}

/* ---- convolution ---- */

typedef struct {
  const tr_nn_conv2d_args *args;
  double *x, *affine, *kernel, *bias, *residual;
  bool sizes; /* magnitudes are summed */
} host_conv;

static double input(const host_conv *h, int64_t n, int64_t i, int64_t j, int64_t c) {
  const tr_nn_conv2d_args *a = h->args;
  const int64_t times = a->doubled ? 2 : 1, channels = a->x->shape[3], at = 2 * n * channels + c;
  if (i < 0 || j < 0 || i >= times * a->x->shape[1] || j >= times * a->x->shape[2]) return 0;
  const double v = h->x[place(a->x, n, i / times, j / times, c)];
  return h->affine ? act(a->pre, h->affine[at] * v + h->affine[at + channels]) : v;
}

static double sum_at(const host_conv *h, int64_t n, int64_t i, int64_t j, int64_t o) {
  const tr_nn_window *w = &h->args->window;
  const int64_t taps = tr_nn_weight_spec_of(h->args->w)->taps, channels = h->args->x->shape[3];
  double sum = 0;
  for (int64_t c = 0; c < channels; c++)
    for (int64_t t = 0; t < taps; t++) {
      const double term = h->kernel[(o * channels + c) * taps + t] *
                          input(h, n, i * w->stride + t / w->size[1] - w->before[0],
                                j * w->stride + t % w->size[1] - w->before[1], c);
      sum += h->sizes ? fabs(term) : term;
    }
  return sum;
}

static double element(const host_conv *h, int64_t n, int64_t i, int64_t j, int64_t o) {
  const tr_nn_conv2d_args *a = h->args;
  const double sum = sum_at(h, n, i, j, o), bias = h->bias ? h->bias[o] : 0;
  const double more = h->residual ? h->residual[place(a->y, n, i, j, a->first + o)] : 0;
  return h->sizes ? sum + fabs(bias) + fabs(more) : act(a->activation, sum + bias) + more;
}

static double *convolve(const tr_nn_conv2d_args *a, const tr_array *kernel, bool sizes) {
  host_conv h = {a,
                 values(a->x),
                 values_or_none(a->affine),
                 values(kernel),
                 values_or_none(a->bias),
                 values_or_none(a->residual),
                 sizes};
  double *y = values(a->y);
  const int64_t *out = a->y->shape;
  for (int64_t r = 0; r < out[0] * out[1] * out[2]; r++)
    for (int64_t o = 0; o < tr_nn_weight_spec_of(a->w)->out; o++)
      y[r * out[3] + a->first + o] = element(&h, r / out[2] / out[1], r / out[2] % out[1], r % out[2], o);
  free(h.x), free(h.affine), free(h.kernel), free(h.bias), free(h.residual);
  return y;
}

double *plain_conv2d(const tr_nn_conv2d_args *args, const tr_array *kernel) {
  return convolve(args, kernel, false);
}

double *plain_conv2d_size(const tr_nn_conv2d_args *args, const tr_array *kernel) {
  return convolve(args, kernel, true);
}

/* ---- norm, affine map, pooling ---- */

/* Mean and variance of a group of a sample. */
static void moments(const tr_nn_group_norm_args *a, const double *x, int64_t n, int64_t g, double *mean,
                    double *variance) {
  const int64_t pixels = a->x->shape[1] * a->x->shape[2], channels = a->x->shape[3],
                wide = channels / a->groups;
  long double sum = 0, squares = 0;
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t c = g * wide; c < (g + 1) * wide; c++) sum += x[(n * pixels + p) * channels + c];
  sum /= (long double)(pixels * wide);
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t c = g * wide; c < (g + 1) * wide; c++) {
      const long double d = x[(n * pixels + p) * channels + c] - sum;
      squares += d * d;
    }
  *mean = (double)sum, *variance = (double)(squares / (long double)(pixels * wide));
}

double *plain_group_norm(const tr_nn_group_norm_args *a) {
  double *x = values(a->x), *gamma = values(a->gamma), *beta = values(a->beta), *affine = values(a->affine);
  const int64_t channels = a->x->shape[3];
  for (int64_t n = 0; n < a->x->shape[0]; n++)
    for (int64_t c = 0; c < channels; c++) {
      double mean, variance;
      moments(a, x, n, c / (channels / a->groups), &mean, &variance);
      affine[2 * n * channels + c] = gamma[c] / sqrt(variance + a->eps);
      affine[(2 * n + 1) * channels + c] = beta[c] - mean * affine[2 * n * channels + c];
    }
  free(x), free(gamma), free(beta);
  return affine;
}

double *plain_affine(const tr_nn_affine_args *a) {
  double *x = values(a->x), *affine = values(a->affine);
  const int64_t channels = a->x->shape[3], sample = a->x->count / a->x->shape[0];
  for (int64_t i = 0; i < a->x->count; i++) {
    const int64_t at = 2 * (i / sample) * channels + i % channels;
    x[i] = act(a->activation, affine[at] * x[i] + affine[at + channels]);
  }
  free(affine);
  return x;
}

static double pooled(const tr_nn_pool2d_args *a, const double *x, int64_t n, int64_t i, int64_t j,
                     int64_t c) {
  const tr_nn_window *w = &a->window;
  double sum = 0, most = -INFINITY;
  int64_t count = 0;
  for (int64_t k = 0; k < w->size[0]; k++)
    for (int64_t l = 0; l < w->size[1]; l++) {
      const int64_t row = i * w->stride + k - w->before[0], column = j * w->stride + l - w->before[1];
      if (row < 0 || column < 0 || row >= a->x->shape[1] || column >= a->x->shape[2]) continue;
      const double v = x[place(a->x, n, row, column, c)];
      sum += v, count++;
      most = v > most || v != v ? v : most;
    }
  return a->pool == TR_NN_POOL_MAX ? most : sum / (double)count;
}

double *plain_pool2d(const tr_nn_pool2d_args *a) {
  double *x = values(a->x), *y = values(a->y);
  const int64_t *out = a->y->shape;
  for (int64_t r = 0; r < out[0] * out[1] * out[2]; r++)
    for (int64_t c = 0; c < a->x->shape[3]; c++)
      y[r * out[3] + a->first + c] = pooled(a, x, r / out[2] / out[1], r / out[2] % out[1], r % out[2], c);
  free(x);
  return y;
}

/* ---- another size ---- */

/* Weight of place k of an axis of `in` in place i of one of `out`, before they are made to sum to 1. */
static double share(tr_nn_resize resize, int64_t i, int64_t k, int64_t in, int64_t out) {
  const double ratio = (double)in / (double)out;
  if (resize == TR_NN_RESIZE_ANTIALIASED) {
    const double apart = fabs((double)k + 0.5 - ((double)i + 0.5) * ratio) / fmax(ratio, 1);
    return fmax(1 - apart, 0);
  }
  double at = resize == TR_NN_RESIZE_CORNER ? (double)i * ratio : ((double)i + 0.5) * ratio - 0.5;
  at = fmin(fmax(at, 0), (double)(in - 1));
  return fmax(1 - fabs((double)k - at), 0);
}

double *plain_resize2d(const tr_nn_resize2d_args *a) {
  double *x = values(a->x), *y = values(a->y);
  const int64_t *in = a->x->shape, *out = a->y->shape;
  for (int64_t r = 0; r < out[0] * out[1] * out[2]; r++)
    for (int64_t c = 0; c < out[3]; c++) {
      double sum = 0, weights = 0;
      for (int64_t k = 0; k < in[1] * in[2]; k++) {
        const double weight = share(a->resize, r / out[2] % out[1], k / in[2], in[1], out[1]) *
                              share(a->resize, r % out[2], k % in[2], in[2], out[2]);
        sum += weight * x[place(a->x, r / out[2] / out[1], k / in[2], k % in[2], c)], weights += weight;
      }
      y[r * out[3] + c] = a->scale * sum / weights + a->shift;
    }
  free(x);
  return y;
}
