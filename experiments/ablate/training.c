#include "experiments/ablate/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/results/report.h"

/* ---- the options of 'transit train' ---- */

/* Whether --train-args may have it: options of data, network, loss and steps that an ablation does not say
 * itself, and none of files that it does not write. */
static bool is_taken(const tr_option *option) {
  static const char *const groups[] = {"Data", "Network", "Loss", "Steps"};
  static const char *const own[] = {
      "data-path",     "image-size", "draws",       "model",       "hidden",
      "depth",         "path-type",  "prediction",  "loss-weight", "global-batch-size",
      "epochs",        "max-steps",  "max-minutes", "lr",          "ema-decay",
      "ema-sigma-rel", "ema-every",  "global-seed"};
  bool taken = false;
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
    taken = taken || strcmp(option->group, groups[i]) == 0;
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) taken = taken && strcmp(option->name, own[i]) != 0;
  return taken;
}

static tr_status parse(tr_ctx *ctx, const tr_text_list *words, train_options *out, tr_parsed *parsed) {
  char **argv = calloc((size_t)words->n + 1, sizeof *argv);
  if (!argv) return TR_FAIL(ctx, TR_E_MEM, "out of memory for options");
  for (int i = 0; i < words->n; i++) argv[i] = (char *)words->v[i];
  tr_status status = tr_options_parse(ctx, &train_table, words->n, argv, out, parsed);
  free(argv);
  return program_option_error(ctx, "train-args", status);
}

static tr_status check_words(tr_ctx *ctx, const tr_text_list *words) {
  train_options options;
  tr_parsed parsed = {0};
  tr_status status = parse(ctx, words, &options, &parsed);
  tr_options_free(&train_table, &options);
  TR_TRY(status);
  if (parsed.help) return TR_FAIL(ctx, TR_E_ARG, "--train-args: --help is no option of a training");
  for (int i = 0; i < train_table.n_options; i++)
    if (parsed.given[i] && !is_taken(&train_table.options[i]))
      return TR_FAIL(ctx, TR_E_ARG, "--train-args: --%s is not for an ablation, or an option of its own",
                     train_table.options[i].name);
  return TR_OK;
}

tr_status ablate_words_read(tr_ctx *ctx, const ablate_options *o, tr_text_list *words) {
  *words = (tr_text_list){0};
  if (!o->train_args) return TR_OK;
  const char *at = o->train_args;
  words->v = calloc(strlen(at) + 1, sizeof *words->v);
  if (!words->v) return TR_FAIL(ctx, TR_E_MEM, "out of memory for --train-args");
  for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
    const size_t length = strcspn(at, " ");
    words->v[words->n] = strndup(at, length);
    if (!words->v[words->n++]) return TR_FAIL(ctx, TR_E_MEM, "out of memory for --train-args");
    at += length;
  }
  return check_words(ctx, words);
}

void ablate_words_free(tr_text_list *words) {
  for (int i = 0; i < words->n; i++) free((char *)words->v[i]);
  free(words->v);
  *words = (tr_text_list){0};
}

static tr_status set_options(ablate_training *a) {
  const ablate_options *o = a->setting->options;
  const ablate_cell *cell = ablate_plan_cell(a->setting->plan, a->number);
  train_options *t = &a->options;
  TR_TRY(parse(a->program.ctx, &a->setting->words, t, &a->run.parsed));
  t->data_path = o->data_path;
  t->image_size = o->image_size;
  t->path_type = cell->path;
  t->prediction = cell->prediction;
  t->loss_weight = cell->weight;
  t->seed = ablate_plan_seed(a->setting->plan, a->number);
  t->model = o->model;
  t->hidden = o->hidden;
  t->depth = o->depth;
  t->batch = o->batch;
  t->max_steps = o->max_steps;
  t->epochs = 4000000000; /* --max-steps alone ends it */
  t->lr = o->lr;
  t->ema_decay.v[0] = o->ema_decay;
  a->run.parsed.given[tr_option_row(&train_table, 0, "model")] = o->model != NULL; /* not for vectors */
  return TR_OK;
}

/* ---- opening ---- */

/* An exact target gives all steps, as --draws does. */
static tr_status open_data(ablate_training *a) {
  const ablate_target *target = a->setting->target;
  train_data *data = &a->run.data;
  if (!target->exact) return train_data_open(&a->run);
  data->ndim = 1;
  data->shape[0] = target->row;
  data->drawn = a->options.max_steps;
  return TR_OK;
}

static tr_status make_rows(ablate_training *a) {
  const int64_t shape[] = {a->run.rows, a->setting->target->row};
  if (!a->setting->target->exact) return TR_OK;
  a->host = malloc((size_t)(shape[0] * shape[1]) * sizeof *a->host);
  if (!a->host)
    return TR_FAIL(a->program.ctx, TR_E_MEM, "out of memory for %lld rows", (long long)a->run.rows);
  return tr_array_create(a->program.ctx, a->run.dtype, 2, shape, &a->run.data.batch);
}

tr_status ablate_training_open(ablate_training *a, int number) {
  a->number = number;
  a->n_points = 0;
  a->run = (train_run){.program = &a->program, .options = &a->options};
  a->run.dtype = a->setting->dtype;
  a->run.products = a->setting->products;
  a->result = (ablate_result){.status = "ok"};
  for (int i = 0; i < ABLATE_NUMBERS; i++) a->result.number[i] = NAN;
  TR_TRY(set_options(a));
  a->run.rows = a->options.batch;
  TR_TRY(open_data(a));
  TR_TRY(train_setup(&a->run));
  return make_rows(a);
}

void ablate_training_close(ablate_training *a) {
  tr_trainer_destroy(&a->run.trainer);
  tr_net_destroy(&a->run.net);
  tr_net_config_clear(&a->run.config);
  train_data_close(&a->run.data);
  free(a->host);
  a->host = NULL;
  tr_options_free(&train_table, &a->options);
  memset(&a->options, 0, sizeof a->options);
  memset(&a->run, 0, sizeof a->run);
}

/* ---- steps ---- */

/* A point of the curve, over the steps since the last one. */
static void add_point(ablate_training *a, double sum, int64_t steps) {
  a->step[a->n_points] = a->run.report.step;
  a->loss[a->n_points++] = sum / (double)steps;
}

/* The mean over the points of the last tenth. */
static double last_loss(const ablate_training *a) {
  const int first = a->n_points * 9 / 10;
  double sum = 0;
  for (int i = first; i < a->n_points; i++) sum += a->loss[i];
  return sum / (a->n_points - first);
}

static tr_status note_divergence(ablate_training *a, tr_status status) {
  tr_ctx *ctx = a->program.ctx;
  if (status != TR_E_NONFINITE) return status;
  snprintf(a->result.status, sizeof a->result.status, "diverged");
  snprintf(a->result.message, sizeof a->result.message, "%s", TR_SHOW(tr_ctx_error(ctx)->message, 255));
  tr_ctx_clear(ctx);
  return TR_OK;
}

static tr_status take_step(ablate_training *a) {
  tr_train_batch batch;
  TR_TRY(ablate_target_batch(a->setting->target, &a->run, a->host, &batch));
  return tr_trainer_step(a->run.trainer, &batch, &a->run.report);
}

tr_status ablate_training_steps(ablate_training *a, tr_status (*on_steps)(void *user, long n), void *user) {
  const int64_t last = a->run.last;
  const int64_t every = (last + ABLATE_POINTS - 1) / ABLATE_POINTS;
  double sum = 0;
  for (int64_t since = 1; tr_trainer_steps(a->run.trainer) < last; since++) {
    tr_status status = take_step(a);
    a->result.steps = (long)tr_trainer_steps(a->run.trainer);
    if (status == TR_OK && program_signal()) status = program_check_interrupt(&a->program);
    if (status != TR_OK) return note_divergence(a, status);
    sum += a->run.report.loss;
    if (since < every && a->result.steps < last) continue;
    add_point(a, sum, since);
    TR_TRY(on_steps(user, (long)since));
    since = 0;
    sum = 0;
  }
  a->result.number[ABLATE_LOSS] = last_loss(a);
  return TR_OK;
}

/* ---- files ---- */

static tr_status print_losses(FILE *out, void *user) {
  const ablate_training *a = user;
  fputs("step,loss\n", out);
  for (int i = 0; i < a->n_points; i++) fprintf(out, "%lld,%.9g\n", (long long)a->step[i], a->loss[i]);
  return TR_OK;
}

tr_status ablate_training_save(ablate_training *a, const char *folder) {
  char path[4400];
  tr_saved_arg args[TRAIN_MOST_ARGS];
  const int n = train_files_args(&a->run, args);
  snprintf(path, sizeof path, "%s/losses.csv", folder);
  TR_TRY(report_write(a->program.ctx, path, print_losses, a));
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  if (strcmp(a->result.status, "diverged") == 0) return TR_OK;
  return tr_trainer_export(a->run.trainer, 0, path, n, args);
}
