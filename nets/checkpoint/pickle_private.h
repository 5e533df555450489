/* Pickles as torch.save writes them, read into plain values. A pickle is a program for a small machine; here
 * it is run on a closed list of opcodes (those of protocols 2 to 5 that torch.save needs) and a closed list
 * of names, all of which only build values. Any other opcode or name is TR_E_IO naming it and the offset.
 * Nothing is imported, called or executed. (Opcodes: CPython's Lib/pickletools.py.)
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
  TR_P_DICT,      /* also OrderedDict; pairs in order, duplicates kept */
  TR_P_NAMESPACE, /* argparse.Namespace; pairs as in a dict */
  TR_P_NAME,      /* a name from the closed list that was not called: "torch.float32" */
  TR_P_STORAGE,
  TR_P_TENSOR,
  TR_P_OPAQUE /* made by a known name, but not kept: numpy's scalars in an optimiser's state */
} tr_pickle_kind;

typedef struct tr_value tr_value;

typedef struct {
  const char *at; /* borrowed from the file */
  size_t size;
} tr_pickle_text;

/* The elements of a tensor before strides: a flat block kept elsewhere in the file under `key`. A pickle
 * names the same block once for every tensor in it. */
typedef struct tr_pickle_storage {
  tr_dtype dtype;
  tr_pickle_text key;
  int64_t count;                        /* elements it should have */
  const struct tr_pickle_storage *next; /* the one named before, NULL for the first */
} tr_pickle_storage;

typedef struct {
  const tr_pickle_storage *storage;
  int64_t offset; /* elements; offset, shape and stride stay inside storage->count */
  int ndim;
  int64_t shape[TR_MAX_DIMS], stride[TR_MAX_DIMS];
  int64_t count;
} tr_pickle_tensor;

struct tr_value {
  tr_pickle_kind kind;
  union {
    bool truth;
    int64_t integer;
    double real;
    tr_pickle_text text; /* text and bytes */
    const char *name;    /* "module.name"; of an opaque value: what made it */
    struct {             /* list, tuple: `n` items; dict, namespace: `n` pairs: key, value, key, value ... */
      const tr_value **items;
      size_t n, capacity;
    } sequence;
    tr_pickle_storage *storage;
    tr_pickle_tensor *tensor;
  } as;
};

/* Where a pickle lies. Messages name `file`, and offsets in it: that of `bytes` is `base`. */
typedef struct {
  const char *file;
  const unsigned char *bytes; /* borrowed; texts point into it */
  size_t size;
  uint64_t base;
} tr_pickle_source;

typedef struct tr_pickle tr_pickle; /* owns every value read */

/* Reads one pickle from the front of the source. *consumed (may be NULL): bytes up to and with its STOP. */
tr_status tr_pickle_read(tr_ctx *ctx, const tr_pickle_source *source, tr_pickle **out, size_t *consumed);
void tr_pickle_close(tr_pickle **pickle);
const tr_value *tr_pickle_root(const tr_pickle *pickle);
const tr_pickle_storage *tr_pickle_storages(const tr_pickle *pickle); /* all that were named; NULL: none */

/* The value under a text key of a dict or namespace; NULL if absent or `value` is neither. */
const tr_value *tr_value_find(const tr_value *value, const char *key);
bool tr_text_equals(const tr_pickle_text *text, const char *word);
/* A text made fit for one line: control bytes become '?', and what does not fit becomes "...". Returns out.
 */
const char *tr_text_printable(const tr_pickle_text *text, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
