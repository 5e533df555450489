/* One run of `transit likelihood`, from options to the record. */
#ifndef TR_EXPERIMENTS_LIKELIHOOD_RUN_H
#define TR_EXPERIMENTS_LIKELIHOOD_RUN_H

#include <jansson.h>

#include "core/data/dataset.h"
#include "experiments/common/intervals.h"
#include "experiments/common/progress.h"
#include "experiments/input/file_hash.h"
#include "experiments/input/given.h"
#include "experiments/input/provider.h"
#include "experiments/likelihood/options.h"
#include "experiments/output/out_dir.h"
#include "transport/likelihood/dequantise.h"
#include "transport/likelihood/likelihood.h"

enum { LIKELIHOOD_SCORE, LIKELIHOOD_DENOISER, LIKELIHOOD_VELOCITY, LIKELIHOOD_FIELDS };

/* Host memory; NaN in the rows of inputs that were left out. */
typedef struct {
  double *logp, *logp_se, *bpd;     /* (N) each */
  double *latent;                   /* (N, ...) */
  double *field[LIKELIHOOD_FIELDS]; /* the same, or NULL */
  double field_time;                /* at which they were taken */
  double check_logp, check_data;    /* the largest differences of both directions */
} likelihood_result;

typedef struct {
  long nfe, n_vjp; /* network forwards and backward passes */
} likelihood_work;

/* What the network was asked for. LIKELIHOOD_FAILED: everything in batches that failed and were halved. */
enum { LIKELIHOOD_SOLVES, LIKELIHOOD_CHECK, LIKELIHOOD_SAVED_FIELDS, LIKELIHOOD_FAILED, LIKELIHOOD_PARTS };

typedef struct {
  long n_solves;
  tr_sample_stats largest; /* of the solve with the most evaluations */
  likelihood_work part[LIKELIHOOD_PARTS];
} likelihood_account;

typedef struct {
  program *program;
  const tr_parsed *parsed;
  likelihood_options *options;
  provider provider;
  tr_dataset data;
  int32_t *labels;         /* NULL: the model has no classes */
  const char *labels_from; /* "option", "data", "null class" or "none" */
  given probe;             /* open when the option is set */
  double *grid_list;       /* of the time grid */
  tr_sampler sampler;
  tr_density density;
  tr_dequant dequant;
  double dequant_width;     /* of gaussian, in bins */
  char dequantisation[160]; /* "none: ...": what stands in every output */
  double offset;            /* of bits per dimension */
  likelihood_result result;
  out_dir *dir;
  file_hash hash;
  progress progress;
  /* filled by likelihood_batches */
  likelihood_account account;
  int64_t n_failed;
  json_t *batches; /* a record of each solve of an account */
  double started, seconds;
} likelihood_run;

/* Turns options into a sampler and a density, opens data and probes, settles labels. */
tr_status likelihood_setup(likelihood_run *run);
/* Computes every batch into run->result. */
tr_status likelihood_batches(likelihood_run *run);
/* All that the network has done, by its own counts; the parts of the account add up to it. */
likelihood_work likelihood_work_done(const likelihood_run *run);
/* What logp_se holds, in words, and the factor that makes it half of a 95 % interval (NaN: it holds nothing
 * that one could be made of). */
void likelihood_se_is(const likelihood_run *run, char *text, size_t size);
double likelihood_se_factor(const likelihood_run *run);
/* Mean and standard error of logp or bpd over the inputs kept. */
stat_average likelihood_average(const likelihood_run *run, const double *values);
/* Stages likelihood.npz, run.json and the histogram's data and script. */
tr_status likelihood_save(likelihood_run *run);

#endif
