#include "tests/support/fma_loop.h"

#include <math.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { CHAINS = 12, ROUNDS = 200000, RUNS = 5 };

/* CHAINS chains of vectors, which are more than the multipliers have under way. Returns the lanes' sum, so
 * that nothing is left out. */
#define LOOP(name, vec, set, multiply_add)                                                                   \
  static float name(void) {                                                                                  \
    vec sum[CHAINS], a = set(0.999F), b = set(1e-3F);                                                        \
    float lane = 0;                                                                                          \
    for (int i = 0; i < CHAINS; i++) sum[i] = set((float)i);                                                 \
    for (int k = 0; k < ROUNDS; k++) {                                                                       \
      _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sum[i] = multiply_add(sum[i], a, b);         \
    }                                                                                                        \
    for (int i = 0; i < CHAINS; i++) lane += ((const float *)&sum[i])[0];                                    \
    return lane;                                                                                             \
  }

#if defined(__x86_64__)
#define SET_BASELINE(x)       _mm_set1_ps(x)
#define ADD_BASELINE(s, a, b) _mm_add_ps(_mm_mul_ps(s, a), b)
LOOP(loop_baseline, __m128, SET_BASELINE, ADD_BASELINE)
#define SET_AVX2(x)       _mm256_set1_ps(x)
#define ADD_AVX2(s, a, b) _mm256_fmadd_ps(s, a, b)
__attribute__((target("avx2,fma"))) LOOP(loop_avx2, __m256, SET_AVX2, ADD_AVX2)
#define SET_AVX512(x)       _mm512_set1_ps(x)
#define ADD_AVX512(s, a, b) _mm512_fmadd_ps(s, a, b)
    __attribute__((target("avx512f")))
    LOOP(loop_avx512, __m512, SET_AVX512,
         ADD_AVX512) static float (*const loops[])(void) = {loop_baseline, loop_avx2, loop_avx512};
#else
#define SET_ONE(x)       (x)
#define ADD_ONE(s, a, b) fmaf(s, a, b)
LOOP(loop_one, float, SET_ONE, ADD_ONE)
static float (*const loops[])(void) = {loop_one};
#endif

static const int lanes[] = {[TR_CPU_BASELINE] = 4, [TR_CPU_AVX2] = 8, [TR_CPU_AVX512] = 16};

static double thread_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double fma_loop_rate(tr_cpu_level level) {
  double best = INFINITY;
  volatile float sink;
  for (int run = 0; run < RUNS; run++) {
    double from = thread_seconds();
    sink = loops[level]();
    best = fmin(best, thread_seconds() - from);
  }
  (void)sink;
  return 2.0 * ROUNDS * CHAINS * lanes[level] / best;
}
