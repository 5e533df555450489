/* transit likelihood: log-likelihoods of data under a checkpoint. */
#include <math.h>
#include <stdlib.h>

#include "experiments/commands.h"
#include "experiments/likelihood/run.h"
#include "experiments/output/claim.h"
#include "experiments/output/gnuplot.h"
#include "experiments/output/machine.h"

#define TABLE_ROWS 20 /* on the terminal */

static tr_status open_folder(likelihood_run *run) {
  likelihood_options *o = run->options;
  return claim_open(run->program, &(claim){&likelihood_table, run->parsed, o, &o->machine, false}, &run->dir);
}

static tr_status open_all(likelihood_run *run) {
  static const guidance_options unguided = {.scale = 1, .channels = "all"};
  likelihood_options *o = run->options;
  tr_ctx *ctx;
  TR_TRY(provider_load(run->program, &o->model, &o->machine, o->seed, &run->provider));
  ctx = run->program->ctx;
  TR_TRY(likelihood_setup(run));
  TR_TRY(open_folder(run));
  TR_TRY(file_hash_start(ctx, o->model.ckpt, &run->hash));
  TR_TRY(provider_build(run->program, &unguided, &run->provider));
  run->sampler.drift = run->provider.drift;
  return provider_recompute(run->program, &run->provider, o->recompute);
}

/* A column that a space precedes. */
static void print_number(int width, double value) {
  if (isfinite(value))
    printf(" %*.4f", width, value);
  else
    printf(" %*s", width, "-");
}

static void print_class(int32_t label) {
  if (label >= 0)
    printf("%6d", label);
  else
    printf("%6s", "-");
}

/* ln p, its error and what 95 % of it is; where it holds no spread, what the error is says why. */
static void print_logp(const likelihood_run *run, int64_t i) {
  double logp = run->result.logp[i], factor = likelihood_se_factor(run);
  double error = isfinite(factor) ? run->result.logp_se[i] : NAN;
  print_number(12, logp);
  print_number(10, error);
  print_number(12, logp - factor * error);
  print_number(12, logp + factor * error);
}

static void print_error_is(const likelihood_run *run) {
  char text[256];
  likelihood_se_is(run, text, sizeof text);
  if (run->density.trace->sampled || run->dequant != TR_DEQUANT_NONE)
    printf("error: %s (--check)\n", text);
  else
    printf("no probe error; the solver's is not in it (--check)\n");
}

static void print_table(const likelihood_run *run) {
  const likelihood_result *r = &run->result;
  int64_t shown = run->data.n <= TABLE_ROWS ? run->data.n : TABLE_ROWS;
  char name[300];
  printf("%-20s %6s %12s %10s %12s %12s %10s\n", "", "class", "ln p (nats)", "error", "95 % from", "to",
         "bits/dim");
  for (int64_t i = 0; i < shown; i++) {
    printf("%-20s ", tr_dataset_name(&run->data, i, name, sizeof name));
    print_class(run->labels ? run->labels[i] : -1);
    print_logp(run, i);
    print_number(10, r->bpd[i]);
    printf("%s%s\n", run->data.trouble[i] ? "  left out: it has " : "",
           run->data.trouble[i] ? run->data.trouble[i] : "");
  }
  if (shown < run->data.n) printf("and %lld more in likelihood.npz\n", (long long)(run->data.n - shown));
  print_error_is(run);
}

/* Bits per dimension are compared to two digits. */
#define CHECK_BITS 0.01

static void warn_of_check(const likelihood_run *run) {
  double dimensions = (double)provider_row(&run->provider), differs = run->result.check_logp;
  if (run->options->check && !(differs <= CHECK_BITS * dimensions * log(2)))
    tr_ctx_warn(
        run->program->ctx,
        "ln p along the two directions differs by up to %.3g nats, %.2g bits per dimension: the solver "
        "errs that much; ask for smaller tolerances, or more steps of a fixed grid",
        differs, differs / dimensions / log(2));
}

/* Levels of an image have probabilities, which are at most 1. */
static void warn_of_bits(const likelihood_run *run) {
  int64_t below = 0;
  for (int64_t i = 0; i < run->data.n; i++) below += run->result.bpd[i] < 0;
  if (run->data.pixels && below > 0)
    tr_ctx_warn(
        run->program->ctx,
        "%lld of %lld images have less than 0 bits per dimension, which no probability of levels gives: "
        "see --check, smaller tolerances or more steps, and --dequant",
        (long long)below, (long long)run->data.n);
}

static void print_summary(const likelihood_run *run, bool drawn) {
  const likelihood_options *o = run->options;
  stat_average logp = likelihood_average(run, run->result.logp),
               bpd = likelihood_average(run, run->result.bpd);
  long long kept = (long long)(run->data.n - run->n_failed);
  printf("mean of %lld: ln p ", kept);
  stat_print("%.4f", logp);
  printf(" nats, ");
  stat_print("%.5f", bpd);
  printf(" bits/dim (offset %.6f)\n", run->offset);
  printf("dequantisation %s%s", run->dequantisation, o->dequant_samples > 1 ? "" : "\n");
  if (o->dequant_samples > 1) printf(", mean over %ld draws inside the logarithm\n", o->dequant_samples);
  if (run->n_failed)
    printf("left out: %lld of %lld inputs (run.json says why)\n", (long long)run->n_failed,
           (long long)run->data.n);
  if (o->check)
    printf("check: both directions differ by at most %.3g nats in ln p and %.3g in the data%s\n",
           run->result.check_logp, run->result.check_data,
           o->dequant_samples > 1 ? " (of the first draw)" : "");
  if (provider_transfers(&run->provider))
    printf("along %s, which a model of %s was transferred to\n", o->sample_path, o->model.path_type);
  printf("%s, %s trace: network forwards %ld and backwards %ld a batch, %.2f s\n",
         run->account.largest.solver, o->trace, run->account.largest.nfe, run->account.largest.n_vjp,
         run->seconds);
  machine_print_memory(run->program->ctx);
  printf("wrote %s/likelihood.npz, run.json, histogram.%s\n", o->machine.out,
         drawn ? "png" : "dat and histogram.gp (gnuplot draws it)");
}

static void close_all(likelihood_run *run) {
  file_hash_discard(&run->hash);
  out_dir_discard(&run->dir);
  json_decref(run->batches);
  given_close(&run->probe);
  tr_dataset_close(&run->data);
  free(run->labels);
  free(run->grid_list);
  free(run->result.logp);
  provider_close(&run->provider);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  likelihood_run run = {.program = p, .parsed = parsed, .options = values, .started = program_seconds()};
  tr_status status = open_all(&run);
  if (status == TR_OK) status = likelihood_batches(&run);
  if (status == TR_OK) status = likelihood_save(&run);
  if (status == TR_OK) {
    bool drawn = gnuplot_draw(run.options->machine.out, "histogram.gp");
    print_table(&run);
    print_summary(&run, drawn);
    warn_of_check(&run);
    warn_of_bits(&run);
  }
  close_all(&run);
  return status;
}

const command command_likelihood = {.table = &likelihood_table,
                                    .run = run,
                                    .results = (const char *const[]){"likelihood.npz", "histogram.dat",
                                                                     "histogram.gp", "histogram.png", NULL}};
