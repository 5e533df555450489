/* What a kind of communicator is: a table, and its line in core/comm/comm.c. Not for users of the library.
 *
 * Where the devices of the ranks can do it (collective.c), sums and broadcasts of arrays are theirs; all else
 * is the kind's: small numbers, host memory, and who is still there. */
#ifndef TR_CORE_COMM_COMM_PRIVATE_H
#define TR_CORE_COMM_COMM_PRIVATE_H

#include "core/backend.h"
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
  /* Whether all the others are there, as far as it can be seen at once: what a rank asks that waits for
   * them; else TR_E_DEVICE, naming who is not. REQUIRED */
  tr_status (*look)(tr_comm *comm);
  /* Ends all ranks and does not return, as tr_comm_abort says; nothing for one rank. REQUIRED */
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
  double machine;  /* a number for it, which others have not */
  /* The devices' (collective.c): of this context, once it is settled whether they do it */
  bool settled;
  const tr_collective_ops *devices; /* NULL: they do not */
  void *own;
  char name[32];
};

/* A whole number that tells texts apart, as ranks send it to each other: 52 bits of FNV-1a. */
double tr_comm_number(const char *text);

/* ---- collective.c ---- */

/* Finds out whether the devices do it, at the first array of a context; comm->devices says it. Collective.
 * Where they might and cannot, a warning says why. */
tr_status tr_comm_settle(tr_comm *comm);
/* Forgets what was settled. Collective, unless the communicator is lost. */
void tr_comm_unsettle(tr_comm *comm);
/* Returns when all that was begun on the devices is there, or a rank is not. */
tr_status tr_comm_await(tr_comm *comm);

/* Sleeps between two looks of somebody who has waited for so many seconds: the longer the wait the longer, a
 * sixteenth of it up to a millisecond, and `least` nanoseconds. */
void tr_comm_nap(long least, double waited);
double tr_comm_seconds(void); /* of a clock that never jumps */
#define TR_COMM_LOOK 0.1      /* seconds between two looks at the others */

extern const tr_comm_type tr_comm_self, tr_comm_mpi;

#endif
