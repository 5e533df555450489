/* Pictures as kernels take them: a matrix with a row for each pixel. */
#ifndef TR_CUDA_NN_PICTURES_PICTURES_CUH
#define TR_CUDA_NN_PICTURES_PICTURES_CUH

#include "cuda/nn/quads.cuh"

/* Channels first .. first + channels - 1 of a picture, which may be NULL. */
template <class N> static tr_matrix<N> tr_pixels_of(const tr_array *a, int64_t first, int64_t channels) {
  if (!a) return tr_matrix_of<N>(NULL);
  tr_array rows = *a;
  rows.ndim = 2, rows.shape[0] = a->shape[0] * a->shape[1] * a->shape[2], rows.shape[1] = a->shape[3];
  return tr_matrix_of<N>(&rows, first, channels);
}
template <class N> static tr_matrix<N> tr_pixels_of(const tr_array *a) {
  return tr_pixels_of<N>(a, 0, a->shape[3]);
}

/* The a of sample n in row 2 n, its b in the next; it may be NULL. */
template <class N> static tr_matrix<N> tr_affine_of(const tr_array *affine) {
  if (!affine) return tr_matrix_of<N>(NULL);
  tr_array rows = *affine;
  rows.ndim = 2, rows.shape[0] = 2 * affine->shape[0], rows.shape[1] = affine->shape[2];
  return tr_matrix_of<N>(&rows);
}

/* A pixel of a picture of height x width. */
struct tr_picture {
  int64_t pixels; /* of a picture */
  int height, width;
};
struct tr_pixel {
  int64_t n;
  int i, j;
};
static inline tr_picture tr_picture_of(const tr_array *a) {
  return {a->shape[1] * a->shape[2], (int)a->shape[1], (int)a->shape[2]};
}
static __device__ __forceinline__ tr_pixel tr_pixel_of(const tr_picture &p, int64_t row) {
  const int64_t n = row / p.pixels;
  const unsigned at = (unsigned)(row - n * p.pixels);
  return {n, (int)(at / p.width), (int)(at % p.width)};
}

#endif
