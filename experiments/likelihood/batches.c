/* The solves: runs of neighbouring inputs, up to the batch size; a batch that fails is halved until the
 * inputs are known that it fails for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/vec/vec.h"
#include "experiments/common/advice.h"
#include "experiments/likelihood/run.h"
#include "experiments/output/machine.h"
#include "experiments/output/run_record.h"

typedef struct {
  likelihood_run *run;
  int64_t first, n;             /* inputs */
  tr_array *x, *start, *probes; /* state; the data of the first draw; given probes */
  double *host;                 /* (n, C, H, W) */
  double *log_q;                /* (n) */
  double *value, *se;           /* (K, n): ln p - ln q of every draw */
  double *draws;                /* (K): those of one input */
} batch;

static int64_t row_of(const batch *b) {
  return tr_dataset_row(&b->run->data);
}

static int draws_of(const batch *b) {
  return (int)b->run->options->dequant_samples;
}

static tr_status open_batch(batch *b) {
  const likelihood_run *run = b->run;
  tr_ctx *ctx = run->program->ctx;
  size_t n = (size_t)b->n, K = (size_t)draws_of(b);
  TR_TRY(provider_states(run->program, &run->provider, b->n, &b->x));
  TR_TRY(tr_array_like(b->x, &b->start));
  if (run->probe.option) TR_TRY(tr_array_like_stacked(b->x, run->density.n_probes, &b->probes));
  b->host = malloc((n * (size_t)row_of(b) + n + 2 * n * K + K) * sizeof *b->host);
  if (!b->host)
    return machine_lacks_memory(ctx, (double)(n * (size_t)row_of(b) + n + 2 * n * K + K) * sizeof *b->host,
                                b->n, "inputs of a batch", "batch-size");
  b->log_q = b->host + n * (size_t)row_of(b);
  b->value = b->log_q + n;
  b->se = b->value + n * K;
  b->draws = b->se + n * K;
  return TR_OK;
}

static void close_batch(batch *b) {
  tr_array_destroy(&b->x);
  tr_array_destroy(&b->start);
  tr_array_destroy(&b->probes);
  free(b->host);
}

/* ---- the data of one draw ---- */

static double data_time(const likelihood_run *run) {
  return 1 - run->sampler.data_eps;
}

static tr_status dequantise(batch *b, int draw) {
  const likelihood_run *run = b->run;
  tr_coeffs at = tr_interpolant_at(&run->sampler.interpolant, data_time(run));
  for (int64_t i = 0; i < b->n; i++) {
    tr_random_address address = {.seed = run->sampler.seed,
                                 .purpose = TR_RANDOM_DEQUANT,
                                 .step = (uint32_t)draw,
                                 .sample = (uint64_t)(b->first + i)};
    TR_TRY(tr_dequantise(run->program->ctx, run->dequant, &at, &address, row_of(b),
                         run->data.pixels + (b->first + i) * row_of(b), b->host + i * row_of(b),
                         &b->log_q[i]));
  }
  return TR_OK;
}

static tr_status load_data(batch *b, int draw) {
  const tr_dataset *data = &b->run->data;
  if (data->pixels)
    TR_TRY(dequantise(b, draw));
  else {
    TR_TRY(tr_dataset_values(data, b->first, b->n, b->host));
    memset(b->log_q, 0, (size_t)b->n * sizeof *b->log_q);
  }
  TR_TRY(tr_array_set_f64(b->x, b->host));
  return draw == 0 ? tr_array_copy(b->x, b->start) : TR_OK;
}

static tr_status load_probes(batch *b) {
  const given *probe = &b->run->probe;
  int64_t total = b->run->data.n;
  for (int64_t r = 0; b->probes && r < b->run->density.n_probes; r++) {
    tr_array part = tr_rows(b->probes, r * b->n, b->n);
    TR_TRY(given_read(probe, (r * total + b->first) * row_of(b), &part));
  }
  return TR_OK;
}

/* ---- the account ---- */

likelihood_work likelihood_work_done(const likelihood_run *run) {
  const tr_drift *network = run->provider.network;
  return (likelihood_work){network->n_forward, network->n_vjp};
}

/* All since `before`. */
static void add_work(likelihood_run *run, int part, likelihood_work before) {
  likelihood_work now = likelihood_work_done(run), *sum = &run->account.part[part];
  sum->nfe += now.nfe - before.nfe;
  sum->n_vjp += now.n_vjp - before.n_vjp;
}

static void add_solve(likelihood_run *run, const batch *b, int draw, const tr_sample_stats *stats) {
  likelihood_account *account = &run->account;
  json_array_append_new(run->batches,
                        json_pack("{s:I, s:I, s:i, s:I, s:I, s:I, s:I}", "first", (json_int_t)b->first,
                                  "inputs", (json_int_t)b->n, "draw", draw, "nfe", (json_int_t)stats->nfe,
                                  "n_vjp", (json_int_t)stats->n_vjp, "n_steps", (json_int_t)stats->n_steps,
                                  "n_rejected", (json_int_t)stats->n_rejected));
  if (account->n_solves++ == 0 || stats->nfe > account->largest.nfe) account->largest = *stats;
  account->part[LIKELIHOOD_SOLVES].nfe += stats->nfe;
  account->part[LIKELIHOOD_SOLVES].n_vjp += stats->n_vjp;
}

/* After a batch that failed: back to what was, and all of its work in vain. */
static void take_back(likelihood_run *run, const likelihood_account *was, likelihood_work before) {
  run->account = *was;
  while ((long)json_array_size(run->batches) > was->n_solves)
    json_array_remove(run->batches, json_array_size(run->batches) - 1);
  add_work(run, LIKELIHOOD_FAILED, before);
}

/* ---- what is done with it ---- */

/* NaN, once there, stays. */
static double larger(double a, double b) {
  return isnan(a) || a >= b ? a : b;
}

/* From the latents in b->x forward again: ln p and the data must come back. */
static tr_status check_forward(batch *b, const tr_cond *cond) {
  likelihood_run *run = b->run;
  tr_sampler forward = run->sampler;
  likelihood_work before = likelihood_work_done(run);
  double *logp = malloc(2 * (size_t)b->n * sizeof *logp), worst;
  forward.reverse = false;
  forward.on_progress = NULL;
  if (!logp) return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for a check");
  tr_status status = tr_sample_density(&forward, &run->density, cond, b->x, logp, logp + b->n, NULL);
  if (status == TR_OK) status = tr_axpby(1, b->x, -1, b->start, b->x);
  if (status == TR_OK) status = tr_reduce(TR_MAX_ABS, b->x, NULL, NULL, &worst);
  if (status == TR_OK) {
    run->result.check_data = larger(run->result.check_data, worst);
    for (int64_t i = 0; i < b->n; i++)
      run->result.check_logp = larger(run->result.check_logp, fabs(logp[i] - b->log_q[i] - b->value[i]));
  }
  free(logp);
  add_work(run, LIKELIHOOD_CHECK, before);
  return status;
}

static tr_status keep_rows(const batch *b, const tr_array *x, double *into) {
  return tr_array_get_f64(x, into + b->first * row_of(b));
}

/* Score, denoiser and velocity at the data of the first draw: one forward. */
static tr_status keep_fields(batch *b, const tr_cond *cond) {
  static const tr_quantity quantities[LIKELIHOOD_FIELDS] = {TR_SCORE, TR_DENOISER, TR_VELOCITY};
  likelihood_run *run = b->run;
  const double t = run->result.field_time;
  likelihood_work before = likelihood_work_done(run);
  tr_array *p = NULL, *z = NULL;
  const tr_prediction_type *prediction;
  tr_affine a;
  tr_status status;
  TR_TRY(tr_prediction_of(run->program->ctx, run->provider.drift->kind, &prediction));
  TR_TRY_GOTO(status, tr_array_like(b->x, &p), done);
  TR_TRY_GOTO(status, tr_array_like(b->x, &z), done);
  TR_TRY_GOTO(status, tr_drift_eval(run->provider.drift, (tr_times){1, &t}, b->start, cond, p), done);
  for (int q = 0; q < LIKELIHOOD_FIELDS; q++) {
    TR_TRY_GOTO(status,
                tr_convert(run->program->ctx, &run->sampler.interpolant, prediction, quantities[q], t, &a),
                done);
    TR_TRY_GOTO(status, tr_affine_apply(a, b->start, p, z), done);
    TR_TRY_GOTO(status, keep_rows(b, z, run->result.field[q]), done);
  }
done:
  tr_array_destroy(&p);
  tr_array_destroy(&z);
  add_work(run, LIKELIHOOD_SAVED_FIELDS, before);
  return status;
}

static tr_status check_finite(const batch *b, const double *values) {
  char name[300];
  for (int64_t i = 0; i < b->n; i++)
    if (!isfinite(values[i]))
      return TR_FAIL(b->run->program->ctx, TR_E_NONFINITE, "the log-density of %s is %g",
                     tr_dataset_name(&b->run->data, b->first + i, name, sizeof name), values[i]);
  return TR_OK;
}

static tr_status solve_draw(batch *b, int draw, const tr_cond *cond, tr_sample_stats *stats) {
  likelihood_run *run = b->run;
  double *value = b->value + draw * b->n;
  TR_TRY(load_data(b, draw));
  run->density.draw = (uint32_t)draw;
  run->density.probes = b->probes;
  TR_TRY(tr_sample_density(&run->sampler, &run->density, cond, b->x, value, b->se + draw * b->n, stats));
  for (int64_t i = 0; i < b->n; i++) value[i] -= b->log_q[i];
  TR_TRY(check_finite(b, value));
  if (draw > 0) return TR_OK;
  TR_TRY(keep_rows(b, b->x, run->result.latent));
  if (run->options->check) TR_TRY(check_forward(b, cond));
  return run->options->save_score ? keep_fields(b, cond) : TR_OK;
}

/* ln P of a draw's density -> the density's logarithm in the model's own space. */
static void keep_values(const batch *b) {
  likelihood_result *r = &b->run->result;
  int K = draws_of(b);
  double n = (double)row_of(b), bins = b->run->data.pixels ? n * log(TR_BINS_PER_UNIT) : 0;
  for (int64_t i = 0; i < b->n; i++) {
    int64_t at = b->first + i;
    for (int k = 0; k < K; k++) b->draws[k] = b->value[k * b->n + i];
    /* one draw shows no spread, and the probes' is not all of its error */
    double se_of_one = b->run->dequant == TR_DEQUANT_NONE ? b->se[i] : NAN;
    r->logp[at] = tr_log_mean_exp(K, b->draws, se_of_one, &r->logp_se[at]) + bins;
    r->bpd[at] = -r->logp[at] / (n * log(2)) + b->run->offset;
  }
}

/* By the place of the inputs: halves of a batch that failed begin where it began. */
static void show_place(batch *b, int draw) {
  double all = (double)b->run->data.n, share = (double)b->n / all / draws_of(b);
  progress_at(&b->run->progress, (double)b->first / all + draw * share, share, 1, 0);
}

static tr_status solve(batch *b) {
  likelihood_run *run = b->run;
  tr_cond cond = provider_cond(run->labels, b->first, b->n);
  run->sampler.first_sample = (uint64_t)b->first;
  TR_TRY(load_probes(b));
  for (int k = 0; k < draws_of(b); k++) {
    tr_sample_stats stats;
    show_place(b, k);
    TR_TRY(solve_draw(b, k, &cond, &stats));
    add_solve(run, b, k, &stats);
    TR_TRY(program_check_interrupt(run->program));
  }
  return TR_OK;
}

static tr_status one_batch(likelihood_run *run, int64_t first, int64_t n) {
  batch b = {.run = run, .first = first, .n = n};
  const likelihood_account was = run->account;
  const likelihood_work before = likelihood_work_done(run);
  tr_status status = open_batch(&b);
  if (status == TR_OK) status = solve(&b);
  if (status == TR_OK)
    keep_values(&b);
  else
    take_back(run, &was, before);
  close_batch(&b);
  return status;
}

/* The fault of an input, and not of the request as a whole. */
static bool of_an_input(tr_status status) {
  return status == TR_E_NONFINITE || status == TR_E_SOLVER;
}

/* What a solve kept of an input before it failed. */
static void clear_input(likelihood_result *r, int64_t i, int64_t row) {
  for (int64_t k = i * row; k < (i + 1) * row; k++) {
    r->latent[k] = NAN;
    for (int q = 0; q < LIKELIHOOD_FIELDS && r->field[q]; q++) r->field[q][k] = NAN;
  }
}

static tr_status batch_or_halves(likelihood_run *run, int64_t first, int64_t n) {
  tr_ctx *ctx = run->program->ctx;
  tr_status status = one_batch(run, first, n);
  if (!of_an_input(status)) return status;
  if (n == 1) {
    advice_error(ctx, status, &(advice_reader){&likelihood_table, 0, NULL});
    tr_dataset_reject(&run->data, first, "an error: %s", tr_ctx_error(ctx)->message);
    clear_input(&run->result, first, tr_dataset_row(&run->data));
  }
  tr_ctx_clear(ctx);
  if (n == 1) return TR_OK;
  TR_TRY(batch_or_halves(run, first, n / 2));
  return batch_or_halves(run, first + n / 2, n - n / 2);
}

/* ---- all of them ---- */

static tr_status allocate(likelihood_run *run) {
  likelihood_result *r = &run->result;
  size_t n = (size_t)run->data.n, all = n * (size_t)tr_dataset_row(&run->data);
  int fields = run->options->save_score ? LIKELIHOOD_FIELDS : 0;
  r->logp = malloc((3 * n + (size_t)(1 + fields) * all) * sizeof *r->logp);
  if (!r->logp)
    return machine_lacks_memory(run->program->ctx,
                                (double)(3 * n + (size_t)(1 + fields) * all) * sizeof *r->logp, (int64_t)n,
                                "inputs", "num-samples");
  for (size_t i = 0; i < 3 * n + (size_t)(1 + fields) * all; i++) r->logp[i] = NAN;
  r->logp_se = r->logp + n;
  r->bpd = r->logp_se + n;
  r->latent = r->bpd + n;
  for (int q = 0; q < fields; q++) r->field[q] = r->latent + (size_t)(q + 1) * all;
  return TR_OK;
}

/* Where the run begins if the score exists there, else a little before. */
static tr_status choose_field_time(likelihood_run *run) {
  double t = data_time(run);
  tr_coeffs at = tr_interpolant_at(&run->sampler.interpolant, t);
  const tr_prediction_type *prediction;
  tr_affine a;
  TR_TRY(tr_prediction_of(run->program->ctx, run->provider.drift->kind, &prediction));
  bool exists = tr_affine_of(prediction, &at, TR_SCORE, &a);
  run->result.field_time = exists && at.sigma > 0 ? t : 1 - 1e-3;
  return TR_OK;
}

static tr_status report_failures(likelihood_run *run) {
  tr_ctx *ctx = run->program->ctx;
  char name[300];
  int64_t last = 0;
  for (int64_t i = 0; i < run->data.n; i++) {
    if (!run->data.trouble[i]) continue;
    tr_ctx_warn(ctx, "%s is left out: it has %s", tr_dataset_name(&run->data, i, name, sizeof name),
                run->data.trouble[i]);
    run->n_failed++;
    last = i;
  }
  if (run->n_failed < run->data.n) return TR_OK;
  return TR_FAIL(ctx, TR_E_NONFINITE, "no input has a likelihood: %s has %s",
                 tr_dataset_name(&run->data, last, name, sizeof name), run->data.trouble[last]);
}

/* Inputs from `first` on that can be used, without a gap, at most a batch. */
static int64_t run_length(const likelihood_run *run, int64_t first) {
  int64_t n = 0, most = run->options->batch_size;
  while (n < most && first + n < run->data.n && !run->data.trouble[first + n]) n++;
  return n;
}

tr_status likelihood_batches(likelihood_run *run) {
  tr_status status = allocate(run);
  double started = program_seconds();
  run->batches = json_array();
  if (status == TR_OK) status = choose_field_time(run);
  progress_start(&run->progress);
  for (int64_t first = 0; status == TR_OK && first < run->data.n;) {
    int64_t n = run_length(run, first);
    if (n) status = batch_or_halves(run, first, n);
    first += n ? n : 1;
  }
  progress_end(&run->progress);
  run->seconds = program_seconds() - started;
  return status == TR_OK ? report_failures(run) : status;
}

stat_average likelihood_average(const likelihood_run *run, const double *values) {
  return stat_average_of(run->data.n, values);
}
