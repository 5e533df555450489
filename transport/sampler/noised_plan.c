#include "transport/sampler/noised_plan_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

tr_status tr_leg_plan_reserve(tr_ctx *ctx, tr_leg_plan *plan, size_t legs, size_t points) {
  plan->legs = malloc(legs * sizeof *plan->legs);
  plan->points = malloc(points * sizeof *plan->points);
  if (plan->legs && plan->points) return TR_OK;
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for a run of %zu legs", legs);
}

void tr_leg_inject(const tr_interpolant *interpolant, double t, double to, double factor, tr_leg_plan *plan,
                   tr_leg *leg) {
  tr_coeffs here = tr_interpolant_at(interpolant, t), back = tr_interpolant_at(interpolant, to);
  double K = tr_coeffs_log_snr_step(&back, &here);
  leg->noise = plan->n_noises++;
  leg->keep = back.alpha / here.alpha;
  leg->add = factor * back.sigma * sqrt(-expm1(-2 * K));
}

void tr_leg_append(tr_leg_plan *plan, tr_leg leg, const double *points, int n) {
  leg.first = plan->n_points;
  leg.n_steps = n - 1;
  memcpy(plan->points + plan->n_points, points, (size_t)n * sizeof *points);
  plan->n_points += n;
  plan->legs[plan->n_legs++] = leg;
}
