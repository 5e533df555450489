#include "experiments/evaluate/figures.h"

#include <math.h>
#include <stdlib.h>

#include "core/io/image/image.h"
#include "experiments/evaluate/metrics/classifier_free.h"
#include "experiments/evaluate/metrics/kernel_distance.h"

const char *const figure_names[FIGURES] = {"sliced_wasserstein", "mmd", "nearest_class_accuracy"};

/* ---- pixels as numbers ---- */

static tr_status no_room(tr_ctx *ctx, const char *name, int64_t n) {
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for the pixels of %s, %lld pictures", name, (long long)n);
}

static bool all_grey(int64_t pixels, const uint8_t *levels) {
  for (int64_t i = 0; i < pixels; i++, levels += 3)
    if (levels[0] != levels[1] || levels[0] != levels[2]) return false;
  return true;
}

tr_status pixel_rows_of(tr_ctx *ctx, const char *name, int64_t n, int64_t height, int64_t width,
                        const uint8_t *levels, const int32_t *labels, pixel_rows *out) {
  const int64_t pixels = n * height * width;
  *out = (pixel_rows){.height = height, .width = width, .labels = labels};
  out->channels = all_grey(pixels, levels) ? 1 : 3;
  const int64_t count = pixels * out->channels;
  out->numbers = malloc((size_t)(count > 0 ? count : 1) * sizeof *out->numbers);
  if (!out->numbers) return no_room(ctx, name, n);
  for (int64_t i = 0; i < count; i++)
    out->numbers[i] = (float)(levels[i * 3 / out->channels] / TR_BINS_PER_UNIT - 1);
  out->rows = (metric_rows){
      .name = name, .n = n, .d = height * width * out->channels, .dtype = TR_F32, .data = out->numbers};
  return TR_OK;
}

tr_status pixel_rows_read(tr_ctx *ctx, const char *name, picture_source *source, pixel_rows *out) {
  const picture_facts *f = picture_source_facts(source);
  const double bytes = (double)f->n * (double)f->height * (double)f->width * 3;
  *out = (pixel_rows){0};
  uint8_t *levels = malloc((size_t)bytes);
  if (!levels) return no_room(ctx, name, f->n);
  tr_status status = picture_source_rewind(source);
  if (status == TR_OK) status = picture_source_read(source, f->n, levels);
  if (status == TR_OK) status = pixel_rows_of(ctx, name, f->n, f->height, f->width, levels, f->labels, out);
  free(levels);
  return status;
}

void pixel_rows_free(pixel_rows *rows) {
  free(rows->numbers);
  *rows = (pixel_rows){0};
}

/* Grey as three colours, beside pictures that have them. */
static tr_status spread_grey(tr_ctx *ctx, const pixel_rows *grey, pixel_rows *out) {
  const int64_t count = grey->rows.n * grey->rows.d;
  *out = *grey;
  out->channels = 3;
  out->numbers = malloc((size_t)(3 * count + 1) * sizeof *out->numbers);
  if (!out->numbers)
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for %lld pictures", (long long)grey->rows.n);
  for (int64_t i = 0; i < 3 * count; i++) out->numbers[i] = grey->numbers[i / 3];
  out->rows.d *= 3;
  out->rows.data = out->numbers;
  return TR_OK;
}

/* ---- figures ---- */

static tr_status nearest_class(tr_ctx *ctx, const pixel_rows *a, const pixel_rows *b, uint64_t seed,
                               evaluate_entry *out) {
  if (a->labels && b->labels)
    return metric_nearest_class(ctx, &a->rows, a->labels, &b->rows, b->labels, seed, &out->number);
  *out = (evaluate_entry){.number = {NAN, NAN, NAN}, .absent = true};
  snprintf(out->why, sizeof out->why, "the %s have no labels", a->labels ? "reference pictures" : "samples");
  return TR_OK;
}

static tr_status compute(tr_ctx *ctx, const pixel_rows *a, const pixel_rows *b, uint64_t seed,
                         figures_result *out) {
  TR_TRY(metric_sliced_w2(ctx, &a->rows, &b->rows, METRIC_DIRECTIONS, seed,
                          &out->figure[FIGURE_SLICED_W2].number));
  TR_TRY(metric_mmd(ctx, &a->rows, &b->rows, seed, &out->figure[FIGURE_MMD].number, &out->mmd_scale));
  return nearest_class(ctx, a, b, seed, &out->figure[FIGURE_NEAREST_CLASS]);
}

tr_status evaluate_figures(tr_ctx *ctx, const pixel_rows *samples, const pixel_rows *reference, uint64_t seed,
                           figures_result *out) {
  const pixel_rows *a = samples, *b = reference;
  pixel_rows spread = {0};
  *out = (figures_result){.reference_n = b->rows.n};
  if (a->height != b->height || a->width != b->width)
    return TR_FAIL(ctx, TR_E_SHAPE,
                   "%s has pictures of %lld x %lld and %s of %lld x %lld: pixels of one size are compared",
                   a->rows.name, (long long)a->height, (long long)a->width, b->rows.name,
                   (long long)b->height, (long long)b->width);
  tr_status status = TR_OK;
  if (a->channels < b->channels) status = spread_grey(ctx, a, &spread), a = &spread;
  if (a->channels > b->channels) status = spread_grey(ctx, b, &spread), b = &spread;
  if (status == TR_OK) status = compute(ctx, a, b, seed, out);
  pixel_rows_free(&spread);
  return status;
}
