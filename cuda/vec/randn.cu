/* Normals, and sums of them. */
#include "cuda/vec/normal_private.h"

enum { THREADS = 128 };

/* The address of normals, without step and purpose. */
struct place {
  uint64_t seed, sample; /* of the first row */
  int64_t rows, row;     /* of so many elements */
};

/* The pair of elements of a thread: false beyond the last. */
static __device__ bool find_pair(const place &at, int64_t *r, uint32_t *pair) {
  const int64_t pairs = (at.row + 1) / 2, k = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  *r = k / pairs;
  *pair = (uint32_t)(k % pairs);
  return k < at.rows * pairs;
}

template <class T>
static __device__ void store_pair(const place &at, int64_t r, uint32_t pair, T first, T second, T *z) {
  z += r * at.row + 2 * (int64_t)pair;
  z[0] = first;
  if (2 * (int64_t)pair + 1 < at.row) z[1] = second;
}

template <class T>
static __global__ __launch_bounds__(THREADS) void randn(place at, uint32_t purpose, uint32_t step, T *z) {
  int64_t r;
  uint32_t pair;
  double v[2];
  if (!find_pair(at, &r, &pair)) return;
  tr_normal_pair(at.seed, purpose, step, at.sample + (uint64_t)r, pair, v);
  store_pair(at, r, pair, (T)v[0], (T)v[1], z);
}

struct sums {
  uint32_t purpose[2];
  int n;
  tr_randn_term term[TR_RANDN_TERMS];
};

/* Both sums of two elements, rounded as they would be in memory. */
template <class T>
static __global__ __launch_bounds__(THREADS) void randn_sums(place at, const __grid_constant__ sums a, T *z0,
                                                             T *z1) {
  int64_t r;
  uint32_t pair;
  T sum[2][2] = {};
  if (!find_pair(at, &r, &pair)) return;
  for (int k = 0; k < a.n; k++) {
    double x[2], y[2];
    tr_normal_pair(at.seed, a.purpose[0], a.term[k].step, at.sample + (uint64_t)r, pair, x);
    tr_normal_pair(at.seed, a.purpose[1], a.term[k].step, at.sample + (uint64_t)r, pair, y);
    for (int s = 0; s < 2; s++)
      for (int e = 0; e < 2; e++) {
        const double term =
            a.term[k].factor[s][0] * (double)(T)x[e] + a.term[k].factor[s][1] * (double)(T)y[e];
        sum[s][e] = (T)(k == 0 ? term : term + (double)sum[s][e]);
      }
  }
  store_pair(at, r, pair, sum[0][0], sum[0][1], z0);
  if (z1) store_pair(at, r, pair, sum[1][0], sum[1][1], z1);
}

/* Of an array that is not empty. */
static place place_of(const tr_random_address *a, const tr_array *z) {
  const int64_t rows = z->shape[0];
  return {a->seed, a->sample, rows, z->count / rows};
}

static unsigned blocks_of(const place &at) {
  return tr_cuda_blocks(at.rows * ((at.row + 1) / 2), THREADS);
}

template <class T> static tr_status run_randn(tr_ctx *ctx, const tr_random_address *a, tr_array *z) {
  const place at = place_of(a, z);
  return tr_cuda_launch(ctx, "normals", at.rows, at.row, randn<T>, blocks_of(at), THREADS, 0, at, a->purpose,
                        a->step, (T *)z->data);
}

tr_status tr_cuda_randn(tr_ctx *ctx, const tr_random_address *a, tr_array *z) {
  if (z->count == 0) return TR_OK;
  return z->dtype == TR_F32 ? run_randn<float>(ctx, a, z) : run_randn<double>(ctx, a, z);
}

template <class T> static tr_status run_sums(tr_ctx *ctx, const tr_randn_sums_args *args) {
  const place at = place_of(&args->address, args->z[0]);
  sums a = {{args->address.purpose, args->second}, args->n, {}};
  for (int k = 0; k < args->n; k++) a.term[k] = args->term[k];
  return tr_cuda_launch(ctx, "sums of normals", at.rows, at.row, randn_sums<T>, blocks_of(at), THREADS, 0, at,
                        a, (T *)args->z[0]->data, args->z[1] ? (T *)args->z[1]->data : (T *)NULL);
}

tr_status tr_cuda_randn_sums(tr_ctx *ctx, const tr_randn_sums_args *args) {
  if (args->z[0]->count == 0) return TR_OK;
  return args->z[0]->dtype == TR_F32 ? run_sums<float>(ctx, args) : run_sums<double>(ctx, args);
}
