/* .safetensors: eight bytes with the length of a JSON header, the header, then the tensors' bytes without
 * holes. (Format: the README of huggingface/safetensors.) */
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/bytes_private.h"
#include "core/text.h"
#include "nets/checkpoint/checkpoint_private.h"

static const uint64_t max_header = 100000000; /* the format's own limit */

static bool recognises(const tr_file_map *map) {
  return map->size > 8 && map->data[8] == '{';
}

/* Where a tensor's bytes begin and end, counted from the end of the header. */
typedef struct {
  uint64_t begin, end;
  const char *name; /* borrowed from the JSON */
} extent;

#define FAIL(ctx, checkpoint, ...) fail((ctx), (checkpoint), __LINE__, __VA_ARGS__)
static tr_status fail(tr_ctx *ctx, const tr_checkpoint *checkpoint, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static tr_status fail(tr_ctx *ctx, const tr_checkpoint *checkpoint, int line, const char *format, ...) {
  char text[400]; /* names out of the JSON may hold anything */
  va_list args;
  va_start(args, format);
  tr_text_vshow(text, sizeof text, format, args);
  va_end(args);
  return tr_ctx_latch(ctx, TR_E_IO, __FILE__, line, "'%s': safetensors, %s", checkpoint->map->path, text);
}

/* Those that cannot be read are named all the same. */
static const struct {
  const char *name;
  tr_dtype type;
  size_t bytes; /* of one element */
  bool foreign;
} types[] = {{"F32", TR_F32, 4, false},   {"F64", TR_F64, 8, false},   {"F16", TR_F16, 2, false},
             {"BF16", TR_BF16, 2, false}, {"I64", TR_I64, 8, false},   {"I32", TR_I32, 4, false},
             {"I16", TR_I16, 2, false},   {"I8", TR_I8, 1, false},     {"U64", TR_U64, 8, false},
             {"U32", TR_U32, 4, false},   {"U16", TR_U16, 2, false},   {"U8", TR_U8, 1, false},
             {"BOOL", TR_BOOL, 1, false}, {"F8_E4M3", TR_U8, 1, true}, {"F8_E5M2", TR_U8, 1, true},
             {"F8_E8M0", TR_U8, 1, true}, {"C64", TR_U8, 8, true}};

const char *tr_safetensors_type(tr_dtype dtype) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].type == dtype && !types[i].foreign) return types[i].name;
  return NULL;
}

/* Fills in the element type; *bytes: of one element. */
static bool read_type(const char *name, tr_tensor *tensor, size_t *bytes) {
  for (size_t i = 0; name && i < sizeof types / sizeof *types; i++) {
    if (strcmp(name, types[i].name) != 0) continue;
    tensor->dtype = types[i].type;
    tensor->foreign = types[i].foreign ? types[i].name : NULL;
    *bytes = types[i].bytes;
    return true;
  }
  return false;
}

/* Shape, row-major strides and count. */
static tr_status read_shape(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *name,
                            const json_t *shape, tr_tensor *tensor) {
  if (!json_is_array(shape) || json_array_size(shape) > TR_MAX_DIMS)
    return FAIL(ctx, checkpoint, "tensor '%s': its shape is no array of at most %d extents", name,
                TR_MAX_DIMS);
  tensor->ndim = (int)json_array_size(shape);
  uint64_t count = 1;
  for (int i = tensor->ndim - 1; i >= 0; i--) {
    const json_t *entry = json_array_get(shape, (size_t)i);
    json_int_t value = json_integer_value(entry);
    if (!json_is_integer(entry) || value < 0)
      return FAIL(ctx, checkpoint, "tensor '%s': its shape holds something else than integers of at least 0",
                  name);
    tensor->shape[i] = value;
    tensor->stride[i] = (int64_t)count;
    if (!tr_mul_u64(count, (uint64_t)value, &count) || count > INT64_MAX / 8)
      return FAIL(ctx, checkpoint, "tensor '%s': its shape overflows", name);
  }
  tensor->count = (int64_t)count;
  return TR_OK;
}

static tr_status read_offsets(tr_ctx *ctx, const tr_checkpoint *checkpoint, uint64_t data_size,
                              const json_t *offsets, const tr_tensor *tensor, size_t bytes, extent *where) {
  const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
      json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
    return FAIL(ctx, checkpoint, "tensor '%s': its data_offsets are not two integers in order", where->name);
  where->begin = (uint64_t)json_integer_value(begin);
  where->end = (uint64_t)json_integer_value(end);
  if (where->end > data_size)
    return FAIL(ctx, checkpoint, "tensor '%s' ends at byte %" PRIu64 " of %" PRIu64 ": truncated?",
                where->name, where->end, data_size);
  uint64_t size = 0;
  if (!tr_mul_u64((uint64_t)tensor->count, bytes, &size) || where->end - where->begin != size)
    return FAIL(ctx, checkpoint, "tensor '%s' has %" PRIu64 " bytes, but its type and shape need %" PRIu64,
                where->name, where->end - where->begin, size);
  return TR_OK;
}

static tr_status read_tensor(tr_ctx *ctx, const tr_checkpoint *checkpoint, const tr_file_map *data,
                             const json_t *json, tr_weight_set *set, extent *where) {
  tr_tensor tensor = {0};
  size_t bytes;
  const char *type = json_string_value(json_object_get(json, "dtype")), *name = where->name;
  if (!json_is_object(json) || json_object_size(json) != 3)
    return FAIL(ctx, checkpoint, "tensor '%s' is not described by dtype, shape and data_offsets", name);
  if (!read_type(type, &tensor, &bytes))
    return FAIL(ctx, checkpoint, "tensor '%s' is of the type '%s', which is not supported", name,
                type ? type : "(none)");
  TR_TRY(read_shape(ctx, checkpoint, name, json_object_get(json, "shape"), &tensor));
  TR_TRY(read_offsets(ctx, checkpoint, data->size, json_object_get(json, "data_offsets"), &tensor, bytes,
                      where));
  tensor.data = tensor.foreign ? NULL : data->data + where->begin;
  const tr_pickle_text text = {.at = name, .size = strlen(name)};
  return tr_weight_set_add(ctx, checkpoint, set, &text, &tensor, NULL);
}

static tr_status read_metadata(tr_ctx *ctx, tr_checkpoint *checkpoint, json_t *metadata) {
  const char *name;
  json_t *value;
  if (!json_is_object(metadata)) return FAIL(ctx, checkpoint, "__metadata__ is no object");
  json_object_foreach(metadata, name, value) {
    if (!json_is_string(value)) return FAIL(ctx, checkpoint, "__metadata__ holds something else than texts");
    const tr_pickle_text text = {.at = name, .size = strlen(name)};
    TR_TRY(tr_checkpoint_add_arg(ctx, checkpoint, &text, tr_checkpoint_json_text(value)));
  }
  return TR_OK;
}

static int compare_extents(const void *a, const void *b) {
  const extent *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

/* Every byte of the data belongs to one tensor. */
static tr_status check_extents(tr_ctx *ctx, const tr_checkpoint *checkpoint, uint64_t data_size,
                               extent *extents, size_t n) {
  qsort(extents, n, sizeof *extents, compare_extents);
  uint64_t end = 0;
  for (size_t i = 0; i < n; i++) {
    if (extents[i].begin != end)
      return FAIL(ctx, checkpoint,
                  "tensor '%s' begins at byte %" PRIu64 ", %s (the data before it ends at %" PRIu64 ")",
                  extents[i].name, extents[i].begin,
                  extents[i].begin < end ? "inside another" : "after a hole", end);
    end = extents[i].end;
  }
  if (end != data_size)
    return FAIL(ctx, checkpoint, "%" PRIu64 " bytes after the last tensor belong to none", data_size - end);
  return TR_OK;
}

static tr_status read_header(tr_ctx *ctx, tr_checkpoint *checkpoint, const tr_file_map *data, json_t *header,
                             extent *extents) {
  tr_weight_set *set = tr_checkpoint_add_set(checkpoint, "weights");
  if (!set) return TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for its weights", checkpoint->map->path);
  const char *name;
  json_t *value;
  size_t n = 0;
  json_object_foreach(header, name, value) {
    if (strcmp(name, "__metadata__") == 0) {
      TR_TRY(read_metadata(ctx, checkpoint, value));
      continue;
    }
    extents[n].name = name;
    TR_TRY(read_tensor(ctx, checkpoint, data, value, set, &extents[n++]));
  }
  return check_extents(ctx, checkpoint, data->size, extents, n);
}

static tr_status read(tr_ctx *ctx, tr_checkpoint *checkpoint) {
  const tr_file_map *map = checkpoint->map;
  uint64_t length = tr_le64(map->data);
  if (length > max_header || !tr_range_inside(8, length, map->size))
    return FAIL(ctx, checkpoint, "offset 0: a header of %" PRIu64 " bytes does not fit into a file of %zu",
                length, map->size);
  json_error_t error;
  json_t *header = json_loadb((const char *)map->data + 8, (size_t)length, JSON_REJECT_DUPLICATES, &error);
  if (!header)
    return FAIL(ctx, checkpoint, "offset %d: the header is no JSON: %s", error.position + 8, error.text);
  const tr_file_map data = {.data = map->data + 8 + length, .size = map->size - 8 - (size_t)length};
  extent *extents = calloc(json_object_size(header) + 1, sizeof *extents);
  tr_status status = !extents ? TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for its header", map->path)
                     : !json_is_object(header) ? FAIL(ctx, checkpoint, "the header is no object")
                                               : read_header(ctx, checkpoint, &data, header, extents);
  free(extents);
  json_decref(header);
  return status;
}

const tr_checkpoint_format_reader tr_safetensors_reader = {
    .name = "safetensors", .recognises = recognises, .read = read};
