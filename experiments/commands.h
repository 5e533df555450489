/* The commands of the program: one file and one const table each, listed in commands.c. */
#ifndef TR_EXPERIMENTS_COMMANDS_H
#define TR_EXPERIMENTS_COMMANDS_H

#include "experiments/common/program.h"

typedef struct command command;

/* Another command, and its words: malloc'd, and so are they. command NULL: there is none. */
typedef struct {
  const command *command;
  int n;
  char **words;
} command_line;

struct command {
  const tr_option_table *table;
  /* Errors are latched in p->ctx. TR_E_ARG means wrong usage (exit status 2), anything else a failure (1). */
  tr_status (*run)(program *p, const tr_parsed *parsed, void *values);
  /* Whether the words after the command's name ask for another command; *out is freed after a failure too.
   * OPTIONAL */
  tr_status (*instead)(tr_ctx *ctx, int argc, char *const *argv, command_line *out);
  bool ranks; /* works on several ranks under mpirun, each phase of it ending with tr_comm_agree */
  /* What a run leaves in --out beside run.json: names, NULL at the end. `pieces`: of results that appear one
   * by one, beside manifest.json, names or patterns (fnmatch). By these output/claim.h knows what is there.
   * NULL: it leaves no such record. */
  const char *const *results, *const *pieces;
};

extern const command command_sample;
extern const command command_likelihood;
extern const command command_loss;
extern const command command_decode;
extern const command command_encode;
extern const command command_sweep;
extern const command command_train;
extern const command command_ablate;
extern const command command_tune_grid;
extern const command command_field;
extern const command command_evaluate;
extern const command command_inspect;
extern const command command_convert;
extern const command command_ema;
extern const command command_fetch;
extern const command command_list;
extern const command command_man;
extern const command *const commands[];        /* NULL-terminated */
const command *command_find(const char *name); /* NULL if unknown */

/* Runs the command line: finds the command, parses its options, runs it. Returns the exit status: 0 ok, 1
 * failure, 2 wrong usage, 128 + signal when interrupted. more (may be NULL) registers modules beside the
 * built-in ones, so that a program of three lines has every command with them. */
int commands_main(int argc, char **argv, program_modules more);

/* The overview that `transit --help` prints. */
void commands_overview(FILE *out);
/* What `transit --version` prints. */
void commands_version(FILE *out);

#endif
