/* NVIDIA's libraries are opened when a device is there, and never linked: the program starts, and computes,
 * without them. Each has one table of the functions that are used, made of a list, NAME.def. */
#ifndef TR_CUDA_LIBRARY_LIBRARY_H
#define TR_CUDA_LIBRARY_LIBRARY_H

#include <stddef.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What to look for, and what to install where it is not found. */
typedef struct {
  const char *file;    /* "libcublasLt.so.13" */
  const char *package; /* the wheel that has it, "nvidia-cublas" */
  const char *folders; /* its folders in site-packages, "nvidia/cu13/lib:nvidia/cublas/lib" */
} tr_cuda_library;

/* One of its functions, and where the pointer to it goes. */
typedef struct {
  const char *name;
  void *to; /* of a pointer to a function */
} tr_cuda_symbol;

/* Opens the library and fills what the n symbols name. It is looked for in the folders of
 * TRANSIT_CUDA_LIBRARIES (DIR[:DIR...], each itself or site-packages), then where the loader looks
 * (LD_LIBRARY_PATH, the system's), in ../lib beside the program, and in /usr/local/cuda/lib64. It is never
 * closed. TR_E_DEVICE in one line: which file, where it was looked for, and what would help. */
tr_status tr_cuda_library_open(const tr_cuda_library *library, int n, const tr_cuda_symbol *symbols,
                               tr_error *err);

#ifdef __cplusplus
}
#endif

#endif
