/* Text files of numbers: lines of any length, comments of any length, no NUL, and the line's number in every
 * error. */
#include <stdlib.h>

#include "core/io/columns_private.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const char *path;

static void text(const char *content, size_t size) {
  path = scratch("numbers");
  write_whole(path, content, size);
}

#define HOLDS(ctx, content, columns, n, ...)                                                                 \
  holds((ctx), (content), sizeof(content) - 1, (columns), (n), (const double[]){__VA_ARGS__})
#define REFUSED(ctx, content, columns, word) refused((ctx), (content), sizeof(content) - 1, (columns), (word))

static void holds(tr_ctx *ctx, const char *content, size_t size, int columns, int n, const double *want) {
  double *values;
  int rows = 0;
  text(content, size);
  CHECK_OK(ctx, tr_read_columns(ctx, path, columns, 1, &values, &rows));
  CHECK(rows == n);
  CHECK(values && rows == n && memcmp(values, want, (size_t)(n * columns) * sizeof *want) == 0);
  free(values);
}

static void refused(tr_ctx *ctx, const char *content, size_t size, int columns, const char *word) {
  double *values;
  int rows;
  text(content, size);
  CHECK_ERROR(ctx, tr_read_columns(ctx, path, columns, 1, &values, &rows), TR_E_IO, word);
  CHECK(values == NULL);
}

static void plain(tr_ctx *ctx) {
  HOLDS(ctx, "0\n0.5\n1", 1, 3, 0, 0.5, 1);
  HOLDS(ctx, "time value\n0, 2 # noise\r\n\n 1\t3\r\n", 2, 2, 0, 2, 1, 3);
  HOLDS(ctx,
        "\xef\xbb\xbf"
        "0\n1\n",
        1, 2, 0, 1);
  REFUSED(ctx, "0\n1 2\n", 1, "numbers:2: expected one number, '1 2' is not that");
  REFUSED(ctx, "0\nt\n", 1, "numbers:2: expected one number");
  REFUSED(ctx, "", 1, "0 lines of one number");
  REFUSED(ctx, "0\n\x1b[31m caf\xc3\xa9 and many more words, which are cut\n", 1,
          "'?[31m caf\xc3\xa9 and many more words, whic...'");
}

static void nul(tr_ctx *ctx) {
  REFUSED(ctx, "0\n0.5\0 7 8\n1\n", 1, "numbers:2: the line has a NUL");
  REFUSED(ctx, "0\n0.5 # so\0 0.7\n1\n", 1, "numbers:2: the line has a NUL");
  REFUSED(ctx, "0\n\0", 1, "numbers:2: the line has a NUL");
}

/* A comment and blanks before a number that are longer than any buffer there was. */
static void lengths(tr_ctx *ctx) {
  static char content[70000];
  for (int length = 1000; length <= 66000; length = length < 1100 ? length + 1 : length + 64900) {
    int used = snprintf(content, sizeof content, "0 #");
    memset(content + used, 'x', (size_t)length);
    used += length;
    used += snprintf(content + used, sizeof content - (size_t)used, "0.3\n0.5\n1\n");
    holds(ctx, content, (size_t)used, 1, 3, (const double[]){0, 0.5, 1});
  }
  memset(content, ' ', 66000);
  snprintf(content + 66000, sizeof content - 66000, "0.25\n1\n");
  holds(ctx, content, 66007, 1, 2, (const double[]){0.25, 1});
  snprintf(content + 66000, sizeof content - 66000, "0 0.25\n1\n");
  refused(ctx, content, 66009, 1, "numbers:1: expected one number, '0 0.25' is not that");
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  plain(ctx);
  nul(ctx);
  lengths(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
