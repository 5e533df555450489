/* One side of an evaluation as it is named on the command line: pictures, features, stored statistics, or
 * pictures beside statistics. */
#ifndef TR_EXPERIMENTS_EVALUATE_SET_H
#define TR_EXPERIMENTS_EVALUATE_SET_H

#include "experiments/evaluate/extract.h"

typedef struct {
  const char *option, *path;   /* borrowed, of the pictures, or `found`; path NULL: there is no such side */
  char *found;                 /* where a reference lies, NULL: it is none */
  char name[260];              /* "--samples 'A.npz'" */
  char sha256[TR_SHA256_TEXT]; /* "": not hashed */
  picture_source *pictures;    /* NULL: there are none */
  feature_set features;        /* of the pictures, or given */
  metric_gaussian pool, spatial;
  bool stored; /* pool and spatial are of the file */
} evaluate_set;

/* Pictures, or with `reference` also stored statistics (mu, sigma, mu_s, sigma_s; n, if it is there), which
 * may be named: a published batch is fetched where it is absent (experiments/fetch/fetch.h). */
tr_status evaluate_set_open(program *p, const char *option, const char *path, bool reference,
                            evaluate_set *out);
/* Features of a file. */
tr_status evaluate_set_open_features(tr_ctx *ctx, const char *option, const char *path, evaluate_set *out);
void evaluate_set_close(evaluate_set *set); /* and zeroes; zeroed is fine */

/* Fills sha256: of its file or its pictures, which are read for it. Nothing to do where there is no side. */
tr_status evaluate_set_hash(tr_ctx *ctx, evaluate_set *set);

/* The features of its pictures, if it has any, which are hashed. */
tr_status evaluate_set_extract(const extractor *e, extract_progress *progress, evaluate_set *set);
/* What the metrics take: where there are statistics, features serve what needs single samples alone. */
evaluate_side evaluate_set_side(const evaluate_set *set);

/* Writes mu, sigma, mu_s, sigma_s, n, and arr_0 with up to 10,000 pictures, evenly spread, as a file that
 * ADM's evaluator reads; whole or not at all. TR_E_ARG for a set without features. */
tr_status evaluate_set_save(tr_ctx *ctx, const char *path, const evaluate_set *set);

#endif
