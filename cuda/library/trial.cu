#include "cuda/library/trial.h"

#include "cuda/launch.h"

enum { THREADS = 128, EACH = 64 }; /* elements of a thread, one from each block of THREADS */

/* Of an index, by the last steps of MurmurHash3. */
static __device__ __forceinline__ double number(int64_t i) {
  unsigned long long h = (unsigned long long)i + 0x9e3779b97f4a7c15ull;
  h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
  h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
  h ^= h >> 33;
  return (double)(h >> 11) * 0x1p-52 - 1;
}

template <class T> static __global__ __launch_bounds__(THREADS) void fill(tr_cuda_trial_matrix m) {
  const int64_t first = (int64_t)blockIdx.x * THREADS * EACH + threadIdx.x, n = m.cols * m.ld;
  for (int64_t i = first; i < n && i < first + THREADS * EACH; i += THREADS) {
    const int64_t k = m.across ? i / m.ld : i % m.ld, other = m.across ? i % m.ld : i / m.ld,
                  back = m.k - 1 - k;
    const double v = number(other * m.k + (k < back ? k : back));
    tr_store((T *)m.to + i, (typename tr_number<T>::type)(!m.opposite || k < back ? v : k > back ? -v : 0));
  }
}

/* One block: it ends with the only write. */
static __global__ __launch_bounds__(1024) void compare(int64_t n, const unsigned short *a,
                                                       const unsigned short *b, int *differs) {
  __shared__ int part[32];
  int found = 0;
  for (int64_t i = threadIdx.x; i < n; i += 1024) found |= a[i] != b[i];
  found = tr_block_sum(found, part);
  if (threadIdx.x == 0) *differs = found != 0;
}

template <class T> static tr_status run(tr_ctx *ctx, const tr_cuda_trial_matrix *m) {
  return tr_cuda_launch(ctx, "a trial of a product", m->ld, m->cols, fill<T>,
                        tr_cuda_blocks(m->cols * m->ld, THREADS * EACH), THREADS, 0, *m);
}

tr_status tr_cuda_trial_fill(tr_ctx *ctx, const tr_cuda_trial_matrix *m) {
  if (m->type == TR_F64) return run<double>(ctx, m);
  return m->type == TR_BF16 ? run<__nv_bfloat16>(ctx, m) : run<float>(ctx, m);
}

tr_status tr_cuda_trial_compare(tr_ctx *ctx, int64_t n, const void *a, const void *b, void *differs) {
  return tr_cuda_launch(ctx, "a trial of a product", n, 1, compare, 1, 1024, 0, n, (const unsigned short *)a,
                        (const unsigned short *)b, (int *)differs);
}
