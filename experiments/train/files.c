/* The folder of a training: checkpoints/, metrics.jsonl, log.txt and run.json. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/text.h"
#include "experiments/files/lock.h"
#include "experiments/files/paths.h"
#include "experiments/output/claim.h"
#include "experiments/output/machine.h"
#include "experiments/output/run_record.h"
#include "experiments/train/run.h"

tr_status train_files_path(const train_run *run, const char *name, char path[TRAIN_PATH]) {
  const int n = snprintf(path, TRAIN_PATH, "%s/%s", run->folder, name);
  if (n < TRAIN_PATH) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_IO, "'%s' is too long a path for a file in it",
                 TR_SHOW(run->folder, 100));
}

/* ---- run.json ---- */

static tr_status save_record(const train_run *run) {
  char path[TRAIN_PATH];
  TR_TRY(train_files_path(run, "run.json", path));
  json_t *record = record_create(run->program, &train_table, &run->parsed, run->options);
  json_object_set(record, "arguments", run->words);
  json_object_set_new(record, "network", record_sizes(&run->config));
  json_object_set_new(record, "parameters", json_integer(tr_params_count(tr_net_params(run->net), true)));
  json_object_set_new(record, "steps", json_integer(tr_trainer_steps(run->trainer)));
  json_object_set_new(record, "inputs", json_integer(run->data.n));
  json_object_set_new(record, "ranks",
                      json_integer(run->program->comm ? tr_comm_size(run->program->comm) : 1));
  json_object_set_new(record, "skipped", json_integer(tr_loader_skipped(run->data.loader)));
  json_object_set_new(record, "data_sha256", run->data.loader ? json_string(run->data.sha256) : json_null());
  if (run->data.drawn) json_object_set_new(record, "draws_sha256", json_string(run->data.drawn_sha256));
  if (run->vae.vae) json_object_set_new(record, "autoencoder", autoencoder_record(&run->vae));
  if (run->wandb_told) json_object_set(record, "wandb", run->wandb_told);
  record_memory(record, run->program->ctx);
  tr_status status = record_save(run->program->ctx, record, path);
  json_decref(record);
  return status;
}

/* ---- the logs ---- */

/* Whether a line of metrics.jsonl is of a step that the checkpoint has behind it. */
static bool is_of_before(const char *line, int64_t steps) {
  json_t *object = json_loads(line, 0, NULL);
  const json_t *step = json_object_get(object, "step");
  const bool before = json_is_integer(step) && json_integer_value(step) <= steps;
  json_decref(object);
  return before;
}

/* Takes away what a run wrote behind the checkpoint that this one goes on from. */
static tr_status cut_metrics(const train_run *run, const char *path) {
  FILE *in = fopen(path, "r");
  char *line = NULL;
  size_t room = 0;
  tr_out_file *out;
  if (!in) return TR_OK;
  tr_status status = tr_out_file_open(run->program->ctx, path, &out);
  while (status == TR_OK && getline(&line, &room, in) > 0)
    if (is_of_before(line, run->begun)) fputs(line, tr_out_file_stream(out));
  free(line);
  fclose(in);
  return status == TR_OK ? tr_out_file_commit(run->program->ctx, &out) : status;
}

static bool is_evaluation(const char *line, int64_t step) {
  json_t *object = json_loads(line, 0, NULL);
  const json_t *of = json_object_get(object, "step");
  const bool is =
      json_object_get(object, "evaluated") && json_is_integer(of) && json_integer_value(of) == step;
  json_decref(object);
  return is;
}

bool train_files_evaluated(const train_run *run, int64_t step) {
  char path[TRAIN_PATH], *line = NULL;
  size_t room = 0;
  bool there = false;
  FILE *in = train_files_path(run, "metrics.jsonl", path) == TR_OK ? fopen(path, "r") : NULL;
  if (!in) return false;
  while (!there && getline(&line, &room, in) > 0) there = is_evaluation(line, step);
  free(line);
  fclose(in);
  return there;
}

static tr_status open_log(const train_run *run, const char *name, FILE **out) {
  char path[TRAIN_PATH];
  TR_TRY(train_files_path(run, name, path));
  if (run->options->resume && strcmp(name, "metrics.jsonl") == 0) TR_TRY(cut_metrics(run, path));
  *out = fopen(path, run->options->resume ? "a" : "w");
  return *out ? TR_OK : TR_FAIL(run->program->ctx, TR_E_IO, "cannot write '%s': %s", path, strerror(errno));
}

static tr_status make_folder(const train_run *run, const char *name) {
  char path[TRAIN_PATH];
  TR_TRY(train_files_path(run, name, path));
  return path_make_folder(run->program->ctx, path);
}

static tr_status is_taken(tr_ctx *ctx, const char *folder) {
  return TR_FAIL(ctx, TR_E_IO, "another process trains in '%s'", TR_SHOW(folder, 300));
}

/* One process trains in a folder: the lock is on log.txt, and goes with the process. */
static tr_status lock(const train_run *run) {
  if (lock_take(fileno(run->log))) return TR_OK;
  return is_taken(run->program->ctx, run->folder);
}

static bool begins_with(const char *text, const char *beginning) {
  return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Temporary files of this command's own files (core/io/file.h), and no others: the folder is the user's. */
static int is_left_over(const struct dirent *e) {
  const char *name = e->d_name;
  const size_t digits = strspn(name, "0123456789");
  return tr_text_ends_with(name, ".tmp") &&
         (begins_with(name, "run.json.") || begins_with(name, "metrics.jsonl.") ||
          (digits >= 7 &&
           (begins_with(name + digits, ".pt.") || begins_with(name + digits, ".safetensors.") ||
            begins_with(name + digits, ".png.") || begins_with(name + digits, ".npz.") ||
            (name[digits] == '-' && strstr(name, ".safetensors.")))));
}

/* Event files of this program (experiments/output/log/events.h). */
static int is_events(const struct dirent *e) {
  return begins_with(e->d_name, "events.out.tfevents.") && strstr(e->d_name, ".transit.");
}

static tr_status remove_all(const train_run *run, const char *inner, int (*chosen)(const struct dirent *)) {
  char folder[TRAIN_PATH], path[TRAIN_PATH + 300];
  struct dirent **names;
  TR_TRY(train_files_path(run, inner, folder));
  const int n = scandir(folder, &names, chosen, alphasort);
  for (int i = 0; i < n; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
    unlink(path);
    free(names[i]);
  }
  if (n >= 0) free(names);
  return TR_OK;
}

/* What a process that was killed had half written; what a complete training that is repeated had logged. */
static tr_status clean(const train_run *run) {
  TR_TRY(remove_all(run, ".", is_left_over));
  TR_TRY(remove_all(run, "checkpoints", is_left_over));
  TR_TRY(remove_all(run, "ema", is_left_over));
  TR_TRY(remove_all(run, "samples", is_left_over));
  return run->options->resume ? TR_OK : remove_all(run, ".", is_events);
}

static tr_status complete(const train_run *run);

tr_status train_files_open(train_run *run) {
  train_options *o = run->options;
  const claim what = {&train_table, &run->parsed, o, &o->machine, false};
  TR_TRY(train_wandb_start(run));
  if (!o->resume) TR_TRY(claim_folder(run->program, &what, &run->made));
  if (!run->made) TR_TRY(out_dir_open(run->program->ctx, o->machine.out, &run->made));
  TR_TRY(out_dir_commit(run->program->ctx, &run->made)); /* it is there, and can be written to */
  run->folder = o->machine.out;
  if (!o->resume) TR_TRY(train_wandb_begin(run)); /* nothing lies there yet if it fails */
  TR_TRY(make_folder(run, "checkpoints"));
  if (o->ema_sigma_rel.n) TR_TRY(make_folder(run, "ema"));
  if (o->sample_every != TR_OPTION_UNSET) TR_TRY(make_folder(run, "samples"));
  TR_TRY(open_log(run, "log.txt", &run->log));
  TR_TRY(lock(run));
  if (o->resume) TR_TRY(train_wandb_begin(run));
  TR_TRY(clean(run));
  TR_TRY(complete(run));
  TR_TRY(open_log(run, "metrics.jsonl", &run->metrics));
  TR_TRY(events_open(run->program->ctx, run->folder, run->begun + 1, &run->events));
  return save_record(run);
}

static tr_status written(const train_run *run, FILE *file, const char *name) {
  if (fflush(file) == 0 && !ferror(file)) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_IO, "cannot write '%s/%s': %s", run->folder, name, strerror(errno));
}

tr_status train_files_say(train_run *run, const char *format, ...) {
  if (!run->log) return TR_OK; /* a training without a folder */
  va_list args;
  if (!run->log) return TR_OK; /* that of the first rank */
  va_start(args, format);
  vfprintf(run->log, format, args);
  va_end(args);
  fputc('\n', run->log);
  return written(run, run->log, "log.txt");
}

tr_status train_files_line(train_run *run, json_t *line) {
  char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
  json_decref(line);
  if (!text) return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for a line of the log");
  fprintf(run->metrics, "%s\n", text);
  free(text);
  return written(run, run->metrics, "metrics.jsonl");
}

/* To TensorBoard and to wandb. */
static tr_status log_numbers(train_run *run, double loss, double grad_norm, double images) {
  const struct {
    const char *tag;
    double value;
  } all[] = {{"train/loss", loss},
             {"train/grad_norm", grad_norm},
             {"train/lr", run->report.rate},
             {"train/images_per_second", images}};
  json_t *numbers = json_object();
  tr_status status = TR_OK;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (status == TR_OK) status = events_scalar(run->events, all[i].tag, run->report.step, all[i].value);
    json_object_set_new(numbers, all[i].tag, record_number(all[i].value));
  }
  wandb_numbers(run->wandb, run->report.step, numbers);
  json_decref(numbers);
  return status;
}

tr_status train_files_log(train_run *run) {
  const train_window *w = &run->window;
  const double n = (double)w->steps,
               rate = run->spent > 0 ? n * (double)run->options->batch / run->spent : NAN;
  const double wait = train_data_wait(run, run->waited, run->spent);
  const int64_t step = run->report.step, each = train_data_steps(run);
  json_t *line = json_object();
  json_object_set_new(line, "step", json_integer(step));
  json_object_set_new(line, "epoch", json_integer(each ? (step - 1) / each : 0));
  json_object_set_new(line, "loss", record_number(w->loss / n));
  json_object_set_new(line, "grad_norm", record_number(w->grad_norm / n));
  json_object_set_new(line, "lr", record_number(run->report.rate));
  json_object_set_new(line, "images_per_second", record_number(rate));
  json_object_set_new(line, "wait", record_number(wait));
  json_object_set_new(line, "peak_resident_mib", record_number(machine_peak_resident()));
  TR_TRY(train_files_line(run, line));
  TR_TRY(log_numbers(run, w->loss / n, w->grad_norm / n, rate));
  return train_files_say(
      run, "step %lld: loss %.6g, gradient %.3g, lr %.3g, %.1f images/s, %.1f %% waiting for data",
      (long long)step, w->loss / n, w->grad_norm / n, run->report.rate, rate, 100 * wait);
}

/* ---- checkpoints ---- */

static tr_saved_arg text_arg(const char *name, const char *text) {
  return (tr_saved_arg){.name = name, .kind = text ? TR_SAVED_TEXT : TR_SAVED_NONE, .text = text};
}

static tr_saved_arg int_arg(const char *name, long value) {
  return (tr_saved_arg){.name = name, .kind = TR_SAVED_INT, .integer = value};
}

static tr_saved_arg real_arg(const char *name, double value) {
  return (tr_saved_arg){.name = name, .kind = isfinite(value) ? TR_SAVED_REAL : TR_SAVED_NONE, .real = value};
}

static bool is_none(const char *word) {
  return strcmp(word, "none") == 0;
}

/* Arguments under the reference's names, then what it does not know: what weights do not tell, parameters of
 * the path, and the sums of the log. */
int train_files_args(const train_run *run, tr_saved_arg args[TRAIN_MOST_ARGS]) {
  const train_options *o = run->options;
  const char *kind = tr_net_config_kind(&run->config);
  int n = 0;
  args[n++] = text_arg("model", o->model ? o->model : kind);
  if (run->data.ndim == 3 && run->data.shape[1] == run->data.shape[2])
    args[n++] = int_arg("image_size", run->data.shape[1]);
  if (run->data.ndim == 3 && run->data.shape[1] != run->data.shape[2]) {
    args[n++] = int_arg("latent_height", run->data.shape[1]);
    args[n++] = int_arg("latent_width", run->data.shape[2]);
  }
  if (run->data.num_classes) args[n++] = int_arg("num_classes", run->data.num_classes);
  args[n++] = int_arg("global_batch_size", o->batch);
  args[n++] = int_arg("global_seed", o->seed);
  args[n++] = text_arg("path_type", o->path_type);
  args[n++] = text_arg("prediction", o->prediction);
  args[n++] = text_arg("loss_weight", is_none(o->loss_weight) ? NULL : o->loss_weight);
  args[n++] = real_arg("train_eps", o->train_eps);
  args[n++] = real_arg("sample_eps", o->sample_eps);
  tr_net_fact fact;
  for (int i = 0; tr_net_config_fact(&run->config, i, &fact); i++)
    if (fact.param && n < TRAIN_MOST_ARGS - TR_PARAMS_MAX - 4) args[n++] = int_arg(fact.param, fact.value);
  for (int i = 0; i < run->interpolant.type->info.n_params; i++)
    args[n++] = real_arg(run->path_args[i], run->interpolant.values.v[i]);
  if (o->ema_sigma_rel.n) args[n++] = text_arg(TRAIN_AVERAGES, run->averages);
  args[n++] = int_arg("transit_window_steps", run->window.steps);
  args[n++] = (tr_saved_arg){.name = "transit_window_loss", .kind = TR_SAVED_REAL, .real = run->window.loss};
  args[n++] = (tr_saved_arg){
      .name = "transit_window_grad_norm", .kind = TR_SAVED_REAL, .real = run->window.grad_norm};
  return n;
}

static int is_checkpoint(const struct dirent *e) {
  const size_t digits = strspn(e->d_name, "0123456789");
  return digits >= 7 && strcmp(e->d_name + digits, ".pt") == 0;
}

static int by_step(const struct dirent **a, const struct dirent **b) {
  const long long x = atoll((*a)->d_name), y = atoll((*b)->d_name);
  return (x > y) - (x < y);
}

static void remove_in(const char *folder, const char *name, const char *ending) {
  char path[TRAIN_PATH + 300];
  snprintf(path, sizeof path, "%s/%.*s%s", folder, (int)strcspn(name, "."), name, ending);
  unlink(path);
}

static tr_status drop_old(const train_run *run) {
  char folder[TRAIN_PATH];
  struct dirent **names;
  if (run->options->keep == TR_OPTION_UNSET) return TR_OK;
  TR_TRY(train_files_path(run, "checkpoints", folder));
  const int n = scandir(folder, &names, is_checkpoint, by_step);
  for (int i = 0; i < n; i++) {
    if (i < n - run->options->keep) {
      remove_in(folder, names[i]->d_name, ".safetensors");
      remove_in(folder, names[i]->d_name, ".pt");
    }
    free(names[i]);
  }
  if (n >= 0) free(names);
  return TR_OK;
}

/* "checkpoints/0000100.pt" */
static tr_status checkpoint_path(const train_run *run, const char *ending, char path[TRAIN_PATH]) {
  char name[64];
  snprintf(name, sizeof name, "checkpoints/%07lld%s", (long long)tr_trainer_steps(run->trainer), ending);
  return train_files_path(run, name, path);
}

/* The average alone. */
static tr_status export(const train_run *run) {
  char path[TRAIN_PATH];
  tr_saved_arg args[TRAIN_MOST_ARGS];
  const int n = train_files_args(run, args);
  TR_TRY(checkpoint_path(run, ".safetensors", path));
  return tr_trainer_export(run->trainer, run->options->ema_decay.n ? 0 : -1, path, n, args);
}

tr_status train_files_checkpoint(train_run *run) {
  char path[TRAIN_PATH];
  tr_saved_arg args[TRAIN_MOST_ARGS];
  const int n = train_files_args(run, args);
  TR_TRY(checkpoint_path(run, ".pt", path));
  TR_TRY(tr_trainer_save(run->trainer, path, n, args));
  TR_TRY(export(run));
  TR_TRY(drop_old(run));
  TR_TRY(save_record(run));
  return train_files_say(run, "step %lld: wrote %s", (long long)tr_trainer_steps(run->trainer),
                         path + strlen(run->folder) + 1);
}

/* What a process that was killed between the two files of a checkpoint had not written. */
static tr_status complete(const train_run *run) {
  char path[TRAIN_PATH];
  TR_TRY(checkpoint_path(run, ".safetensors", path));
  return run->newest && access(path, F_OK) != 0 ? export(run) : TR_OK;
}

tr_status train_files_free(tr_ctx *ctx, const char *folder) {
  char path[TRAIN_PATH];
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  snprintf(path, sizeof path, "%s/log.txt", folder);
  const int log = open(path, O_RDONLY | O_CLOEXEC);
  if (log < 0) return TR_OK;
  const bool taken = fcntl(log, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  close(log);
  return taken ? is_taken(ctx, folder) : TR_OK;
}

tr_status train_files_newest(tr_ctx *ctx, const char *folder, char **out) {
  char path[TRAIN_PATH], whole[TRAIN_PATH + 300];
  struct dirent **names;
  snprintf(path, sizeof path, "%s/checkpoints", folder);
  const int n = scandir(path, &names, is_checkpoint, by_step);
  *out = NULL;
  if (n > 0) {
    snprintf(whole, sizeof whole, "%s/%s", path, names[n - 1]->d_name);
    *out = strdup(whole);
  }
  for (int i = 0; i < n; i++) free(names[i]);
  if (n >= 0) free(names);
  return n <= 0 || *out ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
}

void train_files_close(train_run *run) {
  if (run->metrics) fclose(run->metrics);
  if (run->log) fclose(run->log);
  events_close(&run->events);
  json_decref(run->wandb_told);
  out_dir_discard(&run->made);
}
