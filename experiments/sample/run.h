/* One run of `transit sample`, from resolved options to the record. */
#ifndef TR_EXPERIMENTS_SAMPLE_RUN_H
#define TR_EXPERIMENTS_SAMPLE_RUN_H

#include <jansson.h>

#include "core/io/sha256.h"
#include "experiments/common/progress.h"
#include "experiments/files/lock.h"
#include "experiments/input/file_hash.h"
#include "experiments/input/given.h"
#include "experiments/input/provider.h"
#include "experiments/output/out_dir.h"
#include "experiments/output/ranks.h"
#include "experiments/output/sample_result.h"
#include "experiments/sample/gif/gif.h"
#include "experiments/sample/options.h"
#include "experiments/vae/pictures.h"
#include "transport/likelihood/likelihood.h"

/* What a batch took. On another rank than drew it, pointers of its statistics are nobody's. */
typedef struct {
  int64_t first, n; /* its samples */
  int n_put;        /* of its save times, handed out: not all when --max-nfe stopped it */
  int n_frames;     /* likewise of the frames of --gif */
  long nfe_guide;   /* of its forwards those of the guide */
  tr_sample_stats stats;
} sample_batch;

/* The shards of a run: FOLDER/shards/0000000.npz and so on. */
typedef struct {
  int64_t size, n;     /* samples in one, but for the last; shards */
  char *folder;        /* --out, the same on all ranks */
  unsigned char *have; /* (n) whether it is there */
  int64_t *missing;    /* (n_missing) those that were not when this run began, in order */
  int64_t n_missing;
  int64_t found;                 /* samples that were there then */
  bool resumed;                  /* an earlier run has begun with it */
  bool complete;                 /* and has ended */
  bool taken;                    /* the folder is this run's */
  char manifest[TR_SHA256_TEXT]; /* hash of what says it, which shards bear */
  lock_file lock;                /* of the first rank */
} sample_shards;

typedef struct {
  program *program;
  const tr_parsed *parsed;
  sample_options *options;
  provider provider;
  tr_table *table;      /* of the diffusion form */
  double *grid_list;    /* of the time grid */
  tr_restart *restarts; /* of the method restart */
  given init, noise;    /* open when the options are set */
  tr_sampler sampler;
  tr_density density; /* --with-logp */
  autoencoder vae;    /* --vae; else nothing */
  pictures pictures;  /* of states: set by sample_setup */
  sample_gif gif;
  int64_t n;      /* samples of the run */
  bool in_shards; /* they are drawn shard by shard, and results are made of these (shards/shards.h) */
  sample_shards shards;
  sample_result result;        /* of all samples or, by turns, of those of a shard */
  int64_t first;               /* number of the first sample that it has room for */
  char devices[RANKS_DEVICES]; /* experiments/output/ranks.h */
  const char *labels_from;     /* experiments/input/data_labels.h */
  char *fetched;               /* the file of --model */
  sample_batch *now;           /* the one under way, or the latest */
  out_dir *dir;
  file_hash hash, init_hash, noise_hash; /* of --ckpt, --init and --noise */
  progress progress;
  sample_batch *batch; /* (sample_batch_count) */
  /* filled by sample_batches */
  tr_sample_stats totals;      /* of a batch that was cut short, else of the one with the most evaluations */
  long nfe_total, n_vjp_total; /* over all batches */
  long recomputed;             /* forwards, for backwards */
  long nfe_guide;              /* of these forwards of all batches those of the guide */
  int n_batches;
  char *convention; /* of the coefficient, as shards tell it; owned */
  json_t *batches;
  double started, seconds; /* of sampling alone */
} sample_run;

static inline bool sample_is_sde(const sample_run *run) {
  return run->parsed->mode == SAMPLE_SDE;
}

/* The checkpoint: --ckpt, or what --model names, fetched when it is absent; then it is the option's. */
tr_status sample_find_weights(sample_run *run);
/* Turns options into a sampler (all but its drift), opens given files, and sets labels, shape and times of
 * the result. Nothing is computed and nothing written. */
tr_status sample_setup(sample_run *run);
void sample_setup_free(sample_run *run);

/* Whether the user gave the option; and said, not silently ignored: options that the method does not read.
 * The names end with NULL; "--NAME has no effect: METHOD WHY". */
bool sample_was_given(const sample_run *run, const char *name);
void sample_warn_unused(const sample_run *run, const char *const *names, const char *method, const char *why);

/* The options of churn and restart (transport/sampler/noised_ode.h), once the sampler has its SDE method and
 * its form; and for other methods, that they read none of these. */
tr_status sample_set_noised(sample_run *run);
void sample_warn_noised(const sample_run *run);

/* As many samples are held in memory, all of them, and written at once; more of a run that only draws are
 * made in shards. */
#define SAMPLE_WHOLE_MOST 4096
/* Whether the solver chooses its steps: then the samples of a batch share them. */
bool sample_is_adaptive(const sample_run *run);

/* Draws every batch into run->result. Several ranks draw whole batches each, in turns of one, and come to an
 * agreement after each turn. */
tr_status sample_batches(sample_run *run);
int64_t sample_batch_count(const sample_run *run);
/* Draws the samples first .. first + n - 1 into run->result, which is `share` of this rank's work; fills *b.
 */
tr_status sample_draw(sample_run *run, int64_t first, int64_t n, double share, sample_batch *b);
/* Adds a batch to the totals and to run->batches, which is there. */
void sample_account(sample_run *run, const sample_batch *b);

/* ---- ranks.c: several processes, of which the first alone has the folder; on one there is nothing to do
 * ---- */
/* TR_E_ARG unless all ranks were given the same options. */
tr_status sample_ranks_options(const sample_run *run);
/* The number of a rank's first batch; that of rank R is the number of batches. The batches of a rank lie in a
 * row, the first ranks have one more where there are any left over. */
int64_t sample_ranks_first(const sample_run *run, int rank);
/* Warns where there are fewer batches than ranks. */
void sample_ranks_warn(const sample_run *run);
/* The first rank has what all ranks have drawn: run->result, run->batch, run->recomputed. */
tr_status sample_ranks_gather(sample_run *run);
/* TR_E_IO unless all have read the same files: weights, and arrays that the user gave. Their hashes are there
 * then. */
tr_status sample_ranks_files(sample_run *run);

/* Writes run.json. */
tr_status sample_record(const sample_run *run, const char *path);
/* Adds what decides the samples and is no option: what files hold, but for the checkpoint. After
 * sample_ranks_files. */
void sample_record_inputs(const sample_run *run, json_t *json);

#endif
