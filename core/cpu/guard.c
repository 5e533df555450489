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
  (void)ctx;
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

static tr_status guard_lincomb(tr_ctx *ctx, int k, const double *a, const tr_array *const *x, tr_array *z) {
  for (int i = 0; i < k; i++) tr_guard_unlock(x[i]);
  tr_guard_unlock(z);
  tr_status status = tr_cpu_vec.lincomb(ctx, k, a, x, z);
  for (int i = 0; i < k; i++) tr_guard_lock(x[i]);
  tr_guard_lock(z);
  return status;
}

static tr_status guard_map(tr_ctx *ctx, tr_map_op op, double c, const tr_array *x, const tr_array *y,
                           tr_array *z) {
  TR_GUARDED(tr_cpu_vec.map(ctx, op, c, x, y, z), x, y, z);
}

static tr_status guard_reduce(tr_ctx *ctx, tr_reduce_op op, const tr_array *x, const tr_array *y,
                              const tr_segments *seg, double *out) {
  TR_GUARDED(tr_cpu_vec.reduce(ctx, op, x, y, seg, out), x, y);
}

static tr_status guard_randn(tr_ctx *ctx, const tr_random_address *address, tr_array *z) {
  TR_GUARDED(tr_cpu_vec.randn(ctx, address, z), z);
}

static tr_status guard_blend_channels(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                                      const tr_array *y, tr_array *z) {
  TR_GUARDED(tr_cpu_vec.blend_channels(ctx, channels, a, x, b, y, z), x, y, z);
}

static tr_status guard_dot_rows(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b,
                                tr_array *z) {
  TR_GUARDED(tr_cpu_vec.dot_rows(ctx, a, x, y, b, z), x, y, z);
}

static int64_t guard_rows_at_once(tr_ctx *ctx, bool kept) {
  return tr_cpu_nn.rows_at_once(ctx, kept);
}

/* Nobody but the CPU's operations can find the memory of a weight: it need not be locked. */
static tr_status guard_weight_set(tr_ctx *ctx, void *own, const tr_array *values) {
  TR_GUARDED(tr_cpu_nn.weight_set(ctx, own, values), values);
}

static tr_status guard_linear(tr_ctx *ctx, const tr_nn_linear_args *args) {
  TR_GUARDED(tr_cpu_nn.linear(ctx, args), args->x, args->bias, args->gate.table, args->residual, args->y);
}

static tr_status guard_norm_modulate(tr_ctx *ctx, const tr_nn_norm_args *args) {
  TR_GUARDED(tr_cpu_nn.norm_modulate(ctx, args), args->x, args->shift.table, args->scale.table, args->y);
}

static tr_status guard_attention(tr_ctx *ctx, const tr_array *qkv, int64_t samples, int heads, tr_array *y) {
  TR_GUARDED(tr_cpu_nn.attention(ctx, qkv, samples, heads, y), qkv, y);
}

static tr_status guard_condition(tr_ctx *ctx, const tr_array *e, const tr_array *table, const int32_t *labels,
                                 tr_array *y) {
  TR_GUARDED(tr_cpu_nn.condition(ctx, e, table, labels, y), e, table, y);
}

static tr_status guard_patchify(tr_ctx *ctx, const tr_array *x, int patch, tr_array *y) {
  TR_GUARDED(tr_cpu_nn.patchify(ctx, x, patch, y), x, y);
}

static tr_status guard_unpatchify(tr_ctx *ctx, const tr_array *y, int patch, tr_array *x) {
  TR_GUARDED(tr_cpu_nn.unpatchify(ctx, y, patch, x), y, x);
}

static tr_status guard_gate(tr_ctx *ctx, const tr_array *x, const tr_nn_columns *gate, tr_array *y) {
  TR_GUARDED(tr_cpu_nn.gate(ctx, x, gate, y), x, gate->table, y);
}

static tr_status guard_activate(tr_ctx *ctx, tr_nn_activation activation, const tr_array *v, tr_array *y) {
  TR_GUARDED(tr_cpu_nn.activate(ctx, activation, v, y), v, y);
}

static tr_status guard_activation_backward(tr_ctx *ctx, tr_nn_activation activation, const tr_array *v,
                                           const tr_array *dy, tr_array *dv) {
  TR_GUARDED(tr_cpu_nn.activation_backward(ctx, activation, v, dy, dv), v, dy, dv);
}

static tr_status guard_norm_backward(tr_ctx *ctx, const tr_nn_norm_backward_args *args) {
  TR_GUARDED(tr_cpu_nn.norm_backward(ctx, args), args->x, args->scale.table, args->dy, args->residual,
             args->dx);
}

static tr_status guard_attention_backward(tr_ctx *ctx, const tr_array *qkv, int64_t samples, int heads,
                                          const tr_array *dy, tr_array *dqkv) {
  TR_GUARDED(tr_cpu_nn.attention_backward(ctx, qkv, samples, heads, dy, dqkv), qkv, dy, dqkv);
}

static tr_status guard_patchify_adjoint(tr_ctx *ctx, const tr_array *dy, int patch, tr_array *dx) {
  TR_GUARDED(tr_cpu_nn.patchify_adjoint(ctx, dy, patch, dx), dy, dx);
}

static tr_status guard_unpatchify_adjoint(tr_ctx *ctx, const tr_array *dx, int patch, tr_array *dy) {
  TR_GUARDED(tr_cpu_nn.unpatchify_adjoint(ctx, dx, patch, dy), dx, dy);
}

static tr_status guard_gradient_of_linear(tr_ctx *ctx, const tr_array *x, const tr_array *dy, tr_array *dw,
                                          tr_array *db) {
  TR_GUARDED(tr_cpu_nn.gradient_of_linear(ctx, x, dy, dw, db), x, dy, dw, db);
}

static tr_status guard_gradient_of_gate(tr_ctx *ctx, const tr_array *x, const tr_array *dy, tr_array *dgate,
                                        int64_t offset) {
  TR_GUARDED(tr_cpu_nn.gradient_of_gate(ctx, x, dy, dgate, offset), x, dy, dgate);
}

static tr_status guard_gradient_of_norm(tr_ctx *ctx, const tr_nn_gradient_of_norm_args *args) {
  TR_GUARDED(tr_cpu_nn.gradient_of_norm(ctx, args), args->x, args->dy, args->table);
}

static tr_status guard_gradient_of_condition(tr_ctx *ctx, const tr_array *e, const tr_array *table,
                                             const int32_t *labels, const tr_array *dy, tr_array *de,
                                             tr_array *dtable) {
  TR_GUARDED(tr_cpu_nn.gradient_of_condition(ctx, e, table, labels, dy, de, dtable), e, table, dy, de,
             dtable);
}

static tr_status guard_norm_jvp(tr_ctx *ctx, const tr_nn_norm_jvp_args *args) {
  TR_GUARDED(tr_cpu_nn.norm_jvp(ctx, args), args->x, args->scale.table, args->v, args->y);
}

static tr_status guard_attention_jvp(tr_ctx *ctx, const tr_array *qkv, const tr_array *v, int64_t samples,
                                     int heads, tr_array *y) {
  TR_GUARDED(tr_cpu_nn.attention_jvp(ctx, qkv, v, samples, heads, y), qkv, v, y);
}

static const tr_mem_ops guard_mem = {guard_alloc, guard_release, guard_upload, guard_download, guard_copy};
static const tr_vec_ops guard_vec = {guard_lincomb,        guard_map,     guard_reduce, guard_randn,
                                     guard_blend_channels, guard_dot_rows};
static const tr_nn_ops guard_nn = {.rows_at_once = guard_rows_at_once,
                                   .weight_create = tr_cpu_weight_create,
                                   .weight_set = guard_weight_set,
                                   .weight_destroy = tr_cpu_weight_destroy,
                                   .linear = guard_linear,
                                   .norm_modulate = guard_norm_modulate,
                                   .attention = guard_attention,
                                   .condition = guard_condition,
                                   .patchify = guard_patchify,
                                   .unpatchify = guard_unpatchify,
                                   .gate = guard_gate,
                                   .activate = guard_activate,
                                   .activation_backward = guard_activation_backward,
                                   .norm_backward = guard_norm_backward,
                                   .attention_backward = guard_attention_backward,
                                   .patchify_adjoint = guard_patchify_adjoint,
                                   .unpatchify_adjoint = guard_unpatchify_adjoint,
                                   .gradient_of_linear = guard_gradient_of_linear,
                                   .gradient_of_gate = guard_gradient_of_gate,
                                   .gradient_of_norm = guard_gradient_of_norm,
                                   .gradient_of_condition = guard_gradient_of_condition,
                                   .norm_jvp = guard_norm_jvp,
                                   .attention_jvp = guard_attention_jvp};

const tr_backend tr_backend_guard = {.abi = TR_BACKEND_ABI,
                                     .name = "guard",
                                     .summary =
                                         "the processor with memory locked outside operations (for tests)",
                                     .open = tr_cpu_open,
                                     .close = tr_cpu_close,
                                     .describe = NULL,
                                     .mem = &guard_mem,
                                     .vec = &guard_vec,
                                     .nn = &guard_nn};
