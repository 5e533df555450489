/* Writing zip archives: stored entries, streamed, byte for byte the same for the same content (every entry is
 * dated 1980-01-01). ZIP64 records appear where a size or an offset needs them. The archive appears under its
 * name whole or not at all. */
#ifndef TR_CORE_IO_ZIP_WRITE_PRIVATE_H
#define TR_CORE_IO_ZIP_WRITE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tr_zip_out tr_zip_out;

/* The largest size or offset that is written without ZIP64. */
#define TR_ZIP32_MAX 0xFFFFFFFEu

/* Starts the archive `path`. `zip32_max` is TR_ZIP32_MAX (tests take less, to see ZIP64 in small files). */
tr_status tr_zip_out_create(tr_ctx *ctx, const char *path, uint32_t zip32_max, tr_zip_out **out);
/* Starts an entry of exactly `size` bytes. The name is copied: 1 to 255 printable ASCII characters, new to
 * this archive, relative. */
tr_status tr_zip_out_begin(tr_zip_out *zip, const char *name, uint64_t size);
/* The same with the content at a multiple of `alignment` (1 to 4096): filled up in the header, as PyTorch
 * does. */
tr_status tr_zip_out_begin_aligned(tr_zip_out *zip, const char *name, uint64_t size, unsigned alignment);
/* The next bytes of the entry; more than it has left is TR_E_ARG, a failed write TR_E_IO. */
tr_status tr_zip_out_write(tr_zip_out *zip, const void *bytes, size_t size);
/* Where in the file the content of an entry begun now would start, for callers who align it. */
uint64_t tr_zip_out_content_at(const tr_zip_out *zip, const char *name, uint64_t size);
/* Ends the archive, frees it and sets *zip to NULL, whatever the outcome. An entry that still misses bytes is
 * TR_E_ARG; then, and when any call on the archive failed before, nothing appears. */
tr_status tr_zip_out_commit(tr_zip_out **zip);
void tr_zip_out_discard(tr_zip_out **zip); /* nothing appears; NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
