#include "experiments/ablate/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/io/image/image.h"
#include "core/text.h"
#include "experiments/files/paths.h"
#include "experiments/output/saved_args.h"

#define USUAL_TARGET "gmm:d=2,modes=8,std=0.2"
enum { LEAST_HELD = 4 };

static tr_status check_choice(tr_ctx *ctx, const ablate_options *o) {
  const struct {
    const char *name;
    bool given;
  } of_data[] = {{"eval-path", o->eval_path != NULL},
                 {"image-size", o->image_size != TR_OPTION_UNSET},
                 {"model", o->model != NULL}};
  if (o->target && o->data_path)
    return TR_FAIL(ctx, TR_E_ARG, "two things to learn: give either --target NAME or --data-path PATH");
  if (o->data_path && !o->eval_path)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--eval-path PATH is missing: other data than --data-path, by which models are judged");
  for (size_t i = 0; !o->data_path && i < sizeof of_data / sizeof *of_data; i++)
    if (of_data[i].given)
      return TR_FAIL(ctx, TR_E_ARG, "--%s is for --data-path: an exact target gets an MLP", of_data[i].name);
  if (o->data_path && o->max_steps == TR_OPTION_UNSET)
    return TR_FAIL(ctx, TR_E_ARG, "--max-steps N is missing: with --data-path it has no default");
  return TR_OK;
}

static void settle(ablate_options *o) {
  const bool data = o->data_path != NULL;
  if (o->max_steps == TR_OPTION_UNSET) o->max_steps = 8000;
  if (isnan(o->lr)) o->lr = data ? 1e-3 : 2e-3;
  if (!data && !o->target) o->target = USUAL_TARGET;
  if (!data && o->num_samples == TR_OPTION_UNSET) o->num_samples = 4000;
  if (!data && o->likelihood_samples == TR_OPTION_UNSET) o->likelihood_samples = 1000;
}

tr_status ablate_target_open(tr_ctx *ctx, ablate_options *o, ablate_target *out) {
  *out = (ablate_target){.options = o, .exact = !o->data_path};
  TR_TRY(check_choice(ctx, o));
  settle(o);
  if (!out->exact) return TR_OK;
  TR_TRY(mixture_of(ctx, o->target, &out->mixture));
  out->row = out->mixture.d;
  return TR_OK;
}

void ablate_target_close(ablate_target *t) {
  mixture_free(&t->mixture);
  free(t->held);
  free(t->levels);
  free(t->labels);
  *t = (ablate_target){0};
}

/* ---- other data ---- */

static tr_status make_room(tr_ctx *ctx, ablate_target *t, bool levels, bool labels) {
  const size_t all = (size_t)(t->n_held * t->row);
  t->held = malloc(all * sizeof *t->held);
  t->levels = levels ? malloc(all) : NULL;
  t->labels = labels ? malloc((size_t)t->n_held * sizeof *t->labels) : NULL;
  if (t->held && (!levels || t->levels) && (!labels || t->labels)) return TR_OK;
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for the %lld inputs of --eval-path", (long long)t->n_held);
}

static tr_status keep_rows(tr_ctx *ctx, ablate_target *t, const tr_dataset *set, const int64_t *rows) {
  const int64_t row = t->row;
  TR_TRY(make_room(ctx, t, set->pixels != NULL, set->labels != NULL));
  for (int64_t i = 0; i < t->n_held; i++) {
    TR_TRY(tr_dataset_values(set, rows[i], 1, t->held + i * row));
    if (t->levels) memcpy(t->levels + i * row, set->pixels + rows[i] * row, (size_t)row);
    if (t->labels) t->labels[i] = (int32_t)set->labels[rows[i]];
  }
  return TR_OK;
}

/* The usable inputs of arrays. */
static tr_status take_set(tr_ctx *ctx, ablate_target *t, const tr_dataset *set) {
  int64_t *rows = malloc((size_t)set->n * sizeof *rows);
  if (!rows) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld inputs", (long long)set->n);
  for (int64_t i = 0; i < set->n; i++)
    if (!set->trouble[i]) rows[t->n_held++] = i;
  tr_status status = keep_rows(ctx, t, set, rows);
  free(rows);
  return status;
}

static tr_status open_set(ablate_target *t, const train_run *run) {
  tr_dataset set;
  tr_ctx *ctx = run->program->ctx;
  tr_status status = tr_dataset_open(ctx, t->options->eval_path, run->data.ndim, run->data.shape, 0, &set);
  if (status == TR_OK) status = take_set(ctx, t, &set);
  tr_dataset_close(&set);
  return status;
}

/* All pictures of a folder: one batch of a loader that crops them as it does those of --data-path. */
static tr_status take_pictures(ablate_target *t, tr_ctx *ctx, tr_loader *loader) {
  tr_loader_rows rows;
  TR_TRY(tr_loader_step(loader, 0, &rows));
  TR_TRY(make_room(ctx, t, true, rows.labels != NULL));
  memcpy(t->held, rows.x, (size_t)(t->n_held * t->row) * sizeof *t->held);
  if (t->labels) memcpy(t->labels, rows.labels, (size_t)t->n_held * sizeof *t->labels);
  for (int64_t i = 0; i < t->n_held * t->row; i++)
    t->levels[i] = (uint8_t)rint((t->held[i] + 1) * TR_BINS_PER_UNIT);
  return TR_OK;
}

static tr_status open_loader(tr_ctx *ctx, const ablate_target *t, const train_run *run, int64_t batch,
                             tr_loader **out) {
  const tr_loader_options options = {.image_size = run->data.shape[1],
                                     .batch = batch,
                                     .rows = batch,
                                     .dtype = TR_F64,
                                     .workers = -1,
                                     .ahead = 0};
  return tr_loader_open(ctx, t->options->eval_path, &options, out);
}

static tr_status open_folder(ablate_target *t, const train_run *run) {
  tr_ctx *ctx = run->program->ctx;
  tr_loader *loader;
  TR_TRY(open_loader(ctx, t, run, 1, &loader));
  t->n_held = tr_loader_about(loader).n;
  tr_loader_close(&loader);
  TR_TRY(open_loader(ctx, t, run, t->n_held, &loader));
  tr_status status = take_pictures(t, ctx, loader);
  tr_loader_close(&loader);
  return status;
}

static tr_status check_held(const ablate_target *t, const train_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const char *path = t->options->eval_path;
  const int classes = run->data.num_classes;
  if (t->n_held < LEAST_HELD)
    return TR_FAIL(ctx, TR_E_ARG, "--eval-path '%s' has %lld usable inputs: %d at least", TR_SHOW(path, 200),
                   (long long)t->n_held, LEAST_HELD);
  if (classes && !t->labels)
    return TR_FAIL(ctx, TR_E_ARG, "--eval-path '%s' has no labels, --data-path has", TR_SHOW(path, 200));
  for (int64_t i = 0; classes && i < t->n_held; i++)
    if (!(t->labels[i] >= 0 && t->labels[i] < classes))
      return TR_FAIL(ctx, TR_E_ARG, "--eval-path '%s' has class %d: classes are 0 to %d", TR_SHOW(path, 200),
                     (int)t->labels[i], classes - 1);
  if (saved_is_same_file(path, t->options->data_path))
    tr_ctx_warn(ctx, "--eval-path is --data-path: models are judged by what they were trained on");
  return TR_OK;
}

static tr_status digest(tr_ctx *ctx, ablate_target *t, const train_run *run) {
  const tr_file_map held = {.data = (const unsigned char *)t->held,
                            .size = (size_t)(t->n_held * t->row) * sizeof *t->held};
  snprintf(t->sha256, sizeof t->sha256, "%s", run->data.sha256);
  return tr_sha256_map(ctx, &held, t->held_sha256);
}

tr_status ablate_target_hold(ablate_target *t, const train_run *run) {
  t->row = tr_net_info_of(run->net)->row;
  const bool folder = run->data.ndim == 3 && path_is_folder(t->options->eval_path);
  TR_TRY(folder ? open_folder(t, run) : open_set(t, run));
  TR_TRY(check_held(t, run));
  if (!run->data.num_classes) free(t->labels), t->labels = NULL;
  return digest(run->program->ctx, t, run);
}

/* ---- rows ---- */

tr_status ablate_target_batch(const ablate_target *t, train_run *run, double *host, tr_train_batch *out) {
  const int64_t step = tr_trainer_steps(run->trainer);
  if (!t->exact) return train_data_batch(run, step, out);
  mixture_sample_step(&t->mixture, (uint64_t)run->options->seed, (uint32_t)step + 1, run->rows, host);
  *out = (tr_train_batch){.x1 = run->data.batch};
  return tr_array_set_f64(run->data.batch, host);
}

void ablate_target_sample(const ablate_target *t, long seed, int set, int64_t n, double *x) {
  const uint64_t others = (uint64_t)(set + 1) << 61; /* no training has these seeds */
  mixture_sample(&t->mixture, (uint64_t)seed | others, n, x);
}
