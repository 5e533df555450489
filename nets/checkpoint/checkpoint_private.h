/* What the readers of the formats fill in. */
#ifndef TR_NETS_CHECKPOINT_CHECKPOINT_PRIVATE_H
#define TR_NETS_CHECKPOINT_CHECKPOINT_PRIVATE_H

#include <jansson.h>
#include <stdio.h>

#include "core/io/zip_private.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/checkpoint/pickle_private.h"

enum {
  TR_MAX_SETS = 64,
  TR_MAX_TENSORS = 1 << 16, /* per set */
  TR_MAX_TENSOR_NAME = 255,
  TR_MAX_SET_NAME = 120,
  TR_MAX_ARGS = 1000,
  TR_MAX_ARG_TEXT = 4096,
  TR_MAX_ARG_FILE = 1 << 16 /* bytes of a file of arguments */
};

/* Where the elements of a tensor lie in a zip archive: data and CRC-32 are looked at when they are asked for.
 * entry NULL: they lie in the file as they are. */
typedef struct {
  const tr_checkpoint *home; /* whose archive */
  const tr_zip_entry *entry;
  size_t offset; /* bytes, of the first element in the entry */
} tr_tensor_source;

typedef struct {
  char name[TR_MAX_SET_NAME]; /* the keys that lead to it, "ema", "state_dict.model"; "weights": the whole
                                 file */
  int n, room;
  tr_tensor *items; /* names owned */
  tr_tensor_source *sources;
  const tr_tensor **by_name; /* made when it is whole */
  bool part;                 /* of another set: the names are not its own */
  bool looked_at;            /* the data of all tensors is there and right */
  int passed_over;           /* entries that are no tensors, or are counters of a wrapper */
  char first_passed_over[80];
  tr_error problem; /* why it cannot be used; status TR_OK: it can */
} tr_weight_set;

typedef struct {
  char *name, *value;
  const char *file; /* borrowed: where it comes from */
} tr_checkpoint_argument;

/* What was unpacked of an entry of the archive, and whether it was found right. */
typedef struct {
  bool right;
  void *owned;
} tr_zip_block;

/* What AdamW keeps of a parameter: exp_avg, exp_avg_sq, step. */
enum { TR_MOMENT_FIRST, TR_MOMENT_SECOND, TR_MOMENT_STEP, TR_N_MOMENTS };

struct tr_checkpoint {
  const char *format;
  const tr_file_map *map; /* own, or borrowed; the zip keeps it too, so it never moves */
  tr_file_map *own;       /* malloc'd; NULL when the mapping is borrowed */
  tr_zip *zip;            /* pt-zip only */
  tr_zip_block *blocks;   /* one an entry of the zip */
  tr_weight_set *sets;    /* TR_MAX_SETS */
  int n_sets;
  tr_weight_set moments[TR_N_MOMENTS]; /* of an optimiser; empty: there is none */
  tr_checkpoint **shards;              /* owned: of a checkpoint in several files */
  int n_shards;
  tr_checkpoint_argument *args;
  int n_args;
  char **arg_files; /* owned: those that gave arguments besides the checkpoint */
  int n_arg_files;
};

/* Reads a mapping that the caller keeps until the checkpoint is closed; tr_checkpoint_open is this on a
 * mapping of its own. */
tr_status tr_checkpoint_read(tr_ctx *ctx, const tr_file_map *map, tr_checkpoint **out);

/* One reader per format, each in a file of its own. `recognises` looks at the first bytes only. */
typedef struct {
  const char *name;
  bool (*recognises)(const tr_file_map *map);
  tr_status (*read)(tr_ctx *ctx, tr_checkpoint *checkpoint);
} tr_checkpoint_format_reader;

extern const tr_checkpoint_format_reader tr_torch_zip_reader, tr_torch_legacy_reader, tr_safetensors_reader,
    tr_shards_reader;

/* ---- sets, sets.c ---- */

/* The name of an element type in .safetensors; NULL: it has none. */
const char *tr_safetensors_type(tr_dtype dtype);

/* Adds a set of this name (cut to fit); NULL: there are TR_MAX_SETS already. */
tr_weight_set *tr_checkpoint_add_set(tr_checkpoint *checkpoint, const char *name);
/* Adds a copy of the tensor under a copy of the name (1 to 255 printable ASCII characters). Shape, strides
 * and data were checked by the caller. source NULL: data is there. */
tr_status tr_weight_set_add(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set,
                            const tr_pickle_text *name, const tr_tensor *tensor,
                            const tr_tensor_source *source);
/* One more entry that is passed over. */
void tr_weight_set_pass(tr_weight_set *set, const char *name);
/* If `status` is a failure other than of memory: remembers its message as what is wrong with this set, drops
 * the tensors, and clears it. Returns TR_OK, or the failure of memory. */
tr_status tr_weight_set_spoil(tr_ctx *ctx, tr_weight_set *set, tr_status status);
/* When all sets are filled: names are made plain (nets/checkpoint/checkpoint.h), parts become sets of their
 * own. A failure when no set can be used. */
tr_status tr_checkpoint_finish_sets(tr_ctx *ctx, tr_checkpoint *checkpoint);
void tr_weight_set_free(tr_weight_set *set);
/* Whether keys are called like those of an average of weights. */
bool tr_checkpoint_is_averaged(const char *name);
/* Makes by_name. */
tr_status tr_weight_set_sort(tr_ctx *ctx, const tr_checkpoint *checkpoint, tr_weight_set *set);

/* ---- the rest ---- */

/* 1 to TR_MAX_TENSOR_NAME printable ASCII characters. */
bool tr_checkpoint_is_name(const tr_pickle_text *name);
/* Adds an argument of the checkpoint itself; takes the malloc'd value in any case (NULL: out of memory). */
tr_status tr_checkpoint_add_arg(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_pickle_text *name,
                                char *value);
/* The argument of this name, NULL if absent. */
const tr_checkpoint_argument *tr_checkpoint_find_arg(const tr_checkpoint *checkpoint, const char *name);
/* Forgets the arguments from number n on. */
void tr_checkpoint_drop_args(tr_checkpoint *checkpoint, int n);
/* A malloc'd copy of a text as it may be shown (core/text.h), of at most TR_MAX_ARG_TEXT bytes. NULL: out of
 * memory. */
char *tr_checkpoint_text(const char *text, size_t size);
/* FILE.json supplies arguments that FILE does not carry (tr_checkpoint_add_args). Its name alone decides,
 * also of a dangling link. *beside: that name, malloc'd, also on an error; NULL: there is no such file. */
tr_status tr_checkpoint_add_args_beside(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *path,
                                        char **beside);
/* The shortest decimal that reads back as the same number, at most 24 characters. */
void tr_checkpoint_write_real(FILE *out, double value);

/* A JSON value in the spelling of arguments, malloc'd: a text as it is, numbers, True, False and None; arrays
 * and objects as JSON, and a value of a pickle as Python would print it. Cut after TR_MAX_ARG_TEXT bytes.
 * NULL: out of memory. */
char *tr_checkpoint_json_text(const json_t *value);
char *tr_checkpoint_value_text(const tr_value *value);
/* The JSON in a mapping of at most TR_MAX_ARG_FILE bytes, an object or an array; the caller releases it. */
tr_status tr_checkpoint_parse_json(tr_ctx *ctx, const tr_file_map *map, json_t **out);
/* tr_checkpoint_add_args on a mapping, of which nothing is kept. */
tr_status tr_checkpoint_read_args(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_file_map *map);

/* Finds the bytes of a storage and checks that they are as many as it claims: *data, or, when they lie in an
 * archive, *source. */
typedef tr_status (*tr_storage_finder)(tr_ctx *ctx, const tr_checkpoint *checkpoint, const void *where,
                                       const tr_pickle_storage *storage, const unsigned char **data,
                                       tr_tensor_source *source);
/* Sets and arguments from the root of torch.save's main pickle (torch_content.c). */
tr_status tr_torch_content(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_value *root,
                           tr_storage_finder find, const void *where);

/* What a file is that is no checkpoint, and what to do: "is a tar: unpack it". NULL: that is not known.
 * Static text (recognise.c). */
const char *tr_checkpoint_mistaken(const tr_file_map *map);
/* Opens a file that is one of several, without finishing its sets. */
tr_status tr_checkpoint_open_shard(tr_ctx *ctx, const char *path, tr_checkpoint **out);

#endif
