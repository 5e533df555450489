/* Checkpoints for tests. */
#ifndef TR_TESTS_SUPPORT_NETS_SAFETENSORS_H
#define TR_TESTS_SUPPORT_NETS_SAFETENSORS_H

#include "nets/checkpoint/tensors.h"

/* Writes contiguous f64 tensors (tr_tensor_of_f64) as .safetensors of f32 (F32), or cut to bfloat16 (BF16).
 */
void safetensors_write(const char *path, const tr_tensors *tensors, const char *dtype);

#endif
