/* Tensor core pieces (sm_80 and later), the one place with PTX; simt/mma.h is its stand-in. Lane l
 * holds of A (16 x 16): rows l/4 and l/4 + 8, columns 2 (l%4) + {0, 1} and + 8; of B (16 x 8): rows
 * 2 (l%4) + {0, 1} and + 8, column l/4; of C (16 x 8): rows l/4 and l/4 + 8, columns 2 (l%4) + {0, 1}. */
#pragma once
#include <cuda_bf16.h>
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
/* B fragments of a 16 x 8 part of a row-major matrix in shared memory: lane l < 16 gives the address of row
 * l. */
static __device__ __forceinline__ void load_b_turned(unsigned b[2], const void *row) {
  unsigned address = (unsigned)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(b[0]), "=r"(b[1])
               : "r"(address)
               : "memory");
}
static __device__ __forceinline__ unsigned pack2(float low, float high) {
  __nv_bfloat162 v = __floats2bfloat162_rn(low, high);
  unsigned u;
  memcpy(&u, &v, sizeof u);
  return u;
}
