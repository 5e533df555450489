/* Latents to tokens and back: a thread an element of what is written, in its order. */
#include "cuda/launch.h"

/* Token t of a sample covers rows t / wide * p + i and columns t % wide * p + j of the latents. JOINED: its
 * elements are (i, j, channel), maybe of more channels than the latents; else (channel, i, j). */
struct patch_grid {
  unsigned channels, height, width, patch, wide, token; /* elements of a token */
  int64_t samples, latents, tokens;                     /* elements of a sample, as latents and as tokens */
};

static patch_grid grid_of(const tr_array *latents, int patch, const tr_array *tokens) {
  const int64_t *s = latents->shape;
  const int64_t n = s[0];
  return {(unsigned)s[1],
          (unsigned)s[2],
          (unsigned)s[3],
          (unsigned)patch,
          (unsigned)(s[3] / patch),
          (unsigned)tokens->shape[1],
          n,
          n ? latents->count / n : 0,
          n ? tokens->count / n : 0};
}

/* Where element `at` of a sample's tokens lies in its latents; below 0: nowhere, the channel is dropped. */
template <bool JOINED> static __device__ __forceinline__ int64_t latent_of(const patch_grid &g, unsigned at) {
  const unsigned token = at / g.token, k = at % g.token, p = g.patch, out = g.token / (p * p);
  const unsigned c = JOINED ? k % out : k / (p * p), ij = JOINED ? k / out : k % (p * p);
  if (JOINED && c >= g.channels) return -1;
  const unsigned y = token / g.wide * p + ij / p, x = token % g.wide * p + ij % p;
  return ((int64_t)c * g.height + y) * g.width + x;
}

/* Where element `at` of a sample's latents lies in its tokens. */
template <bool JOINED> static __device__ __forceinline__ int64_t token_of(const patch_grid &g, unsigned at) {
  const unsigned x = at % g.width, y = at / g.width % g.height, c = at / g.width / g.height, p = g.patch;
  const unsigned token = y / p * g.wide + x / p, ij = y % p * p + x % p, out = g.token / (p * p);
  return (int64_t)token * g.token + (JOINED ? ij * out + c : c * p * p + ij);
}

template <class T, bool JOINED>
static __global__ __launch_bounds__(256) void to_tokens(patch_grid g, tr_moving<const T> latents, T *tokens) {
  const unsigned at = blockIdx.x * 256 + threadIdx.x;
  if (at >= g.tokens) return;
  const int64_t from = latent_of<JOINED>(g, at);
  const T *in = latents.get();
  for (int64_t n = blockIdx.y; n < g.samples; n += gridDim.y)
    tokens[n * g.tokens + at] = from < 0 ? T(0) : in[n * g.latents + from];
}

template <class T, bool JOINED>
static __global__ __launch_bounds__(256) void to_latents(patch_grid g, const T *tokens,
                                                         tr_moving<T> latents) {
  const unsigned at = blockIdx.x * 256 + threadIdx.x;
  if (at >= g.latents) return;
  const int64_t from = token_of<JOINED>(g, at);
  T *out = latents.get();
  for (int64_t n = blockIdx.y; n < g.samples; n += gridDim.y)
    out[n * g.latents + at] = tokens[n * g.tokens + from];
}

static tr_status check_size(tr_ctx *ctx, const patch_grid &g) {
  const int64_t most = (int64_t)1 << 31, size = g.latents > g.tokens ? g.latents : g.tokens;
  return size < most ? TR_OK
                     : TR_FAIL(ctx, TR_E_UNSUPPORTED,
                               "a sample of %lld elements in patches: a device takes fewer than 2^31",
                               (long long)size);
}

template <class T, bool JOINED>
static tr_status run(tr_ctx *ctx, const char *op, const tr_array *latents, int patch, const tr_array *tokens,
                     bool back) {
  const patch_grid g = grid_of(latents, patch, tokens);
  if (latents->count == 0) return TR_OK;
  TR_TRY(check_size(ctx, g));
  const unsigned samples = g.samples < 65535 ? (unsigned)g.samples : 65535;
  const dim3 grid(tr_cuda_blocks(back ? g.latents : g.tokens, 256), samples);
  if (back)
    return tr_cuda_launch(ctx, op, g.samples, g.latents, to_latents<T, JOINED>, grid, 256, 0, g,
                          (const T *)tokens->data, tr_cuda_moving<T>(ctx, latents->data));
  return tr_cuda_launch(ctx, op, g.samples, g.tokens, to_tokens<T, JOINED>, grid, 256, 0, g,
                        tr_cuda_moving<const T>(ctx, latents->data), (T *)tokens->data);
}

template <bool JOINED>
static tr_status move(tr_ctx *ctx, const char *op, const tr_array *latents, int patch, const tr_array *tokens,
                      bool back) {
  return latents->dtype == TR_F64 ? run<double, JOINED>(ctx, op, latents, patch, tokens, back)
                                  : run<float, JOINED>(ctx, op, latents, patch, tokens, back);
}

tr_status tr_cuda_patchify(tr_ctx *ctx, const tr_nn_patchify_args *a) {
  return move<false>(ctx, "cutting into patches", a->latents, a->patch, a->tokens, false);
}
tr_status tr_cuda_patchify_adjoint(tr_ctx *ctx, const tr_nn_patchify_adjoint_args *a) {
  return move<false>(ctx, "the adjoint of cutting into patches", a->latents, a->patch, a->tokens, true);
}
tr_status tr_cuda_unpatchify(tr_ctx *ctx, const tr_nn_unpatchify_args *a) {
  return move<true>(ctx, "joining patches", a->latents, a->patch, a->tokens, true);
}
tr_status tr_cuda_unpatchify_adjoint(tr_ctx *ctx, const tr_nn_unpatchify_adjoint_args *a) {
  return move<true>(ctx, "the adjoint of joining patches", a->latents, a->patch, a->tokens, false);
}
