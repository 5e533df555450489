/* The operations of training on the CPU: rows with numbers of their own, and the step of the optimiser chunk
 * by chunk, each chunk read and written once while it is in cache. */
#include <math.h>

#include "core/cpu/cpu.h"
#include "core/cpu/kernels.h"

#define CHUNK      4096
#define ADAMW_COST 8 /* an element costs as much as so many of a linear combination */

static const double *numbers(const tr_array *at, int64_t row) {
  return (const double *)at->data + row * at->shape[1];
}

static int64_t row_of(const tr_array *x) {
  return x->shape[0] ? x->count / x->shape[0] : 0;
}

static char *element(const tr_array *x, int64_t i) {
  return (char *)x->data + i * (int64_t)tr_dtype_size(x->dtype);
}

tr_status tr_cpu_interpolate(tr_ctx *ctx, const tr_nn_interpolate_args *a) {
  const int64_t row = row_of(a->x);
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, a->x->count)) schedule(static)
  for (int64_t r = 0; r < a->x->shape[0]; r++) {
    const void *const terms[] = {a->x1->data, a->x0->data};
    tr_chunk_lincomb(a->x->dtype, 2, numbers(a->at, r), terms, a->x->data, r * row, (r + 1) * row);
  }
  return TR_OK;
}

tr_status tr_cpu_loss(tr_ctx *ctx, const tr_nn_loss_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->p->dtype);
  const int64_t row = row_of(a->p);
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, 4 * a->p->count)) schedule(static)
  for (int64_t r = 0; r < a->p->shape[0]; r++) {
    const double *at = numbers(a->at, r);
    const int64_t from = r * row;
    const double slope = 2 * a->factor * at[3] * at[0] / (double)row;
    const double squares = kernels->residual(row, at, slope, element(a->p, from), element(a->x1, from),
                                             element(a->x0, from), a->dp ? element(a->dp, from) : NULL);
    ((double *)a->loss->data)[r] = at[3] * squares / (double)row;
  }
  return TR_OK;
}

tr_status tr_cpu_adamw(tr_ctx *ctx, const tr_nn_adamw_args *a) {
  const tr_cpu_kernels *kernels = tr_cpu_kernels_of(ctx, a->p->dtype);
  const tr_cpu_adamw_numbers step = {.factor = a->factor,
                                     .beta1 = a->beta1,
                                     .beta2 = a->beta2,
                                     .eps = a->eps,
                                     .keep = 1 - a->rate * a->decay,
                                     .rate = a->rate / (1 - pow(a->beta1, (double)a->step)),
                                     .scale = 1 / sqrt(1 - pow(a->beta2, (double)a->step))};
#pragma omp parallel for num_threads(tr_cpu_threads_for_elements(ctx, ADAMW_COST * a->p->count))             \
    schedule(static)
  for (int64_t from = 0; from < a->p->count; from += CHUNK) {
    const int64_t n = tr_cpu_smaller(CHUNK, a->p->count - from);
    kernels->adamw(n, &step, element(a->g, from), element(a->p, from), element(a->m, from),
                   element(a->v, from));
    for (int i = 0; i < TR_NN_AVERAGES; i++)
      if (a->average[i]) kernels->average(n, a->keep[i], element(a->p, from), element(a->average[i], from));
  }
  return TR_OK;
}
