/* What the tests of the emulator share: assertions, and memory of the device with values. */
#pragma once
#include <cuda_runtime.h>

#include <string>
#include <vector>

extern "C" {
#include "tests/support/check.h"
}
#include "tests/simt/counters.h"
#include "tests/simt/hooks.h"

/* The call gives this code. */
#define CHECK_CODE(call, want) check_code((call), (want), #call, __FILE__, __LINE__)
inline void check_code(cudaError_t got, cudaError_t want, const char *text, const char *file, int line) {
  check_true(got == want, (std::string(text) + " gave " + cudaGetErrorName(got)).c_str(), file, line);
  cudaGetLastError();
}

template <class T> T *on_device(const std::vector<T> &v) {
  void *p = nullptr;
  CHECK_CODE(cudaMalloc(&p, v.size() * sizeof(T)), cudaSuccess);
  CHECK_CODE(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  return (T *)p;
}
template <class T> std::vector<T> from_device(const T *p, size_t n) {
  std::vector<T> v(n);
  CHECK_CODE(cudaDeviceSynchronize(), cudaSuccess);
  CHECK_CODE(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
  return v;
}
template <class... P, class... A>
cudaError_t launch(cudaStream_t s, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... args) {
  cudaLaunchConfig_t c = {};
  c.gridDim = grid, c.blockDim = block, c.dynamicSmemBytes = shared, c.stream = s;
  return cudaLaunchKernelEx(&c, kernel, static_cast<P>(args)...);
}
