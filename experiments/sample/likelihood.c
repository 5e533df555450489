#include "experiments/sample/likelihood.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/likelihood/options.h"
#include "experiments/sample/options.h"

/* Options of `sample` that a likelihood has not, where more can be said of it. */
static const struct {
  const char *name, *why;
} absent[] = {{"reverse", "a likelihood goes from data to noise anyhow, leave it away"},
              {"with-logp", "a likelihood is the log-density of data, leave it away"},
              {"train-eps", "it is recorded only, leave it away"},
              {"model", "the checkpoint tells its network, leave it away"},
              {"image-size", "the checkpoint tells the size of its states, leave it away"}};

static const char *why_absent(const char *name) {
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
    if (strcmp(absent[i].name, name) == 0) return absent[i].why;
  return "a likelihood has none like it";
}

/* An option of sample that a likelihood lacks. */
static tr_status refuse(tr_ctx *ctx, const char *name) {
  if (tr_option_row(&sample_table, SAMPLE_ODE, name) < 0)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--%s is an option of '%s sample SDE': a likelihood follows the ODE, see '%s likelihood --help'",
        name, TR_PROGRAM, TR_PROGRAM);
  return TR_FAIL(ctx, TR_E_ARG,
                 "--%s is an option of '%s sample ODE' without --likelihood: %s, see '%s likelihood "
                 "--help'",
                 name, TR_PROGRAM, why_absent(name), TR_PROGRAM);
}

static bool has(const tr_option_table *table, const char *name) {
  for (int mode = 0; mode == 0 || (table->modes && table->modes[mode]); mode++)
    if (tr_option_row(table, mode, name) >= 0) return true;
  return false;
}

/* A word that is no option of either is left for the other command to refuse. */
static tr_status take(tr_ctx *ctx, const char *word, command_line *out) {
  char name[64] = "";
  if (strncmp(word, "--", 2) == 0) snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
  if (has(&sample_table, name) && !has(&likelihood_table, name)) return refuse(ctx, name);
  char *copy = strdup(word);
  if (!copy) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the words of a likelihood");
  out->words[out->n++] = copy;
  return TR_OK;
}

/* How often --likelihood is there: the parser, which refuses repeats, never sees it. */
static int asked(int argc, char *const *argv) {
  int n = 0;
  if (argc < 2 || strcmp(argv[0], "ODE") != 0) return 0;
  for (int i = 1; i < argc; i++) n += strcmp(argv[i], "--likelihood") == 0;
  return n;
}

tr_status sample_instead(tr_ctx *ctx, int argc, char *const *argv, command_line *out) {
  int n = asked(argc, argv);
  if (n == 0) return TR_OK;
  if (n > 1) return TR_FAIL(ctx, TR_E_ARG, "--likelihood is given twice: give it once");
  out->command = &command_likelihood;
  out->words = calloc((size_t)argc, sizeof *out->words);
  if (!out->words) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the words of a likelihood");
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--likelihood") != 0) TR_TRY(take(ctx, argv[i], out));
  return TR_OK;
}
