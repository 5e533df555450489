#include "core/require_private.h"

#include <string.h>

/* The i-th of the names "a, b, c". */
static const char *name_at(const char *names, int i, int *length) {
  while (i-- > 0) names = strchr(names, ',') + 2;
  *length = (int)strcspn(names, ",");
  return names;
}

static tr_status refuse(tr_ctx *ctx, const char *file, int line, const char *function, const char *names,
                        int i) {
  int length;
  const char *name = name_at(names, i, &length);
  return tr_ctx_latch(ctx, TR_E_ARG, file, line, "%s: %.*s is NULL", function, length, name);
}

tr_status tr_require(tr_ctx *ctx, const char *file, int line, const char *function, const char *context,
                     const char *names, int n, const void *const *pointers) {
  for (int i = 0; i < n; i++)
    if (!pointers[i]) return refuse(ctx, file, line, function, names, i);
  if (ctx) return TR_OK;
  if (strcmp(context, "ctx") == 0) return refuse(NULL, file, line, function, context, 0);
  return tr_ctx_latch(NULL, TR_E_ARG, file, line, "%s: %.*s is of no context", function,
                      (int)strcspn(names, ","), names);
}

tr_ctx *tr_ctx_of_any(int n, const tr_array *const *arrays) {
  for (int i = 0; i < n; i++)
    if (TR_CTX_OF(arrays[i])) return arrays[i]->ctx;
  return NULL;
}
