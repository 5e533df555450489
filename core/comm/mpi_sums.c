/* Sums over ranks, on a thread of their own: what the ranks compute goes on meanwhile. An array goes piece by
 * piece. Of a piece each rank owns a part: it is sent everybody's numbers for it, adds them up in the order
 * of the ranks, in double, and sends the result to everybody. That is as little as a sum can send, and its
 * bits hang on nothing but the number of ranks: not on the cut, nor on the library's choice of a method. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/comm/mpi_private.h"

#define PIECE       ((int64_t)8 << 20) /* bytes */
#define NAP_BESIDE  100000             /* nanoseconds between two looks while the caller computes */
#define NAP_WAITING 10000              /* while it waits */
#define BLOCK       512                /* numbers that are added at a time */

typedef struct {
  void *x;
  int64_t count;
  tr_dtype dtype;
} job;

struct tr_mpi_sums {
  tr_mpi *m;
  pthread_t thread;
  bool running;
  pthread_mutex_t lock; /* of what follows */
  pthread_cond_t changed;
  job *jobs;
  int n, done, room; /* jobs given, and done */
  bool failed;
  /* read by the thread while it works */
  atomic_long nap;
  atomic_bool stop;
  /* the thread's own */
  char *received; /* the numbers of the other ranks */
  size_t received_room;
  struct ompi_request_t **requests; /* (2 size) */
};

/* ---- one piece ---- */

/* A piece of an array, and how it is shared out: rank r owns first(r) .. first(r + 1) - 1. */
typedef struct {
  tr_mpi_sums *sums;
  char *x;
  int64_t count;
  tr_dtype dtype;
  size_t bytes; /* of a number */
} piece;

static int64_t first_of(const piece *p, int rank) {
  return p->count * rank / p->sums->m->size;
}

static int64_t count_of(const piece *p, int rank) {
  return first_of(p, rank + 1) - first_of(p, rank);
}

static char *part_of(const piece *p, int rank) {
  return p->x + (size_t)first_of(p, rank) * p->bytes;
}

/* Where the numbers of a rank for the own part are. */
static const char *numbers_of(const piece *p, int rank) {
  const tr_mpi *m = p->sums->m;
  if (rank == m->rank) return part_of(p, rank);
  return p->sums->received + (size_t)(count_of(p, m->rank) * (rank - (rank > m->rank))) * p->bytes;
}

static bool wait_for(tr_mpi_sums *s, int n) {
  return tr_mpi_wait(s->m, n, s->requests, (tr_mpi_patience){&s->nap, &s->stop});
}

/* Sends `out(rank)` to each other rank and receives `in(rank)` from it. */
static bool exchange(const piece *p, bool parts, int tag) {
  tr_mpi_sums *s = p->sums;
  const tr_mpi_library *lib = s->m->lib;
  const int me = s->m->rank, size = s->m->size;
  int n = 0;
  for (int i = 1; i < size; i++) { /* not all to the same rank at a time */
    const int from = (me + size - i) % size, to = (me + i) % size;
    char *in = parts ? (char *)numbers_of(p, from) : part_of(p, from);
    const char *out = part_of(p, parts ? to : me);
    const int in_bytes = (int)((size_t)count_of(p, parts ? me : from) * p->bytes),
              out_bytes = (int)((size_t)count_of(p, parts ? to : me) * p->bytes);
    if (!tr_mpi_went_well(s->m,
                          lib->MPI_Irecv(in, in_bytes, lib->byte, from, tag, s->m->world, &s->requests[n++]),
                          "a message"))
      return false;
    if (!tr_mpi_went_well(s->m,
                          lib->MPI_Isend(out, out_bytes, lib->byte, to, tag, s->m->world, &s->requests[n++]),
                          "a message"))
      return false;
  }
  return wait_for(s, n);
}

static void add_f32(int64_t n, const float *x, double *sum) {
  for (int64_t i = 0; i < n; i++) sum[i] += (double)x[i];
}

static void add_f64(int64_t n, const double *x, double *sum) {
  for (int64_t i = 0; i < n; i++) sum[i] += x[i];
}

/* The own part becomes its sum. */
static void add_up(const piece *p) {
  const tr_mpi *m = p->sums->m;
  const int64_t count = count_of(p, m->rank);
  double sum[BLOCK];
  for (int64_t first = 0; first < count; first += BLOCK) {
    const int64_t n = count - first < BLOCK ? count - first : BLOCK;
    char *to = part_of(p, m->rank) + (size_t)first * p->bytes;
    memset(sum, 0, sizeof sum);
    for (int r = 0; r < m->size; r++) {
      const char *x = numbers_of(p, r) + (size_t)first * p->bytes;
      if (p->dtype == TR_F32)
        add_f32(n, (const float *)(const void *)x, sum);
      else
        add_f64(n, (const double *)(const void *)x, sum);
    }
    if (p->dtype == TR_F32)
      for (int64_t i = 0; i < n; i++) ((float *)(void *)to)[i] = (float)sum[i];
    else
      memcpy(to, sum, (size_t)n * sizeof *sum);
  }
}

static bool provide(tr_mpi_sums *s, size_t bytes) {
  if (bytes <= s->received_room) return true;
  free(s->received);
  s->received = malloc(bytes);
  s->received_room = s->received ? bytes : 0;
  if (!s->received) snprintf(s->m->why, sizeof s->m->why, "out of memory for %zu bytes of the ranks", bytes);
  return s->received;
}

static bool sum_piece(const piece *p) {
  const tr_mpi *m = p->sums->m;
  return provide(p->sums, (size_t)(count_of(p, m->rank) * (m->size - 1)) * p->bytes) &&
         exchange(p, true, 1) && (add_up(p), exchange(p, false, 2));
}

static bool sum_job(tr_mpi_sums *s, const job *j) {
  const size_t bytes = tr_dtype_size(j->dtype);
  const int64_t most = PIECE / (int64_t)bytes;
  for (int64_t first = 0; first < j->count; first += most) {
    const int64_t left = j->count - first;
    const piece p = {s, (char *)j->x + (size_t)first * bytes, left < most ? left : most, j->dtype, bytes};
    if (!sum_piece(&p)) return false;
  }
  return true;
}

/* ---- the thread ---- */

static bool next_job(tr_mpi_sums *s, job *out) {
  pthread_mutex_lock(&s->lock);
  while (!s->stop && (s->failed || s->done == s->n)) pthread_cond_wait(&s->changed, &s->lock);
  const bool there = !s->stop;
  if (there) *out = s->jobs[s->done];
  pthread_mutex_unlock(&s->lock);
  return there;
}

static void end_job(tr_mpi_sums *s, bool well) {
  pthread_mutex_lock(&s->lock);
  s->done++;
  s->failed = !well;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

static void *work(void *user) {
  tr_mpi_sums *s = user;
  job j;
  while (next_job(s, &j)) end_job(s, sum_job(s, &j));
  return NULL;
}

/* Signals are for the thread that began. */
static bool begin(tr_mpi_sums *s) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  s->running = pthread_create(&s->thread, NULL, work, s) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return s->running;
}

/* ---- from outside ---- */

tr_status tr_mpi_sums_create(tr_ctx *ctx, tr_mpi *m, tr_mpi_sums **out) {
  tr_mpi_sums *s = calloc(1, sizeof *s);
  *out = s;
  if (s) s->requests = calloc(2 * (size_t)m->size, sizeof *s->requests);
  if (!s || !s->requests) {
    free(s);
    *out = NULL;
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d ranks", m->size);
  }
  s->m = m;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
  return TR_OK;
}

void tr_mpi_sums_destroy(tr_mpi_sums **owner) {
  tr_mpi_sums *s = *owner;
  if (!s) return;
  pthread_mutex_lock(&s->lock);
  s->stop = true;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  if (s->running) pthread_join(s->thread, NULL);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s->jobs);
  free(s->received);
  free(s->requests);
  free(s);
  *owner = NULL;
}

static bool push(tr_mpi_sums *s, job j) {
  if (s->n == s->room) {
    const int room = s->room ? 2 * s->room : 64;
    job *jobs = realloc(s->jobs, (size_t)room * sizeof *jobs);
    if (!jobs) return false;
    s->jobs = jobs;
    s->room = room;
  }
  s->jobs[s->n++] = j;
  return true;
}

tr_status tr_mpi_sums_start(tr_ctx *ctx, tr_mpi_sums *s, void *x, int64_t count, tr_dtype dtype) {
  if (!s->running && !begin(s)) return TR_FAIL(ctx, TR_E_MEM, "no thread for sums over the ranks");
  pthread_mutex_lock(&s->lock);
  s->nap = NAP_BESIDE;
  const bool pushed = push(s, (job){x, count, dtype});
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  return pushed ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for a sum over the ranks");
}

bool tr_mpi_sums_wait(tr_mpi_sums *s) {
  pthread_mutex_lock(&s->lock);
  s->nap = NAP_WAITING;
  while (s->done < s->n && !s->failed) pthread_cond_wait(&s->changed, &s->lock);
  const bool well = !s->failed;
  s->n = s->done = 0;
  pthread_mutex_unlock(&s->lock);
  return well;
}
