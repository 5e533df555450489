/* Pickles as torch.save writes them, read into plain values. A pickle is a program for a small machine; here
 * it is run on a closed list of opcodes, none of which imports, calls or executes anything. A short list of
 * names (pickle_names.c) is understood: those of dicts, tensors and numbers. Any other name stays a name, and
 * what it would make becomes an object of which only its name, its arguments and its state are known. Whoever
 * needs such a value says so. Other opcodes are TR_E_IO naming them and the offset.
 * (Opcodes: CPython's Lib/pickletools.py.)
 *
 * Bounds: at most 64 MiB of pickle, 256 MiB of values, 256 open marks; nothing recurses. */
#ifndef TR_NETS_CHECKPOINT_PICKLE_PRIVATE_H
#define TR_NETS_CHECKPOINT_PICKLE_PRIVATE_H

#include <stddef.h>

#include "nets/checkpoint/tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TR_P_NONE,
  TR_P_BOOL,
  TR_P_INT,
  TR_P_FLOAT,
  TR_P_TEXT, /* UTF-8 as it stands in the file: not checked, not terminated */
  TR_P_BYTES,
  TR_P_LIST,
  TR_P_TUPLE,
  TR_P_SET,
  TR_P_DICT, /* also OrderedDict, defaultdict and Counter; pairs in order, duplicates kept: the last counts */
  TR_P_NAME, /* "module.name", not called */
  TR_P_STORAGE,
  TR_P_TENSOR,
  TR_P_OBJECT, /* what a name that is not understood would have made */
  TR_P_BIG     /* an integer of more than 64 bits: its bytes or digits as they stand in the file */
} tr_pickle_kind;

typedef struct tr_value tr_value;

typedef struct {
  const char *at; /* borrowed from the file */
  size_t size;
} tr_pickle_text;

/* The elements of a tensor before strides: a flat block kept elsewhere in the file under `key`. A pickle
 * names the same block once for every tensor in it. */
typedef struct tr_pickle_storage {
  const char *class; /* as in the file, "torch.FloatStorage" */
  bool known;        /* its elements are of `dtype` */
  tr_dtype dtype;
  size_t element; /* bytes of one; 0: not known */
  tr_pickle_text key;
  int64_t count;                        /* elements it should have */
  const struct tr_pickle_storage *next; /* the one named before, NULL for the first */
} tr_pickle_storage;

typedef struct {
  const tr_pickle_storage *storage;
  const char *foreign; /* static: an element type that cannot be read; NULL: elements are of `dtype` */
  tr_dtype dtype;
  int64_t offset; /* elements; offset, shape and stride stay inside the storage */
  int ndim;
  int64_t shape[TR_MAX_DIMS], stride[TR_MAX_DIMS];
  int64_t count;
} tr_pickle_tensor;

typedef struct {
  const char *made_by;       /* "module.name" */
  const tr_value *arguments; /* a tuple; NULL: none are known */
  const tr_value *state;     /* what BUILD gave; NULL: nothing */
  const tr_value *items;     /* a dict of the items that were set in it; NULL: none */
} tr_pickle_object;

struct tr_value {
  tr_pickle_kind kind;
  union {
    bool truth;
    int64_t integer;
    double real;
    tr_pickle_text text; /* text, bytes and big integers */
    const char *name;    /* "module.name" */
    struct {             /* list, tuple, set: `n` items; dict: `n` pairs: key, value, key, value ... */
      const tr_value **items;
      size_t n, capacity;
    } sequence;
    tr_pickle_storage *storage;
    tr_pickle_tensor *tensor;
    tr_pickle_object *object;
  } as;
};

/* Where a pickle lies. Messages name `file`, and offsets in it: that of `bytes` is `base`. */
typedef struct {
  const char *file;
  const unsigned char *bytes; /* borrowed; texts point into it */
  size_t size;
  uint64_t base;
} tr_pickle_source;

enum { TR_PICKLE_MAX_SIZE = 64 << 20 };

typedef struct tr_pickle tr_pickle; /* owns every value read */

/* Reads one pickle from the front of the source. *consumed (may be NULL): bytes up to and with its STOP. */
tr_status tr_pickle_read(tr_ctx *ctx, const tr_pickle_source *source, tr_pickle **out, size_t *consumed);
void tr_pickle_close(tr_pickle **pickle);
const tr_value *tr_pickle_root(const tr_pickle *pickle);
const tr_pickle_storage *tr_pickle_storages(const tr_pickle *pickle); /* all that were named; NULL: none */

/* A dict as it is; of an object the items set in it or else its attributes. NULL: there are no pairs. */
const tr_value *tr_value_pairs(const tr_value *value);
/* The value under a text key of the pairs, the last one where there are several; NULL: absent, or no pairs.
 */
const tr_value *tr_value_find(const tr_value *value, const char *key);
bool tr_text_equals(const tr_pickle_text *text, const char *word);
/* A text made fit for one line (core/text.h), "..." at the end of what does not fit. Returns out. */
const char *tr_text_printable(const tr_pickle_text *text, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
