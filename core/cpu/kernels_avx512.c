/* Kernels for x86-64-v4; the build compiles this file with -march=x86-64-v4. */
#define LEVEL        avx512
#define VECTOR_BYTES 64
#include "core/cpu/kernels_level.inc"
