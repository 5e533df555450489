/* cuRAND's device header for the emulator: the toolkit's own where there is one (TR_SIMT_CURAND), else the
 * one function of it that the backend calls. */
#pragma once
#include <cuda_runtime.h>

#ifdef TR_SIMT_CURAND
#include TR_SIMT_CURAND
#else
inline uint4 curand_Philox4x32_10(uint4 c, uint2 k) {
  for (int round = 0; round < 10; round++, k.x += 0x9E3779B9u, k.y += 0xBB67AE85u) {
    const uint64_t p = (uint64_t)0xD2511F53u * c.x, q = (uint64_t)0xCD9E8D57u * c.z;
    c = {(unsigned)(q >> 32) ^ c.y ^ k.x, (unsigned)q, (unsigned)(p >> 32) ^ c.w ^ k.y, (unsigned)p};
  }
  return c;
}
#endif
