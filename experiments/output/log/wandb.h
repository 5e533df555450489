/* A run of Weights & Biases, by its own Python package in a child process: python3 of PATH, with
 * experiments/output/log/wandb.py inside of this program. WANDB_KEY, ENTITY and PROJECT of the environment
 * are SiT's names for what wandb.login and wandb.init are given; WANDB_MODE and its like are the package's.
 *
 * Until the run has begun a failure is an error. From then on it is a warning, once, and nothing more is
 * sent: a training does not end because its audience has left. The child is out of the terminal's process
 * group: Ctrl-C is for this program, which then ends the run. */
#ifndef TR_EXPERIMENTS_OUTPUT_LOG_WANDB_H
#define TR_EXPERIMENTS_OUTPUT_LOG_WANDB_H

#include <jansson.h>

#include "core/context.h"

typedef struct wandb wandb;

/* Starts the child and waits until it has the package. TR_E_UNSUPPORTED saying what is missing;
 * TR_E_INTERRUPTED at a signal. */
tr_status wandb_start(tr_ctx *ctx, wandb **out);
/* Begins a run, or goes on with the one of this id (NULL: a new one). `config` is borrowed; the package's
 * files go to FOLDER/wandb, what it prints to FOLDER/wandb.txt. *run = {id, project, entity, url}, for
 * run.json; the caller frees it. TR_E_IO with the package's reason. */
tr_status wandb_begin(wandb *w, const char *folder, const char *id, const json_t *config, json_t **run);

/* Numbers by name, and a picture, at a step. NULL: there is no such run. Steps do not fall. */
void wandb_numbers(wandb *w, int64_t step, const json_t *numbers); /* borrowed */
void wandb_image(wandb *w, int64_t step, const char *name, const char *path);
/* Ends the run with an exit status, waits up to a minute for what is still to be sent, frees and sets *w to
 * NULL; NULL is fine. */
void wandb_finish(wandb **w, int status);

#endif
