/* Streams and events: queues of closures. */
#include <chrono>
#include <cstring>

#include "tests/simt/hooks.h"
#include "tests/simt/runtime/runtime.h"

namespace simt {
namespace {
std::set<simt_stream *> streams;
std::set<simt_event *> events;
constexpr size_t DEEP = 1024; /* so many works wait at most, about as many as a device takes */

bool live(cudaEvent_t e) {
  return events.count(e) != 0;
}

double clock_seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

cudaError_t run_first(simt_stream *s) {
  work first = std::move(s->queue.front());
  s->queue.pop_front();
  cudaError_t error = broken ? broken : first();
  if (error) broken = error;
  return error;
}

/* The default stream and those that are not cudaStreamNonBlocking wait for each other. */
cudaError_t wait_as_the_default_stream_does(simt_stream *s) {
  if (!s->blocking) return cudaSuccess;
  bool is_default = s == stream_of(nullptr);
  for (simt_stream *other : streams)
    if (other != s && other->blocking && (is_default || other == stream_of(nullptr)) && !other->recording)
      if (cudaError_t error = run_queue(other)) return error;
  return cudaSuccess;
}

cudaError_t record(simt_event *e, simt_stream *s) {
  e->stream = s, e->recording = s->recording;
  if (s->recording) return cudaSuccess;
  uint64_t number = ++e->state->asked;
  return enqueue(s, {node::OTHER, 0, 0, [state = e->state, number] {
                       state->done = number, state->seconds = clock_seconds();
                       return cudaSuccess;
                     }});
}

/* In a recording an event makes the waiting stream a part of it, or joins the two again. */
cudaError_t wait_in_recording(simt_stream *s, simt_event *e) {
  if (e->recording && e->recording->ended) return cudaErrorCapturedEvent;
  if (s->recording && s->recording != e->recording) {
    s->recording->spoiled = true;
    return e->recording ? cudaErrorStreamCaptureMerge : cudaErrorStreamCaptureIsolation;
  }
  s->recording = e->recording;
  s->recording->streams.insert(s);
  if (s != s->recording->origin) s->joined = false;
  if (s == s->recording->origin) e->stream->joined = true;
  return cudaSuccess;
}

cudaError_t wait_event(simt_stream *s, simt_event *e) {
  if (s->recording || e->recording) return wait_in_recording(s, e);
  if (e->state->done == e->state->asked) return cudaSuccess;
  return enqueue(s, {node::OTHER, 0, 0, [state = e->state, number = e->state->asked, from = e->stream] {
                       return run_queue(from, [&] { return state->done >= number; });
                     }});
}

cudaError_t create_event(cudaEvent_t *event, unsigned flags) {
  auto *e = new simt_event;
  e->timing = !(flags & cudaEventDisableTiming);
  events.insert(e);
  return *event = e, cudaSuccess;
}

cudaError_t create_stream(cudaStream_t *s, unsigned flags) {
  auto *made = new simt_stream;
  made->device = current_device(), made->blocking = !(flags & cudaStreamNonBlocking);
  streams.insert(made);
  return *s = made, cudaSuccess;
}

cudaError_t synchronise(simt_stream *s) {
  counters.waits++;
  return run_queue(s);
}
} // namespace

simt_stream *stream_of(cudaStream_t s) {
  static simt_stream defaults[64];
  if (!s) {
    simt_stream *d = &defaults[current_device() % 64];
    d->device = current_device(), d->blocking = true;
    streams.insert(d);
    return d;
  }
  return streams.count(s) ? s : nullptr;
}

cudaError_t run_queue(simt_stream *s, const std::function<bool()> &done) {
  while (!s->queue.empty() && !(done && done()))
    if (cudaError_t error = run_first(s)) return error;
  return broken;
}

cudaError_t run_all_queues() {
  for (simt_stream *s : std::set<simt_stream *>(streams))
    if (cudaError_t error = run_queue(s)) return error;
  return cudaSuccess;
}

/* Whether this thread is kept from calls that may spoil a capture. */
static bool forbids(const recording &r) {
  return r.mode == cudaStreamCaptureModeGlobal ||
         (r.mode == cudaStreamCaptureModeThreadLocal && r.thread == std::this_thread::get_id());
}

cudaError_t refuse_in_capture(simt_stream *s) {
  cudaError_t error = cudaSuccess;
  for (simt_stream *each : streams)
    if (each->recording && (each == s || (!s && forbids(*each->recording))))
      each->recording->spoiled = true, error = cudaErrorStreamCaptureUnsupported;
  return error;
}

void count(const node &n, bool in_graph) {
  if (n.what == node::LAUNCH) (in_graph ? counters.launches_in_graphs : counters.launches)++;
  if (n.what == node::COPY)
    counters.copies[n.copy_kind].calls++, counters.copies[n.copy_kind].bytes += (int64_t)n.bytes;
  if (n.what == node::SET) counters.sets.calls++, counters.sets.bytes += (int64_t)n.bytes;
}

cudaError_t enqueue(cudaStream_t handle, node n) {
  simt_stream *s = stream_of(handle);
  if (!s || s->device != current_device()) return cudaErrorInvalidResourceHandle;
  if (s->recording) {
    if (s->recording->spoiled) return cudaErrorStreamCaptureInvalidated;
    if (s != s->recording->origin) s->joined = false;
    s->recording->nodes.push_back(std::move(n));
    return cudaSuccess;
  }
  if (cudaError_t error = wait_as_the_default_stream_does(s)) return error;
  count(n, false);
  s->queue.push_back(std::move(n.run));
  while (s->queue.size() > (setting("SIMT_LATE", 1) ? DEEP : 0)) run_first(s); /* an error is told later */
  return cudaSuccess;
}
} // namespace simt
using namespace simt;

extern "C" {
cudaError_t cudaStreamCreate(cudaStream_t *s) {
  return cudaStreamCreateWithFlags(s, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags) {
  return call([&] { return create_stream(s, flags); });
}

cudaError_t cudaStreamDestroy(cudaStream_t s) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!s || !streams.count(s)) return latch(cudaErrorInvalidResourceHandle);
  cudaError_t error = run_queue(s);
  streams.erase(s);
  for (simt_event *e : events)
    if (e->stream == s) e->stream = nullptr;
  delete s;
  return latch(error);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return call([&] {
    simt_stream *s = stream_of(handle);
    if (!s) return cudaErrorInvalidResourceHandle;
    cudaError_t error = refuse_in_capture(s);
    return error ? error : synchronise(s);
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call([&] {
    if (cudaError_t error = refuse_in_capture(nullptr)) return error;
    counters.waits++;
    return run_all_queues();
  });
}

/* Asking makes some headway, so that a loop that asks ends. */
cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return call([&] {
    simt_stream *s = stream_of(handle);
    if (!s) return cudaErrorInvalidResourceHandle;
    if (cudaError_t error = refuse_in_capture(s)) return error;
    if (s->queue.empty()) return cudaSuccess;
    cudaError_t error = run_first(s);
    return error ? error : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned flags) {
  return call([&] {
    simt_stream *s = stream_of(handle);
    if (!s || !live(event)) return cudaErrorInvalidResourceHandle;
    return flags ? cudaErrorInvalidValue : wait_event(s, event);
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t s, cudaHostFn_t fn, void *data) {
  return call([&] { return enqueue(s, {node::OTHER, 0, 0, [=] { return fn(data), cudaSuccess; }}); });
}

cudaError_t simt_enqueue(cudaStream_t s, void (*run)(const void *), const void *args, size_t bytes) {
  std::shared_ptr<void> copy(malloc(bytes ? bytes : 1), free);
  if (bytes) memcpy(copy.get(), args, bytes);
  return call([&] { return enqueue(s, {node::LAUNCH, 0, 0, [=] { return run(copy.get()), broken; }}); });
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  return call([&] { return create_event(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!live(event)) return latch(cudaErrorInvalidResourceHandle);
  events.erase(event);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return call([&] {
    simt_stream *s = stream_of(handle);
    return s && live(event) ? record(event, s) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&] {
    if (!live(event)) return cudaErrorInvalidResourceHandle;
    if (event->recording) return cudaErrorCapturedEvent;
    if (cudaError_t error = refuse_in_capture(nullptr)) return error;
    if (event->state->done == event->state->asked) return cudaSuccess;
    cudaError_t error = run_first(event->stream);
    return error ? error : cudaErrorNotReady;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&] {
    if (!live(event)) return cudaErrorInvalidResourceHandle;
    if (event->recording) return cudaErrorCapturedEvent;
    if (cudaError_t error = refuse_in_capture(nullptr)) return error;
    counters.waits++;
    const auto &state = event->state;
    if (state->done == state->asked) return cudaSuccess;
    return run_queue(event->stream, [&] { return state->done == state->asked; });
  });
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end) {
  return call([&] {
    if (!live(start) || !live(end) || !start->timing || !end->timing) return cudaErrorInvalidResourceHandle;
    if (start->recording || end->recording) return cudaErrorCapturedEvent;
    if (!start->state->asked || !end->state->asked) return cudaErrorInvalidResourceHandle;
    if (start->state->done != start->state->asked || end->state->done != end->state->asked)
      return cudaErrorNotReady;
    return *ms = (float)((end->state->seconds - start->state->seconds) * 1e3), cudaSuccess;
  });
}
}
