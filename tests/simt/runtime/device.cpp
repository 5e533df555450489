/* The devices that the emulator pretends to have, by the environment: SIMT_DEVICES (their number, 1),
 * SIMT_DRIVER ("12.4": the CUDA that the driver serves; "none": there is no driver), SIMT_MEMORY (bytes, 8
 * GiB) and for all of them or, as in "9.0,7.5", for each: SIMT_CAPABILITY (9.0) and SIMT_MODE (free, closed,
 * busy).
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/simt/runtime/runtime.h"

namespace simt {
namespace {
thread_local int device_of_thread = 0;

const char *text_setting(const char *name, const char *otherwise) {
  const char *text = getenv(name);
  return text ? text : otherwise;
}

/* Of a list the part for a device, the last one where it is shorter. */
const char *part(const char *name, const char *otherwise, int device) {
  const char *text = text_setting(name, otherwise);
  for (const char *comma; device > 0 && (comma = strchr(text, ',')); device--) text = comma + 1;
  return text;
}

int version(const char *text) {
  int major = 0, minor = 0;
  sscanf(text, "%d.%d", &major, &minor);
  return 1000 * major + 10 * minor;
}

bool mode_is(int device, const char *word) {
  return strncmp(part("SIMT_MODE", "free", device), word, strlen(word)) == 0;
}

int driver() {
  return version(text_setting("SIMT_DRIVER", "13.0"));
}

/* Why there is no device, or not this one, if so. */
cudaError_t look_for_devices() {
  if (driver() < CUDART_VERSION) return cudaErrorInsufficientDriver;
  return setting("SIMT_DEVICES", 1) < 1 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t look_for_device(int device) {
  if (cudaError_t error = look_for_devices()) return error;
  return device >= 0 && device < setting("SIMT_DEVICES", 1) ? cudaSuccess : cudaErrorInvalidDevice;
}

/* Bytes of shared memory that a block may ask for (CUDA C++ Programming Guide, compute capabilities). */
int shared_most(capability c) {
  int v = c.major * 10 + c.minor;
  return (v < 80 ? 64 : v == 80 || v == 87 ? 163 : v == 86 || v == 89 || c.major == 12 ? 99 : 227) * 1024;
}
} // namespace

capability capability_of(int device) {
  int v = version(part("SIMT_CAPABILITY", "9.0", device));
  return {v / 1000, v / 10 % 100};
}

size_t memory_of_device() {
  return (size_t)setting("SIMT_MEMORY", (long)8 << 30);
}

int current_device() {
  return device_of_thread;
}
} // namespace simt
using namespace simt;

extern "C" {
cudaError_t cudaDriverGetVersion(int *v) {
  return *v = driver(), cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *v) {
  return *v = CUDART_VERSION, cudaSuccess;
}

/* Leaves the count as it was where there is none, as the runtime of the toolkit does. */
cudaError_t cudaGetDeviceCount(int *count) {
  if (cudaError_t error = look_for_devices()) return latch(error);
  return *count = (int)setting("SIMT_DEVICES", 1), cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (cudaError_t error = look_for_device(device)) return latch(error);
  if (mode_is(device, "busy") || mode_is(device, "closed")) return latch(cudaErrorDevicesUnavailable);
  return device_of_thread = device, cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
  if (cudaError_t error = look_for_devices()) return latch(error);
  return *device = device_of_thread, cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
  if (cudaError_t error = look_for_device(device)) return latch(error);
  capability c = capability_of(device);
  *p = {};
  snprintf(p->name, sizeof p->name, "emulated device");
  p->totalGlobalMem = memory_of_device();
  p->sharedMemPerBlock = 49152, p->sharedMemPerBlockOptin = (size_t)shared_most(c);
  p->sharedMemPerMultiprocessor = p->sharedMemPerBlockOptin + 1024;
  p->regsPerBlock = 65536, p->warpSize = 32, p->maxThreadsPerBlock = 1024;
  p->maxThreadsPerMultiProcessor = 2048;
  p->major = c.major, p->minor = c.minor, p->multiProcessorCount = 1;
  p->l2CacheSize = 1 << 20, p->memoryBusWidth = 64;
  p->canMapHostMemory = p->unifiedAddressing = p->concurrentKernels = p->asyncEngineCount = 1;
  p->pciBusID = device + 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  if (cudaError_t error = cudaGetDeviceProperties(&p, device)) return error;
  switch (attribute) {
  case cudaDevAttrMaxThreadsPerBlock:
    return *value = p.maxThreadsPerBlock, cudaSuccess;
  case cudaDevAttrMaxSharedMemoryPerBlock:
    return *value = (int)p.sharedMemPerBlock, cudaSuccess;
  case cudaDevAttrWarpSize:
    return *value = p.warpSize, cudaSuccess;
  case cudaDevAttrMultiProcessorCount:
    return *value = p.multiProcessorCount, cudaSuccess;
  case cudaDevAttrCanMapHostMemory:
    return *value = p.canMapHostMemory, cudaSuccess;
  case cudaDevAttrComputeMode:
    return *value = mode_is(device, "closed") ? cudaComputeModeProhibited : cudaComputeModeDefault,
           cudaSuccess;
  case cudaDevAttrComputeCapabilityMajor:
    return *value = p.major, cudaSuccess;
  case cudaDevAttrComputeCapabilityMinor:
    return *value = p.minor, cudaSuccess;
  case cudaDevAttrMaxSharedMemoryPerBlockOptin:
    return *value = (int)p.sharedMemPerBlockOptin, cudaSuccess;
  }
  return latch(cudaErrorInvalidValue);
}

cudaError_t cudaDeviceGetPCIBusId(char *id, int length, int device) {
  if (cudaError_t error = look_for_device(device)) return latch(error);
  snprintf(id, (size_t)length, "0000:%02X:00.0", device + 1);
  return cudaSuccess;
}
}
