#include "tests/support/problems/matrices.h"

#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"

tr_array *tensor(tr_ctx *ctx, tr_dtype dtype, int ndim, const int64_t *shape, uint32_t number) {
  tr_array *a;
  tr_random_address address = {.seed = 11, .purpose = TR_RANDOM_TEST, .step = number};
  CHECK_OK(ctx, tr_array_create(ctx, dtype, ndim, shape, &a));
  CHECK_OK(ctx, tr_randn(&address, a));
  return a;
}

tr_array *matrix(tr_ctx *ctx, tr_dtype dtype, int64_t rows, int64_t cols, uint32_t number) {
  return tensor(ctx, dtype, 2, (int64_t[]){rows, cols}, number);
}

double *values(const tr_array *a) {
  double *host = malloc((size_t)a->count * sizeof *host);
  CHECK_OK(a->ctx, tr_array_get_f64(a, host));
  return host;
}

tr_array *labels_of(tr_ctx *ctx, int64_t n, const int32_t *labels) {
  tr_array *a;
  CHECK_OK(ctx, tr_array_create(ctx, TR_I32, 1, &n, &a));
  CHECK_OK(ctx, tr_array_upload(a, labels));
  return a;
}

static tr_nn_weight *made(const tr_array *values, tr_dtype storage, int64_t taps) {
  const tr_nn_weight_spec spec = {.out = values->shape[0],
                                  .in = values->shape[1],
                                  .storage = storage,
                                  .compute = values->dtype,
                                  .taps = taps};
  tr_nn_weight *weight;
  CHECK_OK(values->ctx, tr_nn_weight_create(values->ctx, &spec, &weight));
  CHECK_OK(values->ctx, tr_nn_weight_set(weight, values));
  return weight;
}

tr_nn_weight *weight_of(const tr_array *w, tr_dtype storage) {
  return made(w, storage, 0);
}

tr_nn_weight *kernel_of(const tr_array *kernel, int64_t taps) {
  return made(kernel, kernel->dtype, taps);
}
