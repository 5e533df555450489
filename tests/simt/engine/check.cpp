/* The checked emulator. Kernels compiled with -fsanitize=thread call __tsan_read4(p) and the like before
 * every access that is not to a thread's own registers or stack; this file gives those functions (in place of
 * libtsan): every access is bounds-checked against cudaMalloc and the launch's dynamic shared memory, and
 * remembered for two-byte cells, to find races between barriers and reads of shared memory that nothing has
 * written. */
#include <cuda_runtime.h>

#include <algorithm>
#include <sys/mman.h>
#include <vector>

namespace simt {
namespace {
enum kind { READ, WRITE, ATOMIC, UNORDERED };
struct cell { /* who touched two bytes last */
  uint32_t writer, write_barrier, write_turn, reader, read_barrier, read_turn;
  uint8_t written, write_atomic, other_warps, other_lanes;
};
constexpr size_t DYNAMIC_MOST = 232448;
struct memory {
  char *base;
  size_t size;
  bool live, shared;
  std::vector<cell> cells;
  cell &at(const char *p) {
    return cells[(size_t)(p - base) / 2];
  }
};
std::vector<memory> memories; /* sorted by base, freed ones kept */
extern "C" char __executable_start, __data_start, _end, __start_simt_own, __stop_simt_own;
cell &cell_of_static(const char *p) { /* shared memory and variables of the module */
  static std::vector<cell> cells((size_t)(&_end - &__data_start) / 2 + 1);
  return cells[(size_t)(p - &__data_start) / 2];
}
memory *last;         /* found */
uint32_t block_first; /* the barrier number at which the block under way began */

memory *find(const char *p) {
  auto i = std::upper_bound(memories.begin(), memories.end(), p,
                            [](const char *a, const memory &m) { return a < m.base; });
  return i == memories.begin() ? nullptr : &*--i;
}
/* Numbers of a launch's threads; barriers are numbered without end, so a number names block and interval. */
uint32_t thread_of() {
  return ((blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x) * 1024 + (uint32_t)me->number;
}

/* Whether an access by `thread` in the interval (barrier, turn) of long ago is ordered before this one. */
bool ordered(uint32_t thread, uint32_t barrier, uint32_t turn, uint32_t launch_first) {
  uint32_t self = thread_of();
  if (thread == self || barrier < launch_first) return true;
  if (thread / 1024 != self / 1024) return false;
  if (barrier < now.barriers) return true;
  return thread / 32 == self / 32 && turn < now.warp_turns[me->number / 32];
}
uint32_t launch_first_barrier;

void look(cell &c, kind k, const void *p, bool shared) {
  uint32_t self = thread_of(), turn = now.warp_turns[me->number / 32],
           first = shared ? block_first : launch_first_barrier;
  bool fresh = !c.written || (shared && c.write_barrier < block_first);
  if (k == READ && shared && fresh)
    fail(0, "reads shared memory at %p that nothing has written in this block", p);
  if (!fresh && !(k == ATOMIC && c.write_atomic) && !ordered(c.writer, c.write_barrier, c.write_turn, first))
    fail(0, "race at %p: %s after a write by block %u thread %u, with no barrier between", p,
         k == READ ? "read" : "write", c.writer / 1024, c.writer % 1024);
  if (k != READ) {
    bool other = c.read_barrier == now.barriers && (c.other_warps || (c.other_lanes && c.read_turn == turn));
    if (c.read_barrier && (other || !ordered(c.reader, c.read_barrier, c.read_turn, first)))
      fail(0, "race at %p: write after a read by block %u thread %u, with no barrier between", p,
           c.reader / 1024, c.reader % 1024);
    c.writer = self, c.write_barrier = now.barriers, c.write_turn = turn, c.written = 1,
    c.write_atomic = k == ATOMIC;
    return;
  }
  bool same = c.read_barrier == now.barriers, warp = same && c.reader / 32 == self / 32;
  c.other_warps = same && (c.other_warps || !warp);
  c.other_lanes = warp && c.read_turn == turn && (c.other_lanes || c.reader != self);
  c.reader = self, c.read_barrier = now.barriers, c.read_turn = turn;
}

void touch(const void *address, size_t n, kind k) {
  if (!me) return;
  const char *p = (const char *)address;
  if (p >= me->stack && p < me->stack + 65536) return;
  if (p >= &__start_simt_own && p < &__stop_simt_own) return;
  if (k == READ && p >= &__executable_start && p < &__data_start) return; /* constants */
  if ((uintptr_t)p % std::min<size_t>(n, 16)) fail(0, "misaligned access of %zu bytes at %p", n, address);
  if (p >= &__data_start && p < &_end) {
    const char *dynamic = (const char *)now.dynamic, *end = dynamic + now.dynamic_size;
    if (p >= dynamic && p < dynamic + DYNAMIC_MOST && p + n > end)
      fail(0, "access of %zu bytes %td past the end of %zu of dynamic shared memory", n, p - end,
           now.dynamic_size);
    for (size_t i = 0; i < n; i += 2) look(cell_of_static(p + i), k, p + i, true);
    return;
  }
  memory *m = last &&p >= last->base &&p < last->base + last->size ? last : last = find(p);
  if (!m || !m->live || p + n > m->base + m->size)
    fail(0, "%s of %zu bytes at %p: %s", k == READ || k == UNORDERED ? "read" : "write", n, address,
         !m         ? "no device memory"
         : !m->live ? "freed memory"
                    : "past the end of an allocation");
  if (k == UNORDERED) return; /* volatile: whoever writes that knows */
  for (size_t i = 0; i < n; i += 2) look(m->at(p + i), k, p + i, false);
}
} // namespace
void begin_block() {
  block_first = now.barriers;
  if (blockIdx.x + blockIdx.y + blockIdx.z == 0) launch_first_barrier = now.barriers;
}
void touch_atomic(void *p, size_t n, int) {
  touch(p, n, ATOMIC);
}
} // namespace simt

extern "C" cudaError_t cudaMalloc(void **out, size_t bytes) { /* between pages that nobody may touch */
  size_t whole = (bytes + 4095) / 4096 * 4096 + 8192;
  char *base =
      (char *)mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;
  memset(base, 0xff, bytes);
  simt::memory m = {base, bytes, true, false, std::vector<simt::cell>((bytes + 1) / 2)};
  auto i = std::upper_bound(simt::memories.begin(), simt::memories.end(), base,
                            [](const char *a, const simt::memory &b) { return a < b.base; });
  simt::last = nullptr;
  simt::memories.insert(i, m);
  return *out = base, cudaSuccess;
}
extern "C" cudaError_t cudaFree(void *p) {
  if (simt::memory *m = simt::find((char *)p)) m->live = false, m->cells.clear();
  return cudaSuccess;
}
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
#define ACCESS(n)                                                                                            \
  void __tsan_read##n(void *p) {                                                                             \
    simt::place = __builtin_return_address(0), simt::touch(p, n, simt::READ);                                \
  }                                                                                                          \
  void __tsan_write##n(void *p) {                                                                            \
    simt::place = __builtin_return_address(0), simt::touch(p, n, simt::WRITE);                               \
  }                                                                                                          \
  void __tsan_unaligned_read##n(void *p) {                                                                   \
    simt::place = __builtin_return_address(0), simt::touch(p, n, simt::READ);                                \
  }                                                                                                          \
  void __tsan_unaligned_write##n(void *p) {                                                                  \
    simt::place = __builtin_return_address(0), simt::touch(p, n, simt::WRITE);                               \
  }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8) ACCESS(16)
#define VOLATILE(n)                                                                                          \
  void __tsan_volatile_read##n(void *p) {                                                                    \
    simt::touch(p, n, simt::UNORDERED);                                                                      \
  }                                                                                                          \
  void __tsan_volatile_write##n(void *p) {                                                                   \
    simt::touch(p, n, simt::UNORDERED);                                                                      \
  }
    VOLATILE(1) VOLATILE(2) VOLATILE(4) VOLATILE(8)
        VOLATILE(16) void __tsan_read_range(void *p, unsigned long n) {
  simt::touch(p, n, simt::READ);
}
void __tsan_write_range(void *p, unsigned long n) {
  simt::touch(p, n, simt::WRITE);
}
void __tsan_vptr_update(void **, void *) {}
}
