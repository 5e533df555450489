/* The arena: cudaMalloc makes the device wait, so that arrays are pieces of few large blocks. A piece that is
 * given back joins the free ones beside it, and is taken again, the smallest that fits first. All work is on
 * one stream, in order: nobody has to wait for what was done with a piece before.
 *
 * Small arrays go into blocks of SMALL_BLOCK bytes, a large one gets a block of its own, which small ones do
 * not cut up while there is other memory. Blocks that nobody uses stay until memory is short. */
#include <stdlib.h>
#include <string.h>

#include "cuda/memory/memory_private.h"

#ifdef TR_SIMT
#include <hooks.h> /* tests/simt */
#else              /* an emulator's checker sees where arrays lie; nobody else does */
static size_t simt_margin(void) {
  return 0;
}
static void simt_mark_allocation(void *memory, size_t bytes, cudaStream_t stream) {
  (void)memory, (void)bytes, (void)stream;
}
static void simt_mark_free(void *memory, cudaStream_t stream) {
  (void)memory, (void)stream;
}
#endif

#define SMALL_BLOCK ((size_t)16 << 20)
#define SMALL_ARRAY ((size_t)1 << 20)
#define PAGE        ((size_t)2 << 20) /* what the driver cuts device memory into */

struct tr_cuda_piece {
  char *at;
  size_t size;
  bool free;
  tr_cuda_block *block;
  tr_cuda_piece *before, *after;       /* of the block, by address */
  tr_cuda_piece *previous, *following; /* of the free ones, or of a bucket */
};

struct tr_cuda_block {
  size_t size;
  tr_cuda_piece *first;
  tr_cuda_block *next;
};

/* ---- lists ---- */

static void put_into(tr_cuda_piece **list, tr_cuda_piece *p) {
  p->previous = NULL, p->following = *list;
  if (*list) (*list)->previous = p;
  *list = p;
}

static void take_from(tr_cuda_piece **list, tr_cuda_piece *p) {
  if (p->previous)
    p->previous->following = p->following;
  else
    *list = p->following;
  if (p->following) p->following->previous = p->previous;
}

static tr_cuda_piece **bucket_of(tr_cuda_arena *a, const void *memory) {
  return &a->taken[(uintptr_t)memory / TR_CUDA_ALIGN % TR_CUDA_ARENA_BUCKETS];
}

/* ---- blocks ---- */

static bool add_block(tr_cuda_arena *a, char *memory, size_t size) {
  tr_cuda_block *b = malloc(sizeof *b);
  tr_cuda_piece *p = malloc(sizeof *p);
  if (!b || !p) {
    free(b);
    free(p);
    return false;
  }
  *p = (tr_cuda_piece){.at = memory, .size = size, .free = true, .block = b};
  *b = (tr_cuda_block){.size = size, .first = p, .next = a->blocks};
  a->blocks = b;
  put_into(&a->free_pieces, p);
  a->reserved += size;
  if (a->reserved > a->reserved_peak) a->reserved_peak = a->reserved;
  return true;
}

static cudaError_t make_block(tr_cuda_arena *a, size_t size) {
  void *memory;
  cudaError_t error = cudaMalloc(&memory, size);
  if (error != cudaSuccess) {
    (void)cudaGetLastError(); /* there may be a smaller one */
    return error;
  }
  if (add_block(a, memory, size)) return cudaSuccess;
  (void)cudaFree(memory);
  return cudaErrorMemoryAllocation;
}

static bool unused(const tr_cuda_block *b) {
  return b->first->free && !b->first->after;
}

/* Gives blocks that nobody uses back to the device. True if there were any. */
static bool drop_unused(tr_cuda_arena *a) {
  bool any = false;
  for (tr_cuda_block **at = &a->blocks; *at;) {
    tr_cuda_block *b = *at;
    if (!unused(b)) {
      at = &b->next;
      continue;
    }
    (void)cudaFree(b->first->at); /* which waits for the work on it */
    take_from(&a->free_pieces, b->first);
    a->reserved -= b->size;
    *at = b->next;
    free(b->first);
    free(b);
    any = true;
  }
  return any;
}

/* For `size` bytes, and for more to come if these are few. Short of memory: for these alone, and at last
 * in the place of what is unused. */
static cudaError_t grow(tr_cuda_arena *a, size_t size) {
  const size_t alone = tr_cuda_up(size, PAGE), wanted = alone < SMALL_BLOCK ? SMALL_BLOCK : alone;
  cudaError_t error = make_block(a, wanted);
  if (error == cudaErrorMemoryAllocation && wanted > alone) error = make_block(a, alone);
  if (error == cudaErrorMemoryAllocation && drop_unused(a)) error = make_block(a, alone);
  return error;
}

/* ---- pieces ---- */

/* The smallest that fits; NULL: none. small: not out of a block that was made for one large array. */
static tr_cuda_piece *best_fit(const tr_cuda_arena *a, size_t size, bool small) {
  tr_cuda_piece *best = NULL;
  for (tr_cuda_piece *p = a->free_pieces; p; p = p->following) {
    if (p->size < size || (best && p->size >= best->size)) continue;
    if (small && p->block->size > SMALL_BLOCK) continue;
    best = p;
  }
  return best;
}

/* Leaves `size` bytes in p, the rest in a free piece behind it; whole if there is no memory for that. */
static void cut(tr_cuda_arena *a, tr_cuda_piece *p, size_t size) {
  if (p->size == size) return;
  tr_cuda_piece *rest = malloc(sizeof *rest);
  if (!rest) return;
  *rest = (tr_cuda_piece){.at = p->at + size,
                          .size = p->size - size,
                          .free = true,
                          .block = p->block,
                          .before = p,
                          .after = p->after};
  if (p->after) p->after->before = rest;
  p->after = rest, p->size = size;
  put_into(&a->free_pieces, rest);
}

/* p, which is free, becomes one with the free piece behind it. */
static void join(tr_cuda_arena *a, tr_cuda_piece *p) {
  tr_cuda_piece *rest = p->after;
  if (!rest || !rest->free) return;
  take_from(&a->free_pieces, rest);
  p->size += rest->size, p->after = rest->after;
  if (p->after) p->after->before = p;
  free(rest);
}

static tr_cuda_piece *find_free(tr_cuda_arena *a, size_t size, cudaError_t *error) {
  const bool small = size < SMALL_ARRAY;
  tr_cuda_piece *p = best_fit(a, size, small);
  *error = p ? cudaSuccess : grow(a, size);
  if (!p) p = best_fit(a, size, false); /* the new one, or any where the device has no more */
  if (p) *error = cudaSuccess;
  return p;
}

/* ---- what the others ask ---- */

void tr_cuda_arena_open(tr_cuda_arena *a, cudaStream_t stream) {
  const char *wanted = getenv("TRANSIT_CUDA_ARENA");
  *a = (tr_cuda_arena){.stream = stream, .margin = tr_cuda_up(simt_margin(), TR_CUDA_ALIGN)};
  a->one_by_one = wanted && strcmp(wanted, "0") == 0;
}

void tr_cuda_arena_close(tr_cuda_arena *a) {
  while (a->blocks) {
    tr_cuda_block *b = a->blocks;
    (void)cudaFree(b->first->at);
    a->blocks = b->next;
    for (tr_cuda_piece *p = b->first, *after; p; p = after) {
      after = p->after;
      free(p);
    }
    free(b);
  }
  *a = (tr_cuda_arena){0};
}

cudaError_t tr_cuda_arena_take(tr_cuda_arena *a, size_t bytes, void **out) {
  *out = NULL;
  const size_t size = tr_cuda_up(bytes, TR_CUDA_ALIGN) + a->margin;
  cudaError_t error = cudaSuccess;
  tr_cuda_piece *p = NULL;
  if (a->one_by_one) {
    error = make_block(a, bytes);
    if (error == cudaSuccess) p = a->blocks->first;
  } else {
    p = find_free(a, size, &error);
  }
  if (!p) return error;
  take_from(&a->free_pieces, p);
  if (!a->one_by_one) cut(a, p, size);
  p->free = false;
  put_into(bucket_of(a, p->at), p);
  a->in_use += p->size;
  if (!a->one_by_one) simt_mark_allocation(p->at, bytes, a->stream);
  *out = p->at;
  return cudaSuccess;
}

void tr_cuda_arena_give(tr_cuda_arena *a, void *memory) {
  tr_cuda_piece **bucket = bucket_of(a, memory), *p = *bucket;
  while (p && p->at != memory) p = p->following;
  if (!p) return;
  if (!a->one_by_one) simt_mark_free(memory, a->stream);
  take_from(bucket, p);
  a->in_use -= p->size;
  p->free = true;
  put_into(&a->free_pieces, p);
  join(a, p);
  if (p->before && p->before->free) join(a, p->before);
  if (a->one_by_one) (void)drop_unused(a);
}
