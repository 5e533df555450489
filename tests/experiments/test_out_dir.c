/* Folders of results and signals: a second one removes what is there, whatever it was doing and whichever
 * thread it reached, and says so; one that comes at once after the first is the same wish; while results
 * appear it waits. The time between them is that of a clock of our own, so that a slow machine changes
 * nothing. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/io/file.h"
#include "experiments/common/program.h"
#include "experiments/output/out_dir.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static struct timespec now = {.tv_sec = 1};

/* In place of the C library's for all that is linked here. */
int clock_gettime(clockid_t clock, struct timespec *time) {
  (void)clock;
  *time = now;
  return 0;
}

/* `part` of the time after which a signal is a second one. */
static void wait_for(double part) {
  now.tv_nsec += (long)(1e9 * part * PROGRAM_SECOND_SIGNAL);
}

static void *raise_here(void *number) {
  pthread_kill(pthread_self(), *(int *)number);
  return NULL;
}

/* Both signals, the second on another thread. */
static void signal_twice(int number) {
  pthread_t thread;
  raise(number);
  wait_for(1.5);
  if (pthread_create(&thread, NULL, raise_here, &number) != 0) _exit(1);
  pthread_join(thread, NULL);
  sched_yield(); /* any system call: none returns here past a signal that was sent before it */
}

typedef struct {
  tr_ctx *ctx;
  out_dir *dir;
  const char *staged;
} opened;

static opened open_at(const char *path) {
  opened o;
  if (tr_ctx_open("cpu", 0, &o.ctx, NULL) != TR_OK) _exit(1);
  if (out_dir_open(o.ctx, scratch(path), &o.dir) != TR_OK) _exit(1);
  if (out_dir_stage(o.ctx, o.dir, "result", &o.staged) != TR_OK) _exit(1);
  return o;
}

static opened open_one(void) {
  return open_at("new/inner");
}

static void write_staged(const opened *o, bool whole) {
  tr_out_file *file;
  if (tr_out_file_open(o->ctx, o->staged, &file) != TR_OK) _exit(1);
  fputs("all of it", tr_out_file_stream(file));
  fflush(tr_out_file_stream(file));
  if (whole && tr_out_file_commit(o->ctx, &file) != TR_OK) _exit(1);
}

static void nothing_staged(void) {
  open_one();
  signal_twice(SIGINT);
}

/* Folders go in the order in which they were made, backwards, and no name of one is taken twice. */
static void by_dots(void) {
  open_at("new/./side/../inner/");
  signal_twice(SIGINT);
}

static void half_written(void) {
  opened o = open_one();
  write_staged(&o, false);
  signal_twice(SIGTERM);
}

static void staged(void) {
  opened o = open_one();
  write_staged(&o, true);
  signal_twice(SIGINT);
}

/* Signals that come together are one, which the run itself answers. */
static void together(void) {
  opened o = open_one();
  raise(SIGTERM);
  raise(SIGTERM);
  wait_for(0.5);
  raise(SIGINT);
  if (program_signal() != SIGTERM) _exit(1);
  out_dir_discard(&o.dir);
  _exit(3);
}

/* Signals that come while they are held. */
static void published(void) {
  sigset_t before;
  opened o = open_one();
  write_staged(&o, true);
  raise(SIGINT);
  wait_for(1.5);
  program_hold_signals(&before);
  raise(SIGINT);
  if (out_dir_commit(o.ctx, &o.dir) != TR_OK) _exit(1);
  program_release_signals(&before);
}

/* After the folder has gone there is nothing to remove. */
static void committed(void) {
  opened o = open_one();
  write_staged(&o, true);
  if (out_dir_commit(o.ctx, &o.dir) != TR_OK) _exit(1);
  signal_twice(SIGINT);
}

/* What a child process wrote on its standard error: this and nothing else. */
static void said(const char *path, const char *want) {
  size_t size;
  unsigned char *text = read_whole(path, &size);
  CHECK(size == strlen(want) && memcmp(text, want, size) == 0);
  free(text);
  CHECK(unlink(path) == 0);
}

/* How a child process that does this ends; one that a signal ends says so. */
static int status_of(void (*act)(void)) {
  int status = 0;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    if (!freopen(scratch("words"), "w", stderr)) _exit(1);
    program_catch_signals();
    act();
    _exit(2); /* it went on */
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
  said(scratch("words"), WEXITSTATUS(status) > 128 ? "transit: stopped at once, by a second signal\n" : "");
  return WEXITSTATUS(status);
}

static void leaves_nothing(void (*act)(void), int want) {
  CHECK(status_of(act) == want);
  CHECK(scratch_entries() == 0);
}

static void leaves_the_result(void (*act)(void)) {
  size_t size;
  CHECK(status_of(act) == 130);
  unsigned char *text = read_whole(scratch("new/inner/result"), &size);
  CHECK(size == 9 && memcmp(text, "all of it", size) == 0);
  free(text);
  CHECK(unlink(scratch("new/inner/result")) == 0);
  CHECK(rmdir(scratch("new/inner")) == 0 && rmdir(scratch("new")) == 0); /* and nothing beside it */
}

/* A folder that was there stays. */
static void keeps_what_was_there(void) {
  CHECK(mkdir(scratch("new"), 0777) == 0);
  CHECK(status_of(half_written) == 143);
  CHECK(scratch_entries() == 1 && rmdir(scratch("new")) == 0);
}

int main(void) {
  CHECK(access(scratch("new"), F_OK) != 0); /* the scratch folder is made here, not in a child */
  leaves_nothing(nothing_staged, 130);
  leaves_nothing(by_dots, 130);
  leaves_nothing(half_written, 143);
  leaves_nothing(staged, 130);
  leaves_nothing(together, 3);
  leaves_the_result(published);
  leaves_the_result(committed);
  keeps_what_was_there();
  return check_report();
}
