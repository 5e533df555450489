/* Pictures in memory measured against a reference that was opened before: what `train --evaluate-every`
 * does, and anybody else who makes pictures. */
#ifndef TR_EXPERIMENTS_EVALUATE_EVALUATE_H
#define TR_EXPERIMENTS_EVALUATE_EVALUATE_H

#include "experiments/common/program.h"
#include "experiments/evaluate/features.h"
#include "experiments/evaluate/figures.h"

/* Texts are borrowed until the evaluation is closed. */
typedef struct {
  const char *reference;  /* B.npz, a folder or a name, as --reference of `transit evaluate` */
  const char *inception;  /* file or name of the network; NULL: only the figures without one */
  const char *preprocess; /* "tf" or "torch"; NULL: tf */
  const char *dtype;      /* "f32" or "f64"; NULL: f32 */
  const char *option;     /* what the reference is called in messages; NULL: "--reference" */
  bool classifier_free;   /* the figures of pixels, beside those of a network; always without one */
  bool no_cache;          /* as --no-cache */
  uint64_t seed;
} evaluation_spec;

typedef struct {
  bool with_network; /* `metrics` is filled */
  evaluate_result metrics;
  bool with_figures; /* `figures` is filled */
  figures_result figures;
} evaluation_result;

typedef struct evaluation evaluation;
/* Opens reference and network on the program's device; the features of the reference come from its cache, or
 * are computed, with progress shown, and kept there. Statistics alone have no pixels: TR_E_ARG where nothing
 * else is asked for. */
tr_status evaluation_open(program *p, const evaluation_spec *spec, evaluation **out);
void evaluation_close(evaluation **e); /* NULL is fine */
/* n >= 2 pictures, levels (n, height, width, 3) in host memory; labels (n) or NULL. Intervals are of the
 * samples alone: the reference is taken as it is. */
tr_status evaluation_run(evaluation *e, int64_t n, int64_t height, int64_t width, const uint8_t *levels,
                         const int32_t *labels, evaluation_result *out);

#endif
