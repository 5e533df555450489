/* The table of network operations: every backend has what it must, and no operation can be brought down by
 * operands that are missing, foreign or empty. All made from the list of operations, so a new one is in. */
#include "core/nn/ops_private.h"
#include "tests/support/check.h"

/* TR_TEST_RESOURCES */

enum { REQUIRED, OPTIONAL };

static void check_table(const tr_backend *backend, const tr_nn_ops *nn) {
  CHECK(nn->rows_at_once && nn->weight_create && nn->weight_set && nn->weight_destroy);
#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  if (need == REQUIRED || backend == &tr_backend_cpu || backend == &tr_backend_guard) CHECK(nn->op != NULL);
#include "core/nn/ops.def"
#undef TR_NN_OP
}

static void tables(void) {
  int found = 0;
  for (const tr_backend *const *b = tr_backends(); *b; b++) {
    CHECK((*b)->abi == TR_BACKEND_ABI);
    CHECK((*b)->mem->alloc && (*b)->mem->release && (*b)->mem->upload && (*b)->mem->download);
    CHECK((*b)->mem->copy && (*b)->mem->set_small);
    if ((*b)->nn) check_table(*b, (*b)->nn);
    found += (*b)->nn != NULL;
  }
  CHECK(found >= 2); /* cpu and guard */
}

/* One call of an operation on a struct of arguments. */
typedef tr_status (*call_fn)(const void *args);
#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  static tr_status call_##op(const void *args) {                                                             \
    return tr_nn_##op(args);                                                                                 \
  }
#include "core/nn/ops.def"
#undef TR_NN_OP

/* The i-th name of "(a->x, a->gate.table)". */
static void name_of(const char *list, int i, char *name, size_t size) {
  const char *at = strstr(list, "->") + 2;
  while (i-- > 0) at = strstr(at, "->") + 2;
  snprintf(name, size, "%.*s", (int)strcspn(at, ",)"), at);
}

static void put(void *place, const tr_array *a) {
  memcpy(place, &a, sizeof(tr_array *));
}

/* places[n]: where in args the operands are that have to be there. */
static void missing(tr_ctx *ctx, call_fn call, const void *args, const char *names, int n,
                    void *const *places, const tr_array *good, const tr_array *foreign) {
  const tr_array nothing = {.ctx = ctx};
  char name[48];
  CHECK(call(NULL) == TR_E_ARG && !tr_ctx_failed(ctx));
  for (int i = 0; i < n; i++) put(places[i], NULL);
  CHECK(call(args) == TR_E_ARG && !tr_ctx_failed(ctx)); /* nobody knows the context */
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < n; k++) put(places[k], k == i ? NULL : good);
    name_of(names, i, name, sizeof name - 4);
    strcat(name, " of ");
    if (n > 1) CHECK_ERROR(ctx, call(args), TR_E_ARG, name);
    put(places[i], &nothing);
    CHECK_ERROR(ctx, call(args), TR_E_SHAPE, "empty view");
    if (n == 1) continue;
    put(places[i], foreign);
    tr_ctx *heard = i == 0 ? foreign->ctx : ctx; /* the first operand's */
    CHECK_ERROR(heard, call(args), TR_E_SHAPE, "several contexts");
  }
}

/* The addresses of up to six operands. */
#define COUNT(...)                       COUNT_(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define COUNT_(a, b, c, d, e, f, n, ...) n
#define PLACES(...)                      PLACES_(COUNT(__VA_ARGS__), __VA_ARGS__)
#define PLACES_(n, ...)                  PLACES__(n, __VA_ARGS__)
#define PLACES__(n, ...)                 PLACES_##n(__VA_ARGS__)
#define PLACES_1(a)                      &a
#define PLACES_2(a, b)                   &a, &b
#define PLACES_3(a, b, c)                &a, &b, &c
#define PLACES_4(a, b, c, d)             &a, &b, &c, &d
#define PLACES_5(a, b, c, d, e)          &a, &b, &c, &d, &e
#define PLACES_6(a, b, c, d, e, f)       &a, &b, &c, &d, &e, &f

static void operands(tr_ctx *ctx) {
  tr_ctx *other;
  tr_array *good, *foreign;
  CHECK_OK(NULL, tr_ctx_open(tr_ctx_resource(ctx), 1, &other, NULL));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 2, (int64_t[]){4, 4}, &good));
  CHECK_OK(other, tr_array_create(other, TR_F32, 2, (int64_t[]){4, 4}, &foreign));
#define TR_NN_OP(op, what, need, moves, must, may)                                                           \
  {                                                                                                          \
    tr_nn_##op##_args args = {0}, *a = &args;                                                                \
    void *const places[] = {PLACES must};                                                                    \
    missing(ctx, call_##op, a, #must, (int)(sizeof places / sizeof *places), places, good, foreign);         \
  }
#include "core/nn/ops.def"
#undef TR_NN_OP
  tr_array_destroy(&foreign);
  tr_array_destroy(&good);
  tr_ctx_close(&other);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  tables();
  operands(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
