/* Ranks over Open MPI. All waiting is done by looking, with naps between: a rank that has died is found out
 * by its neighbours, and a core that has other work is not kept busy. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/backend.h"
#include "core/comm/mpi_private.h"

#define EAGER_LOOKS 2000              /* before the first nap */
#define NAP         20000             /* nanoseconds, of a rank that has nothing else to do */
#define AT_ONCE     ((size_t)1 << 30) /* bytes of a message */

/* ---- waiting ---- */

bool tr_mpi_went_well(tr_mpi *m, int code, const char *what) {
  char text[TR_MPI_ERROR_STRING] = "";
  int length;
  if (code == 0) return true;
  m->lib->MPI_Error_string(code, text, &length);
  snprintf(m->why, sizeof m->why, "%s: %s", what, text);
  return false;
}

static bool neighbours_live(tr_mpi *m) {
  for (int r = 0; r < m->size; r++) {
    if (!m->neighbour[r] || r == m->rank || kill((pid_t)m->neighbour[r], 0) == 0 || errno != ESRCH) continue;
    if (!m->why[0]) snprintf(m->why, sizeof m->why, "rank %d, process %ld, has died", r, m->neighbour[r]);
    m->dead[r] = true;
  }
  return !m->why[0];
}

bool tr_mpi_wait(tr_mpi *m, int n, struct ompi_request_t **requests, tr_mpi_patience patience) {
  double began = 0, looked = 0, now;
  int done = 0;
  for (long looks = 0; !done; looks++) {
    if (!tr_mpi_went_well(m, m->lib->MPI_Testall(n, requests, &done, NULL), "a message")) return false;
    if (done || looks < EAGER_LOOKS) continue;
    if (patience.stop && *patience.stop) return false;
    now = tr_comm_seconds();
    if (began == 0) began = looked = now;
    tr_comm_nap(*patience.nap, now - began);
    if (now - looked < TR_COMM_LOOK) continue;
    if (!neighbours_live(m)) return false;
    looked = now;
  }
  return true;
}

/* ---- failures ---- */

/* The first that lives tells of it. */
static tr_status lost(tr_comm *comm) {
  const tr_mpi *m = comm->state;
  comm->lost = true;
  for (comm->speaker = 0; comm->speaker < m->size - 1 && m->dead[comm->speaker];) comm->speaker++;
  return TR_FAIL(comm->ctx, TR_E_DEVICE, "the ranks are torn apart: %s", m->why);
}

static tr_status one(tr_comm *comm, int code, const char *what, struct ompi_request_t *request) {
  static const atomic_long idle_nap = NAP;
  tr_mpi *m = comm->state;
  if (!tr_mpi_went_well(m, code, what)) return lost(comm);
  return tr_mpi_wait(m, 1, &request, (tr_mpi_patience){.nap = &idle_nap}) ? TR_OK : lost(comm);
}

/* ---- small things ---- */

static tr_status gather(tr_comm *comm, int n, const double *own, double *all) {
  const tr_mpi *m = comm->state;
  const int bytes = n * (int)sizeof *own;
  struct ompi_request_t *request;
  const int code =
      m->lib->MPI_Iallgather(own, bytes, m->lib->byte, all, bytes, m->lib->byte, m->world, &request);
  return one(comm, code, "numbers of the ranks", request);
}

static tr_status broadcast(tr_comm *comm, int root, void *bytes, size_t size) {
  const tr_mpi *m = comm->state;
  for (size_t done = 0; done < size;) {
    const size_t part = size - done < AT_ONCE ? size - done : AT_ONCE;
    struct ompi_request_t *request;
    const int code =
        m->lib->MPI_Ibcast((char *)bytes + done, (int)part, m->lib->byte, root, m->world, &request);
    TR_TRY(one(comm, code, "a broadcast", request));
    done += part;
  }
  return TR_OK;
}

/* ---- sums ---- */

/* An array whose memory the host cannot read, and a copy of it that is summed in its place. */
struct tr_mpi_staged {
  struct tr_mpi_staged *next;
  tr_array array;
  void *copy;
};

static void unstage(tr_mpi *m) {
  struct tr_mpi_staged *first = m->staged;
  m->staged = first->next;
  free(first->copy);
  free(first);
}

static tr_status stage(tr_comm *comm, tr_array *x, void **out) {
  tr_mpi *m = comm->state;
  struct tr_mpi_staged *s = malloc(sizeof *s);
  void *copy = malloc((size_t)x->count * tr_dtype_size(x->dtype));
  if (!s || !copy) {
    free(s);
    free(copy);
    return TR_FAIL(comm->ctx, TR_E_MEM, "out of memory for a sum of %lld numbers", (long long)x->count);
  }
  *s = (struct tr_mpi_staged){m->staged, *x, copy};
  m->staged = s;
  *out = copy;
  return tr_array_download(x, copy);
}

static tr_status sum_start(tr_comm *comm, tr_array *x) {
  tr_mpi *m = comm->state;
  void *memory = x->data;
  if (comm->lost) return lost(comm);
  if (!(tr_ctx_backend(comm->ctx)->promises & TR_BACKEND_HOST_MEMORY)) TR_TRY(stage(comm, x, &memory));
  return tr_mpi_sums_start(comm->ctx, m->sums, memory, x->count, x->dtype);
}

static tr_status sum_wait(tr_comm *comm) {
  tr_mpi *m = comm->state;
  tr_status status = tr_mpi_sums_wait(m->sums) ? TR_OK : lost(comm);
  for (; m->staged; unstage(m))
    if (status == TR_OK) status = tr_array_upload(&m->staged->array, m->staged->copy);
  return status;
}

/* ---- opening ---- */

/* A number for the machine and its set of processes, in which process numbers mean the same. */
static double machine(void) {
  char text[600] = "";
  struct stat space;
  gethostname(text, 255);
  FILE *boot = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (boot) {
    const size_t end = strlen(text);
    text[end + fread(text + end, 1, 200, boot)] = 0;
    fclose(boot);
  }
  if (stat("/proc/self/ns/pid", &space) == 0)
    snprintf(text + strlen(text), 40, "%llu", (unsigned long long)space.st_ino);
  return tr_comm_number(text);
}

static tr_status find_neighbours(tr_comm *comm) {
  tr_mpi *m = comm->state;
  const double own[2] = {machine(), (double)getpid()};
  double *all = malloc((size_t)m->size * sizeof own);
  comm->machine = own[0];
  if (!all) return TR_FAIL(comm->ctx, TR_E_MEM, "out of memory for %d ranks", m->size);
  tr_status status = gather(comm, 2, own, all);
  comm->local_size = 0;
  for (int r = 0; status == TR_OK && r < m->size; r++) {
    if (all[2 * r] != own[0]) continue;
    m->neighbour[r] = (long)all[2 * r + 1];
    comm->local_size++;
  }
  free(all);
  return status;
}

/* Errors come back to us; messages of ours meet none of others. */
static tr_status join(tr_comm *comm, const tr_launch *launch) {
  tr_mpi *m = comm->state;
  int provided = 0;
  if (!tr_mpi_went_well(m, m->lib->MPI_Init_thread(NULL, NULL, TR_MPI_THREAD_SERIALIZED, &provided),
                        "MPI_Init"))
    return TR_FAIL(comm->ctx, TR_E_UNSUPPORTED, "%s", m->why);
  m->lib->MPI_Comm_set_errhandler(m->lib->world, m->lib->errors_return);
  m->lib->MPI_Comm_rank(m->lib->world, &m->rank);
  m->lib->MPI_Comm_size(m->lib->world, &m->size);
  if (m->size != launch->size)
    return TR_FAIL(comm->ctx, TR_E_UNSUPPORTED,
                   "%d ranks were started, of which Open MPI finds %d: start them with its own mpirun",
                   launch->size, m->size);
  if (provided < TR_MPI_THREAD_SERIALIZED)
    return TR_FAIL(comm->ctx, TR_E_UNSUPPORTED, "this Open MPI takes no calls from a second thread");
  if (!tr_mpi_went_well(m, m->lib->MPI_Comm_dup(m->lib->world, &m->world), "MPI_Comm_dup"))
    return TR_FAIL(comm->ctx, TR_E_DEVICE, "%s", m->why);
  m->lib->MPI_Comm_set_errhandler(m->world, m->lib->errors_return);
  comm->rank = m->rank;
  comm->size = m->size;
  return TR_OK;
}

static tr_status make_room(tr_comm *comm) {
  tr_mpi *m = comm->state;
  m->neighbour = calloc((size_t)m->size, sizeof *m->neighbour);
  m->dead = calloc((size_t)m->size, sizeof *m->dead);
  if (!m->neighbour || !m->dead) return TR_FAIL(comm->ctx, TR_E_MEM, "out of memory for %d ranks", m->size);
  return tr_mpi_sums_create(comm->ctx, m, &m->sums);
}

static void discard(tr_comm *comm) {
  tr_mpi *m = comm->state;
  tr_mpi_sums_destroy(&m->sums);
  while (m->staged) unstage(m);
  free(m->neighbour);
  free(m->dead);
  free(m);
  comm->state = NULL;
}

static bool serves(const tr_launch *launch) {
  return launch->size > 1;
}

static tr_status open_ranks(tr_comm *comm, const tr_launch *launch) {
  static bool opened;
  if (opened) /* MPI begins once in a process */
    return TR_FAIL(comm->ctx, TR_E_UNSUPPORTED, "a second communicator of %d ranks in a process",
                   launch->size);
  tr_mpi *m = calloc(1, sizeof *m);
  if (!m) return TR_FAIL(comm->ctx, TR_E_MEM, "out of memory for a communicator");
  comm->state = m;
  tr_status status = tr_mpi_library_open(comm->ctx, &m->lib);
  opened = status == TR_OK;
  if (status == TR_OK) status = join(comm, launch);
  if (status == TR_OK) status = make_room(comm);
  if (status == TR_OK) status = find_neighbours(comm);
  if (status != TR_OK) discard(comm);
  return status;
}

/* One that is lost has no end that others would join in. */
static void close_ranks(tr_comm *comm) {
  tr_mpi *m = comm->state;
  if (!comm->lost && tr_mpi_sums_wait(m->sums)) {
    tr_mpi_sums_destroy(&m->sums);
    m->lib->MPI_Comm_free(&m->world);
    m->lib->MPI_Finalize();
  }
  discard(comm);
}

static tr_status look(tr_comm *comm) {
  return neighbours_live(comm->state) ? TR_OK : lost(comm);
}

static void end_all(tr_comm *comm, int status) {
  tr_mpi *m = comm->state;
  tr_mpi_sums_destroy(&m->sums);
  m->lib->MPI_Abort(m->lib->world, status ? status : 1);
}

const tr_comm_type tr_comm_mpi = {.name = "mpi",
                                  .summary = "processes that Open MPI's mpirun has started",
                                  .serves = serves,
                                  .open = open_ranks,
                                  .close = close_ranks,
                                  .sum_start = sum_start,
                                  .sum_wait = sum_wait,
                                  .broadcast = broadcast,
                                  .gather = gather,
                                  .look = look,
                                  .abort = end_all};
