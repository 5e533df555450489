/* Features of pictures in host memory, or mapped from a file of features. */
#ifndef TR_EXPERIMENTS_EVALUATE_CACHE_FEATURE_SET_H
#define TR_EXPERIMENTS_EVALUATE_CACHE_FEATURE_SET_H

#include "core/io/npz.h"
#include "experiments/evaluate/features.h"

/* The arrays of a set. */
enum { FEATURES_POOL, FEATURES_SPATIAL, FEATURES_SCORES, FEATURES_ARRAYS };
/* Their names in files, scores being logits. */
extern const char *const feature_set_names[FEATURES_ARRAYS];

typedef struct {
  int64_t n;
  metric_rows rows[FEATURES_ARRAYS]; /* zeroed: absent */
  bool logits;                       /* the scores are logits, else probabilities */
  char name[FEATURES_ARRAYS][240];   /* of the rows, in messages */
  void *memory[FEATURES_ARRAYS];     /* owned, of sets in memory */
  tr_npz *file;                      /* of those that were read, with their arrays */
  tr_npy npy[FEATURES_ARRAYS];
} feature_set;
void feature_set_close(feature_set *set); /* and zeroes; zeroed is fine */
/* Frees one of its arrays, which is then absent. */
void feature_set_drop(feature_set *set, int array);

/* Room for n pictures with so many numbers (0: none of it) of this type, contents undefined; `path` is what
 * they are of, for messages. Close in any case. */
tr_status feature_set_allocate(tr_ctx *ctx, const char *path, int64_t n, tr_dtype dtype,
                               const int64_t columns[FEATURES_ARRAYS], feature_set *out);
/* Where the numbers of picture i begin. */
void *feature_set_at(const feature_set *set, int array, int64_t i);

/* The arrays `pool`, `spatial` and `probs` or `logits` of FILE.npz, float32 or float64 (n, numbers), as far
 * as they are there; none of them is TR_E_SHAPE, and so are other shapes. */
tr_status feature_set_read(tr_ctx *ctx, const char *option, const char *path, feature_set *out);

/* What the metrics take of it. */
evaluate_side feature_set_side(const feature_set *set, const char *name);

#endif
