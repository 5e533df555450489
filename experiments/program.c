#include "experiments/program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "transport/register.h"

static volatile sig_atomic_t caught;

static void on_signal(int signal) {
  caught = signal;
}

void program_catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

int program_signal(void) {
  return caught;
}

tr_status program_check_interrupt(program *p) {
  return caught ? TR_FAIL(p->ctx, TR_E_INTERRUPTED, "interrupted: nothing was written") : TR_OK;
}

static void print_warning(const char *message, void *user) {
  program *p = user;
  if (strcmp(message, p->warned) == 0) return;
  snprintf(p->warned, sizeof p->warned, "%s", message);
  const char *clear = isatty(STDERR_FILENO) ? "\r\033[K" : ""; /* a progress line may stand there */
  fprintf(stderr, "%s%s %s: warning: %s\n", clear, TR_PROGRAM, p->command, message);
}

tr_status program_open(program *p, const char *resource, uint64_t seed, int threads) {
  tr_ctx_close(&p->ctx);
  TR_TRY(tr_ctx_open(resource, seed, &p->ctx, &p->error));
  tr_ctx_on_warning(p->ctx, print_warning, p);
  tr_ctx_set_interrupt(p->ctx, &caught);
  TR_TRY(tr_register_all(p->ctx));
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
  return TRANSIT_VERSION " (" TRANSIT_GIT_DESCRIBE ")";
#else
  return TRANSIT_VERSION;
#endif
}
