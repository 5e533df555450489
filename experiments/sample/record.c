#include "experiments/common/density_options.h"
#include "experiments/output/ranks.h"
#include "experiments/output/run_record.h"
#include "experiments/sample/run.h"

/* What the solver did; the numbers of one batch stand at the top level (run.h says which). */
static void add_statistics(const sample_run *run, json_t *json) {
  const tr_sample_stats *s = &run->totals;
  bool sde = sample_is_sde(run);
  bool noised = sde && tr_noised_ode_of(run->sampler.sde.method), own = sde && !noised;
  bool adaptive = sample_is_adaptive(run);
  double rtol = own ? run->sampler.sde.rtol : s->ode.rtol_used,
         atol = own ? run->sampler.sde.atol : s->ode.atol_used;
  record_work(json, s, run->nfe_total);
  if (run->result.logp) {
    record_backwards(json, s, run->n_vjp_total, run->recomputed);
    json_object_set_new(json, "logp_nats",
                        record_average(stat_average_of(run->result.shape[0], run->result.logp)));
    json_object_set_new(json, "logp_se_is", json_string(density_se_is(&run->density)));
    json_object_set_new(json, "logp_se_student95", record_number(density_se_factor(&run->density)));
    json_object_set_new(json, "logp_of",
                        json_string("the samples under the flow that drew them, in nats; of the state at "
                                    "t_end where --max-nfe stopped the run"));
  }
  json_object_set_new(json, "stop_reason", json_string(tr_stop_name(s->stop_reason)));
  json_object_set_new(json, "t_start", record_number(s->t0));
  json_object_set_new(json, "t_end", record_number(s->t_end));
  json_object_set_new(json, "clock", json_string(own ? "t" : tr_clock_name(s->clock)));
  json_object_set_new(json, "rtol_used", adaptive ? record_number(rtol) : json_null());
  json_object_set_new(json, "atol_used", adaptive ? record_number(atol) : json_null());
  json_object_set_new(json, "diffusion_convention",
                      *s->convention ? record_text(s->convention) : json_null());
  const tr_diffusion *form = &run->sampler.diffusion;
  if (sde && form->type && form->type->without_table && !form->table)
    json_object_set_new(json, "without_diffusion_table", json_string(form->type->without_table));
  json_object_set(json, "batches", run->batches);
  if (run->program->comm) json_object_set_new(json, "ranks", json_integer(ranks_count(run->program)));
  if (run->in_shards) json_object_set_new(json, "samples_found", json_integer(run->shards.found));
}

void sample_record_inputs(const sample_run *run, json_t *json) {
  const sample_options *o = run->options;
  record_files(json, run->grid_list, run->sampler.grid.n_list, run->table);
  if (run->vae.vae) json_object_set_new(json, "autoencoder", autoencoder_record(&run->vae));
  if (o->init) json_object_set_new(json, "init_sha256", json_string(run->init_hash.hex));
  if (o->noise) json_object_set_new(json, "noise_sha256", json_string(run->noise_hash.hex));
}

tr_status sample_record(const sample_run *run, const char *path) {
  json_t *json = record_create(run->program, &sample_table, run->parsed, run->options);
  json_object_set_new(json, "checkpoint",
                      record_checkpoint(run->provider.model, run->options->model.ckpt, &run->hash));
  if (run->provider.guide.model) {
    json_t *guide = guide_record(&run->provider.guide);
    json_object_set_new(guide, "nfe_all_batches", json_integer(run->nfe_guide));
    json_object_set_new(json, "guide", guide);
  }
  if (run->options->gif) json_object_set_new(json, "gif", gif_record(&run->gif));
  add_statistics(run, json);
  record_memory(json, run->program->ctx);
  json_object_set_new(json, "labels",
                      json_string(run->result.labels ? run->labels_from : "none: an unconditional model"));
  json_object_set_new(json, "wall_seconds", record_number(program_seconds() - run->started));
  json_object_set_new(json, "sampling_seconds", record_number(run->seconds));
  sample_record_inputs(run, json);
  const tr_status status = record_save(run->program->ctx, json, path);
  json_decref(json);
  return status;
}
