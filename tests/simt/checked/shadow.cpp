/* Allocations and the cells of memory. */
#include "tests/simt/checked/shadow.h"
#include "tests/simt/engine/engine.h"
#include "tests/simt/hooks.h"

#include <map>
#include <sys/mman.h>

namespace simt {
namespace {
constexpr size_t PAGE = 4096;
std::map<const char *, region> regions;        /* by where they begin; freed ones are unmapped, and kept */
std::map<const char *, size_t> arrays;         /* inside of divided regions */
const region *last;                            /* found */
std::pair<const char *, const char *> last_in; /* the array found last, or an undivided region */

void *zeros(size_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

size_t whole_pages(size_t bytes) {
  return (bytes + PAGE - 1) / PAGE * PAGE;
}

/* Arrays that begin or end within these bytes are no more. */
void forget_arrays(const char *p, size_t bytes) {
  auto i = arrays.upper_bound(p);
  if (i != arrays.begin() && std::prev(i)->first + std::prev(i)->second > p) --i;
  while (i != arrays.end() && i->first < p + bytes) i = arrays.erase(i);
  last_in = {};
}
} // namespace

cell *cells_new(size_t bytes) {
  return (cell *)zeros(whole_pages((bytes / 4 + 1) * 2 * sizeof(cell)));
}

void cells_delete(cell *cells, size_t bytes) {
  munmap(cells, whole_pages((bytes / 4 + 1) * 2 * sizeof(cell)));
}

region *region_of(const char *p) {
  if (last && p >= last->base && p < last->base + last->bytes) return const_cast<region *>(last);
  auto i = regions.upper_bound(p);
  if (i == regions.begin()) return nullptr;
  region *r = &std::prev(i)->second;
  if (p >= r->base + whole_pages(r->bytes) + PAGE) return nullptr;
  last = r;
  return r;
}

const char *forbidden(const region *r, const char *p, size_t n) {
  if (!r) return "no device memory";
  if (!r->cells) return "freed memory";
  if (p >= last_in.first && p + n <= last_in.second) return nullptr;
  if (!r->divided) {
    last_in = {r->base, r->base + r->bytes};
    return p + n <= last_in.second ? nullptr : "past the end of an allocation";
  }
  auto i = arrays.upper_bound(p);
  if (i == arrays.begin()) return "before the first array";
  --i;
  if (p + n > i->first + i->second) return "past the end of an array, and in no other";
  last_in = {i->first, i->first + i->second};
  return nullptr;
}

shared_place shared_memory(const char *p) {
  static cell *dynamic = cells_new(DYNAMIC_MOST);
  static thread_local cell *of_variables;
  const char *arena = (const char *)now.dynamic;
  if (p >= arena && p < arena + DYNAMIC_MOST) return {dynamic, (size_t)(p - arena), arena + now.dynamic_size};
  const range own = own_variables();
  const char *begin = (const char *)((uintptr_t)own.begin & ~(uintptr_t)63);
  if (!of_variables) of_variables = cells_new((size_t)(own.end - begin));
  return {of_variables, (size_t)(p - begin), own.end};
}

/* Between pages that nobody may touch. */
void *memory_new(size_t bytes, bool host) {
  size_t body = whole_pages(bytes);
  char *base = (char *)zeros(body + 2 * PAGE);
  cell *cells = base ? cells_new(bytes) : nullptr;
  if (!cells) return nullptr;
  base += PAGE;
  if (!host && bytes < (size_t)1 << 24) memset(base, 0xff, bytes); /* NaN; of an arena each array is filled */
  regions[base] = {base, bytes, cells, host, false};
  last = nullptr, last_in = {};
  return base;
}

/* The addresses are not given out again, so that what still uses them is seen. */
void memory_delete(void *p, size_t) {
  region &r = regions[(const char *)p];
  forget_arrays(r.base, r.bytes);
  cells_delete(r.cells, r.bytes), r.cells = nullptr;
  mmap(r.base, whole_pages(r.bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
       0);
  last_in = {};
}

void array_begins(void *p, size_t bytes) {
  region *r = region_of((const char *)p);
  if (!r || !r->cells || (char *)p + bytes > r->base + r->bytes)
    return fail(nullptr, cudaErrorInvalidValue, "an array of %zu bytes at %p is not inside device memory",
                bytes, p);
  forget_arrays((const char *)p, bytes);
  r->divided = true;
  arrays[(const char *)p] = bytes;
  memset(p, 0xff, bytes);
  memset(r->cells + ((char *)p - r->base) / 2, 0, (bytes + 1) / 2 * sizeof(cell));
}

void array_ends(void *p) {
  arrays.erase((const char *)p);
  last_in = {};
}
} // namespace simt

size_t simt_margin() {
  return 256;
}
