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
  pixel_rows pixels; /* of the reference, without a network */
};

/* The reference's statistics once and for all. Of its samples the pool features alone serve from then on. */
static tr_status settle_statistics(evaluation *e) {
  evaluate_set *r = &e->reference;
  const metric_rows *pool = &r->features.rows[FEATURES_POOL], *spatial = &r->features.rows[FEATURES_SPATIAL];
  if (!r->stored) {
    TR_TRY(metric_gaussian_of(e->program->ctx, pool, &r->pool));
    TR_TRY(metric_gaussian_of(e->program->ctx, spatial, &r->spatial));
    r->stored = true;
  }
  feature_set_drop(&r->features, FEATURES_SPATIAL);
  feature_set_drop(&r->features, FEATURES_SCORES);
  return TR_OK;
}

static tr_status open_network(evaluation *e) {
  const evaluation_spec *s = &e->spec;
  TR_TRY(fetch_find(e->program, s->inception, "--inception", &e->inception));
  TR_TRY(extractor_open(e->program, e->inception, s->preprocess, TR_F32, &e->extractor));
  TR_TRY(evaluate_set_hash(e->program->ctx, &e->reference));
  extract_progress progress;
  const picture_source *pictures = e->reference.pictures;
  extract_progress_start(&progress, pictures ? picture_source_facts(pictures)->n : 0);
  tr_status status = evaluate_set_extract(&e->extractor, &progress, &e->reference);
  extract_progress_end(&progress);
  return status == TR_OK ? settle_statistics(e) : status;
}

static tr_status open_all(evaluation *e) {
  const evaluation_spec *s = &e->spec;
  tr_ctx *ctx = e->program->ctx;
  TR_TRY(evaluate_set_open(e->program, s->option, s->reference, true, &e->reference));
  if (s->inception) return open_network(e);
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

static tr_status run_network(const evaluation *e, int64_t n, int64_t height, int64_t width,
                             const uint8_t *levels, evaluate_result *out) {
  feature_set features = {0};
  tr_status status = extract_levels(&e->extractor, "samples", n, height, width, levels, &features);
  const evaluate_input input = {.samples = feature_set_side(&features, "samples"),
                                .reference = evaluate_set_side(&e->reference),
                                .seed = e->spec.seed};
  if (status == TR_OK) status = evaluate_features(e->program, &input, out);
  feature_set_close(&features);
  return status;
}

static tr_status run_figures(const evaluation *e, int64_t n, int64_t height, int64_t width,
                             const uint8_t *levels, const int32_t *labels, figures_result *out) {
  tr_ctx *ctx = e->program->ctx;
  pixel_rows pixels;
  tr_status status = pixel_rows_of(ctx, "samples", n, height, width, levels, labels, &pixels);
  if (status == TR_OK) status = evaluate_figures(ctx, &pixels, &e->pixels, e->spec.seed, out);
  pixel_rows_free(&pixels);
  return status;
}

tr_status evaluation_run(const evaluation *e, int64_t n, int64_t height, int64_t width, const uint8_t *levels,
                         const int32_t *labels, evaluation_result *out) {
  const bool network = e->spec.inception != NULL;
  *out = (evaluation_result){.with_metrics = network, .with_figures = !network};
  if (n < 2)
    return TR_FAIL(e->program->ctx, TR_E_ARG, "%lld samples: at least 2 can be compared", (long long)n);
  return network ? run_network(e, n, height, width, levels, &out->metrics)
                 : run_figures(e, n, height, width, levels, labels, &out->figures);
}
