/* The devices that the emulator pretends to have, by the environment: SIMT_DEVICES (their number, 1),
 * SIMT_DRIVER
 * ("12.4": the CUDA that the driver serves; "none": there is no driver), and for all of them or, as in
 * "9.0,7.5", for each: SIMT_CAPABILITY (9.0) and SIMT_MODE (free, closed, busy). */
#include <cuda_runtime.h>

namespace {
const char *setting(const char *name, const char *otherwise) {
  const char *text = getenv(name);
  return text ? text : otherwise;
}

/* Of a list the part for a device, the last one where it is shorter. */
const char *part(const char *name, const char *otherwise, int device) {
  const char *text = setting(name, otherwise);
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

const int runtime = 13000;
} // namespace

extern "C" {
cudaError_t cudaRuntimeGetVersion(int *v) {
  return *v = runtime, cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *v) {
  return *v = version(setting("SIMT_DRIVER", "13.0")), cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int *n) {
  int driver;
  cudaDriverGetVersion(&driver);
  if (driver < runtime) return cudaErrorInsufficientDriver;
  const int count = atoi(setting("SIMT_DEVICES", "1"));
  return count > 0 ? (*n = count, cudaSuccess) : cudaErrorNoDevice;
}
static cudaError_t find(int device) {
  int n = 0;
  const cudaError_t error = cudaGetDeviceCount(&n);
  return error != cudaSuccess ? error : device >= 0 && device < n ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaSetDevice(int d) {
  const cudaError_t error = find(d);
  if (error != cudaSuccess) return error;
  return mode_is(d, "busy") || mode_is(d, "closed") ? cudaErrorDevicesUnavailable : cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int d) {
  const cudaError_t error = find(d);
  if (error != cudaSuccess) return error;
  const int v = version(part("SIMT_CAPABILITY", "9.0", d));
  *p = {"emulated device", (size_t)8 << 30, 232448, v / 1000, v / 10 % 100, 1};
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr, int d) {
  const cudaError_t error = find(d);
  if (error != cudaSuccess) return error;
  return *value = mode_is(d, "closed") ? cudaComputeModeProhibited : cudaComputeModeDefault, cudaSuccess;
}
}
