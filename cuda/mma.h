/* Tensor cores (mma.sync and ldmatrix, sm_80 and later). All 32 lanes of a warp call together.
 *
 * Fragments (PTX ISA, "Matrix Fragments for mma.m16n8k16 / .m16n8k8"), for lane l, with g = l / 4 and
 * t = l % 4; a register of bf16 holds two neighbours in k, the lower one in the lower half:
 *   C, D (16 x 8, f32)   c[0], c[1]: row g,     columns 2 t, 2 t + 1
 *                        c[2], c[3]: row g + 8, the same columns
 *   A (16 x 16, bf16)    a[0]: row g, k = 2 t, 2 t + 1   a[1]: row g + 8, the same k
 *                        a[2]: row g, k + 8              a[3]: row g + 8, k + 8
 *   B (16 x 8, bf16)     b[0]: k = 2 t, 2 t + 1, column g    b[1]: k + 8
 *   A (16 x 8, bf16)     a[0]: row g, k = 2 t, 2 t + 1   a[1]: row g + 8
 *   B (8 x 8, bf16)      b: k = 2 t, 2 t + 1, column g
 * ldmatrix loads matrices of 8 x 8 bf16 from shared memory: lanes 8 i .. 8 i + 7 give the addresses of the
 * rows of matrix i, each 16 bytes, aligned to that. Register i of lane l is row g, columns 2 t and 2 t + 1 of
 * matrix i; turned (.trans): column g, rows 2 t and 2 t + 1. */
#ifndef TR_CUDA_MMA_H
#define TR_CUDA_MMA_H

#include <cuda_bf16.h>

#ifdef TR_SIMT
#include <simt_mma.h>
#else

/* c += A B */
static __device__ __forceinline__ void mma_16x8x16(float c[4], const unsigned a[4], unsigned b0,
                                                   unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
               "{%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
static __device__ __forceinline__ void mma_16x8x8(float c[4], const unsigned a[2], unsigned b0) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
}

#define TR_LDMATRIX(name, x, turned, registers, address, ...)                                                \
  static __device__ __forceinline__ void name(unsigned *r, const void *row) {                                \
    asm volatile("ldmatrix.sync.aligned.m8n8." x turned ".shared.b16 {" registers "}, [" address "];"        \
                 : __VA_ARGS__                                                                               \
                 : "r"((unsigned)__cvta_generic_to_shared(row))                                              \
                 : "memory");                                                                                \
  }
TR_LDMATRIX(load_matrix_x2, "x2", "", "%0,%1", "%2", "=r"(r[0]), "=r"(r[1]))
TR_LDMATRIX(load_matrix_x4, "x4", "", "%0,%1,%2,%3", "%4", "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]))
TR_LDMATRIX(load_turned_x2, "x2", ".trans", "%0,%1", "%2", "=r"(r[0]), "=r"(r[1]))
TR_LDMATRIX(load_turned_x4, "x4", ".trans", "%0,%1,%2,%3", "%4", "=r"(r[0]), "=r"(r[1]), "=r"(r[2]),
            "=r"(r[3]))
#undef TR_LDMATRIX

#endif

/* Two numbers as a register of bf16, each rounded to nearest even. */
static __device__ __forceinline__ unsigned pack2(float low, float high) {
  const __nv_bfloat162 v = __floats2bfloat162_rn(low, high);
  unsigned u;
  memcpy(&u, &v, sizeof u);
  return u;
}

#endif
