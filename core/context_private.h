/* What core keeps of a context. Not for users of the library. */
#ifndef TR_CORE_CONTEXT_PRIVATE_H
#define TR_CORE_CONTEXT_PRIVATE_H

#include <stddef.h>

#include "core/context.h"

/* An array took so many bytes, or gave them back (< 0). */
void tr_ctx_count_memory(tr_ctx *ctx, int64_t bytes);

typedef enum {
  TR_COUNT_ALLOCATION,
  TR_COUNT_UPLOAD,   /* of so many bytes */
  TR_COUNT_DOWNLOAD, /* of so many bytes; a wait too */
  TR_COUNT_SMALL_SET,
  TR_COUNT_WAIT,
  TR_COUNT_OPERATION,
  TR_COUNT_PROGRAM, /* an operation too */
  TR_COUNT_RECORDED,
  TR_COUNT_REPLAY, /* an operation too */
  TR_COUNT_UNRECORDED,
} tr_count;

/* For the wrappers that hand something over to the backend, see tr_counts: once for each call of its table.
 * bytes: 0 where none are copied. */
void tr_ctx_count(tr_ctx *ctx, tr_count what, size_t bytes);

/* From now on operations go to this table, whose state is that of the one before: for benches, which time
 * what a backend does. It is borrowed. */
void tr_ctx_set_backend(tr_ctx *ctx, const struct tr_backend *backend);

/* Sets of slots, one bit each: in somebody's hands; with a result on its way that no wait has seen. */
typedef struct {
  uint32_t taken, pending;
} tr_slots;
tr_slots *tr_ctx_slots(tr_ctx *ctx);

/* Memory of destroyed arrays that stays with the context; all 0: none. */
typedef struct {
  void *memory;
  size_t bytes;
} tr_block;
typedef struct {
  int holds;
  int n, room;
  tr_block *block;
} tr_kept;
tr_kept *tr_ctx_kept(tr_ctx *ctx);

/* Between the two (core/array.c), memory of arrays that are destroyed stays for those that take as many
 * bytes: for runs of many short solves, which then allocate as one. To allocate makes a device wait. What is
 * kept is not counted in tr_ctx_memory. They nest; each tr_memory_hold has its tr_memory_let_go. */
void tr_memory_hold(tr_ctx *ctx);
void tr_memory_let_go(tr_ctx *ctx);

#endif
