/* Where in the source something went wrong. */
#include "tests/simt/engine/engine.h"

#include <dlfcn.h>
#include <string>

namespace simt {
namespace {
struct address {
  std::string file;
  uintptr_t offset;
};

/* Of the instruction before, which is the call that returns here. */
address address_of(const void *place) {
  Dl_info info;
  if (!dladdr(place, &info) || !info.dli_fname) return {"", 0};
  uintptr_t base = (uintptr_t)info.dli_fbase, at = (uintptr_t)place - 1;
  return {info.dli_fname, base == 0x400000 ? at : at - base}; /* a program at a fixed address counts from 0 */
}

/* FILE:LINE, and behind it the file and line that were compiled into it, if any; "" where nothing tells. */
std::string source_of(const void *place) {
  address a = address_of(place);
  char command[4096], line[4096], first[4096] = "", last[4096] = "";
  snprintf(command, sizeof command, "addr2line -i -e '%s' %#zx 2>&1", a.file.c_str(), (size_t)a.offset);
  FILE *f = a.file.empty() ? nullptr : popen(command, "r");
  while (f && fgets(line, sizeof line, f)) {
    line[strcspn(line, " \n")] = 0;
    if (!*first) strcpy(first, line);
    strcpy(last, line);
  }
  if (!f || pclose(f) || !*last || *last == '?') return "";
  std::string text = last;
  const char *name = strrchr(first, '/');
  if (strcmp(first, last) != 0) text += std::string(" (") + (name ? name + 1 : first) + ")";
  return text;
}
} // namespace

void report(const void *place, const char *text) {
  std::string source = place ? source_of(place) : "";
  if (place && source.empty()) {
    char at[64];
    snprintf(at, sizeof at, "at %#zx", (size_t)address_of(place).offset);
    source = at;
  }
  fprintf(stderr, "simt: %s%s", source.c_str(), source.empty() ? "" : ": ");
  if (me) fprintf(stderr, "block (%u,%u,%u) thread %d: ", blockIdx.x, blockIdx.y, blockIdx.z, me->number);
  fprintf(stderr, "%s\n", text);
}
} // namespace simt
