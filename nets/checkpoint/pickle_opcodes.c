/* The opcodes of the pickle machine: a stack, a memo, and one table. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/bytes_private.h"
#include "nets/checkpoint/pickle_machine_private.h"

/* Makes room for index `need - 1` in a growing array of pointers. */
static tr_status reserve(tr_pickle_machine *machine, const tr_value ***array, size_t *room, size_t need) {
  if (need <= *room) return TR_OK;
  size_t larger = need + need / 2 + 16;
  const tr_value **grown = realloc((void *)*array, larger * sizeof **array);
  if (!grown) return tr_pickle_out_of_memory(machine);
  memset((void *)(grown + *room), 0, (larger - *room) * sizeof *grown);
  *array = grown;
  *room = larger;
  return TR_OK;
}

/* ---- stack and bytes ---- */

static tr_status push(tr_pickle_machine *machine, const tr_value *value) {
  if (!value) return TR_E_MEM; /* latched by the allocation */
  TR_TRY(reserve(machine, &machine->stack, &machine->stack_room, machine->height + 1));
  machine->stack[machine->height++] = value;
  return TR_OK;
}

/* Values above the last mark. */
static size_t above_mark(const tr_pickle_machine *machine) {
  return machine->height - (machine->n_marks > 0 ? machine->marks[machine->n_marks - 1] : 0);
}

static tr_status pop(tr_pickle_machine *machine, const tr_value **value) {
  if (above_mark(machine) == 0) return tr_pickle_fail(machine, "the stack is empty");
  *value = machine->stack[--machine->height];
  return TR_OK;
}

/* The top of the stack, which must be of this kind, to be changed in place. Values are handed around as
 * const; the pickle that owns them made every one of them in writable memory. */
static tr_status top(tr_pickle_machine *machine, tr_value **value) {
  if (above_mark(machine) == 0) return tr_pickle_fail(machine, "the stack is empty");
  *value = (tr_value *)(uintptr_t)machine->stack[machine->height - 1];
  return TR_OK;
}

static tr_status take(tr_pickle_machine *machine, uint64_t n, const unsigned char **bytes) {
  if (!tr_range_inside(machine->next, n, machine->source->size))
    return tr_pickle_fail(machine, "the pickle is cut off: %" PRIu64 " bytes are wanted and %zu are left", n,
                          machine->source->size - machine->next);
  *bytes = machine->source->bytes + machine->next;
  machine->next += (size_t)n;
  return TR_OK;
}

/* A little-endian unsigned integer of n bytes, n <= 8. */
static tr_status take_integer(tr_pickle_machine *machine, int n, uint64_t *value) {
  const unsigned char *bytes = NULL;
  TR_TRY(take(machine, (uint64_t)n, &bytes));
  *value = 0;
  for (int i = n - 1; i >= 0; i--) *value = *value << 8 | bytes[i];
  return TR_OK;
}

/* ---- plain values ---- */

typedef struct {
  const char *name;
  tr_status (*run)(tr_pickle_machine *machine, int argument); /* NULL: refused */
  int argument;
} opcode;

static tr_status op_none(tr_pickle_machine *machine, int argument) {
  (void)argument;
  return push(machine, tr_pickle_value(machine, TR_P_NONE));
}

static tr_status op_bool(tr_pickle_machine *machine, int argument) {
  tr_value *value = tr_pickle_value(machine, TR_P_BOOL);
  if (value) value->as.truth = argument;
  return push(machine, value);
}

static tr_status push_integer(tr_pickle_machine *machine, int64_t integer) {
  tr_value *value = tr_pickle_value(machine, TR_P_INT);
  if (value) value->as.integer = integer;
  return push(machine, value);
}

/* argument: bytes; four are signed, one and two are not */
static tr_status op_integer(tr_pickle_machine *machine, int argument) {
  uint64_t bits = 0;
  TR_TRY(take_integer(machine, argument, &bits));
  return push_integer(machine, argument == 4 ? (int32_t)bits : (int64_t)bits);
}

/* Two's complement of any length; up to 64 bits are understood. argument: bytes of the length */
static tr_status op_long(tr_pickle_machine *machine, int argument) {
  uint64_t n = 0, bits = 0;
  TR_TRY(take_integer(machine, argument, &n));
  if (n > 8) return tr_pickle_fail(machine, "an integer of %" PRIu64 " bytes is too large", n);
  TR_TRY(take_integer(machine, (int)n, &bits));
  if (n > 0 && n < 8 && bits >> (8 * n - 1)) bits |= UINT64_MAX << 8 * n;
  return push_integer(machine, (int64_t)bits);
}

static tr_status op_float(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const unsigned char *bytes = NULL;
  TR_TRY(take(machine, 8, &bytes)); /* big-endian, unlike everything else */
  uint64_t bits = 0;
  for (int i = 0; i < 8; i++) bits = bits << 8 | bytes[i];
  tr_value *value = tr_pickle_value(machine, TR_P_FLOAT);
  if (value) memcpy(&value->as.real, &bits, sizeof bits);
  return push(machine, value);
}

static tr_status push_text(tr_pickle_machine *machine, tr_pickle_kind kind, int length_bytes) {
  uint64_t n = 0;
  const unsigned char *bytes = NULL;
  TR_TRY(take_integer(machine, length_bytes, &n));
  TR_TRY(take(machine, n, &bytes));
  tr_value *value = tr_pickle_value(machine, kind);
  if (value) value->as.text = (tr_pickle_text){.at = (const char *)bytes, .size = (size_t)n};
  return push(machine, value);
}

static tr_status op_text(tr_pickle_machine *machine, int argument) {
  return push_text(machine, TR_P_TEXT, argument);
}

static tr_status op_bytes(tr_pickle_machine *machine, int argument) {
  return push_text(machine, TR_P_BYTES, argument);
}

/* ---- containers ---- */

static tr_status op_empty(tr_pickle_machine *machine, int argument) {
  return push(machine, tr_pickle_value(machine, (tr_pickle_kind)argument));
}

static tr_status op_mark(tr_pickle_machine *machine, int argument) {
  (void)argument;
  if (machine->n_marks == TR_PICKLE_MAX_MARKS)
    return tr_pickle_fail(machine, "values are nested deeper than %d levels", TR_PICKLE_MAX_MARKS);
  machine->marks[machine->n_marks++] = machine->height;
  return TR_OK;
}

/* Pops the values above the last mark, and the mark. They stay readable until the next push. */
static tr_status pop_mark(tr_pickle_machine *machine, const tr_value ***values, size_t *n) {
  if (machine->n_marks == 0) return tr_pickle_fail(machine, "there is no mark on the stack");
  *n = above_mark(machine);
  machine->height = machine->marks[--machine->n_marks];
  *values = machine->stack + machine->height;
  return TR_OK;
}

/* Appends n pointers to a list, dict or namespace (where two pointers make a pair). */
static tr_status extend(tr_pickle_machine *machine, tr_value *container, const tr_value *const *values,
                        size_t n) {
  size_t width = container->kind == TR_P_LIST || container->kind == TR_P_TUPLE ? 1 : 2;
  size_t used = container->as.sequence.n * width;
  if (used + n > container->as.sequence.capacity) {
    size_t larger = used + n + used;
    const tr_value **grown = tr_pickle_allocate(machine, larger * sizeof *grown);
    if (!grown) return TR_E_MEM;
    if (used) memcpy((void *)grown, (const void *)container->as.sequence.items, used * sizeof *grown);
    container->as.sequence.items = grown;
    container->as.sequence.capacity = larger;
  }
  if (n) memcpy((void *)(container->as.sequence.items + used), (const void *)values, n * sizeof *values);
  container->as.sequence.n += n / width;
  return TR_OK;
}

static tr_status push_tuple(tr_pickle_machine *machine, const tr_value *const *values, size_t n) {
  tr_value *tuple = tr_pickle_value(machine, TR_P_TUPLE);
  if (!tuple) return TR_E_MEM;
  TR_TRY(extend(machine, tuple, values, n));
  return push(machine, tuple);
}

/* argument: 1 to 3 values, or 0: all above the mark */
static tr_status op_tuple(tr_pickle_machine *machine, int argument) {
  size_t n = (size_t)argument;
  const tr_value **values = NULL;
  if (n == 0) {
    TR_TRY(pop_mark(machine, &values, &n));
  } else {
    if (above_mark(machine) < n) return tr_pickle_fail(machine, "the stack is empty");
    machine->height -= n;
    values = machine->stack + machine->height;
  }
  return push_tuple(machine, values, n);
}

static tr_status add_to_top(tr_pickle_machine *machine, bool pairs, const tr_value *const *values, size_t n) {
  tr_value *container = NULL;
  TR_TRY(top(machine, &container));
  if (container->kind != (pairs ? TR_P_DICT : TR_P_LIST))
    return tr_pickle_fail(machine, pairs ? "items are set in something that is no dict"
                                         : "items are appended to something that is no list");
  if (pairs && n % 2) return tr_pickle_fail(machine, "a key has no value");
  return extend(machine, container, values, n);
}

/* argument: whether pairs */
static tr_status op_add_marked(tr_pickle_machine *machine, int argument) {
  const tr_value **values = NULL;
  size_t n = 0;
  TR_TRY(pop_mark(machine, &values, &n));
  return add_to_top(machine, argument, values, n);
}

static tr_status op_append(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *value = NULL;
  TR_TRY(pop(machine, &value));
  return add_to_top(machine, false, &value, 1);
}

static tr_status op_set_item(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *pair[2] = {NULL, NULL};
  TR_TRY(pop(machine, &pair[1]));
  TR_TRY(pop(machine, &pair[0]));
  return add_to_top(machine, true, pair, 2);
}

/* ---- memo ---- */

/* CPython numbers the memo from 0 without gaps; an index beyond the bytes read so far is an attack on memory.
 */
static tr_status remember(tr_pickle_machine *machine, uint64_t index) {
  tr_value *value = NULL;
  TR_TRY(top(machine, &value));
  if (index > machine->at)
    return tr_pickle_fail(machine, "memo entry %" PRIu64 " is out of all proportion", index);
  TR_TRY(reserve(machine, &machine->memo, &machine->memo_room, (size_t)index + 1));
  machine->memo[index] = value;
  return TR_OK;
}

/* argument: bytes of the index */
static tr_status op_put(tr_pickle_machine *machine, int argument) {
  uint64_t index = 0;
  TR_TRY(take_integer(machine, argument, &index));
  return remember(machine, index);
}

/* The first free entry. Protocol 4 uses nothing else, so the entries before are all taken. */
static tr_status op_memoize(tr_pickle_machine *machine, int argument) {
  (void)argument;
  return remember(machine, machine->memoized++);
}

static tr_status op_get(tr_pickle_machine *machine, int argument) {
  uint64_t index = 0;
  TR_TRY(take_integer(machine, argument, &index));
  if (index >= machine->memo_room || !machine->memo[index])
    return tr_pickle_fail(machine, "memo entry %" PRIu64 " was never set", index);
  return push(machine, machine->memo[index]);
}

/* ---- names and what they build ---- */

static tr_status push_name(tr_pickle_machine *machine, const tr_pickle_text *module,
                           const tr_pickle_text *name) {
  const tr_pickle_name *known = tr_pickle_find_name(module, name);
  if (!known) {
    char m[80], n[80];
    return tr_pickle_fail(machine,
                          "it asks for %s.%s, which is not on the list of names that a checkpoint may use",
                          tr_text_printable(module, m, sizeof m), tr_text_printable(name, n, sizeof n));
  }
  tr_value *value = tr_pickle_value(machine, TR_P_NAME);
  if (value) value->as.name = known->full;
  return push(machine, value);
}

static tr_status take_line(tr_pickle_machine *machine, tr_pickle_text *line) {
  const unsigned char *start = machine->source->bytes + machine->next;
  const unsigned char *end = memchr(start, '\n', machine->source->size - machine->next);
  if (!end) return tr_pickle_fail(machine, "the pickle is cut off inside a name");
  *line = (tr_pickle_text){.at = (const char *)start, .size = (size_t)(end - start)};
  machine->next += line->size + 1;
  return TR_OK;
}

static tr_status op_global(tr_pickle_machine *machine, int argument) {
  (void)argument;
  tr_pickle_text module, name;
  TR_TRY(take_line(machine, &module));
  TR_TRY(take_line(machine, &name));
  return push_name(machine, &module, &name);
}

static tr_status op_stack_global(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *module = NULL, *name = NULL;
  TR_TRY(pop(machine, &name));
  TR_TRY(pop(machine, &module));
  if (name->kind != TR_P_TEXT || module->kind != TR_P_TEXT)
    return tr_pickle_fail(machine, "a name is given by something that is no text");
  return push_name(machine, &module->as.text, &name->as.text);
}

/* Pops the arguments and the name they are for. */
static tr_status pop_call(tr_pickle_machine *machine, const tr_value **arguments,
                          const tr_pickle_name **name) {
  const tr_value *callee = NULL;
  TR_TRY(pop(machine, arguments));
  TR_TRY(pop(machine, &callee));
  *name = tr_pickle_name_of(callee);
  if (!*name) return tr_pickle_fail(machine, "something that is no name is called");
  if ((*arguments)->kind != TR_P_TUPLE)
    return tr_pickle_fail(machine, "%s is called without a tuple", (*name)->full);
  return TR_OK;
}

static tr_status op_reduce(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *arguments = NULL;
  const tr_pickle_name *name = NULL;
  TR_TRY(pop_call(machine, &arguments, &name));
  if (name->makes_opaque) {
    tr_value *opaque = tr_pickle_value(machine, TR_P_OPAQUE);
    if (opaque) opaque->as.name = name->full;
    return push(machine, opaque);
  }
  if (!name->call) return tr_pickle_fail(machine, "%s may be named but not called", name->full);
  tr_value *result = NULL;
  TR_TRY(name->call(machine, arguments, &result));
  return push(machine, result);
}

static tr_status op_new_object(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *arguments = NULL;
  const tr_pickle_name *name = NULL;
  TR_TRY(pop_call(machine, &arguments, &name));
  if (!name->makes_namespace || arguments->as.sequence.n != 0)
    return tr_pickle_fail(machine, "an object of %s may not be made", name->full);
  return push(machine, tr_pickle_value(machine, TR_P_NAMESPACE));
}

/* Gives an object its state: a namespace keeps it; that of an OrderedDict (`_metadata` of a module) and of
 * what is not kept anyway is let go. */
static tr_status op_build(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *state = NULL;
  tr_value *object = NULL;
  TR_TRY(pop(machine, &state));
  TR_TRY(top(machine, &object));
  if (object->kind == TR_P_OPAQUE) return TR_OK;
  if (object->kind != TR_P_NAMESPACE && object->kind != TR_P_DICT)
    return tr_pickle_fail(machine, "state is given to something that has none");
  if (state->kind != TR_P_DICT) return tr_pickle_fail(machine, "the state of an object is no dict");
  if (object->kind == TR_P_DICT) return TR_OK;
  return extend(machine, object, state->as.sequence.items, 2 * state->as.sequence.n);
}

static tr_status op_persistent(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *id = NULL;
  tr_value *storage = NULL;
  TR_TRY(pop(machine, &id));
  TR_TRY(tr_pickle_persistent(machine, id, &storage));
  return push(machine, storage);
}

/* ---- the run ---- */

static tr_status op_protocol(tr_pickle_machine *machine, int argument) {
  (void)argument;
  uint64_t protocol = 0;
  TR_TRY(take_integer(machine, 1, &protocol));
  if (protocol < 2 || protocol > 5)
    return tr_pickle_fail(machine, "protocol %" PRIu64 " is not supported (2 to 5 are)", protocol);
  return TR_OK;
}

/* A frame only says how far a reader may read ahead. */
static tr_status op_frame(tr_pickle_machine *machine, int argument) {
  (void)argument;
  uint64_t size = 0;
  TR_TRY(take_integer(machine, 8, &size));
  if (!tr_range_inside(machine->next, size, machine->source->size))
    return tr_pickle_fail(machine, "a frame of %" PRIu64 " bytes goes past the end", size);
  return TR_OK;
}

static tr_status op_stop(tr_pickle_machine *machine, int argument) {
  (void)argument;
  if (machine->height != 1 || machine->n_marks != 0)
    return tr_pickle_fail(machine, "the pickle stops with %zu values on the stack instead of one",
                          machine->height);
  machine->root = machine->stack[0];
  return TR_OK;
}

/* Every opcode there is, so that a refusal can name it; those with a function are allowed. */
static const opcode opcodes[256] = {
    [0x80] = {"PROTO", op_protocol, 0},
    [0x95] = {"FRAME", op_frame, 0},
    ['.'] = {"STOP", op_stop, 0},
    ['N'] = {"NONE", op_none, 0},
    [0x88] = {"NEWTRUE", op_bool, true},
    [0x89] = {"NEWFALSE", op_bool, false},
    ['K'] = {"BININT1", op_integer, 1},
    ['M'] = {"BININT2", op_integer, 2},
    ['J'] = {"BININT", op_integer, 4},
    [0x8a] = {"LONG1", op_long, 1},
    [0x8b] = {"LONG4", op_long, 4},
    ['G'] = {"BINFLOAT", op_float, 0},
    [0x8c] = {"SHORT_BINUNICODE", op_text, 1},
    ['X'] = {"BINUNICODE", op_text, 4},
    [0x8d] = {"BINUNICODE8", op_text, 8},
    ['C'] = {"SHORT_BINBYTES", op_bytes, 1},
    ['B'] = {"BINBYTES", op_bytes, 4},
    [0x8e] = {"BINBYTES8", op_bytes, 8},
    [')'] = {"EMPTY_TUPLE", op_empty, TR_P_TUPLE},
    [']'] = {"EMPTY_LIST", op_empty, TR_P_LIST},
    ['}'] = {"EMPTY_DICT", op_empty, TR_P_DICT},
    ['('] = {"MARK", op_mark, 0},
    ['t'] = {"TUPLE", op_tuple, 0},
    [0x85] = {"TUPLE1", op_tuple, 1},
    [0x86] = {"TUPLE2", op_tuple, 2},
    [0x87] = {"TUPLE3", op_tuple, 3},
    ['a'] = {"APPEND", op_append, 0},
    ['e'] = {"APPENDS", op_add_marked, false},
    ['s'] = {"SETITEM", op_set_item, 0},
    ['u'] = {"SETITEMS", op_add_marked, true},
    ['q'] = {"BINPUT", op_put, 1},
    ['r'] = {"LONG_BINPUT", op_put, 4},
    [0x94] = {"MEMOIZE", op_memoize, 0},
    ['h'] = {"BINGET", op_get, 1},
    ['j'] = {"LONG_BINGET", op_get, 4},
    ['c'] = {"GLOBAL", op_global, 0},
    [0x93] = {"STACK_GLOBAL", op_stack_global, 0},
    ['R'] = {"REDUCE", op_reduce, 0},
    [0x81] = {"NEWOBJ", op_new_object, 0},
    ['b'] = {"BUILD", op_build, 0},
    ['Q'] = {"BINPERSID", op_persistent, 0},
    /* refused */
    ['I'] = {.name = "INT"},
    ['L'] = {.name = "LONG"},
    ['F'] = {.name = "FLOAT"},
    ['S'] = {.name = "STRING"},
    ['T'] = {.name = "BINSTRING"},
    ['U'] = {.name = "SHORT_BINSTRING"},
    ['V'] = {.name = "UNICODE"},
    [0x96] = {.name = "BYTEARRAY8"},
    [0x97] = {.name = "NEXT_BUFFER"},
    [0x98] = {.name = "READONLY_BUFFER"},
    ['l'] = {.name = "LIST"},
    ['d'] = {.name = "DICT"},
    [0x8f] = {.name = "EMPTY_SET"},
    [0x90] = {.name = "ADDITEMS"},
    [0x91] = {.name = "FROZENSET"},
    ['0'] = {.name = "POP"},
    ['1'] = {.name = "POP_MARK"},
    ['2'] = {.name = "DUP"},
    ['p'] = {.name = "PUT"},
    ['g'] = {.name = "GET"},
    [0x82] = {.name = "EXT1"},
    [0x83] = {.name = "EXT2"},
    [0x84] = {.name = "EXT4"},
    ['i'] = {.name = "INST"},
    ['o'] = {.name = "OBJ"},
    [0x92] = {.name = "NEWOBJ_EX"},
    ['P'] = {.name = "PERSID"},
};

tr_status tr_pickle_step(tr_pickle_machine *machine) {
  uint64_t code = 0;
  machine->at = machine->next;
  TR_TRY(take_integer(machine, 1, &code));
  const opcode *op = &opcodes[code];
  if (!op->run)
    return tr_pickle_fail(machine, "opcode 0x%02x (%s) is not on the list that a checkpoint may use",
                          (unsigned)code, op->name ? op->name : "no pickle opcode");
  return op->run(machine, op->argument);
}
