/* The unchecked emulator: memory without shadows. */
#include <cuda_runtime.h>
namespace simt {
void touch_atomic(void *, size_t, int) {}
void begin_block() {}
} // namespace simt
extern "C" cudaError_t cudaMalloc(void **out, size_t bytes) {
  return (*out = aligned_alloc(256, (bytes + 255) / 256 * 256)) ? cudaSuccess : cudaErrorMemoryAllocation;
}
extern "C" cudaError_t cudaFree(void *p) {
  return free(p), cudaSuccess;
}
