/* The runtime functions of the emulator: streams whose work is done when it is asked for. */
#include <cuda_runtime.h>

extern "C" {
const char *cudaGetErrorString(cudaError_t e) {
  return e == cudaSuccess                   ? "no error"
         : e == cudaErrorMemoryAllocation   ? "out of memory"
         : e == cudaErrorDevicesUnavailable ? "CUDA-capable device(s) is/are busy or unavailable"
                                            : "emulated failure";
}
const char *cudaGetErrorName(cudaError_t e) {
  return e == cudaSuccess                 ? "cudaSuccess"
         : e == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
                                          : "cudaError";
}
cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *f, size_t *t) {
  return *f = *t = (size_t)8 << 30, cudaSuccess;
}
cudaError_t cudaHostAlloc(void **out, size_t n, unsigned) {
  return cudaMalloc(out, n);
}
cudaError_t cudaFreeHost(void *p) {
  return cudaFree(p);
}
cudaError_t cudaHostGetDevicePointer(void **d, void *h, unsigned) {
  return *d = h, cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind, cudaStream_t) {
  return memmove(to, from, n), cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *to, int v, size_t n, cudaStream_t) {
  return memset(to, v, n), cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) {
  return *s = nullptr, cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void *, int, int) {
  return cudaSuccess;
}
}
