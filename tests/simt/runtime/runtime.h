/* What the files of the emulated runtime share. Work is a closure. It waits in the queue of its stream until
 * something waits for it: a result that is read too early, or a buffer that is used again too early, is then
 * wrong every time, where a device would be wrong sometimes. SIMT_LATE=0 does all work at once. */
#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tests/simt/counters.h"

namespace simt {
/* One OS thread at a time is in the runtime or in a kernel. */
extern std::recursive_mutex lock;
extern simt_counters counters;

/* ---- settings, read from the environment whenever they are asked for ---- */

long setting(const char *name, long otherwise); /* ends the process where it is no number */
struct capability {
  int major, minor;
};
capability capability_of(int device);
size_t memory_of_device();

/* ---- errors ---- */

/* What a kernel or a copy has done wrong on the device: every call gives it from then on. */
extern cudaError_t broken;
/* Notes an error for cudaGetLastError and gives it back. */
cudaError_t latch(cudaError_t error);
/* A function of the runtime: under the lock, refused once the device is broken, its error latched. */
template <class F> cudaError_t call(F f) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  return latch(broken ? broken : f());
}

/* ---- streams ---- */

using work = std::function<cudaError_t()>;
/* A thing that is asked of a device: in a recording it is kept, for each launch of the graph. */
struct node {
  enum kind { LAUNCH, COPY, SET, OTHER } what;
  int copy_kind;
  size_t bytes;
  work run;
};
struct recording;
} // namespace simt

struct simt_stream {
  int device;
  bool blocking;
  std::deque<simt::work> queue;
  std::shared_ptr<simt::recording> recording; /* while it is captured */
  bool joined = true;                         /* the recording's own stream has waited for it */
};
struct simt_event {
  struct times {
    uint64_t asked = 0, done = 0; /* how often it was recorded, and how often the stream has come to that */
    double seconds = 0;
  };
  std::shared_ptr<times> state = std::make_shared<times>();
  bool timing;
  simt_stream *stream = nullptr;              /* where it was recorded last */
  std::shared_ptr<simt::recording> recording; /* it was recorded in this */
};

namespace simt {
/* A stream capture: what it keeps, and whether something spoiled it. */
struct recording {
  simt_stream *origin;
  cudaStreamCaptureMode mode;
  unsigned long long number;
  std::thread::id thread;
  bool spoiled = false, ended = false;
  std::vector<node> nodes;
  std::set<simt_stream *> streams;
};

int current_device();                   /* of this OS thread */
simt_stream *stream_of(cudaStream_t s); /* NULL: the default one of the device; none such: NULL */
/* Puts work on a stream, or into its recording. */
cudaError_t enqueue(cudaStream_t s, node n);
/* Does all that waits on a stream, until `done` says so (or to the end). */
cudaError_t run_queue(simt_stream *s, const std::function<bool()> &done = {});
cudaError_t run_all_queues();
/* For calls that a capture does not allow: cudaSuccess, or the error, and the recording is spoiled. `s` NULL:
 * calls that no stream may be captured during. */
cudaError_t refuse_in_capture(simt_stream *s);
void count(const node &n, bool in_graph);

/* ---- memory ---- */

/* Whether all bytes lie in one allocation of the device, or in pinned memory. */
bool on_device(const void *p, size_t bytes);
bool pinned(const void *p, size_t bytes);
} // namespace simt
