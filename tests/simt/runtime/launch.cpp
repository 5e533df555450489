/* Launches: what a device would refuse, and the rest onto the stream. */
#include <map>

#include "tests/simt/engine/engine.h"
#include "tests/simt/runtime/runtime.h"

namespace simt {
namespace {
std::map<const void *, size_t>
    shared_allowed; /* kernels that may have more dynamic shared memory than 48 kB */

size_t shared_most() {
  cudaDeviceProp p;
  return cudaGetDeviceProperties(&p, current_device()) ? 0 : p.sharedMemPerBlockOptin;
}

cudaError_t look_at(const cudaLaunchConfig_t &c, const void *kernel) {
  const dim3 &g = c.gridDim, &b = c.blockDim;
  if (capability_of(current_device()).major < 8) return cudaErrorNoKernelImageForDevice;
  if (!g.x || !g.y || !g.z || g.x > 0x7fffffff || g.y > 65535 || g.z > 65535)
    return cudaErrorInvalidConfiguration;
  if (!b.x || !b.y || !b.z || b.z > 64 || (uint64_t)b.x * b.y * b.z > 1024)
    return cudaErrorInvalidConfiguration;
  auto allowed = shared_allowed.find(kernel);
  if (c.dynamicSmemBytes > (allowed == shared_allowed.end() ? 49152 : allowed->second))
    return cudaErrorInvalidValue;
  if (b.x * b.y * b.z % 32) {
    report(nullptr, "a block of threads that are no multiple of 32");
    return cudaErrorInvalidConfiguration;
  }
  return cudaSuccess;
}
} // namespace

cudaError_t launch(const cudaLaunchConfig_t &c, const void *kernel, void (*thread)(const void *),
                   const void *args, size_t bytes) {
  std::shared_ptr<void> copy(aligned_alloc(64, (bytes + 63) / 64 * 64), free);
  memcpy(copy.get(), args, bytes);
  return call([&] {
    if (cudaError_t error = look_at(c, kernel)) return error;
    return enqueue(c.stream, {node::LAUNCH, 0, 0,
                              [=, grid = c.gridDim, block = c.blockDim, shared = c.dynamicSmemBytes] {
                                return run(grid, block, shared, thread, copy.get());
                              }});
  });
}
} // namespace simt
using namespace simt;

cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value) {
  return call([&] {
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess; /* a hint */
    if (value < 0 || (size_t)value > shared_most()) return cudaErrorInvalidValue;
    return shared_allowed[kernel] = (size_t)value, cudaSuccess;
  });
}
