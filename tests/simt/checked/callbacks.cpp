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
  ACCESS(volatile_write, n, STORE)

/* Atomics of the host's code in a file of kernels. */
#define FETCH(bits, name)                                                                                    \
  uint##bits##_t __tsan_atomic##bits##_fetch_##name(volatile uint##bits##_t *p, uint##bits##_t v, int) {     \
    return __atomic_fetch_##name(p, v, __ATOMIC_SEQ_CST);                                                    \
  }
#define ATOMICS(bits)                                                                                        \
  uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *p, int) {                         \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                             \
  }                                                                                                          \
  void __tsan_atomic##bits##_store(volatile uint##bits##_t *p, uint##bits##_t v, int) {                      \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                                \
  }                                                                                                          \
  uint##bits##_t __tsan_atomic##bits##_exchange(volatile uint##bits##_t *p, uint##bits##_t v, int) {         \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                          \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t *p, uint##bits##_t *expected,    \
                                                    uint##bits##_t v, int, int) {                            \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
  }                                                                                                          \
  FETCH(bits, add)                                                                                           \
  FETCH(bits, sub)                                                                                           \
  FETCH(bits, and)                                                                                           \
  FETCH(bits, or)                                                                                            \
  FETCH(bits, xor)

extern "C" {
ATOMICS(8)
ATOMICS(32)
ATOMICS(64)
/* -fsanitize=alignment: a vector that is loaded in one piece on a device may be loaded in several here, and
 * only its type tells. */
void __ubsan_handle_type_mismatch_v1(void *, void *p) {
  if (simt::me) simt::fail(PLACE, cudaErrorMisalignedAddress, "misaligned access at %p", p);
}
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void **, void *) {}
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
