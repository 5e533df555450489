/* Figures of pixels, for small data, without any network. */
#ifndef TR_EXPERIMENTS_EVALUATE_FIGURES_H
#define TR_EXPERIMENTS_EVALUATE_FIGURES_H

#include "experiments/evaluate/features.h"
#include "experiments/evaluate/pictures/source.h"

/* Pictures as rows of numbers u / 127.5 - 1, f32: of three colours, or of one where all pictures are grey. */
typedef struct {
  metric_rows rows;
  int64_t height, width;
  int channels;
  const int32_t *labels; /* (n), borrowed, or NULL */
  float *numbers;        /* owned */
} pixel_rows;
/* All pictures of a source, or n in memory; name: in messages, borrowed. Free in any case. */
tr_status pixel_rows_read(tr_ctx *ctx, const char *name, picture_source *source, pixel_rows *out);
tr_status pixel_rows_of(tr_ctx *ctx, const char *name, int64_t n, int64_t height, int64_t width,
                        const uint8_t *levels, const int32_t *labels, pixel_rows *out);
void pixel_rows_free(pixel_rows *rows);

typedef enum { FIGURE_SLICED_W2, FIGURE_MMD, FIGURE_NEAREST_CLASS, FIGURES } evaluate_figure;
/* "sliced_wasserstein", "mmd", "nearest_class_accuracy" */
extern const char *const figure_names[FIGURES];

typedef struct {
  int64_t reference_n;
  evaluate_entry figure[FIGURES];
  double mmd_scale; /* of its Gaussian kernel: the median distance */
} figures_result;

/* Of pictures of one size, else TR_E_SHAPE. Without labels of both sides there is no class to compare. */
tr_status evaluate_figures(tr_ctx *ctx, const pixel_rows *samples, const pixel_rows *reference, uint64_t seed,
                           figures_result *out);

#endif
