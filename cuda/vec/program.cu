/* Programs (core/vec/program.h): one kernel that takes the list by value and runs it element by element. A
 * thread has the elements of its place of all vectors in a file of its own, in shared memory: those that the
 * list reads first are loaded together, those that it writes are stored at the end, and what happens between
 * costs no memory of the device.
 *
 * A reduction runs over chunks, which are cut from the count and the segments alone: partial sums do not
 * depend on how many blocks there are, and the block that is done last adds them. */
#include "cuda/vec/normal_private.h"
#include "cuda/vec/slots_private.h"

enum { THREADS = 128 };

/* How a program is run. */
struct plan {
  tr_segments parts;              /* each is cut into chunks from its own start */
  int first[TR_MAX_SEGMENTS + 1]; /* chunk of each part; then their number */
  int64_t length;                 /* elements of a chunk */
  unsigned loaded, stored;        /* vectors, one bit each */
  tr_cuda_tail *tail;
  double *result; /* of the reduction, in its slot */
  double *shown;  /* the latch, in the slot of the watch */
};

/* ---- one element ---- */

template <class T> using slots_of = const T *; /* of a thread: vector v is element v THREADS */

template <class T>
static __device__ double lincomb(const tr_program &p, const tr_program_op &op, slots_of<T> file) {
  const double *factor = p.factor + op.first;
  const uint8_t *term = p.term + op.first;
  double sum = factor[0] * (double)file[term[0] * THREADS];
  for (int k = 1; k < op.n; k++) sum += factor[k] * (double)file[term[k] * THREADS];
  return sum;
}

template <class T>
static __device__ double map(const tr_program &p, const tr_program_op &op, slots_of<T> file) {
  const double c = p.factor[op.first];
  const double x = op.n > 0 ? (double)file[p.term[op.first] * THREADS] : 0;
  const double y = op.n > 1 ? (double)file[p.term[op.first + 1] * THREADS] : 0;
  switch (op.map) {
  case TR_MAP_CONST:
    return c;
  case TR_MAP_MUL:
    return x * y;
  case TR_MAP_DIV:
    return x / y;
  case TR_MAP_ABS:
    return fabs(x);
  case TR_MAP_INV:
    return 1 / x;
  default: /* TR_MAP_ADDC */
    return x + c;
  }
}

/* With the roundings of the maps one by one. */
template <class T>
static __device__ double weight(const tr_program &p, const tr_program_op &op, slots_of<T> file, int64_t i) {
  int k = 0;
  while (k + 1 < p.parts.n && i >= p.parts.end[k]) k++;
  const double *factor = p.factor + op.first + 2 * k;
  const T share = (T)(factor[0] * fabs((double)file[p.term[op.first] * THREADS]));
  const T sum = (T)((double)share + factor[1]);
  return 1 / (double)sum;
}

static __device__ double normal(const tr_program_draw &d, int64_t i) {
  const int64_t r = i / d.row, e = i - r * d.row;
  double pair[2];
  tr_normal_pair(d.address.seed, d.address.purpose, d.address.step, d.address.sample + (uint64_t)r,
                 (uint32_t)(e / 2), pair);
  return e % 2 ? pair[1] : pair[0];
}

template <class T> static __device__ void run_list(const tr_program &p, T *file, int64_t i) {
  for (int j = 0; j < p.n_ops; j++) {
    const tr_program_op &op = p.op[j];
    const double z = op.kind == TR_PROGRAM_LINCOMB   ? lincomb<T>(p, op, file)
                     : op.kind == TR_PROGRAM_MAP     ? map<T>(p, op, file)
                     : op.kind == TR_PROGRAM_WEIGHTS ? weight<T>(p, op, file, i)
                                                     : normal(p.draw[op.first], i);
    file[op.z * THREADS] = (T)z;
  }
}

/* In the kernel's copy of the program vectors are tr_moving. */
template <class T> static __device__ T *vector(const tr_program &p, int v) {
  return tr_moving<T>{(uintptr_t)p.vector[v]}.get();
}

template <class T> static __device__ void load(const tr_program &p, unsigned which, T *file, int64_t i) {
  for (int v = 0; v < p.n_vectors; v++)
    if (which >> v & 1) file[v * THREADS] = vector<T>(p, v)[i];
}

template <class T>
static __device__ void store(const tr_program &p, unsigned which, const T *file, int64_t i) {
  for (int v = 0; v < p.n_vectors; v++)
    if (which >> v & 1) vector<T>(p, v)[i] = file[v * THREADS];
}

/* ---- reductions ---- */

static __device__ double identity(int op) {
  return op == TR_MIN ? INFINITY : 0;
}

/* Not a number wins. */
static __device__ double combine(int op, double a, double b) {
  if (op == TR_MAX_ABS) return a != a || a >= b ? a : b;
  if (op == TR_MIN) return a != a || a <= b ? a : b;
  return a + b;
}

template <class T> static __device__ double term_of(const tr_program &p, const T *file) {
  const double x = (double)file[p.reduce.x * THREADS];
  const double y = p.reduce.y >= 0 ? (double)file[p.reduce.y * THREADS] : 0;
  switch (p.reduce.op) {
  case TR_SUM_XY:
    return x * y;
  case TR_SUM_XW2:
    return (x * y) * (x * y);
  case TR_MAX_ABS:
    return fabs(x);
  default: /* TR_MIN, TR_SUM */
    return x;
  }
}

/* Of the block, the same in all threads; warp: a number for each, free again after the next barrier. */
static __device__ double combine_block(int op, double v, double *warp) {
  for (int d = 16; d; d /= 2) v = combine(op, v, __shfl_xor_sync(~0u, v, d));
  if (threadIdx.x % 32 == 0) warp[threadIdx.x / 32] = v;
  __syncthreads();
  v = warp[0];
  for (int w = 1; w < THREADS / 32; w++) v = combine(op, v, warp[w]);
  return v;
}

static __device__ bool any_of_block(bool mine, unsigned *warp) {
  const unsigned votes = __ballot_sync(~0u, mine);
  if (threadIdx.x % 32 == 0) warp[threadIdx.x / 32] = votes;
  __syncthreads();
  unsigned all = 0;
  for (int w = 0; w < THREADS / 32; w++) all |= warp[w];
  return all != 0;
}

/* The results of the segments, by the last block alone: chunks in a fixed order. */
static __device__ void finish_reduction(const tr_program &p, const plan &q, double *warp) {
  const volatile double *partial = q.tail->partial;
  for (int k = 0; k < q.parts.n; k++) {
    double r = identity(p.reduce.op);
    for (int i = q.first[k] + (int)threadIdx.x; i < q.first[k + 1]; i += THREADS)
      r = combine(p.reduce.op, r, partial[i]);
    __syncthreads();
    r = combine_block(p.reduce.op, r, warp);
    if (threadIdx.x == 0) q.result[k] = r;
  }
}

static __device__ void finish_watch(const tr_program &p, const plan &q) {
  q.tail->latch[p.watch.slot] = p.watch.step;
  *q.shown = (double)p.watch.step;
}

/* The low half of the ticket counts blocks, the high half those that found what is not finite. Whoever draws
 * the last one sees what all others left. */
static __device__ void finish(const tr_program &p, const plan &q, bool found, double *warp) {
  __shared__ unsigned drawn, votes[THREADS / 32];
  const unsigned mine = any_of_block(found, votes) ? 0x10001u : 1u;
  if (threadIdx.x == 0) {
    __threadfence();
    drawn = atomicAdd(&q.tail->ticket, mine);
  }
  __syncthreads();
  if ((drawn & 0xffff) + 1 != gridDim.x) return;
  __threadfence();
  if (p.reduce.slot >= 0) finish_reduction(p, q, warp);
  if (threadIdx.x != 0) return;
  if (drawn + mine >= 0x10000u) finish_watch(p, q);
  atomicAdd(&q.tail->ticket, 0u - (drawn + mine));
}

/* ---- the kernel ---- */

template <class T>
static __global__ __launch_bounds__(THREADS) void run_program(const __grid_constant__ tr_program p,
                                                              const __grid_constant__ plan q) {
  TR_DYNAMIC_SHARED(T, files);
  __shared__ double warp[THREADS / 32];
  T *file = files + threadIdx.x;
  bool found = false;
  if (p.watch.slot >= 0 && *(const volatile int64_t *)&q.tail->latch[p.watch.slot] != TR_WATCH_NONE) return;
  for (int chunk = (int)blockIdx.x; chunk < q.first[q.parts.n]; chunk += (int)gridDim.x) {
    int k = 0;
    while (chunk >= q.first[k + 1]) k++;
    const int64_t from = (k ? q.parts.end[k - 1] : 0) + (chunk - q.first[k]) * q.length,
                  to = from + q.length < q.parts.end[k] ? from + q.length : q.parts.end[k];
    double r = identity(p.reduce.op);
    for (int64_t i = from + threadIdx.x; i < to; i += THREADS) {
      load(p, q.loaded, file, i);
      run_list(p, file, i);
      store(p, q.stored, file, i);
      if (p.reduce.slot >= 0) r = combine(p.reduce.op, r, term_of(p, file));
      if (p.watch.x >= 0) found |= !(fabs((double)file[p.watch.x * THREADS]) <= 1.7976931348623157e308);
    }
    if (p.reduce.slot < 0) continue;
    __syncthreads();
    r = combine_block(p.reduce.op, r, warp);
    if (threadIdx.x == 0) q.tail->partial[chunk] = r;
  }
  if (p.reduce.slot >= 0 || p.watch.x >= 0) finish(p, q, found, warp);
}

/* ---- planning ---- */

static void cut(const tr_program *p, plan *q) {
  q->parts = p->reduce.slot >= 0 ? p->reduce.parts : tr_segments{1, {p->count}};
  q->length =
      THREADS * ((p->count + (int64_t)THREADS * TR_CUDA_CHUNKS - 1) / ((int64_t)THREADS * TR_CUDA_CHUNKS));
  for (int k = 0; k < q->parts.n; k++) {
    const int64_t n = q->parts.end[k] - (k ? q->parts.end[k - 1] : 0);
    q->first[k + 1] = q->first[k] + (n ? (int)((n + q->length - 1) / q->length) : 0);
  }
}

static void note_read(plan *q, int v) {
  if (v >= 0 && !(q->stored >> v & 1)) q->loaded |= 1u << v;
}

static void note_vectors(const tr_program *p, plan *q) {
  for (int j = 0; j < p->n_ops; j++) {
    for (int k = 0; k < p->op[j].n; k++) note_read(q, p->term[p->op[j].first + k]);
    q->stored |= 1u << p->op[j].z;
  }
  if (p->reduce.slot >= 0) note_read(q, p->reduce.x), note_read(q, p->reduce.y);
  note_read(q, p->watch.x);
}

/* More blocks than the processors can hold at a time only wait. */
static unsigned blocks_of(tr_ctx *ctx, const plan *q) {
  const int chunks = q->first[q->parts.n], most = 8 * tr_cuda_state_of(ctx)->processors;
  return (unsigned)(chunks < 1 ? 1 : chunks < most ? chunks : most);
}

tr_status tr_cuda_program(tr_ctx *ctx, const tr_program *p) {
  static_assert(sizeof(tr_program) + sizeof(plan) <= 4000, "arguments of a kernel are 4 KiB at most");
  const tr_cuda_slots *slots = tr_cuda_state_of(ctx)->slots;
  plan q = {};
  if (p->count == 0 && p->reduce.slot < 0) return TR_OK;
  cut(p, &q);
  note_vectors(p, &q);
  q.tail = slots->tail;
  if (p->reduce.slot >= 0) q.result = slots->shown_on_device[p->reduce.slot];
  if (p->watch.slot >= 0) q.shown = slots->shown_on_device[p->watch.slot];
  tr_program copy = *p;
  for (int v = 0; v < p->n_vectors; v++)
    copy.vector[v] = (void *)tr_cuda_moving<void>(ctx, p->vector[v]).bits;
  return tr_cuda_launch(ctx, "a program", p->n_ops, p->count,
                        p->dtype == TR_F32 ? run_program<float> : run_program<double>, blocks_of(ctx, &q),
                        THREADS, (size_t)p->n_vectors * THREADS * tr_dtype_size(p->dtype), copy, q);
}
