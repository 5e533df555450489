/* Arguments of a checkpoint out of JSON: single values, and a file of its own. */
#include <stdlib.h>
#include <string.h>

#include "nets/checkpoint/checkpoint_private.h"

#include "core/require_private.h"
#include "core/text.h"

/* ---- values ---- */

static void write_value(FILE *out, const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_INTEGER:
    fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    break;
  case JSON_REAL:
    tr_checkpoint_write_real(out, json_real_value(value));
    break;
  case JSON_TRUE:
    fputs("True", out);
    break;
  case JSON_FALSE:
    fputs("False", out);
    break;
  default:
    fputs("None", out);
  }
}

char *tr_checkpoint_json_text(const json_t *value) {
  char *text = NULL;
  size_t size = json_string_length(value);
  if (json_is_object(value) || json_is_array(value)) return NULL;
  if (json_is_string(value)) return tr_checkpoint_text(json_string_value(value), size);
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  write_value(out, value);
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

/* ---- a file of arguments ---- */

static tr_status check_entry(tr_ctx *ctx, const char *file, const char *name, const json_t *value) {
  const tr_pickle_text text = {.at = name, .size = strlen(name)};
  if (!tr_checkpoint_is_name(&text))
    return TR_FAIL(ctx, TR_E_IO, "'%s': the name \"%s\" is not 1 to %d printable ASCII characters", file,
                   TR_SHOW(name, 80), TR_MAX_TENSOR_NAME);
  if (json_is_object(value) || json_is_array(value))
    return TR_FAIL(ctx, TR_E_IO, "'%s': '%s' is an %s: use a text, a number, true, false or null", file,
                   TR_SHOW(name, 80), json_is_array(value) ? "array" : "object");
  if (json_string_length(value) > TR_MAX_ARG_TEXT)
    return TR_FAIL(ctx, TR_E_IO, "'%s': the text of '%s' has %zu bytes: use at most %d", file,
                   TR_SHOW(name, 80), json_string_length(value), TR_MAX_ARG_TEXT);
  return TR_OK;
}

/* An argument that is there already is not taken twice: the two must say the same. */
static tr_status check_same(tr_ctx *ctx, const tr_checkpoint_argument *have, const char *file,
                            const char *value) {
  if (strcmp(have->value, value) == 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "'%s' says %s = %s, but '%s' says %s: correct the one that is wrong", file,
                 TR_SHOW(have->name, 60), TR_SHOW(value, 60), have->file, TR_SHOW(have->value, 60));
}

static tr_status add_entry(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *file, const char *name,
                           const json_t *value) {
  const tr_pickle_text text = {.at = name, .size = strlen(name)};
  TR_TRY(check_entry(ctx, file, name, value));
  char *spelled = tr_checkpoint_json_text(value);
  const tr_checkpoint_argument *have = tr_checkpoint_find_arg(checkpoint, name);
  if (have && spelled) {
    tr_status status = check_same(ctx, have, file, spelled);
    free(spelled);
    return status;
  }
  TR_TRY(tr_checkpoint_add_arg(ctx, checkpoint, &text, spelled));
  checkpoint->args[checkpoint->n_args - 1].file = file;
  return TR_OK;
}

static tr_status add_entries(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *file, json_t *object) {
  const char *name;
  json_t *value;
  if (!json_is_object(object))
    return TR_FAIL(ctx, TR_E_IO, "'%s' holds an array: use one object of arguments", file);
  json_object_foreach(object, name, value) TR_TRY(add_entry(ctx, checkpoint, file, name, value));
  return TR_OK;
}

/* The checkpoint's own copy of a file's name; NULL: out of memory. */
static const char *keep_name(tr_checkpoint *checkpoint, const char *path) {
  char **names =
      realloc((void *)checkpoint->arg_files, (size_t)(checkpoint->n_arg_files + 1) * sizeof *names);
  if (!names) return NULL;
  checkpoint->arg_files = names;
  char *copy = strdup(path);
  if (copy) names[checkpoint->n_arg_files++] = copy;
  return copy;
}

static tr_status parse(tr_ctx *ctx, const tr_file_map *map, json_t **out) {
  json_error_t error;
  if (map->size > TR_MAX_ARG_FILE)
    return TR_FAIL(ctx, TR_E_IO, "'%s' has %zu bytes: a file of arguments has at most %d", map->path,
                   map->size, TR_MAX_ARG_FILE);
  if (map->size == 0)
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s' is empty: use one JSON object of arguments, such as {\"path_type\": \"GVP\"}",
                   map->path);
  *out = json_loadb((const char *)map->data, map->size, JSON_REJECT_DUPLICATES, &error);
  if (*out) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "'%s', line %d, column %d: %s", map->path, error.line, error.column,
                 error.text);
}

tr_status tr_checkpoint_read_args(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_file_map *map) {
  json_t *object;
  int before = checkpoint->n_args;
  TR_TRY(parse(ctx, map, &object));
  const char *file = keep_name(checkpoint, map->path);
  tr_status status = file ? add_entries(ctx, checkpoint, file, object)
                          : TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for arguments", map->path);
  if (status != TR_OK) tr_checkpoint_drop_args(checkpoint, before);
  json_decref(object);
  return status;
}

tr_status tr_checkpoint_add_args(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *path) {
  TR_REQUIRE(ctx, checkpoint, path);
  tr_file_map map;
  TR_TRY(tr_file_map_open(ctx, path, &map));
  tr_status status = tr_checkpoint_read_args(ctx, checkpoint, &map);
  tr_file_map_close(&map);
  return status;
}
