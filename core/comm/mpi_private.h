/* Ranks over Open MPI: its library, opened when it is needed, and what the files of `mpi` share. Not for
 * users of the library.
 *
 * The library is not linked and mpi.h is not included: the program must start where there is no MPI, and be
 * built there. What stands here in its place is the binary interface of libmpi.so.40, which Open MPI 4 and 5
 * have; tests/hygiene/mpi.sh holds it against mpi.h. */
#ifndef TR_CORE_COMM_MPI_PRIVATE_H
#define TR_CORE_COMM_MPI_PRIVATE_H

#include <stdatomic.h>

#include "core/comm/comm_private.h"

/* ---- the library (mpi_library.c) ---- */

struct ompi_communicator_t;
struct ompi_datatype_t;
struct ompi_errhandler_t;
struct ompi_request_t;
struct ompi_status_public_t;

#define TR_MPI_THREAD_SERIALIZED 2
#define TR_MPI_ERROR_STRING      256

typedef struct {
#define X(name, arguments) int(*name) arguments;
#include "core/comm/mpi.def"
#undef X
  struct ompi_communicator_t *world;
  struct ompi_datatype_t *byte;
  struct ompi_errhandler_t *errors_return;
} tr_mpi_library;

/* Opens it once and for all. TR_E_UNSUPPORTED saying what is missing. */
tr_status tr_mpi_library_open(tr_ctx *ctx, const tr_mpi_library **out);

/* ---- the ranks (mpi.c) ---- */

typedef struct tr_mpi_sums tr_mpi_sums;

typedef struct {
  const tr_mpi_library *lib;
  struct ompi_communicator_t *world;
  int rank, size;
  long *neighbour; /* (size): the processes of the ranks of this machine, 0 for others */
  tr_mpi_sums *sums;
  char why[300]; /* what is wrong, "": nothing; of the thread that waits for messages, which is one at a time
                  */
  bool *dead;    /* (size): neighbours that are no longer */
  struct tr_mpi_staged *staged; /* arrays whose sums were begun by way of the host */
} tr_mpi;

/* How a wait spends its time; others may change their mind about it. */
typedef struct {
  const atomic_long *nap;  /* nanoseconds between two looks, after the first ones */
  const atomic_bool *stop; /* ends the wait when it is set; NULL: nothing does */
} tr_mpi_patience;

/* Waits for n requests. False, with m->why set, when one failed or a neighbour has died; false with m->why
 * empty when it was stopped. */
bool tr_mpi_wait(tr_mpi *m, int n, struct ompi_request_t **requests, tr_mpi_patience patience);
/* Whether a call went well; else m->why says what and why. */
bool tr_mpi_went_well(tr_mpi *m, int code, const char *what);

/* ---- sums (mpi_sums.c): a thread that does one after the other ---- */

/* The thread is there from the first sum on. */
tr_status tr_mpi_sums_create(tr_ctx *ctx, tr_mpi *m, tr_mpi_sums **out);
/* Ends the thread, in the midst of a sum where need be. */
void tr_mpi_sums_destroy(tr_mpi_sums **sums);
/* Host memory, which stays as it is until tr_mpi_sums_wait. */
tr_status tr_mpi_sums_start(tr_ctx *ctx, tr_mpi_sums *sums, void *x, int64_t count, tr_dtype dtype);
/* False when one failed: m->why says it. */
bool tr_mpi_sums_wait(tr_mpi_sums *sums);

#endif
