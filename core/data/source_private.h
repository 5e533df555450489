/* What a loader takes its rows from: arrays in memory, or the pictures of a folder. Nothing in it changes
 * once it is open, so that threads may share it. Not for users of the library. */
#ifndef TR_CORE_DATA_SOURCE_PRIVATE_H
#define TR_CORE_DATA_SOURCE_PRIVATE_H

#include "core/data/dataset.h"
#include "core/data/listing_private.h"
#include "core/data/loader.h"

typedef struct {
  tr_ctx *ctx; /* of the caller's thread: of opening alone */
  char *path;
  bool is_folder;
  tr_listing files; /* of a folder */
  tr_dataset set;   /* else */
  int64_t *usable;  /* (n): inputs of the set */
  bool labelled;
  tr_loader_info about; /* but for the steps */
} tr_source;

/* Fills a zeroed source with the errors of tr_loader_open. Close in any case. */
tr_status tr_source_open(tr_ctx *ctx, const char *path, const tr_loader_options *options, tr_source *out);
void tr_source_close(tr_source *s);

/* Bytes (H, W, 3) of picture i of a folder, malloc'd; ctx belongs to the calling thread. */
tr_status tr_source_picture(const tr_source *s, tr_ctx *ctx, int64_t i, uint8_t **out);

/* out = input i as a row, mirrored if asked for; picture: its bytes, of a folder. */
void tr_source_row(const tr_source *s, int64_t i, const uint8_t *picture, bool flip, tr_dtype dtype,
                   void *out);
int32_t tr_source_label(const tr_source *s, int64_t i); /* 0 where there are none */
tr_status tr_source_digest(const tr_source *s, char hex[TR_SHA256_TEXT]);

#endif
