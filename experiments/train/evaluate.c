/* Samples measured while training: --evaluate-every. By a network of features against a reference that is
 * given, or without one by the figures of small data, against a reference or the data that is trained on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/evaluate/evaluate.h"
#include "experiments/output/run_record.h"
#include "experiments/train/run.h"

#define BATCH          128  /* samples of an evaluation that are drawn together */
#define REFERENCE_MOST 5000 /* inputs of the data that samples are compared with */

struct train_evaluation {
  evaluation *pictures; /* against --evaluate-reference; NULL: against the data */
  pixel_rows data;
  int32_t *labels; /* of the data, or NULL */
  bool warned;
};

bool train_evaluate_due(const train_run *run) {
  const long every = run->options->evaluate_every;
  return every != TR_OPTION_UNSET && run->report.step % every == 0;
}

/* ---- options ---- */

void train_evaluate_settle(train_run *run) {
  static const char *const all[] = {"evaluate-samples", "evaluate-scale", "evaluate-reference",
                                    "inception",        "preprocess",     NULL},
                           *const scale[] = {"evaluate-scale", NULL}, *const network[] = {"preprocess", NULL};
  train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  const bool guided = tr_net_info_of(run->net)->null_class >= 0;
  if (o->evaluate_every == TR_OPTION_UNSET)
    program_warn_idle(ctx, &train_table, &run->parsed, all, "it is of --evaluate-every");
  else if (!guided)
    program_warn_idle(ctx, &train_table, &run->parsed, scale, "the network has no null class");
  if (o->evaluate_every != TR_OPTION_UNSET && !o->inception)
    program_warn_idle(ctx, &train_table, &run->parsed, network, "it is of --inception");
  if (!guided) o->evaluate_scale = 1;
}

/* ---- the data as a reference ---- */

/* Pictures of rows as they are trained on: those of the samples are rounded too. */
static tr_status rows_to_pictures(train_run *run, int64_t n, const void *x, const int32_t *labels,
                                  pixel_rows *out) {
  const pictures *p = &run->pictures;
  int64_t shape[TR_MAX_DIMS];
  tr_array *array;
  const int ndim = tr_net_states(tr_net_info_of(run->net), n, shape);
  uint8_t *levels = malloc((size_t)(n * p->height * p->width) * 3);
  if (!levels) return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)n);
  tr_status status = tr_array_create(run->program->ctx, run->dtype, ndim, shape, &array);
  if (status == TR_OK) status = tr_array_upload(array, x);
  if (status == TR_OK) status = p->make(p, array, levels);
  tr_array_destroy(&array);
  if (status == TR_OK)
    status = pixel_rows_of(run->program->ctx, "the data", n, p->height, p->width, levels, labels, out);
  free(levels);
  return status;
}

/* States that are no pictures, as rows of numbers; *numbers is the caller's. */
static pixel_rows rows_of_numbers(const char *name, int64_t n, int64_t d, tr_dtype dtype, const void *numbers,
                                  const int32_t *labels) {
  return (pixel_rows){.rows = {.name = name, .n = n, .d = d, .dtype = dtype, .data = numbers},
                      .height = 1,
                      .width = d,
                      .channels = 1,
                      .labels = labels};
}

static tr_status keep_numbers(train_run *run, int64_t n, const void *x, const int32_t *labels,
                              pixel_rows *out) {
  const int64_t row = tr_net_info_of(run->net)->row;
  const size_t bytes = (size_t)(n * row) * tr_dtype_size(run->dtype);
  void *numbers = malloc(bytes);
  if (!numbers) return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld inputs", (long long)n);
  memcpy(numbers, x, bytes);
  *out = rows_of_numbers("the data", n, row, run->dtype, numbers, labels);
  out->numbers = numbers;
  return TR_OK;
}

static tr_status take_rows(train_run *run, tr_loader *loader, int64_t n) {
  struct train_evaluation *e = run->evaluation;
  const bool labelled = tr_loader_about(loader).classes > 0;
  tr_loader_rows rows;
  TR_TRY(tr_loader_step(loader, 0, &rows));
  if (labelled && rows.labels) {
    e->labels = malloc((size_t)n * sizeof *e->labels);
    if (!e->labels)
      return TR_FAIL(run->program->ctx, TR_E_MEM, "out of memory for %lld labels", (long long)n);
    memcpy(e->labels, rows.labels, (size_t)n * sizeof *e->labels);
  }
  return pictures_any(&run->pictures) && run->pictures_of_states
             ? rows_to_pictures(run, n, rows.x, e->labels, &e->data)
             : keep_numbers(run, n, rows.x, e->labels, &e->data);
}

/* The data, or as many of it as are enough, in an order of its own, as they are trained on but not mirrored.
 */
static tr_status open_data(train_run *run) {
  const train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (!run->data.loader)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--evaluate-every without --data-path: give what samples are compared with as "
                   "--evaluate-reference");
  const int64_t all = tr_loader_about(run->data.loader).n, n = all < REFERENCE_MOST ? all : REFERENCE_MOST;
  const tr_loader_options options = {.image_size = o->image_size == TR_OPTION_UNSET ? 0 : o->image_size,
                                     .seed = (uint64_t)o->seed,
                                     .batch = n,
                                     .rows = n,
                                     .dtype = run->dtype,
                                     .ahead = 0};
  tr_loader *loader;
  TR_TRY(tr_loader_open(ctx, o->data_path, &options, &loader));
  const tr_status status = take_rows(run, loader, n);
  tr_loader_close(&loader);
  return status;
}

/* ---- a reference ---- */

static tr_status open_pictures(train_run *run) {
  const train_options *o = run->options;
  if (!pictures_any(&run->pictures))
    return TR_FAIL(
        run->program->ctx, TR_E_ARG,
        "--evaluate-reference is for samples that have pictures: the states of this network have none%s",
        run->data.ndim == 3 ? " without --vae" : "");
  const evaluation_spec spec = {.reference = o->evaluate_reference,
                                .inception = o->inception,
                                .preprocess = o->preprocess,
                                .option = "--evaluate-reference",
                                .seed = (uint64_t)o->seed};
  return evaluation_open(run->program, &spec, &run->evaluation->pictures);
}

tr_status train_evaluate_open(train_run *run) {
  const train_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (o->evaluate_every == TR_OPTION_UNSET) return TR_OK;
  if (o->inception && !o->evaluate_reference)
    return TR_FAIL(
        ctx, TR_E_ARG,
        "--inception without --evaluate-reference: give pictures or stored statistics to compare with");
  run->evaluation = calloc(1, sizeof *run->evaluation);
  if (!run->evaluation) return TR_FAIL(ctx, TR_E_MEM, "out of memory for an evaluation");
  return o->evaluate_reference ? open_pictures(run) : open_data(run);
}

void train_evaluate_close(train_run *run) {
  struct train_evaluation *e = run->evaluation;
  if (!e) return;
  evaluation_close(&e->pictures);
  pixel_rows_free(&e->data);
  free(e->labels);
  free(e);
  run->evaluation = NULL;
}

/* ---- the numbers ---- */

static tr_status against_data(train_run *run, const sample_result *r, evaluation_result *out) {
  const struct train_evaluation *e = run->evaluation;
  tr_ctx *ctx = run->program->ctx;
  const uint64_t seed = (uint64_t)run->options->seed;
  *out = (evaluation_result){.with_figures = true};
  if (!r->pixels) {
    const pixel_rows rows = rows_of_numbers("samples", r->shape[0], tr_net_info_of(run->net)->row, r->dtype,
                                            r->latents, r->labels);
    return evaluate_figures(ctx, &rows, &e->data, seed, &out->figures);
  }
  pixel_rows rows;
  tr_status status =
      pixel_rows_of(ctx, "samples", r->shape[0], r->height, r->width, r->pixels, r->labels, &rows);
  if (status == TR_OK) status = evaluate_figures(ctx, &rows, &e->data, seed, &out->figures);
  pixel_rows_free(&rows);
  return status;
}

static tr_status measure(train_run *run, const sample_result *r, evaluation_result *out) {
  evaluation *pictures = run->evaluation->pictures;
  if (!pictures) return against_data(run, r, out);
  return evaluation_run(pictures, r->shape[0], r->height, r->width, r->pixels, r->labels, out);
}

/* ---- what is said of them ---- */

static json_t *line_of(const train_run *run, const sample_result *r, const evaluation_result *result,
                       long nfe) {
  const train_options *o = run->options;
  const int64_t reference = result->with_metrics ? result->metrics.reference_n : result->figures.reference_n;
  json_t *line = json_object(), *missing = json_object();
  json_object_set_new(line, "step", json_integer(run->report.step));
  json_object_set_new(line, "evaluated", json_integer(r->shape[0]));
  json_object_set_new(line, "reference",
                      json_string(o->evaluate_reference ? "evaluate-reference" : "data-path"));
  json_object_set_new(line, "reference_n", reference > 0 ? json_integer(reference) : json_null());
  json_object_set_new(line, "sampler", json_string(TRAIN_SAMPLER));
  json_object_set_new(line, "num_sampling_steps", json_integer(o->num_sampling_steps));
  json_object_set_new(line, "cfg_scale", record_number(o->evaluate_scale));
  json_object_set_new(line, "nfe", json_integer(nfe));
  if (result->with_metrics) json_object_set_new(line, "preprocessing", json_string(o->preprocess));
  evaluation_numbers_put(result, line, missing);
  json_object_set_new(line, "missing", missing);
  return line;
}

static tr_status tell(train_run *run, const sample_result *r, const evaluation_result *result) {
  evaluation_number all[EVALUATION_NUMBERS];
  char text[600], tag[80];
  json_t *numbers = json_object();
  tr_status status = TR_OK;
  size_t used = 0;
  for (int i = 0, n = evaluation_numbers(result, all); i < n; i++) {
    const double value = all[i].entry->number.value;
    if (all[i].entry->absent) continue;
    snprintf(tag, sizeof tag, "evaluate/%s", all[i].name);
    if (status == TR_OK) status = events_scalar(run->events, tag, run->report.step, value);
    json_object_set_new(numbers, tag, record_number(value));
    if (used < sizeof text)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.6g", used ? ", " : "", all[i].name,
                               value);
  }
  wandb_numbers(run->wandb, run->report.step, numbers);
  json_decref(numbers);
  TR_TRY(status);
  return train_files_say(run, "step %lld: %lld samples: %s", (long long)run->report.step,
                         (long long)r->shape[0], used ? text : "no number");
}

/* Of what makes the numbers incomparable, once: it is the same each time. */
static void warn_once(train_run *run, const evaluation_result *result) {
  struct train_evaluation *e = run->evaluation;
  for (int i = 0; i < result->metrics.n_warnings && !e->warned; i++)
    tr_ctx_warn(run->program->ctx, "--evaluate-every: %s", result->metrics.warning[i]);
  e->warned = true;
}

static tr_status draw_and_measure(train_run *run, sample_result *r) {
  const train_options *o = run->options;
  const train_drawing what = {.n = o->evaluate_samples, .batch = BATCH, .cfg_scale = o->evaluate_scale};
  evaluation_result result;
  long nfe = 0;
  TR_TRY(train_draw_prepare(run, what.n, run->evaluation->pictures || run->pictures_of_states, r));
  tr_status status = train_draw(run, &what, r, &nfe);
  if (status == TR_OK) status = measure(run, r, &result);
  if (status != TR_OK) return train_forgive(run, "evaluation", status);
  warn_once(run, &result);
  TR_TRY(train_files_line(run, line_of(run, r, &result, nfe)));
  return tell(run, r, &result);
}

tr_status train_evaluate(train_run *run) {
  sample_result result = {0};
  const tr_status status = draw_and_measure(run, &result);
  sample_result_free(&result);
  return status;
}
