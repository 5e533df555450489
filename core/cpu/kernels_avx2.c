/* Kernels for x86-64-v3; the build compiles this file with -march=x86-64-v3. */
#define LEVEL        avx2
#define VECTOR_BYTES 32
#include "core/cpu/kernels_level.inc"
