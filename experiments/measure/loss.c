/* transit loss: how far a checkpoint's velocity is from that of data, time by time. */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "experiments/commands.h"
#include "experiments/input/class_labels.h"
#include "experiments/input/data_labels.h"
#include "experiments/input/drawn_with.h"
#include "experiments/measure/loss_run.h"
#include "experiments/output/claim.h"
#include "experiments/output/machine.h"
#include "experiments/output/run_record.h"

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
    {FIELD(noise), .name = "noise", .type = TR_OPTION_TEXT, .metavar = "X0.npy", .default_note = "drawn",
     .help = "Noise (N,C,H,W) or (N,dim), one for each row of data that is used: in loss.npz, and in the table at every time."},
    {FIELD(times), .name = "times", .type = TR_OPTION_TEXT, .metavar = "T.npy", .default_note = "drawn as in training, uniform",
     .help = "Times (N), one for each row of data that is used, from 0 (noise) to 1 (data): those of loss.npz."},
    {FIELD(loss_weight), .name = "loss-weight", .type = TR_OPTION_CHOICE, .kind = TR_KIND_LOSS_WEIGHT, .metavar = "NAME",
     .default_note = "from the checkpoint's args, else none", .help = "Weight of the losses in loss.npz by time; those of a velocity have weight 1 always."},
    {FIELD(grad_norms), .name = "grad-norms", .type = TR_OPTION_FLAG,
     .help = "Also the gradient of the mean of these losses: its norm for each parameter that is trained."},
    SEED_OPTION(FIELD(seed), .help = "Seed of noise and times: row i has its own, at each time of the table another noise, whatever the batch size."),
    MACHINE_OPTIONS(offsetof(loss_options, machine), "Folder for loss.txt, loss.npz and run.json."),
};
/* clang-format on */

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "loss",
    .summary = "Measure the loss of a checkpoint on data: of its velocity by time, and of each row.",
    .details =
        "L_t is the mean over data x1, noise x0 and elements of (v(x_t) - (alpha' x1 + sigma' x0))^2 at x_t "
        "= "
        "alpha x1 + sigma x0: what training with the velocity loss minimises, the part that no network can "
        "reach included. loss.txt has a line for each time, t and L_t, with the standard error over the rows "
        "in a comment: the table that the diffusion form KL-eta reads (--diffusion-table).\n\n"
        "loss.npz has what a step of training on these rows would see: loss (N), the weighted loss of the "
        "prediction for each row at one time (times) with one noise, and the labels; with --grad-norms also "
        "grad_names and grad_norms. Numbers given in place of what would be drawn make it the loss of "
        "another "
        "program's step.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(loss_options)};

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

static tr_status open_noise(loss_run *run) {
  int64_t shape[TR_MAX_DIMS];
  const int ndim = provider_shape(&run->provider, run->n, shape);
  const char *path = run->options->noise;
  return path ? given_open(run->program->ctx, "--noise", path, ndim, shape, &run->noise) : TR_OK;
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
  TR_TRY(open_noise(run));
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
                      loss_time_of(run, k), &unused));
  return TR_OK;
}

static tr_status open_folder(loss_run *run) {
  loss_options *o = run->options;
  return claim_open(run->program, &(claim){&table, run->parsed, o, &o->machine, false}, &run->dir);
}

static tr_status open_all(loss_run *run) {
  static const guidance_options none = {.scale = 1, .channels = "all"};
  loss_options *o = run->options;
  TR_TRY(provider_load(run->program, &o->model, &o->machine, o->seed, &run->provider));
  TR_TRY(open_data(run));
  TR_TRY(check_conversions(run));
  TR_TRY(loss_rows_open(run));
  if (o->batch_size > run->n) o->batch_size = (long)run->n;
  TR_TRY(open_folder(run));
  TR_TRY(file_hash_start(run->program->ctx, o->model.ckpt, &run->hash));
  run->provider.trained = o->grad_norms;
  TR_TRY(provider_build(run->program, &none, &run->provider));
  TR_TRY(loss_rows_prepare(run));
  return allocate(run);
}

/* ---- measuring ---- */

tr_cond loss_cond(const loss_run *run, const loss_batch *b) {
  return provider_cond(run->labels, b->first, b->n);
}

tr_status loss_noise(const loss_run *run, tr_random_purpose purpose, long step, const loss_batch *b) {
  if (run->options->noise) return given_read(&run->noise, b->first * provider_row(&run->provider), b->x0);
  return tr_randn(&(tr_random_address){.seed = run->options->seed,
                                       .purpose = purpose,
                                       .step = (uint32_t)step,
                                       .sample = (uint64_t)b->first},
                  b->x0);
}

static void close_batch(loss_batch *b) {
  tr_array_destroy(&b->x1);
  tr_array_destroy(&b->x0);
  tr_array_destroy(&b->xt);
  tr_array_destroy(&b->v);
}

static tr_status open_batch(const loss_run *run, loss_batch *b) {
  TR_TRY(provider_states(run->program, &run->provider, b->n, &b->x1));
  TR_TRY(tr_array_like(b->x1, &b->x0));
  TR_TRY(tr_array_like(b->x1, &b->xt));
  TR_TRY(tr_array_like(b->x1, &b->v));
  TR_TRY(tr_dataset_values(&run->data, b->first, b->n, run->row));
  return tr_array_set_f64(b->x1, run->row);
}

static tr_status measure_batch(loss_run *run, int64_t first, int64_t n) {
  loss_batch b = {.first = first, .n = n};
  tr_status status = open_batch(run, &b);
  if (status == TR_OK) status = loss_rows_add(run, &b);
  if (status == TR_OK) status = loss_table_add(run, &b);
  close_batch(&b);
  return status;
}

static tr_status measure(loss_run *run) {
  int64_t size = run->options->batch_size;
  for (int64_t first = 0; first < run->n; first += size)
    TR_TRY(measure_batch(run, first, run->n - first < size ? run->n - first : size));
  loss_table_finish(run);
  return TR_OK;
}

/* ---- saving ---- */

static tr_status save_record(loss_run *run) {
  return record_stage_network(run->program, run->dir,
                              &(record_network){&table, run->parsed, run->options, run->provider.model,
                                                run->options->model.ckpt, &run->hash, NULL,
                                                run->provider.drift->n_eval, run->n, run->labels_from});
}

static tr_status save_all(loss_run *run) {
  TR_TRY(loss_table_save(run));
  TR_TRY(loss_rows_save(run));
  TR_TRY(save_record(run));
  return out_dir_commit(run->program->ctx, &run->dir);
}

static void close_all(loss_run *run) {
  file_hash_discard(&run->hash);
  out_dir_discard(&run->dir);
  free(run->row);
  free(run->loss);
  free(run->labels);
  loss_rows_close(&run->rows);
  given_close(&run->noise);
  tr_dataset_close(&run->data);
  provider_close(&run->provider);
}

static void print_summary(const loss_run *run) {
  double mean = 0;
  for (long k = 0; k < run->options->points; k++) mean += run->loss[k] / (double)run->options->points;
  printf("mean loss %.4g over %lld rows and %ld time%s: wrote %s/loss.txt, loss.npz and run.json\n", mean,
         (long long)run->n, run->options->points, PLURAL(run->options->points), run->options->machine.out);
  loss_rows_print(run);
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

const command command_loss = {
    .table = &table, .run = run, .results = (const char *const[]){"loss.txt", "loss.npz", NULL}};
