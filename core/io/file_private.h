/* Not for users of the library. */
#ifndef TR_CORE_IO_FILE_PRIVATE_H
#define TR_CORE_IO_FILE_PRIVATE_H

#include "core/io/file.h"

/* tr_out_file_commit without waiting for the disk: for one of thousands of small files. It is whole for every
 * process from now on; of a machine that goes down it may be empty, until the system has written it. */
tr_status tr_out_file_commit_unsynced(tr_ctx *ctx, tr_out_file **file);

#endif
