/* Contexts side by side: on two devices where there are as many, asked in turns, and from another thread than
 * the one that opened them. */
/* TR_TEST_RESOURCES */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"

enum { COUNT = 1000 };

/* Allocates, launches, waits and copies. */
static void use(tr_ctx *ctx) {
  const int64_t n = COUNT;
  double sum = 0, host[COUNT];
  tr_array *a = NULL;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, &n, &a));
  if (!a) return;
  CHECK_OK(ctx, tr_fill(3, a));
  CHECK_OK(ctx, tr_reduce(TR_SUM, a, NULL, NULL, &sum));
  CHECK(sum == 3 * COUNT);
  CHECK_OK(ctx, tr_array_download(a, host));
  CHECK(host[0] == 3 && host[COUNT - 1] == 3);
  CHECK(tr_ctx_device_memory(ctx).available >= 0);
  tr_array_destroy(&a);
}

static void *use_on_thread(void *ctx) {
  use(ctx);
  return NULL;
}

/* "cuda:1" of "cuda:0"; where there is none, the same again. */
static void open_second(const char *first, tr_ctx **out) {
  char name[32];
  tr_error error;
  snprintf(name, sizeof name, "%.*s:1", (int)strcspn(first, ":"), first);
  if (tr_ctx_open(name, 2, out, &error) != TR_OK) CHECK(tr_ctx_open(first, 2, out, &error) == TR_OK);
}

int main(int argc, char **argv) {
  tr_ctx *one, *other = NULL;
  pthread_t thread;
  setenv("SIMT_DEVICES", "2", 1); /* of the emulator */
  one = check_context(argc, argv);
  open_second(tr_ctx_resource(one), &other);
  CHECK(!emulated(one) || strcmp(tr_ctx_resource(one), tr_ctx_resource(other)) != 0);
  for (int i = 0; i < 2; i++) use(one), use(other);
  for (int i = 0; i < 2; i++) {
    CHECK(pthread_create(&thread, NULL, use_on_thread, i ? one : other) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  tr_ctx_close(&one);
  use(other);
  tr_ctx_close(&other);
  return check_report();
}
