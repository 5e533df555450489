#include "cuda/cuda_private.h"

const tr_vec_ops tr_cuda_vec = {.program = tr_cuda_program,
                                .watch = tr_cuda_watch,
                                .wait = tr_cuda_wait,
                                .slot = tr_cuda_slot,
                                .randn = tr_cuda_randn,
                                .randn_sums = tr_cuda_randn_sums,
                                .blend_channels = tr_cuda_blend_channels,
                                .dot_rows = tr_cuda_dot_rows,
                                .deflate = tr_cuda_deflate};
