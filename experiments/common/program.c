#include "experiments/common/program.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/text.h"
#include "core/version.h"
#include "nets/register.h"

#define CLEAR_LINE "\r\033[K" /* a progress line may stand there */

/* ---- signals ---- */

static volatile sig_atomic_t caught, on_terminal;
static double caught_at;
static pthread_t main_thread;
static void (*clean_up)(void);

static void tell(const char *text, size_t size) {
  if (on_terminal && write(STDERR_FILENO, CLEAR_LINE, sizeof CLEAR_LINE - 1) < 0) return;
  if (write(STDERR_FILENO, text, size) < 0) return; /* nobody listens */
}

static void first_signal(int number) {
  static const char text[] = TR_PROGRAM ": stopping; interrupt it once more to end it at once\n";
  caught_at = program_seconds();
  caught = number;
  if (on_terminal) tell(text, sizeof text - 1);
}

static void second_signal(int number) {
  static const char text[] = TR_PROGRAM ": stopped at once, by a second signal\n";
  if (program_seconds() - caught_at < PROGRAM_SECOND_SIGNAL) return;
  if (clean_up) clean_up();
  tell(text, sizeof text - 1);
  _exit(128 + number);
}

/* On the main thread, which alone makes and removes files: it must not do so while a clean-up runs. */
static void on_signal(int number) {
  int before = errno;
  if (!pthread_equal(pthread_self(), main_thread))
    pthread_kill(main_thread, number);
  else if (caught)
    second_signal(number);
  else
    first_signal(number);
  errno = before;
}

/* Nobody reads what is written: the end, as ever, but not without the clean-up. */
static void on_closed_pipe(int number) {
  if (!pthread_equal(pthread_self(), main_thread)) {
    pthread_kill(main_thread, number);
    return;
  }
  if (clean_up) clean_up();
  signal(number, SIG_DFL);
  raise(number); /* when this handler returns */
}

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
enum { STOPPING = sizeof stopping / sizeof *stopping };

static void all_signals(sigset_t *set) {
  sigemptyset(set);
  for (int i = 0; i < STOPPING; i++) sigaddset(set, stopping[i]);
  sigaddset(set, SIGPIPE);
  sigaddset(set, SIGUSR1);
}

/* Whether the one who started the program wants it to live on without a terminal, as nohup does. */
static bool outlives_terminal(void) {
  struct sigaction before;
  return sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
}

void program_catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  all_signals(&action.sa_mask);
  on_terminal = isatty(STDERR_FILENO);
  main_thread = pthread_self();
  for (int i = 0; i < STOPPING; i++)
    if (stopping[i] != SIGHUP || !outlives_terminal()) sigaction(stopping[i], &action, NULL);
  if (tr_comm_launched().size > 1) sigaction(SIGUSR1, &action, NULL);
  action.sa_handler = on_closed_pipe;
  sigaction(SIGPIPE, &action, NULL);
  signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit then fails, as on a full disk */
}

void program_at_second_signal(void (*clean)(void)) {
  sigset_t before;
  program_hold_signals(&before);
  clean_up = clean;
  program_release_signals(&before);
}

void program_hold_signals(sigset_t *before) {
  sigset_t held;
  all_signals(&held);
  pthread_sigmask(SIG_BLOCK, &held, before);
}

void program_release_signals(const sigset_t *before) {
  pthread_sigmask(SIG_SETMASK, before, NULL);
}

int program_signal(void) {
  return caught;
}

tr_status program_check_interrupt(program *p) {
  return caught ? TR_FAIL(p->ctx, TR_E_INTERRUPTED, "interrupted: nothing was written") : TR_OK;
}

tr_status program_wait(program *p, double seconds) {
  const double end = program_seconds() + seconds;
  while (program_seconds() < end) {
    TR_TRY(program_check_interrupt(p));
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
  return program_check_interrupt(p);
}

/* ---- the context ---- */

static void print_warning(const char *message, void *user) {
  program *p = user;
  char text[1024];
  char rank[32] = "";
  if (strcmp(message, p->warned) == 0 || (p->rank && !p->at_work)) return;
  if (p->rank) snprintf(rank, sizeof rank, "rank %d: ", p->rank);
  snprintf(p->warned, sizeof p->warned, "%s", message);
  snprintf(text, sizeof text, "%s", message);
  if (p->reader.table) advice_translate(&p->reader, text, sizeof text);
  const char *clear = isatty(STDERR_FILENO) ? CLEAR_LINE : "";
  fprintf(stderr, "%s%s %s: warning: %s%s\n", clear, TR_PROGRAM, p->command, rank, text);
}

void program_say(const program *p, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  tr_text_vshow(text, sizeof text, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%s%s %s: %s\n", isatty(STDERR_FILENO) ? CLEAR_LINE : "", TR_PROGRAM, p->command, text);
}

tr_status program_option_error(tr_ctx *ctx, const char *option, tr_status status) {
  if (status == TR_OK) return TR_OK;
  tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, status, "--%s: %s", option, TR_SHOW(error.message, 400));
}

void program_warn_idle(tr_ctx *ctx, const tr_option_table *table, const tr_parsed *parsed,
                       const char *const *names, const char *why) {
  for (; *names; names++)
    if (tr_option_given(table, parsed, *names)) tr_ctx_warn(ctx, "--%s has no effect: %s", *names, why);
}

tr_status program_open(program *p, const char *resource, uint64_t seed, int threads) {
  tr_comm_set_ctx(p->comm, NULL);
  tr_ctx_close(&p->ctx);
  TR_TRY(tr_ctx_open(resource, seed, &p->ctx, &p->error));
  tr_comm_set_ctx(p->comm, p->ctx);
  tr_ctx_on_warning(p->ctx, print_warning, p);
  tr_ctx_set_interrupt(p->ctx, &caught);
  TR_TRY(tr_register_all(p->ctx));
  if (p->more) TR_TRY(p->more(p->ctx));
  return threads > 0 ? tr_ctx_set_threads(p->ctx, threads) : TR_OK;
}

const tr_error *program_error(const program *p) {
  return p->ctx ? tr_ctx_error(p->ctx) : &p->error;
}

double program_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *program_version(void) {
#ifdef TRANSIT_GIT_DESCRIBE
  static char text[128];
  snprintf(text, sizeof text, "%s (%s)", tr_version(), TRANSIT_GIT_DESCRIBE);
  return text;
#else
  return tr_version();
#endif
}
