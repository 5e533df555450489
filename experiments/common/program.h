/* What every command of the program shares: its context, its way to say errors and warnings, its interrupt
 * flag. */
#ifndef TR_EXPERIMENTS_COMMON_PROGRAM_H
#define TR_EXPERIMENTS_COMMON_PROGRAM_H

#include <signal.h>

#include "core/comm/comm.h"
#include "experiments/common/advice.h"

/* Registers modules of the caller's own. */
typedef tr_status (*program_modules)(tr_ctx *ctx);

typedef struct {
  tr_ctx *ctx;          /* the device in use; replaced by program_open */
  tr_error error;       /* why program_open left no context */
  const char *command;  /* "sample", ...: prefix of error lines */
  advice_reader reader; /* its options, once they are parsed: in their words warnings are said */
  char warned[512];     /* the last warning: one that repeats is printed once */
  program_modules more; /* OPTIONAL: called for every context, after the built-in modules */
  int argc;
  char *const *argv; /* the whole command line, for the record */
  /* Under mpirun: the first rank alone speaks, but of what only another one knows. */
  int rank;      /* of this process, 0: alone too */
  tr_comm *comm; /* all of them, NULL: there is one */
  bool at_work;  /* the ranks do different things: another one's warnings are told, with its number */
} program;

/* Closes the program's context (if any) and opens another on `resource` with every built-in module
 * registered, warnings printed as "transit COMMAND: warning: ..." and Ctrl-C as its interrupt. threads 0: the
 * default. */
tr_status program_open(program *p, const char *resource, uint64_t seed, int threads);
/* A line on standard error, "transit COMMAND: ...", in the place of a progress line that may stand there. */
void program_say(const program *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The status of a call that an option asked for. After a failure the context's message begins with the
 * option's name: "--OPTION: ...". */
tr_status program_option_error(tr_ctx *ctx, const char *option, tr_status status);
/* Not silently ignored: a warning "--NAME has no effect: WHY" for each of these options that was given. The
 * names end with NULL. */
void program_warn_idle(tr_ctx *ctx, const tr_option_table *table, const tr_parsed *parsed,
                       const char *const *names, const char *why);
/* The first error: of the context, or of the attempt to open one. */
const tr_error *program_error(const program *p);

/* SIGINT, SIGTERM, SIGHUP (unless nohup has it ignored) and SIGXCPU, and of a rank under mpirun, which passes
 * it on, SIGUSR1: the first raises a flag that solvers look at, so that a run ends with the step under way,
 * or within it where the network asks (on a terminal a line says that it stops); a second one,
 * PROGRAM_SECOND_SIGNAL seconds or more later, ends the program at once: clean-up, a line, status 128 +
 * signal. Always on the thread that calls this. SIGPIPE ends the program at once too, after the clean-up.
 * Files beyond the limit on their size are as on a full disk: the write fails. */
void program_catch_signals(void);
/* What comes closer is the same wish: `timeout` signals the program and then its process group. */
#define PROGRAM_SECOND_SIGNAL 0.1
/* The clean-up, of async-signal-safe calls only. */
void program_at_second_signal(void (*clean_up)(void));
/* Signals wait from one to the other: for what must not be left half done, and what the clean-up reads. Pairs
 * may lie within each other. */
void program_hold_signals(sigset_t *before);
void program_release_signals(const sigset_t *before);
/* The first signal that came, 0 if none. */
int program_signal(void);
/* TR_E_INTERRUPTED when a signal came; for the phases between solves. */
tr_status program_check_interrupt(program *p);
/* Waits; TR_E_INTERRUPTED when a signal comes. */
tr_status program_wait(program *p, double seconds);

/* Seconds on a clock that never jumps. */
double program_seconds(void);

#define TR_PROGRAM "transit"
/* The ending of what there are n of: "%ld step%s". */
#define PLURAL(n) ((n) == 1 ? "" : "s")
/* "0.1.0", with git's description of the source behind it where it is known. */
const char *program_version(void);

#endif
