/* manifest.json: everything needed to make results again that appear one by one, and the mark by which their
 * folder is known: the same command goes on there, another one is refused. */
#ifndef TR_EXPERIMENTS_RESULTS_MANIFEST_H
#define TR_EXPERIMENTS_RESULTS_MANIFEST_H

#include "experiments/output/claim.h"

/* What a manifest holds beside options, and must be the same. */
typedef struct {
  const char *key, *words; /* "target", "the target differs" */
} manifest_content;

typedef struct {
  const claim *what;
  const json_t *record;             /* of this run */
  const char *owner;                /* "sweep": whose manifest it is, for messages */
  const manifest_content *contents; /* its end has no key */
  /* Takes out of a record what makes no difference. OPTIONAL */
  void (*forget)(json_t *record);
} manifest;

/* Takes the folder of this run, once it is settled (claim_folder): writes the record there, or finds the same
 * one, which *resumed then says. A folder of other results of this command, or one that holds some of the
 * files that it makes without a manifest, is TR_E_ARG, and nothing in it is changed; with --force it is
 * emptied of them. */
tr_status manifest_claim(const program *p, const manifest *m, bool *resumed);

/* "FOLDER/name" in text; TR_E_ARG when it is too long. */
tr_status manifest_path(tr_ctx *ctx, const char *folder, const char *name, char *text, size_t size);
#define MANIFEST_PATH_MAX 4096

#endif
