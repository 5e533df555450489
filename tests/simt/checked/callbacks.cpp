/* Kernels compiled with -fsanitize=thread call these before every access that is not to a thread's registers
 * or stack. They stand in for libtsan, which is not linked. */
#include "tests/simt/engine/engine.h"

namespace simt {
namespace {
void aligned(const void *p, size_t n, const void *place) {
  if (me && (uintptr_t)p % n)
    fail(place, cudaErrorMisalignedAddress, "misaligned access of %zu bytes at %p", n, p);
}
} // namespace
} // namespace simt

#define PLACE __builtin_return_address(0)
#define ACCESS(name, n, how)                                                                                 \
  void __tsan_##name##n(void *p) {                                                                           \
    simt::aligned(p, n, PLACE);                                                                              \
    simt::touch(p, n, simt::how, PLACE);                                                                     \
  }                                                                                                          \
  void __tsan_unaligned_##name##n(void *p) {                                                                 \
    simt::touch(p, n, simt::how, PLACE);                                                                     \
  }
/* What is volatile says that it knows of the others: a write is one that others may see at any time. */
#define ACCESSES(n)                                                                                          \
  ACCESS(read, n, READ)                                                                                      \
  ACCESS(write, n, WRITE)                                                                                    \
  ACCESS(volatile_read, n, UNORDERED)                                                                        \
  ACCESS(volatile_write, n, ATOMIC)

extern "C" {
/* -fsanitize=alignment: a vector that is loaded in one piece on a device may be loaded in several here, and
 * only its type tells. */
void __ubsan_handle_type_mismatch_v1(void *, void *p) {
  if (simt::me) simt::fail(PLACE, cudaErrorMisalignedAddress, "misaligned access at %p", p);
}
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void **, void *) {}
/* Atomics of launchers, which are the host's own. */
unsigned long __tsan_atomic64_load(const volatile void *p, int) {
  return __atomic_load_n((const volatile unsigned long *)p, __ATOMIC_RELAXED);
}
unsigned long __tsan_atomic64_fetch_or(volatile void *p, unsigned long v, int) {
  return __atomic_fetch_or((volatile unsigned long *)p, v, __ATOMIC_RELAXED);
}
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
void __tsan_read_range(void *p, unsigned long n) {
  simt::touch(p, n, simt::READ, PLACE);
}
void __tsan_write_range(void *p, unsigned long n) {
  simt::touch(p, n, simt::WRITE, PLACE);
}
}
