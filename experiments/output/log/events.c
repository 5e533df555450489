#include "experiments/output/log/events.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/io/file.h"

struct events {
  tr_ctx *ctx;
  FILE *file;
  char path[4096];
};

uint32_t events_crc32c(const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < size; i++) {
    crc ^= at[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1u ? 0x82F63B78u : 0);
  }
  return ~crc;
}

/* As the format has it: a checksum of data that holds checksums would be weak. */
static uint32_t masked(const void *bytes, size_t size) {
  const uint32_t crc = events_crc32c(bytes, size);
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

/* ---- protocol buffers ---- */

typedef struct {
  unsigned char *bytes; /* malloc'd */
  size_t size, room;
  bool failed; /* out of memory: what was put since is lost */
} message;

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; /* kinds of fields */

static void put_raw(message *m, const void *bytes, size_t size) {
  if (m->room - m->size < size) {
    const size_t room = 2 * (m->size + size) + 64;
    unsigned char *grown = realloc(m->bytes, room);
    if (!grown) {
      m->failed = true;
      return;
    }
    m->bytes = grown;
    m->room = room;
  }
  memcpy(m->bytes + m->size, bytes, size);
  m->size += size;
}

static void put_varint(message *m, uint64_t value) {
  unsigned char bytes[10];
  size_t n = 0;
  for (; value >= 0x80; value >>= 7) bytes[n++] = (unsigned char)(value | 0x80);
  bytes[n++] = (unsigned char)value;
  put_raw(m, bytes, n);
}

static void put_key(message *m, int field, int kind) {
  put_varint(m, (uint64_t)field << 3 | (uint64_t)kind);
}

static void put_bytes(message *m, int field, const void *bytes, size_t size) {
  put_key(m, field, BYTES);
  put_varint(m, size);
  put_raw(m, bytes, size);
}

/* A message within another, which takes it over. */
static void put_inner(message *m, int field, message *inner) {
  put_bytes(m, field, inner->bytes, inner->size);
  m->failed = m->failed || inner->failed;
  free(inner->bytes);
}

static void put_number(message *m, int field, uint64_t value) {
  put_key(m, field, VARINT);
  put_varint(m, value);
}

/* Event: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7. */
static message event_at(int64_t step) {
  message m = {.size = 0};
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
  put_key(&m, 1, FIXED64);
  put_raw(&m, &seconds, sizeof seconds);
  put_number(&m, 2, (uint64_t)step);
  return m;
}

/* ---- records ---- */

static void little(unsigned char *out, int width, uint64_t value) {
  for (int i = 0; i < width; i++) out[i] = (unsigned char)(value >> 8 * i);
}

static tr_status write_bytes(events *e, const message *m) {
  unsigned char head[12], tail[4];
  if (m->failed) return TR_FAIL(e->ctx, TR_E_MEM, "out of memory for a record of '%s'", e->path);
  little(head, 8, m->size);
  little(head + 8, 4, masked(head, 8));
  little(tail, 4, masked(m->bytes, m->size));
  if (fwrite(head, 1, sizeof head, e->file) == sizeof head &&
      fwrite(m->bytes, 1, m->size, e->file) == m->size &&
      fwrite(tail, 1, sizeof tail, e->file) == sizeof tail && fflush(e->file) == 0)
    return TR_OK;
  return TR_FAIL(e->ctx, TR_E_IO, "cannot write '%s': %s", e->path, strerror(errno));
}

/* Takes the message over. */
static tr_status write_record(events *e, message *m) {
  tr_status status = write_bytes(e, m);
  free(m->bytes);
  return status;
}

static tr_status write_beginning(events *e, int64_t first) {
  static const char version[] = "brain.Event:2";
  message m = event_at(0), start = {.size = 0};
  put_bytes(&m, 3, version, sizeof version - 1);
  TR_TRY(write_record(e, &m));
  m = event_at(first);
  put_number(&start, 1, 1); /* SessionLog: status = 1, of which START is 1 */
  put_inner(&m, 7, &start);
  return write_record(e, &m);
}

tr_status events_open(tr_ctx *ctx, const char *folder, int64_t first, events **out) {
  *out = NULL;
  events *e = calloc(1, sizeof *e);
  if (!e) return TR_FAIL(ctx, TR_E_MEM, "out of memory for an event file");
  e->ctx = ctx;
  snprintf(e->path, sizeof e->path, "%s/events.out.tfevents.%010lld.transit.%ld", folder,
           (long long)time(NULL), (long)getpid());
  e->file = fopen(e->path, "wb");
  tr_status status = e->file ? write_beginning(e, first)
                             : TR_FAIL(ctx, TR_E_IO, "cannot write '%s': %s", e->path, strerror(errno));
  if (status != TR_OK) events_close(&e);
  *out = e;
  return status;
}

/* A summary of one value, Summary.Value: tag = 1, simple_value = 2, image = 4. */
static message entry_of(const char *tag) {
  message entry = {.size = 0};
  put_bytes(&entry, 1, tag, strlen(tag));
  return entry;
}

static tr_status write_entry(events *e, int64_t step, message *entry) {
  message m = event_at(step), summary = {.size = 0};
  put_inner(&summary, 1, entry);
  put_inner(&m, 5, &summary);
  return write_record(e, &m);
}

tr_status events_scalar(events *e, const char *tag, int64_t step, double value) {
  message entry = entry_of(tag);
  const float narrow = (float)value;
  put_key(&entry, 2, FIXED32);
  put_raw(&entry, &narrow, sizeof narrow);
  return write_entry(e, step, &entry);
}

static uint32_t big(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Image: height = 1, width = 2, colorspace = 3 (the channels), encoded_image_string = 4. A PNG says its size
 * in the bytes 16 to 23, its kind in byte 25, of which 2 is RGB. */
tr_status events_image(events *e, const char *tag, int64_t step, const char *path) {
  tr_file_map png;
  message image = {.size = 0};
  TR_TRY(tr_file_map_open(e->ctx, path, &png));
  if (png.size < 33 || memcmp(png.data, "\211PNG", 4) != 0 || png.data[25] != 2) {
    tr_file_map_close(&png);
    return TR_FAIL(e->ctx, TR_E_IO, "'%s' is no PNG in RGB", path);
  }
  put_number(&image, 1, big(png.data + 20));
  put_number(&image, 2, big(png.data + 16));
  put_number(&image, 3, 3);
  put_bytes(&image, 4, png.data, png.size);
  tr_file_map_close(&png);
  message entry = entry_of(tag);
  put_inner(&entry, 4, &image);
  return write_entry(e, step, &entry);
}

void events_close(events **e) {
  if (!*e) return;
  if ((*e)->file) fclose((*e)->file);
  free(*e);
  *e = NULL;
}
