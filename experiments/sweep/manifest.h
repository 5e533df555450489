/* manifest.json: everything needed to run a sweep again, and the mark by which its folder is known. */
#ifndef TR_EXPERIMENTS_SWEEP_MANIFEST_H
#define TR_EXPERIMENTS_SWEEP_MANIFEST_H

#include "experiments/output/claim.h"
#include "experiments/sweep/plan.h"
#include "experiments/sweep/target.h"

/* Takes the folder of this sweep, once it is settled (claim_folder): makes its manifest, or finds the same
 * sweep there, which *resumed then says. A folder of another sweep, or one that holds some of the files that
 * a sweep makes without a manifest, is TR_E_ARG, and nothing in it is changed; with --force it is emptied of
 * them. */
tr_status sweep_manifest_claim(const program *p, const claim *what, sweep_target *target,
                               const sweep_plan *plan, bool *resumed);

/* "DIR/name" in text (size bytes); TR_E_ARG when it is too long. */
tr_status sweep_file(tr_ctx *ctx, const sweep_options *options, const char *name, char *text, size_t size);
#define SWEEP_PATH_MAX 4096

#endif
