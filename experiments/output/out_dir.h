/* A folder of results that appear whole or not at all: files are written into a hidden folder inside it and
 * renamed together at the end. A second signal (experiments/common/program.h) removes what an open one has
 * made. */
#ifndef TR_EXPERIMENTS_OUTPUT_OUT_DIR_H
#define TR_EXPERIMENTS_OUTPUT_OUT_DIR_H

#include "core/context.h"

typedef struct out_dir out_dir;

/* Makes `path` (and its parents) if missing and the hidden folder inside it: a place that cannot be written
 * fails here, before any work is done. TR_E_IO with the system's reason. What a run that has died left hidden
 * there is removed (experiments/output/staging.h). */
tr_status out_dir_open(tr_ctx *ctx, const char *path, out_dir **out);
/* The same in a folder of its own, STEM-0001 or the first number whose folder is not there yet. */
tr_status out_dir_open_next(tr_ctx *ctx, const char *stem, out_dir **out);
/* Where results will be; lives as long as the folder. */
const char *out_dir_path(const out_dir *dir);

/* Where to write the file that will appear as `name`; the text lives as long as the folder. TR_E_MEM when the
 * list of files is full. */
tr_status out_dir_stage(tr_ctx *ctx, out_dir *dir, const char *name, const char **path);

/* The same for a folder, which is made: it takes the place of one of this name with all that it holds. */
tr_status out_dir_stage_folder(tr_ctx *ctx, out_dir *dir, const char *name, const char **path);

/* A result that this run does not make: a file of this name left by an earlier run, or a folder with what it
 * holds, goes when the new ones appear. */
tr_status out_dir_stale(tr_ctx *ctx, out_dir *dir, const char *name);

/* Renames every staged file to its place, frees and sets *dir to NULL. A signal waits until all are there. */
tr_status out_dir_commit(tr_ctx *ctx, out_dir **dir);

/* Removes what was staged, and the folders that out_dir_open made; NULL is fine. */
void out_dir_discard(out_dir **dir);

#endif
