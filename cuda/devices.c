/* Which devices there are, which of them serve, and why one does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/devices_private.h"

/* For messages to give a reader what to look at. */
static const char *visible(void) {
  const char *list = getenv("CUDA_VISIBLE_DEVICES");
  return list ? list : "not set";
}

/* 0: there is none, or it cannot be asked. */
static int devices(cudaError_t *error) {
  int n = 0; /* a failure leaves it as it is */
  *error = cudaGetDeviceCount(&n);
  return *error == cudaSuccess ? n : 0;
}

/* ---- none ---- */

#define VERSION(v) (v) / 1000, (v) / 10 % 100

/* The driver is too old, which is also what the runtime says where there is none. */
static int why_driver(char *text, size_t size) {
  int driver = 0, runtime = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = 0;
  if (driver == 0) return snprintf(text, size, "this machine has no NVIDIA driver: install one");
  return snprintf(
      text, size,
      "the NVIDIA driver serves CUDA %d.%d and transit was built with %d.%d: install a newer driver",
      VERSION(driver), VERSION(runtime));
}

/* Why there is no device. */
static int why_none(cudaError_t error, char *text, size_t size) {
  if (error == cudaErrorInsufficientDriver || error == cudaErrorStubLibrary) return why_driver(text, size);
  if (error == cudaErrorNoDevice || error == cudaSuccess)
    return snprintf(text, size, "the NVIDIA driver shows none (CUDA_VISIBLE_DEVICES is %.80s)", visible());
  return snprintf(text, size, "the NVIDIA driver says: %s", cudaGetErrorString(error));
}

/* ---- one that does not serve ---- */

#ifdef TR_CUDA_ARCHS
/* Whether code for "80-real", "90a-real" or "100", of one architecture, runs on the device: of its generation
 * and not newer, of itself alone where there is a letter, and where it has no -real newer ones too. */
static bool runs(const char *arch, const struct cudaDeviceProp *p) {
  char *end;
  const int code = (int)strtol(arch, &end, 10), chip = 10 * p->major + p->minor;
  if (*end >= 'a' && *end <= 'z') return code == chip;
  return code <= chip && (code / 10 == p->major || strncmp(end, "-real", 5) != 0);
}

static bool compiled_for(const struct cudaDeviceProp *p) {
  const char *arch = TR_CUDA_ARCHS;
  while (arch && !runs(arch, p)) arch = strchr(arch, ',') ? strchr(arch, ',') + 1 : NULL;
  return arch;
}
#else
#define TR_CUDA_ARCHS "" /* the emulator runs what there is */
static bool compiled_for(const struct cudaDeviceProp *p) {
  return p->major;
}
#endif

/* What keeps programs from the device, in the order in which it is of use to know; 0: nothing is known to. */
static int why_not(int device, const struct cudaDeviceProp *p, char *text, size_t size) {
  int mode = cudaComputeModeDefault;
  *text = 0;
  if (p->major < 8)
    return snprintf(text, size, "its compute capability is %d.%d, and 8.0 is needed (A100, RTX 30 and newer)",
                    p->major, p->minor);
  if (!compiled_for(p))
    return snprintf(text, size,
                    "its compute capability is %d.%d, and this build is for %s: configure with "
                    "-DTRANSIT_CUDA_ARCHS=%d%d",
                    p->major, p->minor, TR_CUDA_ARCHS, p->major, p->minor);
  if (cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, device) == cudaSuccess &&
      mode == cudaComputeModeProhibited)
    return snprintf(text, size, "it is closed to programs (nvidia-smi -i %d -c DEFAULT opens it)", device);
  return 0;
}

static bool serves(int device) {
  char text[256];
  struct cudaDeviceProp p;
  return cudaGetDeviceProperties(&p, device) == cudaSuccess && !why_not(device, &p, text, sizeof text);
}

/* ---- what others ask ---- */

tr_status tr_cuda_device_find(int device, struct cudaDeviceProp *p, tr_error *err) {
  char why[256];
  cudaError_t error;
  const int n = devices(&error);
  if (n == 0) {
    why_none(error, why, sizeof why);
    return TR_FAIL_IN(err, TR_E_DEVICE, "no device '" TR_CUDA_NAME ":%d': %s, or use cpu", device, why);
  }
  if (device >= n)
    return TR_FAIL_IN(err, TR_E_DEVICE,
                      "no device '" TR_CUDA_NAME ":%d': the machine has %d, and the last is " TR_CUDA_NAME
                      ":%d",
                      device, n, n - 1);
  error = cudaGetDeviceProperties(p, device);
  if (error != cudaSuccess) return tr_cuda_device_failed(device, error, err);
  if (!why_not(device, p, why, sizeof why)) return TR_OK;
  return TR_FAIL_IN(err, TR_E_DEVICE, "the device '" TR_CUDA_NAME ":%d' (%.80s) cannot be used: %s", device,
                    p->name, why);
}

tr_status tr_cuda_device_failed(int device, cudaError_t error, tr_error *err) {
  const char *hint = "";
  (void)cudaGetLastError(); /* it is told here */
  if (error == cudaErrorDevicesUnavailable)
    hint = ": another program has it for itself (nvidia-smi shows which); wait for it or use another";
  if (error == cudaErrorMemoryAllocation) hint = ": its memory is taken (nvidia-smi shows by whom)";
  return TR_FAIL_IN(err, TR_E_DEVICE, "the device '" TR_CUDA_NAME ":%d' cannot be opened: %s%s", device,
                    cudaGetErrorString(error), hint);
}

int tr_cuda_device_of_rank(int local, tr_error *err) {
  cudaError_t error;
  const int n = devices(&error);
  int good[64], count = 0;
  struct cudaDeviceProp p;
  for (int i = 0; i < n && count < 64; i++) {
    if (serves(i))
      good[count++] = i;
    else if (err && err->status == TR_OK)
      (void)tr_cuda_device_find(i, &p, err);
  }
  return count ? good[local % count] : -1;
}

static int describe_one(int device, char *text, size_t size) {
  char why[256];
  struct cudaDeviceProp p;
  const cudaError_t error = cudaGetDeviceProperties(&p, device);
  if (error != cudaSuccess)
    return snprintf(text, size, TR_CUDA_NAME ":%d cannot be asked: %s", device, cudaGetErrorString(error));
  const bool bad = why_not(device, &p, why, sizeof why);
  return snprintf(text, size, TR_CUDA_NAME ":%d %s (%d.%d, %.0f GiB)%s%s", device, p.name, p.major, p.minor,
                  (double)p.totalGlobalMem / (1 << 30), bad ? " cannot be used: " : "", bad ? why : "");
}

tr_status tr_cuda_devices_describe(char *text, size_t size) {
  cudaError_t error;
  const int n = devices(&error);
  size_t used = 0;
  if (n == 0) {
    char why[256];
    why_none(error, why, sizeof why);
    snprintf(text, size, "no device: %s", why);
  }
  for (int i = 0; i < n && used + 2 < size; i++) {
    if (i) used += (size_t)snprintf(text + used, size - used, "; ");
    used += (size_t)describe_one(i, text + used, size - used);
  }
  return TR_OK;
}
