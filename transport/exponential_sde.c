#include "transport/exponential_sde.h"

#include <math.h>

#include "core/vec.h"

const tr_exponential_sde *tr_exponential_sde_of(const tr_sde_method *method) {
  return method->step ? NULL : method->detail;
}

static tr_coeffs coeffs_at(const tr_exponential_walk *walk, double t) {
  return tr_interpolant_at(&walk->sampler->interpolant, t);
}

/* m = the denoiser at (t, x). Where the prediction cannot give it, F is held from TR_THETA_MIN away: m =
 * sin(theta) y + cos(theta) F. */
static tr_status denoise(tr_exponential_walk *walk, double t, const tr_array *x, tr_array *m) {
  const tr_sampler *sampler = walk->sampler;
  tr_coeffs here = coeffs_at(walk, t);
  tr_affine of, F;
  if (tr_affine_of(walk->prediction, &here, TR_DENOISER, &of)) {
    TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &t}, x, walk->cond, m));
    return tr_affine_apply(of, x, m, m);
  }
  double away = tr_interpolant_time(&sampler->interpolant, here.theta + TR_THETA_MIN);
  tr_coeffs there = coeffs_at(walk, away);
  double scale = there.c / here.c, sine = here.alpha / here.c, cosine = here.sigma / here.c;
  TR_TRY(tr_convert(x->ctx, &sampler->interpolant, walk->prediction, TR_CANONICAL, away, &F));
  if (!walk->nearby) TR_TRY(tr_array_like(x, &walk->nearby));
  TR_TRY(tr_scale(scale, x, walk->nearby));
  TR_TRY(tr_drift_eval(sampler->drift, (tr_times){1, &away}, walk->nearby, walk->cond, m));
  return tr_axpby(sine / here.c + cosine * F.x * scale, x, cosine * F.p, m, m);
}

/* A jump of the field between the two times, or at one of them: at a jump it answers for one side only. */
static bool jumps_between(const tr_drift *drift, double a, double b) {
  for (int i = 0; i < drift->n_breaks; i++)
    if (drift->breaks[i] >= a && drift->breaks[i] <= b) return true;
  return false;
}

/* h_n / (2 h_n-1); 0: order 1. */
static double slope_factor(const tr_exponential_walk *walk, int points, const tr_coeffs *a,
                           const tr_coeffs *b) {
  if (points < 2 || !walk->known || jumps_between(walk->sampler->drift, walk->t_before, a->t)) return 0;
  tr_coeffs before = coeffs_at(walk, walk->t_before);
  double h = tr_coeffs_log_snr_step(a, b), h_before = tr_coeffs_log_snr_step(&before, a);
  return isfinite(h) ? h / (2 * h_before) : 0;
}

tr_status tr_exponential_walk_step(tr_exponential_walk *walk, int points, double t, double t_next,
                                   const tr_array *z, tr_array *x, long *n_rhs) {
  const tr_sampler *sampler = walk->sampler;
  tr_coeffs a = coeffs_at(walk, t), b = coeffs_at(walk, t_next);
  double slope = slope_factor(walk, points, &a, &b);
  for (int i = 0; i < points; i++)
    if (!walk->m[i]) TR_TRY(tr_array_like(x, &walk->m[i]));
  if (points == 2) { /* the older one stays in m[1] */
    tr_array *before = walk->m[0];
    walk->m[0] = walk->m[1];
    walk->m[1] = before;
  }
  walk->known = false;
  TR_TRY(denoise(walk, t, x, walk->m[0]));
  ++*n_rhs;
  double K = tr_diffusion_churn(&sampler->diffusion, &sampler->interpolant, t, t_next);
  double keep = b.sigma / a.sigma * exp(-K), of_m = b.alpha - a.alpha * keep;
  const double factor[] = {keep, of_m * (1 + slope), b.sigma * sqrt(-expm1(-2 * K)), -of_m * slope};
  const tr_array *const term[] = {x, walk->m[0], z, walk->m[1]};
  walk->known = true;
  walk->t_before = t;
  return tr_lincomb(slope == 0 ? 3 : 4, factor, term, x);
}

void tr_exponential_walk_free(tr_exponential_walk *walk) {
  tr_array_destroy(&walk->m[0]);
  tr_array_destroy(&walk->m[1]);
  tr_array_destroy(&walk->nearby);
}
