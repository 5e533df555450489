#include "integrators/sde/stochastic_rk.h"

#include <math.h>

#include "core/require_private.h"

typedef struct {
  const tr_sde_method *method;
  const tr_srk_table *table;
  const tr_sde_problem *problem;
  double t, t_next, h;
  double g[TR_SRK_MAX_STAGES]; /* at the nodes */
  const tr_array *z, *z2, *x;
  tr_array *const *k;
  tr_program *list;
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
  TR_TRY(tr_sde_g2_integral(s->x->ctx, s->problem, s->t, s->t_next, &variance));
  s->g[0] = sqrt(variance / s->h);
  return TR_OK;
}

static tr_status noise_at_nodes(srk *s) {
  if (s->table->exact_variance) return mean_noise(s);
  for (int j = 0; j < s->table->nodes; j++) {
    double g2, t = time_at(s, s->table->node[j]);
    TR_TRY(tr_sde_g2(s->x->ctx, s->problem, t, &g2));
    if (!(g2 >= 0) || !isfinite(g2))
      return TR_FAIL(s->x->ctx, TR_E_NONFINITE, "%s: g^2 = %g at t = %.10g, within a step",
                     s->method->info.name, g2, t);
    s->g[j] = sqrt(g2);
  }
  return TR_OK;
}

typedef struct {
  int n;
  double factor[3 + TR_SRK_MAX_STAGES];
  const tr_array *term[3 + TR_SRK_MAX_STAGES];
} sum;

/* x + h sum_j<n weight_j k_j + sum_j g_j (w_j dW + h_j H); terms of zero are left out. */
static sum combine(const srk *s, int n, const double *weight, const double *w, const double *h) {
  sum c = {.n = 1, .factor = {1}, .term = {s->x}};
  double of_z = 0, of_z2 = 0;
  for (int j = 0; j < n; j++)
    if (weight[j] != 0) c.factor[c.n] = s->h * weight[j], c.term[c.n++] = s->k[j];
  for (int j = 0; j < s->table->nodes; j++) {
    of_z += s->g[j] * w[j] * sqrt(s->h);
    of_z2 += s->g[j] * h[j] * sqrt(s->h / 12);
  }
  if (of_z != 0) c.factor[c.n] = of_z, c.term[c.n++] = s->z;
  if (of_z2 != 0) c.factor[c.n] = of_z2, c.term[c.n++] = s->z2;
  return c;
}

/* A first stage without noise is taken at x itself. */
static tr_status stage(const srk *s, int i, tr_array *work) {
  const tr_srk_table *table = s->table;
  const sum at = combine(s, i, table->a[i], table->stage_w[i], table->stage_h[i]);
  if (at.n > 1) TR_TRY(tr_program_lincomb(s->list, at.n, at.factor, at.term, work));
  return tr_sde_eval(s->problem, time_at(s, table->c[i]), at.n > 1 ? work : s->x, s->k[i], s->list);
}

static tr_status check_table(tr_ctx *ctx, const tr_sde_method *method) {
  const tr_srk_table *table = method->detail;
  if (table && table->stages >= 1 && table->stages <= TR_SRK_MAX_STAGES && table->nodes >= 1 &&
      table->nodes <= TR_SRK_MAX_STAGES)
    return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "the method %s has %d stages and %d nodes: use 1 to %d of each",
                 method->info.name ? method->info.name : "without a name", table ? table->stages : 0,
                 table ? table->nodes : 0, TR_SRK_MAX_STAGES);
}

tr_status tr_srk_step(const tr_sde_method *method, const double *params, const tr_sde_problem *problem,
                      double t, double t_next, const tr_array *z, const tr_array *z2, tr_array *x,
                      tr_array *const *scratch, tr_program *list) {
  (void)params; /* tables have none */
  TR_REQUIRE(TR_CTX_OF_ANY(z, z2, x), method, problem, z, x, scratch, list);
  TR_TRY(check_table(x->ctx, method));
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
           .k = scratch,
           .list = list};
  TR_TRY(noise_at_nodes(&s));
  for (int i = 0; i < table->stages; i++) TR_TRY(stage(&s, i, scratch[table->stages]));
  const sum end = combine(&s, table->stages, table->b, table->end_w, table->end_h);
  return end.n > 1 ? tr_program_lincomb(list, end.n, end.factor, end.term, x) : TR_OK;
}

tr_status tr_srk_error(const tr_sde_method *method, double h, tr_array *const *scratch, tr_array *error,
                       tr_program *list) {
  TR_REQUIRE(TR_CTX_OF(error), method, scratch, error, list);
  TR_TRY(check_table(error->ctx, method));
  const tr_srk_table *table = method->detail;
  double factor[TR_SRK_MAX_STAGES];
  const tr_array *k[TR_SRK_MAX_STAGES];
  for (int i = 0; i < table->stages; i++) {
    factor[i] = h * (table->b[i] - (i == 0));
    k[i] = scratch[i];
  }
  return tr_program_lincomb(list, table->stages, factor, k, error);
}
