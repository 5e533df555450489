/* The rows of training steps, from a loader or as given. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/train/run.h"

#define KEPT_BYTES ((int64_t)512 << 20) /* of a folder's pictures */

/* ---- the data set ---- */

static tr_status open_loader(train_run *run) {
  const train_options *o = run->options;
  const tr_loader_options options = {.image_size = o->image_size == TR_OPTION_UNSET ? 0 : o->image_size,
                                     .seed = (uint64_t)o->seed,
                                     .batch = o->batch,
                                     .first = run->first,
                                     .rows = run->rows,
                                     .dtype = run->dtype,
                                     .flip = o->flip,
                                     .strict = o->strict,
                                     .workers = o->num_workers == TR_OPTION_UNSET ? -1 : (int)o->num_workers,
                                     .ahead = -1,
                                     .keep = KEPT_BYTES};
  return tr_loader_open(run->program->ctx, o->data_path, &options, &run->data.loader);
}

/* What the file says is not to be said otherwise. */
static tr_status find_classes(train_run *run) {
  train_data *d = &run->data;
  const long told = run->options->num_classes;
  const int64_t found = tr_loader_about(d->loader).classes;
  if (found == 0) return TR_OK;
  if (told != TR_OPTION_UNSET && told < found)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--num-classes %ld: --data-path has class %lld, classes are 0 to %ld", told,
                   (long long)found - 1, told - 1);
  d->num_classes = (int)(told == TR_OPTION_UNSET ? found : told);
  run->options->num_classes = d->num_classes;
  if (told == TR_OPTION_UNSET && found == 1)
    tr_ctx_warn(run->program->ctx,
                "--data-path '%s' has one class, of which labels tell nothing (--num-classes says that there "
                "are more)",
                TR_SHOW(run->options->data_path, 200));
  return TR_OK;
}

static tr_status open_set(train_run *run) {
  train_data *d = &run->data;
  const train_options *o = run->options;
  TR_TRY(open_loader(run));
  const tr_loader_info about = tr_loader_about(d->loader);
  d->n = about.n;
  d->ndim = about.ndim;
  memcpy(d->shape, about.shape, sizeof d->shape);
  TR_TRY(find_classes(run));
  if (about.steps == 0)
    return TR_FAIL(run->program->ctx, TR_E_ARG,
                   "--global-batch-size %ld: --data-path '%s' has %lld usable inputs", o->batch,
                   TR_SHOW(o->data_path, 200), (long long)d->n);
  return tr_loader_digest(d->loader, d->sha256);
}

tr_status train_data_open(train_run *run) {
  const train_options *o = run->options;
  if (!o->data_path && !o->draws)
    return TR_FAIL(run->program->ctx, TR_E_ARG, "--data-path is missing: a folder, a .npz or a .npy of data");
  if (o->data_path) TR_TRY(open_set(run));
  return o->draws ? train_draws_open(run) : TR_OK;
}

/* ---- batches ---- */

tr_status train_data_prepare(train_run *run) {
  train_data *d = &run->data;
  int64_t shape[TR_MAX_DIMS];
  if (!d->loader) return TR_OK;
  const int ndim = tr_net_states(tr_net_info_of(run->net), run->rows, shape);
  return tr_array_create(run->program->ctx, run->dtype, ndim, shape, &d->batch);
}

int64_t train_data_steps(const train_run *run) {
  return tr_loader_about(run->data.loader).steps;
}

double train_data_wait(const train_run *run, double before, double seconds) {
  return seconds > 0 ? fmin((tr_loader_waited(run->data.loader) - before) / seconds, 1) : 0;
}

/* Pictures that were met first in this step are named in the log. */
static tr_status log_skipped(train_run *run, int64_t before) {
  const tr_loader *loader = run->data.loader;
  for (int64_t i = before; i < tr_loader_skipped(loader); i++)
    TR_TRY(train_files_say(run, "skipped: %s", tr_loader_skipped_why(loader, i)));
  return TR_OK;
}

static tr_status load(train_run *run, int64_t step, tr_loader_rows *rows) {
  train_data *d = &run->data;
  const int64_t skipped = tr_loader_skipped(d->loader);
  TR_TRY(tr_loader_step(d->loader, step, rows));
  TR_TRY(log_skipped(run, skipped));
  return tr_array_upload(d->batch, rows->x);
}

/* The rows of this process of step k of a stack (steps, batch, ...). */
static tr_array of_step(const train_run *run, const tr_array *stack, int64_t k) {
  const tr_array whole =
      tr_view(stack, k * (stack->count / stack->shape[0]), stack->ndim - 1, stack->shape + 1);
  return tr_rows(&whole, run->first, run->rows);
}

tr_status train_data_batch(train_run *run, int64_t step, tr_train_batch *out) {
  train_data *d = &run->data;
  const bool labelled = tr_net_info_of(run->net)->num_classes > 0;
  if (step >= d->drawn) {
    tr_loader_rows rows;
    TR_TRY(load(run, step, &rows));
    *out = (tr_train_batch){.x1 = d->batch, .labels = labelled ? rows.labels : NULL};
    return TR_OK;
  }
  const int64_t begin = step * run->options->batch + run->first;
  d->given_x1 = of_step(run, d->x1, step);
  d->given_x0 = of_step(run, d->x0, step);
  *out = (tr_train_batch){
      .x1 = &d->given_x1, .labels = labelled ? d->y + begin : NULL, .x0 = &d->given_x0, .t = d->t + begin};
  return TR_OK;
}

void train_data_close(train_data *d) {
  tr_loader_close(&d->loader);
  tr_array_destroy(&d->x1);
  tr_array_destroy(&d->x0);
  tr_array_destroy(&d->batch);
  free(d->t);
  free(d->y);
}
