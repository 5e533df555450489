/* What a kind of communicator is: a table, and its line in core/comm/comm.c. Not for users of the library.
 *
 * One over NCCL takes the small numbers and the broadcasts of the host from `mpi`, whose state it keeps, and
 * brings sums of its own: sum_start puts the sum behind what the context's stream was asked for, on a stream
 * of its own, sum_wait makes the context's stream wait for it; neither waits on the host. */
#ifndef TR_CORE_COMM_COMM_PRIVATE_H
#define TR_CORE_COMM_COMM_PRIVATE_H

#include "core/comm/comm.h"

/* Arguments are checked already, and there is no sum under way where none may be. */
typedef struct {
  const char *name;
  const char *summary;
  /* Whether processes that were started so find each other by it. REQUIRED */
  bool (*serves)(const tr_launch *launch);
  /* Sets rank, size, local_size, state. REQUIRED */
  tr_status (*open)(tr_comm *comm, const tr_launch *launch);
  /* REQUIRED */
  void (*close)(tr_comm *comm);
  /* REQUIRED */
  tr_status (*sum_start)(tr_comm *comm, tr_array *x);
  /* REQUIRED */
  tr_status (*sum_wait)(tr_comm *comm);
  /* Host memory. REQUIRED */
  tr_status (*broadcast)(tr_comm *comm, int root, void *bytes, size_t size);
  /* all (size, n): those of every rank. REQUIRED */
  tr_status (*gather)(tr_comm *comm, int n, const double *own, double *all);
  /* REQUIRED */
  void (*abort)(tr_comm *comm, int status);
} tr_comm_type;

struct tr_comm {
  const tr_comm_type *type;
  tr_ctx *ctx;
  int rank, size, local_size;
  int speaker;     /* the rank that tells of errors */
  tr_status heard; /* what this rank was told of another one, and may bring again */
  bool lost;       /* a rank has died, or cannot be reached */
  bool underway;   /* sums were begun that nobody has waited for */
  void *state;     /* the type's own */
};

extern const tr_comm_type tr_comm_self, tr_comm_mpi;

#endif
