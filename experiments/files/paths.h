/* What lies under a path, links followed. */
#ifndef TR_EXPERIMENTS_FILES_PATHS_H
#define TR_EXPERIMENTS_FILES_PATHS_H

#include "core/context.h"

bool path_is_file(const char *path); /* a regular one */
bool path_is_folder(const char *path);

/* Makes a folder, whose parent is there. Fine where the name is there already; in a file of that name what is
 * made next fails. TR_E_IO with the system's reason. */
tr_status path_make_folder(tr_ctx *ctx, const char *path);

#endif
