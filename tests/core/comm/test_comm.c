/* Ranks: sums of arrays bit for bit in the order of the ranks, whatever their sizes and however many are
 * under way, or by the devices where each rank has one, to their rounding; broadcasts, small numbers,
 * agreement on errors. Alone, and under mpirun (tests/CMakeLists.txt). */
#include <stdlib.h>

#include "core/comm/comm.h"
#include "tests/support/check.h"

/* TR_TEST_RESOURCES */
/* TR_TEST_RANKS */

/* What rank r holds in array k at i: sums of them hang on their order, in double too. */
static double value(int r, int k, int64_t i) {
  static const double size[] = {1, 1e16, -1e16, 3};
  return size[(r + i) % 4] * (1 + 1e-3 * (double)((i * 7 + k * 13 + r) % 1009));
}

static tr_array *made(tr_ctx *ctx, tr_dtype dtype, int k, int rank, int64_t n) {
  tr_array *x;
  double *host = malloc((size_t)(n ? n : 1) * sizeof *host);
  for (int64_t i = 0; i < n; i++) host[i] = value(rank, k, i);
  CHECK_OK(ctx, tr_array_create(ctx, dtype, 1, &n, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, host));
  free(host);
  return x;
}

/* Whether the devices add up: in the type of the numbers, in an order of theirs. */
static bool by_devices(const tr_comm *comm) {
  return strcmp(tr_comm_name(comm), "mpi+nccl") == 0;
}

/* Whether this is a sum of all ranks, `want` in their order and rounded once, `size` the sum of magnitudes.
 */
static bool is_sum(const tr_comm *comm, tr_dtype dtype, double got, double want, double size) {
  if (!by_devices(comm)) return got == (dtype == TR_F32 ? (double)(float)want : want);
  return fabs(got - want) <= tr_comm_size(comm) * (dtype == TR_F32 ? 1.2e-7 : 2.3e-16) * size;
}

/* All ranks have the same bits. */
static bool is_alike(tr_comm *comm, const double *x, int64_t n) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  bool alike;
  for (const unsigned char *c = (const void *)x; c < (const unsigned char *)(x + n); c++)
    hash = (hash ^ *c) * 1099511628211u;
  return tr_comm_alike(comm, &hash, sizeof hash, &alike) == TR_OK && alike;
}

/* As many numbers of x as are not the sum of all ranks. */
static int64_t wrong(tr_ctx *ctx, tr_comm *comm, const tr_array *x, int k) {
  int64_t n = 0;
  const int size = tr_comm_size(comm);
  double *got = malloc((size_t)(x->count ? x->count : 1) * sizeof *got);
  CHECK_OK(ctx, tr_array_get_f64(x, got));
  for (int64_t i = 0; i < x->count; i++) {
    double want = 0, magnitude = 0;
    for (int r = 0; r < size; r++) {
      const double v = x->dtype == TR_F32 ? (double)(float)value(r, k, i) : value(r, k, i);
      want += v, magnitude += fabs(v);
    }
    n += !is_sum(comm, x->dtype, got[i], want, magnitude);
  }
  CHECK(is_alike(comm, got, x->count));
  free(got);
  return n;
}

static void sums(tr_ctx *ctx, tr_comm *comm, tr_dtype dtype) {
  static const int64_t counts[] = {1, 2, 5, 1000, 3000001, 70000, 0};
  enum { N = sizeof counts / sizeof *counts };
  tr_array *x[N];
  const int rank = tr_comm_rank(comm), size = tr_comm_size(comm);
  for (int k = 0; k < N; k++) {
    x[k] = made(ctx, dtype, k, rank, counts[k]);
    CHECK_OK(ctx, tr_comm_sum_start(comm, x[k]));
  }
  CHECK_OK(ctx, tr_comm_sum_wait(comm));
  for (int k = 0; k < N; k++) {
    CHECK(wrong(ctx, comm, x[k], k) == 0);
    tr_array_destroy(&x[k]);
  }
  /* A part of an array, and nothing beside it. */
  tr_array *whole = made(ctx, dtype, 9, rank, 100);
  tr_array part = tr_rows(whole, 10, 80), before = tr_rows(whole, 0, 10);
  double first[10];
  CHECK_OK(ctx, tr_comm_sum_start(comm, &part));
  CHECK_OK(ctx, tr_comm_sum_wait(comm));
  CHECK_OK(ctx, tr_array_get_f64(&before, first));
  CHECK(dtype == TR_F32 || first[9] == value(rank, 9, 9));
  double *got = malloc(80 * sizeof *got), want = 0, magnitude = 0;
  CHECK_OK(ctx, tr_array_get_f64(&part, got));
  for (int r = 0; r < size; r++) {
    const double v = dtype == TR_F32 ? (double)(float)value(r, 9, 89) : value(r, 9, 89);
    want += v, magnitude += fabs(v);
  }
  CHECK(is_sum(comm, dtype, got[79], want, magnitude));
  free(got);
  tr_array_destroy(&whole);
}

static void broadcasts(tr_ctx *ctx, tr_comm *comm) {
  const int root = tr_comm_size(comm) - 1;
  tr_array *x = made(ctx, TR_F32, 3, tr_comm_rank(comm), 12345);
  double *got = malloc(12345 * sizeof *got);
  CHECK_OK(ctx, tr_comm_broadcast(comm, root, x));
  CHECK_OK(ctx, tr_array_get_f64(x, got));
  for (int i = 0; i < 12345; i += 1234) CHECK(got[i] == (double)(float)value(root, 3, i));
  for (int i = 0; i < 12345; i++) got[i] = tr_comm_rank(comm) + i;
  CHECK_OK(ctx, tr_comm_broadcast_bytes(comm, root, got + 1, 12344 * sizeof *got));
  CHECK(got[0] == tr_comm_rank(comm) && got[1] == root + 1 && got[12344] == root + 12344);
  free(got);
  tr_array_destroy(&x);
}

static void numbers(tr_ctx *ctx, tr_comm *comm) {
  const int rank = tr_comm_rank(comm), size = tr_comm_size(comm);
  double v[3] = {rank, -rank, 0.1}, sum = 0;
  CHECK_OK(ctx, tr_comm_reduce(comm, TR_COMM_SUM, 3, v));
  for (int r = 0; r < size; r++) sum = r ? sum + 0.1 : 0.1;
  CHECK(v[0] == size * (size - 1) / 2 && v[1] == -v[0] && v[2] == sum);
  v[0] = rank, v[1] = -rank, v[2] = rank == size - 1 ? NAN : 7;
  CHECK_OK(ctx, tr_comm_reduce(comm, TR_COMM_MAX, 3, v));
  CHECK(v[0] == size - 1 && v[1] == 0 && isnan(v[2]));
  v[0] = rank, v[1] = -rank, v[2] = 1;
  CHECK_OK(ctx, tr_comm_reduce(comm, TR_COMM_MIN, 3, v));
  CHECK(v[0] == 0 && v[1] == 1 - size && v[2] == 1);
  CHECK_OK(ctx, tr_comm_barrier(comm));
}

static void compared(tr_ctx *ctx, tr_comm *comm) {
  char text[128] = "the same";
  bool alike = false;
  CHECK_OK(ctx, tr_comm_alike(comm, text, sizeof text, &alike));
  CHECK(alike);
  text[127] = tr_comm_rank(comm) == tr_comm_size(comm) - 1;
  CHECK_OK(ctx, tr_comm_alike(comm, text, 127, &alike));
  CHECK(alike);
  CHECK_OK(ctx, tr_comm_alike(comm, text, 128, &alike));
  CHECK(alike == (tr_comm_size(comm) == 1));
  CHECK_ERROR(ctx, tr_comm_alike(comm, text, 129, &alike), TR_E_ARG, "129 bytes");
}

/* The last rank fails, then the last two. */
static void agreement(tr_ctx *ctx, tr_comm *comm) {
  const int rank = tr_comm_rank(comm), size = tr_comm_size(comm);
  CHECK_OK(ctx, tr_comm_agree(comm, TR_OK));
  CHECK(tr_comm_speaks(comm) == (rank == 0));
  for (int failing = 1; failing <= 2 && failing < size; failing++) {
    const bool mine = rank >= size - failing;
    char said[40];
    snprintf(said, sizeof said, "rank %d failed", size - failing);
    const tr_status own = mine ? TR_FAIL(ctx, TR_E_IO, "mine") : TR_OK;
    CHECK_ERROR(ctx, tr_comm_agree(comm, own), TR_E_IO, mine ? "mine" : said);
    CHECK(tr_comm_speaks(comm) == (rank == size - failing));
    CHECK(tr_comm_agree(comm, TR_E_IO) == TR_E_IO && tr_comm_speaks(comm) == (rank == size - failing));
    CHECK_OK(ctx, tr_comm_agree(comm, TR_OK));
  }
  CHECK(!tr_comm_lost(comm));
}

static void refused(tr_ctx *ctx, tr_comm *comm) {
  double v = 0;
  tr_array *x = made(ctx, TR_F64, 0, 0, 8), *whole;
  const int64_t n = 4;
  CHECK_ERROR(ctx, tr_comm_reduce(comm, TR_COMM_SUM, 0, &v), TR_E_ARG, "0 numbers");
  CHECK_ERROR(ctx, tr_comm_reduce(comm, TR_COMM_SUM, 17, &v), TR_E_ARG, "17 numbers");
  CHECK_ERROR(ctx, tr_comm_reduce(comm, (tr_comm_op)3, 1, &v), TR_E_ARG, "operation 3");
  CHECK_ERROR(ctx, tr_comm_broadcast(comm, tr_comm_size(comm), x), TR_E_ARG, "a broadcast from rank");
  CHECK_ERROR(ctx, tr_comm_broadcast_bytes(comm, -1, &v, sizeof v), TR_E_ARG, "a broadcast from rank -1");
  CHECK_OK(ctx, tr_array_create(ctx, TR_I32, 1, &n, &whole));
  CHECK_ERROR(ctx, tr_comm_sum_start(comm, whole), TR_E_SHAPE, "a sum of i32");
  CHECK_OK(ctx, tr_comm_sum_start(comm, x));
  CHECK_ERROR(ctx, tr_comm_reduce(comm, TR_COMM_SUM, 1, &v), TR_E_ARG, "wait for them first");
  CHECK_ERROR(ctx, tr_comm_broadcast(comm, 0, x), TR_E_ARG, "wait for them first");
  CHECK_OK(ctx, tr_comm_sum_wait(comm));
  tr_array_destroy(&x);
  tr_array_destroy(&whole);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tr_comm *comm, *second;
  const tr_launch launch = tr_comm_launched();
  CHECK_OK(ctx, tr_comm_open(ctx, &comm));
  CHECK(tr_comm_rank(comm) == launch.rank && tr_comm_size(comm) == launch.size);
  CHECK(tr_comm_local_size(comm) == launch.size); /* all of a test are here */
  CHECK(launch.local == launch.rank);
  CHECK(strcmp(tr_comm_name(comm), launch.size > 1 ? "mpi" : "self") == 0);
  sums(ctx, comm, TR_F32);
  const bool own_device = launch.size > 1 && argc > 1 && strcmp(argv[1], "emulated:auto") == 0;
  CHECK(strcmp(tr_comm_name(comm), own_device ? "mpi+nccl" : launch.size > 1 ? "mpi" : "self") == 0);
  sums(ctx, comm, TR_F64);
  broadcasts(ctx, comm);
  numbers(ctx, comm);
  compared(ctx, comm);
  agreement(ctx, comm);
  refused(ctx, comm);
  if (launch.size > 1)
    CHECK_ERROR(ctx, tr_comm_open(ctx, &second), TR_E_UNSUPPORTED, "a second communicator");
  sums(ctx, comm, TR_F32);
  tr_comm_close(&comm);
  CHECK(!comm);
  tr_ctx_close(&ctx);
  return check_report();
}
