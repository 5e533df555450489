/* The closed list of names a checkpoint's pickle may use, and what each builds. */
#include <inttypes.h>
#include <string.h>

#include "core/io/bytes_private.h"
#include "nets/checkpoint/pickle_machine_private.h"

/* ---- tensors ---- */

static const tr_value *item(const tr_value *sequence, size_t i) {
  return i < sequence->as.sequence.n ? sequence->as.sequence.items[i] : NULL;
}

static bool is(const tr_value *value, tr_pickle_kind kind) {
  return value && value->kind == kind;
}

/* Copies a tuple of non-negative integers into out. */
static tr_status read_extents(tr_pickle_machine *machine, const tr_value *tuple, const char *what, int *n,
                              int64_t *out) {
  if (!is(tuple, TR_P_TUPLE)) return tr_pickle_fail(machine, "the %s of a tensor is not a tuple", what);
  if (tuple->as.sequence.n > TR_MAX_DIMS)
    return tr_pickle_fail(machine, "a tensor has a %s of %zu entries; at most %d are supported", what,
                          tuple->as.sequence.n, TR_MAX_DIMS);
  *n = (int)tuple->as.sequence.n;
  for (int i = 0; i < *n; i++) {
    const tr_value *entry = tuple->as.sequence.items[i];
    if (!is(entry, TR_P_INT))
      return tr_pickle_fail(machine, "the %s of a tensor holds something else than integers", what);
    if (entry->as.integer < 0)
      return tr_pickle_fail(machine, "the %s of a tensor holds %" PRId64 ", which is negative", what,
                            entry->as.integer);
    out[i] = entry->as.integer;
  }
  return TR_OK;
}

/* Fills in the number of elements, and checks that the last one lies inside the storage. */
static tr_status check_extent(tr_pickle_machine *machine, tr_pickle_tensor *tensor) {
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
  if (needed > (uint64_t)tensor->storage->count)
    return tr_pickle_fail(machine, "a tensor needs %" PRIu64 " elements, but its storage has %" PRId64,
                          needed, tensor->storage->count);
  return TR_OK;
}

/* (storage, offset, shape, stride, requires_grad, hooks[, metadata]); the tail does not concern the numbers.
 */
static tr_status rebuild_tensor(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *storage = item(arguments, 0), *offset = item(arguments, 1);
  int strides = 0;
  if (!is(storage, TR_P_STORAGE) || !is(offset, TR_P_INT) || offset->as.integer < 0)
    return tr_pickle_fail(machine, "a tensor is made without a storage and an offset in it");
  tr_pickle_tensor *tensor = tr_pickle_allocate(machine, sizeof *tensor);
  if (!tensor) return TR_E_MEM;
  *tensor = (tr_pickle_tensor){.storage = storage->as.storage, .offset = offset->as.integer};
  TR_TRY(read_extents(machine, item(arguments, 2), "shape", &tensor->ndim, tensor->shape));
  TR_TRY(read_extents(machine, item(arguments, 3), "stride", &strides, tensor->stride));
  if (strides != tensor->ndim)
    return tr_pickle_fail(machine, "a tensor of %d dimensions has %d strides", tensor->ndim, strides);
  TR_TRY(check_extent(machine, tensor));
  if (!(*out = tr_pickle_value(machine, TR_P_TENSOR))) return TR_E_MEM;
  (*out)->as.tensor = tensor;
  return TR_OK;
}

/* (tensor, requires_grad, hooks[, state]): the tensor. */
static tr_status rebuild_parameter(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *tensor = item(arguments, 0);
  if (!is(tensor, TR_P_TENSOR)) return tr_pickle_fail(machine, "a parameter is made without a tensor");
  if (!(*out = tr_pickle_value(machine, TR_P_TENSOR))) return TR_E_MEM;
  (*out)->as.tensor = tensor->as.tensor;
  return TR_OK;
}

tr_status tr_pickle_persistent(tr_pickle_machine *machine, const tr_value *id, tr_value **out) {
  if (!is(id, TR_P_TUPLE) || !is(item(id, 0), TR_P_TEXT) || !tr_text_equals(&item(id, 0)->as.text, "storage"))
    return tr_pickle_fail(machine, "a persistent id is not that of a storage");
  const tr_pickle_name *class = item(id, 1) ? tr_pickle_name_of(item(id, 1)) : NULL;
  const tr_value *key = item(id, 2), *count = item(id, 4), *view = item(id, 5);
  if (!class || !class->is_storage || !is(key, TR_P_TEXT) || !is(count, TR_P_INT))
    return tr_pickle_fail(machine, "the id of a storage lacks its class, key or size");
  if (count->as.integer < 0)
    return tr_pickle_fail(machine, "a storage of %" PRId64 " elements makes no sense", count->as.integer);
  if (view && !is(view, TR_P_NONE))
    return tr_pickle_fail(machine,
                          "a storage is a view of another, which PyTorch wrote before 0.4: not supported");
  tr_pickle_storage *storage = tr_pickle_allocate(machine, sizeof *storage);
  if (!storage || !(*out = tr_pickle_value(machine, TR_P_STORAGE))) return TR_E_MEM;
  *storage = (tr_pickle_storage){.dtype = class->storage_dtype,
                                 .key = key->as.text,
                                 .count = count->as.integer,
                                 .next = machine->storages};
  machine->storages = storage;
  (*out)->as.storage = storage;
  return TR_OK;
}

/* ---- containers and plain things ---- */

static tr_status make_dict(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  if (arguments->as.sequence.n != 0) return tr_pickle_fail(machine, "OrderedDict is called with arguments");
  return (*out = tr_pickle_value(machine, TR_P_DICT)) ? TR_OK : TR_E_MEM;
}

/* torch.Size((2, 3)) is the tuple, torch.device("cuda", 0) the tuple of its arguments. */
static tr_status make_tuple(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *only = item(arguments, 0);
  if (!(*out = tr_pickle_value(machine, TR_P_TUPLE))) return TR_E_MEM;
  (*out)->as.sequence =
      is(only, TR_P_TUPLE) && arguments->as.sequence.n == 1 ? only->as.sequence : arguments->as.sequence;
  return TR_OK;
}

#define NAMED(m, n) .module = m, .name = n, .full = m "." n
#define STORAGE(n, dtype)                                                                                    \
  { NAMED("torch", n), .is_storage = true, .storage_dtype = dtype }

static const tr_pickle_name names[] = {
    {NAMED("collections", "OrderedDict"), .call = make_dict},
    {NAMED("argparse", "Namespace"), .makes_namespace = true},
    {NAMED("torch._utils", "_rebuild_tensor"), .call = rebuild_tensor},
    {NAMED("torch._utils", "_rebuild_tensor_v2"), .call = rebuild_tensor},
    {NAMED("torch._utils", "_rebuild_parameter"), .call = rebuild_parameter},
    {NAMED("torch._utils", "_rebuild_parameter_with_state"), .call = rebuild_parameter},
    STORAGE("FloatStorage", TR_F32),
    STORAGE("DoubleStorage", TR_F64),
    STORAGE("HalfStorage", TR_F16),
    STORAGE("BFloat16Storage", TR_BF16),
    STORAGE("LongStorage", TR_I64),
    STORAGE("IntStorage", TR_I32),
    STORAGE("ByteStorage", TR_U8),
    STORAGE("BoolStorage", TR_BOOL),
    {NAMED("numpy", "dtype"), .makes_opaque = true},
    {NAMED("numpy.core.multiarray", "scalar"), .makes_opaque = true},
    {NAMED("numpy._core.multiarray", "scalar"), .makes_opaque = true},
    {NAMED("_codecs", "encode"), .makes_opaque = true}, /* bytes, under protocol 2 */
    {NAMED("torch", "Size"), .call = make_tuple},
    {NAMED("torch", "device"), .call = make_tuple},
    {NAMED("torch", "float32")},
    {NAMED("torch", "float64")},
    {NAMED("torch", "float16")},
    {NAMED("torch", "bfloat16")},
    {NAMED("torch", "int64")},
    {NAMED("torch", "int32")},
    {NAMED("torch", "uint8")},
    {NAMED("torch", "bool")},
};
enum { NAMES = sizeof names / sizeof *names };

const tr_pickle_name *tr_pickle_find_name(const tr_pickle_text *module, const tr_pickle_text *name) {
  for (int i = 0; i < NAMES; i++)
    if (tr_text_equals(module, names[i].module) && tr_text_equals(name, names[i].name)) return &names[i];
  return NULL;
}

const tr_pickle_name *tr_pickle_name_of(const tr_value *value) {
  for (int i = 0; i < NAMES && value->kind == TR_P_NAME; i++)
    if (value->as.name == names[i].full) return &names[i];
  return NULL;
}
