/* What the checked emulator remembers of memory: a cell for every two bytes. Where nothing was touched in
 * pieces of less than four, the first cell of four bytes speaks for the second, too. Cells of memory that
 * nothing has touched take none themselves: they come as zeros from the system. */
#pragma once
#include <cstddef>
#include <cstdint>

namespace simt {
/* Threads are numbered in the launch: block * 1024 + thread. Times are numbers of intervals between barriers
 * of a block, which go on without end over blocks and launches, and within one those between __syncwarp of a
 * warp.
 */
struct moment {
  uint32_t thread, interval, turn;
};
struct cell {
  moment write, read;   /* the last ones */
  uint32_t many_blocks; /* the launch, by its first interval, in which more than one block has read it */
  uint32_t written : 1, by_atomic : 1;
  uint32_t split : 1;                        /* in a first cell: the second speaks for itself */
  uint32_t pending : 1;                      /* a copy that has not been waited for will write it */
  uint32_t other_warps : 1, other_lanes : 1; /* have read it in the interval, or turn, of the last read */
  uint32_t fences : 16;                      /* that who wrote it last had made before */
};
static_assert(sizeof(cell) == 32, "half a line of the cache");

/* f(cell, i) for the cells of bytes offset .. offset + n - 1, which begin i bytes after the first. */
template <class F> void each_cell(cell *cells, size_t offset, size_t n, F f) {
  for (size_t i = 0; i < n;) {
    size_t at = offset + i;
    cell *first = cells + at / 4 * 2;
    if (!first->split && at % 4 == 0 && n - i >= 4) {
      f(*first, i), i += 4;
      continue;
    }
    if (!first->split) first[1] = first[0], first->split = 1;
    f(first[at % 4 / 2], i), i += 2;
  }
}
inline bool written_at(const cell *cells, size_t offset) {
  const cell *first = cells + offset / 4 * 2;
  return first[first->split ? offset % 4 / 2 : 0].written;
}

struct region {
  char *base;
  size_t bytes;
  cell *cells;
  bool host;    /* pinned memory, which the host may write */
  bool divided; /* an arena: only what is inside of arrays may be touched */
};

cell *cells_new(size_t bytes);
void cells_delete(cell *cells, size_t bytes);

/* Memory of the device, or NULL. */
region *region_of(const char *p);
/* Whether all of it may be touched: inside the region and, if that is divided, inside one array; else why
 * not.
 */
const char *forbidden(const region *r, const char *p, size_t n);
/* Shared memory of the block under way, in which p is. */
struct shared_place {
  cell *cells;
  size_t offset;
  const char *end;
};
shared_place shared_memory(const char *p);
} // namespace simt
