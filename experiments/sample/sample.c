/* transit sample: draws samples from a checkpoint by the ODE or the SDE. */
#include <math.h>
#include <stdlib.h>

#include "core/io/image/image.h"
#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/common/density_options.h"
#include "experiments/common/intervals.h"
#include "experiments/output/claim.h"
#include "experiments/output/machine.h"
#include "experiments/sample/likelihood.h"
#include "experiments/sample/run.h"
#include "experiments/sample/shards/shards.h"

static tr_status open_folder(sample_run *run) {
  sample_options *o = run->options;
  return claim_open(run->program, &(claim){&sample_table, run->parsed, o, &o->machine, false}, &run->dir);
}

static tr_status open_all(sample_run *run) {
  sample_options *o = run->options;
  TR_TRY(sample_find_weights(run));
  TR_TRY(provider_load(run->program, &o->model, &o->machine, o->seed, &run->provider));
  TR_TRY(provider_load_guide(run->program, &o->guidance, &run->provider));
  TR_TRY(sample_setup(run));
  if (run->program->rank == 0 && !run->in_shards) TR_TRY(open_folder(run));
  TR_TRY(file_hash_start(run->program->ctx, o->model.ckpt, &run->hash));
  TR_TRY(provider_build(run->program, &o->guidance, &run->provider));
  run->sampler.drift = run->provider.drift;
  TR_TRY(provider_recompute(run->program, &run->provider, o->recompute));
  return run->in_shards ? TR_OK : sample_result_allocate(run->program->ctx, &run->result);
}

/* Options, network and memory, on every rank; the folder is that of the first one. */
static tr_status begin(sample_run *run) {
  TR_TRY(sample_ranks_options(run));
  TR_TRY(ranks_agree(run->program, open_all(run)));
  if (!run->in_shards) sample_ranks_warn(run);
  TR_TRY(ranks_devices(run->program, run->devices));
  run->program->at_work = true;
  return TR_OK;
}

static tr_status save_all(sample_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const char *path;
  TR_TRY(sample_result_save(ctx, &run->result, run->dir));
  TR_TRY(gif_save(ctx, &run->gif, run->dir));
  TR_TRY(out_dir_stage(ctx, run->dir, "run.json", &path));
  TR_TRY(sample_record(run, path));
  TR_TRY(program_check_interrupt(run->program));
  return out_dir_commit(ctx, &run->dir);
}

static tr_status save(sample_run *run) {
  TR_TRY(sample_ranks_files(run));
  return ranks_agree(run->program, run->program->rank == 0 ? save_all(run) : TR_OK);
}

static void print_density(const sample_run *run) {
  const sample_result *r = &run->result;
  stat_average all = stat_average_of(r->shape[0], r->logp);
  double error = stat_average_of(r->shape[0], r->logp_se).mean;
  printf("ln p of the samples: mean ");
  stat_print("%.4f", all);
  printf(" nats");
  if (!run->density.trace->sampled) printf(", no probe error; the solver's is not in it");
  if (run->density.n_probes > 1 && run->density.trace->sampled)
    printf(", error of one %.4f (95 %%: +- %.4f)", error, density_se_factor(&run->density) * error);
  printf(" (%s trace, %ld backwards a sample)\n", run->options->trace, run->totals.n_vjp);
}

static void print_files(const sample_run *run) {
  const char *folder = run->options->machine.out;
  const bool shown = pictures_any(&run->pictures);
  printf("wrote %s/samples.npz%s%s", folder, shown ? ", samples.png" : "",
         run->options->gif ? ", samples.gif" : "");
  if (run->in_shards && shown) printf(", " IMAGES_FOLDER "/%06d.png to %06lld.png", 0, (long long)run->n - 1);
  printf(" and run.json%s\n", shown ? ""
                              : provider_info(&run->provider)->ndim == 3
                                  ? " (no picture: the states are latents)"
                                  : " (no picture: states of numbers are no images)");
}

static void print_summary(const sample_run *run) {
  const sample_options *o = run->options;
  const tr_net_info *info = provider_info(&run->provider);
  char shape[96];
  const tr_sample_stats *stats = &run->totals;
  bool moved = provider_transfers(&run->provider);
  printf("%lld sample%s (%s) of %s: %s %s%s%s, %s\n", (long long)run->n, PLURAL(run->n),
         provider_say_shape(info, shape, sizeof shape), TR_SHOW(o->model.ckpt, 4095), o->model.path_type,
         o->model.prediction, moved ? " along " : "", moved ? o->sample_path : "", stats->solver);
  printf("network evaluations %ld a sample, %ld step%s, %ld rejected, %d batch%s", stats->nfe, stats->n_steps,
         PLURAL(stats->n_steps), stats->n_rejected, run->n_batches, run->n_batches == 1 ? "" : "es");
  if (guide_used(&run->provider.guide))
    printf(" (in all batches %ld of the model, %ld of the guide)", run->nfe_total - run->nfe_guide,
           run->nfe_guide);
  if (run->program->comm) printf(" on %d ranks%s", ranks_count(run->program), run->devices);
  printf(", %.2f s\n", run->seconds);
  if (run->in_shards && run->shards.found)
    printf("%lld of the samples were there already\n", (long long)run->shards.found);
  if (stats->stop_reason != TR_STOP_END)
    printf("stopped at t = %.6g because of --max-nfe %ld\n", stats->t_end, o->max_nfe);
  if (run->result.logp) print_density(run);
  machine_print_memory(run->program->ctx);
  print_files(run);
}

static void close_all(sample_run *run, tr_status status) {
  if (run->in_shards) shards_close(run, status);
  out_dir_discard(&run->dir);
  sample_setup_free(run);
  provider_close(&run->provider);
  sample_result_free(&run->result);
  free(run->fetched);
}

static tr_status run_whole(sample_run *run) {
  TR_TRY(sample_batches(run));
  TR_TRY(save(run));
  if (run->program->rank == 0) print_summary(run);
  return TR_OK;
}

static tr_status run_in_shards(sample_run *run) {
  const bool speaks = run->program->rank == 0;
  TR_TRY(shards_open(run));
  if (run->shards.complete) {
    if (speaks)
      printf("all %lld samples are there already: %s/samples.npz\n", (long long)run->n, run->shards.folder);
    return TR_OK;
  }
  TR_TRY(shards_draw(run));
  TR_TRY(shards_join(run));
  if (speaks) print_summary(run);
  return TR_OK;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  sample_run run = {
      .program = p, .parsed = parsed, .options = values, .started = program_seconds(), .shards.lock.fd = -1};
  tr_status status = begin(&run);
  if (status == TR_OK) status = run.in_shards ? shards_explain(&run, run_in_shards(&run)) : run_whole(&run);
  close_all(&run, status);
  return status;
}

const command command_sample = {
    .table = &sample_table,
    .run = run,
    .instead = sample_instead,
    .ranks = true,
    .results = (const char *const[]){"samples.npz", "samples.png", "samples.gif", NULL},
    .pieces =
        (const char *const[]){"samples.npz", "samples.png", "run.json", SHARDS_FOLDER, IMAGES_FOLDER, NULL}};
