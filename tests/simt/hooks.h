/* What the emulator offers to code that knows of it: stand-ins of NVIDIA's libraries, cuda/memory.c under
 * TR_SIMT, and tests. C and C++. */
#ifndef TR_TESTS_SIMT_HOOKS_H
#define TR_TESTS_SIMT_HOOKS_H

#include <stdint.h>

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- for stand-ins of libraries ---- */

/* Work of a library on a stream, counted as a launch: run(args) is called when the stream comes to it, with a
 * copy of the bytes at args. A recording keeps it as it keeps kernels. run may call the two below, and no
 * other function of the runtime. */
cudaError_t simt_enqueue(cudaStream_t s, void (*run)(const void *args), const void *args, size_t bytes);
/* Before such work reads, or writes, memory of the device: the checked emulator sees that it is there, and
 * notes what is written. `what` names the work. */
void simt_reads(const void *p, size_t bytes, const char *what);
void simt_writes(void *p, size_t bytes, const char *what);
/* So many descriptions of products more, or less. */
void simt_describes(int more);

/* ---- for an arena ---- */

/* An array of its own within a block of cudaMalloc, once the stream comes to it: the contents become
 * undefined (all bits set), and in the checked emulator nothing of the block may be touched from then on but
 * what is inside such arrays. Again at the same place: of another size from then on. Not while s is recorded.
 */
void simt_mark_allocation(void *p, size_t bytes, cudaStream_t s);
void simt_mark_free(void *p, cudaStream_t s);
/* Bytes that an arena must leave free behind each array, so that what runs over it is seen: 0 where nothing
 * looks. */
size_t simt_margin(void);

/* ---- for what fits into memory ---- */

/* SIMT_ROWS, of the rows that a call should carry at most; else `otherwise`. */
int64_t simt_rows(int64_t otherwise);

/* ---- for tests ---- */

/* Forgets what a misuse has left: as cudaDeviceReset, but memory and streams stay. */
void simt_forget_errors(void);

#ifdef __cplusplus
}
#endif

#endif
