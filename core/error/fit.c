#include "core/error/fit_private.h"

#include <string.h>

#define WOULD_FIT " would fit"

bool tr_fit_is_told(const tr_ctx *ctx) {
  return strstr(tr_ctx_error(ctx)->message, WOULD_FIT) != NULL;
}

static int64_t search(tr_ctx *ctx, int64_t rows, bool (*fits)(void *user, int64_t n), void *user) {
  int64_t fit = 0, too_many = rows;
  while (too_many - fit > 1 + fit / 16) {
    const int64_t n = fit + (too_many - fit) / 2;
    if (fits(user, n))
      fit = n;
    else
      too_many = n;
    tr_ctx_clear(ctx);
  }
  return fit - fit / 16; /* pieces of memory may lie otherwise then */
}

tr_status tr_tell_what_fits(tr_ctx *ctx, int64_t rows, bool (*fits)(void *user, int64_t n), void *user) {
  const tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  const int64_t fit = search(ctx, rows, fits, user);
  if (fit == 0)
    return tr_ctx_latch(ctx, error.status, error.file, error.line, "%s; not even one row" WOULD_FIT,
                        error.message);
  return tr_ctx_latch(ctx, error.status, error.file, error.line,
                      "%s; use fewer rows at a time: %lld" WOULD_FIT, error.message, (long long)fit);
}
