/* What kernels see: indices, collectives, barriers with a vote, atomics, conversions, asynchronous copies. */
#include "cuda/async.h"
#include "tests/simt/tested.h"

#include <cuda_bf16.h>
#include <curand_philox4x32_x.h>

/* Runs a kernel of one block over n numbers, and gives them back. */
template <class T, class... P, class... A>
static std::vector<T> results(void (*kernel)(T *, P...), size_t n, dim3 block, A... args) {
  T *out = on_device(std::vector<T>(n));
  CHECK_CODE(launch(nullptr, kernel, 1, block, 4096, out, args...), cudaSuccess);
  std::vector<T> v = from_device(out, n);
  CHECK_CODE(cudaFree(out), cudaSuccess);
  return v;
}

static __global__ void indices(unsigned *out) {
  const unsigned at = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[at] = threadIdx.x + 10 * threadIdx.y + 100 * threadIdx.z;
}
static __global__ void blocks(unsigned *out) {
  const unsigned at = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  if (threadIdx.x == 0) atomicAdd(&out[at], blockIdx.x + 10 * blockIdx.y + 100 * blockIdx.z + 1);
}

/* In every order of blocks and threads each comes once. */
static void test_indices(void) {
  const std::vector<unsigned> t = results(indices, 4 * 4 * 6, dim3(4, 4, 6));
  for (unsigned i = 0; i < t.size(); i++) CHECK(t[i] == i % 4 + i / 4 % 4 * 10 + i / 16 * 100);
  for (int seed = 0; seed < 5; seed++) {
    setenv("SIMT_SEED", std::to_string(seed).c_str(), 1);
    unsigned *out = on_device(std::vector<unsigned>(3 * 5 * 2, 0));
    CHECK_CODE(launch(nullptr, blocks, dim3(3, 5, 2), 32, 0, out), cudaSuccess);
    const std::vector<unsigned> b = from_device(out, 30);
    for (unsigned i = 0; i < b.size(); i++) CHECK(b[i] == i % 3 + i / 3 % 5 * 10 + i / 15 * 100 + 1);
    CHECK_CODE(cudaFree(out), cudaSuccess);
  }
  unsetenv("SIMT_SEED");
}

enum { XOR, DOWN, UP, FROM, XOR8, DOWN8, UP8, FROM8, BEFORE8, FAR8, KINDS };
static __global__ void shuffles(double *out) {
  const int t = threadIdx.x;
  const double v = 100 + t;
  out[XOR * 32 + t] = __shfl_xor_sync(~0u, v, 5);
  out[DOWN * 32 + t] = __shfl_down_sync(~0u, v, 3);
  out[UP * 32 + t] = __shfl_up_sync(~0u, v, 3);
  out[FROM * 32 + t] = __shfl_sync(~0u, v, t + 40);
  out[XOR8 * 32 + t] = __shfl_xor_sync(~0u, v, 4, 8);
  out[DOWN8 * 32 + t] = __shfl_down_sync(~0u, v, 3, 8);
  out[UP8 * 32 + t] = __shfl_up_sync(~0u, v, 3, 8);
  out[FROM8 * 32 + t] = __shfl_sync(~0u, v, 10, 8);
  out[BEFORE8 * 32 + t] = __shfl_xor_sync(~0u, v, 12, 8);
  out[FAR8 * 32 + t] = __shfl_down_sync(~0u, v, 31, 8) + __shfl_up_sync(~0u, v, 31, 8);
}
static void test_shuffles(void) {
  const std::vector<double> v = results(shuffles, KINDS * 32, 32);
  for (int t = 0; t < 32; t++) {
    CHECK(v[XOR * 32 + t] == 100 + (t ^ 5));
    CHECK(v[DOWN * 32 + t] == 100 + (t + 3 < 32 ? t + 3 : t));
    CHECK(v[UP * 32 + t] == 100 + (t >= 3 ? t - 3 : t));
    CHECK(v[FROM * 32 + t] == 100 + (t + 8) % 32);
    CHECK(v[XOR8 * 32 + t] == 100 + (t ^ 4));
    CHECK(v[DOWN8 * 32 + t] == 100 + (t % 8 + 3 < 8 ? t + 3 : t));
    CHECK(v[UP8 * 32 + t] == 100 + (t % 8 >= 3 ? t - 3 : t));
    CHECK(v[FROM8 * 32 + t] == 100 + t / 8 * 8 + 2);
    CHECK(v[BEFORE8 * 32 + t] == 100 + (t & 8 ? t ^ 12 : t)); /* of parts before one's own, not behind */
    CHECK(v[FAR8 * 32 + t] == 2 * (100 + t));
  }
}

static __global__ void votes(int *out) {
  const int t = threadIdx.x;
  out[t] = (int)__ballot_sync(~0u, t % 3 == 0);
  out[32 + t] = __any_sync(~0u, t == 31) + 2 * __all_sync(~0u, t < 31) + 4 * __all_sync(~0u, t < 32);
  out[64 + t] = (int)__match_any_sync(~0u, t / 4);
  out[96 + t] = __reduce_add_sync(~0u, t - 20);
  out[128 + t] = __reduce_min_sync(~0u, t - 20) * 100 + __reduce_max_sync(~0u, t - 20);
  out[160 + t] = (int)__reduce_xor_sync(~0u, 1u << t % 7);
  /* halves of a warp on ways of their own */
  if (t < 16)
    out[192 + t] = __reduce_add_sync(0xffffu, t);
  else
    out[192 + t] = (int)__ballot_sync(0xffff0000u, t % 2);
}
static void test_votes(void) {
  const std::vector<int> v = results(votes, 224, 32);
  for (int t = 0; t < 32; t++) {
    CHECK(v[(size_t)t] == 0x49249249);
    CHECK(v[(size_t)t + 32] == 5);
    CHECK((unsigned)v[(size_t)t + 64] == 0xfu << t / 4 * 4);
    CHECK(v[(size_t)t + 96] == 31 * 16 - 640);
    CHECK(v[(size_t)t + 128] == -2000 + 11);
    CHECK(v[(size_t)t + 160] == 0x0f); /* 5 of bits 0 to 3, 4 of the others */
    CHECK((unsigned)v[(size_t)t + 192] == (t < 16 ? 120u : 0xaaaa0000u));
  }
}

static __global__ void counts(int *out) {
  __shared__ int sum[96];
  const int t = threadIdx.x;
  const int n = __syncthreads_count(t % 5 == 0), any = __syncthreads_or(t == 95),
            all = __syncthreads_and(t < 95);
  sum[95 - t] = n;
  __syncthreads();
  out[t] = sum[t] + 1000 * any + 10000 * all;
}
static void test_barriers(void) {
  for (int v : results(counts, 96, 96)) CHECK(v == 20 + 1000);
}

static __global__ void atomics(unsigned long long *out) {
  __shared__ int most, least, bits;
  __shared__ float sum;
  __shared__ unsigned turn;
  if (threadIdx.x == 0) most = -5, least = 5, bits = 0, sum = 0, turn = 0;
  __syncthreads();
  const int v = (int)threadIdx.x - 16;
  atomicMax(&most, v), atomicMin(&least, v), atomicOr(&bits, 1 << threadIdx.x % 8);
  atomicAdd(&sum, 0.5f), atomicInc(&turn, 4u);
  unsigned long long old = out[0], seen;
  do {
    seen = old;
    old = atomicCAS(&out[0], seen, seen + threadIdx.x);
  } while (old != seen);
  __syncthreads();
  if (threadIdx.x == 0) {
    out[1] = (unsigned long long)(most * 1000 - least), out[2] = (unsigned long long)bits;
    out[3] = (unsigned long long)sum, out[4] = turn, out[5] = atomicExch(&turn, 9u);
    out[6] = turn;
  }
}
static void test_atomics(void) {
  unsigned long long *out = on_device(std::vector<unsigned long long>(7, 0));
  CHECK_CODE(launch(nullptr, atomics, 1, 32, 0, out), cudaSuccess);
  const std::vector<unsigned long long> v = from_device(out, 7);
  const unsigned long long want[] = {496, 15016, 255, 16, 32 % 5, 32 % 5, 9};
  for (int i = 0; i < 7; i++) CHECK(v[(size_t)i] == want[i]);
  CHECK_CODE(cudaFree(out), cudaSuccess);
}

static __global__ void numbers(double *out) {
  if (threadIdx.x) return;
  double *p = out;
  *p++ = __bfloat162float(__float2bfloat16_rn(1.00390625f)); /* a tie, to even */
  *p++ = __bfloat162float(__float2bfloat16_rn(1.01171875f));
  *p++ = __bfloat162float(__float2bfloat16_rn(3.4e38f));
  *p++ = rsqrtf(16.f) + rsqrt(4.0);
  *p++ = __fmaf_rn(3.f, 5.f, -1.f) + __fma_rn(2.0, 3.0, 1.0);
  *p++ = __umulhi(0x80000000u, 6u) + __popc(0xffu) + __clz(1) + __ffs(8);
  *p++ = __uint_as_float(__float_as_uint(2.5f)) + __longlong_as_double(__double_as_longlong(0.25));
  *p++ = max(min(3, 7), -1) + fmaxf(1, 2) + min(2.5, 1.5);
  *p++ = sinpi(0.5) + cospi(1.0) + sinpi(-7.0) + cospi(0.25) - sqrt(0.5);
  const uint4 c = curand_Philox4x32_10(make_uint4(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344),
                                       make_uint2(0xa4093822, 0x299f31d0));
  *p++ = c.x, *p++ = c.y, *p++ = c.z, *p++ = c.w;
}
static void test_numbers(void) {
  const std::vector<double> v = results(numbers, 13, 32);
  /* Philox: the last known answer of Random123 (kat_vectors, philox4x32 10) */
  const double want[] = {1,   1.015625, INFINITY,   0.75,       21,         3 + 8 + 31 + 4, 2.75,
                         6.5, 0,        0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
  for (int i = 0; i < 13; i++) CHECK(v[(size_t)i] == want[i] || fabs(v[(size_t)i] - want[i]) < 1e-15);
}

/* Two tiles under way; what is read before the wait is NaN, or is what was there before. */
static __global__ void asynchronous(float *out, const float *x) {
  __shared__ __align__(16) float tile[2][128];
  const int t = threadIdx.x;
  tr_copy_async_or_zero<16>(&tile[0][t * 4], x + t * 4, true);
  tr_copy_commit();
  tr_copy_async_or_zero<16>(&tile[1][t * 4], x + 128 + t * 4, t < 16);
  tr_copy_commit();
  tr_copy_wait<1>();
  __syncthreads();
  for (int i = 0; i < 4; i++) out[i * 32 + t] = tile[0][127 - i * 32 - t];
  tr_copy_wait<0>();
  __syncthreads();
  for (int i = 0; i < 4; i++) out[128 + i * 32 + t] = tile[1][127 - i * 32 - t];
}
static __global__ void too_early(float *out, const float *x) {
  __shared__ __align__(16) float tile[128];
  tr_copy_async_or_zero<16>(&tile[threadIdx.x * 4], x + threadIdx.x * 4, true);
  tr_copy_commit();
  out[threadIdx.x] = *(volatile float *)&tile[threadIdx.x * 4];
  tr_copy_wait<0>();
}
static void test_asynchronous(void) {
  std::vector<float> x(256);
  for (size_t i = 0; i < 256; i++) x[i] = (float)i;
  float *d = on_device(x);
  const std::vector<float> v = results(asynchronous, 256, 32, d), w = results(too_early, 32, 32, d);
  for (int i = 0; i < 128; i++) CHECK(v[(size_t)i] == 127 - i);
  for (int i = 0; i < 128; i++) CHECK(v[(size_t)i + 128] == (i < 64 ? 0 : 255 - i));
  for (float early : w) CHECK(early != early);
  CHECK_CODE(cudaFree(d), cudaSuccess);
}

int main() {
  test_indices();
  test_shuffles();
  test_votes();
  test_barriers();
  test_atomics();
  test_numbers();
  test_asynchronous();
  return check_report();
}
