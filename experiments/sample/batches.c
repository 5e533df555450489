#include "experiments/output/run_record.h"
#include "experiments/sample/run.h"

/* The given normals of one batch: slice `step` of the file, rows of this batch. */
typedef struct {
  const given *noise;
  int64_t samples, row, first; /* of the whole file; first sample of the batch */
} slices;

static tr_status read_slice(long step, tr_array *z, void *user) {
  const slices *s = user;
  return given_read(s->noise, (step * s->samples + s->first) * s->row, z);
}

static tr_status start_state(const sample_run *run, tr_array *x) {
  int64_t first = (int64_t)run->sampler.first_sample;
  if (run->options->init) return given_read(&run->init, first * provider_row(&run->provider), x);
  return tr_sample_init(&run->sampler, x);
}

static tr_status solve_sde(const sample_run *run, const tr_cond *cond, tr_array *x, tr_sample_stats *stats) {
  if (!run->options->noise) return tr_sample_sde(&run->sampler, cond, x, stats);
  slices user = {&run->noise, run->result.shape[0], provider_row(&run->provider),
                 (int64_t)run->sampler.first_sample};
  tr_sampler sampler = run->sampler;
  tr_brownian *path;
  TR_TRY(tr_brownian_create_given(run->program->ctx, run->options->num_sampling_steps - 1, read_slice, &user,
                                  &path));
  sampler.path = path;
  tr_status status = tr_sample_sde(&sampler, cond, x, stats);
  tr_brownian_destroy(&path);
  return status;
}

/* The run's own record is that of a batch cut short, if there is one, and of the most evaluations among
 * equals. */
static bool stands_for_more(const tr_sample_stats *batch, const tr_sample_stats *so_far) {
  bool cut = batch->stop_reason != TR_STOP_END, was_cut = so_far->stop_reason != TR_STOP_END;
  return cut != was_cut ? cut : batch->nfe > so_far->nfe;
}

static void account(sample_run *run, int64_t n, const tr_sample_stats *stats) {
  json_t *batch =
      json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:s}", "first", (json_int_t)run->sampler.first_sample,
                "samples", (json_int_t)n, "nfe", (json_int_t)stats->nfe, "n_steps",
                (json_int_t)stats->n_steps, "n_rejected", (json_int_t)stats->n_rejected, "t_end",
                record_number(stats->t_end), "stop_reason", tr_stop_name(stats->stop_reason));
  json_array_append_new(run->batches, batch);
  if (run->n_put < run->result.n_reached) run->result.n_reached = run->n_put;
  if (run->n_batches++ == 0 || stands_for_more(stats, &run->totals)) run->totals = *stats;
  run->nfe_total += stats->nfe;
  run->n_vjp_total += stats->n_vjp;
}

static tr_status solve_ode(const sample_run *run, const tr_cond *cond, tr_array *x, tr_sample_stats *stats) {
  const sample_result *r = &run->result;
  int64_t first = (int64_t)run->sampler.first_sample;
  if (!r->logp) return tr_sample_ode(&run->sampler, cond, x, stats);
  return tr_sample_density(&run->sampler, &run->density, cond, x, r->logp + first, r->logp_se + first, stats);
}

static tr_status draw_into(sample_run *run, int64_t n, tr_array *x) {
  int64_t first = (int64_t)run->sampler.first_sample;
  tr_cond cond = provider_cond(run->result.labels, first, n);
  tr_sample_stats stats;
  run->n_put = 0;
  TR_TRY(start_state(run, x));
  TR_TRY(sample_is_sde(run) ? solve_sde(run, &cond, x, &stats) : solve_ode(run, &cond, x, &stats));
  TR_TRY(sample_result_put(&run->result, first, x));
  account(run, n, &stats);
  return program_check_interrupt(run->program);
}

static tr_status draw_batch(sample_run *run, int64_t first, int64_t n) {
  tr_array *x;
  TR_TRY(provider_states(run->program, &run->provider, n, &x));
  run->sampler.first_sample = (uint64_t)first;
  progress_part(&run->progress, (double)n / (double)run->result.shape[0], run->sampler.reverse,
                !run->sampler.reverse);
  tr_status status = draw_into(run, n, x);
  tr_array_destroy(&x);
  return status;
}

tr_status sample_batches(sample_run *run) {
  int64_t total = run->result.shape[0], size = run->options->batch_size;
  tr_status status = TR_OK;
  double started = program_seconds();
  run->batches = json_array();
  progress_start(&run->progress);
  for (int64_t first = 0; status == TR_OK && first < total; first += size)
    status = draw_batch(run, first, total - first < size ? total - first : size);
  progress_end(&run->progress);
  run->seconds = program_seconds() - started;
  return status;
}
