/* Memory of the device, pinned memory, and copies. */
#include <cstring>
#include <map>

#include "tests/simt/engine/engine.h"
#include "tests/simt/hooks.h"
#include "tests/simt/runtime/runtime.h"

namespace simt {
namespace {
struct block {
  size_t bytes;
  int device;
  bool host; /* pinned */
};
std::map<const char *, block> blocks; /* by where they begin */
size_t used[64];                      /* of each device */

/* The block in which all these bytes lie, or NULL. */
const block *block_of(const void *p, size_t bytes) {
  auto i = blocks.upper_bound((const char *)p);
  if (i == blocks.begin()) return nullptr;
  --i;
  return (const char *)p + bytes <= i->first + i->second.bytes ? &i->second : nullptr;
}

cudaError_t allocate(void **out, size_t bytes, bool host) {
  int device = current_device();
  if (cudaError_t error = refuse_in_capture(nullptr)) return error;
  if (!bytes) return *out = nullptr, cudaSuccess;
  if (!host && (bytes > memory_of_device() || used[device] > memory_of_device() - bytes))
    return cudaErrorMemoryAllocation;
  void *p = memory_new(bytes, host);
  if (!p) return cudaErrorMemoryAllocation;
  blocks[(const char *)p] = {bytes, device, host};
  if (!host) used[device] += bytes;
  (host ? counters.pinned : counters.allocations)++;
  return *out = p, cudaSuccess;
}

/* Waits for the device, as cudaFree does. What is left on a broken one never runs. */
cudaError_t release(void *p, bool host) {
  if (!p) return broken;
  if (cudaError_t error = refuse_in_capture(nullptr)) return error;
  auto i = blocks.find((const char *)p);
  if (i == blocks.end() || i->second.host != host) return cudaErrorInvalidValue;
  cudaError_t error = broken ? broken : run_all_queues();
  memory_delete(p, i->second.bytes);
  if (!host) used[i->second.device] -= i->second.bytes, counters.frees++;
  blocks.erase(i);
  return error;
}

/* The memory of a broken device is given back as well, as it is when a process ends. */
cudaError_t release_always(void *p, bool host) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  const cudaError_t error = release(p, host);
  return latch(broken ? broken : error);
}

bool pageable(const void *p, size_t bytes) {
  return !block_of(p, bytes);
}

/* Of cudaMemcpyDefault: what the addresses say. */
int kind_of(const void *to, const void *from, size_t bytes) {
  bool to_device = on_device(to, bytes) && !pinned(to, bytes),
       from_device = on_device(from, bytes) && !pinned(from, bytes);
  return to_device     ? from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice
         : from_device ? cudaMemcpyDeviceToHost
                       : cudaMemcpyHostToHost;
}

cudaError_t look_at_copy(const void *to, const void *from, size_t bytes, int kind) {
  if (kind < 0 || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice,
       from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device && !on_device(to, bytes)) return cudaErrorInvalidValue;
  if (from_device && !on_device(from, bytes)) return cudaErrorInvalidValue;
  return cudaSuccess;
}

/* A copy when its turn has come: what it reads and writes must be there still. */
cudaError_t copy_now(void *to, const void *from, size_t bytes, int kind) {
  if (cudaError_t error = look_at_copy(to, from, bytes, kind)) return error;
  if (kind == cudaMemcpyDeviceToDevice)
    copy_state(to, from, bytes);
  else if (kind == cudaMemcpyHostToDevice)
    touch_range(to, bytes, true, "a copy to the device");
  else if (kind == cudaMemcpyDeviceToHost)
    touch_range(from, bytes, false, "a copy from the device");
  if (!broken) memmove(to, from, bytes);
  return broken;
}

cudaError_t copy(void *to, const void *from, size_t bytes, int kind, cudaStream_t s) {
  if (!bytes) return cudaSuccess;
  if (kind == cudaMemcpyDefault) kind = kind_of(to, from, bytes);
  if (cudaError_t error = look_at_copy(to, from, bytes, kind)) return error;
  simt_stream *stream = stream_of(s);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if ((kind == cudaMemcpyHostToDevice && pageable(from, bytes)) ||
      (kind == cudaMemcpyDeviceToHost && pageable(to, bytes))) {
    if (cudaError_t error = refuse_in_capture(stream)) return error;
    counters.waits++;
  }
  bool unread = kind == cudaMemcpyDeviceToHost && !stream->recording;
  cudaError_t error = enqueue(s, {node::COPY, kind, bytes, [=] { return copy_now(to, from, bytes, kind); }});
  /* What is read before the copy is done is nonsense. */
  if (!error && unread && !stream->queue.empty()) memset(to, 0xff, bytes);
  return error;
}

cudaError_t set_now(void *to, int value, size_t bytes) {
  if (!on_device(to, bytes)) return cudaErrorInvalidValue;
  touch_range(to, bytes, true, "memset");
  if (!broken) memset(to, value, bytes);
  return broken;
}

cudaError_t set(void *to, int value, size_t bytes, cudaStream_t s) {
  if (!bytes) return cudaSuccess;
  if (!on_device(to, bytes)) return cudaErrorInvalidValue;
  return enqueue(s, {node::SET, 0, bytes, [=] { return set_now(to, value, bytes); }});
}
} // namespace

bool on_device(const void *p, size_t bytes) {
  return block_of(p, bytes) != nullptr;
}

bool pinned(const void *p, size_t bytes) {
  const block *b = block_of(p, bytes);
  return b && b->host;
}
} // namespace simt
using namespace simt;

extern "C" {
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
  return call([&] {
    size_t taken = used[current_device()];
    *total = memory_of_device(), *free_bytes = taken < *total ? *total - taken : 0;
    return cudaSuccess;
  });
}

cudaError_t cudaMalloc(void **out, size_t bytes) {
  return call([&] { return allocate(out, bytes, false); });
}

cudaError_t cudaFree(void *p) {
  return release_always(p, false);
}

cudaError_t cudaMallocHost(void **out, size_t bytes) {
  return cudaHostAlloc(out, bytes, cudaHostAllocDefault);
}

cudaError_t cudaHostAlloc(void **out, size_t bytes, unsigned flags) {
  return call([&] { return flags > 7 ? cudaErrorInvalidValue : allocate(out, bytes, true); });
}

cudaError_t cudaFreeHost(void *p) {
  return release_always(p, true);
}

cudaError_t cudaHostGetDevicePointer(void **device, void *host, unsigned flags) {
  return call([&] {
    if (flags || !pinned(host, 1)) return cudaErrorInvalidValue;
    return *device = host, cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *p) {
  return call([&] {
    const block *b = block_of(p, 1);
    *attributes = {};
    if (!b) return attributes->hostPointer = (void *)p, cudaSuccess;
    attributes->type = b->host ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
    attributes->device = b->device, attributes->devicePointer = (void *)p;
    attributes->hostPointer = b->host ? (void *)p : nullptr;
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s) {
  return call([&] { return copy(to, from, bytes, (int)kind, s); });
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t s) {
  return call([&] { return set(to, value, bytes, s); });
}

cudaError_t cudaMemset(void *to, int value, size_t bytes) {
  return cudaMemsetAsync(to, value, bytes, nullptr);
}

void simt_reads(const void *p, size_t bytes, const char *what) {
  touch_range(p, bytes, false, what);
}

void simt_writes(void *p, size_t bytes, const char *what) {
  touch_range(p, bytes, true, what);
}

void simt_mark_allocation(void *p, size_t bytes, cudaStream_t s) {
  call([&] { return enqueue(s, {node::OTHER, 0, 0, [=] { return array_begins(p, bytes), cudaSuccess; }}); });
}

void simt_mark_free(void *p, cudaStream_t s) {
  call([&] { return enqueue(s, {node::OTHER, 0, 0, [=] { return array_ends(p), cudaSuccess; }}); });
}
}
