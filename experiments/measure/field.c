/* transit field: what a checkpoint says at given points. */
#include <stdlib.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/input/class_labels.h"
#include "experiments/input/data_labels.h"
#include "experiments/input/drawn_with.h"
#include "experiments/input/file_hash.h"
#include "experiments/input/given.h"
#include "experiments/input/provider.h"
#include "experiments/output/claim.h"
#include "experiments/output/npz_put.h"
#include "experiments/output/out_dir.h"
#include "experiments/output/run_record.h"

typedef struct {
  model_options model;
  guidance_options guidance;
  machine_options machine;
  const char *init, *times;
  tr_text_list quantities;
  tr_int_list class_labels;
  long batch_size;
} field_options;

#define FIELD(member) .offset = offsetof(field_options, member), .group = "Where and what"

/* clang-format off */
static const tr_option options[] = {
    MODEL_OPTIONS(offsetof(field_options, model)),
    {FIELD(init), .name = "init", .type = TR_OPTION_TEXT, .flags = TR_OPTION_REQUIRED, .metavar = "X.npy",
     .help = "Points (N,C,H,W) or (N,dim), float32 or float64. A samples.npz gives its latents and labels."},
    {FIELD(times), .name = "times", .type = TR_OPTION_TEXT, .flags = TR_OPTION_REQUIRED, .metavar = "T.npy",
     .help = "Times (N), one a point, from 0 (noise) to 1 (data)."},
    {FIELD(class_labels), CLASS_LABELS_DRAWN, .default_note = "those in X.npz, else 0, 1, 2, ... in turn",
     .help = "One class for all points, or one per point, here or in a text file; the number of classes itself is the null class. " CLASS_LABELS_WORDS},
    {FIELD(quantities), .name = "quantities", .type = TR_OPTION_TEXTS, .kind = TR_KIND_PREDICTION, .metavar = "Q1,Q2,...",
     .default_text = "velocity,score,noise,denoiser",
     .help = "Which quantities to compute; one that does not exist at a time asked for is an error."},
    {FIELD(batch_size), .name = "batch-size", .aliases = "per-proc-batch-size", .type = TR_OPTION_INT, .flags = TR_OPTION_GE, .low = 1, .metavar = "N",
     .default_text = "128", .help = "Points per network evaluation."},
    GUIDANCE_OPTIONS(offsetof(field_options, guidance)),
    MACHINE_OPTIONS(offsetof(field_options, machine), "Folder for field.npz and run.json."),
};
/* clang-format on */

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "field",
    .summary = "Evaluate velocity, score, noise and denoiser of a checkpoint at given points and times.",
    .details = "field.npz holds one array of the shape of the points per quantity, times (N) and labels (N). "
               "One network evaluation "
               "gives all quantities.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(field_options)};

#define QUANTITIES_MAX 5

typedef struct {
  program *program;
  const tr_parsed *parsed;
  field_options *options;
  provider provider;
  const tr_prediction_type *given; /* what the field is given as */
  given points;
  int64_t n;
  double *t;       /* (n) */
  int32_t *labels; /* (n) */
  const char *labels_from;
  int n_quantities;
  const tr_prediction_type *quantities[QUANTITIES_MAX];
  void *values[QUANTITIES_MAX]; /* (n, ...) each */
  out_dir *dir;
  file_hash hash;
} field_run;

static tr_status find_quantities(field_run *run) {
  const tr_text_list *names = &run->options->quantities;
  tr_ctx *ctx = run->program->ctx;
  if (names->n > QUANTITIES_MAX)
    return TR_FAIL(ctx, TR_E_ARG, "--quantities has more than %d entries", QUANTITIES_MAX);
  for (; run->n_quantities < names->n; run->n_quantities++)
    TR_TRY(tr_prediction_find(ctx, names->v[run->n_quantities], &run->quantities[run->n_quantities]));
  return TR_OK;
}

static tr_status open_points(field_run *run) {
  tr_ctx *ctx = run->program->ctx;
  int64_t shape[TR_MAX_DIMS];
  int ndim = provider_shape(&run->provider, -1, shape);
  TR_TRY(given_open(ctx, "--init", run->options->init, ndim, shape, &run->points));
  run->n = run->points.npy.shape[0];
  TR_TRY(given_times(ctx, run->options->times, run->n, &run->t));
  json_t *options = record_options(&table, run->parsed, run->options);
  drawn_with_compare(ctx, "--init", run->options->init, options);
  json_decref(options);
  TR_TRY(init_labels(ctx, provider_info(&run->provider), &run->options->class_labels, &run->points, false,
                     run->n, &run->labels_from, &run->labels));
  if (run->labels_from == labels_in_turn)
    tr_ctx_warn(ctx,
                "'%s' has no labels: the points are of the classes 0, 1, 2, ... in turn (--class-labels "
                "gives others)",
                TR_SHOW(run->options->init, 200));
  return TR_OK;
}

/* Every conversion that will be made exists. */
static tr_status check_conversions(const field_run *run) {
  tr_affine unused;
  for (int q = 0; q < run->n_quantities; q++)
    for (int64_t i = 0; i < run->n; i++)
      TR_TRY(tr_convert(run->program->ctx, &run->provider.interpolant, run->given, run->quantities[q]->tag,
                        run->t[i], &unused));
  return TR_OK;
}

static tr_status allocate(field_run *run) {
  size_t bytes = (size_t)(run->n * provider_row(&run->provider)) * tr_dtype_size(run->provider.dtype);
  for (int q = 0; q < run->n_quantities; q++)
    if (!(run->values[q] = malloc(bytes)))
      return TR_FAIL(run->program->ctx, TR_E_MEM,
                     "out of memory: %.3g MiB are needed for a quantity at %lld points",
                     (double)bytes / (1 << 20), (long long)run->n);
  return TR_OK;
}

static tr_status open_folder(field_run *run) {
  field_options *o = run->options;
  return claim_open(run->program, &(claim){&table, run->parsed, o, &o->machine, false}, &run->dir);
}

static tr_status open_all(field_run *run) {
  field_options *o = run->options;
  TR_TRY(find_quantities(run));
  TR_TRY(provider_load(run->program, &o->model, &o->machine, 0, &run->provider));
  TR_TRY(provider_load_guide(run->program, &o->guidance, &run->provider));
  TR_TRY(tr_prediction_of(run->program->ctx, provider_kind(&run->provider), &run->given));
  TR_TRY(open_points(run));
  TR_TRY(check_conversions(run));
  TR_TRY(open_folder(run));
  TR_TRY(file_hash_start(run->program->ctx, o->model.ckpt, &run->hash));
  TR_TRY(provider_build(run->program, &o->guidance, &run->provider));
  return allocate(run);
}

/* One row of a quantity from the rows of state and prediction. */
static tr_status convert_row(const field_run *run, int q, int64_t row, int64_t i, const tr_array *x,
                             const tr_array *p, tr_array *z) {
  tr_affine a;
  TR_TRY(tr_convert(run->program->ctx, &run->provider.interpolant, run->given, run->quantities[q]->tag,
                    run->t[row], &a));
  tr_array x_row = tr_rows(x, i, 1), p_row = tr_rows(p, i, 1), z_row = tr_rows(z, i, 1);
  return tr_affine_apply(a, &x_row, &p_row, &z_row);
}

static tr_status evaluate(const field_run *run, int64_t first, int64_t n, tr_array *x, tr_array *p,
                          tr_array *z) {
  int64_t row = provider_row(&run->provider);
  tr_cond cond = provider_cond(run->labels, first, n);
  TR_TRY(given_read(&run->points, first * row, x));
  TR_TRY(tr_drift_eval(run->provider.drift, (tr_times){n, run->t + first}, x, &cond, p));
  for (int q = 0; q < run->n_quantities; q++) {
    for (int64_t i = 0; i < n; i++) TR_TRY(convert_row(run, q, first + i, i, x, p, z));
    TR_TRY(tr_array_download(z, (char *)run->values[q] +
                                    (size_t)(first * row) * tr_dtype_size(run->provider.dtype)));
  }
  return program_check_interrupt(run->program);
}

static tr_status evaluate_batch(const field_run *run, int64_t first, int64_t n) {
  tr_array *x = NULL, *p = NULL, *z = NULL;
  tr_status status = provider_states(run->program, &run->provider, n, &x);
  if (status == TR_OK) status = tr_array_like(x, &p);
  if (status == TR_OK) status = tr_array_like(x, &z);
  if (status == TR_OK) status = evaluate(run, first, n, x, p, z);
  tr_array_destroy(&x);
  tr_array_destroy(&p);
  tr_array_destroy(&z);
  return status;
}

static tr_status evaluate_all(const field_run *run) {
  int64_t size = run->options->batch_size;
  for (int64_t first = 0; first < run->n; first += size)
    TR_TRY(evaluate_batch(run, first, run->n - first < size ? run->n - first : size));
  return TR_OK;
}

static tr_status add_arrays(const field_run *run, tr_npz_out *npz) {
  tr_ctx *ctx = run->program->ctx;
  int64_t shape[TR_MAX_DIMS];
  const int ndim = provider_shape(&run->provider, run->n, shape);
  for (int q = 0; q < run->n_quantities; q++)
    TR_TRY(
        npz_put(ctx, npz, run->quantities[q]->info.name, run->provider.dtype, ndim, shape, run->values[q]));
  TR_TRY(npz_put(ctx, npz, "times", TR_F64, 1, &run->n, run->t));
  return run->labels ? npz_put(ctx, npz, "labels", TR_I32, 1, &run->n, run->labels) : TR_OK;
}

static tr_status save_npz(const field_run *run) {
  const char *path;
  tr_npz_out *npz;
  TR_TRY(out_dir_stage(run->program->ctx, run->dir, "field.npz", &path));
  TR_TRY(tr_npz_create(run->program->ctx, path, &npz));
  tr_status status = add_arrays(run, npz);
  if (status == TR_OK) return tr_npz_commit(&npz);
  tr_npz_discard(&npz);
  return status;
}

static tr_status save_record(field_run *run) {
  return record_stage_network(run->program, run->dir,
                              &(record_network){&table, run->parsed, run->options, run->provider.model,
                                                run->options->model.ckpt, &run->hash, &run->provider.guide,
                                                run->provider.drift->n_forward, run->n, run->labels_from});
}

static tr_status save_all(field_run *run) {
  TR_TRY(save_npz(run));
  TR_TRY(save_record(run));
  return out_dir_commit(run->program->ctx, &run->dir);
}

static void close_all(field_run *run) {
  file_hash_discard(&run->hash);
  out_dir_discard(&run->dir);
  for (int q = 0; q < run->n_quantities; q++) free(run->values[q]);
  free(run->t);
  free(run->labels);
  given_close(&run->points);
  provider_close(&run->provider);
}

static void print_summary(const field_run *run) {
  printf("%lld point%s: wrote", (long long)run->n, PLURAL(run->n));
  for (int q = 0; q < run->n_quantities; q++) printf("%s%s", q ? "," : " ", run->quantities[q]->info.name);
  printf(" of them to %s/field.npz, and run.json\n", run->options->machine.out);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  field_run run = {.program = p, .parsed = parsed, .options = values};
  tr_status status = open_all(&run);
  if (status == TR_OK) status = evaluate_all(&run);
  if (status == TR_OK) status = save_all(&run);
  if (status == TR_OK) print_summary(&run);
  close_all(&run);
  return status;
}

const command command_field = {
    .table = &table, .run = run, .results = (const char *const[]){"field.npz", NULL}};
