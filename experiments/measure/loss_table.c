/* The loss of a checkpoint's velocity as a function of time, over all rows. */
#include <math.h>

#include "core/text.h"
#include "core/vec/vec.h"
#include "experiments/measure/loss_run.h"

double loss_time_of(const loss_run *run, long k) {
  return (k + 0.5) / (double)run->options->points;
}

/* Adds every row's mean square, and its square, to those of time k. */
static tr_status add_rows(loss_run *run, const tr_array *difference, int64_t n, long k) {
  int64_t row = provider_row(&run->provider);
  TR_TRY(tr_array_get_f64(difference, run->row));
  for (int64_t i = 0; i < n; i++) {
    double sum = 0;
    for (int64_t j = 0; j < row; j++) sum += run->row[i * row + j] * run->row[i * row + j];
    run->loss[k] += sum / (double)row;
    run->error[k] += sum / (double)row * (sum / (double)row);
  }
  return TR_OK;
}

static tr_status add_time(loss_run *run, const loss_batch *b, long k) {
  const provider *p = &run->provider;
  double t = loss_time_of(run, k);
  tr_coeffs at = tr_interpolant_at(&p->interpolant, t);
  tr_affine v;
  tr_cond cond = loss_cond(run, b);
  TR_TRY(loss_noise(run, TR_RANDOM_INIT, k, b));
  TR_TRY(tr_axpby(at.alpha, b->x1, at.sigma, b->x0, b->xt));
  TR_TRY(tr_drift_eval(p->drift, (tr_times){1, &t}, b->xt, &cond, b->v));
  TR_TRY(tr_convert(run->program->ctx, &p->interpolant, p->prediction, TR_VELOCITY, t, &v));
  const double factor[] = {v.x, v.p, -at.dalpha, -at.dsigma};
  const tr_array *const term[] = {b->xt, b->v, b->x1, b->x0};
  TR_TRY(tr_lincomb(4, factor, term, b->v));
  TR_TRY(add_rows(run, b->v, b->n, k));
  return program_check_interrupt(run->program);
}

tr_status loss_table_add(loss_run *run, const loss_batch *b) {
  for (long k = 0; k < run->options->points; k++) TR_TRY(add_time(run, b, k));
  return TR_OK;
}

void loss_table_finish(loss_run *run) {
  double n = (double)run->n;
  for (long k = 0; k < run->options->points; k++) {
    double mean = run->loss[k] / n, variance = fmax(0, run->error[k] / n - mean * mean) * n / (n - 1);
    run->loss[k] = mean;
    run->error[k] = sqrt(variance / n);
  }
}

tr_status loss_table_save(loss_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const char *path;
  TR_TRY(out_dir_stage(ctx, run->dir, "loss.txt", &path));
  FILE *file = fopen(path, "w");
  if (!file) return TR_FAIL(ctx, TR_E_IO, "cannot write '%s'", path);
  fprintf(file, "# t, L_t: mean squared error of the velocity over %lld rows of %s\n", (long long)run->n,
          TR_SHOW(run->options->data, 4095));
  for (long k = 0; k < run->options->points; k++)
    fprintf(file, "%.9g %.9g # +- %.2g\n", loss_time_of(run, k), run->loss[k], run->error[k]);
  bool written = !ferror(file);
  written = fclose(file) == 0 && written;
  return written ? TR_OK : TR_FAIL(ctx, TR_E_IO, "cannot write '%s'", path);
}
