/* Sampling on several ranks under mpirun. Samples are addressed, and a batch has its bits from its own
 * samples alone: so ranks that draw whole batches draw what one process would, adaptive solvers too. */
#include "core/text.h"
#include "experiments/sample/run.h"

tr_status sample_ranks_options(const sample_run *run) {
  static const char *const own[] = {"threads", NULL};
  return ranks_same_options(run->program, &sample_table, run->parsed, run->options, own);
}

int64_t sample_ranks_first(const sample_run *run, int rank) {
  const int64_t n = sample_batch_count(run), ranks = ranks_count(run->program), more = n % ranks;
  return n / ranks * rank + (rank < more ? rank : more);
}

void sample_ranks_warn(const sample_run *run) {
  const int64_t n = sample_batch_count(run), ranks = ranks_count(run->program), all = run->n;
  if (n >= ranks || run->program->rank) return;
  if (all >= ranks)
    tr_ctx_warn(run->program->ctx,
                "%lld batch%s on %lld ranks: some have nothing to do, with --batch-size %lld or less all do",
                (long long)n, n == 1 ? "" : "es", (long long)ranks, (long long)(all / ranks));
  else
    tr_ctx_warn(run->program->ctx, "%lld sample%s on %lld ranks: some have nothing to do", (long long)all,
                PLURAL(all), (long long)ranks);
}

/* What one rank has drawn. */
static tr_status share(sample_run *run, int rank) {
  const int64_t from = sample_ranks_first(run, rank), to = sample_ranks_first(run, rank + 1);
  tr_comm *comm = run->program->comm;
  if (from == to) return TR_OK;
  TR_TRY(tr_comm_broadcast_bytes(comm, rank, &run->batch[from], (size_t)(to - from) * sizeof *run->batch));
  const sample_batch *last = &run->batch[to - 1];
  const int64_t first = run->batch[from].first, n = last->first + last->n - first;
  TR_TRY(gif_share(&run->gif, comm, rank, first, n));
  return sample_result_share(&run->result, comm, rank, first, n);
}

static tr_status share_all(sample_run *run) {
  /* A coefficient's words are the same for all batches: those of this process. */
  const char *convention = run->batch[0].stats.convention;
  double counts[2] = {(double)run->recomputed, (double)run->gif.nfe};
  for (int r = 0; r < ranks_count(run->program); r++) TR_TRY(share(run, r));
  for (int64_t i = 0; i < sample_batch_count(run); i++) run->batch[i].stats.convention = convention;
  TR_TRY(tr_comm_reduce(run->program->comm, TR_COMM_SUM, 2, counts));
  run->recomputed = (long)counts[0];
  run->gif.nfe = (long)counts[1];
  return TR_OK;
}

tr_status sample_ranks_gather(sample_run *run) {
  const guide *g = &run->provider.guide;
  run->recomputed = tr_net_recomputed(run->provider.net) + (g->net ? tr_net_recomputed(g->net) : 0);
  return run->program->comm ? share_all(run) : TR_OK;
}

static tr_status same_file(sample_run *run, const char *option, file_hash *hash) {
  tr_ctx *ctx = run->program->ctx;
  bool alike = true;
  TR_TRY(ranks_agree(run->program, file_hash_finish(ctx, hash)));
  if (run->program->comm) TR_TRY(tr_comm_alike(run->program->comm, hash->hex, sizeof hash->hex, &alike));
  return alike ? TR_OK
               : TR_FAIL(ctx, TR_E_IO, "%s '%s' is another file for one rank than for another", option,
                         TR_SHOW(hash->path, 200));
}

tr_status sample_ranks_files(sample_run *run) {
  TR_TRY(same_file(run, "--ckpt", &run->hash));
  if (run->options->init) TR_TRY(same_file(run, "--init", &run->init_hash));
  if (run->options->noise) TR_TRY(same_file(run, "--noise", &run->noise_hash));
  if (run->provider.guide.model) TR_TRY(same_file(run, "--guide-ckpt", &run->provider.guide.hash));
  return run->vae.vae ? same_file(run, "--vae", &run->vae.hash) : TR_OK;
}
