#include "core/comm/comm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/comm/comm_private.h"
#include "core/require_private.h"

static const tr_comm_type *const types[] = {&tr_comm_self, &tr_comm_mpi, NULL};

double tr_comm_number(const char *text) {
  uint64_t hash = 14695981039346656037u;
  for (const char *c = text; *c; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
  return (double)(hash >> 12); /* exact in a double */
}

/* ---- how it was started ---- */

/* A variable that holds a whole number >= 0; -1: it does not. */
static int number(const char *variable) {
  const char *text = getenv(variable);
  char *end;
  if (!text || !*text) return -1;
  const long value = strtol(text, &end, 10);
  return *end || value < 0 || value > 1 << 24 ? -1 : (int)value;
}

tr_launch tr_comm_launched(void) {
  /* Open MPI's mpirun; what speaks PMIx, as Slurm's srun does; other implementations of MPI, which are
   * refused when it comes to that. */
  static const char *const variables[][3] = {
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
      {"PMIX_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
      {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"}};
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
    const int rank = number(variables[i][0]), size = number(variables[i][1]);
    const int local = number(variables[i][2]);
    if (rank >= 0 && size > rank) return (tr_launch){rank, size, local < 0 ? rank : local};
  }
  return (tr_launch){0, 1, 0};
}

/* ---- opening ---- */

tr_status tr_comm_open(tr_ctx *ctx, tr_comm **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, out);
  const tr_launch launch = tr_comm_launched();
  tr_comm *comm = calloc(1, sizeof *comm);
  if (!comm) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a communicator");
  comm->ctx = ctx;
  for (int i = 0; types[i] && !comm->type; i++)
    if (types[i]->serves(&launch)) comm->type = types[i];
  const tr_status status = comm->type->open(comm, &launch);
  if (status != TR_OK) {
    free(comm);
    return status;
  }
  *out = comm;
  return TR_OK;
}

void tr_comm_close(tr_comm **comm) {
  if (!comm || !*comm) return;
  tr_comm_unsettle(*comm);
  (*comm)->type->close(*comm);
  free(*comm);
  *comm = NULL;
}

void tr_comm_set_ctx(tr_comm *comm, tr_ctx *ctx) {
  if (!comm || comm->ctx == ctx) return;
  tr_comm_unsettle(comm);
  comm->ctx = ctx;
}

int tr_comm_rank(const tr_comm *comm) {
  return comm ? comm->rank : 0;
}

int tr_comm_size(const tr_comm *comm) {
  return comm ? comm->size : 0;
}

int tr_comm_local_size(const tr_comm *comm) {
  return comm ? comm->local_size : 0;
}

const char *tr_comm_name(const tr_comm *comm) {
  return !comm ? NULL : comm->devices ? comm->name : comm->type->name;
}

/* ---- arrays ---- */

static tr_status check_array(const tr_comm *comm, const tr_array *x) {
  TR_TRY(tr_array_check(x));
  return x->ctx == comm->ctx ? TR_OK
                             : TR_FAIL(comm->ctx, TR_E_SHAPE, "an array of another context than the ranks'");
}

/* What every rank must be in time for. */
static tr_status check_idle(const tr_comm *comm, const char *what) {
  if (!comm->underway) return TR_OK;
  return TR_FAIL(comm->ctx, TR_E_ARG, "%s while sums over the ranks are under way: wait for them first",
                 what);
}

/* The others wait for what one could not begin, and will for ever. */
static tr_status together(tr_comm *comm, tr_status status) {
  comm->lost |= status != TR_OK && comm->size > 1;
  return status;
}

tr_status tr_comm_sum_start(tr_comm *comm, tr_array *x) {
  TR_REQUIRE(TR_CTX_FROM(comm, x), comm, x);
  TR_TRY(check_array(comm, x));
  if (x->dtype != TR_F32 && x->dtype != TR_F64)
    return TR_FAIL(comm->ctx, TR_E_SHAPE, "a sum of %s over the ranks: use f32 or f64",
                   tr_dtype_name(x->dtype));
  TR_TRY(tr_comm_settle(comm));
  comm->underway = true;
  if (comm->devices) return together(comm, comm->devices->sum(comm->ctx, comm->own, x));
  return together(comm, comm->type->sum_start(comm, x));
}

tr_status tr_comm_sum_wait(tr_comm *comm) {
  TR_REQUIRE(TR_CTX_OF(comm), comm);
  comm->underway = false;
  return together(comm, comm->devices ? tr_comm_await(comm) : comm->type->sum_wait(comm));
}

static tr_status send_bytes(tr_comm *comm, int root, tr_array *x, void *host, size_t size) {
  TR_TRY(tr_array_download(x, host));
  TR_TRY(comm->type->broadcast(comm, root, host, size));
  return comm->rank == root ? TR_OK : tr_array_upload(x, host);
}

static tr_status by_the_host(tr_comm *comm, int root, tr_array *x, size_t size) {
  void *host = malloc(size);
  const tr_status status =
      host ? send_bytes(comm, root, x, host, size)
           : TR_FAIL(comm->ctx, TR_E_MEM, "out of memory to send %zu bytes to the ranks", size);
  free(host);
  return status;
}

static tr_status by_the_devices(tr_comm *comm, int root, tr_array *x) {
  TR_TRY(comm->devices->broadcast(comm->ctx, comm->own, root, x));
  return tr_comm_await(comm);
}

static tr_status check_broadcast(const tr_comm *comm, int root) {
  TR_TRY(check_idle(comm, "a broadcast"));
  return root >= 0 && root < comm->size
             ? TR_OK
             : TR_FAIL(comm->ctx, TR_E_ARG, "a broadcast from rank %d: there are %d", root, comm->size);
}

tr_status tr_comm_broadcast(tr_comm *comm, int root, tr_array *x) {
  TR_REQUIRE(TR_CTX_FROM(comm, x), comm, x);
  TR_TRY(check_array(comm, x));
  TR_TRY(check_broadcast(comm, root));
  const size_t size = (size_t)x->count * tr_dtype_size(x->dtype);
  if (comm->size == 1 || size == 0) return TR_OK;
  TR_TRY(tr_comm_settle(comm));
  return together(comm, comm->devices ? by_the_devices(comm, root, x) : by_the_host(comm, root, x, size));
}

tr_status tr_comm_broadcast_bytes(tr_comm *comm, int root, void *bytes, size_t size) {
  TR_REQUIRE(TR_CTX_OF(comm), comm, bytes);
  TR_TRY(check_broadcast(comm, root));
  return comm->size == 1 ? TR_OK : together(comm, comm->type->broadcast(comm, root, bytes, size));
}

/* ---- small numbers ---- */

static double combine(tr_comm_op op, double a, double b) {
  if (op == TR_COMM_SUM) return a + b;
  if (isnan(a) || isnan(b)) return NAN;
  return op == TR_COMM_MAX ? fmax(a, b) : fmin(a, b);
}

/* all (size, n); *out is malloc'd. */
static tr_status gather(tr_comm *comm, int n, const double *own, double **out) {
  *out = malloc((size_t)comm->size * (size_t)n * sizeof **out);
  return together(
      comm, *out ? comm->type->gather(comm, n, own, *out)
                 : TR_FAIL(comm->ctx, TR_E_MEM, "out of memory for %d numbers of %d ranks", n, comm->size));
}

tr_status tr_comm_reduce(tr_comm *comm, tr_comm_op op, int n, double *values) {
  TR_REQUIRE(TR_CTX_OF(comm), comm, values);
  if (n < 1 || n > TR_COMM_NUMBERS)
    return TR_FAIL(comm->ctx, TR_E_ARG, "%d numbers of each rank: use 1 to %d", n, TR_COMM_NUMBERS);
  if ((int)op < 0 || op > TR_COMM_MIN)
    return TR_FAIL(comm->ctx, TR_E_ARG, "operation %d over the ranks: there are sum, max and min", (int)op);
  TR_TRY(check_idle(comm, "numbers"));
  double *all;
  tr_status status = gather(comm, n, values, &all);
  for (int i = 0; status == TR_OK && i < n; i++) {
    values[i] = all[i];
    for (int r = 1; r < comm->size; r++) values[i] = combine(op, values[i], all[r * n + i]);
  }
  free(all);
  return status;
}

tr_status tr_comm_barrier(tr_comm *comm) {
  double nothing = 0;
  TR_REQUIRE(TR_CTX_OF(comm), comm);
  return tr_comm_reduce(comm, TR_COMM_MAX, 1, &nothing);
}

tr_status tr_comm_alike(tr_comm *comm, const void *bytes, size_t size, bool *alike) {
  double own[TR_COMM_NUMBERS] = {0}, *all;
  TR_REQUIRE(TR_CTX_OF(comm), comm, bytes, alike);
  if (size < 1 || size > sizeof own)
    return TR_FAIL(comm->ctx, TR_E_ARG, "%zu bytes to compare over the ranks: use 1 to %zu", size,
                   sizeof own);
  TR_TRY(check_idle(comm, "a comparison"));
  memcpy(own, bytes, size);
  const tr_status status = gather(comm, TR_COMM_NUMBERS, own, &all);
  *alike = true;
  for (int r = 0; status == TR_OK && r < comm->size; r++)
    *alike &= memcmp(all + (size_t)r * TR_COMM_NUMBERS, all, sizeof own) == 0;
  free(all);
  return status;
}

/* The first rank that failed itself, in all (size, 2): its status, and whether it had heard of it before. */
static int failing(const tr_comm *comm, const double *all) {
  int heard = -1;
  for (int r = 0; r < comm->size; r++) {
    if (all[2 * r] == TR_OK) continue;
    if (all[2 * r + 1] == 0) return r;
    if (heard < 0) heard = r;
  }
  return heard;
}

static tr_status find_worst(tr_comm *comm, const double *all) {
  const int r = failing(comm, all);
  comm->heard = TR_OK;
  if (r < 0) return TR_OK;
  const tr_status worst = (tr_status)all[2 * r];
  comm->speaker = r;
  if (all[2 * comm->rank] == TR_OK) TR_FAIL(comm->ctx, worst, "rank %d failed", r);
  if (all[2 * comm->rank] == TR_OK || all[2 * comm->rank + 1] != 0) comm->heard = worst;
  return worst;
}

/* A rank that has no context, because its device did not open, has to tell the others. */
tr_status tr_comm_agree(tr_comm *comm, tr_status status) {
  if (!comm) return TR_FAIL(NULL, TR_E_ARG, "%s: comm is NULL", __func__);
  if ((int)status < 0 || status > TR_E_INTERRUPTED)
    status = TR_FAIL(comm->ctx, TR_E_ARG, "the ranks agree on status %d: there is none such", (int)status);
  if (comm->size == 1 || comm->lost) return status;
  TR_TRY(check_idle(comm, "an agreement"));
  const double own[2] = {(double)status, status != TR_OK && status == comm->heard};
  double *all;
  tr_status worst = gather(comm, 2, own, &all);
  if (worst == TR_OK) worst = find_worst(comm, all);
  free(all);
  return worst;
}

/* ---- errors ---- */

bool tr_comm_speaks(const tr_comm *comm) {
  return !comm || comm->rank == comm->speaker;
}

bool tr_comm_lost(const tr_comm *comm) {
  return comm && comm->lost;
}

void tr_comm_abort(tr_comm *comm, int status) {
  if (comm) comm->type->abort(comm, status);
}
