/* The training loss of each row, at a time and with a noise of its own, and the gradient of the mean. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/params.h"
#include "core/vec/vec.h"
#include "experiments/measure/loss_run.h"
#include "experiments/output/npz_put.h"
#include "nets/train/draws.h"
#include "transport/path/interval.h"

/* ---- opening ---- */

/* The weight that the checkpoint was trained with, unless another is asked for. */
static tr_status find_weight(loss_run *run) {
  const char **name = &run->options->loss_weight;
  if (!*name) *name = tr_checkpoint_arg(run->provider.model->checkpoint, "loss_weight");
  if (!*name || strcmp(*name, "None") == 0) *name = "none";
  TR_TRY(tr_loss_weight_find(run->program->ctx, *name, &run->rows.loss.weight));
  *name = run->rows.loss.weight->info.name;
  return TR_OK;
}

/* As a training draws them in its first step. */
static tr_status draw_times(loss_run *run) {
  const provider *p = &run->provider;
  tr_ctx *ctx = run->program->ctx;
  tr_time_law law = {.sampling = TR_TIMES_UNIFORM};
  const tr_train_rows rows = {.seed = run->options->seed, .n = run->n, .global = run->n};
  run->rows.t = malloc((size_t)run->n * sizeof *run->rows.t);
  if (!run->rows.t) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld times", (long long)run->n);
  TR_TRY(tr_interval_train(ctx, &p->interpolant, p->prediction->tag, TR_EPS_DEFAULT, &law.t0, &law.t1));
  return tr_draw_times(ctx, &rows, &law, run->rows.t);
}

tr_status loss_rows_open(loss_run *run) {
  loss_rows *r = &run->rows;
  const char *times = run->options->times;
  r->loss.interpolant = run->provider.interpolant;
  r->loss.prediction = run->provider.prediction;
  TR_TRY(find_weight(run));
  TR_TRY(times ? given_times(run->program->ctx, times, run->n, &r->t) : draw_times(run));
  r->each = calloc((size_t)run->n, sizeof *r->each);
  return r->each ? TR_OK
                 : TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld losses", (long long)run->n);
}

tr_status loss_rows_prepare(loss_run *run) {
  loss_rows *r = &run->rows;
  const int64_t batch = run->options->batch_size;
  TR_TRY(tr_loss_rows_create(run->program->ctx, batch, &r->numbers));
  TR_TRY(tr_array_create(run->program->ctx, TR_F64, 1, &batch, &r->of_batch));
  return run->options->grad_norms ? tr_params_like(tr_net_params(run->provider.net), &r->gradient) : TR_OK;
}

void loss_rows_close(loss_rows *r) {
  tr_loss_rows_destroy(&r->numbers);
  tr_array_destroy(&r->of_batch);
  tr_array_destroy(&r->gradient);
  free(r->t);
  free(r->each);
}

/* ---- measuring ---- */

typedef struct {
  const loss_run *run;
  const loss_batch *batch;
} passed;

/* The losses of some rows of a batch from their predictions, and dp = d(mean loss)/dp unless it is NULL. */
static tr_status eval(const passed *p, int64_t first, const tr_array *f, tr_array *dp) {
  const int64_t n = f->shape[0];
  const loss_rows *r = &p->run->rows;
  tr_array x1 = tr_rows(p->batch->x1, first, n), x0 = tr_rows(p->batch->x0, first, n),
           loss = tr_rows(r->of_batch, first, n);
  return tr_loss_rows_eval(r->numbers, first, f, &x1, &x0, 1 / (double)p->run->n, &loss, dp);
}

static tr_status covector(void *user, int64_t first, const tr_array *f, tr_array *w) {
  return eval(user, first, f, w);
}

static tr_status pass(const passed *p, const loss_batch *b) {
  const loss_rows *r = &p->run->rows;
  tr_drift *drift = p->run->provider.drift;
  const tr_cond cond = loss_cond(p->run, b);
  const tr_times times = {b->n, r->t + b->first};
  if (r->gradient) return tr_drift_gradient(drift, times, b->xt, &cond, covector, (void *)p, r->gradient);
  TR_TRY(tr_drift_eval(drift, times, b->xt, &cond, b->v));
  return eval(p, 0, b->v, NULL);
}

tr_status loss_rows_add(loss_run *run, const loss_batch *b) {
  loss_rows *r = &run->rows;
  const passed p = {run, b};
  TR_TRY(tr_loss_rows_set(r->numbers, &r->loss, (tr_times){b->n, r->t + b->first}, b->n));
  TR_TRY(loss_noise(run, TR_RANDOM_NOISE, 0, b));
  TR_TRY(tr_loss_rows_interpolate(r->numbers, 0, b->x1, b->x0, b->xt));
  TR_TRY(pass(&p, b));
  tr_array losses = tr_rows(r->of_batch, 0, b->n);
  TR_TRY(tr_array_download(&losses, r->each + b->first));
  return program_check_interrupt(run->program);
}

/* ---- saving ---- */

/* Names of the parameters that are trained, in the order of the network, and the norms of their gradients. */
typedef struct {
  int n;
  const char **names;
  double *norms;
} gradient_norms;

static tr_status take_norms(const loss_run *run, gradient_norms *g) {
  const tr_params *params = tr_net_params(run->provider.net);
  for (int i = 0; i < tr_params_n(params); i++) {
    const tr_param_entry *entry = tr_params_entry(params, i);
    if (entry->frozen) continue;
    tr_array part = tr_params_at(params, run->rows.gradient, i);
    TR_TRY(tr_reduce(TR_SUM_XY, &part, &part, NULL, &g->norms[g->n]));
    g->norms[g->n] = sqrt(g->norms[g->n]);
    g->names[g->n++] = entry->name;
  }
  return TR_OK;
}

static tr_status put_norms(const loss_run *run, tr_npz_out *npz, gradient_norms *g) {
  tr_ctx *ctx = run->program->ctx;
  const size_t most = (size_t)tr_params_n(tr_net_params(run->provider.net));
  g->names = calloc(most, sizeof *g->names);
  g->norms = calloc(most, sizeof *g->norms);
  if (!g->names || !g->norms)
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for the names of %zu parameters", most);
  TR_TRY(take_norms(run, g));
  const int64_t n = g->n;
  TR_TRY(tr_npz_add_texts(npz, "grad_names", n, g->names));
  return npz_put(ctx, npz, "grad_norms", TR_F64, 1, &n, g->norms);
}

static tr_status put_gradient(const loss_run *run, tr_npz_out *npz) {
  gradient_norms g = {0};
  tr_status status = put_norms(run, npz, &g);
  free(g.names);
  free(g.norms);
  return status;
}

static tr_status put_all(const loss_run *run, tr_npz_out *npz) {
  tr_ctx *ctx = run->program->ctx;
  TR_TRY(npz_put(ctx, npz, "loss", TR_F64, 1, &run->n, run->rows.each));
  TR_TRY(npz_put(ctx, npz, "times", TR_F64, 1, &run->n, run->rows.t));
  if (run->labels) TR_TRY(npz_put(ctx, npz, "labels", TR_I32, 1, &run->n, run->labels));
  return run->rows.gradient ? put_gradient(run, npz) : TR_OK;
}

tr_status loss_rows_save(loss_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const char *path;
  tr_npz_out *npz;
  TR_TRY(out_dir_stage(ctx, run->dir, "loss.npz", &path));
  TR_TRY(tr_npz_create(ctx, path, &npz));
  tr_status status = put_all(run, npz);
  if (status == TR_OK) status = tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

void loss_rows_print(const loss_run *run) {
  double mean = 0;
  for (int64_t i = 0; i < run->n; i++) mean += run->rows.each[i] / (double)run->n;
  printf("training loss %.6g, a time a row (weight %s)\n", mean, run->options->loss_weight);
}
