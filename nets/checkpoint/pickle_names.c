/* The names of a pickle that are understood, and what each builds; any other makes an object. */
#include <string.h>

#include "core/io/bytes_private.h"
#include "nets/checkpoint/pickle_machine_private.h"

const tr_value *tr_pickle_item(const tr_value *sequence, size_t i) {
  return sequence && i < sequence->as.sequence.n ? sequence->as.sequence.items[i] : NULL;
}

bool tr_pickle_is(const tr_value *value, tr_pickle_kind kind) {
  return value && value->kind == kind;
}

/* ---- containers ---- */

/* The pairs of a dict, in a dict of their own. */
static tr_status copy_pairs(tr_pickle_machine *machine, const tr_value *from, tr_value *to) {
  return tr_pickle_extend(machine, to, from->as.sequence.items, 2 * from->as.sequence.n);
}

/* The pairs of a list of pairs. */
static tr_status gather_pairs(tr_pickle_machine *machine, const tr_value *list, tr_value *to) {
  for (size_t i = 0; i < list->as.sequence.n; i++) {
    const tr_value *pair = list->as.sequence.items[i];
    bool right = tr_pickle_is(pair, TR_P_LIST) || tr_pickle_is(pair, TR_P_TUPLE);
    if (!right || pair->as.sequence.n != 2)
      return tr_pickle_fail(machine, "a dict is made of something that is no pair");
    TR_TRY(tr_pickle_extend(machine, to, pair->as.sequence.items, 2));
  }
  return TR_OK;
}

/* A dict of nothing, of a dict, or of a list of pairs. */
static tr_status dict_of(tr_pickle_machine *machine, const tr_value *from, const char *name, tr_value **out) {
  if (!(*out = tr_pickle_value(machine, TR_P_DICT))) return TR_E_MEM;
  if (!from) return TR_OK;
  if (from->kind == TR_P_DICT) return copy_pairs(machine, from, *out);
  if (from->kind == TR_P_LIST) return gather_pairs(machine, from, *out);
  return tr_pickle_fail(machine, "%s is called with arguments that make no dict", name);
}

static tr_status make_dict(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  return dict_of(machine, tr_pickle_item(arguments, 0), "OrderedDict or Counter", out);
}

/* What makes the missing values comes first. */
static tr_status make_default_dict(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  return dict_of(machine, tr_pickle_item(arguments, 1), "defaultdict", out);
}

/* torch.Size((2, 3)) is the tuple, torch.device("cuda", 0) the tuple of its arguments. */
static tr_status make_tuple(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *only = tr_pickle_item(arguments, 0);
  if (!(*out = tr_pickle_value(machine, TR_P_TUPLE))) return TR_E_MEM;
  (*out)->as.sequence = tr_pickle_is(only, TR_P_TUPLE) && arguments->as.sequence.n == 1
                            ? only->as.sequence
                            : arguments->as.sequence;
  return TR_OK;
}

static tr_status make_set(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *items = tr_pickle_item(arguments, 0);
  if (!(*out = tr_pickle_value(machine, TR_P_SET))) return TR_E_MEM;
  if (tr_pickle_is(items, TR_P_LIST) || tr_pickle_is(items, TR_P_TUPLE))
    return tr_pickle_extend(machine, *out, items->as.sequence.items, items->as.sequence.n);
  return TR_OK;
}

/* The way of protocols 0 and 1 to make an instance: (class, base, state of the base). */
static tr_status reconstruct(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  return tr_pickle_object_of(machine, tr_pickle_item(arguments, 0), NULL, out);
}

/* ---- numbers of NumPy ---- */

/* (text, "latin1"): the bytes whose numbers are those of the characters; so protocol 2 writes bytes. */
static tr_status encode(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *text = tr_pickle_item(arguments, 0), *code = tr_pickle_item(arguments, 1);
  if (!tr_pickle_is(text, TR_P_TEXT) || !tr_pickle_is(code, TR_P_TEXT) ||
      !tr_text_equals(&code->as.text, "latin1"))
    return tr_pickle_object_of(machine, NULL, arguments, out);
  const tr_pickle_text *from = &text->as.text;
  char *bytes = tr_pickle_allocate(machine, from->size + 1);
  if (!bytes || !(*out = tr_pickle_value(machine, TR_P_BYTES))) return TR_E_MEM;
  size_t n = 0;
  for (size_t i = 0; i < from->size; i++) {
    unsigned char c = (unsigned char)from->at[i];
    bool two = (c == 0xc2 || c == 0xc3) && i + 1 < from->size && (from->at[i + 1] & 0xc0) == 0x80;
    if (c >= 0x80 && !two) return tr_pickle_object_of(machine, NULL, arguments, out);
    bytes[n++] = two ? (char)(unsigned char)((c & 3) << 6 | (from->at[++i] & 0x3f)) : (char)c;
  }
  (*out)->as.text = (tr_pickle_text){.at = bytes, .size = n};
  return TR_OK;
}

/* The element type of a numpy.dtype("<f8", ...); false: another one. */
static bool numpy_type(const tr_value *dtype, tr_dtype *type) {
  static const struct {
    const char *code;
    tr_dtype type;
  } types[] = {{"f4", TR_F32}, {"f8", TR_F64}, {"f2", TR_F16}, {"i1", TR_I8},
               {"i2", TR_I16}, {"i4", TR_I32}, {"i8", TR_I64}, {"u1", TR_U8},
               {"u2", TR_U16}, {"u4", TR_U32}, {"u8", TR_U64}, {"b1", TR_BOOL}};
  if (!tr_pickle_is(dtype, TR_P_OBJECT) || strcmp(dtype->as.object->made_by, "numpy.dtype") != 0)
    return false;
  const tr_value *code = tr_pickle_item(dtype->as.object->arguments, 0), *state = dtype->as.object->state;
  const tr_value *order = tr_pickle_is(state, TR_P_TUPLE) ? tr_pickle_item(state, 1) : NULL;
  if (!tr_pickle_is(code, TR_P_TEXT)) return false;
  if (tr_pickle_is(order, TR_P_TEXT) && tr_text_equals(&order->as.text, ">")) return false;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (!tr_text_equals(&code->as.text, types[i].code)) continue;
    *type = types[i].type;
    return true;
  }
  return false;
}

/* (dtype, bytes): a number. */
static tr_status numpy_scalar(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out) {
  const tr_value *bytes = tr_pickle_item(arguments, 1);
  tr_dtype type;
  if (!numpy_type(tr_pickle_item(arguments, 0), &type) || !tr_pickle_is(bytes, TR_P_BYTES) ||
      bytes->as.text.size != tr_dtype_size(type))
    return tr_pickle_object_of(machine, NULL, arguments, out);
  uint64_t bits = 0;
  for (size_t i = tr_dtype_size(type); i-- > 0;) bits = bits << 8 | (unsigned char)bytes->as.text.at[i];
  double real = 0;
  tr_dtype_to_f64(type, 1, bytes->as.text.at, &real);
  const bool whole = tr_dtype_is_integer(type) && !(type == TR_U64 && bits > INT64_MAX);
  *out = tr_pickle_value(machine, type == TR_BOOL ? TR_P_BOOL : whole ? TR_P_INT : TR_P_FLOAT);
  if (!*out) return TR_E_MEM;
  if (type == TR_BOOL)
    (*out)->as.truth = bits != 0;
  else if (!whole)
    (*out)->as.real = real;
  else
    (*out)->as.integer = tr_dtype_size(type) == 8 ? (int64_t)bits : (int64_t)real;
  return TR_OK;
}

/* ---- the list ---- */

#define NAMED(m, n) .module = m, .name = n, .full = m "." n
#define STORAGE(n, type, bytes)                                                                              \
  { NAMED("torch", n), .is_storage = true, .known = true, .dtype = type, .element = bytes }
#define TYPE(n, type, bytes)                                                                                 \
  { NAMED("torch", n), .is_type = true, .known = true, .dtype = type, .element = bytes }
/* Those that can be counted but not read. */
#define OTHER_STORAGE(m, n, bytes)                                                                           \
  { NAMED(m, n), .is_storage = true, .element = bytes }
#define OTHER_TYPE(n, bytes)                                                                                 \
  { NAMED("torch", n), .is_type = true, .element = bytes }

static const tr_pickle_name names[] = {
    {NAMED("collections", "OrderedDict"), .call = make_dict},
    {NAMED("collections", "Counter"), .call = make_dict},
    {NAMED("collections", "defaultdict"), .call = make_default_dict},
    {NAMED("builtins", "set"), .call = make_set},
    {NAMED("builtins", "frozenset"), .call = make_set},
    {NAMED("__builtin__", "set"), .call = make_set},
    {NAMED("__builtin__", "frozenset"), .call = make_set},
    {NAMED("copyreg", "_reconstructor"), .call = reconstruct},
    {NAMED("copy_reg", "_reconstructor"), .call = reconstruct},
    {NAMED("torch._utils", "_rebuild_tensor"), .call = tr_pickle_rebuild_tensor},
    {NAMED("torch._utils", "_rebuild_tensor_v2"), .call = tr_pickle_rebuild_tensor},
    {NAMED("torch._utils", "_rebuild_tensor_v3"), .call = tr_pickle_rebuild_typed},
    {NAMED("torch._utils", "_rebuild_parameter"), .call = tr_pickle_rebuild_parameter},
    {NAMED("torch._utils", "_rebuild_parameter_with_state"), .call = tr_pickle_rebuild_parameter},
    {NAMED("torch._tensor", "_rebuild_from_type_v2"), .call = tr_pickle_rebuild_subclass},
    STORAGE("FloatStorage", TR_F32, 4),
    STORAGE("DoubleStorage", TR_F64, 8),
    STORAGE("HalfStorage", TR_F16, 2),
    STORAGE("BFloat16Storage", TR_BF16, 2),
    STORAGE("LongStorage", TR_I64, 8),
    STORAGE("IntStorage", TR_I32, 4),
    STORAGE("ShortStorage", TR_I16, 2),
    STORAGE("CharStorage", TR_I8, 1),
    STORAGE("ByteStorage", TR_U8, 1),
    STORAGE("BoolStorage", TR_BOOL, 1),
    OTHER_STORAGE("torch", "ComplexFloatStorage", 8),
    OTHER_STORAGE("torch", "ComplexDoubleStorage", 16),
    OTHER_STORAGE("torch", "QInt8Storage", 1),
    OTHER_STORAGE("torch", "QUInt8Storage", 1),
    OTHER_STORAGE("torch", "QInt32Storage", 4),
    OTHER_STORAGE("torch", "UntypedStorage", 1),
    OTHER_STORAGE("torch.storage", "UntypedStorage", 1),
    TYPE("float32", TR_F32, 4),
    TYPE("float64", TR_F64, 8),
    TYPE("float16", TR_F16, 2),
    TYPE("bfloat16", TR_BF16, 2),
    TYPE("int64", TR_I64, 8),
    TYPE("int32", TR_I32, 4),
    TYPE("int16", TR_I16, 2),
    TYPE("int8", TR_I8, 1),
    TYPE("uint64", TR_U64, 8),
    TYPE("uint32", TR_U32, 4),
    TYPE("uint16", TR_U16, 2),
    TYPE("uint8", TR_U8, 1),
    TYPE("bool", TR_BOOL, 1),
    OTHER_TYPE("float8_e4m3fn", 1),
    OTHER_TYPE("float8_e5m2", 1),
    OTHER_TYPE("float8_e4m3fnuz", 1),
    OTHER_TYPE("float8_e5m2fnuz", 1),
    OTHER_TYPE("complex64", 8),
    OTHER_TYPE("complex128", 16),
    {NAMED("torch", "Size"), .call = make_tuple},
    {NAMED("torch", "device"), .call = make_tuple},
    {NAMED("numpy.core.multiarray", "scalar"), .call = numpy_scalar},
    {NAMED("numpy._core.multiarray", "scalar"), .call = numpy_scalar},
    {NAMED("_codecs", "encode"), .call = encode},
};
enum { NAMES = sizeof names / sizeof *names };

const char *tr_pickle_storage_class(tr_dtype dtype) {
  for (int i = 0; i < NAMES; i++)
    if (names[i].is_storage && names[i].known && names[i].dtype == dtype) return names[i].name;
  return NULL;
}

const tr_pickle_name *tr_pickle_name_of(const tr_value *value) {
  for (int i = 0; i < NAMES && value->kind == TR_P_NAME; i++)
    if (value->as.name == names[i].full) return &names[i];
  return NULL;
}

/* "module.name" of a name that is not understood. Of very long ones the beginning will do. */
static const char *write_name(tr_pickle_machine *machine, const tr_pickle_text *module,
                              const tr_pickle_text *name) {
  enum { LONGEST = 200 };
  char *full = tr_pickle_allocate(machine, 2 * LONGEST + 8);
  if (!full) return NULL;
  tr_text_printable(module, full, LONGEST);
  size_t used = strlen(full);
  full[used++] = '.';
  tr_text_printable(name, full + used, LONGEST);
  return full;
}

tr_status tr_pickle_push_name(tr_pickle_machine *machine, const tr_pickle_text *module,
                              const tr_pickle_text *name) {
  tr_value *value = tr_pickle_value(machine, TR_P_NAME);
  if (!value) return TR_E_MEM;
  for (int i = 0; i < NAMES && !value->as.name; i++)
    if (tr_text_equals(module, names[i].module) && tr_text_equals(name, names[i].name))
      value->as.name = names[i].full;
  if (!value->as.name && !(value->as.name = write_name(machine, module, name))) return TR_E_MEM;
  return tr_pickle_push(machine, value);
}

tr_status tr_pickle_object_of(tr_pickle_machine *machine, const tr_value *callee, const tr_value *arguments,
                              tr_value **out) {
  tr_pickle_object *object = tr_pickle_allocate(machine, sizeof *object);
  if (!object || !(*out = tr_pickle_value(machine, TR_P_OBJECT))) return TR_E_MEM;
  *object = (tr_pickle_object){.made_by = tr_pickle_is(callee, TR_P_NAME)     ? callee->as.name
                                          : tr_pickle_is(callee, TR_P_OBJECT) ? callee->as.object->made_by
                                                                              : "something",
                               .arguments = tr_pickle_is(arguments, TR_P_TUPLE) ? arguments : NULL};
  (*out)->as.object = object;
  return TR_OK;
}

tr_status tr_pickle_call(tr_pickle_machine *machine, const tr_value *callee, const tr_value *arguments,
                         tr_value **out) {
  const tr_pickle_name *name = tr_pickle_name_of(callee);
  if (callee->kind != TR_P_NAME && callee->kind != TR_P_OBJECT)
    return tr_pickle_fail(machine, "something that is no name is called");
  if (arguments->kind != TR_P_TUPLE)
    return tr_pickle_fail(machine, "%s is called without a tuple",
                          callee->kind == TR_P_NAME ? callee->as.name : callee->as.object->made_by);
  if (name && name->call) return name->call(machine, arguments, out);
  return tr_pickle_object_of(machine, callee, arguments, out);
}
