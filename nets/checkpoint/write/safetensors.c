/* .safetensors: the length of the header, a JSON header filled up with spaces to a multiple of 8, the tensors
 * one after the other without holes. (Format: the README of huggingface/safetensors.) */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/file.h"
#include "core/require_private.h"
#include "nets/checkpoint/checkpoint_private.h"
#include "nets/checkpoint/write/tensor_private.h"

#define METADATA "__metadata__" /* the key of the arguments among those of the tensors */

static json_t *describe(const tr_saved_tensor *t, uint64_t begin) {
  int64_t shape[TR_MAX_DIMS];
  const int ndim = tr_saved_shape(t, shape);
  json_t *extents = json_array();
  for (int i = 0; i < ndim; i++) json_array_append_new(extents, json_integer(shape[i]));
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", tr_safetensors_type(tr_saved_dtype(t)), "shape", extents,
                   "data_offsets", (json_int_t)begin, (json_int_t)(begin + tr_saved_bytes(t)));
}

/* As tr_checkpoint_arg spells it; malloc'd. */
static char *spell(const tr_saved_arg *arg) {
  char *text = NULL;
  size_t size;
  if (arg->kind == TR_SAVED_TEXT) return strdup(arg->text);
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  if (arg->kind == TR_SAVED_NONE)
    fputs("None", out);
  else if (arg->kind == TR_SAVED_BOOL)
    fputs(arg->integer ? "True" : "False", out);
  else if (arg->kind == TR_SAVED_INT)
    fprintf(out, "%" PRId64, arg->integer);
  else
    tr_checkpoint_write_real(out, arg->real);
  fclose(out);
  return text;
}

static json_t *metadata(int n, const tr_saved_arg *args) {
  json_t *object = json_object();
  for (int i = 0; i < n; i++) {
    char *text = spell(&args[i]);
    if (text) json_object_set_new(object, args[i].name, json_string(text));
    free(text);
  }
  return object;
}

/* The header, filled up; malloc'd. */
static char *make_header(const tr_saved_set *set, int n_args, const tr_saved_arg *args) {
  json_t *root = json_object();
  uint64_t begin = 0;
  if (n_args > 0) json_object_set_new(root, METADATA, metadata(n_args, args));
  for (int i = 0; i < set->n; i++) {
    json_object_set_new(root, set->items[i].name, describe(&set->items[i], begin));
    begin += tr_saved_bytes(&set->items[i]);
  }
  char *text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER), *filled = NULL;
  json_decref(root);
  if (text && (filled = malloc(strlen(text) + 8))) {
    size_t size = strlen(text);
    memcpy(filled, text, size);
    while (size % 8) filled[size++] = ' ';
    filled[size] = 0;
  }
  free(text);
  return filled;
}

typedef struct {
  tr_ctx *ctx;
  const char *path;
  FILE *stream;
} sink;

static tr_status put(void *user, const void *bytes, size_t size) {
  const sink *s = user;
  if (fwrite(bytes, 1, size, s->stream) == size) return TR_OK;
  return TR_FAIL(s->ctx, TR_E_IO, "cannot write '%s': %s", s->path, strerror(errno));
}

static tr_status write_all(sink *s, const char *header, const tr_saved_set *set) {
  unsigned char size[8];
  for (int i = 0; i < 8; i++) size[i] = (unsigned char)((uint64_t)strlen(header) >> 8 * i);
  TR_TRY(put(s, size, sizeof size));
  TR_TRY(put(s, header, strlen(header)));
  for (int i = 0; i < set->n; i++) TR_TRY(tr_saved_stream(s->ctx, &set->items[i], put, s));
  return TR_OK;
}

static tr_status check(tr_ctx *ctx, const char *path, const tr_saved_set *set, int n_args,
                       const tr_saved_arg *args) {
  TR_TRY(tr_saved_check_set(ctx, path, set));
  for (int i = 0; i < set->n; i++)
    if (strcmp(set->items[i].name, METADATA) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "'%s': no tensor can be called '%s': the format keeps it for arguments",
                     path, METADATA);
  return tr_saved_check_args(ctx, path, n_args, args);
}

tr_status tr_safetensors_save(tr_ctx *ctx, const char *path, const tr_saved_set *set, int n_args,
                              const tr_saved_arg *args) {
  TR_REQUIRE(ctx, path, set);
  if (n_args > 0) TR_REQUIRE(ctx, args);
  TR_TRY(check(ctx, path, set, n_args, args));
  tr_out_file *file;
  char *header = make_header(set, n_args, args);
  if (!header) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the header of '%s'", path);
  tr_status status = tr_out_file_open(ctx, path, &file);
  if (status == TR_OK) {
    sink s = {ctx, path, tr_out_file_stream(file)};
    status = write_all(&s, header, set);
    if (status == TR_OK)
      status = tr_out_file_commit(ctx, &file);
    else
      tr_out_file_discard(&file);
  }
  free(header);
  return status;
}
