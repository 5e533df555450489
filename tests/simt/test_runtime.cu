/* The stand-in of the CUDA runtime: work that waits until something waits for it, streams, events,
 * recordings, errors, limits, counters. */
#include "tests/simt/tested.h"

#include <thread>

static __global__ void add(float *x, float v) {
  x[blockIdx.x * blockDim.x + threadIdx.x] += v;
}

static cudaStream_t stream(void) {
  cudaStream_t s = nullptr;
  CHECK_CODE(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), cudaSuccess);
  return s;
}

template <class T> static T *pinned(size_t n) {
  void *p = nullptr;
  CHECK_CODE(cudaHostAlloc(&p, n * sizeof(T), cudaHostAllocMapped), cudaSuccess);
  return (T *)p;
}

static simt_counters counted(void) {
  simt_counters c;
  CHECK(simt_counted(&c));
  return c;
}

/* A result is not there before a wait, and a buffer that is used again too early is what is copied. */
static void test_late(void) {
  cudaStream_t s = stream();
  float *x = on_device(std::vector<float>(32, 1)), *host = pinned<float>(32);
  CHECK_CODE(launch(s, add, 1, 32, 0, x, 2), cudaSuccess);
  host[5] = 7;
  CHECK_CODE(cudaMemcpyAsync(host, x, 128, cudaMemcpyDeviceToHost, s), cudaSuccess);
  CHECK(host[5] != 7 && host[5] != 3);
  CHECK_CODE(cudaStreamQuery(s), cudaErrorNotReady);
  CHECK_CODE(cudaStreamSynchronize(s), cudaSuccess);
  CHECK(host[5] == 3);
  CHECK_CODE(cudaStreamQuery(s), cudaSuccess);
  CHECK_CODE(cudaMemcpyAsync(x, host, 128, cudaMemcpyHostToDevice, s), cudaSuccess);
  host[5] = 9;
  CHECK_CODE(cudaStreamSynchronize(s), cudaSuccess);
  CHECK(from_device(x, 32)[5] == 9);
  setenv("SIMT_LATE", "0", 1);
  CHECK_CODE(launch(s, add, 1, 32, 0, x, 1), cudaSuccess);
  CHECK(x[5] == 10);
  unsetenv("SIMT_LATE");
  CHECK_CODE(cudaFree(x), cudaSuccess);
  CHECK_CODE(cudaFreeHost(host), cudaSuccess);
  CHECK_CODE(cudaStreamDestroy(s), cudaSuccess);
}

/* Two streams run in the order that events give them. */
static void test_events(void) {
  cudaStream_t first = stream(), second = stream();
  cudaEvent_t done, end;
  CHECK_CODE(cudaEventCreate(&done), cudaSuccess);
  CHECK_CODE(cudaEventCreate(&end), cudaSuccess);
  float *x = on_device(std::vector<float>(32, 1)), *y = on_device(std::vector<float>(32, 0));
  CHECK_CODE(cudaEventQuery(done), cudaSuccess);
  CHECK_CODE(launch(first, add, 1, 32, 0, x, 2), cudaSuccess);
  CHECK_CODE(cudaEventRecord(done, first), cudaSuccess);
  CHECK_CODE(launch(first, add, 1, 32, 0, x, 4), cudaSuccess);
  CHECK_CODE(cudaStreamWaitEvent(second, done, 0), cudaSuccess);
  CHECK_CODE(cudaMemcpyAsync(y, x, 128, cudaMemcpyDeviceToDevice, second), cudaSuccess);
  CHECK_CODE(cudaEventRecord(end, second), cudaSuccess);
  float ms = -1;
  CHECK_CODE(cudaEventElapsedTime(&ms, done, end), cudaErrorNotReady);
  CHECK_CODE(cudaEventQuery(end), cudaErrorNotReady);
  CHECK_CODE(cudaEventSynchronize(end), cudaSuccess);
  CHECK_CODE(cudaEventElapsedTime(&ms, done, end), cudaSuccess);
  CHECK(ms >= 0 && ms < 10000);
  CHECK(from_device(y, 1)[0] == 3);
  CHECK(from_device(x, 1)[0] == 7);
  CHECK_CODE(cudaEventDestroy(done), cudaSuccess);
  CHECK_CODE(cudaEventRecord(done, first), cudaErrorInvalidResourceHandle);
  CHECK_CODE(cudaEventDestroy(end), cudaSuccess);
  CHECK_CODE(cudaStreamDestroy(first), cudaSuccess);
  CHECK_CODE(cudaStreamSynchronize(first), cudaErrorInvalidResourceHandle);
  CHECK_CODE(cudaStreamDestroy(second), cudaSuccess);
  cudaFree(x), cudaFree(y);
}

/* A recording does nothing until it is launched, and then what was asked for, arguments by value. */
static void test_graph(void) {
  cudaStream_t s = stream();
  float *x = on_device(std::vector<float>(64, 1)), v = 2;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  cudaStreamCaptureStatus status;
  simt_counters before = counted();
  CHECK_CODE(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal), cudaSuccess);
  CHECK_CODE(launch(s, add, 2, 32, 0, x, v), cudaSuccess);
  v = 100;
  CHECK_CODE(cudaMemsetAsync(x + 32, 0, 128, s), cudaSuccess);
  CHECK_CODE(cudaStreamIsCapturing(s, &status), cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusActive);
  CHECK_CODE(cudaStreamEndCapture(s, &graph), cudaSuccess);
  CHECK_CODE(cudaStreamIsCapturing(s, &status), cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusNone);
  size_t nodes = 0;
  CHECK_CODE(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  CHECK(nodes == 2);
  CHECK_CODE(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  CHECK_CODE(cudaGraphDestroy(graph), cudaSuccess);
  CHECK(from_device(x, 1)[0] == 1);
  for (int i = 0; i < 3; i++) CHECK_CODE(cudaGraphLaunch(exec, s), cudaSuccess);
  CHECK_CODE(cudaGraphExecDestroy(exec), cudaSuccess); /* while they wait */
  CHECK_CODE(cudaGraphLaunch(exec, s), cudaErrorInvalidValue);
  std::vector<float> got = from_device(x, 64);
  CHECK(got[0] == 7 && got[31] == 7 && got[32] == 0);
  simt_counters after = counted();
  CHECK(after.graph_launches - before.graph_launches == 3);
  CHECK(after.launches == before.launches && after.launches_in_graphs - before.launches_in_graphs == 3);
  CHECK(after.sets.calls - before.sets.calls == 3 && after.sets.bytes - before.sets.bytes == 384);
  cudaFree(x), cudaStreamDestroy(s);
}

/* What is not allowed while a stream is recorded spoils the recording. */
static void refused_by(cudaStreamCaptureMode mode, cudaError_t (*call)(cudaStream_t, float *),
                       cudaError_t want, float *x) {
  cudaStream_t s = stream();
  cudaGraph_t graph = (cudaGraph_t)x;
  cudaStreamCaptureStatus status;
  CHECK_CODE(cudaStreamBeginCapture(s, mode), cudaSuccess);
  CHECK_CODE(call(s, x), want);
  CHECK_CODE(cudaStreamIsCapturing(s, &status), cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusInvalidated);
  CHECK_CODE(launch(s, add, 1, 32, 0, x, 1), cudaErrorStreamCaptureInvalidated);
  CHECK_CODE(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
  CHECK(graph == nullptr);
  CHECK_CODE(cudaStreamDestroy(s), cudaSuccess);
}
static void refused(cudaError_t (*call)(cudaStream_t, float *), cudaError_t want, float *x) {
  refused_by(cudaStreamCaptureModeGlobal, call, want, x);
  refused_by(cudaStreamCaptureModeThreadLocal, call, want, x);
}

/* An event that another stream has recorded before. */
static cudaError_t with_event(cudaError_t (*call)(cudaEvent_t)) {
  static cudaEvent_t event;
  static cudaStream_t other;
  if (!event) {
    other = stream();
    CHECK_CODE(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
    CHECK_CODE(cudaEventRecord(event, other), cudaSuccess);
  }
  return call(event);
}

/* They may spoil a capture of this thread, or of any where that is global; what another thread captures by
 * itself is none of its business. */
static void test_unsafe_calls(void) {
  const cudaError_t no = cudaErrorStreamCaptureUnsupported;
  float *x = on_device(std::vector<float>(32, 1));
  refused([](cudaStream_t, float *) { return with_event(cudaEventQuery); }, no, x);
  refused([](cudaStream_t, float *) { return with_event(cudaEventSynchronize); }, no, x);
  for (int global = 0; global < 2; global++) {
    cudaStream_t s = stream();
    cudaGraph_t graph = nullptr;
    std::thread([s, global] {
      CHECK_CODE(
          cudaStreamBeginCapture(s, global ? cudaStreamCaptureModeGlobal : cudaStreamCaptureModeThreadLocal),
          cudaSuccess);
    }).join();
    CHECK_CODE(with_event(cudaEventSynchronize), global ? no : cudaSuccess);
    CHECK_CODE(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureWrongThread);
    CHECK_CODE(cudaStreamDestroy(s), cudaSuccess);
  }
  cudaFree(x);
}

static void test_refused_in_capture(void) {
  float *x = on_device(std::vector<float>(32, 1));
  const cudaError_t no = cudaErrorStreamCaptureUnsupported;
  refused(
      [](cudaStream_t, float *) {
        void *p;
        return cudaMalloc(&p, 4);
      },
      no, x);
  refused(
      [](cudaStream_t, float *) {
        void *p;
        return cudaHostAlloc(&p, 4, 0);
      },
      no, x);
  refused([](cudaStream_t, float *p) { return cudaFree(p); }, no, x);
  refused([](cudaStream_t s, float *) { return cudaStreamSynchronize(s); }, no, x);
  refused([](cudaStream_t s, float *) { return cudaStreamQuery(s); }, no, x);
  refused([](cudaStream_t, float *) { return cudaDeviceSynchronize(); }, no, x);
  refused(
      [](cudaStream_t s, float *p) {
        float pageable[32];
        return cudaMemcpyAsync(pageable, p, 128, cudaMemcpyDeviceToHost, s);
      },
      no, x);
  cudaStream_t s = stream();
  cudaGraph_t graph;
  CHECK_CODE(cudaStreamEndCapture(s, &graph), cudaErrorIllegalState);
  CHECK_CODE(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), no);
  cudaFree(x), cudaStreamDestroy(s);
}

/* A second stream that joins a recording must be waited for within it. */
static void test_fork(void) {
  cudaStream_t s = stream(), side = stream();
  cudaEvent_t fork, join;
  cudaEventCreateWithFlags(&fork, cudaEventDisableTiming),
      cudaEventCreateWithFlags(&join, cudaEventDisableTiming);
  float *x = on_device(std::vector<float>(32, 1));
  for (int joined = 0; joined < 2; joined++) {
    cudaGraph_t graph = nullptr;
    CHECK_CODE(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal), cudaSuccess);
    CHECK_CODE(cudaEventRecord(fork, s), cudaSuccess);
    CHECK_CODE(cudaStreamWaitEvent(side, fork, 0), cudaSuccess);
    CHECK_CODE(launch(side, add, 1, 32, 0, x, 1), cudaSuccess);
    CHECK_CODE(cudaEventRecord(join, side), cudaSuccess);
    CHECK_CODE(cudaEventSynchronize(join), cudaErrorCapturedEvent);
    if (joined) CHECK_CODE(cudaStreamWaitEvent(s, join, 0), cudaSuccess);
    CHECK_CODE(cudaStreamEndCapture(s, &graph), joined ? cudaSuccess : cudaErrorStreamCaptureUnjoined);
    if (joined) CHECK_CODE(cudaGraphDestroy(graph), cudaSuccess);
  }
  CHECK(from_device(x, 1)[0] == 1);
  cudaEventDestroy(fork), cudaEventDestroy(join);
  cudaFree(x), cudaStreamDestroy(s), cudaStreamDestroy(side);
}

static void test_devices(void) {
  int n = 77;
  setenv("SIMT_DEVICES", "0", 1);
  CHECK_CODE(cudaGetDeviceCount(&n), cudaErrorNoDevice);
  CHECK(n == 77);
  unsetenv("SIMT_DEVICES");
  setenv("SIMT_DRIVER", "12.0", 1);
  CHECK_CODE(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
  CHECK(cudaDriverGetVersion(&n) == cudaSuccess && n == 12000);
  unsetenv("SIMT_DRIVER");
  setenv("SIMT_MODE", "busy", 1);
  CHECK_CODE(cudaSetDevice(0), cudaErrorDevicesUnavailable);
  unsetenv("SIMT_MODE");
  CHECK_CODE(cudaSetDevice(1), cudaErrorInvalidDevice);
  setenv("SIMT_CAPABILITY", "7.5", 1);
  cudaDeviceProp p;
  CHECK_CODE(cudaGetDeviceProperties(&p, 0), cudaSuccess);
  CHECK(p.major == 7 && p.minor == 5);
  CHECK_CODE(launch(nullptr, add, 1, 32, 0, nullptr, 1), cudaErrorNoKernelImageForDevice);
  unsetenv("SIMT_CAPABILITY");
}

static void test_memory(void) {
  setenv("SIMT_MEMORY", "100000", 1);
  size_t left, total;
  void *p = nullptr, *q = nullptr;
  CHECK_CODE(cudaMalloc(&p, 60000), cudaSuccess);
  CHECK_CODE(cudaMalloc(&q, 60000), cudaErrorMemoryAllocation);
  CHECK_CODE(cudaMemGetInfo(&left, &total), cudaSuccess);
  CHECK(left == 40000 && total == 100000);
  CHECK(cudaMalloc(&q, 60000) == cudaErrorMemoryAllocation &&
        cudaPeekAtLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation && cudaGetLastError() == cudaSuccess);
  unsetenv("SIMT_MEMORY");
  char host[200] = {0};
  CHECK_CODE(cudaMemcpy(p, host, 60001, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  CHECK_CODE(cudaMemcpy(host, host, 100, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  CHECK_CODE(cudaFree((char *)p + 1), cudaErrorInvalidValue);
  CHECK_CODE(cudaFree(p), cudaSuccess);
  CHECK_CODE(cudaFree(p), cudaErrorInvalidValue);
  CHECK_CODE(cudaFree(nullptr), cudaSuccess);
}

static __global__ void many_adds(float *x) {
  __shared__ float sum[128];
  sum[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  for (int i = 0; i < 20; i++) {
    const float next = sum[(threadIdx.x + 1) % 128];
    __syncthreads();
    sum[threadIdx.x] = next + 1;
    __syncthreads();
  }
  x[threadIdx.x] = sum[threadIdx.x];
}

/* Contexts on OS threads of their own: kernels take turns. */
static void test_threads(void) {
  std::vector<std::thread> threads;
  std::vector<float> last(4);
  for (size_t i = 0; i < last.size(); i++)
    threads.emplace_back([&last, i] {
      cudaStream_t s;
      void *x, *host;
      cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
      cudaMalloc(&x, 512), cudaHostAlloc(&host, 512, cudaHostAllocMapped);
      cudaMemsetAsync(x, 0, 512, s);
      for (int k = 0; k < 30; k++) launch(s, many_adds, 1, 128, 0, (float *)x);
      cudaMemcpyAsync(host, x, 512, cudaMemcpyDeviceToHost, s);
      if (cudaStreamSynchronize(s) == cudaSuccess) last[i] = ((float *)host)[127];
      cudaFree(x), cudaFreeHost(host), cudaStreamDestroy(s);
    });
  for (std::thread &t : threads) t.join();
  for (float v : last) CHECK(v == 600);
}

static __global__ void diverge(float *x) {
  if (threadIdx.x < 16) __syncthreads();
  x[threadIdx.x] = 1;
}

/* What a kernel does wrong comes to light at the wait, and stays. */
static void test_broken(void) {
  cudaStream_t s = stream();
  float *x = on_device(std::vector<float>(32, 1));
  fprintf(stderr, "two messages follow that belong to the test:\n");
  CHECK_CODE(launch(s, diverge, 1, 32, 0, x), cudaSuccess);
  CHECK_CODE(cudaStreamSynchronize(s), cudaErrorLaunchFailure);
  CHECK_CODE(launch(s, add, 1, 32, 0, x, 1), cudaErrorLaunchFailure);
  CHECK(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaErrorLaunchFailure);
  simt_forget_errors();
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK_CODE(launch(s, add, 1, 33, 0, x, 1), cudaErrorInvalidConfiguration);
  CHECK_CODE(launch(s, add, 0, 32, 0, x, 1), cudaErrorInvalidConfiguration);
  CHECK_CODE(launch(s, add, 1, 2048, 0, x, 1), cudaErrorInvalidConfiguration);
  CHECK_CODE(launch(s, add, 1, 32, 50000, x, 1), cudaErrorInvalidValue);
  CHECK_CODE(cudaFuncSetAttribute(add, cudaFuncAttributeMaxDynamicSharedMemorySize, 240000),
             cudaErrorInvalidValue);
  CHECK_CODE(cudaFuncSetAttribute(add, cudaFuncAttributeMaxDynamicSharedMemorySize, 50000), cudaSuccess);
  CHECK_CODE(launch(s, add, 1, 32, 50000, x, 1), cudaSuccess);
  cudaFree(x), cudaStreamDestroy(s);
}

static void test_counters(void) {
  cudaStream_t s = stream();
  simt_counters a = counted();
  float *x = on_device(std::vector<float>(32, 1)), *host = pinned<float>(32), pageable[32];
  launch(s, add, 1, 32, 0, x, 1);
  cudaMemcpyAsync(host, x, 128, cudaMemcpyDeviceToHost, s);
  cudaMemcpyAsync(pageable, x, 64, cudaMemcpyDeviceToHost, s);
  cudaStreamSynchronize(s);
  simt_counters b = counted();
  CHECK(b.allocations - a.allocations == 1 && b.pinned - a.pinned == 1 && b.launches - a.launches == 1);
  CHECK(b.copies[cudaMemcpyDeviceToHost].calls - a.copies[cudaMemcpyDeviceToHost].calls == 2);
  CHECK(b.copies[cudaMemcpyDeviceToHost].bytes - a.copies[cudaMemcpyDeviceToHost].bytes == 192);
  CHECK(b.copies[cudaMemcpyHostToDevice].bytes - a.copies[cudaMemcpyHostToDevice].bytes == 128);
  CHECK(b.waits - a.waits == 4); /* two of on_device, the copy to pageable memory, the last line */
  CHECK(pageable[3] == 2 && host[3] == 2);
  cudaFree(x), cudaFreeHost(host), cudaStreamDestroy(s);
}

/* Work of a library: in order, arguments copied, recorded as kernels are. */
static void test_library_work(void) {
  struct args {
    float *x;
    float factor;
  } a = {on_device(std::vector<float>(4, 3)), 2};
  auto run = [](const void *p) {
    const args *b = (const args *)p;
    for (int i = 0; i < 4; i++) b->x[i] *= b->factor;
  };
  cudaStream_t s = stream();
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  CHECK_CODE(simt_enqueue(s, run, &a, sizeof a), cudaSuccess);
  CHECK_CODE(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  CHECK_CODE(simt_enqueue(s, run, &a, sizeof a), cudaSuccess);
  CHECK_CODE(cudaStreamEndCapture(s, &graph), cudaSuccess);
  CHECK_CODE(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  a.factor = 100;
  CHECK_CODE(cudaGraphLaunch(exec, s), cudaSuccess);
  CHECK_CODE(cudaGraphLaunch(exec, s), cudaSuccess);
  CHECK(from_device(a.x, 4)[2] == 24);
  cudaGraphExecDestroy(exec), cudaGraphDestroy(graph);
  cudaFree(a.x), cudaStreamDestroy(s);
}

int main() {
  test_late();
  test_events();
  test_graph();
  test_unsafe_calls();
  test_refused_in_capture();
  test_fork();
  test_devices();
  test_memory();
  test_counters();
  test_library_work();
  test_threads();
  test_broken();
  return check_report();
}
