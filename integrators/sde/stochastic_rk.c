#include "integrators/sde/stochastic_rk.h"

#include <math.h>

#include "core/vec.h"

typedef struct {
  const tr_sde_method *method;
  const tr_srk_table *table;
  const tr_sde_problem *problem;
  double t, t_next, h;
  double g[TR_SRK_MAX_STAGES]; /* at the nodes */
  const tr_array *z, *z2, *x;
  tr_array *const *k;
} srk;

/* t + c h, never past the end by rounding. */
static double time_at(const srk *s, double c) {
  return c == 1 ? s->t_next : s->t + c * s->h;
}

static tr_status mean_noise(srk *s) {
  double variance;
  if (!s->problem->g2_integral)
    return TR_FAIL(s->x->ctx, TR_E_UNSUPPORTED, "%s needs the integral of g^2, which this problem lacks",
                   s->method->info.name);
  TR_TRY(s->problem->g2_integral(s->t, s->t_next, &variance, s->problem->user));
  s->g[0] = sqrt(variance / s->h);
  return TR_OK;
}

static tr_status noise_at_nodes(srk *s) {
  if (s->table->exact_variance) return mean_noise(s);
  for (int j = 0; j < s->table->nodes; j++) {
    double g2, t = time_at(s, s->table->node[j]);
    TR_TRY(s->problem->g2(t, &g2, s->problem->user));
    if (!(g2 >= 0) || !isfinite(g2))
      return TR_FAIL(s->x->ctx, TR_E_NONFINITE, "%s: g^2 = %g at t = %.10g, within a step",
                     s->method->info.name, g2, t);
    s->g[j] = sqrt(g2);
  }
  return TR_OK;
}

/* out = x + h sum_j<n weight_j k_j + sum_j g_j (w_j dW + h_j H); terms of zero are left out. */
static tr_status update(const srk *s, int n, const double *weight, const double *w, const double *h,
                        tr_array *out) {
  double factor[3 + TR_SRK_MAX_STAGES] = {1}, of_z = 0, of_z2 = 0;
  const tr_array *term[3 + TR_SRK_MAX_STAGES] = {s->x};
  int terms = 1;
  for (int j = 0; j < n; j++)
    if (weight[j] != 0) factor[terms] = s->h * weight[j], term[terms++] = s->k[j];
  for (int j = 0; j < s->table->nodes; j++) {
    of_z += s->g[j] * w[j] * sqrt(s->h);
    of_z2 += s->g[j] * h[j] * sqrt(s->h / 12);
  }
  if (of_z != 0) factor[terms] = of_z, term[terms++] = s->z;
  if (of_z2 != 0) factor[terms] = of_z2, term[terms++] = s->z2;
  return terms == 1 && out == s->x ? TR_OK : tr_lincomb(terms, factor, term, out);
}

static tr_status stage(const srk *s, int i, tr_array *at) {
  TR_TRY(update(s, i, s->table->a[i], s->table->stage_w[i], s->table->stage_h[i], at));
  return s->problem->drift(time_at(s, s->table->c[i]), at, s->k[i], s->problem->user);
}

tr_status tr_srk_step(const tr_sde_method *method, const tr_sde_problem *problem, double t, double t_next,
                      const tr_array *z, const tr_array *z2, tr_array *x, tr_array *const *scratch) {
  const tr_srk_table *table = method->detail;
  srk s = {.method = method,
           .table = table,
           .problem = problem,
           .t = t,
           .t_next = t_next,
           .h = t_next - t,
           .z = z,
           .z2 = z2,
           .x = x,
           .k = scratch};
  TR_TRY(noise_at_nodes(&s));
  for (int i = 0; i < table->stages; i++) TR_TRY(stage(&s, i, scratch[table->stages]));
  return update(&s, table->stages, table->b, table->end_w, table->end_h, x);
}

tr_status tr_srk_error(const tr_sde_method *method, double h, tr_array *const *scratch, tr_array *error) {
  const tr_srk_table *table = method->detail;
  double factor[TR_SRK_MAX_STAGES];
  const tr_array *k[TR_SRK_MAX_STAGES];
  for (int i = 0; i < table->stages; i++) {
    factor[i] = h * (table->b[i] - (i == 0));
    k[i] = scratch[i];
  }
  return tr_lincomb(table->stages, factor, k, error);
}
