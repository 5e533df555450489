/* Devices before they are open: which there are, and why one cannot be used. For the host code of cuda/. */
#ifndef TR_CUDA_DEVICES_PRIVATE_H
#define TR_CUDA_DEVICES_PRIVATE_H

#include "cuda/cuda_private.h"

/* The emulator is the same backend under another name. */
#ifndef TR_CUDA_NAME
#define TR_CUDA_NAME "cuda"
#endif

/* What the device is; or TR_E_DEVICE: it is not there, too old, or closed. */
tr_status tr_cuda_device_find(int device, struct cudaDeviceProp *p, tr_error *err);
/* TR_E_DEVICE, for what the runtime says of a device that is there. */
tr_status tr_cuda_device_failed(int device, cudaError_t error, tr_error *err);
/* of_rank and describe of core/backend.h. */
int tr_cuda_device_of_rank(int local, tr_error *err);
tr_status tr_cuda_devices_describe(char *text, size_t size);

#endif
