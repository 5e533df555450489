#include <stdlib.h>

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
  slices user = {&run->noise, run->n, provider_row(&run->provider), (int64_t)run->sampler.first_sample};
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

void sample_account(sample_run *run, const sample_batch *b) {
  const tr_sample_stats *stats = &b->stats;
  json_t *batch = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:s}", "first", (json_int_t)b->first, "samples",
                            (json_int_t)b->n, "nfe", (json_int_t)stats->nfe, "n_steps",
                            (json_int_t)stats->n_steps, "n_rejected", (json_int_t)stats->n_rejected, "t_end",
                            record_number(stats->t_end), "stop_reason", tr_stop_name(stats->stop_reason));
  json_array_append_new(run->batches, batch);
  gif_account(&run->gif, b->first, b->n_frames);
  if (b->n_put < run->result.n_reached) run->result.n_reached = b->n_put;
  if (run->n_batches++ == 0 || stands_for_more(stats, &run->totals)) run->totals = *stats;
  run->nfe_total += stats->nfe;
  run->nfe_guide += b->nfe_guide;
  run->n_vjp_total += stats->n_vjp;
}

static tr_status solve_ode(const sample_run *run, const tr_cond *cond, tr_array *x, tr_sample_stats *stats) {
  const sample_result *r = &run->result;
  const int64_t first = (int64_t)run->sampler.first_sample - run->first;
  if (!r->logp) return tr_sample_ode(&run->sampler, cond, x, stats);
  return tr_sample_density(&run->sampler, &run->density, cond, x, r->logp + first, r->logp_se + first, stats);
}

static tr_status draw_into(sample_run *run, sample_batch *b, tr_array *x) {
  const long guide_before = guide_forwards_done(&run->provider.guide);
  tr_cond cond = provider_cond(run->result.labels, b->first, b->n);
  run->now = b;
  b->n_put = b->n_frames = 0;
  TR_TRY(start_state(run, x));
  TR_TRY(sample_is_sde(run) ? solve_sde(run, &cond, x, &b->stats) : solve_ode(run, &cond, x, &b->stats));
  b->nfe_guide = guide_forwards_done(&run->provider.guide) - guide_before;
  const int64_t at = b->first - run->first;
  TR_TRY(sample_result_put(&run->result, at, x));
  if (pictures_any(&run->pictures))
    TR_TRY(run->pictures.make(&run->pictures, x, sample_result_picture(&run->result, at)));
  TR_TRY(gif_denoise(&run->gif, &run->sampler, b->first, b->n_frames, run->result.labels));
  return program_check_interrupt(run->program);
}

tr_status sample_draw(sample_run *run, int64_t first, int64_t n, double share, sample_batch *b) {
  tr_array *x;
  b->first = first, b->n = n;
  TR_TRY(provider_states(run->program, &run->provider, n, &x));
  run->sampler.first_sample = (uint64_t)first;
  progress_part(&run->progress, share, run->sampler.reverse, !run->sampler.reverse);
  tr_status status = draw_into(run, b, x);
  tr_array_destroy(&x);
  return status;
}

/* One of the `all` samples of this rank. */
static tr_status draw_batch(sample_run *run, int64_t number, int64_t all) {
  const int64_t size = run->options->batch_size, first = number * size, left = run->n - first,
                n = left < size ? left : size;
  return sample_draw(run, first, n, (double)n / (double)all, &run->batch[number]);
}

int64_t sample_batch_count(const sample_run *run) {
  return (run->n + run->options->batch_size - 1) / run->options->batch_size;
}

/* The first rank has as many batches as any. */
static tr_status draw_all(sample_run *run) {
  const int rank = run->program->rank;
  const int64_t from = sample_ranks_first(run, rank), to = sample_ranks_first(run, rank + 1),
                turns = sample_ranks_first(run, 1);
  const int64_t end = to * run->options->batch_size, total = run->n,
                all = (end < total ? end : total) - from * run->options->batch_size;
  tr_status status = TR_OK;
  for (int64_t k = 0; status == TR_OK && k < turns; k++)
    status = ranks_agree(run->program, from + k < to ? draw_batch(run, from + k, all) : TR_OK);
  return status;
}

tr_status sample_batches(sample_run *run) {
  const int64_t n = sample_batch_count(run);
  double started = program_seconds();
  run->batch = calloc((size_t)n, sizeof *run->batch);
  TR_TRY(ranks_agree(run->program, run->batch ? TR_OK
                                              : TR_FAIL(run->program->ctx, TR_E_MEM,
                                                        "out of memory for %lld batches", (long long)n)));
  progress_start(&run->progress);
  run->progress.shown = run->progress.shown && run->program->rank == 0;
  tr_status status = draw_all(run);
  progress_end(&run->progress);
  if (status == TR_OK) status = sample_ranks_gather(run);
  run->batches = json_array();
  for (int64_t i = 0; status == TR_OK && i < n; i++) sample_account(run, &run->batch[i]);
  run->seconds = program_seconds() - started;
  return status;
}
