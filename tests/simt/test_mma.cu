/* Tensor core pieces against double: fragments laid out by hand, as the PTX ISA draws them, and through
 * ldmatrix. */
#include "cuda/mma.h"
#include "tests/simt/tested.h"

enum { M = 16, N = 8, K = 16 };
struct matrices {
  std::vector<float> a = std::vector<float>(M * K), b = std::vector<float>(K * N),
                     c = std::vector<float>(M * N);
};

static float rounded(float v) {
  return __bfloat162float(__float2bfloat16_rn(v));
}
static matrices noise() {
  matrices m;
  unsigned seed = 3;
  for (std::vector<float> *v : {&m.a, &m.b, &m.c})
    for (float &e : *v) seed = seed * 1664525u + 1013904223u, e = rounded((float)(int)seed / 4e9f);
  return m;
}
/* c + a b over the first `deep` of k */
static std::vector<double> product(const matrices &m, int deep) {
  std::vector<double> d(m.c.begin(), m.c.end());
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++)
      for (int k = 0; k < deep; k++) d[i * N + j] += (double)m.a[i * K + k] * m.b[k * N + j];
  return d;
}

static __device__ void store(float *out, const float c[4]) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  for (int i = 0; i < 4; i++) out[(g + i / 2 * 8) * N + t * 2 + i % 2] = c[i];
}
static __device__ void load(float c[4], const float *in) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  for (int i = 0; i < 4; i++) c[i] = in[(g + i / 2 * 8) * N + t * 2 + i % 2];
}

static __global__ void by_hand(float *out, const float *a, const float *b, const float *c0, int deep) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  float c[4];
  load(c, c0);
  const auto A = [=](int row, int k) { return pack2(a[row * K + k], a[row * K + k + 1]); };
  const auto B = [=](int k, int col) { return pack2(b[k * N + col], b[(k + 1) * N + col]); };
  if (deep == 16) {
    const unsigned r[4] = {A(g, 2 * t), A(g + 8, 2 * t), A(g, 2 * t + 8), A(g + 8, 2 * t + 8)};
    mma_16x8x16(c, r, B(2 * t, g), B(2 * t + 8, g));
  } else {
    const unsigned r[2] = {A(g, 2 * t), A(g + 8, 2 * t)};
    mma_16x8x8(c, r, B(2 * t, g));
  }
  store(out, c);
}

/* A by ldmatrix, four 8 x 8 parts; B, row-major, turned. */
static __global__ void by_ldmatrix(float *out, const float *a, const float *b, const float *c0, int) {
  __shared__ __align__(16) __nv_bfloat16 sa[M * K], sb[K * N];
  const int l = threadIdx.x;
  for (int i = l; i < M * K; i += 32) sa[i] = __float2bfloat16_rn(a[i]);
  for (int i = l; i < K * N; i += 32) sb[i] = __float2bfloat16_rn(b[i]);
  __syncwarp();
  unsigned ra[4], rb[2];
  float c[4];
  load(c, c0);
  load_matrix_x4(ra, sa + (l % 16) * K + l / 16 * 8); /* rows 0-7, 8-15, the same 8 columns on */
  load_turned_x2(rb, sb + (l % 16) * N);
  mma_16x8x16(c, ra, rb[0], rb[1]);
  store(out, c);
}

template <class... P> static void check_kernel(void (*kernel)(float *, P...), int deep, double within) {
  const matrices m = noise();
  const std::vector<double> want = product(m, deep);
  float *out = on_device(std::vector<float>(M * N)), *a = on_device(m.a), *b = on_device(m.b),
        *c = on_device(m.c);
  CHECK_CODE(launch(nullptr, kernel, 1, 32, 0, out, a, b, c, deep), cudaSuccess);
  const std::vector<float> got = from_device(out, M * N);
  for (size_t i = 0; i < got.size(); i++) CHECK_NEAR(got[i], want[i], within);
  cudaFree(out), cudaFree(a), cudaFree(b), cudaFree(c);
}

/* Each register and lane of ldmatrix, for two and four matrices, turned or not. */
static __global__ void loads(unsigned *out, int count, int turned) {
  __shared__ __align__(16) unsigned short s[4 * 64];
  const int l = threadIdx.x;
  for (int i = l; i < 256; i += 32) s[i] = (unsigned short)i;
  __syncwarp();
  unsigned r[4] = {};
  const unsigned short *row = s + (l % (8 * count)) * 8;
  if (count == 2) turned ? load_turned_x2(r, row) : load_matrix_x2(r, row);
  if (count == 4) turned ? load_turned_x4(r, row) : load_matrix_x4(r, row);
  for (int i = 0; i < count; i++) out[i * 32 + l] = r[i];
}
static void test_loads(void) {
  for (int count : {2, 4})
    for (int turned = 0; turned < 2; turned++) {
      unsigned *out = on_device(std::vector<unsigned>(128));
      CHECK_CODE(launch(nullptr, loads, 1, 32, 0, out, count, turned), cudaSuccess);
      const std::vector<unsigned> v = from_device(out, 128);
      for (int i = 0; i < count; i++)
        for (int l = 0; l < 32; l++) {
          const int row = l / 4, col = l % 4 * 2, low = turned ? col * 8 + row : row * 8 + col,
                    high = turned ? (col + 1) * 8 + row : row * 8 + col + 1;
          CHECK(v[(size_t)(i * 32 + l)] == ((unsigned)(i * 64 + low) | (unsigned)(i * 64 + high) << 16));
        }
      CHECK_CODE(cudaFree(out), cudaSuccess);
    }
}

int main() {
  check_kernel(by_hand, 16, 4e-6); /* roundings of 16 sums of up to 5 */
  check_kernel(by_hand, 8, 4e-6);
  check_kernel(by_ldmatrix, 16, 4e-6);
  test_loads();
  return check_report();
}
