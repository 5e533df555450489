/* Pooling on the processor, pixel by pixel. */
#include <omp.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

/* The pixels that the window at row i and column j of the result has in the picture of sample n. */
static int64_t pixels_of(const tr_nn_pool2d_args *a, int64_t n, int64_t i, int64_t j, const void **pixels) {
  const tr_nn_window *w = &a->window;
  const int64_t *in = a->x->shape, pixel = in[3] * (int64_t)tr_dtype_size(a->x->dtype);
  int64_t count = 0;
  for (int64_t k = 0; k < w->size[0]; k++)
    for (int64_t l = 0; l < w->size[1]; l++) {
      const int64_t row = i * w->stride + k - w->before[0], column = j * w->stride + l - w->before[1];
      if (row < 0 || column < 0 || row >= in[1] || column >= in[2]) continue;
      pixels[count++] = (const char *)a->x->data + ((n * in[1] + row) * in[2] + column) * pixel;
    }
  return count;
}

tr_status tr_cpu_pool2d(tr_ctx *ctx, const tr_nn_pool2d_args *args) {
  const int64_t *out = args->y->shape, channels = args->x->shape[3];
  const int64_t size = (int64_t)tr_dtype_size(args->y->dtype);
  const int64_t places = (int64_t)args->window.size[0] * args->window.size[1];
  const int threads = tr_cpu_threads_for_elements(ctx, args->y->count * places);
  const tr_cpu_kernels *loops = tr_cpu_kernels_of(ctx, args->y->dtype);
  void *scratch;
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(threads * places) * sizeof(void *), &scratch));
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t r = 0; r < out[0] * out[1]; r++) {
    const void **pixels = (const void **)scratch + omp_get_thread_num() * places;
    for (int64_t j = 0; j < out[2]; j++) {
      const int64_t count = pixels_of(args, r / out[1], r % out[1], j, pixels);
      loops->pictures->pool(args->pool, count, channels, pixels,
                            (char *)args->y->data + ((r * out[2] + j) * out[3] + args->first) * size);
    }
  }
  return TR_OK;
}
