#include "experiments/ablate/crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/record/record.h"
#include "core/text.h"

typedef enum { WORKING, WAITING, ENDED } worker_state; /* WAITING: for its results to be written */

typedef struct shared shared;
typedef struct {
  shared *of;
  pthread_t thread;
  ablate_training training;
  worker_state state;
  tr_status status;
} worker;

struct shared {
  const ablate_crew *crew;
  pthread_mutex_t lock; /* of all below, and of states */
  pthread_cond_t changed;
  int next; /* the run to be looked at next */
  long steps;
  bool stop;
  int n;
  worker *workers;
};

tr_status ablate_carry_error(tr_ctx *to, tr_status status, const program *from) {
  if (status == TR_OK) return TR_OK;
  return TR_FAIL(to, status, "%s", TR_SHOW(program_error(from)->message, 511));
}

/* ---- on the thread of a worker ---- */

/* The next run that is not done; -1: there is none, or all are to end. */
static int next_run(shared *s) {
  const ablate_rows *rows = s->crew->rows;
  const int n = ablate_plan_runs(rows->plan);
  pthread_mutex_lock(&s->lock);
  while (s->next < n && rows->results[s->next].done) s->next++;
  const int run = s->stop || s->next >= n ? -1 : s->next++;
  pthread_mutex_unlock(&s->lock);
  return run;
}

static tr_status count_steps(void *user, long n) {
  worker *w = user;
  pthread_mutex_lock(&w->of->lock);
  w->of->steps += n;
  const bool stop = w->of->stop;
  pthread_mutex_unlock(&w->of->lock);
  return stop ? TR_FAIL(w->training.program.ctx, TR_E_INTERRUPTED, "another training failed") : TR_OK;
}

static void set_state(worker *w, worker_state state) {
  pthread_mutex_lock(&w->of->lock);
  w->state = state;
  pthread_cond_broadcast(&w->of->changed);
  while (w->state == WAITING) pthread_cond_wait(&w->of->changed, &w->of->lock);
  pthread_mutex_unlock(&w->of->lock);
}

/* What was said of the data when all began is not said again. */
static tr_status prepare(worker *w, int run) {
  ablate_training *a = &w->training;
  TR_TRY(ablate_training_open(a, run));
  a->result.message[0] = 0;
  return TR_OK;
}

static tr_status train_and_judge(worker *w, int run) {
  TR_TRY(prepare(w, run));
  TR_TRY(ablate_training_steps(&w->training, count_steps, w));
  TR_TRY(ablate_training_judge(&w->training));
  set_state(w, WAITING);
  return TR_OK;
}

/* Warnings go into the row. */
static void keep_warning(const char *message, void *user) {
  ablate_training *a = user;
  snprintf(a->result.message, sizeof a->result.message, "%s", TR_SHOW(message, 255));
}

static void *work(void *user) {
  worker *w = user;
  tr_ctx_on_warning(w->training.program.ctx, keep_warning, &w->training);
  for (int run; w->status == TR_OK && (run = next_run(w->of)) >= 0;) {
    w->status = train_and_judge(w, run);
    ablate_training_close(&w->training);
  }
  set_state(w, ENDED);
  return NULL;
}

/* ---- on the thread that writes ---- */

static worker *find_waiting(shared *s) {
  for (int i = 0; i < s->n; i++)
    if (s->workers[i].state == WAITING) return &s->workers[i];
  return NULL;
}

static bool all_ended(const shared *s) {
  for (int i = 0; i < s->n; i++)
    if (s->workers[i].state != ENDED) return false;
  return true;
}

static bool any_failed(const shared *s) {
  for (int i = 0; i < s->n; i++)
    if (s->workers[i].state == ENDED && s->workers[i].status != TR_OK) return true;
  return false;
}

static void sleep_a_little(shared *s) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 100000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

/* With the lock held, but not while others write or draw. */
static void attend(shared *s, tr_status *status) {
  worker *w = find_waiting(s);
  const long steps = s->steps;
  if (!w) sleep_a_little(s);
  pthread_mutex_unlock(&s->lock);
  if (w && *status == TR_OK) *status = s->crew->on_done(s->crew->user, &w->training);
  s->crew->on_wake(s->crew->user, steps);
  pthread_mutex_lock(&s->lock);
  if (*status != TR_OK || any_failed(s)) s->stop = true;
  if (!w) return;
  w->state = WORKING;
  pthread_cond_broadcast(&s->changed);
}

static tr_status attend_all(shared *s) {
  tr_status status = TR_OK;
  pthread_mutex_lock(&s->lock);
  while (!all_ended(s)) attend(s, &status);
  pthread_mutex_unlock(&s->lock);
  return status;
}

/* ---- all ---- */

static int runs_left(const ablate_rows *rows) {
  int n = 0;
  for (int run = 0; run < ablate_plan_runs(rows->plan); run++) n += !rows->results[run].done;
  return n;
}

static tr_status open_worker(program *p, shared *s, worker *w) {
  const ablate_crew *crew = s->crew;
  *w = (worker){.of = s, .training = {.setting = crew->setting}};
  w->training.program = (program){.command = p->command, .more = p->more, .argc = p->argc, .argv = p->argv};
  tr_status status =
      program_open(&w->training.program, crew->setting->options->machine.device, 0, crew->threads / s->n);
  if (status == TR_OK) /* whether it has an effect was told when the probe was opened */
    tr_record_turn(w->training.program.ctx, !crew->setting->options->machine.no_cuda_graphs);
  return ablate_carry_error(p->ctx, status, &w->training.program);
}

/* The first that failed by itself, not because another one did. */
static tr_status first_failure(program *p, const shared *s) {
  const worker *found = NULL;
  for (int i = 0; i < s->n; i++) {
    const worker *w = &s->workers[i];
    const bool better = w->status != TR_OK && (!found || found->status == TR_E_INTERRUPTED);
    if (better) found = w;
  }
  return found ? ablate_carry_error(p->ctx, found->status, &found->training.program) : TR_OK;
}

static tr_status run_workers(program *p, shared *s) {
  int started = 0;
  tr_status status = TR_OK;
  for (; status == TR_OK && started < s->n; started++) {
    status = open_worker(p, s, &s->workers[started]);
    if (status == TR_OK && pthread_create(&s->workers[started].thread, NULL, work, &s->workers[started]) != 0)
      status = TR_FAIL(p->ctx, TR_E_MEM, "thread %d cannot be started", started);
    if (status != TR_OK) break;
  }
  const int wanted = s->n;
  pthread_mutex_lock(&s->lock);
  s->stop = status != TR_OK;
  s->n = started;
  pthread_mutex_unlock(&s->lock);
  const tr_status of_writing = attend_all(s);
  for (int i = 0; i < started; i++) pthread_join(s->workers[i].thread, NULL);
  if (status == TR_OK) status = of_writing;
  if (status == TR_OK) status = first_failure(p, s);
  for (int i = 0; i < wanted; i++) tr_ctx_close(&s->workers[i].training.program.ctx);
  return status;
}

tr_status ablate_crew_run(program *p, const ablate_crew *crew) {
  const int left = runs_left(crew->rows);
  shared s = {.crew = crew, .n = left < crew->threads ? left : crew->threads};
  if (left == 0) return TR_OK;
  s.workers = calloc((size_t)s.n, sizeof *s.workers);
  if (!s.workers) return TR_FAIL(p->ctx, TR_E_MEM, "out of memory for %d trainings at once", s.n);
  pthread_mutex_init(&s.lock, NULL);
  pthread_cond_init(&s.changed, NULL);
  tr_status status = run_workers(p, &s);
  pthread_cond_destroy(&s.changed);
  pthread_mutex_destroy(&s.lock);
  free(s.workers);
  return status;
}
