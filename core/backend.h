/* The backend table: what a device must be able to do. One table per device type ("cpu", "guard", "cuda").
 * REQUIRED pointers are never NULL. OPTIONAL ones may be NULL: the wrappers in core/vec/vec.h and
 * core/nn/nn.h then return TR_E_UNSUPPORTED naming the operation; nothing falls back silently. All arrays
 * given to one call belong to the context. Operations may be asynchronous, in the order in which they are
 * asked for; download and wait return when what came before is done. */
#ifndef TR_CORE_BACKEND_H
#define TR_CORE_BACKEND_H

#include "core/array.h"
#include "core/random.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_BACKEND_ABI 2
#define TR_LINCOMB_MAX 16

typedef enum {               /* z = ... elementwise */
               TR_MAP_CONST, /* z = c */
               TR_MAP_MUL,   /* z = x * y */
               TR_MAP_DIV,   /* z = x / y */
               TR_MAP_ABS,   /* z = |x| */
               TR_MAP_INV,   /* z = 1 / x */
               TR_MAP_ADDC   /* z = x + c */
} tr_map_op;

typedef enum {             /* out[k] = ... over segment k, accumulated in double in a fixed order */
               TR_SUM_XY,  /* sum x y */
               TR_SUM_XW2, /* sum (x y)^2 */
               TR_MAX_ABS, /* max |x|; NaN if any x is NaN */
               TR_MIN,     /* min x; NaN if any x is NaN */
               TR_SUM      /* sum x */
} tr_reduce_op;

/* Consecutive parts of a flattened array: part k is [end[k-1], end[k]), end[n-1] = count. n = 0 means one
 * part. */
#define TR_MAX_SEGMENTS 4
typedef struct {
  int n;
  int64_t end[TR_MAX_SEGMENTS];
} tr_segments;

/* A slot holds what the device found out and the host reads later: the result of a reduction, or the latch of
 * a watch, the first step at which a state was not finite. */
#define TR_SLOTS      16
#define TR_WATCH_NONE (-1) /* the latch is not set */
struct tr_program;         /* core/vec/program.h */

typedef struct {
  tr_status (*alloc)(tr_ctx *ctx, size_t bytes, void **out);                        /* REQUIRED */
  void (*release)(tr_ctx *ctx, void *memory);                                       /* REQUIRED */
  tr_status (*upload)(tr_ctx *ctx, void *device, const void *host, size_t bytes);   /* REQUIRED */
  tr_status (*download)(tr_ctx *ctx, void *host, const void *device, size_t bytes); /* REQUIRED */
  tr_status (*copy)(tr_ctx *ctx, void *to, const void *from, size_t bytes);         /* REQUIRED */
  /* An upload of at most TR_SMALL_BYTES that waits for nothing: `host` may change as soon as it returns.
   * REQUIRED */
  tr_status (*set_small)(tr_ctx *ctx, void *device, const void *host, size_t bytes);
} tr_mem_ops;

/* Sums of many normals, z[s] of them made in one pass. A term has two normals of every element, those of its
 * step for the purposes of `address` and `second`, and their factors in each sum. */
#define TR_RANDN_TERMS 64
typedef struct {
  uint32_t step;
  double factor[2][2]; /* of sum s: of the first normal, of the second */
} tr_randn_term;
typedef struct {
  tr_random_address address; /* its step is not read */
  uint32_t second;
  int n; /* 1 .. TR_RANDN_TERMS */
  const tr_randn_term *term;
  tr_array *z[2]; /* (N, ...), of equal shape and type; z[1] may be NULL */
} tr_randn_sums_args;

/* What separates a matrix A from the part of it that a few products show, row by row; n elements a row. */
typedef struct {
  int64_t basis;                  /* R >= 1 */
  int64_t first, rows;            /* those of the N rows that are worked on */
  const tr_array *given, *images; /* (2 R, N, n), (>= R, N, n): vectors g, and A g of the first R of them */
  tr_array *deflated;             /* (2 R, N, n), neither of these */
  tr_array *numbers;              /* (2, N) */
} tr_deflate_args;
/* Of the length of an image: what is left of it by rounding alone. */
#define TR_DEFLATE_DEPENDENT 1e-12

typedef struct {
  /* Runs the list, then its reduction, then its watch, see core/vec/program.h: bit for bit as the operations
   * one by one. Copies the program: it is another one on return. A sum runs over the same parts of each
   * segment in the same order whatever else the program does. The elementwise operations of core/vec/vec.h
   * are lists of one. REQUIRED */
  tr_status (*program)(tr_ctx *ctx, const struct tr_program *program);
  /* Sets the latch of a slot, which has no result on its way, back to TR_WATCH_NONE; `slot` shows it at once.
   * REQUIRED */
  tr_status (*watch)(tr_ctx *ctx, int slot);
  /* Returns when everything before is done and the results of all slots are where `slot` shows them. REQUIRED
   */
  tr_status (*wait)(tr_ctx *ctx);
  /* Host memory, for the life of the context, in which the numbers of a slot appear, TR_MAX_SEGMENTS of them:
   * results of a reduction, by segment, or the step of a watch. After `wait` all are there; before, a latch
   * is either set or not yet seen to be. Never waits. REQUIRED */
  const volatile double *(*slot)(tr_ctx *ctx, int slot);
  /* z (N, ...): standard normals addressed by core/random.h, row i being sample address->sample + i. REQUIRED
   */
  tr_status (*randn)(tr_ctx *ctx, const tr_random_address *address, tr_array *z);
  /* As tr_randn_sums of core/vec/vec.h says. REQUIRED */
  tr_status (*randn_sums)(tr_ctx *ctx, const tr_randn_sums_args *args);
  /* Arrays (N, C, ...): z = a x + b y on the channels 0 .. channels - 1, z = y on the others. REQUIRED */
  tr_status (*blend_channels)(tr_ctx *ctx, int64_t channels, double a, const tr_array *x, double b,
                              const tr_array *y, tr_array *z);
  /* z[r] = a (sum over row r of x y) + b; x and y of z->count rows of equal length. REQUIRED */
  tr_status (*dot_rows)(tr_ctx *ctx, double a, const tr_array *x, const tr_array *y, double b, tr_array *z);
  /* As tr_deflate of core/vec/vec.h says. OPTIONAL: the trace hutch++ */
  tr_status (*deflate)(tr_ctx *ctx, const tr_deflate_args *args);
} tr_vec_ops;

struct tr_nn_ops; /* core/nn/ops_private.h */

/* For core/record/record.h, which says what a recording is. */
typedef struct {
  /* Whether it records at all. REQUIRED */
  bool (*ready)(tr_ctx *ctx);
  /* From now on operations are recorded and not done. what: for messages, copied. `base` and `bytes`: memory
   * of n arrays that is elsewhere at each replay, apart from each other. REQUIRED */
  tr_status (*begin)(tr_ctx *ctx, const char *what, int n, void *const *base, const size_t *bytes);
  /* Ends it; keep: *made is what was recorded. TR_E_MEM of either where there is no memory for a recording.
   * REQUIRED */
  tr_status (*end)(tr_ctx *ctx, bool keep, void **made);
  /* Does all of it, with the n arrays at these addresses; they have the alignment to 16 bytes of `base`.
   * REQUIRED */
  tr_status (*replay)(tr_ctx *ctx, void *made, void *const *address);
  void (*drop)(tr_ctx *ctx, void *made); /* REQUIRED */
} tr_record_ops;

/* Sums over processes, each with a device of its own, from device to device. They find each other by an id
 * that one of them makes and the caller brings to the others. Work goes beside what the context is asked for:
 * it begins when what came before is done, and what comes after may not touch its array until `look` says
 * that it is done. */
#define TR_COLLECTIVE_ID    128 /* bytes, at most */
#define TR_COLLECTIVE_PLACE 64
typedef struct {
  const char *name; /* "nccl" */
  size_t id_bytes;
  /* Where the device sits, as text (of TR_COLLECTIVE_PLACE bytes) that no other one of the machine has;
   * TR_E_UNSUPPORTED saying what is missing where there can be no such sums. REQUIRED */
  tr_status (*place)(tr_ctx *ctx, char *text);
  tr_status (*make_id)(tr_ctx *ctx, void *id); /* REQUIRED */
  /* What this process needs for it, by itself. REQUIRED */
  tr_status (*prepare)(tr_ctx *ctx, void **own);
  /* All processes at once, each prepared: one that does not come would be waited for. REQUIRED */
  tr_status (*join)(tr_ctx *ctx, void *own, const void *id, int rank, int size);
  /* x, f32 or f64, becomes its sum, of the same bits everywhere. REQUIRED */
  tr_status (*sum)(tr_ctx *ctx, void *own, tr_array *x);
  /* x becomes what it is on `root`. REQUIRED */
  tr_status (*broadcast)(tr_ctx *ctx, void *own, int root, tr_array *x);
  /* *done: whether all that was begun is there. Never waits. TR_E_DEVICE where one of the processes, or the
   * way to it, is gone. REQUIRED */
  tr_status (*look)(tr_ctx *ctx, void *own, bool *done);
  /* All processes at once, unless `lost`: then nobody waits. Also of what was never joined. REQUIRED */
  void (*close)(tr_ctx *ctx, void *own, bool lost);
} tr_collective_ops;

/* What a backend promises. */
enum {
  /* A row of an operation of core/nn/nn.h, in attention a sample, has bits that its own operands alone
   * decide, whatever else is in the batch and however many threads there are. */
  TR_BACKEND_ROWS_INDEPENDENT = 1,
  /* Gradients of parameters are chains of sums in the order of the rows, see core/nn/nn.h. */
  TR_BACKEND_SUMS_IN_ORDER = 2,
  /* Memory of arrays is the host's own: between operations it may be read and written there. */
  TR_BACKEND_HOST_MEMORY = 4,
  /* It has products of TF32, TR_NN_TF32 of core/nn/nn.h. */
  TR_BACKEND_TF32 = 8,
  /* With products of bf16 it takes, and gives, arrays in bf16 where core/nn/nn.h says "or bf16". */
  TR_BACKEND_BF16_ARRAYS = 16,
  /* What a network operation does in one has the bits of the operations one by one: a linear layer with an
   * activation, a gate or a slope, with a norm behind it. Elsewhere it agrees with them to rounding. */
  TR_BACKEND_FUSED_BITS = 32,
  /* Vector operations have the processor's bits: sums run over its chunks in its order, and normals are made
   * with the C library's functions. Elsewhere normals are within two units in the last place of these, in f32
   * within one, and 99 in 100 are the same. Elementwise operations have these bits everywhere. */
  TR_BACKEND_PROCESSOR_BITS = 64,
  /* The backward of attention keeps no scores, and goes faster where it is given the statistics of the
   * forward: networks keep these for it. */
  TR_BACKEND_WANTS_STATS = 128
};

typedef struct tr_backend {
  uint32_t abi;
  const char *name;
  const char *summary;
  unsigned promises;                                          /* TR_BACKEND_... */
  tr_status (*open)(int device, void **state, tr_error *err); /* REQUIRED; fails when the device is absent */
  void (*close)(void *state);                                 /* REQUIRED */
  tr_status (*describe)(char *text, size_t size);             /* OPTIONAL: devices present, for --version */
  /* The number of the device for process `local`, 0 and up, of those on its machine: of the devices that
   * programs can use, in turns; -1: there is none. The first that was passed over is told in err. OPTIONAL:
   * where there is never more than one device */
  int (*of_rank)(int local, tr_error *err);
  void (*memory)(void *state, tr_device_memory *out); /* OPTIONAL: of a device with memory of its own */
  const tr_mem_ops *mem;                              /* REQUIRED */
  const tr_vec_ops *vec;                              /* REQUIRED */
  const struct tr_nn_ops *nn;                         /* OPTIONAL */
  const tr_record_ops *record;                        /* OPTIONAL: all is done one by one */
  const tr_collective_ops *collective;                /* OPTIONAL: arrays go to other processes by the host */
} tr_backend;

TR_API extern const tr_backend tr_backend_cpu, tr_backend_guard;

/* The backends compiled in, NULL-terminated, in the order in which "auto" tries them. */
TR_API const tr_backend *const *tr_backends(void);

#ifdef __cplusplus
}
#endif

#endif
