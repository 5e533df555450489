/* Group norms: sums of channels over chunks of a picture's pixels, then of these over the channels of a
 * group, all in double, in an order that the picture's extents decide. What is summed are differences from
 * the first number of the group, so that a variance far below the square of its mean keeps its digits. */
#include "cuda/nn/pictures/pictures.cuh"

enum { CHANNELS = 128, ROWS = 8, CHUNK_LEAST = 128, CHUNKS_MOST = 256, GROUP_THREADS = 128 };

struct groups {
  int64_t pixels, chunk, chunks, channels, wide; /* wide: channels of a group */
};

/* Sum, then sum of squares, of each channel of a chunk. */
struct moments {
  double sum, squares;
};

/* A block has 128 channels of a chunk: a warp every 8th pixel, four neighbouring channels a thread. */
template <class N>
static __global__ __launch_bounds__(32 * ROWS) void chunk_moments(groups g, tr_matrix<N> x, int64_t parts,
                                                                  moments *to) {
  __shared__ double part[2][ROWS][CHANNELS];
  const int64_t c = blockIdx.x % parts * CHANNELS + 4 * threadIdx.x, chunk = blockIdx.x / parts % g.chunks;
  const int64_t n = blockIdx.x / parts / g.chunks, first = n * g.pixels;
  const int64_t end = (chunk + 1) * g.chunk < g.pixels ? (chunk + 1) * g.chunk : g.pixels;
  double from[4] = {}, sum[4] = {}, squares[4] = {};
  N v[4];
  for (int i = 0; i < 4 && c + i < g.channels; i++) from[i] = (double)x.at(first, (c + i) / g.wide * g.wide);
  for (int64_t p = chunk * g.chunk + threadIdx.y; c < g.channels && p < end; p += ROWS) {
    x.load(first + p, c, v);
    for (int i = 0; i < 4; i++) {
      const double d = (double)v[i] - from[i];
      sum[i] += d, squares[i] = fma(d, d, squares[i]);
    }
  }
  for (int i = 0; i < 4; i++) {
    part[0][threadIdx.y][4 * threadIdx.x + i] = sum[i];
    part[1][threadIdx.y][4 * threadIdx.x + i] = squares[i];
  }
  __syncthreads();
  const int own = 32 * threadIdx.y + threadIdx.x;
  const int64_t channel = blockIdx.x % parts * CHANNELS + own;
  if (own >= CHANNELS || channel >= g.channels) return;
  moments all = {};
  for (int r = 0; r < ROWS; r++) all.sum += part[0][r][own], all.squares += part[1][r][own];
  to[(n * g.chunks + chunk) * g.channels + channel] = all;
}

/* A block has a group of a sample. */
template <class N>
static __global__ __launch_bounds__(GROUP_THREADS) void group_norm(groups g, tr_matrix<N> x,
                                                                   const moments *from, const N *gamma,
                                                                   const N *beta, double eps, N *affine) {
  __shared__ double part[2][32];
  const int64_t of_sample = g.channels / g.wide, n = blockIdx.x / of_sample,
                first = blockIdx.x % of_sample * g.wide;
  moments all = {};
  for (int64_t k = threadIdx.x; k < g.chunks * g.wide; k += GROUP_THREADS) {
    const moments m = from[(n * g.chunks + k / g.wide) * g.channels + first + k % g.wide];
    all.sum += m.sum, all.squares += m.squares;
  }
  const double count = (double)(g.pixels * g.wide);
  const double mean = tr_block_sum(all.sum, part[0]) / count;
  const double var = tr_block_sum(all.squares, part[1]) / count - mean * mean;
  const double inverse = 1 / sqrt((var < 0 ? 0 : var) + eps);
  const double shift = (double)x.at(n * g.pixels, first) + mean;
  for (int64_t c = first + threadIdx.x; c < first + g.wide; c += GROUP_THREADS) {
    const double a = (double)gamma[c] * inverse;
    affine[2 * n * g.channels + c] = (N)a;
    affine[(2 * n + 1) * g.channels + c] = (N)((double)beta[c] - shift * a);
  }
}

static groups groups_of(const tr_nn_group_norm_args *a) {
  const int64_t pixels = a->x->shape[1] * a->x->shape[2], channels = a->x->shape[3];
  const int64_t even = (pixels + CHUNKS_MOST - 1) / CHUNKS_MOST;
  const int64_t chunk = even > CHUNK_LEAST ? even : (int64_t)CHUNK_LEAST;
  return {pixels, chunk, (pixels + chunk - 1) / chunk, channels, channels / a->groups};
}

template <class N> static tr_status run(tr_ctx *ctx, const tr_nn_group_norm_args *a) {
  const groups g = groups_of(a);
  const tr_matrix<N> x = tr_pixels_of<N>(a->x);
  const int64_t samples = a->x->shape[0], rows = samples * g.pixels,
                parts = (g.channels + CHANNELS - 1) / CHANNELS;
  const char *what = "a group norm";
  void *room;
  TR_TRY(tr_cuda_scratch(ctx, (size_t)(samples * g.chunks * g.channels) * sizeof(moments), &room));
  TR_TRY(tr_cuda_launch(ctx, what, rows, g.channels, chunk_moments<N>,
                        tr_cuda_blocks(samples * g.chunks * parts, 1), dim3(32, ROWS), 0, g, x, parts,
                        (moments *)room));
  return tr_cuda_launch(ctx, what, rows, g.channels, group_norm<N>, tr_cuda_blocks(samples * a->groups, 1),
                        GROUP_THREADS, 0, g, x, (const moments *)room, (const N *)a->gamma->data,
                        (const N *)a->beta->data, a->eps, (N *)a->affine->data);
}

tr_status tr_cuda_group_norm(tr_ctx *ctx, const tr_nn_group_norm_args *a) {
  if (a->x->count == 0) return TR_OK;
  return a->x->dtype == TR_F64 ? run<double>(ctx, a) : run<float>(ctx, a);
}
