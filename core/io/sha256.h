/* SHA-256 (FIPS 180-4) of files, to say in a run's record which ones it used. */
#ifndef TR_CORE_IO_SHA256_H
#define TR_CORE_IO_SHA256_H

#include "core/io/file.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_SHA256_TEXT 65 /* 64 lower-case hexadecimal digits and the NUL */

TR_API tr_status tr_sha256_map(tr_ctx *ctx, const tr_file_map *map, char hex[TR_SHA256_TEXT]);
/* The same of a file by name, of which a piece at a time is in memory. Its errors are those of
 * tr_file_stream_open, TR_E_IO where it cannot be read to its end, and TR_E_INTERRUPTED, between two pieces,
 * when the context's flag says so. */
TR_API tr_status tr_sha256_file(tr_ctx *ctx, const char *path, char hex[TR_SHA256_TEXT]);

#ifdef __cplusplus
}
#endif

#endif
