#include "experiments/evaluate/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/evaluate/set.h"
#include "experiments/fetch/fetch.h"

struct evaluation {
  program *program;
  evaluation_spec spec;
  char *inception; /* owned: the path */
  extractor extractor;
  evaluate_set reference;
  pixel_rows pixels; /* of the reference */
};

/* The reference's statistics once and for all. */
static tr_status settle_statistics(evaluation *e) {
  evaluate_set *r = &e->reference;
  const metric_rows *pool = &r->features.rows[FEATURES_POOL], *spatial = &r->features.rows[FEATURES_SPATIAL];
  if (r->stored) return TR_OK;
  TR_TRY(metric_gaussian_of(e->program->ctx, pool, &r->pool));
  TR_TRY(metric_gaussian_of(e->program->ctx, spatial, &r->spatial));
  r->stored = true;
  return TR_OK;
}

static tr_status open_network(evaluation *e) {
  const evaluation_spec *s = &e->spec;
  TR_TRY(fetch_find(e->program, s->inception, "--inception", &e->inception));
  TR_TRY(extractor_open(e->program, e->inception, s->preprocess, s->dtype, &e->extractor));
  e->extractor.cache = !s->no_cache;
  extract_progress progress;
  const picture_source *pictures = e->reference.pictures;
  extract_progress_start(&progress, pictures ? picture_source_facts(pictures)->n : 0);
  tr_status status = evaluate_set_extract(&e->extractor, &progress, &e->reference);
  extract_progress_end(&progress);
  return status == TR_OK ? settle_statistics(e) : status;
}

static tr_status open_all(evaluation *e) {
  evaluation_spec *s = &e->spec;
  tr_ctx *ctx = e->program->ctx;
  if (!s->preprocess) s->preprocess = "tf";
  if (!s->dtype) s->dtype = "f32";
  if (!s->option) s->option = "--reference";
  if (!s->inception) s->classifier_free = true;
  TR_TRY(evaluate_set_open(e->program, s->option, s->reference, true, &e->reference));
  if (s->inception) TR_TRY(open_network(e));
  if (!s->classifier_free) return TR_OK;
  if (e->reference.pictures)
    return pixel_rows_read(ctx, e->reference.name, e->reference.pictures, &e->pixels);
  return TR_FAIL(ctx, TR_E_ARG, "%s has statistics and no pictures: figures without a network need pictures",
                 e->reference.name);
}

tr_status evaluation_open(program *p, const evaluation_spec *spec, evaluation **out) {
  evaluation *e = calloc(1, sizeof *e);
  *out = NULL;
  if (!e) return TR_FAIL(p->ctx, TR_E_MEM, "out of memory for an evaluation");
  e->program = p;
  e->spec = *spec;
  tr_status status = open_all(e);
  if (status != TR_OK)
    evaluation_close(&e);
  else
    *out = e;
  return status;
}

void evaluation_close(evaluation **evaluation) {
  if (!*evaluation) return;
  extractor_close(&(*evaluation)->extractor);
  evaluate_set_close(&(*evaluation)->reference);
  pixel_rows_free(&(*evaluation)->pixels);
  free((*evaluation)->inception);
  free(*evaluation);
  *evaluation = NULL;
}

static tr_status run_network(evaluation *e, int64_t n, int64_t height, int64_t width, const uint8_t *levels,
                             evaluate_result *out) {
  feature_set features = {0};
  tr_status status = extract_levels(&e->extractor, "samples", n, height, width, levels, &features);
  const evaluate_input input = {.samples = feature_set_side(&features, "samples"),
                                .reference = evaluate_set_side(&e->reference),
                                .seed = e->spec.seed};
  if (status == TR_OK) status = evaluate_features(e->program, &input, out);
  feature_set_close(&features);
  return status;
}

tr_status evaluation_run(evaluation *e, int64_t n, int64_t height, int64_t width, const uint8_t *levels,
                         const int32_t *labels, evaluation_result *out) {
  tr_ctx *ctx = e->program->ctx;
  *out =
      (evaluation_result){.with_network = e->spec.inception != NULL, .with_figures = e->spec.classifier_free};
  if (n < 2) return TR_FAIL(ctx, TR_E_ARG, "%lld samples: at least 2 can be compared", (long long)n);
  if (out->with_network) TR_TRY(run_network(e, n, height, width, levels, &out->metrics));
  if (!out->with_figures) return TR_OK;
  pixel_rows pixels;
  tr_status status = pixel_rows_of(ctx, "samples", n, height, width, levels, labels, &pixels);
  if (status == TR_OK) status = evaluate_figures(ctx, &pixels, &e->pixels, e->spec.seed, &out->figures);
  pixel_rows_free(&pixels);
  return status;
}
