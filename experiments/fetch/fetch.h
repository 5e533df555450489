/* Published files by their names: found on this machine, or fetched when they are absent. */
#ifndef TR_EXPERIMENTS_FETCH_FETCH_H
#define TR_EXPERIMENTS_FETCH_FETCH_H

#include "experiments/common/program.h"

/* What a name of 'transit fetch --list' stands for, a path as given, or what OWNER/NAME[@REVISION]:PATH
 * stands for, the first of these that it is: a file, or the folder of several. What is on this machine is
 * taken without asking anybody, what is absent is fetched. *path is malloc'd, NULL on an error. TR_E_ARG for
 * what is none of these, TR_E_IO where the file is absent and cannot be had, with where it belongs. option:
 * that named it, for messages, "--inception". Where the table of names cannot be read, a path that is there
 * is taken, with a warning. */
tr_status fetch_find(program *p, const char *given, const char *option, char **path);
/* The same where a path may be a folder, too. */
tr_status fetch_find_any(program *p, const char *given, const char *option, char **path);

/* The weights of a published network: of NAME-SIZE, where a size is given, else of NAME; size 0: none is. A
 * size is of the names of the list alone: TR_E_ARG for one beside OWNER/NAME[@REVISION]:PATH. */
tr_status fetch_model(program *p, const char *model, long image_size, char **path);

/* --vae: a folder as given, or that of a name, such as "ema" and "mse", or of OWNER/NAME[@REVISION]:PATH/. A
 * name of the table comes before a folder that is called so. TR_E_ARG for what is none of these. *dir is
 * malloc'd, NULL on an error. */
tr_status vae_folder(program *p, const char *given, char **dir);

#endif
