/* Storages and tensors of a pickle. */
#include <inttypes.h>

#include "core/io/bytes_private.h"
#include "nets/checkpoint/pickle_machine_private.h"

/* ---- storages ---- */

tr_status tr_pickle_persistent(tr_pickle_machine *machine, const tr_value *id, tr_value **out) {
  const tr_value *first = tr_pickle_is(id, TR_P_TUPLE) ? tr_pickle_item(id, 0) : NULL;
  if (!tr_pickle_is(first, TR_P_TEXT) || !tr_text_equals(&first->as.text, "storage"))
    return tr_pickle_fail(machine, "a persistent id is not that of a storage");
  const tr_value *class = tr_pickle_item(id, 1), *key = tr_pickle_item(id, 2), *count = tr_pickle_item(id, 4),
                 *view = tr_pickle_item(id, 5);
  if (!tr_pickle_is(class, TR_P_NAME) || !tr_pickle_is(key, TR_P_TEXT) || !tr_pickle_is(count, TR_P_INT))
    return tr_pickle_fail(machine, "the id of a storage lacks its class, key or size");
  if (count->as.integer < 0)
    return tr_pickle_fail(machine, "a storage of %" PRId64 " elements makes no sense", count->as.integer);
  if (view && !tr_pickle_is(view, TR_P_NONE))
    return tr_pickle_fail(machine,
                          "a storage is a view of another, which PyTorch wrote before 0.4: not supported");
  const tr_pickle_name *known = tr_pickle_name_of(class);
  if (known && !known->is_storage)
    return tr_pickle_fail(machine, "%s is named as the class of a storage", known->full);
  tr_pickle_storage *storage = tr_pickle_allocate(machine, sizeof *storage);
  if (!storage || !(*out = tr_pickle_value(machine, TR_P_STORAGE))) return TR_E_MEM;
  *storage = (tr_pickle_storage){.class = class->as.name,
                                 .known = known && known->known,
                                 .dtype = known ? known->dtype : TR_U8,
                                 .element = known ? known->element : 0,
                                 .key = key->as.text,
                                 .count = count->as.integer,
                                 .next = machine->storages};
  machine->storages = storage;
  (*out)->as.storage = storage;
  return TR_OK;
}

/* ---- tensors ---- */

/* Copies a tuple of at most TR_MAX_DIMS non-negative integers into out. */
static tr_status read_extents(tr_pickle_machine *machine, const tr_value *tuple, const char *what, int *n,
                              int64_t *out) {
  *n = (int)tuple->as.sequence.n;
  for (int i = 0; i < *n; i++) {
    const tr_value *entry = tuple->as.sequence.items[i];
    if (!tr_pickle_is(entry, TR_P_INT))
      return tr_pickle_fail(machine, "the %s of a tensor holds something else than integers", what);
    if (entry->as.integer < 0)
      return tr_pickle_fail(machine, "the %s of a tensor holds %" PRId64 ", which is negative", what,
                            entry->as.integer);
    out[i] = entry->as.integer;
  }
  return TR_OK;
}

/* Fills in the number of elements, and checks that the last one lies within `room` elements. */
static tr_status check_extent(tr_pickle_machine *machine, tr_pickle_tensor *tensor, int64_t room) {
  const uint64_t limit = INT64_MAX / 8; /* so that byte counts fit too */
  uint64_t count = 1, last = (uint64_t)tensor->offset;
  bool fits = last <= limit;
  for (int i = 0; i < tensor->ndim; i++) {
    uint64_t step = 0, extent = (uint64_t)tensor->shape[i];
    fits = fits && tr_mul_u64(count, extent, &count) && count <= limit;
    if (extent > 0)
      fits = fits && tr_mul_u64(extent - 1, (uint64_t)tensor->stride[i], &step) && step <= limit - last;
    if (fits) last += step;
  }
  if (!fits) return tr_pickle_fail(machine, "the shape or stride of a tensor overflows");
  tensor->count = (int64_t)count;
  uint64_t needed = count > 0 ? last + 1 : (uint64_t)tensor->offset;
  if (needed > (uint64_t)room)
    return tr_pickle_fail(machine, "a tensor needs %" PRIu64 " elements, but its storage has %" PRId64,
                          needed, room);
  return TR_OK;
}

static tr_status fill_tensor(tr_pickle_machine *machine, const tr_value *arguments, int64_t room,
                             tr_pickle_tensor *tensor) {
  int strides = 0;
  const tr_value *shape = tr_pickle_item(arguments, 2), *stride = tr_pickle_item(arguments, 3);
  TR_TRY(read_extents(machine, shape, "shape", &tensor->ndim, tensor->shape));
  TR_TRY(read_extents(machine, stride, "stride", &strides, tensor->stride));
  if (strides != tensor->ndim)
    return tr_pickle_fail(machine, "a tensor of %d dimensions has %d strides", tensor->ndim, strides);
  return check_extent(machine, tensor, room);
}

/* What is to be known of its elements. */
typedef struct {
  tr_dtype dtype;
  const char *foreign;
  size_t element;
} element_type;

/* (storage, offset, shape, stride, ...). One of more dimensions than an array has stays an object. */
static tr_status make_tensor(tr_pickle_machine *machine, const tr_value *arguments, const element_type *type,
                             tr_value **out) {
  const tr_pickle_storage *storage = arguments->as.sequence.items[0]->as.storage;
  for (size_t i = 2; i < 4; i++) {
    const char *what = i == 2 ? "shape" : "stride";
    const tr_value *tuple = tr_pickle_item(arguments, i);
    if (!tr_pickle_is(tuple, TR_P_TUPLE))
      return tr_pickle_fail(machine, "the %s of a tensor is not a tuple", what);
    if (tuple->as.sequence.n > TR_MAX_DIMS) return tr_pickle_object_of(machine, NULL, arguments, out);
  }
  tr_pickle_tensor *tensor = tr_pickle_allocate(machine, sizeof *tensor);
  if (!tensor) return TR_E_MEM;
  *tensor = (tr_pickle_tensor){.storage = storage,
                               .dtype = type->dtype,
                               .foreign = type->foreign,
                               .offset = arguments->as.sequence.items[1]->as.integer};
  /* in elements of its own: an untyped storage counts bytes */
  int64_t room = storage->element == type->element || !storage->element ? storage->count
                 : storage->element == 1 ? storage->count / (int64_t)type->element
                                         : -1;
  if (room < 0) return tr_pickle_fail(machine, "a tensor has another element type than its storage");
  TR_TRY(fill_tensor(machine, arguments, room, tensor));
  if (!(*out = tr_pickle_value(machine, TR_P_TENSOR))) return TR_E_MEM;
  (*out)->as.tensor = tensor;
  return TR_OK;
}

static tr_status check_head(tr_pickle_machine *machine, const tr_value *arguments) {
  const tr_value *storage = tr_pickle_item(arguments, 0), *offset = tr_pickle_item(arguments, 1);
  if (tr_pickle_is(storage, TR_P_STORAGE) && tr_pickle_is(offset, TR_P_INT) && offset->as.integer >= 0)
    return TR_OK;
  return tr_pickle_fail(machine, "a tensor is made without a storage and an offset in it");
}

/* (storage, offset, shape, stride, requires_grad, hooks[, metadata]); the tail does not concern the numbers.
 */
tr_status tr_pickle_rebuild_tensor(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  TR_TRY(check_head(machine, arguments));
  const tr_pickle_storage *storage = arguments->as.sequence.items[0]->as.storage;
  const element_type type = {storage->dtype, storage->known ? NULL : "elements of a type that is not known",
                             storage->element};
  return make_tensor(machine, arguments, &type, out);
}

/* (storage, offset, shape, stride, requires_grad, hooks, element type[, metadata]), the storage untyped. */
tr_status tr_pickle_rebuild_typed(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  TR_TRY(check_head(machine, arguments));
  const tr_value *named = tr_pickle_item(arguments, 6);
  const tr_pickle_name *name = named ? tr_pickle_name_of(named) : NULL;
  if (!name || !name->is_type) return tr_pickle_object_of(machine, named, arguments, out);
  const element_type type = {name->dtype, name->known ? NULL : name->full, name->element};
  return make_tensor(machine, arguments, &type, out);
}

/* (function, class, arguments, state): what the function makes of the arguments, one of those above. */
tr_status tr_pickle_rebuild_subclass(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *function = tr_pickle_item(arguments, 0), *inner = tr_pickle_item(arguments, 2);
  const tr_pickle_name *name = function ? tr_pickle_name_of(function) : NULL;
  bool tensor = name && (name->call == tr_pickle_rebuild_tensor || name->call == tr_pickle_rebuild_typed);
  if (!tensor || !tr_pickle_is(inner, TR_P_TUPLE)) return tr_pickle_object_of(machine, function, inner, out);
  return name->call(machine, inner, out);
}

/* (tensor, requires_grad, hooks[, state]): the tensor. */
tr_status tr_pickle_rebuild_parameter(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *data = tr_pickle_item(arguments, 0);
  if (tr_pickle_is(data, TR_P_OBJECT)) return tr_pickle_object_of(machine, data, arguments, out);
  if (!tr_pickle_is(data, TR_P_TENSOR))
    return tr_pickle_fail(machine, "a parameter is made without a tensor");
  if (!(*out = tr_pickle_value(machine, TR_P_TENSOR))) return TR_E_MEM;
  (*out)->as.tensor = data->as.tensor;
  return TR_OK;
}
