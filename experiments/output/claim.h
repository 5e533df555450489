/* The folder of a run: as given, or out/COMMAND-0001; and what lies in it already. The same command with the
 * same options may run there again. Anything else is refused, unless --force is given; and a training is
 * replaced by nothing but itself, when it is complete. */
#ifndef TR_EXPERIMENTS_OUTPUT_CLAIM_H
#define TR_EXPERIMENTS_OUTPUT_CLAIM_H

#include <jansson.h>

#include "experiments/common/common_options.h"
#include "experiments/common/program.h"
#include "experiments/output/out_dir.h"

/* A run whose options are resolved; all of these borrowed. */
typedef struct {
  const tr_option_table *table;
  const tr_parsed *parsed;
  const void *values;
  machine_options *machine; /* in `values` */
  bool manifest;            /* it has a manifest.json, which it compares itself */
} claim;

/* Opens the folder --out. Without one, the next free of out/COMMAND-0001, ... is made, said on standard
 * output and written back into machine->out. TR_E_ARG where the folder holds results of another command or of
 * other options, or files with the names of its results that no run.json tells of, and --force is not given;
 * with it, what that other command had written goes when the new results appear. What the run's own options
 * name as something that it reads is no part of that: TR_E_ARG. */
tr_status claim_open(const program *p, const claim *what, out_dir **out);

/* The same for results that appear one by one: *out is NULL unless a numbered folder was made. A
 * manifest.json of the command's own is left to the caller; what other commands had written goes at once. */
tr_status claim_folder(const program *p, const claim *what, out_dir **out);
/* Removes what this command left there. */
tr_status claim_drop_own(const program *p, const claim *what);

/* Whether two objects of options differ, and in which, in words: "--seed was 0, is 1; ...". Where a
 * run takes place makes no difference: out, force, threads; nor does an older name of an option, one that is
 * no more, or one that the old record does not know yet and the user has not given. */
bool claim_options_differ(const claim *what, const json_t *old, const json_t *now, char *text, size_t size);

/* The record of that name in a folder, an object with a "command"; NULL where there is no such thing. The
 * caller releases it. */
json_t *claim_record_in(const char *folder, const char *name);

/* A record as it is once written and read: numbers have the digits that the file has. NULL: out of memory. */
json_t *claim_as_written(const json_t *record);

#endif
