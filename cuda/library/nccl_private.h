/* The part of NCCL's interface that is used, in the place of nccl.h, which no toolkit brings along: that of
 * libnccl.so.2, which does not change. tests/hygiene/nccl.sh holds it against nccl.h. */
#ifndef TR_CUDA_LIBRARY_NCCL_PRIVATE_H
#define TR_CUDA_LIBRARY_NCCL_PRIVATE_H

#include <stddef.h>

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NCCL_H_ /* of nccl.h, where a test has it beside this one */
typedef struct ncclComm *ncclComm_t;
typedef struct {
  char internal[128];
} ncclUniqueId;
typedef enum {
  ncclSuccess = 0,
  ncclSystemError = 2,
  ncclInvalidArgument = 4,
  ncclRemoteError = 6
} ncclResult_t;
typedef enum { ncclUint8 = 1, ncclFloat32 = 7, ncclFloat64 = 8 } ncclDataType_t;
typedef enum { ncclSum = 0 } ncclRedOp_t;
#endif

typedef struct {
#define X(result, name, arguments) result(*name) arguments;
#include "cuda/library/nccl.def"
#undef X
} tr_nccl;

#ifdef TR_SIMT
#define X(result, name, arguments) result name arguments;
#include "cuda/library/nccl.def"
#undef X
#endif

#ifdef __cplusplus
}
#endif

#endif
