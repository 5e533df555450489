/* Activations and gates, the same wherever they are applied. What could be contracted is written as what it
 * is, so that every kernel gives the same bits. No fast-math: exp is the accurate one. */
#ifndef TR_CUDA_NN_ACTIVATION_CUH
#define TR_CUDA_NN_ACTIVATION_CUH

#include "cuda/launch.h"

static __device__ __forceinline__ float tr_exp(float v) {
  return expf(v);
}
static __device__ __forceinline__ double tr_exp(double v) {
  return exp(v);
}
static __device__ __forceinline__ float tr_fma(float a, float b, float c) {
  return fmaf(a, b, c);
}
static __device__ __forceinline__ double tr_fma(double a, double b, double c) {
  return fma(a, b, c);
}

template <class N> static __device__ __forceinline__ N tr_silu(N v) {
  return v / (1 + tr_exp(-v));
}

/* 0.5 (1 + tanh u) = 1 / (1 + exp(-2 u)); minus 2 u of v, u = sqrt(2 / pi) (v + 0.044715 v^3) */
template <class N> static __device__ __forceinline__ N tr_gelu_exponent(N v) {
  const N twice_root = (N)1.5957691216057308; /* 2 sqrt(2 / pi) */
  const N square = v * v;
  return v * tr_fma(-twice_root * (N)0.044715, square, -twice_root);
}

template <class N> static __device__ __forceinline__ N tr_gelu(N v) {
  return v / (1 + tr_exp(tr_gelu_exponent(v)));
}

template <class N> static __device__ __forceinline__ N tr_activated(tr_nn_activation activation, N v) {
  if (activation == TR_NN_RELU) return v < 0 ? (N)0 : v;
  return activation == TR_NN_SILU ? tr_silu(v) : activation == TR_NN_GELU_TANH ? tr_gelu(v) : v;
}

/* (v s)' with s = 1 / (1 + exp(-u)): s + v s (1 - s) u' */
template <class N> static __device__ __forceinline__ N tr_slope(tr_nn_activation activation, N v) {
  if (activation == TR_NN_IDENTITY) return 1;
  if (activation == TR_NN_RELU) return v > 0 ? 1 : 0;
  const bool gelu = activation == TR_NN_GELU_TANH;
  const N twice_root = (N)1.5957691216057308;
  const N s = 1 / (1 + tr_exp(gelu ? tr_gelu_exponent(v) : -v));
  const N square = v * v;
  const N inner = gelu ? tr_fma(3 * twice_root * (N)0.044715, square, twice_root) : 1;
  /* Where 1 - s is 0, the slope of u may be infinite. */
  const N rest = 1 - s, part = v * s * rest;
  return part == 0 ? s : tr_fma(part, inner, s);
}

/* v gate + residual, v the product with its bias; those that are not there are not looked at. */
template <class N>
static __device__ __forceinline__ void tr_gated(N v[4], bool gated, const N gate[4], bool added,
                                                const N residual[4]) {
  for (int i = 0; i < 4; i++) {
    if (gated && added)
      v[i] = tr_fma(v[i], gate[i], residual[i]);
    else if (gated)
      v[i] *= gate[i];
    else if (added)
      v[i] += residual[i];
  }
}

#endif
