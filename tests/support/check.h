/* Assertions of the tests. A failure prints file, line and values and goes on; check_report() gives main's
 * status. */
#ifndef TR_TESTS_CHECK_H
#define TR_TESTS_CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/array.h"

extern int check_count, check_failures;

void check_true(bool ok, const char *text, const char *file, int line);
void check_near(double got, double want, double tolerance, const char *text, const char *file, int line);
void check_ok(tr_ctx *ctx, tr_status status, const char *text, const char *file, int line);
/* The status is `want`, and the latched message contains `word` (NULL: any); clears the context. */
void check_error(tr_ctx *ctx, tr_status status, tr_status want, const char *word, const char *text,
                 const char *file, int line);

#define CHECK(cond) check_true((cond), #cond, __FILE__, __LINE__)
#define CHECK_NEAR(got, want, tol)                                                                           \
  check_near((got), (want), (tol), #got, __FILE__, __LINE__) /* |got - want| <= tol */
#define CHECK_OK(ctx, call) check_ok((ctx), (call), #call, __FILE__, __LINE__)
#define CHECK_ERROR(ctx, call, want, word)                                                                   \
  check_error((ctx), (call), (want), (word), #call, __FILE__, __LINE__)

/* Opens the context named by argv[1] (default "cpu") or ends the program with status 1. */
tr_ctx *check_context(int argc, char **argv);

/* Whether the context's backend promises that of its bits (core/backend.h, TR_BACKEND_...): what a test
 * compares bit for bit only then. */
bool promises(const tr_ctx *ctx, unsigned promise);

/* Whether the device is the emulator, of which each thread is a fiber: large cases are left to the others. */
bool emulated(const tr_ctx *ctx);

/* max |a - b| / max |b| over n values. */
double check_relative(const double *a, const double *b, int64_t n);

/* The root of the mean square of a - b over that of b. */
double check_rms(const double *a, const double *b, int64_t n);

/* Prints the closing line "N passed, M failed" and returns 0 when nothing failed and something was checked.
 */
int check_report(void);

#endif
