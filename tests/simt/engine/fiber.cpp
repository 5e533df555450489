#include "tests/simt/engine/fiber.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <sys/mman.h>
#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef SIMT_UCONTEXT
extern "C" void simt_switch(void **save, void *to);
/* Saves what a function must preserve (System V ABI), and goes on where `to` was left. */
asm(".text\n.globl simt_switch\n.hidden simt_switch\n.type simt_switch,@function\nsimt_switch:\n"
    " pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    " movq %rsp,(%rdi)\n movq %rsi,%rsp\n"
    " popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n"
    ".size simt_switch,.-simt_switch\n");
#endif

namespace simt {
namespace {
constexpr size_t PAGE = 4096, COLOURS = 64, SHIFT = 192;

/* Tops at one distance from each other would share few sets of the cache. */
size_t unused_top(const stack *s) {
  return (uintptr_t)s->base / (STACK + PAGE) % COLOURS * SHIFT;
}

#ifdef SIMT_ASAN
stack *left;

/* What ran on it may have been given up in the midst. */
void tell_begin(stack *s) {
  s->bottom = s->base, s->size = STACK;
  __asan_unpoison_memory_region(s->base, STACK);
}
void tell_leaving(stack *from, stack *to) {
  left = from;
  __sanitizer_start_switch_fiber(&from->beside, to->bottom, to->size);
}
void tell_arrived(stack *s) {
  __sanitizer_finish_switch_fiber(s->beside, &left->bottom, &left->size);
}
#else
void tell_begin(stack *) {}
void tell_leaving(stack *, stack *) {}
void tell_arrived(stack *) {}
#endif
} // namespace

void stack_entered(stack *s) {
  tell_arrived(s);
}

stack *stack_new() {
  static std::deque<stack> all;
  char *p = (char *)mmap(nullptr, STACK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect(p, PAGE, PROT_NONE)) perror("simt: stacks of threads"), abort();
  all.emplace_back().base = p + PAGE;
  return &all.back();
}

#ifdef SIMT_UCONTEXT
void stack_begin(stack *s, void (*entry)()) {
  tell_begin(s);
  getcontext(&s->context);
  s->context.uc_stack.ss_sp = s->base, s->context.uc_stack.ss_size = STACK - unused_top(s) / 16 * 16;
  s->context.uc_link = nullptr;
  makecontext(&s->context, entry, 0);
}

void stack_switch(stack *from, stack *to) {
  tell_leaving(from, to);
  swapcontext(&from->context, &to->context);
  tell_arrived(from);
}
#else
void stack_begin(stack *s, void (*entry)()) {
  tell_begin(s);
  void **top = (void **)(s->base + STACK - unused_top(s)) - 2;
  *top = (void *)entry;
  s->top = top - 6; /* the registers that simt_switch takes */
}

void stack_switch(stack *from, stack *to) {
  tell_leaving(from, to);
  simt_switch(&from->top, to->top);
  tell_arrived(from);
}
#endif
} // namespace simt
