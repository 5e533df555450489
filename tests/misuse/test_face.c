/* NULL where no NULL is allowed: every public function, with each of its pointers NULL in turn (cases.py
 * writes the calls). One that returns a status gives TR_E_ARG and one line that names function and argument,
 * and its result is NULL; the others do nothing, or return nothing. None crashes: each call is made in a
 * process of its own. */
#include <transit.h>
#include <unistd.h>

#include "tests/misuse/child.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static tr_ctx *ctx;
static tr_array *array;
static _Alignas(64) unsigned char nothing_at_all[1 << 16];
static void *result; /* what a function makes */
#define zeros ((void *)nothing_at_all)
#define made  ((void *)&result)

static void nothing(void) {}

/* The calls, and a table of them. */
#define STATUS(function, argument, makes, told, call)                                                        \
  static tr_status call_##function##_##argument(void) {                                                      \
    return call;                                                                                             \
  }
#define OTHER(function, argument, call)                                                                      \
  static tr_status call_##function##_##argument(void) {                                                      \
    (void)call;                                                                                              \
    return TR_OK;                                                                                            \
  }
#include "tests/misuse/cases.inc"
#undef STATUS
#undef OTHER

typedef struct {
  const char *function, *argument;
  tr_status (*call)(void);
  bool returns_status, makes; /* a status; something, through `out` */
  bool told;                  /* among the arguments is a context, or an array of one: the error goes there */
} misuse;
static const misuse table[] = {
#define STATUS(function, argument, makes, told, call)                                                        \
  {#function, #argument, call_##function##_##argument, true, makes, told},
#define OTHER(function, argument, call)                                                                      \
  {#function, #argument, call_##function##_##argument, false, false, false},
#include "tests/misuse/cases.inc"
#undef STATUS
#undef OTHER
};

static bool names(const char *message, const misuse *m) {
  char expected[200];
  int length = snprintf(expected, sizeof expected, "%s: %s is NULL", m->function, m->argument);
  return strncmp(message, expected, (size_t)length) == 0 && !strchr(message, '\n');
}

static bool judge(const void *user) {
  const misuse *m = user;
  tr_ctx_clear(NULL);
  result = nothing_at_all;
  tr_status status = m->call();
  const char *message = tr_ctx_error(m->told ? ctx : NULL)->message;
  bool defined = !m->makes || !result;
  if (!m->returns_status || (status == TR_E_ARG && names(message, m) && defined)) return true;
  fprintf(stderr, "%s without %s: %s '%s'%s\n", m->function, m->argument, tr_status_name(status), message,
          defined ? "" : ", its result is not NULL");
  return false;
}

static bool is_sound(const misuse *m) {
  char what[200];
  snprintf(what, sizeof what, "%s without %s", m->function, m->argument);
  return child_says_yes(judge, m, what);
}

/* Each of the calls of child.h must be noticed. */
static void self_test(void) {
  static const misuse bad[] = {{"crash", "x", misuse_crash, true, false, false},
                               {"accept", "x", misuse_accept, true, false, false},
                               {"mute", "x", misuse_say_nothing, true, false, false}};
  for (int i = 0; i < 3; i++) CHECK(!is_sound(&bad[i]));
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  CHECK(chdir(scratch(".")) == 0); /* a file that should not be made would be made there */
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){2, 3}, &array));
  self_test();
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) CHECK(is_sound(&table[i]));
  CHECK(scratch_entries() == 0);
  tr_array_destroy(&array);
  tr_ctx_close(&ctx);
  return check_report();
}
