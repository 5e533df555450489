/* What the emulated device was asked for, for tests that count. C and C++. In a build without the emulator
 * the functions are not there: simt_counted then says false. */
#ifndef TR_TESTS_SIMT_COUNTERS_H
#define TR_TESTS_SIMT_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int64_t calls, bytes;
} simt_calls;

/* Sums since the program began, over all contexts. A recording (stream capture) counts nothing but its
 * launch, whose nodes count as what they do: launches_in_graphs, copies and sets. */
typedef struct {
  int64_t launches;           /* kernels, and library calls, launched one by one */
  int64_t graph_launches;     /* of whole graphs */
  int64_t launches_in_graphs; /* kernels, and library calls, launched by these */
  int64_t waits;              /* calls in which the host waits: synchronise, and copies of pageable memory */
  int64_t allocations, frees; /* of device memory */
  int64_t pinned;             /* allocations of pinned memory */
  simt_calls sets;            /* memset */
  int64_t described;          /* products that a library has descriptions of now */
  simt_calls copies[4];       /* by cudaMemcpyKind: host to host, host to device, device to host, on device */
} simt_counters;

__attribute__((weak)) void simt_count(simt_counters *out);

/* Fills *out; false, and zeros, where there is no emulator. */
static inline bool simt_counted(simt_counters *out) {
  memset(out, 0, sizeof *out);
  if (!simt_count) return false;
  simt_count(out);
  return true;
}

#ifdef __cplusplus
}
#endif

#endif
