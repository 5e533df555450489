/* The program `transit`: finds the command, parses its options, runs it, and turns its status into an exit
 * status: 0 ok, 1 failure, 2 wrong usage, 128 + signal when interrupted. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/commands.h"

static int exit_status(tr_status status) {
  if (status == TR_E_INTERRUPTED && program_signal()) return 128 + program_signal();
  return status == TR_OK ? 0 : status == TR_E_ARG ? 2 : 1;
}

static int report(const program *p, tr_status status) {
  if (status != TR_OK) fprintf(stderr, "%s %s: %s\n", TR_PROGRAM, p->command, program_error(p)->message);
  return exit_status(status);
}

/* The words after the command's name. */
typedef struct {
  int n;
  char *const *v;
} arguments;

static tr_status parse_and_run(program *p, const command *c, arguments words, void *values) {
  tr_parsed parsed;
  tr_status status = tr_options_parse(p->ctx, c->table, words.n, words.v, values, &parsed);
  if (status == TR_OK && parsed.help)
    tr_options_help(p->ctx, c->table, stdout);
  else if (status == TR_OK)
    status = c->run(p, &parsed, values);
  tr_options_free(c->table, values);
  return status;
}

/* Output that could not be written (a full disk, a closed pipe) is a failure too. */
static tr_status flush_output(program *p) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_IO, "standard output cannot be written");
}

static int run_words(program *p, const command *c, arguments words) {
  tr_status status = program_open(p, "cpu", 0, 0);
  if (status != TR_OK) return report(p, status);
  void *values = calloc(1, c->table->values_size ? c->table->values_size : 1);
  status = values ? parse_and_run(p, c, words, values) : TR_FAIL(p->ctx, TR_E_MEM, "out of memory");
  if (status == TR_OK) status = flush_output(p);
  free(values);
  int result = report(p, status);
  tr_ctx_close(&p->ctx);
  return result;
}

/* Another command with words of its own. */
static int run_instead(program *p, const command *other, int n, char **words) {
  bool complete = words != NULL;
  for (int i = 0; i < n; i++) complete = complete && words[i];
  p->command = other->table->name;
  int result = 1;
  if (complete)
    result = run_words(p, other, (arguments){n, words});
  else
    fprintf(stderr, "%s %s: out of memory\n", TR_PROGRAM, p->command);
  for (int i = 0; i < n; i++) free(words[i]);
  free(words);
  return result;
}

static int run_command(program *p, const command *c) {
  arguments words = {p->argc - 2, p->argv + 2};
  int n = 0;
  char **own = NULL;
  const command *other = c->instead ? c->instead(words.n, words.v, &n, &own) : NULL;
  return other ? run_instead(p, other, n, own) : run_words(p, c, words);
}

static int unknown_command(const char *name) {
  const char *names[32] = {"--help", "--version"};
  int n = 2;
  for (int i = 0; commands[i] && n < 32; i++) names[n++] = commands[i]->table->name;
  const char *near = tr_nearest(name, names, n);
  if (near)
    fprintf(stderr, "%s: unknown command '%s': did you mean '%s'?\n", TR_PROGRAM, name, near);
  else
    fprintf(stderr, "%s: unknown command '%s': see '%s --help'\n", TR_PROGRAM, name, TR_PROGRAM);
  return 2;
}

static int about_program(int argc, char **argv, void (*print)(FILE *)) {
  if (argc > 2) {
    fprintf(stderr, "%s: '%s' is one argument too many after '%s'\n", TR_PROGRAM, argv[2], argv[1]);
    return 2;
  }
  print(stdout);
  return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

/* Threads that wait by spinning make a busy machine crawl (measured: 30 times slower beside other work), and
 * the OpenMP runtime reads its policy before main: so the program starts itself once more with the policy
 * set. */
static void wait_passively(char **argv) {
  if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1) != 0) return;
  execv("/proc/self/exe", argv); /* on failure the run goes on as it is */
}

int main(int argc, char **argv) {
  wait_passively(argv);
  if (argc < 2) {
    commands_overview(stderr);
    return 2;
  }
  const char *word = argv[1];
  bool help = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
  if (help && argc == 3 && command_find(argv[2])) { /* 'transit help COMMAND' is 'transit COMMAND --help' */
    word = argv[2];
    argv[2] = "--help";
  } else if (help || strcmp(word, "--version") == 0) {
    return about_program(argc, argv, help ? commands_overview : commands_version);
  }
  const command *c = command_find(word);
  if (!c) return unknown_command(word);
  program_catch_signals();
  program p = {.command = word, .argc = argc, .argv = argv};
  return run_command(&p, c);
}
