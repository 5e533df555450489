/* Lists of whole numbers out of files, and words in their place. */
#include <limits.h>
#include <stdlib.h>

#include "core/options/options.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

typedef struct {
  tr_int_list labels, plain;
  long seed;
} values;

#define AT(member) .offset = offsetof(values, member)
static const tr_option rows[] = {
    {.name = "labels",
     .type = TR_OPTION_INTS,
     AT(labels),
     .flags = TR_OPTION_GE | TR_OPTION_FROM_FILE,
     .choices = "random,balanced",
     .metavar = "L1,L2,...|@FILE",
     .help = "Labels."},
    {.name = "plain", .type = TR_OPTION_INTS, AT(plain), .metavar = "L1,L2,...", .help = "Numbers alone."},
    {.name = "seed", .type = TR_OPTION_INT, AT(seed), .flags = TR_OPTION_GE, .metavar = "N", .help = "Seed."},
};
static const tr_option_table table = {.program = "transit",
                                      .name = "test",
                                      .summary = "Lists.",
                                      .options = rows,
                                      .n_options = sizeof rows / sizeof *rows,
                                      .values_size = sizeof(values)};

static tr_status parse(tr_ctx *ctx, const char *name, const char *value, values *v) {
  char *const words[] = {(char *)(uintptr_t)name, (char *)(uintptr_t)value};
  tr_parsed parsed;
  return tr_options_parse(ctx, &table, 2, words, v, &parsed);
}

static char spelled[600];

/* A file of this content, as "@FILE". */
static const char *file(const char *content, size_t size) {
  const char *path = scratch("labels.txt");
  write_whole(path, content, size);
  snprintf(spelled, sizeof spelled, "@%s", path);
  return spelled;
}
#define FILE_OF(content) file((content), sizeof(content) - 1)

static void refused(tr_ctx *ctx, const char *name, const char *value, const char *word) {
  values v;
  tr_status status = parse(ctx, name, value, &v);
  CHECK_ERROR(ctx, status, status == TR_E_IO ? TR_E_IO : TR_E_ARG, word);
  CHECK(v.labels.v == NULL && v.labels.n == 0);
  tr_options_free(&table, &v);
}

static void files(tr_ctx *ctx) {
  values v;
  CHECK_OK(ctx, parse(ctx, "--labels", FILE_OF("3, 1,4\n\n1 5 # 9\r\n\t2"), &v));
  CHECK(v.labels.n == 6 && v.labels.v[0] == 3 && v.labels.v[3] == 1 && v.labels.v[4] == 5 &&
        v.labels.v[5] == 2);
  CHECK(v.labels.given && strcmp(v.labels.given, spelled) == 0);
  tr_options_free(&table, &v);
  refused(ctx, "--labels", FILE_OF("1\n2 x\n"),
          "labels.txt:2: --labels 'x' is not right: use whole numbers >= 0");
  refused(ctx, "--labels", FILE_OF("1\n-2\n"), "labels.txt:2: --labels '-2' is not right");
  refused(ctx, "--labels", FILE_OF("1\n2.5"), "labels.txt:2");
  refused(ctx, "--labels", FILE_OF("1\n2\0 3"), "labels.txt:2: the line has a NUL");
  refused(ctx, "--labels", FILE_OF("# nothing\n\n"), "the file holds no numbers");
  refused(ctx, "--labels", "@/no/such/file", "'/no/such/file' cannot be read: No such file");
  refused(ctx, "--plain", FILE_OF("1"), "use whole numbers");
}

/* More than an argument of the system holds, all in one line. */
static void many(tr_ctx *ctx) {
  enum { N = 50000 };
  char *content = malloc(5 * N + 1);
  size_t used = 0;
  values v;
  CHECK(content != NULL);
  for (int i = 0; i < N; i++) used += (size_t)sprintf(content + used, "%d,", i % 1000);
  CHECK_OK(ctx, parse(ctx, "--labels", file(content, used), &v));
  CHECK(v.labels.n == N && v.labels.v[0] == 0 && v.labels.v[49999] == 999 && v.labels.v[1234] == 234);
  tr_options_free(&table, &v);
  free(content);
}

static void words(tr_ctx *ctx) {
  values v;
  CHECK_OK(ctx, parse(ctx, "--labels", "balanced", &v));
  CHECK(v.labels.n == 0 && !v.labels.v && strcmp(v.labels.given, "balanced") == 0);
  tr_options_free(&table, &v);
  CHECK_OK(ctx, parse(ctx, "--labels", "1,2", &v));
  CHECK(v.labels.n == 2 && !v.labels.given);
  tr_options_free(&table, &v);
  refused(ctx, "--labels", "ballanced", "did you mean 'balanced'?");
  refused(ctx, "--plain", "random", "use whole numbers");
}

/* The largest number there is stands in the message. */
static void limits(tr_ctx *ctx) {
  values v;
  CHECK_OK(ctx, parse(ctx, "--seed", "9223372036854775807", &v));
  CHECK(v.seed == LONG_MAX);
  refused(ctx, "--seed", "18446744073709551615", "use a whole number from 0 to 9223372036854775807");
  refused(ctx, "--plain", "1,-9223372036854775809", "from -9223372036854775807 to 9223372036854775807");
  refused(ctx, "--seed", "-1", "use a whole number >= 0");
}

static void help(tr_ctx *ctx) {
  char text[2000] = "";
  FILE *out = fmemopen(text, sizeof text - 1, "w");
  CHECK(out != NULL);
  tr_options_help(ctx, &table, out);
  fclose(out);
  CHECK(strstr(text, "--labels L1,L2,...|@FILE"));
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  files(ctx);
  many(ctx);
  words(ctx);
  limits(ctx);
  help(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
