/* The loops of the network operations that are not matrix products, compiled once for every level of
 * processor (kernels.inc) and found through one table per level and element type. All of them work row by
 * row in an order that the row's length alone decides: results never depend on neighbours or alignment. */
#ifndef TR_CORE_CPU_KERNELS_H
#define TR_CORE_CPU_KERNELS_H

#include "core/cpu/nn/gemm.h"
#include "core/nn/nn.h"

/* What follows a product, on consecutive rows of one tile: y = act(product + bias) * gate + residual. */
typedef struct {
  int64_t rows, cols;
  tr_nn_activation activation;
  const void *product; /* (rows, cols) */
  int64_t product_stride;
  const void *bias;     /* (cols), the same for every row, or NULL */
  const void *gate;     /* (cols), the same for every row, or NULL */
  const void *residual; /* (rows, cols) or NULL */
  void *y;              /* (rows, cols) */
  int64_t stride;       /* of y and residual */
} tr_cpu_epilogue;

/* The numbers of a step of AdamW, the same for every element. */
typedef struct {
  double factor, beta1, beta2, eps;
  double keep;        /* of p: 1 - rate decay */
  double rate, scale; /* corrected: p -= rate m / (scale sqrt(v) + eps) */
} tr_cpu_adamw_numbers;

/* Loops over pixels, whose channels lie side by side. */
typedef struct {
  /* y = act(a x + b), a and b the same for every pixel; y may be x */
  void (*affine)(tr_nn_activation activation, int64_t pixels, int64_t channels, const void *a, const void *b,
                 const void *x, void *y);
  /* Of each channel: mean, and sum of (x - mean)^2 */
  void (*moments)(int64_t pixels, int64_t channels, const void *x, double *mean, double *squares);
  /* y = the largest or the mean of so many pixels */
  void (*pool)(tr_nn_pool pool, int64_t pixels, int64_t channels, const void *const *x, void *y);
  const struct tr_cpu_tiles *tiles; /* up to one without a kernel; NULL: none for this type */
} tr_cpu_picture_kernels;

/* Transforms of convolutions by tiles (core/cpu/kernels_winograd.inc). The elements of what is transformed
 * are as many as a tile has pixels of the input; they lie `apart` from each other, each with all channels
 * side by side. */
typedef struct tr_cpu_tiles {
  int kernel[2], pixels[2]; /* rows and columns of the kernel, and of a tile of the result */
  /* Of the `width` outputs of a channel; w: the same for the kernel's places, `place` apart */
  void (*weight)(int64_t width, int64_t place, const float *w, int64_t apart, float *u);
  /* Of the pixels of the input, whose rows are `row` apart */
  void (*input)(int64_t channels, int64_t row, const float *x, int64_t apart, float *v);
  /* Pixels of `width` outputs each, one after the other; the next row of them is `row` on */
  void (*output)(int64_t width, int64_t apart, const float *m, int64_t row, float *y);
} tr_cpu_tiles;

typedef struct tr_cpu_kernels {
  void (*gemm)(const tr_gemm_shape *shape, const void *a, const void *b, void *c);
  void (*finish)(const tr_cpu_epilogue *epilogue);
  void (*widen)(int64_t n, const void *halves, void *y); /* y = bf16 */
  /* y = norm(x) (1 + scale) + shift; norm: mean 0, variance 1 (biased, + eps) over the row */
  void (*norm_modulate)(int64_t cols, const void *x, const void *shift, const void *scale, double eps,
                        void *y);
  /* s (cols) becomes exp(scale (s - max s)); returns 1 / sum. *log_sum = log of the sum of exp(scale s),
   * which is not made where log_sum is NULL */
  double (*softmax)(int64_t cols, double scale, void *s, double *log_sum);
  void (*softmax_known)(int64_t cols, double scale, double log_sum, void *s); /* s = exp(scale s - log_sum) */
  void (*scale)(int64_t cols, double a, void *y);                             /* y = a y */
  /* out (cols, ld) with out[c * ld + r] = in[r * stride + c] */
  void (*transpose)(int64_t rows, int64_t cols, const void *in, int64_t stride, void *out, int64_t ld);
  void (*silu_sum)(int64_t cols, const void *a, const void *b, void *y); /* y = silu(a + b); b may be NULL */
  /* dv = dy act'(v) */
  void (*activation_backward)(tr_nn_activation activation, int64_t cols, const void *v, const void *dy,
                              void *dv);
  /* dx = residual + J' dy of norm_modulate at x; residual may be NULL */
  void (*norm_backward)(int64_t cols, const void *x, const void *scale, double eps, const void *dy,
                        const void *residual, void *dx);
  void (*multiply_add)(int64_t cols, const void *a, const void *b, void *y); /* y += a b */
  /* dshift += dy, dscale += dy norm(x) */
  void (*gradient_of_norm)(int64_t cols, const void *x, double eps, const void *dy, void *dshift,
                           void *dscale);
  /* y = J v of norm_modulate at x */
  void (*norm_jvp)(int64_t cols, const void *x, const void *scale, double eps, const void *v, void *y);
  double (*dot)(int64_t cols, const void *a, const void *b);
  /* ds = scale p (ds - sum) with sum = p . ds: the gradient before the softmax from that behind it, p its
   * result; also the tangent behind it from that before it, since the Jacobian is symmetric */
  void (*softmax_backward)(int64_t cols, double scale, double sum, const void *p, void *ds);
  /* Sum of r^2 with r = at[0] p + at[1] x1 + at[2] x0 in double, eight sums in turn; dp = slope r, may be p
   * or NULL */
  double (*residual)(int64_t cols, const double at[3], double slope, const void *p, const void *x1,
                     const void *x0, void *dp);
  void (*adamw)(int64_t n, const tr_cpu_adamw_numbers *step, const void *g, void *p, void *m, void *v);
  void (*average)(int64_t n, double keep, const void *p, void *average); /* = keep average + (1 - keep) p */
  const tr_cpu_picture_kernels *pictures;
} tr_cpu_kernels;

/* Products whose operands are rounded to bf16. Two neighbours in the direction of the sum are a word, the
 * first in its upper half; where the last has none, 0 stands in its place. */
typedef struct tr_cpu_halves {
  /* f32 C (m, n) = A B or += A B, column-major, A and B in words: k, lda and ldb count them. One chain of
   * multiply-adds an element, in the order of the sum. */
  void (*gemm)(const tr_gemm_shape *shape, const void *a, const void *b, void *c);
  void (*round)(int64_t n, const float *x, float *y);           /* y may be x */
  void (*pair_row)(int64_t n, const float *x, uint32_t *words); /* of x[2 i], x[2 i + 1] */
  void (*pair_rows)(int64_t n, const float *x, const float *below,
                    uint32_t *words); /* of x[i], below[i]; NULL: 0 */
} tr_cpu_halves;

const tr_cpu_halves *tr_cpu_halves_for(tr_cpu_level level);
/* The same gemm by VDPBF16PS: on processors that have it (tr_cpu_has_bf16). */
void tr_cpu_gemm_avx512bf16(const tr_gemm_shape *shape, const void *a, const void *b, void *c);

/* dtype: TR_F32 or TR_F64. */
const tr_cpu_kernels *tr_cpu_kernels_for(tr_cpu_level level, tr_dtype dtype);

#endif
