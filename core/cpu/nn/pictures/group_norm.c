/* Group norm on the processor, and affine maps of channels, such as it gives. Moments are taken of runs of
 * pixels, of a length that depends on the channels alone, each about its own mean while it is in the near
 * caches, then put together in their order (Chan, Golub and LeVeque 1979). So a picture is read from memory
 * once, and a large mean takes no digits from the variance. */
#include <math.h>
#include <omp.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

#define RUN_NUMBERS 16384

typedef struct {
  double mean, squares; /* squares: sum of (x - mean)^2 */
} moments;

typedef struct {
  const tr_nn_group_norm_args *args;
  const tr_cpu_kernels *loops;
  int64_t pixels, channels, wide, run, runs; /* of a sample; channels of a group; pixels of a run */
  moments *parts;                            /* (N, runs, groups) */
} norm_job;

static int64_t length_of(const norm_job *job, int64_t run) {
  return tr_cpu_smaller(job->run, job->pixels - run * job->run);
}

/* Channels of as many pixels each, put together. */
static moments together(int64_t channels, int64_t pixels, const double *mean, const double *squares) {
  moments m = {0};
  for (int64_t c = 0; c < channels; c++) m.mean += mean[c];
  m.mean /= (double)channels;
  for (int64_t c = 0; c < channels; c++)
    m.squares += squares[c] + (double)pixels * (mean[c] - m.mean) * (mean[c] - m.mean);
  return m;
}

/* Run `number` of all samples' runs; room: of 2 channels. */
static void take_run(const norm_job *job, int64_t number, double *room) {
  const tr_array *x = job->args->x;
  const int64_t n = number / job->runs, run = number % job->runs, length = length_of(job, run);
  const char *from = (const char *)x->data +
                     (n * job->pixels + run * job->run) * job->channels * (int64_t)tr_dtype_size(x->dtype);
  double *squares = room + job->channels;
  job->loops->pictures->moments(length, job->channels, from, room, squares);
  for (int64_t g = 0; g < job->args->groups; g++)
    job->parts[number * job->args->groups + g] =
        together(job->wide, length, room + g * job->wide, squares + g * job->wide);
}

/* Mean and variance of a group of a sample. */
static moments whole(const norm_job *job, int64_t n, int64_t g) {
  moments all = {0};
  double count = 0;
  for (int64_t run = 0; run < job->runs; run++) {
    const moments part = job->parts[(n * job->runs + run) * job->args->groups + g];
    const double more = (double)(length_of(job, run) * job->wide), sum = count + more;
    const double apart = part.mean - all.mean;
    all.mean += apart * (more / sum);
    all.squares += part.squares + apart * apart * (count * more / sum);
    count = sum;
  }
  all.squares /= count;
  return all;
}

static void put_group(const norm_job *job, int64_t n, int64_t g) {
  const tr_nn_group_norm_args *a = job->args;
  const moments m = whole(job, n, g);
  for (int64_t c = g * job->wide; c < (g + 1) * job->wide; c++) {
    const double scale = tr_cpu_load(a->gamma, c) / sqrt(m.squares + a->eps);
    tr_cpu_store(a->affine, 2 * n * job->channels + c, scale);
    tr_cpu_store(a->affine, (2 * n + 1) * job->channels + c, tr_cpu_load(a->beta, c) - m.mean * scale);
  }
}

tr_status tr_cpu_group_norm(tr_ctx *ctx, const tr_nn_group_norm_args *args) {
  const int64_t *shape = args->x->shape;
  const int threads = tr_cpu_threads_for_elements(ctx, args->x->count);
  norm_job job = {.args = args,
                  .loops = tr_cpu_kernels_of(ctx, args->x->dtype),
                  .pixels = shape[1] * shape[2],
                  .channels = shape[3],
                  .wide = shape[3] / args->groups};
  job.run = RUN_NUMBERS / job.channels > 1 ? RUN_NUMBERS / job.channels : 1;
  job.runs = tr_cpu_ceil_div(job.pixels, job.run);
  const int64_t parts = shape[0] * job.runs * args->groups * (int64_t)sizeof(moments);
  const int64_t room = tr_cpu_ceil_div(2 * job.channels, 8) * 8 * (int64_t)sizeof(double);
  void *scratch;
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(threads * room + parts), &scratch));
  job.parts = (moments *)((char *)scratch + threads * room);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t r = 0; r < shape[0] * job.runs; r++)
    take_run(&job, r, (double *)((char *)scratch + omp_get_thread_num() * room));
  for (int64_t g = 0; g < shape[0] * args->groups; g++) put_group(&job, g / args->groups, g % args->groups);
  return TR_OK;
}

tr_status tr_cpu_affine(tr_ctx *ctx, const tr_nn_affine_args *args) {
  const int64_t *shape = args->x->shape, channels = shape[3], rows = shape[0] * shape[1];
  const int64_t size = (int64_t)tr_dtype_size(args->x->dtype), row = shape[2] * channels * size;
  const tr_cpu_kernels *loops = tr_cpu_kernels_of(ctx, args->x->dtype);
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, args->x->count)) schedule(static)
  for (int64_t r = 0; r < rows; r++) {
    const char *scale = (const char *)args->affine->data + 2 * (r / shape[1]) * channels * size;
    loops->pictures->affine(args->activation, shape[2], channels, scale, scale + channels * size,
                            (const char *)args->x->data + r * row, (char *)args->y->data + r * row);
  }
  return TR_OK;
}
