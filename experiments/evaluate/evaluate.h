/* Pictures in memory measured against a reference that was opened before: what `train --evaluate-every`
 * does, and anybody else who makes pictures. */
#ifndef TR_EXPERIMENTS_EVALUATE_EVALUATE_H
#define TR_EXPERIMENTS_EVALUATE_EVALUATE_H

#include "experiments/common/program.h"
#include "experiments/evaluate/numbers.h"

/* Texts are borrowed until the evaluation is closed. */
typedef struct {
  const char *reference;  /* B.npz, a folder or a name, as --reference of `transit evaluate` */
  const char *option;     /* what it is called in messages: "--reference" */
  const char *inception;  /* file or name of the network, which is f32; NULL: the figures without one */
  const char *preprocess; /* "tf" or "torch" */
  uint64_t seed;
} evaluation_spec;

typedef struct evaluation evaluation;
/* Opens reference and network on the program's device; the features of the reference come from its cache, or
 * are computed, with progress shown, and kept there. Statistics alone have no pixels: TR_E_ARG without a
 * network. */
tr_status evaluation_open(program *p, const evaluation_spec *spec, evaluation **out);
void evaluation_close(evaluation **e); /* NULL is fine */
/* n >= 2 pictures, levels (n, height, width, 3) in host memory; labels (n) or NULL. Intervals are of the
 * samples alone: the reference is taken as it is. Metrics by the network, else figures. */
tr_status evaluation_run(const evaluation *e, int64_t n, int64_t height, int64_t width, const uint8_t *levels,
                         const int32_t *labels, evaluation_result *out);

#endif
