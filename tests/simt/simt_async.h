/* The stand-in behind cuda/async.h: a copy is made when the thread waits for it, no sooner. Until then its
 * destination is NaN, and what lies at its source by then is what is copied. */
#pragma once
#include <cuda_runtime.h>

namespace simt {
void copy_async(void *shared, const void *global, int bytes, bool there);
void copy_commit();
void copy_wait(int newest);
} // namespace simt

template <int BYTES> inline void tr_copy_async_or_zero(void *shared, const void *global, bool there) {
  static_assert(BYTES == 4 || BYTES == 8 || BYTES == 16, "copies are of 4, 8 or 16 bytes");
  simt::copy_async(shared, global, BYTES, there);
}
inline void tr_copy_commit() {
  simt::copy_commit();
}
template <int NEWEST> inline void tr_copy_wait() {
  simt::copy_wait(NEWEST);
}
