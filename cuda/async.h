/* Copies from device memory to shared memory that go on while the thread computes (cp.async, PTX
 * ISA 9.7.9.25, sm_80 and later). A thread copies, closes a group, copies more, closes the next, and so on,
 * and waits for groups. It then sees its own copies; a barrier of the block behind the wait shows those of
 * the others. Until then neither end may be touched. Both ends are aligned to BYTES: 4, 8 or 16. */
#ifndef TR_CUDA_ASYNC_H
#define TR_CUDA_ASYNC_H

#ifdef TR_SIMT
#include <simt_async.h>
#else

/* Where `there` is false: zeros, and nothing is read. 16 bytes pass by the first cache, since nothing is read
 * twice. */
template <int BYTES>
static __device__ __forceinline__ void tr_copy_async_or_zero(void *shared, const void *global, bool there) {
  static_assert(BYTES == 4 || BYTES == 8 || BYTES == 16, "copies are of 4, 8 or 16 bytes");
  const unsigned to = (unsigned)__cvta_generic_to_shared(shared), bytes = there ? BYTES : 0;
  if (BYTES == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(BYTES),
                 "r"(bytes)
                 : "memory");
}

/* Closes the group of the copies since the last one; it may be empty. */
static __device__ __forceinline__ void tr_copy_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Waits until all groups of this thread but the NEWEST closed last are there. */
template <int NEWEST> static __device__ __forceinline__ void tr_copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(NEWEST) : "memory");
}

#endif
#endif
