/* What torch.save's main pickle means: a training file ({"model", "ema", "opt", "args"}) or a bare state
 * dict. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/checkpoint/checkpoint_private.h"

static const char bare_set[] = "weights";

/* ---- tensors ---- */

typedef struct {
  tr_ctx *ctx;
  tr_checkpoint *checkpoint;
  tr_storage_finder find;
  const void *where;
} reader;

static tr_status add_tensor(const reader *r, tr_weight_set *set, const tr_pickle_text *name,
                            const tr_pickle_tensor *from) {
  const unsigned char *data = NULL;
  const tr_zip_entry *source = NULL;
  TR_TRY(r->find(r->ctx, r->checkpoint, r->where, from->storage, &data, &source));
  tr_tensor tensor = {.dtype = from->storage->dtype, .ndim = from->ndim, .count = from->count};
  memcpy(tensor.shape, from->shape, sizeof tensor.shape);
  memcpy(tensor.stride, from->stride, sizeof tensor.stride);
  tensor.data = data + (size_t)from->offset * tr_dtype_size(tensor.dtype);
  return tr_weight_set_add(r->ctx, r->checkpoint, set, name, &tensor, source);
}

static tr_status fail_entry(const reader *r, const char *set, const tr_pickle_text *key) {
  bool bare = strcmp(set, bare_set) == 0;
  char text[80];
  return TR_FAIL(r->ctx, TR_E_IO, "'%s': entry '%s' of %s is no tensor%s", r->checkpoint->map->path,
                 tr_text_printable(key, text, sizeof text), bare ? "the file" : set,
                 bare ? ", and there is no dict 'ema' or 'model'" : "");
}

static tr_status add_set(const reader *r, const char *name, const tr_value *state_dict) {
  tr_weight_set *set = tr_checkpoint_add_set(r->checkpoint, name);
  for (size_t i = 0; i < state_dict->as.sequence.n; i++) {
    const tr_value *key = state_dict->as.sequence.items[2 * i],
                   *value = state_dict->as.sequence.items[2 * i + 1];
    if (key->kind != TR_P_TEXT)
      return TR_FAIL(r->ctx, TR_E_IO, "'%s': a key of %s is no text", r->checkpoint->map->path, name);
    if (value->kind != TR_P_TENSOR) return fail_entry(r, name, &key->as.text);
    TR_TRY(add_tensor(r, set, &key->as.text, value->as.tensor));
  }
  return TR_OK;
}

/* ---- arguments ---- */

static void write_value(FILE *out, const tr_value *value, int depth);

/* Lists may hold themselves or share their items: depth and length are bounded. */
static void write_sequence(FILE *out, const tr_value *value, int depth) {
  fputc(value->kind == TR_P_LIST ? '[' : '(', out);
  for (size_t i = 0; i < value->as.sequence.n; i++) {
    if (i > 0) fputs(", ", out);
    if (depth == 0 || ftell(out) > TR_MAX_ARG_TEXT) {
      fputs("...", out);
      break;
    }
    write_value(out, value->as.sequence.items[i], depth - 1);
  }
  fputc(value->kind == TR_P_LIST ? ']' : ')', out);
}

static void write_value(FILE *out, const tr_value *value, int depth) {
  switch (value->kind) {
  case TR_P_NONE:
    fputs("None", out);
    break;
  case TR_P_BOOL:
    fputs(value->as.truth ? "True" : "False", out);
    break;
  case TR_P_INT:
    fprintf(out, "%" PRId64, value->as.integer);
    break;
  case TR_P_FLOAT:
    tr_checkpoint_write_real(out, value->as.real);
    break;
  case TR_P_TEXT:
    fwrite(value->as.text.at, 1,
           value->as.text.size < TR_MAX_ARG_TEXT ? value->as.text.size : TR_MAX_ARG_TEXT, out);
    break;
  case TR_P_NAME:
    fputs(value->as.name, out);
    break;
  case TR_P_LIST:
  case TR_P_TUPLE:
    write_sequence(out, value, depth);
    break;
  default: { /* nothing that a command line could have given */
    static const char *const what[] = {
        [TR_P_BYTES] = "bytes",     [TR_P_DICT] = "dict",     [TR_P_NAMESPACE] = "namespace",
        [TR_P_STORAGE] = "storage", [TR_P_TENSOR] = "tensor", [TR_P_OPAQUE] = "object",
    };
    fprintf(out, "<%s>", what[value->kind]);
  }
  }
}

/* The value as one line of text; malloc'd, NULL when out of memory. */
static char *value_text(const tr_value *value) {
  char *raw = NULL, *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&raw, &size);
  if (!out) return NULL;
  write_value(out, value, 3);
  if (fclose(out) == 0) text = tr_checkpoint_text(raw, size);
  free(raw);
  return text;
}

static tr_status add_args(const reader *r, const tr_value *args) {
  for (size_t i = 0; i < args->as.sequence.n; i++) {
    const tr_value *key = args->as.sequence.items[2 * i];
    if (key->kind != TR_P_TEXT)
      return TR_FAIL(r->ctx, TR_E_IO, "'%s': the name of an argument is no text", r->checkpoint->map->path);
    TR_TRY(tr_checkpoint_add_arg(r->ctx, r->checkpoint, &key->as.text,
                                 value_text(args->as.sequence.items[2 * i + 1])));
  }
  return TR_OK;
}

/* ---- the whole ---- */

static bool is_dict(const tr_value *value) {
  return value && value->kind == TR_P_DICT;
}

static tr_status read_training_file(const reader *r, const tr_value *root, const tr_value *ema,
                                    const tr_value *model) {
  const tr_value *args = tr_value_find(root, "args");
  if (is_dict(ema)) TR_TRY(add_set(r, "ema", ema));
  if (is_dict(model)) TR_TRY(add_set(r, "model", model));
  if (args && (args->kind == TR_P_NAMESPACE || args->kind == TR_P_DICT)) TR_TRY(add_args(r, args));
  return TR_OK;
}

tr_status tr_torch_content(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_value *root,
                           tr_storage_finder find, const void *where) {
  const reader r = {.ctx = ctx, .checkpoint = checkpoint, .find = find, .where = where};
  if (root->kind != TR_P_DICT)
    return TR_FAIL(ctx, TR_E_IO, "'%s': the file holds no dict, so no state dict and no training checkpoint",
                   checkpoint->map->path);
  const tr_value *ema = tr_value_find(root, "ema"), *model = tr_value_find(root, "model");
  if (is_dict(ema) || is_dict(model)) return read_training_file(&r, root, ema, model);
  return add_set(&r, bare_set, root);
}
