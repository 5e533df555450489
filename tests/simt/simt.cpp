/* Fibers and the scheduler of the emulator. */
#include <cuda_runtime.h>

#include <csetjmp>
#include <cstdarg>
#include <sys/mman.h>
#ifdef SIMT_UCONTEXT
#include <ucontext.h>
#endif

#define OWN __attribute__((section("simt_own"))) /* what the checked emulator lets pass */
OWN dim3 threadIdx, blockIdx, blockDim, gridDim;
namespace simt {
OWN running now;
OWN lane *me;
long switches;
const void *place;
extern "C" char __executable_start;
OWN static lane lanes[1024];
static void (*body)(void *);
static void *body_args;
static jmp_buf abandon;
constexpr size_t STACK = 65536;

#ifdef SIMT_UCONTEXT
static ucontext_t home, contexts[1024];
static void enter();
static void begin(lane *l) {
  ucontext_t *u = &contexts[l->number];
  getcontext(u);
  u->uc_stack.ss_sp = l->stack, u->uc_stack.ss_size = STACK, u->uc_link = nullptr;
  makecontext(u, enter, 0);
}
static void resume(lane *l) {
  swapcontext(&home, &contexts[l->number]);
}
static void pause_lane(lane *l) {
  swapcontext(&contexts[l->number], &home);
}
#else
extern "C" void simt_switch(void **save, void *to);
asm(".text\n.globl simt_switch\n.type simt_switch,@function\nsimt_switch:\n"
    " pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    " movq %rsp,(%rdi)\n movq %rsi,%rsp\n"
    " popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n"
    ".size simt_switch,.-simt_switch\n");
static void *home;
static void enter();
static void begin(lane *l) {
  void **top =
      (void **)(l->stack + STACK - l->number % 64 * 192) - 2; /* apart, or all tops share cache sets */
  *top = (void *)enter;
  l->sp = top - 6; /* six registers that simt_switch pops */
}
static void resume(lane *l) {
  simt_switch(&home, l->sp);
}
static void pause_lane(lane *l) {
  simt_switch(&l->sp, home);
}
#endif

static void enter() {
  body(body_args);
  me->where = DONE;
  for (;;) pause_lane(me);
}

void fail(int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "simt: line %d: block (%u,%u,%u) thread %d: ", line, blockIdx.x, blockIdx.y, blockIdx.z,
          me ? me->number : -1);
  vfprintf(stderr, format, args);
  if (!line && place) fprintf(stderr, " [addr2line %#tx]", (const char *)place - 1 - &__executable_start);
  fputc('\n', stderr);
  va_end(args);
  longjmp(abandon, 1);
}

void wait(state where, int line, unsigned mask) {
  lane *l = me;
  l->where = where, l->line = line, l->mask = mask;
  asm volatile("" ::: "memory");
  pause_lane(l);
  asm volatile("" ::: "memory");
}

/* Lets the lanes of a warp go on that have all met at one collective; false when none has. */
static bool release_warp(int warp) {
  lane *first = &lanes[warp * 32];
  bool any = false;
  for (int i = 0; i < 32; i++) {
    state where = first[i].where;
    if (where != AT_WARP && where != AT_SYNCWARP) continue;
    unsigned mask = first[i].mask;
    bool all = true;
    if (!(mask >> i & 1))
      me = &first[i], fail(first[i].line, "a lane outside the mask %08x of its collective", mask);
    for (int j = 0; j < 32 && all; j++)
      if (mask >> j & 1)
        all = first[j].where == where && first[j].mask == mask && first[j].line == first[i].line;
    if (!all) continue;
    for (int j = 0; j < 32; j++)
      if (mask >> j & 1) now.got[j] = first[j].give, first[j].where = READY;
    if (where == AT_SYNCWARP) now.warp_turns[warp]++;
    any = true;
  }
  return any;
}

static void run_warp(int warp) {
  do
    for (int i = 0; i < 32; i++) {
      lane *l = &lanes[warp * 32 + i];
      if (l->where != READY) continue;
      me = l, threadIdx = l->id;
      switches++;
      resume(l);
      me = nullptr;
    }
  while (release_warp(warp));
}

/* All wait: at one barrier, or something is wrong. False when the block is done. */
static bool release_block() {
  const lane *first = nullptr;
  for (int i = 0; i < now.lanes; i++)
    if (lanes[i].where != DONE && !first) first = &lanes[i];
  if (!first) return false;
  for (int i = 0; i < now.lanes; i++) {
    lane *l = &lanes[i];
    if (l->where == AT_WARP || l->where == AT_SYNCWARP)
      me = l, fail(l->line, "warp collective that not all lanes of mask %08x reach", l->mask);
    if (l->where == DONE)
      me = l, fail(first->line, "barrier that a thread has left the kernel without reaching");
    if (l->line != first->line)
      me = l, fail(l->line, "divergent barrier: thread %d waits at line %d", first->number, first->line);
  }
  now.barriers++;
  for (int i = 0; i < now.lanes; i++) lanes[i].where = READY;
  return true;
}

static void run_block() {
  now.barriers++;
  begin_block();
  memset(now.dynamic, 0xff, now.dynamic_size); /* NaN */
  for (int i = 0; i < now.lanes; i++) {
    lane *l = &lanes[i];
    unsigned x = blockDim.x, y = blockDim.y, n = (unsigned)i;
    l->number = i, l->id = dim3(n % x, n / x % y, n / x / y), l->where = READY;
    if (!l->stack)
      l->stack = (char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    begin(l);
  }
  do
    for (int w = 0; w < now.lanes / 32; w++) run_warp(w);
  while (release_block());
}

int run(dim3 grid, dim3 block, size_t dynamic, void (*call)(void *), void *kernel) {
  alignas(128) static char arena[232448];
  gridDim = grid, blockDim = block, now.lanes = (int)(block.x * block.y * block.z);
  now.dynamic = arena, now.dynamic_size = dynamic;
  body = call, body_args = kernel;
  if (now.lanes % 32 || now.lanes > 1024 || dynamic > sizeof arena) return 1;
  if (setjmp(abandon)) return me = nullptr, 1;
  for (unsigned z = 0; z < grid.z; z++)
    for (unsigned y = 0; y < grid.y; y++)
      for (unsigned x = 0; x < grid.x; x++) blockIdx = dim3(x, y, z), run_block();
  return 0;
}
} // namespace simt
