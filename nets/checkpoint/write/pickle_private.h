/* A pickle under construction, protocol 2, of what a checkpoint needs. Not for users of the library. */
#ifndef TR_NETS_CHECKPOINT_WRITE_PICKLE_PRIVATE_H
#define TR_NETS_CHECKPOINT_WRITE_PICKLE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dtype.h"

typedef struct {
  unsigned char *bytes; /* malloc'd; the caller frees it */
  size_t size, room;
  bool failed; /* out of memory: what was put since is lost */
} tr_pickle_out;

void tr_pickle_put_start(tr_pickle_out *p);
void tr_pickle_put_stop(tr_pickle_out *p);
void tr_pickle_put_none(tr_pickle_out *p);
void tr_pickle_put_bool(tr_pickle_out *p, bool value);
void tr_pickle_put_int(tr_pickle_out *p, int64_t value);
void tr_pickle_put_real(tr_pickle_out *p, double value);
void tr_pickle_put_text(tr_pickle_out *p, const char *text);
/* A dict: its keys and values, put in turn, between these two; so a list and a tuple. */
void tr_pickle_put_dict(tr_pickle_out *p);
void tr_pickle_end_dict(tr_pickle_out *p);
void tr_pickle_put_list(tr_pickle_out *p);
void tr_pickle_end_list(tr_pickle_out *p);
void tr_pickle_put_tuple(tr_pickle_out *p);
void tr_pickle_end_tuple(tr_pickle_out *p);
/* A contiguous tensor whose elements are the storage `key` of the archive. */
void tr_pickle_put_tensor(tr_pickle_out *p, const char *storage_class, long key, int ndim,
                          const int64_t *shape);

#endif
