/* Option tables: every type, ranges, modes, the nearest spelling, and what the help says. */
#include <limits.h>
#include <stdlib.h>

#include "core/options/options.h"
#include "tests/support/check.h"

typedef struct {
  bool quiet;
  long n, far;
  uint64_t seed;
  double x, y;
  const char *text, *choice, *module, *operand;
  tr_int_list labels;
  tr_double_list interval, times;
  tr_text_list words, forms, types;
  tr_pair_list params;
} values;

#define AT(member) .offset = offsetof(values, member)
static const tr_option rows[] = {
    {.name = "quiet", .type = TR_OPTION_FLAG, AT(quiet), .help = "Say nothing."},
    {.name = "num-steps",
     .type = TR_OPTION_INT,
     AT(n),
     .flags = TR_OPTION_GE,
     .low = 2,
     .metavar = "N",
     .default_text = "250",
     .help = "Points."},
    {.name = "far", .type = TR_OPTION_INT, AT(far), .metavar = "N", .help = "No default."},
    {.name = "rtol",
     .type = TR_OPTION_DOUBLE,
     AT(x),
     .modes = 1,
     .flags = TR_OPTION_GT | TR_OPTION_LT,
     .low = 0,
     .high = 1,
     .metavar = "R",
     .default_text = "1e-3",
     .help = "Tolerance."},
    {.name = "norm", .type = TR_OPTION_DOUBLE, AT(y), .modes = 2, .metavar = "X", .help = "Noise."},
    {.name = "text", .type = TR_OPTION_TEXT, AT(text), .metavar = "FILE", .help = "A file."},
    {.name = "dtype", .type = TR_OPTION_CHOICE, AT(choice), .choices = "f32,f64", .help = "Type."},
    {.name = "form",
     .type = TR_OPTION_CHOICE,
     AT(module),
     .kind = "test-form",
     .metavar = "NAME",
     .help = "Form."},
    {.name = "labels",
     .type = TR_OPTION_INTS,
     AT(labels),
     .flags = TR_OPTION_GE,
     .metavar = "L",
     .help = "Labels."},
    {.name = "interval",
     .type = TR_OPTION_DOUBLES,
     AT(interval),
     .count = 2,
     .metavar = "A,B",
     .help = "Two."},
    {.name = "times",
     .type = TR_OPTION_DOUBLES,
     AT(times),
     .flags = TR_OPTION_INCREASING,
     .metavar = "T",
     .help = "Times."},
    {.name = "words", .type = TR_OPTION_TEXTS, AT(words), .metavar = "W", .help = "Words."},
    {.name = "forms",
     .type = TR_OPTION_TEXTS,
     AT(forms),
     .kind = "test-form",
     .metavar = "F1,F2",
     .default_text = "alpha,b",
     .help = "Forms."},
    {.name = "params", .type = TR_OPTION_PAIRS, AT(params), .metavar = "NAME=VALUE", .help = "Pairs."},
    {.name = "seed",
     .aliases = "global-seed,s",
     .type = TR_OPTION_SEED,
     AT(seed),
     .metavar = "N",
     .help = "Seed."},
    {.name = "types", .type = TR_OPTION_TEXTS, AT(types), .choices = "f32,f64", .help = "Types."},
};
static const char *const modes[] = {"ODE", "SDE", NULL};
static const tr_option_hint hints[] = {{"vae", "decode them yourself"}, {NULL, NULL}};
static const tr_option_table table = {
    .program = "transit",
    .name = "test",
    .summary = "A table for the test.",
    .modes = modes,
    .operands = {{.name = "FILE", .help = "An operand.", .offset = offsetof(values, operand)}},
    .options = rows,
    .n_options = sizeof rows / sizeof *rows,
    .values_size = sizeof(values),
    .hints = hints};

#define MAX_WORDS 16
static int split(char *line, char **words) {
  int n = 0;
  for (char *word; n < MAX_WORDS && (word = strtok_r(line, " ", &line));) words[n++] = word;
  return n;
}

/* The last operand may be many words. */
typedef struct {
  const char *first;
  tr_text_list rest;
} words;

static void many_operands(tr_ctx *ctx) {
  tr_option_table of_words = {
      .program = "transit",
      .name = "words",
      .summary = "Words.",
      .operands = {{.name = "IN", .help = "One.", .required = true, .offset = offsetof(words, first)},
                   {.name = "MORE", .help = "Many.", .many = true, .offset = offsetof(words, rest)}},
      .values_size = sizeof(words)};
  char *const line[] = {"a", "b", "c", "b"};
  words v;
  tr_parsed parsed;
  CHECK_OK(ctx, tr_options_parse(ctx, &of_words, 4, line, &v, &parsed));
  CHECK(strcmp(v.first, "a") == 0 && v.rest.n == 3 && strcmp(v.rest.v[2], "b") == 0);
  tr_options_free(&of_words, &v);
  CHECK_OK(ctx, tr_options_parse(ctx, &of_words, 1, line, &v, &parsed));
  CHECK(v.rest.n == 0 && !v.rest.v);
  tr_options_free(&of_words, &v);
  of_words.operands[1].required = true;
  CHECK_ERROR(ctx, tr_options_parse(ctx, &of_words, 1, line, &v, &parsed), TR_E_ARG,
              "MORE is missing: 'transit words IN MORE...'");
  tr_options_free(&of_words, &v);
}

static char line_copy[256];
static tr_status parse(tr_ctx *ctx, const char *line, values *v, tr_parsed *parsed) {
  char *words[MAX_WORDS];
  snprintf(line_copy, sizeof line_copy, "%s", line);
  int n = split(line_copy, words);
  return tr_options_parse(ctx, &table, n, words, v, parsed);
}

/* Seeds are any 64 bits; other names of an option are it; what others call what is not there has an answer.
 */
static void seeds_and_names(tr_ctx *ctx) {
  values v;
  tr_parsed parsed;
  CHECK_OK(ctx, parse(ctx, "ODE --seed 18446744073709551615", &v, &parsed));
  CHECK(v.seed == UINT64_MAX);
  tr_options_free(&table, &v);
  CHECK_OK(ctx, parse(ctx, "ODE --global-seed=7", &v, &parsed));
  CHECK(v.seed == 7 && tr_option_given(&table, &parsed, "seed") && tr_option_given(&table, &parsed, "s"));
  tr_options_free(&table, &v);
  CHECK_OK(ctx, parse(ctx, "ODE", &v, &parsed));
  CHECK(v.seed == 0 && !tr_option_given(&table, &parsed, "seed"));
  tr_options_free(&table, &v);
  static const char *const bad[] = {"18446744073709551616", "-1", "+1", "1.5", "0x10", "7a"};
  for (int i = 0; i < 6; i++) {
    char line[64], want[128];
    snprintf(line, sizeof line, "ODE --seed %s", bad[i]);
    snprintf(want, sizeof want, "--seed '%s' is not right: use a whole number from 0 to 18446744073709551615",
             bad[i]);
    CHECK_ERROR(ctx, parse(ctx, line, &v, &parsed), TR_E_ARG, want);
    tr_options_free(&table, &v);
  }
  static const struct {
    const char *line, *want;
  } wrong[] = {
      {"ODE --seed 1 --s 2", "--s is another name of --seed, which is given already: give one of them"},
      {"ODE --s 1 --seed 2", "--seed is given twice: give it once"},
      {"ODE --global 2", "unknown option --global"},
      {"ODE --vae x", "--vae is no option of 'transit test': decode them yourself"},
      {"ODE --num-steps 99999999999999999999", "use a whole number from 2 to 9223372036854775807"},
      {"ODE --far -99999999999999999999",
       "use a whole number from -9223372036854775807 to 9223372036854775807"},
      {"SDE --norm 1e999", "--norm '1e999' is not right: use a finite number"},
      {"SDE --norm nan", "use a finite number"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_ERROR(ctx, parse(ctx, wrong[i].line, &v, &parsed), TR_E_ARG, wrong[i].want);
    tr_options_free(&table, &v);
  }
}

static void good_lines(tr_ctx *ctx) {
  values v;
  tr_parsed parsed;
  CHECK_OK(ctx, parse(ctx, "ODE", &v, &parsed));
  CHECK(parsed.mode == 0 && !parsed.given[1] && !v.quiet && v.n == 250 && v.far == TR_OPTION_UNSET);
  CHECK(v.x == 1e-3 && isnan(v.y) && !v.text && !v.choice && v.labels.n == 0 && !v.operand);
  tr_options_free(&table, &v);

  CHECK_OK(ctx,
           parse(ctx, "SDE --quiet --num-steps=7 --far -3 --norm 0.5 x.pt --text a=b --dtype f64 --form B",
                 &v, &parsed));
  CHECK(parsed.mode == 1 && v.quiet && v.n == 7 && v.far == -3 && v.y == 0.5);
  CHECK(strcmp(v.text, "a=b") == 0 && strcmp(v.choice, "f64") == 0 && strcmp(v.operand, "x.pt") == 0);
  CHECK(strcmp(v.module, "beta") == 0); /* the alias gives the canonical name */
  CHECK(tr_option_given(&table, &parsed, "norm") && !tr_option_given(&table, &parsed, "labels"));
  tr_options_free(&table, &v);

  CHECK_OK(ctx, parse(ctx, "ODE --labels=1,2,3 --interval 0,1e-1 --times -1,0,.5", &v, &parsed));
  CHECK(v.labels.n == 3 && v.labels.v[2] == 3 && v.interval.n == 2 && v.interval.v[1] == 0.1);
  CHECK(v.times.n == 3 && v.times.v[0] == -1);
  tr_options_free(&table, &v);

  CHECK_OK(ctx, parse(ctx, "ODE --words x --types f64,f32", &v, &parsed));
  CHECK(v.words.n == 1 && strcmp(v.words.v[0], "x") == 0 && v.types.n == 2);
  CHECK(v.forms.n == 2 && strcmp(v.forms.v[0], "alpha") == 0 && strcmp(v.forms.v[1], "beta") == 0);
  tr_options_free(&table, &v);
  CHECK_OK(ctx, parse(ctx, "ODE --words=one,two=2,3 --forms beta", &v, &parsed));
  CHECK(v.words.n == 3 && strcmp(v.words.v[1], "two=2") == 0 && strcmp(v.words.v[2], "3") == 0);
  CHECK(v.forms.n == 1 && v.types.n == 0);
  tr_options_free(&table, &v);

  CHECK_OK(ctx, parse(ctx, "ODE --params a=1,b-c=-2e3 --quiet --params=d=.5", &v, &parsed));
  CHECK(v.params.n == 3 && strcmp(v.params.v[0].name, "a") == 0 && v.params.v[0].value == 1);
  CHECK(strcmp(v.params.v[1].name, "b-c") == 0 && v.params.v[1].value == -2000);
  CHECK(strcmp(v.params.v[2].name, "d") == 0 && v.params.v[2].value == 0.5);
  CHECK(tr_option_given(&table, &parsed, "params"));
  tr_options_free(&table, &v);
  CHECK(v.params.n == 0 && v.params.v == NULL);

  CHECK_OK(ctx, parse(ctx, "SED --rubbish --help", &v, &parsed));
  CHECK(parsed.help);
}

static void bad_lines(tr_ctx *ctx) {
  static const struct {
    const char *line, *word;
  } bad[] = {
      {"", "ODE or SDE"},
      {"--quiet", "ODE or SDE"},
      {"SED", "did you mean 'SDE'"},
      {"other", "say ODE or SDE"},
      {"ODE --nums-steps 3", "--num-steps"},
      {"ODE --num_steps 3", "--num-steps"},
      {"ODE --zzzzzzzz 3", "--help"},
      {"ODE --norm 1", "belongs to SDE"},
      {"SDE --rtol 1", "belongs to ODE"},
      {"ODE --quiet --quiet", "twice"},
      {"ODE --quiet=yes", "takes no value"},
      {"ODE --num-steps", "needs a value"},
      {"ODE --num-steps --quiet", "needs a value"},
      {"ODE --dtype", "--dtype needs a value: --dtype f32|f64"},
      {"ODE --num-steps 1", ">= 2"},
      {"ODE --num-steps 2.5", "whole number"},
      {"ODE --num-steps 99999999999999999999", "whole number"},
      {"ODE --rtol 0", "> 0 and < 1"},
      {"ODE --rtol 1", "> 0 and < 1"},
      {"ODE --rtol nan", "number"},
      {"ODE --rtol 1e-3x", "number"},
      {"ODE --dtype f6", "did you mean 'f64'"},
      {"ODE --dtype something", "f32,f64"},
      {"ODE --form bta", "--form: unknown test-form 'bta': did you mean 'beta'"},
      {"ODE --labels 1,,2", "whole numbers"},
      {"ODE --labels 1,-2", ">= 0"},
      {"ODE --interval 1", "2, separated by commas"},
      {"ODE --times 0,0", "not increasing"},
      {"ODE -q", "two dashes"},
      {"ODE --text=", "empty"},
      {"ODE --words=", "empty entry"},
      {"ODE --words a,,b", "empty entry"},
      {"ODE --words a,b,a", "'a' twice"},
      {"ODE --forms beta,B", "'beta' twice"},
      {"ODE --forms alpha,bta", "--forms: unknown test-form 'bta': did you mean 'beta'"},
      {"ODE --types f32,f6", "did you mean 'f64'"},
      {"ODE --params a", "'a' is not right: use NAME=VALUE"},
      {"ODE --params=", "use NAME=VALUE"},
      {"ODE --params =1", "use NAME=VALUE"},
      {"ODE --params a=1,", "'a=1,' is not right"},
      {"ODE --params a=", "a number"},
      {"ODE --params a=inf", "a finite number"},
      {"ODE --params a=1,b=2x", "'a=1,b=2x' is not right: use a number"},
      {"ODE --params a=1,a=2", "'a' twice"},
      {"ODE --params a=1 --params b=2,a=1", "'a' twice"},
      {"ODE --params a=1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1",
       "NAME=VALUE"},
      {"ODE a b", "too many"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    values v;
    tr_parsed parsed;
    int before = check_failures;
    CHECK_ERROR(ctx, parse(ctx, bad[i].line, &v, &parsed), TR_E_ARG, bad[i].word);
    if (check_failures != before) fprintf(stderr, "  in the line '%s'\n", bad[i].line);
    tr_options_free(&table, &v);
  }
}

static void texts(tr_ctx *ctx) {
  char text[8192] = "";
  FILE *file = tmpfile();
  CHECK(file != NULL);
  if (!file) return;
  tr_options_help(ctx, &table, file);
  tr_options_man(ctx, &table, file);
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  CHECK(strstr(text, "usage: transit test ODE|SDE [FILE] [options]"));
  CHECK(strstr(text, "> 0 and < 1. ODE only. Default 1e-3."));
  CHECK(strstr(text, "One of alpha, beta."));
  CHECK(strstr(text, "--dtype f32|f64"));
  CHECK(strstr(text, "\\fB\\-\\-num\\-steps\\fR"));
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  static const tr_module alpha = {.name = "alpha", .summary = "first"},
                         beta = {.name = "beta", .aliases = "b,second", .summary = "second"};
  CHECK_OK(ctx, tr_register(ctx, "test-form", &alpha));
  CHECK_OK(ctx, tr_register(ctx, "test-form", &beta));
  good_lines(ctx);
  many_operands(ctx);
  seeds_and_names(ctx);
  bad_lines(ctx);
  texts(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
