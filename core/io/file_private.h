/* Not for users of the library. */
#ifndef TR_CORE_IO_FILE_PRIVATE_H
#define TR_CORE_IO_FILE_PRIVATE_H

#include "core/io/file.h"

/* tr_out_file_commit without waiting for the disk: for one of thousands of small files. It is whole for every
 * process from now on; of a machine that goes down it may be empty, until the system has written it. */
tr_status tr_out_file_commit_unsynced(tr_ctx *ctx, tr_out_file **file);

/* A file without a name that goes when it is closed, in the folder TMPDIR of the environment, else in
 * /var/tmp: for what memory shall not hold. *why, if it cannot be made, is the reason, *out then NULL. */
const char *tr_file_temporary_folder(void);
void tr_file_temporary(FILE **out, const char **why);
/* Maps what was written to such a file, `name` standing for it in messages. It may be closed then. */
tr_status tr_file_map_temporary(tr_ctx *ctx, FILE *file, const char *name, tr_file_map *out);

#endif
