/* Arguments of a checkpoint as texts: of a pickle, of JSON, and those in a file of their own. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/require_private.h"
#include "core/text.h"
#include "core/text/lines_private.h"
#include "nets/checkpoint/checkpoint_private.h"

/* ---- values of a pickle ---- */

static void write_any(FILE *out, const tr_value *value, int depth);

/* Lists may hold themselves or share their items: depth and length are bounded. */
static void write_items(FILE *out, const tr_value *sequence, const char *ends, int depth) {
  fputc(ends[0], out);
  for (size_t i = 0; i < sequence->as.sequence.n; i++) {
    if (i > 0) fputs(", ", out);
    if (depth == 0 || ftell(out) > TR_MAX_ARG_TEXT) {
      fputs("...", out);
      break;
    }
    write_any(out, sequence->as.sequence.items[i], depth - 1);
  }
  fputc(ends[1], out);
}

/* A path as it is, anything else as a call. */
static void write_object(FILE *out, const tr_pickle_object *object, int depth) {
  const tr_value *arguments = object->arguments;
  bool path = strncmp(object->made_by, "pathlib.", 8) == 0 && arguments;
  for (size_t i = 0; path && i < arguments->as.sequence.n; i++) {
    const tr_value *part = arguments->as.sequence.items[i],
                   *before = i ? arguments->as.sequence.items[i - 1] : NULL;
    bool root = before && before->kind == TR_P_TEXT && tr_text_equals(&before->as.text, "/");
    if (i > 0 && !root) fputc('/', out);
    write_any(out, part, 0);
  }
  if (path) return;
  fputs(object->made_by, out);
  if (arguments && arguments->as.sequence.n > 0)
    write_items(out, arguments, "()", depth);
  else
    fputs("()", out);
}

static void write_some(FILE *out, const tr_pickle_text *text) {
  fwrite(text->at, 1, text->size < TR_MAX_ARG_TEXT ? text->size : TR_MAX_ARG_TEXT, out);
}

static void write_any(FILE *out, const tr_value *value, int depth) {
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
    if (value->as.text.size) write_some(out, &value->as.text);
    break;
  case TR_P_NAME:
    fputs(value->as.name, out);
    break;
  case TR_P_LIST:
    write_items(out, value, "[]", depth);
    break;
  case TR_P_TUPLE:
    write_items(out, value, "()", depth);
    break;
  case TR_P_SET:
    write_items(out, value, "{}", depth);
    break;
  case TR_P_OBJECT:
    write_object(out, value->as.object, depth);
    break;
  default: { /* nothing that a command line could have given */
    static const char *const what[] = {[TR_P_BYTES] = "bytes",
                                       [TR_P_DICT] = "dict",
                                       [TR_P_STORAGE] = "storage",
                                       [TR_P_TENSOR] = "tensor",
                                       [TR_P_BIG] = "a large integer"};
    fprintf(out, "<%s>", what[value->kind]);
  }
  }
}

/* What was written as one line of text. */
static char *line_of(char *raw, size_t size) {
  char *text = raw ? tr_checkpoint_text(raw, size) : NULL;
  free(raw);
  return text;
}

char *tr_checkpoint_value_text(const tr_value *value) {
  char *raw = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&raw, &size);
  if (!out) return NULL;
  write_any(out, value, 3);
  if (fclose(out) == 0) return line_of(raw, size);
  free(raw);
  return NULL;
}

/* ---- values of JSON ---- */

static void write_json(FILE *out, const json_t *value);

/* As a list of a pickle is written. */
static void write_array(FILE *out, const json_t *array) {
  const json_t *item;
  size_t i;
  fputc('[', out);
  json_array_foreach(array, i, item) {
    if (i > 0) fputs(", ", out);
    write_json(out, item);
  }
  fputc(']', out);
}

static void write_members(FILE *out, json_t *object) {
  const char *name;
  json_t *member;
  bool first = true;
  fputc('{', out);
  json_object_foreach(object, name, member) {
    fprintf(out, "%s%s: ", first ? "" : ", ", name);
    first = false;
    write_json(out, member);
  }
  fputc('}', out);
}

static void write_json(FILE *out, const json_t *value) {
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
  case JSON_STRING:
    fwrite(json_string_value(value), 1, json_string_length(value), out);
    break;
  case JSON_NULL:
    fputs("None", out);
    break;
  case JSON_ARRAY:
    write_array(out, value);
    break;
  case JSON_OBJECT:
    write_members(out, (json_t *)(uintptr_t)value); /* what iterates takes no const */
  }
}

char *tr_checkpoint_json_text(const json_t *value) {
  char *raw = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&raw, &size);
  if (!out) return NULL;
  write_json(out, value);
  if (fclose(out) == 0) return line_of(raw, size);
  free(raw);
  return NULL;
}

/* ---- a file of arguments ---- */

static tr_status check_entry(tr_ctx *ctx, const char *file, const char *name, const json_t *value) {
  const tr_pickle_text text = {.at = name, .size = strlen(name)};
  if (!tr_checkpoint_is_name(&text))
    return TR_FAIL(ctx, TR_E_IO, "'%s': the name \"%s\" is not 1 to %d printable ASCII characters", file,
                   TR_SHOW(name, 80), TR_MAX_TENSOR_NAME);
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

tr_status tr_checkpoint_parse_json(tr_ctx *ctx, const tr_file_map *map, json_t **out) {
  json_error_t error;
  if (map->size > TR_MAX_ARG_FILE)
    return TR_FAIL(ctx, TR_E_IO, "'%s' has %zu bytes: a file of arguments has at most %d", map->path,
                   map->size, TR_MAX_ARG_FILE);
  if (map->size == 0)
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s' is empty: use one JSON object of arguments, such as {\"path_type\": \"GVP\"}",
                   map->path);
  const size_t skip = tr_byte_order_mark((const char *)map->data, map->size);
  *out = json_loadb((const char *)map->data + skip, map->size - skip, JSON_REJECT_DUPLICATES, &error);
  if (*out) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "'%s', line %d, column %d: %s", map->path, error.line, error.column,
                 error.text);
}

tr_status tr_checkpoint_read_args(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_file_map *map) {
  json_t *object;
  int before = checkpoint->n_args;
  TR_TRY(tr_checkpoint_parse_json(ctx, map, &object));
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

tr_status tr_checkpoint_add_args_beside(tr_ctx *ctx, tr_checkpoint *checkpoint, const char *path,
                                        char **beside) {
  static const char ending[] = ".json";
  struct stat info;
  const size_t size = strlen(path) + sizeof ending;
  *beside = NULL;
  char *name = malloc(size);
  if (!name) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the name of '%s%s'", path, ending);
  snprintf(name, size, "%s%s", path, ending);
  if (lstat(name, &info) != 0) {
    free(name);
    return TR_OK;
  }
  *beside = name;
  return tr_checkpoint_add_args(ctx, checkpoint, name);
}
