/* What the files of cuda/memory share. */
#ifndef TR_CUDA_MEMORY_MEMORY_PRIVATE_H
#define TR_CUDA_MEMORY_MEMORY_PRIVATE_H

#include "cuda/cuda_private.h"

/* ---- the arena (arena.c): memory of arrays, cut out of few large blocks ---- */

#define TR_CUDA_ALIGN 256

/* The bytes of as many whole units as they need. */
static inline size_t tr_cuda_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

typedef struct tr_cuda_block tr_cuda_block;
typedef struct tr_cuda_piece tr_cuda_piece;
#define TR_CUDA_ARENA_BUCKETS 1024
typedef struct {
  cudaStream_t stream;
  bool one_by_one; /* no blocks: each array is an allocation of its own */
  size_t margin;   /* bytes behind an array that are left to nobody */
  tr_cuda_block *blocks;
  tr_cuda_piece *free_pieces;
  tr_cuda_piece *taken[TR_CUDA_ARENA_BUCKETS]; /* by address */
  size_t in_use;                               /* bytes of pieces that are taken */
  size_t reserved, reserved_peak;              /* bytes of blocks */
} tr_cuda_arena;

void tr_cuda_arena_open(tr_cuda_arena *a, cudaStream_t stream);
void tr_cuda_arena_close(tr_cuda_arena *a);
/* bytes >= 1, 256-byte aligned. What a piece held before may still be in use by work on the stream: what
 * comes after on the stream comes after that. */
cudaError_t tr_cuda_arena_take(tr_cuda_arena *a, size_t bytes, void **out);
/* Waits for nothing. */
void tr_cuda_arena_give(tr_cuda_arena *a, void *memory);

/* ---- pinned memory of the host (pinned.c), by which small sets and copies go ---- */

#define TR_CUDA_RING_PARTS 4
#define TR_CUDA_STAGES     2
typedef struct {
  cudaStream_t stream;
  char *ring; /* small sets, one behind the other, in parts whose last copy an event tells */
  size_t at;  /* within the part */
  int part;
  cudaEvent_t part_done[TR_CUDA_RING_PARTS];
  bool part_used[TR_CUDA_RING_PARTS];
  char *stage[TR_CUDA_STAGES]; /* large copies, in turn; made by the first */
  cudaEvent_t stage_done[TR_CUDA_STAGES];
  bool stage_used[TR_CUDA_STAGES];
} tr_cuda_pinned;

cudaError_t tr_cuda_pinned_open(tr_cuda_pinned *p, cudaStream_t stream);
void tr_cuda_pinned_close(tr_cuda_pinned *p);
/* At most TR_SMALL_BYTES. Waits only when the ring is full of copies that are not done. */
cudaError_t tr_cuda_pinned_set_small(tr_cuda_pinned *p, void *device, const void *host, size_t bytes);
/* Returns when `host` may change; the last pieces may be on their way. */
cudaError_t tr_cuda_pinned_upload(tr_cuda_pinned *p, void *device, const void *host, size_t bytes);
/* Returns when all is there. */
cudaError_t tr_cuda_pinned_download(tr_cuda_pinned *p, void *host, const void *device, size_t bytes);

/* ---- copy.cu ---- */

#ifdef __cplusplus
extern "C"
#endif
    /* A copy on the device by a kernel, from or to memory that moves. */
    tr_status
    tr_cuda_copy_moving(tr_ctx *ctx, void *to, const void *from, size_t bytes);

#endif
