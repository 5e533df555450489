/* From pictures to features by an Inception network. */
#ifndef TR_EXPERIMENTS_EVALUATE_EXTRACT_H
#define TR_EXPERIMENTS_EVALUATE_EXTRACT_H

#include "core/io/sha256.h"
#include "experiments/common/program.h"
#include "experiments/common/progress.h"
#include "experiments/evaluate/cache/feature_set.h"
#include "experiments/evaluate/pictures/source.h"
#include "nets/inception/inception.h"

/* The network with what its features depend on. */
typedef struct {
  program *program;
  tr_net *net;
  tr_inception_sizes sizes;
  char sha256[TR_SHA256_TEXT]; /* of its file */
  const char *preprocess;      /* "tf" or "torch" */
  long batch;
  bool cache; /* keep features beside the pictures */
} extractor;

/* Opens the file on the program's device. Close in any case. */
tr_status extractor_open(program *p, const char *inception, const char *preprocess, tr_dtype dtype,
                         extractor *out);
void extractor_close(extractor *e);

/* What all pictures of a run are to the eye: how many are to come, how many are done. */
typedef struct {
  progress bar;
  int64_t total, done; /* pictures that go through the network */
} extract_progress;
void extract_progress_start(extract_progress *p, int64_t total);
void extract_progress_end(extract_progress *p);

/* Features of all pictures, whose digest is given, from the cache where they are there. Interrupted, whole
 * shards are kept. progress NULL: nothing is shown. */
tr_status extract_features(const extractor *e, picture_source *source, const char sha256[TR_SHA256_TEXT],
                           extract_progress *progress, feature_set *out);
/* The same of n pictures in memory, levels (n, height, width, 3). */
tr_status extract_levels(const extractor *e, const char *name, int64_t n, int64_t height, int64_t width,
                         const uint8_t *levels, feature_set *out);

#endif
