/* A run of `transit train`: what its files share. */
#ifndef TR_EXPERIMENTS_TRAIN_RUN_H
#define TR_EXPERIMENTS_TRAIN_RUN_H

#include <jansson.h>

#include "core/data/loader.h"
#include "core/io/npz.h"
#include "core/io/sha256.h"
#include "experiments/common/program.h"
#include "experiments/common/progress.h"
#include "experiments/output/log/events.h"
#include "experiments/output/log/wandb.h"
#include "experiments/output/out_dir.h"
#include "experiments/output/ranks.h"
#include "experiments/output/sample_result.h"
#include "experiments/train/options.h"
#include "experiments/vae/pictures.h"
#include "nets/model.h"
#include "nets/train/state.h"

/* What the steps are given. */
typedef struct {
  tr_loader *loader;           /* of --data-path; NULL: there is none */
  char sha256[TR_SHA256_TEXT]; /* of what it holds */
  int64_t n;                   /* inputs */
  int ndim;                    /* of a state */
  int64_t shape[3];
  int num_classes; /* 0: no labels */
  /* --draws */
  int64_t drawn; /* steps; 0: none */
  char drawn_sha256[TR_SHA256_TEXT];
  tr_array *x1, *x0; /* (steps, batch, ...) */
  double *t;         /* (steps, batch) */
  int32_t *y;
  /* of a step */
  tr_array *batch;             /* (rows, ...) */
  tr_array given_x1, given_x0; /* views of x1 and x0 */
} train_data;

/* Sums over the steps since the last line of the log. */
typedef struct {
  int64_t steps;
  double loss, grad_norm;
} train_window;

typedef struct {
  program *program;
  tr_parsed parsed;
  train_options *options;
  char devices[RANKS_DEVICES]; /* experiments/output/ranks.h */
  json_t *words;               /* the arguments in force, those of the run that is resumed included */
  json_t *record;              /* run.json of that run, or NULL */
  char *newest;                /* its last checkpoint; NULL: it has none, or nothing is resumed */
  tr_dtype dtype;
  tr_nn_products products;
  int64_t first, rows; /* of the batch of a step: the rows of this rank */
  train_data data;
  tr_net_config config;
  tr_net *net;
  tr_interpolant interpolant;
  const tr_prediction_type *prediction;
  char path_args[TR_PARAMS_MAX][TR_MODEL_ARG]; /* the arguments of checkpoints that hold its parameters */
  autoencoder vae;                             /* --vae, on the first rank; else nothing */
  pictures pictures;                           /* of states */
  bool pictures_of_states;                     /* these are the states themselves, rounded */
  struct train_evaluation *evaluation;         /* of the first rank; NULL: none */
  tr_trainer *trainer;
  char averages[256]; /* what is kept, in words: TRAIN_AVERAGES of checkpoints */
  int64_t last;       /* the step after which it ends */
  train_window window;
  int64_t begun, saved;  /* steps taken before this run; that of the last checkpoint */
  bool ending;           /* no further step is to be taken */
  bool made_up;          /* of the first rank: samples or numbers of the step that it began from */
  double started, spent; /* seconds: when this run began; in its steps since the last line of the log */
  double waited;         /* seconds that it had waited for data when that was written */
  tr_train_report report;
  const char *folder;
  FILE *metrics, *log;
  events *events;
  wandb *wandb;       /* NULL: none */
  json_t *wandb_told; /* what run.json says of it, or NULL */
  out_dir *made;      /* a numbered folder, else NULL */
} train_run;

/* ---- data.c ---- */
/* Opens --data-path and --draws, and finds the shape of states and the classes. */
tr_status train_data_open(train_run *run);
/* ---- draws.c ---- */
/* Opens --draws, behind --data-path. */
tr_status train_draws_open(train_run *run);

/* ---- data.c ---- */
/* Room for batches, when the network is there. */
tr_status train_data_prepare(train_run *run);
/* Steps of one pass over the data; 0: there is none. */
int64_t train_data_steps(const train_run *run);
/* The share of so many seconds of steps that went by in waiting for data, behind the first `before` seconds
 * of waiting; 0 without data. */
double train_data_wait(const train_run *run, double before, double seconds);
/* The rows of the next step. */
tr_status train_data_batch(train_run *run, int64_t step, tr_train_batch *out);
void train_data_close(train_data *data);

/* ---- ranks.c: several processes, of which the first alone has the folder; on one there is nothing to do
 * ---- */
/* The rows of this rank. TR_E_ARG unless all have as many. */
tr_status train_ranks_rows(train_run *run);
/* TR_E_ARG unless all ranks were given the same options. */
tr_status train_ranks_options(train_run *run);
/* The worst of all ranks, on all of them; each phase of the run ends with it. */
tr_status train_ranks_agree(train_run *run, tr_status status);
/* What the first rank does, with the folder, agreed upon. */
tr_status train_ranks_first(train_run *run, tr_status (*what)(train_run *run));
/* All have the same data, and begin with the parameters, averages and moments of the first. */
tr_status train_ranks_begin(train_run *run);
/* Sets run->ending when a signal has come to one of them, or the first rank's time is over; and agrees. */
tr_status train_ranks_end(train_run *run, tr_status status);
/* Says on how many, behind a beginning or a resume; "" on one that was always one. Returns text. */
const char *train_ranks_say(const train_run *run, char text[400]);
/* Adds to the error of ranks that are torn apart what is left of the training. */
tr_status train_ranks_lost(train_run *run, tr_status status);

/* ---- network.c ---- */
/* run->config, from the options and the shape of the data. */
tr_status train_network_configure(train_run *run);

/* ---- setup.c ---- */
/* Network, loss and trainer from the options. */
tr_status train_setup(train_run *run);

/* ---- resume.c ---- */
/* The options of the run in --resume DIR, with those of now that may differ. */
tr_status train_resume_options(train_run *run);
/* Once the data is open: whether it is that of before. */
tr_status train_resume_data(const train_run *run);
/* Its last checkpoint, or --ckpt, into network and trainer. Without a checkpoint it begins again; TR_E_IO
 * where there has been one. */
tr_status train_resume_state(train_run *run);
tr_status train_ckpt_state(train_run *run);
/* Whether the options fit what a checkpoint says of the network it is of; another path (or another parameter
 * of it) or prediction is warned of. */
tr_status train_check_told(const train_run *run, const tr_checkpoint *checkpoint, const char *path);
/* The status of what was done with a file: after a failure its name stands in the context's message. */
tr_status train_file_error(const train_run *run, const char *path, tr_status status);

/* ---- snapshots.c ---- */
/* The averages that the options ask for. */
tr_status train_averages(train_run *run, tr_trainer_options *out);
/* Of --ckpt: averages that it does not have begin anew, with a warning. */
tr_status train_averages_from(train_run *run, const tr_checkpoint *checkpoint);
#define TRAIN_AVERAGES "ema_averages"
/* Whether it is time for snapshots of averages by a power of the step, and these. */
bool train_snapshots_due(const train_run *run);
tr_status train_snapshots_write(train_run *run);

/* ---- drawing.c ---- */
#define TRAIN_SAMPLER "heun2"
/* n samples, with the classes in turn and the same noise each time, in batches; cfg_scale 1: not guided. */
typedef struct {
  long n, batch;
  double cfg_scale;
} train_drawing;
/* Room, labels and what is said of the samples, which become pictures where they have any and are shown;
 * sample_result_free in any case. */
tr_status train_draw_prepare(const train_run *run, long n, bool shown, sample_result *out);
/* Draws by the average. *nfe: evaluations of the network for a sample; may be NULL. */
tr_status train_draw(train_run *run, const train_drawing *what, sample_result *out, long *nfe);
/* TR_OK for samples that are not finite, which are warned of; else the status. */
tr_status train_forgive(train_run *run, const char *what, tr_status status);

/* ---- evaluate.c ---- */
/* What of --evaluate-every and its like has no effect. */
void train_evaluate_settle(train_run *run);
/* On the first rank, before there is a folder: the reference, and the network of features. */
tr_status train_evaluate_open(train_run *run);
void train_evaluate_close(train_run *run);
/* Whether it is time for an evaluation, and this. */
bool train_evaluate_due(const train_run *run);
tr_status train_evaluate(train_run *run);

/* ---- preview.c ---- */
/* What of --sample-every and its like has no effect. */
void train_preview_settle(train_run *run);
/* Whether it is time for samples, whether those of this step are there, and these. */
bool train_preview_due(const train_run *run);
bool train_preview_there(const train_run *run);
tr_status train_preview(train_run *run);

/* ---- wandb.c ---- */
/* Of --wandb: the child, before there is a folder; and its run, once there is one. */
tr_status train_wandb_start(train_run *run);
tr_status train_wandb_begin(train_run *run);

/* ---- files.c ---- */
enum { TRAIN_PATH = 4096, TRAIN_MOST_ARGS = 32 + TR_PARAMS_MAX };
/* The path of a file in the folder; TR_E_IO for one that is too long. */
tr_status train_files_path(const train_run *run, const char *name, char path[TRAIN_PATH]);
/* The arguments that a checkpoint has; returns how many. */
int train_files_args(const train_run *run, tr_saved_arg args[TRAIN_MOST_ARGS]);
/* The folder, run.json and the logs; lines behind the step that a resumed run begins with go. */
tr_status train_files_open(train_run *run);
/* Writes checkpoints/STEP.pt and .safetensors and removes those beyond --keep. The first comes before the
 * second and goes after it, so that none of the second stands alone, whenever the process is killed; what is
 * missing beside the checkpoint that a run goes on from is made again. */
tr_status train_files_checkpoint(train_run *run);
/* TR_E_IO where another process trains in a folder: its newest checkpoint may be gone before it is opened.
 * Not once this process trains there. */
tr_status train_files_free(tr_ctx *ctx, const char *folder);
/* *out = the path of the newest checkpoint in a folder, malloc'd; NULL: there is none. */
tr_status train_files_newest(tr_ctx *ctx, const char *folder, char **out);
/* A line of metrics.jsonl and one of log.txt. */
tr_status train_files_log(train_run *run);
/* Whether metrics.jsonl has the evaluation behind this step. */
bool train_files_evaluated(const train_run *run, int64_t step);
/* A line of metrics.jsonl, whose reference is taken. */
tr_status train_files_line(train_run *run, json_t *line);
tr_status train_files_say(train_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void train_files_close(train_run *run);

#endif
