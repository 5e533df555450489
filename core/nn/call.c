/* The wrappers of all network operations, made from the list of them. */
#include <stdio.h>
#include <string.h>

#include "core/context_private.h"
#include "core/nn/check_private.h"
#include "core/nn/ops_private.h"
#include "core/record/record_private.h"

int64_t tr_nn_rows_at_once(tr_ctx *ctx, bool kept, int64_t bytes) {
  if (!ctx) return 0;
  const tr_nn_ops *nn = tr_ctx_backend(ctx)->nn;
  return nn ? nn->rows_at_once(ctx, kept, bytes > 1 ? bytes : 1) : 1;
}

typedef struct {
  int n;
  const tr_array *const *v;
} operands;

static tr_ctx *context_of(const operands *o) {
  for (int i = 0; i < o->n; i++)
    if (o->v[i] && o->v[i]->ctx) return o->v[i]->ctx;
  return NULL;
}

/* The i-th of the names in a list as ops.def writes it, "(a->x, a->gate.table)": "x", "gate.table". */
static void name_of(const char *list, int i, char *name, size_t size) {
  const char *at = strstr(list, "->") + 2;
  while (i-- > 0) at = strstr(at, "->") + 2;
  snprintf(name, size, "%.*s", (int)strcspn(at, ",)"), at);
}

static tr_status check_presence(const tr_nn_call *call, const operands *must, const char *names) {
  char name[32];
  for (int i = 0; i < must->n; i++) {
    if (must->v[i]) continue;
    name_of(names, i, name, sizeof name);
    return TR_FAIL(call->ctx, TR_E_ARG, "%s of %s is missing: it is NULL", name, call->what);
  }
  return TR_OK;
}

static tr_status check_contexts(const tr_nn_call *call, const operands *o) {
  for (int i = 0; i < o->n; i++) {
    if (!o->v[i]) continue;
    TR_TRY(tr_array_check(o->v[i]));
    if (o->v[i]->ctx != call->ctx)
      return TR_FAIL(call->ctx, TR_E_SHAPE, "the operands of %s belong to several contexts", call->what);
  }
  return TR_OK;
}

/* What all operations have in common; *nn is NULL on a backend without any. */
static tr_status enter(const operands *must, const operands *may, const char *names, tr_nn_call *call,
                       const tr_nn_ops **nn) {
  call->ctx = context_of(must);
  if (!call->ctx) call->ctx = context_of(may);
  if (!call->ctx) return TR_FAIL(NULL, TR_E_ARG, "%s without operands: all are NULL", call->what);
  TR_TRY(check_presence(call, must, names));
  TR_TRY(check_contexts(call, must));
  TR_TRY(check_contexts(call, may));
  *nn = tr_ctx_backend(call->ctx)->nn;
  return TR_OK;
}

static tr_status lacking(const tr_nn_call *call) {
  return TR_FAIL(call->ctx, TR_E_UNSUPPORTED, "the backend '%s' lacks %s: use cpu",
                 tr_ctx_backend(call->ctx)->name, call->what);
}

/* Whether an operation may be given arrays that move (ops.def). */
enum { STAYS, MOVES };

static tr_status note(const tr_nn_call *call, bool moves, const operands *must, const operands *may) {
  TR_TRY(tr_record_notes(call->ctx, call->what, moves, must->n, must->v));
  return tr_record_notes(call->ctx, call->what, moves, may->n, may->v);
}

#define COUNT_OF(list) (int)(sizeof(list) / sizeof *(list))

#define TR_NN_OP(op, text, need, moves, must, may)                                                           \
  tr_status tr_nn_##op(const tr_nn_##op##_args *a) {                                                         \
    if (!a) return TR_FAIL(NULL, TR_E_ARG, "tr_nn_" #op ": args is NULL");                                   \
    const tr_array *const needed[] = {TR_NN_OPERANDS must}, *const others[] = {TR_NN_OPERANDS may};          \
    tr_nn_call call = {NULL, text};                                                                          \
    const tr_nn_ops *nn = NULL;                                                                              \
    const operands all = {COUNT_OF(needed), needed}, some = {COUNT_OF(others), others};                      \
    TR_TRY(enter(&all, &some, #must, &call, &nn));                                                           \
    if (!nn || !nn->op) return lacking(&call);                                                               \
    TR_TRY(tr_nn_check_##op(&call, a));                                                                      \
    TR_TRY(note(&call, moves == MOVES, &all, &some));                                                        \
    tr_ctx_count(call.ctx, TR_COUNT_OPERATION, 0);                                                           \
    return nn->op(call.ctx, a);                                                                              \
  }
#include "core/nn/ops.def"
#undef TR_NN_OP
