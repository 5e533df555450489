/* Pictures of one size, read from the first to the last, of which never more than are asked for are in
 * memory:
 *
 *   FILE.npz  `arr_0` or `images`, uint8 (N, H, W, 3), or grey (N, H, W) or (N, H, W, 1), stored or deflated,
 *             with `labels` or `label` (N), beside `arr_0` also `arr_1`, if they are there
 *   DIR       PNG and JPEG files, sorted by name, in it and its sub-folders, which are classes
 *             (core/data/dataset.h); of a run of transit, its samples.npz or images.npz
 *
 * Grey is r = g = b. */
#ifndef TR_EXPERIMENTS_EVALUATE_PICTURES_SOURCE_H
#define TR_EXPERIMENTS_EVALUATE_PICTURES_SOURCE_H

#include "core/io/npz.h"
#include "core/io/sha256.h"

typedef struct picture_source picture_source;

/* Opens them and finds their size; option: "--samples", for messages. TR_E_IO and TR_E_SHAPE in one line:
 * damaged files, no pictures, latents, statistics or features in the place of pictures. Close with
 * picture_source_close. */
tr_status picture_source_open(tr_ctx *ctx, const char *option, const char *path, picture_source **out);
void picture_source_close(picture_source **source); /* NULL is fine */

typedef struct {
  const char *path; /* as given, or of the file in the folder that is given; of the source */
  int64_t n, height, width;
  const int32_t *labels; /* (n), or NULL: there are none */
} picture_facts;
const picture_facts *picture_source_facts(const picture_source *source);

/* The next n pictures, levels (n, height, width, 3). A picture of another size is TR_E_SHAPE naming it, what
 * is damaged TR_E_IO. */
tr_status picture_source_read(picture_source *source, int64_t n, uint8_t *levels);
/* To the first picture again. */
tr_status picture_source_rewind(picture_source *source);
/* Passes over n pictures. What must be read on the way is read with the next one that is asked for. */
void picture_source_skip(picture_source *source, int64_t n);

/* SHA-256 of the file, or of the names of all files and their digests, a line each. */
tr_status picture_source_hash(picture_source *source, char hex[TR_SHA256_TEXT]);

#endif
