/* What the operations of a network read, write and multiply on a device, counted and not done: for benches
 * that tell bounds of time where there is no device. */
#ifndef TR_TESTS_SUPPORT_NETS_OP_BYTES_H
#define TR_TESTS_SUPPORT_NETS_OP_BYTES_H

#include "core/context.h"

/* An operation by its name, a linear layer also by its extents, and all calls of it. */
typedef struct {
  char name[48];
  double calls;
  double once;  /* bytes of its operands, each read or written once */
  double again; /* bytes that the kernels of cuda/ move beyond that: read twice, or put down in between */
  double flops; /* of products of matrices */
} op_bytes_row;

enum { OP_BYTES_MOST = 64 };
typedef struct {
  int n;
  op_bytes_row row[OP_BYTES_MOST];
} op_bytes;

/* From now on operations of networks on a context on `cpu` are counted and not done, as if it promised what
 * cuda does of arrays in bf16, statistics and rows; of vectors they are counted and done. For one context of
 * the program. */
void op_bytes_begin(tr_ctx *ctx);
/* What was counted since; counting begins anew. */
void op_bytes_take(op_bytes *out);

#endif
