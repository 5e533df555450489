/* Memory of the device, and copies to it and from it. */
#include <stdlib.h>

#include "cuda/parts_private.h"

struct tr_cuda_memory {
  void *scratch;
  size_t scratch_size;
};

tr_status tr_cuda_memory_open(tr_cuda_state *s, tr_error *err) {
  s->memory = calloc(1, sizeof *s->memory);
  if (!s->memory && err)
    *err = (tr_error){.status = TR_E_MEM, .message = "out of memory for the state of a device"};
  return s->memory ? TR_OK : TR_E_MEM;
}

void tr_cuda_memory_close(tr_cuda_state *s) {
  if (s->memory) (void)cudaFree(s->memory->scratch);
  free(s->memory);
  s->memory = NULL;
}

tr_status tr_cuda_scratch(tr_ctx *ctx, size_t bytes, void **out) {
  tr_cuda_memory *m = tr_cuda(ctx)->memory;
  if (bytes > m->scratch_size) {
    TR_TRY(tr_cuda_check(ctx, cudaStreamSynchronize(tr_cuda(ctx)->stream), "waiting for the device"));
    (void)cudaFree(m->scratch);
    m->scratch = NULL, m->scratch_size = 0;
    TR_TRY(tr_cuda_check(ctx, cudaMalloc(&m->scratch, bytes), "allocating working memory"));
    m->scratch_size = bytes;
  }
  *out = m->scratch;
  return TR_OK;
}

static tr_status cuda_alloc(tr_ctx *ctx, size_t bytes, void **out) {
  return tr_cuda_check(ctx, cudaMalloc(out, bytes ? bytes : 1), "allocating an array");
}

static void cuda_release(tr_ctx *ctx, void *memory) {
  (void)cudaStreamSynchronize(tr_cuda(ctx)->stream);
  (void)cudaFree(memory);
}

static tr_status finish(tr_ctx *ctx) {
  return tr_cuda_check(ctx, cudaStreamSynchronize(tr_cuda(ctx)->stream), "waiting for the device");
}

static tr_status cuda_upload(tr_ctx *ctx, void *device, const void *host, size_t bytes) {
  TR_TRY(tr_cuda_check(ctx,
                       cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, tr_cuda(ctx)->stream),
                       "a copy to the device"));
  return finish(ctx);
}

static tr_status cuda_download(tr_ctx *ctx, void *host, const void *device, size_t bytes) {
  TR_TRY(tr_cuda_check(ctx,
                       cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, tr_cuda(ctx)->stream),
                       "a copy from the device"));
  return finish(ctx);
}

static tr_status cuda_copy(tr_ctx *ctx, void *to, const void *from, size_t bytes) {
  return tr_cuda_check(ctx, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, tr_cuda(ctx)->stream),
                       "a copy on the device");
}

const tr_mem_ops tr_cuda_mem = {.alloc = cuda_alloc,
                                .release = cuda_release,
                                .upload = cuda_upload,
                                .download = cuda_download,
                                .copy = cuda_copy,
                                .set_small = cuda_upload};
