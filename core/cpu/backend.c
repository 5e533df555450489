/* The CPU backend: always built, the oracle of every test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cpu/cpu.h"

static tr_status cpu_open(int device, void **state, tr_error *err) {
  *state = NULL;
  if (device == 0) return TR_OK;
  if (err) {
    *err = (tr_error){.status = TR_E_ARG, .file = __FILE__, .line = __LINE__};
    snprintf(err->message, sizeof err->message, "no device 'cpu:%d': the CPU is one device, use cpu", device);
  }
  return TR_E_ARG;
}

static void cpu_close(void *state) {
  (void)state;
}

static tr_status cpu_alloc(tr_ctx *ctx, size_t bytes, void **out) {
  size_t rounded = (bytes + 63) / 64 * 64;
  *out = rounded >= bytes ? aligned_alloc(64, rounded) : NULL;
  return *out ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for an array of %zu bytes", bytes);
}

static void cpu_release(tr_ctx *ctx, void *memory) {
  (void)ctx;
  free(memory);
}

static tr_status cpu_upload(tr_ctx *ctx, void *device, const void *host, size_t bytes) {
  (void)ctx;
  if (bytes) memcpy(device, host, bytes);
  return TR_OK;
}

static tr_status cpu_download(tr_ctx *ctx, void *host, const void *device, size_t bytes) {
  (void)ctx;
  if (bytes) memcpy(host, device, bytes);
  return TR_OK;
}

static tr_status cpu_copy(tr_ctx *ctx, void *to, const void *from, size_t bytes) {
  (void)ctx;
  if (bytes) memmove(to, from, bytes);
  return TR_OK;
}

static const tr_mem_ops cpu_mem = {cpu_alloc, cpu_release, cpu_upload, cpu_download, cpu_copy};

const tr_backend tr_backend_cpu = {.abi = TR_BACKEND_ABI,
                                   .name = "cpu",
                                   .summary = "this machine's processor (the default)",
                                   .open = cpu_open,
                                   .close = cpu_close,
                                   .describe = NULL,
                                   .mem = &cpu_mem,
                                   .vec = &tr_cpu_vec,
                                   .nn = NULL};
