/* The guard device: memory that only operations can touch. A child process that dereferences it dies. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/vec/vec.h"
#include "tests/support/check.h"

/* Whether reading (or writing) the byte at `address` kills a child by a segmentation fault. */
static bool faults(volatile char *address, bool writing) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL); /* AddressSanitizer has its own handler */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (writing)
      *address = 1;
    else
      (void)*address;
    _exit(0);
  }
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* First and last byte of an array are out of reach. */
static bool locked(const tr_array *a) {
  char *data = a->data;
  size_t last = (size_t)a->count * tr_dtype_size(a->dtype) - 1;
  return faults(data, false) && faults(data, true) && faults(data + last, false);
}

int main(void) {
  enum { N = 3000 }; /* several pages */
  char plain = 0;
  double x[N] = {0}, sum;
  tr_ctx *ctx = check_context(2, (char *[]){"", "guard"});
  tr_array *a, *b;
  CHECK(!faults(&plain, true)); /* the probe tells the two apart */
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 2, (int64_t[]){3, N / 3}, &a));
  CHECK(locked(a));
  CHECK_OK(ctx, tr_array_like(a, &b));
  CHECK_OK(ctx, tr_array_upload(a, x));
  CHECK(locked(a));
  CHECK_OK(ctx, tr_array_download(a, x));
  CHECK(locked(a));
  CHECK_OK(ctx, tr_array_copy(a, b));
  CHECK(locked(a) && locked(b));
  CHECK_OK(ctx, tr_axpby(2, a, 3, b, b));
  CHECK(locked(a) && locked(b));
  CHECK_OK(ctx, tr_map(TR_MAP_MUL, 0, a, b, b));
  CHECK(locked(a) && locked(b));
  CHECK_OK(ctx, tr_reduce(TR_SUM_XY, a, b, NULL, &sum));
  CHECK(locked(a) && locked(b));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 1, .purpose = TR_RANDOM_TEST}, a));
  CHECK(locked(a));
  tr_array view = tr_rows(a, 1, 1); /* shares its pages with the other rows */
  CHECK_OK(ctx, tr_fill(1, &view));
  CHECK(locked(&view) && locked(a));
  CHECK_OK(ctx, tr_array_copy(&view, &view));
  CHECK(locked(a));
  CHECK(locked(a)); /* a view frees nothing */
  tr_array_destroy(&a);
  tr_array_destroy(&b);
  tr_ctx_close(&ctx);
  return check_report();
}
