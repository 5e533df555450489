/* The parts of a state: opened and closed once. On failure err (may be NULL) is filled. */
#ifndef TR_CUDA_PARTS_PRIVATE_H
#define TR_CUDA_PARTS_PRIVATE_H

#include "cuda/cuda_private.h"

tr_status tr_cuda_memory_open(tr_cuda_state *s, tr_error *err);
void tr_cuda_memory_close(tr_cuda_state *s);
void tr_cuda_memory_report(void *state, tr_device_memory *out);
tr_status tr_cuda_slots_open(tr_cuda_state *s, tr_error *err);
void tr_cuda_slots_close(tr_cuda_state *s);
tr_status tr_cuda_blas_open(tr_cuda_state *s, tr_error *err);
void tr_cuda_blas_close(tr_cuda_state *s);
tr_status tr_cuda_graphs_open(tr_cuda_state *s, tr_error *err);
void tr_cuda_graphs_close(tr_cuda_state *s);

#endif
