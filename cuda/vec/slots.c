/* Slots in pinned memory of the host, into which the device writes. The latch of a watch is in device memory,
 * where every program of the watch reads it; the slot shows a copy. */
#include "cuda/vec/slots_private.h"

#include <stdlib.h>
#include <string.h>

#include "cuda/devices_private.h"
#include "cuda/parts_private.h"

#define SHOWN_BYTES (TR_SLOTS * TR_MAX_SEGMENTS * sizeof(double))
_Static_assert(TR_WATCH_NONE == -1, "memory of ones is a latch that is not set");

static cudaError_t open_shown(struct tr_cuda_slots *t) {
  void *host = NULL, *device = NULL;
  cudaError_t error = cudaHostAlloc(&host, SHOWN_BYTES, cudaHostAllocMapped);
  if (error != cudaSuccess) return error;
  t->shown = host;
  memset(host, 0, SHOWN_BYTES);
  error = cudaHostGetDevicePointer(&device, host, 0);
  t->shown_on_device = device;
  return error;
}

static cudaError_t open_tail(struct tr_cuda_slots *t, cudaStream_t stream) {
  void *memory = NULL;
  cudaError_t error = cudaMalloc(&memory, sizeof *t->tail);
  if (error != cudaSuccess) return error;
  t->tail = memory;
  error = cudaMemsetAsync(memory, 0, sizeof *t->tail, stream);
  return error == cudaSuccess ? cudaMemsetAsync(t->tail->latch, 0xff, sizeof t->tail->latch, stream) : error;
}

tr_status tr_cuda_slots_open(tr_cuda_state *s, tr_error *err) {
  s->slots = calloc(1, sizeof *s->slots);
  cudaError_t error = s->slots ? open_shown(s->slots) : cudaErrorMemoryAllocation;
  if (error == cudaSuccess) error = open_tail(s->slots, s->stream);
  if (error == cudaSuccess) return TR_OK;
  return tr_cuda_device_failed(s->device, error, err);
}

void tr_cuda_slots_close(tr_cuda_state *s) {
  if (!s->slots) return;
  (void)cudaFree(s->slots->tail);
  (void)cudaFreeHost(s->slots->shown);
  free(s->slots);
  s->slots = NULL;
}

/* The host sees it at once, the device when it gets there. */
tr_status tr_cuda_watch(tr_ctx *ctx, int slot) {
  tr_cuda_state *s = tr_cuda(ctx);
  int64_t *latch = &s->slots->tail->latch[slot];
  *(volatile double *)s->slots->shown[slot] = TR_WATCH_NONE;
  return tr_cuda_check(ctx, cudaMemsetAsync(latch, 0xff, sizeof *latch, s->stream), "beginning a watch");
}

tr_status tr_cuda_wait(tr_ctx *ctx) {
  return tr_cuda_check(ctx, cudaStreamSynchronize(tr_cuda(ctx)->stream), "waiting for the device");
}

const volatile double *tr_cuda_slot(tr_ctx *ctx, int slot) {
  return tr_cuda_state_of(ctx)->slots->shown[slot];
}
