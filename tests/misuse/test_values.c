/* Wrong values: every public function with each of its structs zeroed, each number below or beyond what there
 * is, each enumeration out of it, while all else is right (values.py writes the calls). None crashes or goes
 * on for ever: each call is made in a process of its own. One that returns a status gives TR_OK or an error
 * with one line, and for a number or an enumeration that is below all that there is, an error. */
#include <limits.h>
#include <math.h>
#include <transit.h>
#include <unistd.h>

#include "tests/misuse/child.h"
#include "tests/misuse/valid.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static _Alignas(64) unsigned char nothing_at_all[1 << 21], zeroed[1 << 16];
static void *result[4]; /* what a function makes */
#define zeros  ((void *)(nothing_at_all + sizeof nothing_at_all / 2))
#define nought ((void *)zeroed) /* in the place of a struct */
#define made   ((void *)result)

static int agree(void) {
  return 0;
}

/* The calls, and a table of them. */
#define STATUS(function, argument, what, strict, call)                                                       \
  static tr_status call_##function##_##argument##_##what(void) {                                             \
    return call;                                                                                             \
  }
#define OTHER(function, argument, what, strict, call)                                                        \
  static tr_status call_##function##_##argument##_##what(void) {                                             \
    (void)call;                                                                                              \
    return TR_OK;                                                                                            \
  }
#define MISSING(function, type)
#include "tests/misuse/values.inc"
#undef STATUS
#undef OTHER

typedef struct {
  const char *name; /* "FUNCTION, ARGUMENT WHAT" */
  tr_status (*call)(void);
  bool must_fail;
} misuse;
static const misuse table[] = {
#define STATUS(function, argument, what, strict, call)                                                       \
  {#function ", " #argument " " #what, call_##function##_##argument##_##what, strict},
#define OTHER(function, argument, what, strict, call)                                                        \
  {#function ", " #argument " " #what, call_##function##_##argument##_##what, false},
#include "tests/misuse/values.inc"
#undef STATUS
#undef OTHER
#undef MISSING
};

/* Functions that take an opaque object of which valid.h has none: give it one. */
static const char *const missing[] = {
#define STATUS(function, argument, what, strict, call)
#define OTHER(function, argument, what, strict, call)
#define MISSING(function, type) #function " takes a " #type ", which valid.h does not have",
#include "tests/misuse/values.inc"
    NULL};

/* The error goes to the context, or where there is none to the thread. */
static const char *message_of(tr_status status) {
  const tr_error *error = tr_ctx_error(valid.tr_ctx);
  if (error->status != status) error = tr_ctx_error(NULL);
  return error->status == status ? error->message : "";
}

static bool judge(const void *user) {
  const misuse *m = user;
  tr_ctx_clear(NULL);
  tr_status status = m->call();
  const char *message = status == TR_OK ? "" : message_of(status);
  if (status == TR_OK ? !m->must_fail : *message && !strchr(message, '\n')) return true;
  fprintf(stderr, "%s: %s '%s'\n", m->name, tr_status_name(status), message);
  return false;
}

static bool is_sound(const misuse *m) {
  return child_says_yes(judge, m, m->name);
}

/* Each of the calls of child.h must be noticed. */
static void self_test(void) {
  static const misuse bad[] = {{"crash", misuse_crash, false},
                               {"accept", misuse_accept, true},
                               {"mute", misuse_say_nothing, false}},
                      good = {"accept", misuse_accept, false};
  for (int i = 0; i < 3; i++) CHECK(!is_sound(&bad[i]));
  CHECK(is_sound(&good));
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK(chdir(scratch(".")) == 0); /* for files that are made */
  valid_open(ctx);
  self_test();
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) CHECK(is_sound(&table[i]));
  for (int i = 0; missing[i]; i++) check_true(false, missing[i], "tests/misuse/valid.h", 0);
  valid_close();
  tr_ctx_close(&ctx);
  return check_report();
}
