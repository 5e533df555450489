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
  return ctx ? TR_OK : refuse(NULL, file, line, function, context, 0);
}

tr_status tr_require_arrays(const char *file, int line, const char *function, const char *names, int n,
                            const tr_array *const *arrays) {
  tr_ctx *ctx = NULL;
  for (int i = 0; i < n && !ctx; i++) ctx = TR_CTX_OF(arrays[i]);
  for (int i = 0; i < n; i++)
    if (!arrays[i]) return refuse(ctx, file, line, function, names, i);
  return TR_OK;
}
