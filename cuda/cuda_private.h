/* What the files of the CUDA backend share. Its host code is C11 (cuda/[ROOM/]NAME.c), its kernels are C++17
 * (NAME.cu), each with the function behind it that launches them; both include this header. The same files,
 * unchanged, are the device `emulated` when they are compiled with the headers of tests/simt in the place of
 * the toolkit's.
 *
 * Everything a context asks for goes to one stream, in order. A launch does not wait. What goes wrong on the
 * device comes to light at the next wait, and names the operation that was launched last; with
 * TRANSIT_CUDA_SYNC=1 each launch waits, so that the name is that of the guilty one. */
#ifndef TR_CUDA_CUDA_PRIVATE_H
#define TR_CUDA_CUDA_PRIVATE_H

#include <cuda_runtime_api.h>

#include "core/backend.h"
#include "core/error/error_private.h"
#include "core/nn/ops_private.h"
#include "core/record/record.h"
#include "core/vec/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parts of the state, each opened and closed in the file of its own. */
typedef struct tr_cuda_memory tr_cuda_memory; /* cuda/memory/memory.c */
typedef struct tr_cuda_slots tr_cuda_slots;   /* cuda/vec/slots.c */
typedef struct tr_cuda_blas tr_cuda_blas;     /* cuda/library/blas.c */
typedef struct tr_cuda_graphs tr_cuda_graphs; /* cuda/graph.c */

/* The state of a context on this backend. */
typedef struct {
  int device;
  char name[256];     /* of the chip */
  int major, minor;   /* compute capability */
  int processors;     /* streaming multiprocessors */
  size_t memory_most; /* bytes of memory in all */
  size_t shared_most; /* bytes of shared memory that a block may ask for */
  cudaStream_t stream;
  bool sync;        /* TRANSIT_CUDA_SYNC=1 */
  bool recording;   /* the stream is being captured */
  const char *last; /* the operation launched last, and its shape; NULL: none yet */
  int64_t last_rows, last_cols;
  char lost[384]; /* once the device is of no more use, why */
  tr_cuda_memory *memory;
  tr_cuda_slots *slots;
  tr_cuda_blas *blas;
  tr_cuda_graphs *graphs;
} tr_cuda_state;

/* The state of a context, whose device is that of the calling thread from then on: what the runtime is asked
 * for goes to the thread's, and a context on another device, or another thread, may have come between. */
tr_cuda_state *tr_cuda(tr_ctx *ctx);
/* The same without a look at the runtime: for what lies in it, or where the device is the thread's already.
 */
static inline tr_cuda_state *tr_cuda_state_of(tr_ctx *ctx) {
  return (tr_cuda_state *)tr_ctx_backend_state(ctx);
}

/* TR_OK, or an error of the runtime in one line: what was tried ("a copy to the device") and what it says. An
 * error after which the device is of no more use is kept: everything fails with it from then on. */
tr_status tr_cuda_check(tr_ctx *ctx, cudaError_t error, const char *what);
/* Notes what is launched next, for messages; op is text that lives as long as the context. */
void tr_cuda_note(tr_ctx *ctx, const char *op, int64_t rows, int64_t cols);
/* After a launch, whose return value this is: an error at once, and with TRANSIT_CUDA_SYNC=1 that of the
 * kernel. */
tr_status tr_cuda_launched(tr_ctx *ctx, cudaError_t error);

/* Memory of the device that stays until it is released; neither waits. */
tr_status tr_cuda_take(tr_ctx *ctx, size_t bytes, void **out);
void tr_cuda_release(tr_ctx *ctx, void *memory); /* NULL is fine */
/* Working memory of one operation, 256-byte aligned, contents undefined; the next operation may have it, too.
 */
tr_status tr_cuda_scratch(tr_ctx *ctx, size_t bytes, void **out);
/* The same in n parts, each of them aligned so; one of no bytes is not to be touched. */
typedef struct {
  char **to;
  int64_t bytes;
} tr_cuda_part;
tr_status tr_cuda_scratch_parts(tr_ctx *ctx, size_t n, const tr_cuda_part *parts);

/* In a recording, of memory of the arrays that move between its replays: device memory in which each replay
 * finds its address. NULL for all other memory, and outside recordings. */
const void *tr_cuda_cell(tr_ctx *ctx, const void *data);
/* In a recording an error if this is the address of such memory, which was to be told by its cell. */
tr_status tr_cuda_stays(tr_ctx *ctx, const char *op, const void *data);

extern const tr_mem_ops tr_cuda_mem;               /* cuda/memory/memory.c */
extern const tr_record_ops tr_cuda_record;         /* cuda/graph.c */
extern const tr_vec_ops tr_cuda_vec;               /* cuda/vec/vec.c */
extern const tr_nn_ops tr_cuda_nn;                 /* cuda/nn/nn.c */
extern const tr_collective_ops tr_cuda_collective; /* cuda/library/nccl.c */

/* The operations behind tr_cuda_vec, each in a file of cuda/vec. */
tr_status tr_cuda_program(tr_ctx *ctx, const struct tr_program *program);
tr_status tr_cuda_watch(tr_ctx *ctx, int slot);
tr_status tr_cuda_wait(tr_ctx *ctx);
const volatile double *tr_cuda_slot(tr_ctx *ctx, int slot);
tr_status tr_cuda_randn(tr_ctx *ctx, const tr_random_address *address, tr_array *z);
tr_status tr_cuda_randn_sums(tr_ctx *ctx, const tr_randn_sums_args *args);
tr_status tr_cuda_blend_channels(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                                 const tr_array *y, tr_array *z);
tr_status tr_cuda_dot_rows(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b,
                           tr_array *z);
tr_status tr_cuda_deflate(tr_ctx *ctx, const tr_deflate_args *args);

/* Weights, cuda/nn/weight.c. */
tr_status tr_cuda_weight_create(tr_ctx *ctx, const tr_nn_weight_spec *spec, void **own);
tr_status tr_cuda_weight_set(tr_ctx *ctx, void *own, const tr_array *values);
void tr_cuda_weight_destroy(tr_ctx *ctx, void *own);

/* The operations behind tr_cuda_nn, each in a file of cuda/nn. */
#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  tr_status tr_cuda_##op(tr_ctx *ctx, const tr_nn_##op##_args *args);
#include "core/nn/ops.def"
#undef TR_NN_OP

#ifdef __cplusplus
}
#endif

#endif
