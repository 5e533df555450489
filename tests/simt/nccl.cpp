/* NCCL for the emulator: processes of one machine sum through memory that they share, named by the id. As
 * with NCCL, a sum is in the type of its numbers and begins at another rank from piece to piece; work waits
 * in the queue of its stream, and a rank that has died is an error that ncclCommGetAsyncError tells. */
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cuda/library/nccl_private.h"
#include "tests/simt/hooks.h"

namespace {
constexpr int RANKS = 64;
constexpr size_t PIECE = 1 << 18;     /* bytes that each rank shows the others at a time */
constexpr double PATIENCE = 60;       /* seconds until all have joined */
constexpr size_t ROTATE = PIECE / 64; /* bytes after which a sum begins at the next rank */

struct shared {
  std::atomic<int> joined, arrived, turn;
  std::atomic<pid_t> process[RANKS];
};

double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}
} // namespace

struct ncclComm {
  shared *all;
  size_t bytes;
  int rank, size;
  ncclResult_t error;
  ~ncclComm() {
    if (all) munmap((void *)all, bytes);
  }
  char *piece(int r) const {
    return (char *)(all + 1) + (size_t)r * PIECE;
  }
};

namespace {
bool alive(const ncclComm *c) {
  for (int r = 0; r < c->size; r++) {
    const pid_t p = c->all->process[r];
    if (p && kill(p, 0) != 0 && errno == ESRCH) return false;
  }
  return true;
}

/* Waits until `there`; false: somebody has died, or time is over. */
template <class F> bool wait(const ncclComm *c, double patience, F there) {
  const double began = seconds();
  for (long looks = 0; !there(); looks++) {
    if (looks < 200) {
      std::this_thread::yield();
      continue;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (looks % 200 == 0 && (!alive(c) || seconds() - began > patience)) return false;
  }
  return true;
}

void meet(ncclComm *c) {
  if (c->error != ncclSuccess) return;
  const int turn = c->all->turn;
  if (++c->all->arrived == c->size) {
    c->all->arrived = 0;
    c->all->turn++;
  } else if (!wait(c, 1e9, [&] { return c->all->turn != turn; }))
    c->error = ncclRemoteError;
}

struct work {
  ncclComm *comm;
  const char *from;
  char *to;
  size_t bytes;
  ncclDataType_t type;
  int root; /* -1: a sum */
};

template <class T> void add_up(const work &w, size_t bytes) {
  const ncclComm *c = w.comm;
  for (size_t i = 0; i < bytes / sizeof(T); i++) {
    const int begin = (int)(i * sizeof(T) / ROTATE % (size_t)c->size);
    T sum = 0;
    for (int k = 0; k < c->size; k++) sum += ((const T *)c->piece((begin + k) % c->size))[i];
    memcpy(w.to + i * sizeof(T), &sum, sizeof(T));
  }
}

void run(const void *args) {
  work w = *(const work *)args;
  ncclComm *c = w.comm;
  simt_reads(w.from, w.bytes, "a collective of NCCL");
  simt_writes(w.to, w.bytes, "a collective of NCCL");
  for (size_t left = w.bytes; left > 0 && c->error == ncclSuccess;) {
    const size_t n = left < PIECE ? left : PIECE;
    if (w.root < 0 || w.root == c->rank) memcpy(c->piece(c->rank), w.from, n);
    meet(c);
    if (c->error != ncclSuccess) return;
    if (w.root >= 0)
      memcpy(w.to, c->piece(w.root), n);
    else if (w.type == ncclFloat64)
      add_up<double>(w, n);
    else
      add_up<float>(w, n);
    meet(c);
    w.from += n, w.to += n, left -= n;
  }
}

ncclResult_t enqueue(const work &w, cudaStream_t stream) {
  return simt_enqueue(stream, run, &w, sizeof w) == cudaSuccess ? ncclSuccess : ncclSystemError;
}

shared *map(const char *name, size_t bytes) {
  const int file = shm_open(name, O_CREAT | O_RDWR, 0600);
  if (file < 0) return nullptr;
  void *p = ftruncate(file, (off_t)bytes) == 0
                ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                : MAP_FAILED;
  close(file);
  return p == MAP_FAILED ? nullptr : (shared *)p;
}
} // namespace

extern "C" {
const char *ncclGetErrorString(ncclResult_t r) {
  return r == ncclSuccess           ? "no error"
         : r == ncclInvalidArgument ? "invalid argument"
         : r == ncclRemoteError     ? "remote process exited or there was a network error"
                                    : "unhandled system error";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  std::random_device random;
  memset(id, 0, sizeof *id);
  snprintf(id->internal, sizeof id->internal, "/transit-simt-%08x%08x", random(), random());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *out, int size, ncclUniqueId id, int rank) {
  if (size < 1 || size > RANKS || rank < 0 || rank >= size) return ncclInvalidArgument;
  auto *c = new ncclComm{nullptr, sizeof(shared) + (size_t)size * PIECE, rank, size, ncclSuccess};
  c->all = map(id.internal, c->bytes);
  if (c->all) {
    c->all->process[rank] = getpid();
    c->all->joined++;
  }
  if (!c->all || !wait(c, PATIENCE, [&] { return c->all->joined == size; })) {
    delete c;
    return ncclSystemError;
  }
  if (rank == 0) shm_unlink(id.internal); /* all have it open */
  return *out = c, ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t *error) {
  return *error = c->error, ncclSuccess;
}

/* Work that still waits finds it broken. */
ncclResult_t ncclCommAbort(ncclComm_t c) {
  static std::vector<std::unique_ptr<ncclComm>> aborted;
  c->error = ncclRemoteError;
  aborted.emplace_back(c);
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t c) {
  delete c;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t n, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t c, cudaStream_t stream) {
  if (op != ncclSum || (type != ncclFloat32 && type != ncclFloat64)) return ncclInvalidArgument;
  const size_t bytes = n * (type == ncclFloat64 ? sizeof(double) : sizeof(float));
  return enqueue({c, (const char *)from, (char *)to, bytes, type, -1}, stream);
}

ncclResult_t ncclBroadcast(const void *from, void *to, size_t n, ncclDataType_t type, int root, ncclComm_t c,
                           cudaStream_t stream) {
  if (type != ncclUint8 || root < 0 || root >= c->size) return ncclInvalidArgument;
  return enqueue({c, (const char *)from, (char *)to, n, type, root}, stream);
}
}
