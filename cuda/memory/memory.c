/* Memory of the device, and copies to it and from it. */
#include <stdio.h>
#include <stdlib.h>

#include "cuda/memory/memory_private.h"
#include "cuda/parts_private.h"

struct tr_cuda_memory {
  tr_cuda_arena arena;
  tr_cuda_pinned pinned;
  void *scratch;
  size_t scratch_size;
};

static tr_status cannot_open(cudaError_t error, tr_error *err) {
  const tr_status status = error == cudaErrorMemoryAllocation ? TR_E_MEM : TR_E_DEVICE;
  (void)cudaGetLastError(); /* it is told here */
  return TR_FAIL_IN(err, status, "no memory for what goes between host and device: %s",
                    cudaGetErrorString(error));
}

tr_status tr_cuda_memory_open(tr_cuda_state *s, tr_error *err) {
  s->memory = calloc(1, sizeof *s->memory);
  if (!s->memory) return cannot_open(cudaErrorMemoryAllocation, err);
  tr_cuda_arena_open(&s->memory->arena, s->stream);
  const cudaError_t error = tr_cuda_pinned_open(&s->memory->pinned, s->stream);
  return error == cudaSuccess ? TR_OK : cannot_open(error, err);
}

void tr_cuda_memory_close(tr_cuda_state *s) {
  if (!s->memory) return;
  tr_cuda_pinned_close(&s->memory->pinned);
  tr_cuda_arena_close(&s->memory->arena);
  free(s->memory);
  s->memory = NULL;
}

void tr_cuda_memory_report(void *state, tr_device_memory *out) {
  const tr_cuda_state *s = state;
  const tr_cuda_arena *a = &s->memory->arena;
  size_t left = 0, total = 0;
  if (cudaMemGetInfo(&left, &total) != cudaSuccess) (void)cudaGetLastError();
  *out = (tr_device_memory){.taken = (int64_t)a->reserved,
                            .taken_peak = (int64_t)a->reserved_peak,
                            .available = (int64_t)(left + a->reserved - a->in_use),
                            .total = (int64_t)total};
}

/* "12.5 GiB" */
typedef struct {
  char text[32];
} size_text;

static size_text say_size(double bytes) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_text out;
  int unit = 0;
  for (; bytes >= 1024 && unit < 4; unit++) bytes /= 1024;
  snprintf(out.text, sizeof out.text, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.3g %s", bytes, units[unit]);
  return out;
}

/* How much of memory that is free the arena has cut up, so that it does not fit, is told, too. */
static tr_status out_of_memory(tr_ctx *ctx, size_t bytes) {
  tr_cuda_state *s = tr_cuda(ctx);
  const tr_cuda_arena *a = &s->memory->arena;
  tr_device_memory m;
  tr_cuda_memory_report(s, &m);
  const int64_t others = m.total - m.taken - (m.available - (int64_t)(a->reserved - a->in_use));
  return TR_FAIL(
      ctx, TR_E_MEM,
      "out of memory on %s: %s were asked for in one piece, %s of %s are free; arrays hold %s here and "
      "%s are in use elsewhere",
      tr_ctx_resource(ctx), say_size((double)bytes).text, say_size((double)m.available).text,
      say_size((double)m.total).text, say_size((double)a->in_use).text,
      say_size(others > 0 ? (double)others : 0).text);
}

tr_status tr_cuda_take(tr_ctx *ctx, size_t bytes, void **out) {
  if (tr_cuda(ctx)->lost[0]) return TR_FAIL(ctx, TR_E_DEVICE, "%s", tr_cuda(ctx)->lost);
  const cudaError_t error = tr_cuda_arena_take(&tr_cuda(ctx)->memory->arena, bytes ? bytes : 1, out);
  if (error == cudaErrorMemoryAllocation) return out_of_memory(ctx, bytes);
  return tr_cuda_check(ctx, error, "allocating memory");
}

void tr_cuda_release(tr_ctx *ctx, void *memory) {
  if (memory) tr_cuda_arena_give(&tr_cuda(ctx)->memory->arena, memory);
}

/* Enough for most operations, so that it is taken once; the checked emulator minds every byte. */
#ifdef TR_SIMT
#define SCRATCH_LEAST ((size_t)128 << 10)
#else
#define SCRATCH_LEAST ((size_t)40 << 20)
#endif

/* What is recorded has the address of the old one in it. */
static tr_status grow_scratch(tr_ctx *ctx, size_t needed) {
  tr_cuda_memory *m = tr_cuda(ctx)->memory;
  const size_t bytes = needed > SCRATCH_LEAST ? needed : SCRATCH_LEAST;
  if (tr_cuda(ctx)->recording)
    return TR_FAIL(
        ctx, TR_E_UNSUPPORTED,
        "%zu bytes of working memory were asked for in a recording, %zu when the same was run before", bytes,
        m->scratch_size);
  tr_record_drop(ctx, NULL);
  tr_cuda_release(ctx, m->scratch);
  m->scratch = NULL, m->scratch_size = 0;
  TR_TRY(tr_cuda_take(ctx, bytes, &m->scratch));
  m->scratch_size = bytes;
  return TR_OK;
}

tr_status tr_cuda_scratch(tr_ctx *ctx, size_t bytes, void **out) {
  tr_cuda_memory *m = tr_cuda_state_of(ctx)->memory;
  if (bytes > m->scratch_size) TR_TRY(grow_scratch(ctx, bytes));
  *out = m->scratch;
  return TR_OK;
}

tr_status tr_cuda_scratch_parts(tr_ctx *ctx, size_t n, const tr_cuda_part *parts) {
  size_t at = 0;
  void *memory;
  for (size_t i = 0; i < n; i++) at += tr_cuda_up((size_t)parts[i].bytes, TR_CUDA_ALIGN);
  TR_TRY(tr_cuda_scratch(ctx, at, &memory));
  at = 0;
  for (size_t i = 0; i < n; i++) {
    *parts[i].to = (char *)memory + at;
    at += tr_cuda_up((size_t)parts[i].bytes, TR_CUDA_ALIGN);
  }
  return TR_OK;
}

static tr_status cuda_upload(tr_ctx *ctx, void *device, const void *host, size_t bytes) {
  return tr_cuda_check(ctx, tr_cuda_pinned_upload(&tr_cuda(ctx)->memory->pinned, device, host, bytes),
                       "a copy to the device");
}

static tr_status cuda_set_small(tr_ctx *ctx, void *device, const void *host, size_t bytes) {
  return tr_cuda_check(ctx, tr_cuda_pinned_set_small(&tr_cuda(ctx)->memory->pinned, device, host, bytes),
                       "a small copy to the device");
}

static tr_status cuda_download(tr_ctx *ctx, void *host, const void *device, size_t bytes) {
  return tr_cuda_check(ctx, tr_cuda_pinned_download(&tr_cuda(ctx)->memory->pinned, host, device, bytes),
                       "a copy from the device");
}

static tr_status cuda_copy(tr_ctx *ctx, void *to, const void *from, size_t bytes) {
  if (to == from || bytes == 0) return TR_OK;
  if (tr_cuda_cell(ctx, from) || tr_cuda_cell(ctx, to)) return tr_cuda_copy_moving(ctx, to, from, bytes);
  return tr_cuda_check(ctx, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, tr_cuda(ctx)->stream),
                       "a copy on the device");
}

const tr_mem_ops tr_cuda_mem = {.alloc = tr_cuda_take,
                                .release = tr_cuda_release,
                                .upload = cuda_upload,
                                .download = cuda_download,
                                .copy = cuda_copy,
                                .set_small = cuda_set_small};
