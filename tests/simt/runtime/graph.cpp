/* Recordings: stream capture gives a list of closures, with the arguments of kernels in them by value. */
#include "tests/simt/runtime/runtime.h"

struct simt_graph {
  std::vector<simt::node> nodes;
};
struct simt_graph_exec {
  std::shared_ptr<const std::vector<simt::node>> nodes;
};

namespace simt {
namespace {
std::set<simt_graph *> graphs;
std::set<simt_graph_exec *> execs;

cudaError_t begin_capture(simt_stream *s, cudaStreamCaptureMode mode) {
  static unsigned long long number = 0;
  if (s->recording) return cudaErrorIllegalState;
  auto r = std::make_shared<recording>();
  r->origin = s, r->mode = mode, r->number = ++number, r->thread = std::this_thread::get_id();
  r->streams.insert(s);
  s->recording = r, s->joined = true;
  return cudaSuccess;
}

/* Why what was recorded is no graph, if so. */
cudaError_t flaw(const recording &r) {
  if (r.spoiled) return cudaErrorStreamCaptureInvalidated;
  for (const simt_stream *s : r.streams)
    if (!s->joined) return cudaErrorStreamCaptureUnjoined;
  return cudaSuccess;
}

cudaError_t end_capture(simt_stream *s, cudaGraph_t *graph) {
  std::shared_ptr<recording> r = s->recording;
  *graph = nullptr;
  if (!r) return cudaErrorIllegalState;
  if (r->origin != s) return cudaErrorStreamCaptureUnmatched;
  if (r->mode != cudaStreamCaptureModeRelaxed && r->thread != std::this_thread::get_id())
    return cudaErrorStreamCaptureWrongThread;
  cudaError_t error = flaw(*r);
  for (simt_stream *each : r->streams) each->recording = nullptr;
  r->ended = true;
  if (error) return error;
  *graph = new simt_graph{std::move(r->nodes)};
  graphs.insert(*graph);
  return cudaSuccess;
}

cudaError_t run_nodes(const std::vector<node> &nodes) {
  for (const node &n : nodes) {
    count(n, true);
    if (cudaError_t error = n.run()) return error;
  }
  return cudaSuccess;
}

cudaError_t launch(simt_graph_exec *exec, cudaStream_t s) {
  cudaError_t error = enqueue(s, {node::OTHER, 0, 0, [nodes = exec->nodes] { return run_nodes(*nodes); }});
  if (!error) counters.graph_launches++;
  return error;
}

cudaStreamCaptureStatus status_of(const simt_stream *s) {
  if (!s->recording) return cudaStreamCaptureStatusNone;
  return s->recording->spoiled ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
}
} // namespace
} // namespace simt
using namespace simt;

extern "C" {
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode mode) {
  return call([&] {
    if (!s) return cudaErrorStreamCaptureUnsupported; /* the default stream */
    return stream_of(s) ? begin_capture(s, mode) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph) {
  return call(
      [&] { return stream_of(s) ? end_capture(stream_of(s), graph) : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t s, cudaStreamCaptureStatus *status) {
  return cudaStreamGetCaptureInfo(s, status);
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t handle, cudaStreamCaptureStatus *status,
                                     unsigned long long *id, cudaGraph_t *graph,
                                     const cudaGraphNode_t **dependencies, const cudaGraphEdgeData **edges,
                                     size_t *count) {
  return call([&] {
    simt_stream *s = stream_of(handle);
    if (!s) return cudaErrorInvalidResourceHandle;
    if (graph || dependencies || edges || count) return cudaErrorNotSupported;
    *status = status_of(s);
    if (id && s->recording) *id = s->recording->number;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags) {
  return call([&] {
    if (!graphs.count(graph) || flags) return cudaErrorInvalidValue;
    *exec = new simt_graph_exec{std::make_shared<const std::vector<node>>(graph->nodes)};
    execs.insert(*exec);
    return cudaSuccess;
  });
}

/* Their number; the nodes themselves are not given. */
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count) {
  return call([&] {
    if (!graphs.count(graph)) return cudaErrorInvalidValue;
    if (nodes) return cudaErrorNotSupported;
    return *count = graph->nodes.size(), cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t s) {
  return call([&] { return execs.count(exec) && stream_of(s) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t s) {
  return call([&] { return execs.count(exec) ? launch(exec, s) : cudaErrorInvalidValue; });
}

/* Launches that have not run yet keep what they need. */
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!execs.erase(exec)) return latch(cudaErrorInvalidValue);
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (!graphs.erase(graph)) return latch(cudaErrorInvalidValue);
  delete graph;
  return cudaSuccess;
}
}
