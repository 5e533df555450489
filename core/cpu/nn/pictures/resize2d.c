/* Pictures at another size on the processor. Every kind is a weighted sum along each axis; the sums are made
 * in double, columns first, and rounded once. Only where TensorFlow's rounding is asked for are they made as
 * it makes them: this file is compiled without fused multiply-adds. */
#include <math.h>
#include <omp.h>

#include "core/cpu/cpu.h"

/* The places of an axis of x that a place of the result's axis is made of. */
typedef struct {
  int64_t first, count;
  double *weights;
} taps;

typedef struct {
  const tr_nn_resize2d_args *args;
  int64_t size, row; /* numbers in a row of x */
  taps *axis[2];
} resize_job;

static double ratio_of(const tr_nn_resize2d_args *a, int axis) {
  return (double)a->x->shape[1 + axis] / (double)a->y->shape[1 + axis];
}

/* Weights of a place at most. */
static int64_t most_taps(const tr_nn_resize2d_args *a, int axis) {
  const double ratio = ratio_of(a, axis);
  if (a->resize != TR_NN_RESIZE_ANTIALIASED || ratio <= 1) return 3;
  return 2 * (int64_t)ceil(ratio) + 1;
}

static void two_neighbours(const tr_nn_resize2d_args *a, int axis, int64_t i, taps *t) {
  const double ratio = ratio_of(a, axis);
  double at = a->resize == TR_NN_RESIZE_CORNER ? (double)i * ratio : ((double)i + 0.5) * ratio - 0.5;
  if (at < 0) at = 0;
  const int64_t last = a->x->shape[1 + axis] - 1;
  t->first = tr_cpu_smaller((int64_t)at, last);
  t->count = t->first < last ? 2 : 1;
  t->weights[1] = at - (double)t->first;
  t->weights[0] = t->count == 1 ? 1 : 1 - t->weights[1];
}

static void triangle(const tr_nn_resize2d_args *a, int axis, int64_t i, taps *t) {
  const double ratio = ratio_of(a, axis), wide = ratio > 1 ? ratio : 1, centre = ((double)i + 0.5) * ratio;
  const int64_t most = most_taps(a, axis), extent = a->x->shape[1 + axis];
  int64_t k = (int64_t)floor(centre - wide);
  double sum = 0;
  t->count = 0;
  for (k = k < 0 ? 0 : k; k < extent && t->count < most; k++) {
    const double apart = fabs((double)k + 0.5 - centre) / wide;
    if (apart >= 1 && t->count > 0) break;
    if (apart >= 1) continue;
    if (t->count == 0) t->first = k;
    t->weights[t->count++] = 1 - apart;
    sum += 1 - apart;
  }
  for (int64_t l = 0; l < t->count; l++) t->weights[l] /= sum;
}

static void fill_axis(resize_job *job, int axis, taps *places, double *weights) {
  const tr_nn_resize2d_args *a = job->args;
  for (int64_t i = 0; i < a->y->shape[1 + axis]; i++) {
    places[i].weights = weights + i * most_taps(a, axis);
    (a->resize == TR_NN_RESIZE_ANTIALIASED ? triangle : two_neighbours)(a, axis, i, &places[i]);
  }
  job->axis[axis] = places;
}

/* row += weight times row i of x's rows, counted through all samples. */
static void add_row(const resize_job *job, int64_t i, double weight, double *row) {
  const float *single = (const float *)job->args->x->data + i * job->row;
  const double *twice = (const double *)job->args->x->data + i * job->row;
  if (job->size == sizeof(float))
    for (int64_t c = 0; c < job->row; c++) row[c] += weight * (double)single[c];
  else
    for (int64_t c = 0; c < job->row; c++) row[c] += weight * twice[c];
}

/* Row r of the result's rows, counted through all samples. */
static void make_row(const resize_job *job, int64_t r, double *row) {
  const tr_nn_resize2d_args *a = job->args;
  const int64_t height = a->y->shape[1], width = a->y->shape[2], channels = a->y->shape[3];
  const taps *down = &job->axis[0][r % height];
  for (int64_t c = 0; c < job->row; c++) row[c] = 0;
  for (int64_t k = 0; k < down->count; k++)
    add_row(job, r / height * a->x->shape[1] + down->first + k, down->weights[k], row);
  for (int64_t j = 0; j < width; j++) {
    const taps *along = &job->axis[1][j];
    for (int64_t c = 0; c < channels; c++) {
      double sum = 0;
      for (int64_t k = 0; k < along->count; k++)
        sum += along->weights[k] * row[(along->first + k) * channels + c];
      tr_cpu_store(a->y, (r * width + j) * channels + c, a->scale * sum + a->shift);
    }
  }
}

/* ---- as TensorFlow rounds ---- */

typedef struct {
  int64_t low, high;
  float part;
} neighbours;

static neighbours neighbours_of(const tr_nn_resize2d_args *a, int axis, int64_t i) {
  const int64_t in = a->x->shape[1 + axis];
  const float at = (float)i * ((float)in / (float)a->y->shape[1 + axis]);
  const int64_t low = tr_cpu_smaller((int64_t)at, in - 1);
  return (neighbours){low, tr_cpu_smaller(low + 1, in - 1), at - (float)low};
}

static void make_single_row(const resize_job *job, int64_t r) {
  const tr_nn_resize2d_args *a = job->args;
  const int64_t height = a->y->shape[1], width = a->y->shape[2], channels = a->y->shape[3];
  const neighbours v = neighbours_of(a, 0, r % height);
  const float *picture = (const float *)a->x->data + r / height * a->x->shape[1] * job->row;
  const float *above = picture + v.low * job->row, *below = picture + v.high * job->row;
  float *y = (float *)a->y->data + r * width * channels;
  const float scale = (float)a->scale, shift = (float)a->shift;
  for (int64_t j = 0; j < width; j++) {
    const neighbours h = neighbours_of(a, 1, j);
    for (int64_t c = 0; c < channels; c++) {
      const int64_t left = h.low * channels + c, right = h.high * channels + c;
      const float top = above[left] + (above[right] - above[left]) * h.part;
      const float bottom = below[left] + (below[right] - below[left]) * h.part;
      y[j * channels + c] = scale * (top + (bottom - top) * v.part) + shift;
    }
  }
}

/* ---- */

tr_status tr_cpu_resize2d(tr_ctx *ctx, const tr_nn_resize2d_args *args) {
  const int64_t *out = args->y->shape, rows = out[0] * out[1];
  const int threads = tr_cpu_threads_for_elements(ctx, args->y->count + args->x->count);
  resize_job job = {.args = args,
                    .size = (int64_t)tr_dtype_size(args->y->dtype),
                    .row = args->x->shape[2] * args->x->shape[3]};
  const bool single = args->resize == TR_NN_RESIZE_CORNER && args->y->dtype == TR_F32;
  const int64_t weights = out[1] * most_taps(args, 0) + out[2] * most_taps(args, 1);
  const size_t tables = (size_t)(out[1] + out[2]) * sizeof(taps);
  void *scratch;
  if (args->y->count == 0) return TR_OK;
  TR_TRY(tr_cpu_scratch(ctx, tables + (size_t)(weights + threads * job.row) * sizeof(double), &scratch));
  double *numbers = (double *)((char *)scratch + tables);
  fill_axis(&job, 0, scratch, numbers);
  fill_axis(&job, 1, (taps *)scratch + out[1], numbers + out[1] * most_taps(args, 0));
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    if (single)
      make_single_row(&job, r);
    else
      make_row(&job, r, numbers + weights + omp_get_thread_num() * job.row);
  }
  return TR_OK;
}
