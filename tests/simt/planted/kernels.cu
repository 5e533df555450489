/* Kernels without mistakes, and what asks for them, for planted.sh to plant mistakes in. A comment at the end
 * of a line names it for the script. */
#include "cuda/async.h"
#include "cuda/mma.h"
#include "tests/simt/hooks.h"

#include <vector>

#define EXPECT(what)                                                                                         \
  if (!(what)) fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what), wrong = 1
static int wrong;

template <class T> static T *on_device(std::vector<T> v) {
  void *p = nullptr;
  EXPECT(cudaMalloc(&p, v.size() * sizeof(T)) == cudaSuccess);
  EXPECT(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess);
  return (T *)p;
}
template <class T> static std::vector<T> to_host(T *p, size_t n) {
  std::vector<T> v(n);
  EXPECT(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
  return v;
}
template <class... P, class... A>
static void launch(void (*kernel)(P...), unsigned grid, unsigned block, size_t shared, A... args) {
  cudaLaunchConfig_t c = {};
  c.gridDim = grid, c.blockDim = block, c.dynamicSmemBytes = shared;
  EXPECT(cudaLaunchKernelEx(&c, kernel, static_cast<P>(args)...) == cudaSuccess);
}

/* ---- a sum: the last block adds what the others found ---- */

static __device__ double warp_sum(double v) {
  for (int d = 16; d; d /= 2) v += __shfl_xor_sync(~0u, v, d);
  return v;
}
static __global__ void sum(const float *x, int n, double *part, unsigned *done, double *out) {
  __shared__ double of_warp[32];
  __shared__ unsigned ticket;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32,
            i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  double v = warp_sum(i < n ? x[i] : 0.0);                         // bound
  if (lane == 0) of_warp[warp] = v;                                // warps
  __syncthreads();                                                 // parts
  v = warp_sum(lane < (int)blockDim.x / 32 ? of_warp[lane] : 0.0); // unwritten
  if (threadIdx.x == 0) {
    part[blockIdx.x] = v;
    __threadfence();              // fence
    ticket = atomicAdd(done, 1u); // atomic
  }
  __syncthreads(); // ticket
  if (ticket != gridDim.x - 1) return;
  double all = 0;
  for (unsigned b = 0; b < gridDim.x; b++) all += __ldcg(part + b); // blocks
  if (threadIdx.x == 0) *out = all;
}

static void run_sum(void) {
  float *x = on_device(std::vector<float>(500, 2));
  double *part = on_device(std::vector<double>(4)), *out = on_device(std::vector<double>(1));
  unsigned *done = on_device(std::vector<unsigned>(1));
  launch(sum, 4, 128, 0, x, 500, part, done, out);
  EXPECT(to_host(out, 1)[0] == 1000);
}

/* ---- products of rows, a tile of the others at a time ---- */

enum { ROWS = 8, TILE = 8, WIDE = 16 };
static __global__ void scores(const float *q, const float *k, int keys, float *y) {
  TR_DYNAMIC_SHARED(float, tile);
  float *p = tile + TILE * WIDE;
  const int t = threadIdx.x, row = t / TILE, col = t % TILE;
  float best = 0;
  for (int from = 0; from < keys; from += TILE) {
    __syncthreads(); // overwritten
    for (int i = t; i < TILE * WIDE; i += blockDim.x)
      tile[i] = from + i / WIDE < keys ? k[from * WIDE + i] : 0; // tokens
    __syncthreads();
    float s = 0;
    for (int c = 0; c < WIDE; c++) s += q[row * WIDE + c] * tile[col * WIDE + c];
    p[row * TILE + col] = s;
    __syncwarp(); // warp
    for (int c = 0; c < TILE; c++) best = fmaxf(best, p[row * TILE + c]);
    __syncwarp();
  }
  if (col == 0) y[row] = best;
}

static void run_scores(void) {
  std::vector<float> q(ROWS * WIDE, 1), k(20 * WIDE, 0.5);
  k[19 * WIDE] = 3;
  float *y = on_device(std::vector<float>(ROWS));
  launch(scores, 1, ROWS * TILE, sizeof(float) * (TILE * WIDE + ROWS * TILE), on_device(q), on_device(k), 20,
         y);
  EXPECT(to_host(y, ROWS)[7] == 10.5);
}

/* ---- two tiles on their way ---- */

static __global__ void pipeline(const float *x, int tiles, float *y) {
  __shared__ __align__(16) float tile[2][128];
  const int t = threadIdx.x;
  float v = 0;
  tr_copy_async_or_zero<16>(&tile[0][t * 4], x + t * 4, true); // first
  tr_copy_commit();
  for (int i = 0; i < tiles; i++) {
    tr_copy_async_or_zero<16>(&tile[(i + 1) % 2][t * 4], x + (i + 1) * 128 + t * 4, i + 1 < tiles);
    tr_copy_commit();
    tr_copy_wait<1>(); // wait
    __syncthreads();   // arrived
    v += tile[i % 2][127 - t];
    __syncthreads(); // used
  }
  y[t] = v;
}

static void run_pipeline(void) {
  float *y = on_device(std::vector<float>(32));
  launch(pipeline, 1, 32, 0, on_device(std::vector<float>(5 * 128, 1)), 5, y);
  EXPECT(to_host(y, 32)[3] == 5);
}

/* ---- two matrices, turned ---- */

static __global__ void turn(const unsigned short *x, unsigned short *y) {
  __shared__ __align__(16) unsigned short rows[128];
  const int l = threadIdx.x, g = l / 4, t = l % 4;
  unsigned pairs[2];
  for (int i = l; i < 128; i += 32) rows[i] = x[i];
  __syncwarp();                             // rows
  load_turned_x2(pairs, rows + l % 16 * 8); // matrix
  for (int i = 0; i < 2; i++) {
    y[i * 64 + g * 8 + 2 * t] = (unsigned short)pairs[i];
    y[i * 64 + g * 8 + 2 * t + 1] = (unsigned short)(pairs[i] >> 16);
  }
}

static void run_turn(void) {
  std::vector<unsigned short> x(128);
  for (size_t i = 0; i < 128; i++) x[i] = (unsigned short)i;
  unsigned short *y = on_device(std::vector<unsigned short>(128));
  launch(turn, 1, 32, 0, on_device(x), y);
  EXPECT(to_host(y, 128)[64 + 8 + 2] == 64 + 17);
}

/* ---- a neighbour's number, four at a time ---- */

static __global__ void shift(const float *x, float *y) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x), n = (int)(gridDim.x * blockDim.x);
  const float4 v = *(const float4 *)(x + (i + 32) % n * 4); // vector
  *(float4 *)(y + i * 4) = make_float4(v.x, v.y, v.z, v.w + 1);
}

static void run_shift(void) {
  float *x = on_device(std::vector<float>(256 + 4, 1)), *y = on_device(std::vector<float>(256 + 4, 0)), *host;
  EXPECT(cudaHostAlloc((void **)&host, 1024, cudaHostAllocMapped) == cudaSuccess);
  launch(shift, 2, 32, 0, x, y); // in place
  EXPECT(cudaMemcpyAsync(host, y, 1024, cudaMemcpyDeviceToHost, 0) == cudaSuccess);
  EXPECT(cudaStreamSynchronize(0) == cudaSuccess); // host
  EXPECT(host[3] == 2);
}

int main() {
  run_sum();
  run_scores();
  run_pipeline();
  run_turn();
  run_shift();
  return wrong;
}
