/* What the guided providers share (guidance_private.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/vec/vec.h"
#include "integrators/same_time_private.h"
#include "transport/guidance_private.h"

tr_status tr_guidance_check(tr_ctx *ctx, const tr_guidance *g) {
  if (!isfinite(g->scale))
    return TR_FAIL(ctx, TR_E_ARG, "a guidance scale of %g: use a finite number", g->scale);
  if (g->channels < 0)
    return TR_FAIL(ctx, TR_E_ARG, "guidance on the first %d channels: use 0 (all) or more", g->channels);
  if (!(g->low >= 0 && g->low < g->high && g->high <= 1))
    return TR_FAIL(ctx, TR_E_ARG, "a guidance interval from %g to %g: use 0 <= low < high <= 1", g->low,
                   g->high);
  return TR_OK;
}

/* ---- the two sides of an edge ---- */

static bool inside(const tr_guided_part *part, double t) {
  return t >= part->guidance.low && t <= part->guidance.high;
}

/* Beyond rounding: segments come through other clocks. */
static bool straddles(const tr_guided_part *part, double edge) {
  double before = part->from - edge, after = part->to - edge;
  return before * after < 0 && fmin(fabs(before), fabs(after)) > TR_SAME_TIME;
}

static bool guided_at(const tr_guided_part *part, double t) {
  double low = fmin(part->from, part->to), high = fmax(part->from, part->to);
  bool one_sided = low < high && t >= low - TR_SAME_TIME && t <= high + TR_SAME_TIME &&
                   !straddles(part, part->guidance.low) && !straddles(part, part->guidance.high);
  return inside(part, one_sided ? (low + high) / 2 : t);
}

tr_status tr_guidance_asked(const tr_guided_part *part, tr_times times, const tr_array *x, bool *guided) {
  int64_t channels = part->guidance.channels;
  if (channels > 0 && (x->ndim < 2 || channels > x->shape[1])) {
    char text[80];
    return TR_FAIL(x->ctx, TR_E_SHAPE, "guidance on the first %lld channels of %s", (long long)channels,
                   tr_array_describe(x, text, sizeof text));
  }
  *guided = guided_at(part, times.t[0]);
  for (int64_t i = 1; i < times.n; i++)
    if (guided_at(part, times.t[i]) != *guided)
      return TR_FAIL(x->ctx, TR_E_UNSUPPORTED,
                     "rows at t = %g and t = %g lie on two sides of the guidance interval: evaluate them "
                     "apart",
                     times.t[0], times.t[i]);
  return TR_OK;
}

/* ---- the combination ---- */

/* z = a x + b y on the guided channels, y on the others; z may be x or y. */
static tr_status blend(const tr_guidance *guidance, double a, const tr_array *x, double b, const tr_array *y,
                       tr_array *z) {
  const int64_t channels = guidance->channels;
  return channels == 0 ? tr_axpby(a, x, b, y, z) : tr_blend_channels(channels, a, x, b, y, z);
}

tr_status tr_guidance_combine(const tr_guidance *guidance, const tr_array *other, const tr_array *own,
                              tr_array *out) {
  return blend(guidance, 1 - guidance->scale, other, guidance->scale, own, out);
}

tr_status tr_guidance_covectors(const tr_guidance *guidance, const tr_array *w, const tr_array *zero,
                                tr_array *other, tr_array *own) {
  TR_TRY(blend(guidance, 0, zero, guidance->scale, w, own));
  return blend(guidance, 1 - guidance->scale, w, 0, zero, other);
}

double *tr_guidance_breaks(const tr_guidance *guidance, const tr_drift *own, const tr_drift *other) {
  const size_t n = (size_t)own->n_breaks, m = other ? (size_t)other->n_breaks : 0;
  double *breaks = malloc((2 + n + m) * sizeof *breaks);
  if (!breaks) return NULL;
  breaks[0] = guidance->low;
  breaks[1] = guidance->high;
  if (n) memcpy(breaks + 2, own->breaks, n * sizeof *breaks);
  if (m) memcpy(breaks + 2 + n, other->breaks, m * sizeof *breaks);
  return breaks;
}
