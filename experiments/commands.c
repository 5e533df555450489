#include "experiments/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/output/staging.h"

const command *const commands[] = {&command_sample,     &command_train,    &command_ablate,
                                   &command_likelihood, &command_decode,   &command_encode,
                                   &command_loss,       &command_sweep,    &command_tune_grid,
                                   &command_field,      &command_evaluate, &command_inspect,
                                   &command_convert,    &command_ema,      &command_fetch,
                                   &command_list,       &command_man,      NULL};

const command *command_find(const char *name) {
  for (int i = 0; commands[i]; i++)
    if (strcmp(commands[i]->table->name, name) == 0) return commands[i];
  return NULL;
}

void commands_overview(FILE *out) {
  fputs("usage: transit COMMAND [arguments]\n\nTransport samplers: stochastic interpolants, flow matching, "
        "diffusion.\n\nCommands:\n",
        out);
  for (int i = 0; commands[i]; i++)
    fprintf(out, "  %-10s %s\n", commands[i]->table->name, commands[i]->table->summary);
  fputs("\nAlso:\n  --help     print this; 'transit COMMAND --help' tells about a command\n"
        "  --version  print versions, processor features and devices\n",
        out);
}

/* ---- a run of the program ---- */

static int exit_status(tr_status status) {
  if (status == TR_E_INTERRUPTED && program_signal()) return 128 + program_signal();
  return status == TR_OK ? 0 : status == TR_E_ARG ? 2 : 1;
}

static void print_error(const program *p) {
  tr_error error = *program_error(p);
  staging_hide(error.message);
  fprintf(stderr, "%s %s: %s\n", TR_PROGRAM, p->command, error.message);
}

static bool speaks(const program *p) {
  return p->comm ? tr_comm_speaks(p->comm) : p->rank == 0;
}

/* mpirun sends SIGTERM to the ranks that are left when the first has ended: they are at their own end and say
 * no more. */
static void hear_no_more(const program *p) {
  sigset_t before;
  if (p->comm) program_hold_signals(&before);
}

/* Ranks that are torn apart end here, all of them. */
static int report(program *p, tr_status status) {
  if (p->comm) status = tr_comm_agree(p->comm, status);
  hear_no_more(p);
  if (status != TR_OK && speaks(p)) print_error(p);
  if (tr_comm_lost(p->comm)) tr_comm_abort(p->comm, 1);
  return exit_status(status);
}

/* The words after the command's name. */
typedef struct {
  int n;
  char *const *v;
} arguments;

/* What fails says so in the words of the command. */
static tr_status run_parsed(program *p, const command *c, const tr_parsed *parsed, void *values) {
  p->reader = (advice_reader){c->table, parsed->mode, NULL};
  tr_status status = c->run(p, parsed, values);
  return advice_error(p->ctx, status, &p->reader);
}

static tr_status parse_and_run(program *p, const command *c, arguments words, void *values) {
  tr_parsed parsed;
  tr_status status = tr_options_parse(p->ctx, c->table, words.n, words.v, values, &parsed);
  if (p->comm) status = tr_comm_agree(p->comm, status);
  if (status == TR_OK && parsed.help)
    tr_options_help(p->ctx, c->table, stdout);
  else if (status == TR_OK)
    status = run_parsed(p, c, &parsed, values);
  tr_options_free(c->table, values);
  return status;
}

/* Output that could not be written (a full disk, a closed pipe) is a failure too. */
static tr_status flush_output(program *p) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return TR_OK;
  return TR_FAIL(p->ctx, TR_E_IO, "standard output cannot be written");
}

static tr_status run_words(program *p, const command *c, arguments words) {
  void *values = calloc(1, c->table->values_size ? c->table->values_size : 1);
  tr_status status = values ? parse_and_run(p, c, words, values) : TR_FAIL(p->ctx, TR_E_MEM, "out of memory");
  if (status == TR_OK) status = flush_output(p);
  free(values);
  return status;
}

static tr_status no_ranks(program *p, int ranks) {
  return TR_FAIL(
      p->ctx, TR_E_ARG,
      "mpirun has started %d of it: only 'train' and 'sample' work on several ranks, start one (or, for runs "
      "that have nothing to do with each other, take OMPI_COMM_WORLD_SIZE from their environment)",
      ranks);
}

/* Another command with words of its own, where those given ask for it. */
static tr_status run_or_instead(program *p, const command *c, arguments words, command_line *other) {
  if (c->instead) TR_TRY(c->instead(p->ctx, words.n, words.v, other));
  if (!other->command) return run_words(p, c, words);
  if (p->comm && !other->command->ranks) return no_ranks(p, tr_comm_size(p->comm));
  p->command = other->command->table->name;
  return run_words(p, other->command, (arguments){other->n, other->words});
}

/* One command many times over would write into one folder. */
static tr_status join_ranks(program *p, const command *c, const tr_launch *launch) {
  if (launch->size == 1) return TR_OK;
  if (c->ranks) return tr_comm_open(p->ctx, &p->comm);
  return no_ranks(p, launch->size);
}

static int run_command(program *p, const command *c, const tr_launch *launch) {
  command_line other = {0};
  tr_status status = program_open(p, "cpu", 0, 0);
  if (status == TR_OK) status = join_ranks(p, c, launch);
  if (status == TR_OK) status = run_or_instead(p, c, (arguments){p->argc - 2, p->argv + 2}, &other);
  for (int i = 0; i < other.n; i++) free(other.words[i]);
  free(other.words);
  int result = report(p, status);
  tr_comm_close(&p->comm);
  tr_ctx_close(&p->ctx);
  return result;
}

static int unknown_command(const char *name) {
  const char *names[32] = {"--help", "--version"};
  int n = 2;
  for (int i = 0; commands[i] && n < 32; i++) names[n++] = commands[i]->table->name;
  const char *near = tr_nearest(name, names, n);
  if (near)
    fprintf(stderr, "%s: unknown command '%s': did you mean '%s'?\n", TR_PROGRAM, TR_SHOW(name, 255), near);
  else
    fprintf(stderr, "%s: unknown command '%s': see '%s --help'\n", TR_PROGRAM, TR_SHOW(name, 255),
            TR_PROGRAM);
  return 2;
}

static int about_program(int argc, char **argv, void (*print)(FILE *)) {
  if (argc > 2) {
    fprintf(stderr, "%s: '%s' is one argument too many after '%s'\n", TR_PROGRAM, TR_SHOW(argv[2], 255),
            argv[1]);
    return 2;
  }
  print(stdout);
  return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

/* A file that the program opens must not become its standard output, which the caller has closed: a stream
 * that nobody can write to fails as a closed one does. */
static void keep_streams_apart(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) return;
}

static bool is_quiet(const tr_launch *launch) {
  return launch->rank > 0 && freopen("/dev/null", "w", stdout);
}

int commands_main(int argc, char **argv, program_modules more) {
  const tr_launch launch = tr_comm_launched();
  keep_streams_apart();
  const bool quiet = is_quiet(&launch);
  if (argc < 2) {
    if (!quiet) commands_overview(stderr);
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
  if (!c) return quiet ? 2 : unknown_command(word);
  program_catch_signals();
  program p = {.command = word, .argc = argc, .argv = argv, .more = more, .rank = launch.rank};
  return run_command(&p, c, &launch);
}
