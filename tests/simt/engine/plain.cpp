/* The unchecked emulator: memory without shadows. */
#include "tests/simt/engine/engine.h"
#include "tests/simt/hooks.h"

namespace simt {
void touch(const void *, size_t, access, const void *) {}
void fence() {}
void touch_range(const void *, size_t, bool, const char *) {}
void copy_state(const void *, const void *, size_t) {}
void begin_block() {}
void begin_launch() {}

/* Filled with NaN, which shows where something is read before it is written. */
void *memory_new(size_t bytes, bool) {
  size_t whole = (bytes + 255) / 256 * 256;
  void *p = whole < bytes ? nullptr : aligned_alloc(256, whole);
  return p ? memset(p, 0xff, bytes) : nullptr;
}

void memory_delete(void *p, size_t) {
  free(p);
}

void array_begins(void *p, size_t bytes) {
  memset(p, 0xff, bytes);
}

void array_ends(void *) {}
} // namespace simt

size_t simt_margin() {
  return 0;
}
