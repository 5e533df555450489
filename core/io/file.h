/* Files: read-only mappings, and writing whole or not at all. */
#ifndef TR_CORE_IO_FILE_H
#define TR_CORE_IO_FILE_H

#include <stdio.h>

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A file mapped read-only. `data` is NULL when size is 0. */
typedef struct {
  const unsigned char *data;
  size_t size;
  char *path; /* owned copy, for messages */
} tr_file_map;

/* Maps a regular file. Missing, unreadable or not a regular file: TR_E_IO with the reason. Reading a page
 * that another program has meanwhile cut off the file raises SIGBUS, as with every mapping. */
TR_API tr_status tr_file_map_open(tr_ctx *ctx, const char *path, tr_file_map *out);
TR_API void tr_file_map_close(tr_file_map *map); /* unmaps and zeroes; a zeroed map is fine */

/* Opens a regular file for reading, with the errors of tr_file_map_open. The caller closes *out, NULL on an
 * error. */
TR_API tr_status tr_file_stream_open(tr_ctx *ctx, const char *path, FILE **out);

/* A file that appears under its name only when it is whole: written beside it under a temporary name, flushed
 * to disk, then renamed. */
typedef struct tr_out_file tr_out_file;
/* That name: of the path, the process id, and the first number from 0 on whose file is not there. */
#define TR_OUT_FILE_TEMPORARY "%s.%ld-%d.tmp"
TR_API tr_status tr_out_file_open(tr_ctx *ctx, const char *path, tr_out_file **out);
TR_API FILE *tr_out_file_stream(tr_out_file *file);
/* Flushes, renames, frees and sets *file to NULL. Any write error since opening (a full disk) is TR_E_IO, and
 * nothing appears. */
TR_API tr_status tr_out_file_commit(tr_ctx *ctx, tr_out_file **file);
/* Removes the temporary file; NULL is fine. */
TR_API void tr_out_file_discard(tr_out_file **file);

#ifdef __cplusplus
}
#endif

#endif
