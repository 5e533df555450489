/* How the parts of the emulator hang together: the scheduler runs launches, plain.cpp or checked/ looks at
 * memory, the runtime keeps streams. */
#pragma once
#include <cuda_runtime.h>

namespace simt {
/* Runs a launch: cudaSuccess, or what a misuse is on a device; then the message is on stderr. */
cudaError_t run(dim3 grid, dim3 block, size_t dynamic, void (*call)(const void *), const void *args);

/* Says what is wrong, with where in the source, if `place` is an address in code; `me` is the thread. Within
 * a kernel it does not return: the launch is over. Elsewhere the device is broken from then on. */
void fail(const void *place, cudaError_t error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line on stderr: the place, the thread, and the text. */
void report(const void *place, const char *text);

/* Of a thread that has left: copies that it never waited for are not made. */
void forget_copies(lane *l);

/* What a thread finds at an address: its stack, shared memory (the dynamic part, and variables of the OS
 * thread), constants and variables of the host, or else memory of the device, if there is any. */
enum space { LOCAL, SHARED, PROGRAM, DEVICE };
space space_of(const void *p);
struct range {
  const char *begin, *end;
};
range own_variables(); /* of this OS thread */

/* ---- memory, by plain.cpp or by checked/ ---- */

void *memory_new(size_t bytes, bool host); /* 256-byte aligned; NULL: there is none */
void memory_delete(void *p, size_t bytes);
/* Accesses from outside of kernels, by `what`. */
void touch_range(const void *p, size_t bytes, bool write, const char *what);
void copy_state(const void *to, const void *from, size_t bytes); /* whether bytes were ever written, too */
void array_begins(void *p, size_t bytes);
void array_ends(void *p);
/* A block of threads begins; a launch, with the number of its interval between barriers. */
void begin_block();
void begin_launch();
} // namespace simt
