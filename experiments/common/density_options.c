#include "experiments/common/density_options.h"

#include <math.h>

#include "core/options/options.h"
#include "experiments/common/intervals.h"

tr_status density_options(tr_ctx *ctx, const char *trace, double rtol, int64_t row, long *probes,
                          double *tolerance, tr_density *out) {
  TR_TRY(tr_density_defaults(ctx, out));
  TR_TRY(tr_trace_find(ctx, trace, &out->trace));
  if (!out->trace->sampled)
    *probes = TR_OPTION_UNSET;
  else if (*probes == TR_OPTION_UNSET)
    *probes = out->n_probes;
  else
    out->n_probes = (int)*probes;
  if (isnan(*tolerance)) *tolerance = rtol * (double)row;
  out->tolerance = *tolerance;
  return TR_OK;
}

const char *density_se_is(const tr_density *density) {
  if (!density->trace->sampled) return "0: the exact trace has no probes; the solver's error is not in it";
  if (density->n_probes == 1) return "none: one probe shows no spread";
  return "the spread of the probes' estimates over the root of their number; the solver's error is not in it";
}

double density_se_factor(const tr_density *density) {
  return density->trace->sampled ? stat_student95(density->n_probes - 1) : NAN;
}
