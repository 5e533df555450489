/* Kinds of memory. */
#include "tests/simt/engine/engine.h"
#include "tests/simt/engine/fiber.h"

#include <link.h>

namespace simt {
namespace {
/* Where the program, or the library, that the emulator is in begins and ends: the linker's symbols. */
#pragma GCC visibility push(hidden)
extern "C" const char __ehdr_start, _end;
#pragma GCC visibility pop

bool inside(const char *p, const char *begin, const char *end) {
  return p >= begin && p < end;
}

/* The variables of the OS thread of the program, or of the library, that the emulator is in. */
int find_own(dl_phdr_info *info, size_t, void *out) {
  static thread_local char one_of_them;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto *begin = (const char *)info->dlpi_tls_data, *end = begin + info->dlpi_phdr[i].p_memsz;
    if (info->dlpi_phdr[i].p_type != PT_TLS || !begin || !inside(&one_of_them, begin, end)) continue;
    *(range *)out = {begin, end};
    return 1;
  }
  return 0;
}
} // namespace

range own_variables() {
  static thread_local range r;
  if (!r.begin) dl_iterate_phdr(find_own, &r);
  return r;
}

space space_of(const void *address) {
  const char *p = (const char *)address, *arena = (const char *)now.dynamic;
  if (stack_holds(me->own, p)) return LOCAL;
  if (inside(p, arena, arena + DYNAMIC_MOST)) return SHARED;
  const range own = own_variables();
  if (inside(p, own.begin, own.end)) return SHARED;
  return inside(p, &__ehdr_start, &_end) ? PROGRAM : DEVICE;
}
} // namespace simt
