/* Sums over processes by NCCL. They run on a stream of their own, beside what the context is asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/library/library.h"
#include "cuda/library/nccl_private.h"
#include "cuda/parts_private.h"

/* One communicator. */
typedef struct {
  const tr_nccl *nccl;
  ncclComm_t comm;
  cudaStream_t stream;
  cudaEvent_t ready, done; /* what the context was asked for before; what was begun here */
} ring;

/* ---- the library ---- */

#ifdef TR_SIMT
static tr_status bind_all(tr_nccl *to, tr_error *err) {
  (void)err;
#define X(result, name, arguments) to->name = name;
#include "cuda/library/nccl.def"
#undef X
  return TR_OK;
}
#else
static tr_status bind_all(tr_nccl *to, tr_error *err) {
  static const tr_cuda_library library = {"libnccl.so.2", "nvidia-nccl-cu13",
                                          "nvidia/nccl/lib:nccl/lib:nvidia/cu13/lib:cu13/lib"};
  const tr_cuda_symbol symbols[] = {
#define X(result, name, arguments) {#name, &to->name},
#include "cuda/library/nccl.def"
#undef X
  };
  return tr_cuda_library_open(&library, sizeof symbols / sizeof *symbols, symbols, err);
}
#endif

/* Once for the process. */
static tr_status open_library(tr_ctx *ctx, const tr_nccl **out) {
  static tr_nccl nccl;
  static bool there;
  tr_error err = {0};
  *out = &nccl;
  if (!there && bind_all(&nccl, &err) != TR_OK) return TR_FAIL(ctx, TR_E_UNSUPPORTED, "%s", err.message);
  there = true;
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const tr_nccl *nccl, ncclResult_t result, const char *what) {
  if (result == ncclSuccess) return TR_OK;
  return TR_FAIL(ctx, TR_E_DEVICE, "%s over the ranks failed: NCCL says '%s' (NCCL_DEBUG=INFO says more)",
                 what, nccl->ncclGetErrorString(result));
}

/* ---- opening ---- */

/* Where it sits in the machine: what NCCL tells devices apart by, too. */
static tr_status nccl_place(tr_ctx *ctx, char *text) {
  const tr_nccl *nccl;
  TR_TRY(open_library(ctx, &nccl));
  return tr_cuda_check(ctx, cudaDeviceGetPCIBusId(text, TR_COLLECTIVE_PLACE, tr_cuda(ctx)->device),
                       "asking where the device is");
}

static tr_status nccl_make_id(tr_ctx *ctx, void *id) {
  const tr_nccl *nccl;
  ncclUniqueId made;
  TR_TRY(open_library(ctx, &nccl));
  TR_TRY(check(ctx, nccl, nccl->ncclGetUniqueId(&made), "an id"));
  memcpy(id, &made, sizeof made);
  return TR_OK;
}

static void release(ring *r) {
  if (r->stream) (void)cudaStreamDestroy(r->stream);
  if (r->ready) (void)cudaEventDestroy(r->ready);
  if (r->done) (void)cudaEventDestroy(r->done);
  free(r);
}

static tr_status open_ring(tr_ctx *ctx, ring *r) {
  TR_TRY(open_library(ctx, &r->nccl));
  TR_TRY(tr_cuda_check(ctx, cudaStreamCreateWithFlags(&r->stream, cudaStreamNonBlocking), "making a stream"));
  TR_TRY(tr_cuda_check(ctx, cudaEventCreateWithFlags(&r->ready, cudaEventDisableTiming), "making an event"));
  return tr_cuda_check(ctx, cudaEventCreateWithFlags(&r->done, cudaEventDisableTiming), "making an event");
}

static tr_status nccl_prepare(tr_ctx *ctx, void **own) {
  *own = NULL;
  ring *r = calloc(1, sizeof *r);
  if (!r) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a communicator");
  const tr_status status = open_ring(ctx, r);
  if (status == TR_OK)
    *own = r;
  else
    release(r);
  return status;
}

static tr_status nccl_join(tr_ctx *ctx, void *own, const void *id, int rank, int size) {
  ring *r = own;
  ncclUniqueId given;
  (void)tr_cuda(ctx); /* NCCL takes the device of the thread */
  memcpy(&given, id, sizeof given);
  const tr_status status =
      check(ctx, r->nccl, r->nccl->ncclCommInitRank(&r->comm, size, given, rank), "a communicator");
  if (status != TR_OK) r->comm = NULL;
  return status;
}

/* Others who are gone would be waited for. */
static void nccl_close(tr_ctx *ctx, void *own, bool lost) {
  ring *r = own;
  (void)tr_cuda(ctx); /* NCCL goes to the device of the thread */
  if (r->comm && lost) (void)r->nccl->ncclCommAbort(r->comm);
  (void)cudaStreamSynchronize(r->stream);
  if (r->comm && !lost) (void)r->nccl->ncclCommDestroy(r->comm);
  release(r);
}

/* ---- work ---- */

/* Behind what the context was asked for. */
static tr_status enter(tr_ctx *ctx, ring *r) {
  TR_TRY(tr_cuda_check(ctx, cudaEventRecord(r->ready, tr_cuda(ctx)->stream), "a mark on the stream"));
  return tr_cuda_check(ctx, cudaStreamWaitEvent(r->stream, r->ready, 0), "waiting for a stream");
}

static tr_status leave(tr_ctx *ctx, ring *r) {
  return tr_cuda_check(ctx, cudaEventRecord(r->done, r->stream), "a mark on the stream");
}

static tr_status nccl_sum(tr_ctx *ctx, void *own, tr_array *x) {
  ring *r = own;
  const ncclDataType_t type = x->dtype == TR_F64 ? ncclFloat64 : ncclFloat32;
  if (x->count == 0) return TR_OK;
  TR_TRY(enter(ctx, r));
  TR_TRY(check(ctx, r->nccl,
               r->nccl->ncclAllReduce(x->data, x->data, (size_t)x->count, type, ncclSum, r->comm, r->stream),
               "a sum"));
  return leave(ctx, r);
}

static tr_status nccl_broadcast(tr_ctx *ctx, void *own, int root, tr_array *x) {
  ring *r = own;
  const size_t bytes = (size_t)x->count * tr_dtype_size(x->dtype);
  TR_TRY(enter(ctx, r));
  TR_TRY(check(ctx, r->nccl,
               r->nccl->ncclBroadcast(x->data, x->data, bytes, ncclUint8, root, r->comm, r->stream),
               "a broadcast"));
  return leave(ctx, r);
}

static tr_status nccl_look(tr_ctx *ctx, void *own, bool *done) {
  ring *r = own;
  ncclResult_t found = ncclSuccess;
  const cudaError_t error = cudaEventQuery(r->done);
  *done = error == cudaSuccess;
  if (error == cudaErrorNotReady) (void)cudaGetLastError(); /* it is none */
  if (error != cudaSuccess && error != cudaErrorNotReady)
    return tr_cuda_check(ctx, error, "a sum over the ranks");
  TR_TRY(check(ctx, r->nccl, r->nccl->ncclCommGetAsyncError(r->comm, &found), "a sum"));
  return check(ctx, r->nccl, found, "a sum");
}

const tr_collective_ops tr_cuda_collective = {.name = "nccl",
                                              .id_bytes = sizeof(ncclUniqueId),
                                              .place = nccl_place,
                                              .make_id = nccl_make_id,
                                              .prepare = nccl_prepare,
                                              .join = nccl_join,
                                              .sum = nccl_sum,
                                              .broadcast = nccl_broadcast,
                                              .look = nccl_look,
                                              .close = nccl_close};
