/* Entries of a zip archive in pieces. */
#define ZLIB_CONST
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/io/zip_private.h"
#include "core/text.h"

struct tr_zip_in {
  tr_ctx *ctx;
  const tr_zip *zip;
  const tr_zip_entry *entry;
  bool deflated;
  z_stream stream; /* of a deflated entry */
  uint64_t taken;  /* stored bytes that the stream was given */
  uint64_t done;   /* bytes of the content */
  uint32_t sum;
};

tr_status tr_zip_in_open(tr_ctx *ctx, const tr_zip *zip, const tr_zip_entry *entry, tr_zip_in **out) {
  *out = NULL;
  tr_zip_in *in = calloc(1, sizeof *in);
  if (!in) return TR_FAIL(ctx, TR_E_MEM, "out of memory to read '%s'", entry->name);
  in->ctx = ctx, in->zip = zip, in->entry = entry;
  in->deflated = entry->method == 8;
  in->sum = (uint32_t)crc32_z(0, NULL, 0);
  if (in->deflated && inflateInit2(&in->stream, -MAX_WBITS) != Z_OK) {
    free(in);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory to unpack '%s'", entry->name);
  }
  *out = in;
  return TR_OK;
}

void tr_zip_in_close(tr_zip_in **in) {
  if (!*in) return;
  if ((*in)->deflated) inflateEnd(&(*in)->stream);
  free(*in);
  *in = NULL;
}

static tr_status damaged(const tr_zip_in *in, const char *how) {
  return TR_FAIL(in->ctx, TR_E_IO, "'%s': zip archive, entry '%s' %s: the file is damaged",
                 tr_zip_map(in->zip)->path, TR_SHOW(in->entry->name, 80), how);
}

/* Whether there were as many bytes; zlib counts in unsigned int. */
static bool unpack(tr_zip_in *in, unsigned char *to, size_t size) {
  z_stream *z = &in->stream;
  z->next_out = to;
  for (size_t left = size; left > 0;) {
    const uint64_t more = in->entry->stored_size - in->taken;
    const uInt give = more > UINT_MAX ? UINT_MAX : (uInt)more, room = left > UINT_MAX ? UINT_MAX : (uInt)left;
    z->next_in = in->entry->data + in->taken;
    z->avail_in = give;
    z->avail_out = room;
    const int result = inflate(z, Z_NO_FLUSH);
    in->taken += give - z->avail_in;
    left -= room - z->avail_out;
    if (result == Z_STREAM_END) return left == 0;
    if (result != Z_OK) return false;
  }
  return true;
}

/* A stream ends with the last byte of its content. */
static bool ends_here(tr_zip_in *in) {
  unsigned char more;
  z_stream *z = &in->stream;
  const uint64_t left = in->entry->stored_size - in->taken;
  z->next_in = in->entry->data + in->taken;
  z->avail_in = left > UINT_MAX ? UINT_MAX : (uInt)left;
  z->next_out = &more;
  z->avail_out = 1;
  return inflate(z, Z_FINISH) == Z_STREAM_END && z->avail_out == 1 && z->avail_in == 0;
}

tr_status tr_zip_in_read(tr_zip_in *in, void *to, size_t size) {
  if (size > in->entry->size - in->done) return damaged(in, "is shorter than it says");
  if (!in->deflated)
    memcpy(to, in->entry->data + in->done, size);
  else if (!unpack(in, to, size))
    return damaged(in, "cannot be unpacked");
  in->sum = (uint32_t)crc32_z(in->sum, to, size);
  in->done += size;
  if (in->done < in->entry->size || size == 0) return TR_OK;
  if (in->deflated && !ends_here(in)) return damaged(in, "is longer than it says");
  if (tr_zip_has_checksums(in->zip) && in->sum != in->entry->crc32)
    return damaged(in, "has another CRC-32 than is recorded");
  return TR_OK;
}
