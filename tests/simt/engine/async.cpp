/* Asynchronous copies to shared memory. */
#include "tests/simt/engine/engine.h"
#include "tests/simt/runtime/runtime.h"

#include <simt_async.h>
#include <vector>

#define PLACE __builtin_return_address(0)

namespace simt {
namespace {
struct one {
  void *to;
  const void *from;
  int bytes;
  bool there;
  const void *place;
};
struct pending {
  std::vector<one> copies;   /* in the order in which they were asked for */
  std::vector<size_t> close; /* how many there were when each group was closed */
};
pending of_lane[1024];

void make(const one &c) {
  if (c.there) touch(c.from, (size_t)c.bytes, READ, c.place);
  touch(c.to, (size_t)c.bytes, WRITE, c.place);
  if (c.there)
    memcpy(c.to, c.from, (size_t)c.bytes);
  else
    memset(c.to, 0, (size_t)c.bytes);
}
} // namespace

void copy_async(void *shared, const void *global, int bytes, bool there) {
  if (space_of(shared) != SHARED)
    fail(PLACE, cudaErrorIllegalAddress, "a copy to %p, which is no shared memory", shared);
  if (there && !on_device(global, (size_t)bytes))
    fail(PLACE, cudaErrorIllegalAddress, "a copy of %d bytes from %p, which is no device memory", bytes,
         global);
  touch(shared, (size_t)bytes, PENDING, PLACE);
  if ((uintptr_t)shared % (unsigned)bytes || (there && (uintptr_t)global % (unsigned)bytes))
    fail(PLACE, cudaErrorMisalignedAddress, "misaligned copy of %d bytes from %p to %p", bytes, global,
         shared);
  memset(shared, 0xff, (size_t)bytes);
  of_lane[me->number].copies.push_back({shared, global, bytes, there, PLACE});
  me->copies++;
}

void copy_commit() {
  pending &p = of_lane[me->number];
  p.close.push_back(p.copies.size());
  me->copies++;
}

/* Without a commit since the last copies these are in no group, and are not waited for. */
void copy_wait(int newest) {
  pending &p = of_lane[me->number];
  if (p.close.size() <= (size_t)newest) return;
  size_t groups = p.close.size() - (size_t)newest, n = p.close[groups - 1];
  for (size_t i = 0; i < n; i++) make(p.copies[i]);
  p.copies.erase(p.copies.begin(), p.copies.begin() + (long)n);
  p.close.erase(p.close.begin(), p.close.begin() + (long)groups);
  for (size_t &c : p.close) c -= n;
  me->copies = (int)(p.copies.size() + p.close.size());
}

void forget_copies(lane *l) {
  of_lane[l->number].copies.clear(), of_lane[l->number].close.clear();
  l->copies = 0;
}
} // namespace simt
