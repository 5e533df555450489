/* The guard backend: the CPU's operations on memory that nobody else can read. Every allocation is its own
 * mapping with PROT_NONE; an operation unlocks the arrays it was given and locks them again. A host
 * dereference of "device" memory anywhere in the library is then a segmentation fault in the tests, on a
 * machine without a GPU. */
#define _GNU_SOURCE
#include "core/cpu/guard.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cpu/cpu.h"

static size_t page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t pages(size_t bytes) {
  size_t page = page_size();
  return (bytes + page - 1) / page * page;
}

/* Layout of an allocation: one page that holds the size, the data, one page never unlocked. */
static tr_status guard_alloc(tr_ctx *ctx, size_t bytes, void **out) {
  size_t page = page_size(), total = pages(bytes) + 2 * page;
  char *base = total > bytes ? mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
  if (base == MAP_FAILED || mprotect(base, page, PROT_READ | PROT_WRITE) != 0) {
    if (base != MAP_FAILED) munmap(base, total);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for a guarded array of %zu bytes", bytes);
  }
  memcpy(base, &total, sizeof total);
  *out = base + page;
  return TR_OK;
}

static void guard_release(tr_ctx *ctx, void *memory) {
  (void)ctx;
  char *base = (char *)memory - page_size();
  size_t total;
  memcpy(&total, base, sizeof total);
  munmap(base, total);
}

static void protect(const void *data, size_t bytes, int protection) {
  uintptr_t page = page_size(), first = (uintptr_t)data / page * page;
  if (bytes) mprotect((void *)first, pages((uintptr_t)data + bytes - first), protection);
}

void tr_guard_set_late(tr_ctx *ctx, bool late) {
  ((tr_cpu_state *)tr_ctx_backend_state(ctx))->late = late;
}

void tr_guard_unlock(const tr_array *a) {
  if (a) protect(a->data, (size_t)a->count * tr_dtype_size(a->dtype), PROT_READ | PROT_WRITE);
}

void tr_guard_lock(const tr_array *a) {
  if (a) protect(a->data, (size_t)a->count * tr_dtype_size(a->dtype), PROT_NONE);
}

static tr_status guard_upload(tr_ctx *ctx, void *device, const void *host, size_t bytes) {
  (void)ctx;
  protect(device, bytes, PROT_READ | PROT_WRITE);
  if (bytes) memcpy(device, host, bytes);
  protect(device, bytes, PROT_NONE);
  return TR_OK;
}

static tr_status guard_download(tr_ctx *ctx, void *host, const void *device, size_t bytes) {
  tr_cpu_show_slots(tr_ctx_backend_state(ctx));
  protect(device, bytes, PROT_READ);
  if (bytes) memcpy(host, device, bytes);
  protect(device, bytes, PROT_NONE);
  return TR_OK;
}

static tr_status guard_copy(tr_ctx *ctx, void *to, const void *from, size_t bytes) {
  (void)ctx;
  protect(from, bytes, PROT_READ);
  protect(to, bytes, PROT_READ | PROT_WRITE);
  if (bytes) memmove(to, from, bytes);
  protect(from, bytes, PROT_NONE);
  protect(to, bytes, PROT_NONE);
  return TR_OK;
}

static tr_status guard_program(tr_ctx *ctx, const tr_program *p) {
  const size_t bytes = (size_t)p->count * tr_dtype_size(p->dtype);
  for (int i = 0; i < p->n_vectors; i++) protect(p->vector[i], bytes, PROT_READ | PROT_WRITE);
  tr_status status = tr_cpu_vec.program(ctx, p);
  for (int i = 0; i < p->n_vectors; i++) protect(p->vector[i], bytes, PROT_NONE);
  return status;
}

static tr_status guard_watch(tr_ctx *ctx, int slot) {
  return tr_cpu_vec.watch(ctx, slot);
}

static tr_status guard_wait(tr_ctx *ctx) {
  return tr_cpu_vec.wait(ctx);
}

static const volatile double *guard_slot(tr_ctx *ctx, int slot) {
  return tr_cpu_vec.slot(ctx, slot);
}

static tr_status guard_randn(tr_ctx *ctx, const tr_random_address *address, tr_array *z) {
  TR_GUARDED(tr_cpu_vec.randn(ctx, address, z), z);
}

static tr_status guard_randn_sums(tr_ctx *ctx, const tr_randn_sums_args *a) {
  TR_GUARDED(tr_cpu_vec.randn_sums(ctx, a), a->z[0], a->z[1]);
}

static tr_status guard_blend_channels(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                                      const tr_array *y, tr_array *z) {
  TR_GUARDED(tr_cpu_vec.blend_channels(ctx, channels, a, x, b, y, z), x, y, z);
}

static tr_status guard_dot_rows(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b,
                                tr_array *z) {
  TR_GUARDED(tr_cpu_vec.dot_rows(ctx, a, x, y, b, z), x, y, z);
}

static tr_status guard_deflate(tr_ctx *ctx, const tr_deflate_args *a) {
  TR_GUARDED(tr_cpu_vec.deflate(ctx, a), a->given, a->images, a->deflated, a->numbers);
}

/* Nobody but the CPU's operations can find the memory of a weight: it need not be locked. */
static tr_status guard_weight_set(tr_ctx *ctx, void *own, const tr_array *values) {
  TR_GUARDED(tr_cpu_weight_set(ctx, own, values), values);
}

#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  static tr_status guard_##op(tr_ctx *ctx, const tr_nn_##op##_args *a) {                                     \
    TR_GUARDED(tr_cpu_##op(ctx, a), TR_NN_OPERANDS must, TR_NN_OPERANDS may);                                \
  }
#include "core/nn/ops.def"
#undef TR_NN_OP

static const tr_mem_ops guard_mem = {.alloc = guard_alloc,
                                     .release = guard_release,
                                     .upload = guard_upload,
                                     .download = guard_download,
                                     .copy = guard_copy,
                                     .set_small = guard_upload};
static const tr_vec_ops guard_vec = {.program = guard_program,
                                     .watch = guard_watch,
                                     .wait = guard_wait,
                                     .slot = guard_slot,
                                     .randn = guard_randn,
                                     .randn_sums = guard_randn_sums,
                                     .blend_channels = guard_blend_channels,
                                     .dot_rows = guard_dot_rows,
                                     .deflate = guard_deflate};
static const tr_nn_ops guard_nn = {
    .rows_at_once = tr_cpu_rows_at_once,
    .weight_create = tr_cpu_weight_create,
    .weight_set = guard_weight_set,
    .weight_destroy = tr_cpu_weight_destroy,
#define TR_NN_OP(op, what, need, moves, must, may) .op = guard_##op,
#include "core/nn/ops.def"
#undef TR_NN_OP
};

const tr_backend tr_backend_guard = {.abi = TR_BACKEND_ABI,
                                     .name = "guard",
                                     .summary =
                                         "the processor with memory locked outside operations (for tests)",
                                     .promises = TR_BACKEND_ROWS_INDEPENDENT | TR_BACKEND_SUMS_IN_ORDER |
                                                 TR_BACKEND_PROCESSOR_BITS | TR_BACKEND_FUSED_BITS,
                                     .open = tr_cpu_open,
                                     .close = tr_cpu_close,
                                     .describe = NULL,
                                     .mem = &guard_mem,
                                     .vec = &guard_vec,
                                     .nn = &guard_nn};
