/* The two kinds of sources. */
#ifndef TR_EXPERIMENTS_EVALUATE_PICTURES_SOURCE_PRIVATE_H
#define TR_EXPERIMENTS_EVALUATE_PICTURES_SOURCE_PRIVATE_H

#include "experiments/evaluate/pictures/source.h"

typedef struct {
  /* Pictures next .. next + n - 1 of the source; behind the last ones read, or behind others. */
  tr_status (*read)(picture_source *source, int64_t n, uint8_t *levels);
  tr_status (*rewind)(picture_source *source);
  tr_status (*hash)(picture_source *source, char hex[TR_SHA256_TEXT]);
  void (*close)(picture_source *source);
} picture_kind;

struct picture_source {
  const picture_kind *kind;
  tr_ctx *ctx;
  const char *option;
  picture_facts facts;
  char *path;      /* owned */
  int32_t *labels; /* owned */
  int64_t next;    /* picture */
  void *own;       /* of the kind */
};

/* Each fills what it finds; the caller closes after a failure, too. */
tr_status picture_archive_open(picture_source *source);
tr_status picture_folder_open(picture_source *source);

#endif
