/* The content of entries of a zip archive, in pieces or at once. */
#define ZLIB_CONST
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/io/zip_private.h"
#include "core/text.h"

struct tr_zip_in {
  tr_ctx *ctx;
  const tr_zip *zip;
  const tr_zip_entry *entry;
  bool deflated, ended; /* ended: everything was read and checked */
  z_stream stream;      /* of a deflated entry */
  uint64_t taken;       /* stored bytes that the stream was given */
  uint64_t done;        /* bytes of the content */
  uint32_t sum;
};

/* What zlib keeps of the stream points back at it: *in stays where it is. */
static tr_status begin(tr_ctx *ctx, const tr_zip *zip, const tr_zip_entry *entry, tr_zip_in *in) {
  *in = (tr_zip_in){.ctx = ctx,
                    .zip = zip,
                    .entry = entry,
                    .deflated = entry->method == 8,
                    .sum = (uint32_t)crc32_z(0, NULL, 0)};
  if (in->deflated && inflateInit2(&in->stream, -MAX_WBITS) != Z_OK)
    return TR_FAIL(ctx, TR_E_MEM, "out of memory to unpack '%s'", TR_SHOW(entry->name, 80));
  return TR_OK;
}

static void end(tr_zip_in *in) {
  if (in->deflated) inflateEnd(&in->stream);
}

tr_status tr_zip_in_open(tr_ctx *ctx, const tr_zip *zip, const tr_zip_entry *entry, tr_zip_in **out) {
  *out = NULL;
  tr_zip_in *in = malloc(sizeof *in);
  if (!in) return TR_FAIL(ctx, TR_E_MEM, "out of memory to read '%s'", TR_SHOW(entry->name, 80));
  tr_status status = begin(ctx, zip, entry, in);
  if (status == TR_OK)
    *out = in;
  else
    free(in);
  return status;
}

void tr_zip_in_close(tr_zip_in **in) {
  if (!*in) return;
  end(*in);
  free(*in);
  *in = NULL;
}

static uint64_t offset_of(const tr_zip *zip, const tr_zip_entry *entry) {
  return (uint64_t)(entry->data - tr_zip_map(zip)->data);
}

/* ---- pieces ---- */

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
    const int result = inflate(z, Z_NO_FLUSH); /* no progress is Z_BUF_ERROR */
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

static tr_status badly_deflated(const tr_zip_in *in) {
  return TR_FAIL(in->ctx, TR_E_IO,
                 "'%s': zip archive, offset %" PRIu64
                 ": the deflated data of entry '%s' is damaged or does not give the %" PRIu64
                 " bytes it claims",
                 tr_zip_map(in->zip)->path, offset_of(in->zip, in->entry), TR_SHOW(in->entry->name, 160),
                 in->entry->size);
}

/* The next bytes of the content were read; behind the last ones everything is checked. */
static tr_status account(tr_zip_in *in, const unsigned char *bytes, size_t size) {
  const bool sums = tr_zip_has_checksums(in->zip);
  if (sums && size) in->sum = (uint32_t)crc32_z(in->sum, bytes, size);
  in->done += size;
  if (in->ended || in->done < in->entry->size) return TR_OK;
  if (in->deflated && !ends_here(in)) return badly_deflated(in);
  if (sums && in->sum != in->entry->crc32)
    return TR_FAIL(in->ctx, TR_E_IO,
                   "'%s': zip archive, offset %" PRIu64
                   ": the data of entry '%s' has CRC-32 %08x, but %08x is recorded: the file is damaged",
                   tr_zip_map(in->zip)->path, offset_of(in->zip, in->entry), TR_SHOW(in->entry->name, 160),
                   (unsigned)in->sum, (unsigned)in->entry->crc32);
  in->ended = true;
  return TR_OK;
}

tr_status tr_zip_in_read(tr_zip_in *in, void *to, size_t size) {
  if (size > in->entry->size - in->done)
    return TR_FAIL(in->ctx, TR_E_IO,
                   "'%s': zip archive, entry '%s': %zu bytes are asked for, and %" PRIu64 " are left",
                   tr_zip_map(in->zip)->path, TR_SHOW(in->entry->name, 80), size, in->entry->size - in->done);
  if (!in->deflated)
    memcpy(to, in->entry->data + in->done, size);
  else if (!unpack(in, to, size))
    return badly_deflated(in);
  return account(in, to, size);
}

/* ---- at once ---- */

/* Memory for the content of a deflated entry, if this machine can have so much. */
static tr_status make_room(tr_ctx *ctx, const tr_zip *zip, const tr_zip_entry *entry, void **out) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  bool too_large =
      entry->size >= SIZE_MAX || (pages > 0 && page > 0 && entry->size / (uint64_t)page > (uint64_t)pages);
  *out = too_large ? NULL : malloc((size_t)entry->size + 1); /* + 1: an empty entry is no failure */
  if (*out) return TR_OK;
  return TR_FAIL(ctx, TR_E_MEM,
                 "'%s': zip archive, offset %" PRIu64 ": no memory for the %" PRIu64 " bytes of entry '%s'",
                 tr_zip_map(zip)->path, offset_of(zip, entry), entry->size, TR_SHOW(entry->name, 160));
}

tr_status tr_zip_read(tr_ctx *ctx, const tr_zip *zip, const tr_zip_entry *entry, const unsigned char **data,
                      void **owned) {
  tr_zip_in in;
  *data = NULL;
  *owned = NULL;
  TR_TRY(begin(ctx, zip, entry, &in));
  tr_status status = in.deflated ? make_room(ctx, zip, entry, owned) : TR_OK;
  if (status == TR_OK)
    status = in.deflated ? tr_zip_in_read(&in, *owned, (size_t)entry->size)
                         : account(&in, entry->data, (size_t)entry->size);
  end(&in);
  if (status == TR_OK) {
    *data = in.deflated ? *owned : entry->data;
  } else {
    free(*owned);
    *owned = NULL;
  }
  return status;
}
