#include "nets/train/schedule.h"

#include <math.h>

#include "core/require_private.h"
#include "transport/path/interpolant.h"

const char *tr_schedule_name(tr_schedule_kind kind) {
  static const char *const names[] = {"constant", "cosine"};
  return (int)kind >= 0 && (size_t)kind < sizeof names / sizeof *names ? names[kind] : NULL;
}

tr_status tr_schedule_check(tr_ctx *ctx, const tr_schedule *schedule) {
  TR_REQUIRE(ctx, schedule);
  if (!tr_schedule_name(schedule->kind))
    return TR_FAIL(ctx, TR_E_ARG, "there is no schedule %d", (int)schedule->kind);
  if (!(schedule->rate >= 0 && isfinite(schedule->rate)))
    return TR_FAIL(ctx, TR_E_ARG, "a learning rate of %g: use a number >= 0", schedule->rate);
  if (schedule->warmup < 0)
    return TR_FAIL(ctx, TR_E_ARG, "a warm-up of %lld steps: use 0 or more", (long long)schedule->warmup);
  if (schedule->kind == TR_SCHEDULE_COSINE && schedule->steps <= schedule->warmup)
    return TR_FAIL(ctx, TR_E_ARG,
                   "a cosine over %lld steps, %lld of them warm-up: it needs steps behind these",
                   (long long)schedule->steps, (long long)schedule->warmup);
  return TR_OK;
}

double tr_schedule_rate(const tr_schedule *s, int64_t step) {
  if (!s) return 0;
  if (step < s->warmup) return s->rate * (double)(step + 1) / (double)s->warmup;
  if (s->kind == TR_SCHEDULE_CONSTANT) return s->rate;
  if (step >= s->steps) return 0;
  return s->rate * (1 + cos(TR_PI * (double)(step - s->warmup) / (double)(s->steps - s->warmup))) / 2;
}
