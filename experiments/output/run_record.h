/* The parts of run.json that every command shares. The JSON values returned are new; NULL means out of
 * memory. */
#ifndef TR_EXPERIMENTS_OUTPUT_RUN_RECORD_H
#define TR_EXPERIMENTS_OUTPUT_RUN_RECORD_H

#include <jansson.h>

#include "experiments/common/intervals.h"
#include "experiments/common/program.h"
#include "experiments/input/file_hash.h"
#include "experiments/input/guide/guide.h"
#include "experiments/output/out_dir.h"
#include "nets/model.h"
#include "transport/diffusion/table.h"
#include "transport/sampler/sampler.h"

/* A text as JSON: UTF-8 as it is, any other as it may be shown (core/text.h). NULL gives null. */
json_t *record_text(const char *text);
/* A number as JSON; NaN and infinities, which JSON lacks, give null. */
json_t *record_number(double value);
/* A seed: a number, and as a text where JSON's readers would round it. */
json_t *record_seed(uint64_t seed);
json_t *record_numbers(const double *values, int64_t n);

/* What the files of --grid-file and --diffusion-table hold, as read: a list of times, a list of [t, value].
 * Adds nothing for what is NULL. */
void record_files(json_t *record, const double *grid, int n_grid, const tr_table *table);

/* Every option of the mode with its value in `values`, defaults included; unset ones are null. Values that
 * the command has resolved (a path from the checkpoint) must stand in `values` by then. */
json_t *record_options(const tr_option_table *table, const tr_parsed *parsed, const void *values);

/* {name: value} of a module's parameters as used; null for a module without any. */
json_t *record_params(const tr_module *module, const tr_values *values);

/* What ran: {transit, command, mode, command_line, options, seed, device, threads, processor, libraries,
 * started}. */
json_t *record_create(const program *p, const tr_option_table *table, const tr_parsed *parsed,
                      const void *values);

/* The arguments that a file beside the checkpoint gave, {file, sha256, args}, args as texts; null without
 * one. */
json_t *record_args_file(const tr_model *m);
/* {kind, sizes} of a network: what tells those of a kind apart. */
json_t *record_sizes(const tr_net_config *config);
/* {file, sha256, format, weights, network: {kind, its sizes}, args_file} of a checkpoint whose hash is
 * finished; latent_size, [H, W], where its states have another size than in training. */
json_t *record_checkpoint(const tr_model *m, const char *path, const file_hash *hash);

/* What a solve took, as {nfe, nfe_all_batches, n_steps, n_rejected, solver} of the record; nfe_total: over
 * all batches. */
void record_work(json_t *record, const tr_sample_stats *stats, long nfe_total);

/* The backward passes of a log-density, as {n_vjp, n_vjp_all_batches, recomputed_forwards_all_batches}: those
 * of the solve, those over all batches, and what --recompute made the network repeat. */
void record_backwards(json_t *record, const tr_sample_stats *stats, long n_vjp_total, long recomputed);

/* {mean, standard_error, low_95, high_95} */
json_t *record_average(stat_average average);

/* The most memory so far, as {peak_array_mib, peak_device_mib, peak_resident_mib}: of arrays, of the device
 * if it has memory of its own, of the process. */
void record_memory(json_t *record, const tr_ctx *ctx);

/* Writes the record as a file. */
tr_status record_save(tr_ctx *ctx, const json_t *record, const char *path);

/* A command that evaluated a checkpoint's network on rows of data: all of these borrowed. */
typedef struct {
  const tr_option_table *table;
  const tr_parsed *parsed;
  const void *values;
  const tr_model *model;
  const char *ckpt;
  file_hash *hash;         /* started; finished here */
  guide *guide;            /* NULL, or without a model: none; its hash is finished here */
  int64_t nfe, rows;       /* evaluations, whole batches counting one; rows evaluated */
  const char *labels_from; /* experiments/input/data_labels.h */
} record_network;
/* Stages its run.json. */
tr_status record_stage_network(const program *p, out_dir *dir, const record_network *what);

#endif
