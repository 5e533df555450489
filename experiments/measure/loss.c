/* transit loss: how far a checkpoint's velocity is from that of data, time by time. */
#include <math.h>
#include <stdlib.h>

#include "core/text.h"
#include "core/vec/vec.h"
#include "experiments/commands.h"
#include "experiments/input/class_labels.h"
#include "experiments/input/data_labels.h"
#include "experiments/input/drawn_with.h"
#include "experiments/input/file_hash.h"
#include "experiments/input/provider.h"
#include "experiments/output/claim.h"
#include "experiments/output/machine.h"
#include "experiments/output/out_dir.h"
#include "experiments/output/run_record.h"

typedef struct {
  model_options model;
  machine_options machine;
  const char *data;
  tr_int_list class_labels;
  long points, num_samples, batch_size;
  uint64_t seed;
} loss_options;

#define FIELD(member) .offset = offsetof(loss_options, member), .group = "What is measured"

/* clang-format off */
static const tr_option options[] = {
    MODEL_OPTIONS(offsetof(loss_options, model)),
    {FIELD(data), .name = "data", .type = TR_OPTION_TEXT, .flags = TR_OPTION_REQUIRED, .metavar = "FILE",
     .help = "As of `transit likelihood`: FILE.npy, FILE.npz with `images` or `latents` and `labels`, or a folder of images."},
    {FIELD(class_labels), CLASS_LABELS, .default_note = "those of the data, else the null class",
     .help = "One class for all rows of data, or one per row, here or in a text file; the number of classes itself is the null class."},
    {FIELD(points), .name = "points", .type = TR_OPTION_INT, .flags = TR_OPTION_GE | TR_OPTION_LE, .low = 2, .high = 1e6,
     .metavar = "K", .default_text = "32", .help = "Times, in the middle of K equal parts of [0, 1]."},
    {FIELD(num_samples), .name = "num-samples", .aliases = "num", .type = TR_OPTION_INT, .flags = TR_OPTION_GE, .low = 2, .metavar = "N",
     .default_note = "all", .help = "Rows of data to use, from the first on."},
    {FIELD(batch_size), .name = "batch-size", .aliases = "per-proc-batch-size", .type = TR_OPTION_INT, .flags = TR_OPTION_GE, .low = 1, .metavar = "N",
     .default_text = "128", .help = "Rows per network evaluation."},
    SEED_OPTION(FIELD(seed), .help = "Seed of the noise: row i at time k has its own, whatever the batch size."),
    MACHINE_OPTIONS(offsetof(loss_options, machine), "Folder for loss.txt and run.json."),
};
/* clang-format on */

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "loss",
    .summary = "Measure the velocity loss of a checkpoint as a function of time, on data.",
    .details =
        "L_t is the mean over data x1, noise x0 and elements of (v(x_t) - (alpha' x1 + sigma' x0))^2 at x_t "
        "= "
        "alpha x1 + sigma x0: what training with the velocity loss minimises, the part that no network can "
        "reach included. loss.txt has a line for each time, t and L_t, with the standard error over the rows "
        "in a comment: the table that the diffusion form KL-eta reads (--diffusion-table).",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(loss_options)};

typedef struct {
  program *program;
  const tr_parsed *parsed;
  loss_options *options;
  provider provider;
  tr_dataset data;
  int64_t n;
  int32_t *labels; /* (n) */
  const char *labels_from;
  double *row;          /* (batch size, row): host copy */
  double *loss, *error; /* (points) */
  out_dir *dir;
  file_hash hash;
} loss_run;

static double time_of(const loss_run *run, long k) {
  return (k + 0.5) / (double)run->options->points;
}

/* ---- opening ---- */

static tr_status check_rows(const loss_run *run) {
  const tr_dataset *data = &run->data;
  char name[300];
  for (int64_t i = 0; i < run->n; i++)
    if (data->trouble[i])
      return TR_FAIL(run->program->ctx, TR_E_NONFINITE, "%s of '%s' has %s",
                     tr_dataset_name(data, i, name, sizeof name), run->options->data, data->trouble[i]);
  return TR_OK;
}

/* Samples may be the data. */
static void compare_flows(const loss_run *run) {
  json_t *options = record_options(&table, run->parsed, run->options);
  drawn_with_compare(run->program->ctx, "--data", run->options->data, options);
  json_decref(options);
}

static tr_status open_data(loss_run *run) {
  loss_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const tr_net_info *info = provider_info(&run->provider);
  TR_TRY(tr_dataset_open(ctx, o->data, info->ndim, info->shape, 0, &run->data));
  run->n = run->data.n;
  if (o->num_samples == TR_OPTION_UNSET) o->num_samples = (long)run->n;
  if (o->num_samples > run->n)
    return TR_FAIL(ctx, TR_E_ARG, "--num-samples %ld: '%s' holds %lld rows", o->num_samples, o->data,
                   (long long)run->n);
  run->n = o->num_samples;
  if (run->n < 2) return TR_FAIL(ctx, TR_E_ARG, "--data '%s' holds one row: at least 2 are needed", o->data);
  compare_flows(run);
  TR_TRY(data_labels(ctx, info, &o->class_labels, &run->data, run->n, &run->labels_from, &run->labels));
  return check_rows(run);
}

static tr_status allocate(loss_run *run) {
  size_t batch = (size_t)(run->options->batch_size * provider_row(&run->provider)),
         points = (size_t)run->options->points;
  run->row = malloc(batch * sizeof *run->row);
  run->loss = calloc(2 * points, sizeof *run->loss);
  if (!run->row || !run->loss)
    return machine_lacks_memory(run->program->ctx, (double)(batch + 2 * points) * sizeof *run->row,
                                run->options->batch_size, "rows of a batch", "batch-size");
  run->error = run->loss + points;
  return TR_OK;
}

/* The prediction gives a velocity at every time. */
static tr_status check_conversions(const loss_run *run) {
  tr_affine unused;
  for (long k = 0; k < run->options->points; k++)
    TR_TRY(tr_convert(run->program->ctx, &run->provider.interpolant, run->provider.prediction, TR_VELOCITY,
                      time_of(run, k), &unused));
  return TR_OK;
}

static tr_status open_folder(loss_run *run) {
  static const char *const results[] = {"loss.txt", NULL};
  loss_options *o = run->options;
  return claim_open(run->program, &(claim){&table, run->parsed, o, &o->machine, results}, &run->dir);
}

static tr_status open_all(loss_run *run) {
  static const guidance_options none = {.scale = 1, .channels = "all"};
  loss_options *o = run->options;
  TR_TRY(provider_load(run->program, &o->model, &o->machine, o->seed, &run->provider));
  TR_TRY(open_data(run));
  TR_TRY(check_conversions(run));
  if (o->batch_size > run->n) o->batch_size = (long)run->n;
  TR_TRY(open_folder(run));
  TR_TRY(file_hash_start(run->program->ctx, o->model.ckpt, &run->hash));
  TR_TRY(provider_build(run->program, &none, &run->provider));
  return allocate(run);
}

/* ---- measuring ---- */

typedef struct {
  tr_array *x1, *x0, *xt, *v; /* (rows, ...) */
} batch;

static void close_batch(batch *b) {
  tr_array_destroy(&b->x1);
  tr_array_destroy(&b->x0);
  tr_array_destroy(&b->xt);
  tr_array_destroy(&b->v);
}

static tr_status open_batch(const loss_run *run, int64_t first, int64_t n, batch *b) {
  TR_TRY(provider_states(run->program, &run->provider, n, &b->x1));
  TR_TRY(tr_array_like(b->x1, &b->x0));
  TR_TRY(tr_array_like(b->x1, &b->xt));
  TR_TRY(tr_array_like(b->x1, &b->v));
  TR_TRY(tr_dataset_values(&run->data, first, n, run->row));
  return tr_array_set_f64(b->x1, run->row);
}

/* Adds every row's mean square, and its square, to those of time k. */
static tr_status add_rows(const loss_run *run, const tr_array *difference, int64_t n, long k) {
  int64_t row = provider_row(&run->provider);
  TR_TRY(tr_array_get_f64(difference, run->row));
  for (int64_t i = 0; i < n; i++) {
    double sum = 0;
    for (int64_t j = 0; j < row; j++) sum += run->row[i * row + j] * run->row[i * row + j];
    run->loss[k] += sum / (double)row;
    run->error[k] += sum / (double)row * (sum / (double)row);
  }
  return TR_OK;
}

static tr_status measure_time(const loss_run *run, int64_t first, int64_t n, long k, batch *b) {
  const provider *p = &run->provider;
  double t = time_of(run, k);
  tr_coeffs at = tr_interpolant_at(&p->interpolant, t);
  tr_affine v;
  tr_cond cond = provider_cond(run->labels, first, n);
  tr_random_address address = {
      .seed = run->options->seed, .purpose = TR_RANDOM_INIT, .step = (uint32_t)k, .sample = (uint64_t)first};
  TR_TRY(tr_randn(&address, b->x0));
  TR_TRY(tr_axpby(at.alpha, b->x1, at.sigma, b->x0, b->xt));
  TR_TRY(tr_drift_eval(p->drift, (tr_times){1, &t}, b->xt, &cond, b->v));
  TR_TRY(tr_convert(run->program->ctx, &p->interpolant, p->prediction, TR_VELOCITY, t, &v));
  const double factor[] = {v.x, v.p, -at.dalpha, -at.dsigma};
  const tr_array *const term[] = {b->xt, b->v, b->x1, b->x0};
  TR_TRY(tr_lincomb(4, factor, term, b->v));
  TR_TRY(add_rows(run, b->v, n, k));
  return program_check_interrupt(run->program);
}

static tr_status measure_batch(const loss_run *run, int64_t first, int64_t n) {
  batch b = {0};
  tr_status status = open_batch(run, first, n, &b);
  for (long k = 0; k < run->options->points && status == TR_OK; k++)
    status = measure_time(run, first, n, k, &b);
  close_batch(&b);
  return status;
}

/* Sums become the mean and its standard error. */
static void finish_sums(loss_run *run) {
  double n = (double)run->n;
  for (long k = 0; k < run->options->points; k++) {
    double mean = run->loss[k] / n, variance = fmax(0, run->error[k] / n - mean * mean) * n / (n - 1);
    run->loss[k] = mean;
    run->error[k] = sqrt(variance / n);
  }
}

static tr_status measure(loss_run *run) {
  int64_t size = run->options->batch_size;
  for (int64_t first = 0; first < run->n; first += size)
    TR_TRY(measure_batch(run, first, run->n - first < size ? run->n - first : size));
  finish_sums(run);
  return TR_OK;
}

/* ---- saving ---- */

static tr_status save_table(loss_run *run) {
  tr_ctx *ctx = run->program->ctx;
  const char *path;
  TR_TRY(out_dir_stage(ctx, run->dir, "loss.txt", &path));
  FILE *file = fopen(path, "w");
  if (!file) return TR_FAIL(ctx, TR_E_IO, "cannot write '%s'", path);
  fprintf(file, "# t, L_t: mean squared error of the velocity over %lld rows of %s\n", (long long)run->n,
          TR_SHOW(run->options->data, 4095));
  for (long k = 0; k < run->options->points; k++)
    fprintf(file, "%.9g %.9g # +- %.2g\n", time_of(run, k), run->loss[k], run->error[k]);
  bool written = !ferror(file);
  written = fclose(file) == 0 && written;
  return written ? TR_OK : TR_FAIL(ctx, TR_E_IO, "cannot write '%s'", path);
}

static tr_status save_record(loss_run *run) {
  return record_stage_network(run->program, run->dir,
                              &(record_network){&table, run->parsed, run->options, run->provider.model,
                                                run->options->model.ckpt, &run->hash,
                                                run->provider.drift->n_eval, run->n, run->labels_from});
}

static tr_status save_all(loss_run *run) {
  TR_TRY(save_table(run));
  TR_TRY(save_record(run));
  return out_dir_commit(run->program->ctx, &run->dir);
}

static void close_all(loss_run *run) {
  file_hash_discard(&run->hash);
  out_dir_discard(&run->dir);
  free(run->row);
  free(run->loss);
  free(run->labels);
  tr_dataset_close(&run->data);
  provider_close(&run->provider);
}

static void print_summary(const loss_run *run) {
  double mean = 0;
  for (long k = 0; k < run->options->points; k++) mean += run->loss[k] / (double)run->options->points;
  printf("mean loss %.4g over %lld rows and %ld time%s: wrote %s/loss.txt and run.json\n", mean,
         (long long)run->n, run->options->points, PLURAL(run->options->points), run->options->machine.out);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  loss_run run = {.program = p, .parsed = parsed, .options = values};
  tr_status status = open_all(&run);
  if (status == TR_OK) status = measure(&run);
  if (status == TR_OK) status = save_all(&run);
  if (status == TR_OK) print_summary(&run);
  close_all(&run);
  return status;
}

const command command_loss = {.table = &table, .run = run};
