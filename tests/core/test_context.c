/* Contexts: devices by name, the latched first error, warnings, threads, interruption. */
#include <string.h>

#include "core/backend.h"
#include "tests/support/check.h"

static void devices(void) {
  static const char *const good[] = {"cpu", "guard", "auto", "cpu:0", "guard:0"};
  static const char *const bad[] = {"",
                                    "CPU",
                                    "cpu:1",
                                    "cpu:",
                                    "cpu:x",
                                    "cpu:0x",
                                    "cpu:-1",
                                    "cpu: 0",
                                    "guard:7",
                                    "gpu",
                                    "cp",
                                    "cpuu",
                                    "auto:0",
                                    "cpu:99999999999999999999",
                                    "a-name-that-is-longer-than-any-device-that-was-ever-built"};
  tr_ctx *ctx;
  tr_error error;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    memset(&error, 1, sizeof error);
    CHECK(tr_ctx_open(good[i], 5, &ctx, &error) == TR_OK && ctx && error.status == TR_OK);
    if (!ctx) continue;
    CHECK(tr_ctx_seed(ctx) == 5 && tr_ctx_threads(ctx) >= 1 && !tr_ctx_failed(ctx));
    CHECK(strcmp(good[i], "auto") == 0 || strcmp(tr_ctx_resource(ctx), good[i]) == 0);
    tr_ctx_close(&ctx);
    CHECK(ctx == NULL);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(tr_ctx_open(bad[i], 5, &ctx, &error) == TR_E_ARG && !ctx && error.status == TR_E_ARG);
    CHECK(strstr(error.message, "use cpu") || strstr(error.message, "use guard"));
    CHECK(tr_ctx_open(bad[i], 5, &ctx, NULL) == TR_E_ARG);
  }
  tr_ctx_close(&ctx); /* NULL is fine */
}

/* A choice that was left to the library is told; one that was not has nothing to tell. */
static void choice(void) {
  tr_ctx *ctx;
  tr_error error;
  CHECK(tr_ctx_open("auto", 1, &ctx, &error) == TR_OK && strcmp(tr_ctx_resource(ctx), "auto") != 0);
  if (strcmp(tr_ctx_resource(ctx), "cpu") == 0)
    CHECK(strstr(tr_ctx_passed_over(ctx), "CUDA") || strstr(tr_ctx_passed_over(ctx), "cuda"));
  tr_ctx_close(&ctx);
  CHECK(tr_ctx_open("cpu", 1, &ctx, &error) == TR_OK && *tr_ctx_passed_over(ctx) == 0);
  tr_ctx_close(&ctx);
  CHECK(*tr_ctx_passed_over(NULL) == 0);
  /* A device that is not there is no error of spelling. */
  CHECK(tr_ctx_open("cuda:1023", 1, &ctx, &error) == TR_E_DEVICE && !ctx);
  CHECK(strstr(error.message, "cuda:1023"));
  CHECK(tr_ctx_open("cuda:x", 1, &ctx, &error) == TR_E_ARG &&
        tr_ctx_open("cuda:", 1, &ctx, &error) == TR_E_ARG);
  CHECK(tr_ctx_open("cpu:auto", 1, &ctx, &error) == TR_E_ARG);
}

static void backends(void) {
  int n = 0;
  for (const tr_backend *const *b = tr_backends(); *b; b++, n++) {
    CHECK((*b)->abi == TR_BACKEND_ABI && (*b)->name && (*b)->summary && (*b)->open && (*b)->close);
    CHECK((*b)->mem && (*b)->mem->alloc && (*b)->mem->release && (*b)->mem->upload && (*b)->mem->download &&
          (*b)->mem->copy);
    CHECK((*b)->vec && (*b)->vec->program && (*b)->vec->watch && (*b)->vec->wait && (*b)->vec->slot &&
          (*b)->vec->randn && (*b)->vec->randn_sums && (*b)->vec->blend_channels && (*b)->vec->dot_rows);
  }
  CHECK(n >= 2);
}

static void latching(tr_ctx *ctx) {
  CHECK(tr_ctx_error(ctx)->status == TR_OK && *tr_ctx_error(ctx)->message == 0);
  CHECK(TR_FAIL(ctx, TR_E_SHAPE, "first %d", 1) == TR_E_SHAPE);
  int line = __LINE__ - 1;
  CHECK(TR_FAIL(ctx, TR_E_IO, "second") == TR_E_IO); /* returned, not kept */
  CHECK(tr_ctx_failed(ctx) && tr_ctx_error(ctx)->status == TR_E_SHAPE && tr_ctx_error(ctx)->line == line);
  CHECK(strcmp(tr_ctx_error(ctx)->message, "first 1") == 0 &&
        strstr(tr_ctx_error(ctx)->file, "test_context"));
  tr_ctx_clear(ctx);
  CHECK(!tr_ctx_failed(ctx) && *tr_ctx_error(ctx)->message == 0);
  CHECK(TR_FAIL(ctx, TR_OK, "no error") == TR_OK && !tr_ctx_failed(ctx));
  char longer[2000];
  memset(longer, 'x', sizeof longer - 1), longer[sizeof longer - 1] = 0;
  CHECK(TR_FAIL(ctx, TR_E_ARG, "%s", longer) == TR_E_ARG);
  CHECK(strlen(tr_ctx_error(ctx)->message) == sizeof tr_ctx_error(ctx)->message - 1);
  tr_ctx_clear(ctx);
  /* Names out of files may hold anything; a message stays one line and moves no terminal. */
  CHECK(TR_FAIL(ctx, TR_E_ARG, "no '%s'", "a\nb\x1b[2J\tc\x7f") == TR_E_ARG);
  CHECK(strcmp(tr_ctx_error(ctx)->message, "no 'a?b?[2J?c?'") == 0);
  tr_ctx_clear(ctx);
  CHECK(TR_FAIL(ctx, TR_E_ARG, "caf\xc3\xa9") == TR_E_ARG); /* UTF-8 passes */
  CHECK(strcmp(tr_ctx_error(ctx)->message, "caf\xc3\xa9") == 0);
  tr_ctx_clear(ctx);
}

/* Where there is no context, the thread keeps the latest error; what needs none answers for nothing. */
static void without_context(void) {
  tr_ctx *ctx;
  CHECK(tr_ctx_open("nowhere", 1, &ctx, NULL) == TR_E_ARG);
  CHECK(strstr(tr_ctx_error(NULL)->message, "no device 'nowhere'") && !tr_ctx_failed(NULL));
  CHECK(tr_ctx_open(NULL, 1, &ctx, NULL) == TR_E_ARG && ctx == NULL);
  CHECK(strcmp(tr_ctx_error(NULL)->message, "tr_ctx_open: resource is NULL") == 0);
  CHECK(tr_ctx_open("cpu", 1, NULL, NULL) == TR_E_ARG);
  CHECK(strcmp(tr_ctx_error(NULL)->message, "tr_ctx_open: out is NULL") == 0);
  CHECK(TR_FAIL(NULL, TR_E_IO, "newer") == TR_E_IO && tr_ctx_error(NULL)->status == TR_E_IO);
  tr_ctx_clear(NULL);
  CHECK(tr_ctx_error(NULL)->status == TR_OK && *tr_ctx_error(NULL)->message == 0);
  CHECK(tr_ctx_set_threads(NULL, 1) == TR_E_ARG && tr_ctx_check_interrupt(NULL, 0.5) == TR_E_ARG);
  CHECK(strcmp(tr_ctx_error(NULL)->message, "tr_ctx_check_interrupt: ctx is NULL") == 0);
  CHECK(tr_ctx_seed(NULL) == 0 && tr_ctx_memory(NULL) == 0 && *tr_ctx_resource(NULL) == 0);
  tr_ctx_close(NULL);
}

static void keep(const char *message, void *user) {
  snprintf(user, 64, "%s", message);
}

static void warnings(tr_ctx *ctx) {
  char last[64] = "";
  tr_ctx_warn(ctx, "dropped");
  tr_ctx_on_warning(ctx, keep, last);
  tr_ctx_warn(ctx, "rtol %g\nis small", 0.5);
  CHECK(strcmp(last, "rtol 0.5?is small") == 0);
  tr_ctx_on_warning(ctx, NULL, NULL);
  tr_ctx_warn(ctx, "dropped");
  CHECK(strcmp(last, "rtol 0.5?is small") == 0 && !tr_ctx_failed(ctx));
}

static void settings(tr_ctx *ctx) {
  volatile sig_atomic_t flag = 0;
  CHECK(!tr_ctx_interrupted(ctx));
  tr_ctx_set_interrupt(ctx, &flag);
  CHECK(!tr_ctx_interrupted(ctx));
  flag = 1;
  CHECK(tr_ctx_interrupted(ctx));
  tr_ctx_set_interrupt(ctx, NULL);
  CHECK(!tr_ctx_interrupted(ctx));
  CHECK_OK(ctx, tr_ctx_set_threads(ctx, 3));
  CHECK(tr_ctx_threads(ctx) == 3);
  CHECK_ERROR(ctx, tr_ctx_set_threads(ctx, 0), TR_E_ARG, "threads 0");
  CHECK_ERROR(ctx, tr_ctx_set_threads(ctx, -2), TR_E_ARG, "threads -2");
  CHECK_ERROR(ctx, tr_ctx_set_threads(ctx, 5000), TR_E_ARG, "4096");
  CHECK(tr_ctx_threads(ctx) == 3);
}

static void names(void) {
  CHECK(strcmp(tr_status_name(TR_OK), "TR_OK") == 0);
  CHECK(strcmp(tr_status_name(TR_E_INTERRUPTED), "TR_E_INTERRUPTED") == 0);
  CHECK(strcmp(tr_status_name((tr_status)99), "TR_E_?") == 0);
}

int main(void) {
  devices();
  choice();
  backends();
  without_context();
  names();
  tr_ctx *ctx = check_context(0, NULL);
  latching(ctx);
  warnings(ctx);
  settings(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
