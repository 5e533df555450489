#include "tests/support/check.h"

#include <stdlib.h>

#include "core/backend.h"

int check_count, check_failures;

static bool count(bool ok) {
  check_count++;
  check_failures += !ok;
  return ok;
}

void check_true(bool ok, const char *text, const char *file, int line) {
  if (!count(ok)) fprintf(stderr, "%s:%d: not true: %s\n", file, line, text);
}

void check_near(double got, double want, double tolerance, const char *text, const char *file, int line) {
  if (!count(fabs(got - want) <= tolerance))
    fprintf(stderr, "%s:%d: %s is %.17g, expected %.17g within %g (off by %g)\n", file, line, text, got, want,
            tolerance, got - want);
}

void check_ok(tr_ctx *ctx, tr_status status, const char *text, const char *file, int line) {
  if (!count(status == TR_OK))
    fprintf(stderr, "%s:%d: %s gave %s: %s\n", file, line, text, tr_status_name(status),
            ctx ? tr_ctx_error(ctx)->message : "");
}

void check_error(tr_ctx *ctx, tr_status status, tr_status want, const char *word, const char *text,
                 const char *file, int line) {
  const char *message = tr_ctx_error(ctx)->message;
  if (!count(status == want && (!word || strstr(message, word))))
    fprintf(stderr, "%s:%d: %s gave %s \"%s\", expected %s with \"%s\"\n", file, line, text,
            tr_status_name(status), message, tr_status_name(want), word ? word : "");
  tr_ctx_clear(ctx);
}

tr_ctx *check_context(int argc, char **argv) {
  tr_ctx *ctx;
  tr_error error;
  if (tr_ctx_open(argc > 1 ? argv[1] : "cpu", 1, &ctx, &error) != TR_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  return ctx;
}

bool promises(const tr_ctx *ctx, unsigned promise) {
  return (tr_ctx_backend(ctx)->promises & promise) == promise;
}

bool emulated(const tr_ctx *ctx) {
  return strcmp(tr_ctx_backend(ctx)->name, "emulated") == 0;
}

double check_relative(const double *a, const double *b, int64_t n) {
  double difference = 0, scale = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(fabs(a[i] - b[i]) <= difference)) difference = fabs(a[i] - b[i]);
    if (fabs(b[i]) > scale) scale = fabs(b[i]);
  }
  return scale > 0 ? difference / scale : difference;
}

double check_rms(const double *a, const double *b, int64_t n) {
  double apart = 0, size = 0;
  for (int64_t i = 0; i < n; i++) apart += (a[i] - b[i]) * (a[i] - b[i]), size += b[i] * b[i];
  return sqrt(apart / size);
}

int check_report(void) {
  printf("%d passed, %d failed\n", check_count - check_failures, check_failures);
  return check_failures || check_count == 0;
}
