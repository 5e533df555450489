#include "experiments/sweep/report/summary.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The runs of one setting on one path, a seed each, with room for two numbers of each. */
typedef struct {
  const sweep_result *first;
  int n, stride;
  double *v, *w;
} runs;

static const sweep_result *at(const runs *r, int seed) {
  return &r->first[seed * r->stride];
}

static const stat_interval nothing = {0, NAN, NAN, NAN};

/* Of a number of every run that has it. */
static stat_interval mean_of(const runs *r, size_t offset) {
  int n = 0;
  for (int s = 0; s < r->n; s++) {
    double value = *(const double *)((const char *)at(r, s) + offset);
    if (isfinite(value)) r->v[n++] = value;
  }
  return n ? stat_mean(r->v, n) : nothing;
}

/* Of an error and the noise in it. */
static stat_interval bias_of(const runs *r, size_t error, size_t noise) {
  int n = 0;
  for (int s = 0; s < r->n; s++) {
    const char *run = (const char *)at(r, s);
    double e = *(const double *)(run + error), z = *(const double *)(run + noise);
    if (isfinite(e) && isfinite(z)) r->v[n] = e * e, r->w[n++] = z * z;
  }
  stat_interval i = n ? stat_bias2(r->v, r->w, n) : nothing;
  return (stat_interval){i.n, sqrt(fmax(0, i.mean)), sqrt(i.low), sqrt(i.high)};
}

static void add_counts(const sweep_result *r, sweep_point *out) {
  out->n++;
  out->n_ok += strcmp(r->status, "ok") == 0;
  out->nfe += (double)r->nfe;
  out->accepted += (double)r->accepted;
  out->rejected += (double)r->rejected;
  out->wall_seconds += r->wall_seconds;
}

tr_status sweep_summarise(tr_ctx *ctx, const sweep_rows *rows, bool relative, int path, int setting,
                          sweep_point *out) {
  const sweep_plan *plan = rows->plan;
  runs r = {
      .first =
          &rows->results[(size_t)path * (size_t)plan->n_seeds * (size_t)plan->n_settings + (size_t)setting],
      .n = plan->n_seeds,
      .stride = plan->n_settings};
  r.v = malloc(2 * (size_t)r.n * sizeof *r.v);
  if (!r.v) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d seeds", plan->n_seeds);
  r.w = r.v + r.n;
  *out = (sweep_point){0};
  for (int s = 0; s < r.n; s++) add_counts(at(&r, s), out);
  out->nfe /= out->n;
  out->accepted /= out->n;
  out->rejected /= out->n;
  out->wall_seconds /= out->n;
  out->error = mean_of(&r, relative ? offsetof(sweep_result, relative) : offsetof(sweep_result, rms));
  out->mean_bias = bias_of(&r, offsetof(sweep_result, mean_error), offsetof(sweep_result, mean_noise));
  out->cov_bias = bias_of(&r, offsetof(sweep_result, cov_error), offsetof(sweep_result, cov_noise));
  out->sw2 = mean_of(&r, offsetof(sweep_result, sw2));
  out->sw2_floor = mean_of(&r, offsetof(sweep_result, sw2_floor));
  free(r.v);
  return TR_OK;
}

const char *sweep_error_words(const sweep_options *options) {
  return options->target ? "root mean square error" : "relative error";
}

const char *sweep_samples_word(const sweep_options *options) {
  return options->target ? "exact" : "tight";
}
