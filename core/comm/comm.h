/* Ranks: processes that work on one thing together, such as the rows of a training step. One process is a
 * communicator of size 1, which needs nothing; processes that Open MPI's mpirun has started find each other
 * by its library, which is opened then and only then.
 *
 * What is called collective is called by all ranks, in the same order. A rank that cannot go on still takes
 * part in what the others wait for and says so with tr_comm_agree, where all ranks hear of it; so nobody
 * waits for ever. A rank that has died is noticed by the others of its machine: their calls then fail with
 * TR_E_DEVICE, naming it, and the communicator is lost. mpirun ends the ranks of other machines.
 *
 * A communicator belongs to one host thread at a time, as its context does. */
#ifndef TR_CORE_COMM_COMM_H
#define TR_CORE_COMM_COMM_H

#include "core/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_comm tr_comm;

/* How this process was started, by its environment alone: nothing is opened. */
typedef struct {
  int rank, size; /* 0, 1: alone */
  int local;      /* its number among the processes of its machine */
} tr_launch;
TR_API tr_launch tr_comm_launched(void);

/* The communicator of all processes that were started with this one. Errors go to ctx, which is borrowed.
 * Collective. TR_E_UNSUPPORTED, saying what is missing: mpirun has started several and its library cannot be
 * opened or is not Open MPI's; or there is, or was, another communicator of several ranks in this process.
 * Close with tr_comm_close. */
TR_API tr_status tr_comm_open(tr_ctx *ctx, tr_comm **out);
/* Frees and sets *comm to NULL; NULL is fine. Collective, unless the communicator is lost. */
TR_API void tr_comm_close(tr_comm **comm);
/* Another context for errors and arrays from now on; NULL: none, errors are the thread's. Collective where
 * the devices of the one before did the sums. */
TR_API void tr_comm_set_ctx(tr_comm *comm, tr_ctx *ctx);

TR_API int tr_comm_rank(const tr_comm *comm); /* 0 .. size - 1 */
TR_API int tr_comm_size(const tr_comm *comm);
TR_API int tr_comm_local_size(const tr_comm *comm); /* of these, on this machine */
/* "self", "mpi", or, once the first array has gone from device to device, "mpi+nccl". */
TR_API const char *tr_comm_name(const tr_comm *comm);

/* ---- sums of arrays ---- */

/* Begins to replace x (f32 or f64), on every rank, by its sum over the ranks, and returns; the sum goes on
 * beside what the caller does. Nobody may touch x, which lives on the context, until tr_comm_sum_wait.
 * Collective: as many elements on all ranks; several may be under way.
 *
 * All ranks hold the same bits. By way of the host ("mpi") each element is added up in double in the order of
 * the ranks and rounded once, by one rank for all: the bits depend on the number of ranks and on nothing
 * else. Where each rank's context has a device of its own that can (NCCL), the devices add up, in the type of
 * x and in an order of their own: then the bits depend on the devices, too, and on how a sum is cut. */
TR_API tr_status tr_comm_sum_start(tr_comm *comm, tr_array *x);
/* Returns when all sums that were begun are there. The host waits. */
TR_API tr_status tr_comm_sum_wait(tr_comm *comm);

/* x becomes what it is on rank `root`, of any type. Collective; no sum may be under way. */
TR_API tr_status tr_comm_broadcast(tr_comm *comm, int root, tr_array *x);

/* The same of `size` bytes of host memory. */
TR_API tr_status tr_comm_broadcast_bytes(tr_comm *comm, int root, void *bytes, size_t size);

/* ---- small numbers, in host memory; collective, no sum may be under way ---- */

#define TR_COMM_NUMBERS 16
typedef enum { TR_COMM_SUM, TR_COMM_MAX, TR_COMM_MIN } tr_comm_op;
/* values (n) = op over the ranks, of each number for itself: a sum in the order of the ranks; the largest or
 * smallest, NaN where one is NaN. 1 <= n <= TR_COMM_NUMBERS. */
TR_API tr_status tr_comm_reduce(tr_comm *comm, tr_comm_op op, int n, double *values);
/* Returns when all ranks have come here. */
TR_API tr_status tr_comm_barrier(tr_comm *comm);
/* *alike = whether these bytes are the same on all ranks; 1 <= size <= 8 TR_COMM_NUMBERS. */
TR_API tr_status tr_comm_alike(tr_comm *comm, const void *bytes, size_t size, bool *alike);
/* TR_OK if every rank gives TR_OK; else the status of the first rank, by number, that does not. Where this
 * rank gave TR_OK its context then says which one failed; where it failed itself, its own error stays. A
 * status that was heard here may be given to the next agreement. */
TR_API tr_status tr_comm_agree(tr_comm *comm, tr_status status);

/* Whether it is for this rank to tell the user of an error: the rank that failed by the last tr_comm_agree
 * that brought one; else rank 0, or the first one that lives. */
TR_API bool tr_comm_speaks(const tr_comm *comm);
/* Whether a rank has died or could not be reached, or this one could not take part in what the others wait
 * for: nothing collective can be done any more. */
TR_API bool tr_comm_lost(const tr_comm *comm);
/* Ends all ranks at once, this one too, with a status of the process other than 0: for a communicator that is
 * lost, when all is said. Of a communicator of one rank it does nothing. */
TR_API void tr_comm_abort(tr_comm *comm, int status);

#ifdef __cplusplus
}
#endif

#endif
