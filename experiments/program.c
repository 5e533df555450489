#include "experiments/program.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "experiments/modules.h"

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
  const program *p = user;
  fprintf(stderr, "%s %s: warning: %s\n", TR_PROGRAM, p->command, message);
}

tr_status program_open(program *p, const char *resource, uint64_t seed, int threads, tr_error *error) {
  tr_ctx_close(&p->ctx);
  TR_TRY(tr_ctx_open(resource, seed, &p->ctx, error));
  tr_ctx_on_warning(p->ctx, print_warning, p);
  tr_ctx_set_interrupt(p->ctx, &caught);
  tr_status status = register_modules(p->ctx);
  if (status == TR_OK && threads > 0) status = tr_ctx_set_threads(p->ctx, threads);
  if (status != TR_OK) *error = *tr_ctx_error(p->ctx);
  return status;
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
