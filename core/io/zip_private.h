/* Zip archives as .npz and PyTorch's .pt use them, read in place from a mapping. Every size and offset the
 * archive claims is checked against the mapping before it is believed; ZIP64 is read; encryption and
 * multi-disk are refused. */
#ifndef TR_CORE_IO_ZIP_PRIVATE_H
#define TR_CORE_IO_ZIP_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name;     /* owned by the archive, NUL-terminated */
  int method;           /* 0 stored, 8 deflated */
  uint64_t size;        /* uncompressed bytes */
  uint64_t stored_size; /* bytes in the archive */
  uint32_t crc32;
  const unsigned char *data; /* the stored bytes inside the mapping (borrowed) */
} tr_zip_entry;

typedef struct tr_zip tr_zip;

/* Reads the central directory and checks it against the local headers. The mapping is borrowed and must
 * outlive the archive. TR_E_IO with the offset of what is wrong. */
tr_status tr_zip_open(tr_ctx *ctx, const tr_file_map *map, tr_zip **out);
void tr_zip_close(tr_zip **zip);
int tr_zip_count(const tr_zip *zip);
const tr_zip_entry *tr_zip_entry_at(const tr_zip *zip, int i);
const tr_zip_entry *tr_zip_find(const tr_zip *zip, const char *name); /* exact name; NULL if absent */

/* The content of an entry, checked against its size and CRC-32. Stored: *data points into the mapping and
 * *owned is NULL. Deflated: *owned is malloc'd, the caller frees it, *data points to it. */
tr_status tr_zip_read(tr_ctx *ctx, const tr_zip *zip, const tr_zip_entry *entry, const unsigned char **data,
                      void **owned);

/* What reading an entry needs: the mapping, and whether the CRC-32 of entries are known. */
const tr_file_map *tr_zip_map(const tr_zip *zip);
bool tr_zip_has_checksums(const tr_zip *zip);

/* The content of an entry from its beginning on, piece by piece: never more of it in memory than is asked
 * for. The archive must outlive it. */
typedef struct tr_zip_in tr_zip_in;
tr_status tr_zip_in_open(tr_ctx *ctx, const tr_zip *zip, const tr_zip_entry *entry, tr_zip_in **out);
/* The next `size` bytes. With the last ones the CRC-32 is checked; damage, and more than there is, are
 * TR_E_IO. */
tr_status tr_zip_in_read(tr_zip_in *in, void *to, size_t size);
void tr_zip_in_close(tr_zip_in **in); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
