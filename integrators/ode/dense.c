#include "integrators/ode/dense_private.h"

#define MAX_DATA (2 * TR_DENSE_NODES)

/* Value at s of the polynomial through n data at times z, where z[i] == z[i-1] marks a slope: Newton's form.
 */
static double newton_value(int n, const double *z, const double *value, const double *slope, double s) {
  double table[MAX_DATA] = {0};
  for (int i = 0; i < n; i++) table[i] = value[i];
  double sum = table[0], product = 1;
  for (int order = 1; order < n; order++) {
    for (int i = 0; i + order < n; i++)
      table[i] = z[i + order] == z[i] ? slope[i] : (table[i + 1] - table[i]) / (z[i + order] - z[i]);
    product *= s - z[order - 1];
    sum += table[0] * product;
  }
  return sum;
}

void tr_hermite_weights(int n, const double *t, const bool *has_slope, double s, double *wy, double *wf) {
  double z[MAX_DATA];
  int node[MAX_DATA], count = 0;
  for (int j = 0; j < n; j++)
    for (int twice = 0; twice <= (int)has_slope[j]; twice++) node[count] = j, z[count++] = t[j];
  for (int j = 0; j < n; j++) { /* the interpolant of unit data is the weight */
    double unit[MAX_DATA], none[MAX_DATA] = {0};
    for (int i = 0; i < count; i++) unit[i] = node[i] == j;
    wy[j] = newton_value(count, z, unit, none, s);
    wf[j] = has_slope[j] ? newton_value(count, z, none, unit, s) : 0;
  }
}

tr_status tr_dense_open(tr_dense *dense, tr_ode_run *run) {
  *dense = (tr_dense){.run = run, .active = run->on_output && run->n_times > 2};
  if (!dense->active) return TR_OK;
  for (int i = 0; i < TR_DENSE_NODES; i++) {
    TR_TRY(tr_array_like(run->x, &dense->y[i]));
    TR_TRY(tr_array_like(run->x, &dense->f[i]));
  }
  return tr_array_like(run->x, &dense->out);
}

void tr_dense_close(tr_dense *dense) {
  for (int i = 0; i < TR_DENSE_NODES; i++) {
    tr_array_destroy(&dense->y[i]);
    tr_array_destroy(&dense->f[i]);
  }
  tr_array_destroy(&dense->out);
}

void tr_dense_restart(tr_dense *dense) {
  dense->n = 0;
}

static void forget_oldest(tr_dense *dense) {
  tr_array *y = dense->y[0], *f = dense->f[0];
  for (int i = 1; i < TR_DENSE_NODES; i++) {
    dense->t[i - 1] = dense->t[i];
    dense->has_slope[i - 1] = dense->has_slope[i];
    dense->y[i - 1] = dense->y[i];
    dense->f[i - 1] = dense->f[i];
  }
  dense->y[TR_DENSE_NODES - 1] = y;
  dense->f[TR_DENSE_NODES - 1] = f;
  dense->n--;
}

tr_status tr_dense_push(tr_dense *dense, double t) {
  if (!dense->active) return TR_OK;
  if (dense->n == TR_DENSE_NODES) forget_oldest(dense);
  int last = dense->n++;
  dense->t[last] = t;
  dense->has_slope[last] = false;
  return tr_program_copy(&dense->run->list, dense->run->x, dense->y[last]);
}

static tr_status interpolate(tr_dense *dense, double s) {
  double wy[TR_DENSE_NODES], wf[TR_DENSE_NODES], weight[MAX_DATA];
  const tr_array *term[MAX_DATA];
  int terms = 0;
  tr_hermite_weights(dense->n, dense->t, dense->has_slope, s, wy, wf);
  for (int i = 0; i < dense->n; i++) {
    weight[terms] = wy[i], term[terms++] = dense->y[i];
    if (dense->has_slope[i]) weight[terms] = wf[i], term[terms++] = dense->f[i];
  }
  return tr_program_lincomb(&dense->run->list, terms, weight, term, dense->out);
}

static tr_status hand_out(tr_dense *dense) {
  tr_ode_run *run = dense->run;
  while (tr_ode_output_due(run, dense->t[dense->n - 1])) {
    double s = run->times[run->next_output];
    const tr_array *state = NULL;
    for (int i = 0; i < dense->n; i++)
      if (tr_ode_same_time(run, s, dense->t[i])) state = dense->y[i];
    if (!state) {
      TR_TRY(interpolate(dense, s));
      state = dense->out;
    }
    TR_TRY(tr_ode_output(run, state));
  }
  return TR_OK;
}

tr_status tr_dense_slope(tr_dense *dense, const tr_array *f) {
  if (!dense->active) return TR_OK;
  int last = dense->n - 1;
  TR_TRY(tr_program_copy(&dense->run->list, f, dense->f[last]));
  dense->has_slope[last] = true;
  return dense->n == TR_DENSE_NODES ? hand_out(dense) : TR_OK;
}

tr_status tr_dense_flush(tr_dense *dense) {
  tr_ode_run *run = dense->run;
  if (dense->active) return dense->n > 0 ? hand_out(dense) : TR_OK;
  while (tr_ode_output_due(run, run->stats->t_end)) TR_TRY(tr_ode_output(run, run->x));
  return TR_OK;
}
