#include "experiments/sample/likelihood.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/likelihood/options.h"
#include "experiments/sample/options.h"

/* Options of `sample` that a likelihood has under another name; NULL: it has none, and this is why. */
static const struct {
  const char *sample, *likelihood, *why;
} spellings[] = {{"init", "data", NULL},
                 {"num-samples", "num", NULL},
                 {"sampling-method", "method", NULL},
                 {"reverse", NULL, "a likelihood goes from data to noise anyhow, leave it away"},
                 {"with-logp", NULL, "a likelihood is the log-density of data, leave it away"},
                 {"train-eps", NULL, "it is recorded only, leave it away"}};
enum { SPELLINGS = sizeof spellings / sizeof *spellings };

/* Row of this option, -1: written the same. */
static int spelling_of(const char *name) {
  for (int i = 0; i < SPELLINGS; i++)
    if (strcmp(spellings[i].sample, name) == 0) return i;
  return -1;
}

/* An option of sample that a likelihood lacks. */
static tr_status refuse(tr_ctx *ctx, const char *name, const char *why) {
  if (tr_option_row(&sample_table, SAMPLE_ODE, name) < 0)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--%s is an option of '%s sample SDE': a likelihood follows the ODE, see '%s likelihood --help'",
        name, TR_PROGRAM, TR_PROGRAM);
  return TR_FAIL(ctx, TR_E_ARG,
                 "--%s is an option of '%s sample ODE' without --likelihood: %s, see '%s likelihood "
                 "--help'",
                 name, TR_PROGRAM, why ? why : "a likelihood has none like it", TR_PROGRAM);
}

static bool has(const tr_option_table *table, const char *name) {
  for (int mode = 0; mode == 0 || (table->modes && table->modes[mode]); mode++)
    if (tr_option_row(table, mode, name) >= 0) return true;
  return false;
}

/* "--to" and what follows the name in the word, such as "=value"; NULL: out of memory. */
static char *renamed(const char *word, const char *to) {
  const char *rest = word + strcspn(word, "=");
  size_t size = strlen(to) + strlen(rest) + 3;
  char *out = malloc(size);
  if (out) snprintf(out, size, "--%s%s", to, rest);
  return out;
}

/* The word as the other command spells it, malloc'd. One that is no option of either is left for that one to
 * refuse. */
static tr_status translate(tr_ctx *ctx, const char *word, char **out) {
  char name[64] = "";
  if (strncmp(word, "--", 2) == 0) snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
  int row = spelling_of(name);
  const char *to = row < 0 ? name : spellings[row].likelihood;
  if (!to || (has(&sample_table, name) && !has(&likelihood_table, to)))
    return refuse(ctx, name, row < 0 ? NULL : spellings[row].why);
  *out = row < 0 ? strdup(word) : renamed(word, to);
  return *out ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for the words of a likelihood");
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
    if (strcmp(argv[i], "--likelihood") != 0) TR_TRY(translate(ctx, argv[i], &out->words[out->n++]));
  return TR_OK;
}
