/* transit evaluate: samples against a reference. */
#include <stdlib.h>
#include <string.h>

#include "experiments/commands.h"
#include "experiments/common/machine_options.h"
#include "experiments/evaluate/run.h"
#include "experiments/fetch/fetch.h"
#include "experiments/output/claim.h"
#include "experiments/output/saved_args.h"

/* ---- opening ---- */

static tr_status check_options(const evaluate_run *run) {
  const evaluate_options *o = run->options;
  tr_ctx *ctx = run->program->ctx;
  if (o->samples && o->features)
    return TR_FAIL(ctx, TR_E_ARG, "--samples and --features are one and the same side: give one of them");
  if (!o->samples && !o->features)
    return TR_FAIL(ctx, TR_E_ARG, "what is evaluated? give --samples A.npz or a folder, or --features A.npz");
  if (o->reference && o->reference_features)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--reference and --reference-features are one and the same side: give one of them");
  if (!o->reference && !o->reference_features && !o->save_stats)
    return TR_FAIL(ctx, TR_E_ARG,
                   "against what? give --reference B.npz or a folder, or --reference-features B.npz (or "
                   "--save-stats, to make a reference of the samples)");
  return TR_OK;
}

static tr_status open_side(const evaluate_run *run, bool reference, evaluate_set *set) {
  const evaluate_options *o = run->options;
  const char *pictures = reference ? o->reference : o->samples,
             *features = reference ? o->reference_features : o->features;
  tr_ctx *ctx = run->program->ctx;
  if (pictures)
    return evaluate_set_open(run->program, reference ? "--reference" : "--samples", pictures, reference, set);
  if (features)
    return evaluate_set_open_features(ctx, reference ? "--reference-features" : "--features", features, set);
  snprintf(set->name, sizeof set->name, "the reference, which is not given,");
  return TR_OK;
}

/* Pictures without a network: an error, unless something else is to be said of them. Those beside statistics
 * may go without. */
static tr_status check_network(const evaluate_run *run) {
  const evaluate_options *o = run->options;
  const bool needed = run->samples.pictures || (run->reference.pictures && !run->reference.stored);
  if (o->inception || !needed || (o->classifier_free && !o->save_stats)) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_ARG,
                 "features of pictures need a network: give --inception FILE or --inception inception%s",
                 o->save_stats ? "" : ", or only --classifier-free");
}

static tr_status check_pixels(const evaluate_run *run) {
  const evaluate_set *without = !run->samples.pictures ? &run->samples : &run->reference;
  if (!run->options->classifier_free || (run->samples.pictures && run->reference.pictures)) return TR_OK;
  return TR_FAIL(run->program->ctx, TR_E_ARG, "--classifier-free compares pictures, and %s has none",
                 without->name);
}

/* The reference, or, without one, the samples. */
static const evaluate_set *set_to_save(const evaluate_run *run) {
  return run->reference.path ? &run->reference : &run->samples;
}

/* A file that cannot be written fails now, and none that is read is written over. */
static tr_status check_stats_file(const evaluate_run *run) {
  const char *path = run->options->save_stats;
  const evaluate_set *set = set_to_save(run), *sides[] = {&run->samples, &run->reference};
  tr_ctx *ctx = run->program->ctx;
  tr_npz_out *npz;
  if (!path) return TR_OK;
  if (set->stored)
    return TR_FAIL(ctx, TR_E_ARG,
                   "--save-stats: %s has statistics already; for those of its pictures give it as --samples, "
                   "without a reference",
                   set->name);
  for (int i = 0; i < 2; i++)
    if (sides[i]->path && saved_is_same_file(path, sides[i]->path))
      return TR_FAIL(ctx, TR_E_ARG, "--save-stats and %s are one file: --save-stats is a new one",
                     sides[i]->name);
  TR_TRY(tr_npz_create(ctx, path, &npz));
  tr_npz_discard(&npz);
  return TR_OK;
}

static tr_status open_folder(evaluate_run *run) {
  evaluate_options *o = run->options;
  const claim what = {.table = &evaluate_table, .parsed = run->parsed, .values = o, .machine = &o->machine};
  return claim_open(run->program, &what, &run->dir);
}

/* Whether a network is asked; what of one has no effect is said. */
static bool uses_network(const evaluate_run *run) {
  static const char *const of_network[] = {"inception", "preprocess", "batch-size",
                                           "no-cache",  "dtype",      NULL},
                           *const of_features[] = {"neighbours", "score-block", "kid-subsets",
                                                   "kid-size",   "fid-inf",     NULL};
  tr_ctx *ctx = run->program->ctx;
  const bool pictures = run->samples.pictures || run->reference.pictures;
  if (run->options->inception && pictures) return true;
  program_warn_idle(ctx, &evaluate_table, run->parsed, of_network,
                    pictures ? "no network was given (--inception)" : "there are no pictures");
  if (run->samples.pictures)
    program_warn_idle(ctx, &evaluate_table, run->parsed, of_features, "no network was given (--inception)");
  return false;
}

static tr_status open_network(evaluate_run *run) {
  evaluate_options *o = run->options;
  if (!uses_network(run)) return TR_OK;
  TR_TRY(fetch_find(run->program, o->inception, "--inception", &run->inception));
  TR_TRY(extractor_open(run->program, run->inception, o->preprocess, run->dtype, &run->extractor));
  run->extractor.batch = o->batch;
  run->extractor.cache = !o->no_cache;
  return TR_OK;
}

static void compare_sizes(evaluate_run *run) {
  const picture_source *a = run->samples.pictures, *b = run->reference.pictures;
  if (!a || !b) return;
  const picture_facts *s = picture_source_facts(a), *r = picture_source_facts(b);
  if (s->height == r->height && s->width == r->width) return;
  snprintf(run->size_warning, sizeof run->size_warning,
           "samples of %lld x %lld pixels and a reference of %lld x %lld: the numbers measure the sizes, too",
           (long long)s->height, (long long)s->width, (long long)r->height, (long long)r->width);
}

static tr_status open_all(evaluate_run *run) {
  evaluate_options *o = run->options;
  TR_TRY(check_options(run));
  /* f32 or f64: FID of features that are rounded further is another number */
  TR_TRY(machine_open(run->program, &o->machine, o->seed, &run->dtype));
  TR_TRY(open_side(run, false, &run->samples));
  TR_TRY(open_side(run, true, &run->reference));
  TR_TRY(check_network(run));
  TR_TRY(check_pixels(run));
  TR_TRY(open_network(run));
  TR_TRY(check_stats_file(run));
  compare_sizes(run);
  return open_folder(run);
}

/* ---- measuring ---- */

static int64_t pictures_of(const evaluate_set *set) {
  return set->pictures ? picture_source_facts(set->pictures)->n : 0;
}

static tr_status extract(evaluate_run *run) {
  extract_progress progress;
  if (!run->inception) return TR_OK;
  extract_progress_start(&progress, pictures_of(&run->samples) + pictures_of(&run->reference));
  tr_status status = evaluate_set_extract(&run->extractor, &progress, &run->samples);
  if (status == TR_OK) status = evaluate_set_extract(&run->extractor, &progress, &run->reference);
  extract_progress_end(&progress);
  return status;
}

/* Of pictures without a network. */
static void leave_features(evaluate_run *run) {
  evaluate_result *out = &run->result.metrics;
  out->n = pictures_of(&run->samples), out->reference_n = pictures_of(&run->reference);
  evaluate_warn_number(run->samples.name, out->n, out);
  evaluate_warn_number(run->reference.name, out->reference_n, out);
  for (int m = 0; m < EVALUATE_COUNT; m++)
    out->metric[m] = (evaluate_entry){.absent = true, .why = "no network was given (--inception)"};
}

/* Metrics of features, all of them absent where pictures have none. */
static tr_status measure_features(evaluate_run *run) {
  const evaluate_options *o = run->options;
  if (run->samples.pictures && !run->inception) {
    leave_features(run);
    return TR_OK;
  }
  const evaluate_input input = {.samples = evaluate_set_side(&run->samples),
                                .reference = evaluate_set_side(&run->reference),
                                .neighbours = (int)o->neighbours,
                                .split = {.block = o->score_block},
                                .kid_subsets = (int)o->kid_subsets,
                                .kid_size = o->kid_size,
                                .limit_points = o->fid_inf == TR_OPTION_UNSET ? 0 : (int)o->fid_inf,
                                .seed = o->seed};
  return evaluate_features(run->program, &input, &run->result.metrics);
}

static tr_status measure_pixels(evaluate_run *run) {
  tr_ctx *ctx = run->program->ctx;
  pixel_rows a = {0}, b = {0};
  if (!run->options->classifier_free) return TR_OK;
  tr_status status = pixel_rows_read(ctx, run->samples.name, run->samples.pictures, &a);
  if (status == TR_OK) status = pixel_rows_read(ctx, run->reference.name, run->reference.pictures, &b);
  if (status == TR_OK) status = evaluate_figures(ctx, &a, &b, run->options->seed, &run->result.figures);
  run->result.with_figures = status == TR_OK;
  pixel_rows_free(&a);
  pixel_rows_free(&b);
  return status;
}

static tr_status save_stats(evaluate_run *run) {
  const char *path = run->options->save_stats;
  return path ? evaluate_set_save(run->program->ctx, path, set_to_save(run)) : TR_OK;
}

static void warn(const evaluate_run *run) {
  tr_ctx *ctx = run->program->ctx;
  if (*run->size_warning) tr_ctx_warn(ctx, "%s", run->size_warning);
  for (int i = 0; i < run->result.metrics.n_warnings; i++)
    tr_ctx_warn(ctx, "%s", run->result.metrics.warning[i]);
}

/* Subsets that were asked for and not drawn. */
static void warn_of_subsets(const evaluate_run *run) {
  static const char *const of_subsets[] = {"kid-subsets", NULL};
  const evaluate_result *r = &run->result.metrics;
  if (r->kid_subsets > 0 || r->metric[EVALUATE_KID].absent) return;
  program_warn_idle(run->program->ctx, &evaluate_table, run->parsed, of_subsets,
                    "KID is of all samples, no more than --kid-size on each side");
}

/* For the record and the cache. All of what is large is read, so not before anything can be refused. */
static tr_status hash(evaluate_run *run) {
  TR_TRY(evaluate_set_hash(run->program->ctx, &run->samples));
  return evaluate_set_hash(run->program->ctx, &run->reference);
}

static tr_status measure(evaluate_run *run) {
  TR_TRY(hash(run));
  TR_TRY(program_check_interrupt(run->program));
  TR_TRY(extract(run));
  TR_TRY(program_check_interrupt(run->program));
  TR_TRY(measure_features(run));
  TR_TRY(program_check_interrupt(run->program));
  TR_TRY(measure_pixels(run));
  warn(run);
  warn_of_subsets(run);
  return program_check_interrupt(run->program);
}

static tr_status save(evaluate_run *run) {
  TR_TRY(evaluate_report_save(run));
  TR_TRY(save_stats(run));
  return out_dir_commit(run->program->ctx, &run->dir);
}

static void close_all(evaluate_run *run) {
  out_dir_discard(&run->dir);
  extractor_close(&run->extractor);
  evaluate_set_close(&run->samples);
  evaluate_set_close(&run->reference);
  free(run->inception);
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  evaluate_run run = {.program = p, .parsed = parsed, .options = values, .result = {.with_metrics = true}};
  tr_status status = open_all(&run);
  if (status == TR_OK) status = measure(&run);
  if (status == TR_OK) status = save(&run);
  if (status == TR_OK) evaluate_report_print(&run);
  close_all(&run);
  return status;
}

const command command_evaluate = {
    .table = &evaluate_table, .run = run, .results = (const char *const[]){"evaluate.json", NULL}};
