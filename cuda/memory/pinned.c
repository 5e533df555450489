/* Copies between host and device by way of pinned memory, which the device reads and writes by itself. */
#include <string.h>

#include "cuda/memory/memory_private.h"

#define PART  ((size_t)64 << 10) /* of the ring; TR_SMALL_BYTES fit many times */
#define STAGE ((size_t)4 << 20)
#define LINE  64

#define TRY(call)                                                                                            \
  do {                                                                                                       \
    cudaError_t try_error_ = (call);                                                                         \
    if (try_error_ != cudaSuccess) return try_error_;                                                        \
  } while (0)

/* Returns when what the event tells has happened, if it was ever asked to tell. */
static cudaError_t wait_for(cudaEvent_t event, bool *used) {
  if (!*used) return cudaSuccess;
  TRY(cudaEventSynchronize(event));
  *used = false;
  return cudaSuccess;
}

static cudaError_t tell(cudaEvent_t event, bool *used, cudaStream_t stream) {
  TRY(cudaEventRecord(event, stream));
  *used = true;
  return cudaSuccess;
}

cudaError_t tr_cuda_pinned_open(tr_cuda_pinned *p, cudaStream_t stream) {
  *p = (tr_cuda_pinned){.stream = stream};
  TRY(cudaHostAlloc((void **)&p->ring, TR_CUDA_RING_PARTS * PART, cudaHostAllocDefault));
  for (int i = 0; i < TR_CUDA_RING_PARTS; i++)
    TRY(cudaEventCreateWithFlags(&p->part_done[i], cudaEventDisableTiming));
  for (int i = 0; i < TR_CUDA_STAGES; i++)
    TRY(cudaEventCreateWithFlags(&p->stage_done[i], cudaEventDisableTiming));
  return cudaSuccess;
}

void tr_cuda_pinned_close(tr_cuda_pinned *p) {
  for (int i = 0; i < TR_CUDA_RING_PARTS; i++)
    if (p->part_done[i]) (void)cudaEventDestroy(p->part_done[i]);
  for (int i = 0; i < TR_CUDA_STAGES; i++) {
    if (p->stage_done[i]) (void)cudaEventDestroy(p->stage_done[i]);
    if (p->stage[i]) (void)cudaFreeHost(p->stage[i]);
  }
  if (p->ring) (void)cudaFreeHost(p->ring);
  *p = (tr_cuda_pinned){0};
}

/* ---- small sets ---- */

/* The next part of the ring, once its last copy is done. */
static cudaError_t turn_ring(tr_cuda_pinned *p) {
  TRY(tell(p->part_done[p->part], &p->part_used[p->part], p->stream));
  p->part = (p->part + 1) % TR_CUDA_RING_PARTS, p->at = 0;
  return wait_for(p->part_done[p->part], &p->part_used[p->part]);
}

cudaError_t tr_cuda_pinned_set_small(tr_cuda_pinned *p, void *device, const void *host, size_t bytes) {
  if (p->at + bytes > PART) TRY(turn_ring(p));
  char *piece = p->ring + (size_t)p->part * PART + p->at;
  p->at += tr_cuda_up(bytes, LINE);
  memcpy(piece, host, bytes);
  return cudaMemcpyAsync(device, piece, bytes, cudaMemcpyHostToDevice, p->stream);
}

/* ---- large copies ---- */

/* Stage i, once the last copy that went by it is done. */
static cudaError_t free_stage(tr_cuda_pinned *p, int i) {
  if (!p->stage[i]) TRY(cudaHostAlloc((void **)&p->stage[i], STAGE, cudaHostAllocDefault));
  return wait_for(p->stage_done[i], &p->stage_used[i]);
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

cudaError_t tr_cuda_pinned_upload(tr_cuda_pinned *p, void *device, const void *host, size_t bytes) {
  for (size_t at = 0, turn = 0; at < bytes; at += STAGE, turn++) {
    const int i = (int)(turn % TR_CUDA_STAGES);
    const size_t n = smaller(STAGE, bytes - at);
    TRY(free_stage(p, i));
    memcpy(p->stage[i], (const char *)host + at, n);
    TRY(cudaMemcpyAsync((char *)device + at, p->stage[i], n, cudaMemcpyHostToDevice, p->stream));
    TRY(tell(p->stage_done[i], &p->stage_used[i], p->stream));
  }
  return cudaSuccess;
}

/* What piece `turn` brought to its stage. */
static cudaError_t unload(tr_cuda_pinned *p, void *host, size_t bytes, size_t turn) {
  const int i = (int)(turn % TR_CUDA_STAGES);
  const size_t at = turn * STAGE;
  TRY(wait_for(p->stage_done[i], &p->stage_used[i]));
  memcpy((char *)host + at, p->stage[i], smaller(STAGE, bytes - at));
  return cudaSuccess;
}

cudaError_t tr_cuda_pinned_download(tr_cuda_pinned *p, void *host, const void *device, size_t bytes) {
  if (bytes == 0) return cudaStreamSynchronize(p->stream);
  const size_t pieces = (bytes + STAGE - 1) / STAGE;
  for (size_t turn = 0; turn < pieces; turn++) { /* one on its way while the one before is unloaded */
    const int i = (int)(turn % TR_CUDA_STAGES);
    const size_t at = turn * STAGE, n = smaller(STAGE, bytes - at);
    TRY(free_stage(p, i));
    TRY(cudaMemcpyAsync(p->stage[i], (const char *)device + at, n, cudaMemcpyDeviceToHost, p->stream));
    TRY(tell(p->stage_done[i], &p->stage_used[i], p->stream));
    if (turn > 0) TRY(unload(p, host, bytes, turn - 1));
  }
  return unload(p, host, bytes, pieces - 1);
}
