/* Text from outside is shown as one line of valid UTF-8 that moves no terminal, and never cut within a
 * character; so are errors and warnings of a context. */
#include "core/text.h"

#include <math.h>

#include "tests/support/check.h"

#define SHOWN(text, size, want) shown((text), sizeof(text) - 1, (size), (want), __LINE__)

static void shown(const char *text, size_t length, size_t size, const char *want, int line) {
  char out[64];
  memset(out, 'x', sizeof out);
  const char *got = tr_text_show(text, length, out, size);
  if (got != out || strcmp(out, want) != 0) printf("line %d: '%s'\n", line, out);
  CHECK(got == out && strcmp(out, want) == 0);
  CHECK(size == sizeof out || out[size] == 'x');
  CHECK(strlen(want) <= length);
}

static void characters(void) {
  SHOWN("", 64, "");
  SHOWN("plain text ~", 64, "plain text ~");
  SHOWN("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d", 64, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d");
  SHOWN("a\x1b[31mb\nc\r\td\x7f", 64, "a?[31mb?c??d?");
  SHOWN("a\0b", 64, "a?b");
  SHOWN("\xc2\x9b"
        "31m \xc2\x80 \xc2\x9f \xc2\xa0",
        64, "?31m ? ? \xc2\xa0"); /* C1, and the first character after them */
  SHOWN("\x9b\xff\xfe", 64, "???");
  SHOWN("a\xe2\x80\xa8z\xe2\x80\xa9 \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\x8f", 64, "a?z? ? ? ?");
  SHOWN("\xc0\x80 \xe0\x80\x9b \xf0\x80\x80\x9b", 64, "?? ??? ????"); /* overlong */
  SHOWN("\xed\xa0\x80 \xf4\x90\x80\x80 \xf5\x80", 64,
        "??? ???? ??"); /* a surrogate, past the last, no lead byte */
  SHOWN("caf\xc3", 64, "caf?");
  SHOWN("\xe2\x82z", 64, "??z");
  SHOWN("\xef\xbf\xbd\xee\x80\x80\xed\x9f\xbf", 64, "\xef\xbf\xbd\xee\x80\x80\xed\x9f\xbf");
}

static void cuts(void) {
  SHOWN("abcdefgh", 9, "abcdefgh");
  SHOWN("abcdefgh", 8, "abcd...");
  SHOWN("abc\xc3\xa9gh", 8, "abc\xc3\xa9gh");
  SHOWN("abc\xc3\xa9ghi", 8, "abc...");
  SHOWN("abcd\xc3\xa9hi", 8, "abcd...");
  SHOWN("\xf0\x9f\x8c\x8d\xf0\x9f\x8c\x8d", 8, "\xf0\x9f\x8c\x8d...");
  SHOWN("\xf0\x9f\x8c\x8d\xf0\x9f\x8c\x8d", 7, "...");
  CHECK(strcmp(TR_SHOW("caf\xc3\xa9 au lait", 8), "caf\xc3\xa9...") == 0);
  CHECK(strcmp(tr_text_show(NULL, 0, (char[4]){0}, 4), "") == 0);
}

static void utf8(void) {
  CHECK(tr_text_is_utf8("", 0) && tr_text_is_utf8("\x1b \xc3\xa9\xc2\x9b", 6));
  CHECK(!tr_text_is_utf8("\xc3", 1) && !tr_text_is_utf8("a\xff", 2) && !tr_text_is_utf8("\xed\xa0\x80", 3));
  CHECK(!tr_text_is_utf8(NULL, 0));
}

static char warned[600];

static void keep(const char *message, void *user) {
  (void)user;
  snprintf(warned, sizeof warned, "%s", message);
}

/* An error and a warning that end within characters of two and three bytes, and with what no line may hold.
 */
static void messages(tr_ctx *ctx) {
  char lng[1200] = "";
  for (int shift = 0; shift < 3; shift++) {
    memset(lng, 'a', (size_t)shift);
    for (size_t i = (size_t)shift; i + 3 < sizeof lng; i += 3) memcpy(lng + i, "\xe2\x82\xac", 4);
    TR_FAIL(ctx, TR_E_IO, "%s", lng);
    const char *message = tr_ctx_error(ctx)->message;
    CHECK(tr_text_is_utf8(message, strlen(message)));
    CHECK(strlen(message) > 500 && strcmp(message + strlen(message) - 3, "...") == 0);
    tr_ctx_clear(ctx);
    tr_ctx_on_warning(ctx, keep, NULL);
    tr_ctx_warn(ctx, "%s", lng);
    CHECK(tr_text_is_utf8(warned, strlen(warned)) && strlen(warned) > 500);
  }
  TR_FAIL(ctx, TR_E_IO, "'%s'", "a\x1b[31m\n\xc2\x9b\xff");
  CHECK(strcmp(tr_ctx_error(ctx)->message, "'a?[31m??"
                                           "?'") == 0);
  tr_ctx_clear(ctx);
  tr_ctx_warn(ctx, "'%s'", "a\x1b[31m\n\xc2\x9b\xff");
  CHECK(strcmp(warned, "'a?[31m??"
                       "?'") == 0);
}

static void endings(void) {
  CHECK(tr_text_ends_with("a.pt", ".pt") && tr_text_ends_with(".pt", ".pt") && tr_text_ends_with("a", ""));
  CHECK(!tr_text_ends_with("pt", ".pt") && !tr_text_ends_with("a.pth", ".pt") &&
        !tr_text_ends_with(NULL, ".pt") && !tr_text_ends_with("a", NULL));
}

static void formatted(const char *want, const char *format, ...) {
  char out[64];
  va_list args;
  va_start(args, format);
  tr_text_vshow(out, sizeof out, format, args);
  va_end(args);
  if (strcmp(out, want) != 0) printf("'%s' for '%s'\n", out, want);
  CHECK(strcmp(out, want) == 0);
}

/* Numbers that are none are written in one way, and names stay. */
static void numbers(void) {
  const double none = copysign(NAN, -1);
  formatted("nan", "%g", none);
  formatted("nan (nan), inf, -inf, -1", "%g (%g), %g, %g, %g", none, none, INFINITY, -INFINITY, -1.0);
  formatted("x=nan, [nan, nan]: -nano a-nan --nan", "x=%.3e, [%f, %g]: -nano a-nan --nan", none, none, none);
}

int main(int argc, char **argv) {
  characters();
  cuts();
  utf8();
  numbers();
  tr_ctx *ctx = check_context(argc, argv);
  messages(ctx);
  tr_ctx_close(&ctx);
  endings();
  return check_report();
}
