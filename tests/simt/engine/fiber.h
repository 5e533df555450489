/* Stacks, and switching between them: our own lines for x86-64, ucontext elsewhere (or with SIMT_UCONTEXT),
 * which is ten times slower. */
#pragma once
#include <cstddef>
#if !defined(__x86_64__) && !defined(SIMT_UCONTEXT)
#define SIMT_UCONTEXT
#endif
#ifdef SIMT_UCONTEXT
#include <ucontext.h>
#endif

namespace simt {
/* AddressSanitizer is told of switches; what it puts around variables needs room. */
#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ASAN
#endif
#endif
#ifdef SIMT_ASAN
constexpr size_t STACK = 262144;
#else
constexpr size_t STACK = 65536;
#endif

struct stack {
  char *base = nullptr; /* below it is a page that nobody may touch; NULL: that of the OS thread */
#ifdef SIMT_UCONTEXT
  ucontext_t context;
#else
  void *top = nullptr; /* where its registers are, while it is not running */
#endif
#ifdef SIMT_ASAN
  const void *bottom = nullptr; /* of the OS thread's, too, once it was left */
  size_t size = 0;
  void *beside = nullptr; /* what the sanitizer keeps of variables elsewhere */
#endif
};

stack *stack_new();
void stack_begin(stack *s, void (*entry)()); /* the next switch to it calls entry, which never returns */
void stack_entered(stack *s);                /* the first that entry calls */
void stack_switch(stack *from, stack *to);
inline bool stack_holds(const stack *s, const void *p) {
  return p >= s->base && p < s->base + STACK;
}
} // namespace simt
