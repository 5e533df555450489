/* The CUDA backend: its table, and the state of a context on it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/cuda_private.h"
#include "cuda/parts_private.h"

/* The emulator is the same backend under another name. */
#ifndef TR_CUDA_NAME
#define TR_CUDA_NAME "cuda"
#endif

static tr_status say(tr_error *err, tr_status status, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static tr_status say(tr_error *err, tr_status status, int line, const char *format, ...) {
  if (!err) return status;
  va_list args;
  va_start(args, format);
  *err = (tr_error){.status = status, .file = __FILE__, .line = line};
  vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  return status;
}

/* Any failure means that there is none; the count is then left as it was. */
static int devices(cudaError_t *error) {
  int n = 0;
  *error = cudaGetDeviceCount(&n);
  return *error == cudaSuccess ? n : 0;
}

static tr_status find_device(int device, tr_error *err) {
  cudaError_t error;
  int n = devices(&error);
  if (n == 0)
    return say(err, TR_E_DEVICE, __LINE__, "no device '" TR_CUDA_NAME ":%d': %s; use cpu", device,
               error == cudaSuccess ? "there is none" : cudaGetErrorString(error));
  if (device < n) return TR_OK;
  return say(err, TR_E_DEVICE, __LINE__,
             "no device '" TR_CUDA_NAME ":%d': there %s %d, use " TR_CUDA_NAME ":0%s", device,
             n == 1 ? "is" : "are", n, n == 1 ? "" : " and up");
}

static tr_status open_device(tr_cuda_state *s, tr_error *err) {
  struct cudaDeviceProp p;
  cudaError_t error = cudaSetDevice(s->device);
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&p, s->device);
  if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking);
  if (error != cudaSuccess)
    return say(err, TR_E_DEVICE, __LINE__, "the device '" TR_CUDA_NAME ":%d' cannot be used: %s", s->device,
               cudaGetErrorString(error));
  snprintf(s->name, sizeof s->name, "%s", p.name);
  s->major = p.major, s->minor = p.minor;
  s->processors = p.multiProcessorCount, s->shared_most = p.sharedMemPerBlockOptin;
  return TR_OK;
}

static void cuda_close(void *state) {
  tr_cuda_state *s = state;
  if (!s) return;
  if (s->stream) (void)cudaStreamSynchronize(s->stream);
  tr_cuda_graphs_close(s);
  tr_cuda_blas_close(s);
  tr_cuda_slots_close(s);
  tr_cuda_memory_close(s);
  if (s->stream) (void)cudaStreamDestroy(s->stream);
  free(s);
}

static tr_status cuda_open(int device, void **state, tr_error *err) {
  *state = NULL;
  TR_TRY(find_device(device, err));
  tr_cuda_state *s = calloc(1, sizeof *s);
  if (!s) return say(err, TR_E_MEM, __LINE__, "out of memory for the state of a device");
  s->device = device;
  const char *sync = getenv("TRANSIT_CUDA_SYNC");
  s->sync = sync && strcmp(sync, "1") == 0;
  tr_status status = open_device(s, err);
  if (status == TR_OK) status = tr_cuda_memory_open(s, err);
  if (status == TR_OK) status = tr_cuda_slots_open(s, err);
  if (status == TR_OK) status = tr_cuda_blas_open(s, err);
  if (status == TR_OK) status = tr_cuda_graphs_open(s, err);
  if (status == TR_OK)
    *state = s;
  else
    cuda_close(s);
  return status;
}

static tr_status cuda_describe(char *text, size_t size) {
  cudaError_t error;
  int n = devices(&error), used = 0;
  if (n == 0)
    snprintf(text, size, "no device: %s", error == cudaSuccess ? "there is none" : cudaGetErrorString(error));
  for (int i = 0; i < n && used < (int)size; i++) {
    struct cudaDeviceProp p;
    if (cudaGetDeviceProperties(&p, i) != cudaSuccess) continue;
    used += snprintf(text + used, size - (size_t)used, "%s" TR_CUDA_NAME ":%d %s (%d.%d, %.0f GiB)",
                     i ? ", " : "", i, p.name, p.major, p.minor, (double)p.totalGlobalMem / (1 << 30));
  }
  return TR_OK;
}

const tr_backend tr_backend_cuda = {.abi = TR_BACKEND_ABI,
                                    .name = TR_CUDA_NAME,
                                    .summary = "NVIDIA's devices",
                                    .promises = TR_BACKEND_ROWS_INDEPENDENT,
                                    .open = cuda_open,
                                    .close = cuda_close,
                                    .describe = cuda_describe,
                                    .mem = &tr_cuda_mem,
                                    .vec = &tr_cuda_vec,
                                    .nn = &tr_cuda_nn};
