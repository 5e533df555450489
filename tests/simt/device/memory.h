/* Atomics, fences, and loads and stores with a hint. */
#pragma once
#include "tests/simt/device/threads.h"

namespace simt {
/* How an access orders itself against others: STORE is an atomic one that makes nothing of what was there;
 * UNORDERED ones (volatile, or past the cache of a multiprocessor) know what they do; PENDING is a write that
 * comes to be at some time before the thread waits for it. */
enum access { READ, WRITE, ATOMIC, STORE, UNORDERED, PENDING };
/* For the checked emulator: the thread is about to do this, at a place in code. */
void touch(const void *p, size_t n, access how, const void *place);
/* And that what it has written, or seen written, may be read by other blocks from now on. */
void fence();

template <class T> struct same { typedef T type; };
/* *p = f(*p), giving what was there. */
template <class T, class F> SIMT_UNCHECKED inline T change(T *p, access how, const void *place, F f) {
  touch(p, sizeof *p, how, place);
  T old = *p;
  *p = f(old);
  return old;
}
template <class T, class... U> constexpr bool one_of = (__is_same(T, U) || ...);
} // namespace simt

#define SIMT_ATOMIC(name, how, what, ...)                                                                    \
  template <class T>                                                                                         \
  SIMT_UNCHECKED __attribute__((noinline)) T atomic##name(T *p, typename simt::same<T>::type v) {            \
    static_assert(simt::one_of<T, __VA_ARGS__>, "atomic" #name " has no such type");                         \
    return simt::change(p, simt::how, __builtin_return_address(0),                                           \
                        [v](T old) SIMT_UNCHECKED -> T { return what; });                                    \
  }
SIMT_ATOMIC(Add, ATOMIC, old + v, int, unsigned, unsigned long long, float, double)
SIMT_ATOMIC(Sub, ATOMIC, old - v, int, unsigned)
SIMT_ATOMIC(Exch, STORE, ((void)old, v), int, unsigned, unsigned long long, float)
SIMT_ATOMIC(Max, ATOMIC, old > v ? old : v, int, unsigned, long long, unsigned long long)
SIMT_ATOMIC(Min, ATOMIC, old < v ? old : v, int, unsigned, long long, unsigned long long)
SIMT_ATOMIC(And, ATOMIC, old &v, int, unsigned, unsigned long long)
SIMT_ATOMIC(Or, ATOMIC, old | v, int, unsigned, unsigned long long)
SIMT_ATOMIC(Xor, ATOMIC, old ^ v, int, unsigned, unsigned long long)
SIMT_ATOMIC(Inc, ATOMIC, old >= v ? 0 : old + 1, unsigned)
SIMT_ATOMIC(Dec, ATOMIC, old == 0 || old > v ? v : old - 1, unsigned)
#undef SIMT_ATOMIC

template <class T>
SIMT_UNCHECKED __attribute__((noinline)) T atomicCAS(T *p, typename simt::same<T>::type expected,
                                                     typename simt::same<T>::type v) {
  static_assert(simt::one_of<T, int, unsigned, unsigned short, unsigned long long>,
                "atomicCAS has no such type");
  return simt::change(p, simt::ATOMIC, __builtin_return_address(0),
                      [=](T old) SIMT_UNCHECKED -> T { return old == expected ? v : old; });
}

/* Fibers do not reorder accesses: there is nothing to do. */
inline void __threadfence() {
  simt::fence();
}
inline void __threadfence_block() {}
inline void __threadfence_system() {
  simt::fence();
}

template <class T> inline T __ldg(const T *p) {
  return *p;
}
template <class T> inline T __ldcs(const T *p) {
  return *p;
}
template <class T> inline T __ldca(const T *p) {
  return *p;
}
template <class T> inline void __stcs(T *p, T v) {
  *p = v;
}
template <class T> inline void __stwb(T *p, T v) {
  *p = v;
}
/* These go to what all blocks share. */
template <class T> SIMT_UNCHECKED __attribute__((noinline)) T __ldcg(const T *p) {
  simt::touch(p, sizeof *p, simt::UNORDERED, __builtin_return_address(0));
  return *p;
}
template <class T> inline void __stcg(T *p, T v) {
  *p = v;
}
