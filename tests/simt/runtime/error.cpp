/* Errors, counters, and settings. */
#include <cstdio>
#include <cstdlib>

#include "tests/simt/hooks.h"
#include "tests/simt/runtime/runtime.h"

namespace simt {
std::recursive_mutex lock;
simt_counters counters;
cudaError_t broken = cudaSuccess;

static thread_local cudaError_t last = cudaSuccess;

long setting(const char *name, long otherwise) {
  const char *text = getenv(name);
  if (!text || !*text) return otherwise;
  char *end;
  long value = strtol(text, &end, 10);
  if (*end) fprintf(stderr, "simt: %s is '%s': that is no whole number\n", name, text), abort();
  return value;
}

cudaError_t latch(cudaError_t error) {
  if (error != cudaSuccess) last = error;
  return error;
}
} // namespace simt
using namespace simt;

extern "C" {
const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define SIMT_ERROR(name, code, text)                                                                         \
  case name:                                                                                                 \
    return text;
    SIMT_ERRORS(SIMT_ERROR)
#undef SIMT_ERROR
  }
  return "unrecognized error code";
}

const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define SIMT_ERROR(name, code, text)                                                                         \
  case name:                                                                                                 \
    return #name;
    SIMT_ERRORS(SIMT_ERROR)
#undef SIMT_ERROR
  }
  return "unrecognized error code";
}

cudaError_t cudaPeekAtLastError() {
  return broken ? broken : last;
}

cudaError_t cudaGetLastError() {
  cudaError_t error = cudaPeekAtLastError();
  last = cudaSuccess;
  return error;
}

int64_t simt_rows(int64_t otherwise) {
  return setting("SIMT_ROWS", (long)otherwise);
}

void simt_forget_errors() {
  std::lock_guard<std::recursive_mutex> guard(lock);
  broken = last = cudaSuccess;
}

void simt_describes(int more) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  counters.described += more;
}

void simt_count(simt_counters *out) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  *out = counters;
}
}
