/* The CUDA backend: its table, and the state of a context on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "cuda/devices_private.h"
#include "cuda/parts_private.h"

/* A failure is told by what is asked for next. */
static tr_cuda_state *entered(tr_cuda_state *s) {
  int device = -1;
  if (cudaGetDevice(&device) != cudaSuccess || device != s->device) (void)cudaSetDevice(s->device);
  return s;
}

tr_cuda_state *tr_cuda(tr_ctx *ctx) {
  return entered(tr_cuda_state_of(ctx));
}

static tr_status open_device(tr_cuda_state *s, tr_error *err) {
  struct cudaDeviceProp p;
  TR_TRY(tr_cuda_device_find(s->device, &p, err));
  cudaError_t error = cudaSetDevice(s->device);
  if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking);
  if (error != cudaSuccess) return tr_cuda_device_failed(s->device, error, err);
  snprintf(s->name, sizeof s->name, "%s", p.name);
  s->major = p.major, s->minor = p.minor;
  s->processors = p.multiProcessorCount, s->shared_most = p.sharedMemPerBlockOptin;
  s->memory_most = p.totalGlobalMem;
  return TR_OK;
}

static void cuda_close(void *state) {
  tr_cuda_state *s = state;
  if (!s) return;
  entered(s);
  if (s->stream) (void)cudaStreamSynchronize(s->stream);
  tr_cuda_graphs_close(s);
  tr_cuda_blas_close(s);
  tr_cuda_slots_close(s);
  tr_cuda_memory_close(s);
  if (s->stream) (void)cudaStreamDestroy(s->stream);
  free(s);
}

/* What has another value than its two would be passed over in silence. */
static tr_status check_variables(tr_error *err) {
  static const char *const names[] = {"TRANSIT_CUDA_SYNC", "TRANSIT_CUDA_ARENA", "TRANSIT_CUDA_TILES",
                                      "TRANSIT_CUDA_BGRAD"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = getenv(names[i]);
    if (value && *value && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
      return TR_FAIL_IN(err, TR_E_ARG, "%s is '%s': use 0 or 1, or unset it", names[i], TR_SHOW(value, 40));
  }
  return TR_OK;
}

static tr_status cuda_open(int device, void **state, tr_error *err) {
  *state = NULL;
  TR_TRY(check_variables(err));
  tr_cuda_state *s = calloc(1, sizeof *s);
  if (!s) return TR_FAIL_IN(err, TR_E_MEM, "out of memory for the state of a device");
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

static void cuda_memory(void *state, tr_device_memory *out) {
  tr_cuda_memory_report(entered(state), out);
}

#ifdef TR_SIMT
#define SUMMARY "NVIDIA's devices, emulated on the processor (for tests)"
#else
#define SUMMARY "NVIDIA's devices"
#endif

const tr_backend tr_backend_cuda = {.abi = TR_BACKEND_ABI,
                                    .name = TR_CUDA_NAME,
                                    .summary = SUMMARY,
                                    .promises = TR_BACKEND_ROWS_INDEPENDENT | TR_BACKEND_TF32 |
                                                TR_BACKEND_BF16_ARRAYS | TR_BACKEND_WANTS_STATS,
                                    .open = cuda_open,
                                    .close = cuda_close,
                                    .describe = tr_cuda_devices_describe,
                                    .of_rank = tr_cuda_device_of_rank,
                                    .memory = cuda_memory,
                                    .mem = &tr_cuda_mem,
                                    .vec = &tr_cuda_vec,
                                    .nn = &tr_cuda_nn,
                                    .record = &tr_cuda_record,
                                    .collective = &tr_cuda_collective};
