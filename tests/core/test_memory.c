/* Memory of arrays that is held: taken again by size, not counted while nobody has it, and let go at the end.
 * What does not fit into the machine beside what is held is refused, though the system would promise it. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "core/context_private.h"
#include "core/vec/vec.h"
#include "tests/support/check.h"
#include "tests/support/counts.h"

static int64_t allocated(tr_ctx *ctx, int64_t n) {
  tr_counts before = tr_ctx_counts(ctx);
  tr_array *a;
  double back = 0;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, &n, &a));
  CHECK_OK(ctx, tr_fill(2, a));
  CHECK_OK(ctx, tr_reduce(TR_SUM, a, NULL, NULL, &back));
  CHECK(back == 2 * (double)n && tr_ctx_memory(ctx) == 8 * n);
  tr_array_destroy(&a);
  CHECK(tr_ctx_memory(ctx) == 0);
  return counts_since(ctx, before).allocations;
}

/* Arrays of 3/8 of the machine, of which nothing is written. Systems that promise less refuse in other words.
 */
static void beyond_the_machine(tr_ctx *ctx) {
  struct sysinfo machine;
  tr_array *part[3] = {NULL};
  CHECK(sysinfo(&machine) == 0);
  const int64_t all = (int64_t)((machine.totalram + machine.totalswap) * machine.mem_unit), n = all / 32 * 3;
  tr_status status = TR_OK;
  for (int i = 0; i < 3 && status == TR_OK; i++) status = tr_array_create(ctx, TR_F32, 1, &n, &part[i]);
  CHECK_ERROR(ctx, status, TR_E_MEM,
              part[1] ? "GiB of this machine are held" : "out of memory for an array of");
  for (int i = 0; i < 3; i++) tr_array_destroy(&part[i]);
  CHECK(tr_ctx_memory(ctx) == 0);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK(allocated(ctx, 10) == 1 && allocated(ctx, 10) == 1);
  tr_memory_hold(ctx);
  CHECK(allocated(ctx, 10) == 1 && allocated(ctx, 10) == 0);
  CHECK(allocated(ctx, 11) == 1 && allocated(ctx, 10) == 0 && allocated(ctx, 11) == 0);
  tr_memory_hold(ctx);
  for (int64_t n = 100; n < 140; n++) CHECK(allocated(ctx, n) == 1);
  tr_memory_let_go(ctx);
  for (int64_t n = 139; n >= 100; n--) CHECK(allocated(ctx, n) == 0);
  CHECK(allocated(ctx, 0) == 1 && allocated(ctx, 0) == 0);
  tr_memory_let_go(ctx);
  CHECK(allocated(ctx, 10) == 1 && allocated(ctx, 100) == 1);
  tr_memory_hold(ctx); /* two at a time are two */
  tr_array *a, *b;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){5}, &a));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){5}, &b));
  CHECK(a->data != b->data);
  tr_array_destroy(&a);
  tr_array_destroy(&b);
  tr_memory_let_go(ctx);
  if (strcmp(tr_ctx_backend(ctx)->name, "cpu") == 0) beyond_the_machine(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
