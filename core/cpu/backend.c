/* The CPU backend: always built, the oracle of every test. */
#define _DEFAULT_SOURCE /* madvise */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "core/cpu/cpu.h"
#include "core/error/error_private.h"

tr_status tr_cpu_open(int device, void **state, tr_error *err) {
  *state = NULL;
  if (device != 0)
    return TR_FAIL_IN(err, TR_E_ARG, "no device number %d: the processor is one device, use cpu", device);
  tr_cpu_state chosen = {0};
  TR_TRY(tr_cpu_level_selected(&chosen.level, err));
  TR_TRY(tr_gemm_engine_selected(chosen.level, &chosen.engine, err));
  chosen.bf16 = tr_cpu_has_bf16(chosen.level);
  tr_cpu_state *memory = malloc(sizeof *memory);
  if (!memory) return TR_FAIL_IN(err, TR_E_MEM, "out of memory for the state of a device");
  *memory = chosen;
  *state = memory;
  return TR_OK;
}

void tr_cpu_close(void *state) {
  tr_cpu_state *cpu = state;
  if (cpu) free(cpu->scratch);
  free(cpu);
}

tr_status tr_cpu_describe(char *text, size_t size) {
  tr_cpu_level level;
  tr_gemm_engine engine;
  char features[256];
  TR_TRY(tr_cpu_level_selected(&level, NULL));
  TR_TRY(tr_gemm_engine_selected(level, &engine, NULL));
  snprintf(text, size, "%s kernels, products by %s, of bf16 %s; processor features: %s",
           tr_cpu_level_name(level), tr_gemm_engine_name(engine),
           tr_cpu_has_bf16(level) ? "by vdpbf16ps" : "converted", tr_cpu_features(features, sizeof features));
  return TR_OK;
}

tr_status tr_cpu_scratch(tr_ctx *ctx, size_t bytes, void **out) {
  tr_cpu_state *state = tr_ctx_backend_state(ctx);
  if (bytes > state->scratch_size) {
    free(state->scratch);
    state->scratch_size = 0;
    size_t rounded = (bytes + 63) / 64 * 64;
    state->scratch = aligned_alloc(64, rounded);
    if (!state->scratch)
      return TR_FAIL(ctx, TR_E_MEM, "out of memory for %zu bytes of working memory", bytes);
    state->scratch_size = rounded;
  }
  *out = state->scratch;
  return TR_OK;
}

/* Waking a thread that waits passively takes 10 to 60 microseconds, on a busy machine more. */
#define SECONDS_WORTH_A_THREAD 5e-5

int tr_cpu_threads_for(const tr_ctx *ctx, double seconds) {
  double worth = seconds / SECONDS_WORTH_A_THREAD;
  int threads = tr_ctx_threads(ctx);
  return worth >= threads ? threads : worth > 1 ? (int)worth : 1;
}

int tr_cpu_threads_for_elements(const tr_ctx *ctx, int64_t count) {
  return tr_cpu_threads_for(ctx, (double)count / TR_CPU_ELEMENT_RATE);
}

#define SECONDS_OF_LONG_WORK 1

tr_cpu_long_work tr_cpu_begin(tr_ctx *ctx, double seconds) {
  return (tr_cpu_long_work){.ctx = ctx, .asks = seconds >= SECONDS_OF_LONG_WORK};
}

bool tr_cpu_is_stopped(tr_cpu_long_work *work) {
  if (!work->asks || !tr_ctx_interrupted(work->ctx)) return false;
#pragma omp atomic write
  work->stopped = true;
  return true;
}

tr_status tr_cpu_end(const tr_cpu_long_work *work) {
  if (!work->stopped) return TR_OK;
  return TR_FAIL(work->ctx, TR_E_INTERRUPTED, "interrupted at work on one layer, within an evaluation");
}

/* Layers walk through matrices by rows that lie pages apart: with pages of 2 MiB, where the system has them,
 * fewer addresses have to be looked up. It is advice, and may be ignored. */
#define HUGE_PAGE ((size_t)1 << 21)
#define GIB       1073741824.0

static void advise_huge_pages(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  (void)madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#else
  (void)memory, (void)bytes;
#endif
}

/* Bytes of main memory and swap space; as much as can be counted where the system does not tell. */
static uint64_t machine_memory(void) {
  struct sysinfo machine;
  if (sysinfo(&machine) != 0) return UINT64_MAX;
  return ((uint64_t)machine.totalram + machine.totalswap) * machine.mem_unit;
}

/* Systems promise more memory than there is, and end whoever uses it: what the context holds and would hold
 * has to fit into the machine. */
static tr_status check_machine_room(tr_ctx *ctx, size_t bytes) {
  const uint64_t all = machine_memory(), held = (uint64_t)tr_ctx_memory(ctx);
  if (bytes <= all && held <= all - bytes) return TR_OK;
  return TR_FAIL(ctx, TR_E_MEM,
                 "out of memory for an array of %zu bytes: %.1f of the %.1f GiB of this machine are held",
                 bytes, (double)held / GIB, (double)all / GIB);
}

tr_status tr_cpu_alloc(tr_ctx *ctx, size_t bytes, void **out) {
  size_t rounded = (bytes + 63) / 64 * 64;
  if (bytes >= HUGE_PAGE) TR_TRY(check_machine_room(ctx, bytes)); /* small ones are not worth a system call */
  if (rounded < bytes || posix_memalign(out, bytes < HUGE_PAGE ? 64 : HUGE_PAGE, rounded) != 0)
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for an array of %zu bytes", bytes);
  if (bytes >= HUGE_PAGE) advise_huge_pages(*out, bytes);
  return TR_OK;
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

static const tr_mem_ops cpu_mem = {.alloc = tr_cpu_alloc,
                                   .release = cpu_release,
                                   .upload = cpu_upload,
                                   .download = cpu_download,
                                   .copy = cpu_copy,
                                   .set_small = cpu_upload};

const tr_backend tr_backend_cpu = {.abi = TR_BACKEND_ABI,
                                   .name = "cpu",
                                   .summary = "this machine's processor (the default)",
                                   .promises = TR_BACKEND_ROWS_INDEPENDENT | TR_BACKEND_SUMS_IN_ORDER |
                                               TR_BACKEND_PROCESSOR_BITS | TR_BACKEND_HOST_MEMORY |
                                               TR_BACKEND_FUSED_BITS,
                                   .open = tr_cpu_open,
                                   .close = tr_cpu_close,
                                   .describe = tr_cpu_describe,
                                   .mem = &cpu_mem,
                                   .vec = &tr_cpu_vec,
                                   .nn = &tr_cpu_nn};
