/* The opcodes of the pickle machine: a stack, a memo, and one table. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/bytes_private.h"
#include "nets/checkpoint/pickle_machine_private.h"

tr_status tr_pickle_reserve(tr_pickle_machine *machine, const tr_value ***array, size_t *room, size_t need) {
  if (need <= *room) return TR_OK;
  size_t larger = need + need / 2 + 16;
  const tr_value **grown = realloc((void *)*array, larger * sizeof **array);
  if (!grown) return tr_pickle_out_of_memory(machine);
  memset((void *)(grown + *room), 0, (larger - *room) * sizeof *grown);
  *array = grown;
  *room = larger;
  return TR_OK;
}

/* ---- stack ---- */

tr_status tr_pickle_push(tr_pickle_machine *machine, const tr_value *value) {
  if (!value) return TR_E_MEM; /* latched by the allocation */
  TR_TRY(tr_pickle_reserve(machine, &machine->stack, &machine->stack_room, machine->height + 1));
  machine->stack[machine->height++] = value;
  return TR_OK;
}

/* Values above the last mark. */
static size_t above_mark(const tr_pickle_machine *machine) {
  return machine->height - (machine->n_marks > 0 ? machine->marks[machine->n_marks - 1] : 0);
}

tr_status tr_pickle_pop(tr_pickle_machine *machine, const tr_value **value) {
  if (above_mark(machine) == 0) return tr_pickle_fail(machine, "the stack is empty");
  *value = machine->stack[--machine->height];
  return TR_OK;
}

/* The top of the stack, to be changed in place. Values are handed around as const; the pickle that owns them
 * made every one of them in writable memory. */
static tr_status top(tr_pickle_machine *machine, tr_value **value) {
  if (above_mark(machine) == 0) return tr_pickle_fail(machine, "the stack is empty");
  *value = (tr_value *)(uintptr_t)machine->stack[machine->height - 1];
  return TR_OK;
}

/* What is open is an item on the stack as well, for POP. */
static tr_status op_pop(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *value = NULL;
  if (above_mark(machine) > 0 || machine->n_marks == 0) return tr_pickle_pop(machine, &value);
  machine->n_marks--;
  return TR_OK;
}

static tr_status op_duplicate(tr_pickle_machine *machine, int argument) {
  (void)argument;
  tr_value *value = NULL;
  TR_TRY(top(machine, &value));
  return tr_pickle_push(machine, value);
}

/* ---- containers ---- */

typedef struct {
  const char *name;
  tr_status (*run)(tr_pickle_machine *machine, int argument); /* NULL: refused */
  int argument;
} opcode;

static tr_status op_empty(tr_pickle_machine *machine, int argument) {
  return tr_pickle_push(machine, tr_pickle_value(machine, (tr_pickle_kind)argument));
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
  *values = machine->stack ? machine->stack + machine->height : NULL; /* nothing was pushed yet */
  return TR_OK;
}

static tr_status op_pop_mark(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value **values = NULL;
  size_t n = 0;
  return pop_mark(machine, &values, &n);
}

tr_status tr_pickle_extend(tr_pickle_machine *machine, tr_value *container, const tr_value *const *values,
                           size_t n) {
  size_t width = container->kind == TR_P_DICT ? 2 : 1;
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

/* A new container of these values. */
static tr_status make_of(tr_pickle_machine *machine, tr_pickle_kind kind, const tr_value *const *values,
                         size_t n, tr_value **out) {
  if (kind == TR_P_DICT && n % 2) return tr_pickle_fail(machine, "a key has no value");
  if (!(*out = tr_pickle_value(machine, kind))) return TR_E_MEM;
  return tr_pickle_extend(machine, *out, values, n);
}

static tr_status push_of(tr_pickle_machine *machine, tr_pickle_kind kind, const tr_value *const *values,
                         size_t n) {
  tr_value *made = NULL;
  TR_TRY(make_of(machine, kind, values, n, &made));
  return tr_pickle_push(machine, made);
}

/* argument: how many values */
static tr_status op_tuple(tr_pickle_machine *machine, int argument) {
  if (above_mark(machine) < (size_t)argument) return tr_pickle_fail(machine, "the stack is empty");
  machine->height -= (size_t)argument;
  return push_of(machine, TR_P_TUPLE, machine->stack + machine->height, (size_t)argument);
}

/* Of all above the mark. argument: the kind */
static tr_status op_gather(tr_pickle_machine *machine, int argument) {
  const tr_value **values = NULL;
  size_t n = 0;
  TR_TRY(pop_mark(machine, &values, &n));
  return push_of(machine, (tr_pickle_kind)argument, values, n);
}

/* Items that are set in an object: a dict of its own. */
static tr_status add_to_object(tr_pickle_machine *machine, tr_pickle_object *object,
                               const tr_value *const *values, size_t n) {
  tr_value *items = (tr_value *)(uintptr_t)object->items;
  if (!items && !(items = tr_pickle_value(machine, TR_P_DICT))) return TR_E_MEM;
  object->items = items;
  return tr_pickle_extend(machine, items, values, n);
}

/* What is appended to an object is let go. */
static tr_status add_to_top(tr_pickle_machine *machine, tr_pickle_kind kind, const tr_value *const *values,
                            size_t n) {
  tr_value *container = NULL;
  TR_TRY(top(machine, &container));
  if (kind == TR_P_DICT && n % 2) return tr_pickle_fail(machine, "a key has no value");
  if (container->kind == TR_P_OBJECT)
    return kind == TR_P_DICT ? add_to_object(machine, container->as.object, values, n) : TR_OK;
  if (container->kind != kind)
    return tr_pickle_fail(machine, kind == TR_P_DICT   ? "items are set in something that is no dict"
                                   : kind == TR_P_LIST ? "items are appended to something that is no list"
                                                       : "items are added to something that is no set");
  return tr_pickle_extend(machine, container, values, n);
}

/* argument: the kind that they are added to */
static tr_status op_add_marked(tr_pickle_machine *machine, int argument) {
  const tr_value **values = NULL;
  size_t n = 0;
  TR_TRY(pop_mark(machine, &values, &n));
  return add_to_top(machine, (tr_pickle_kind)argument, values, n);
}

static tr_status op_append(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *value = NULL;
  TR_TRY(tr_pickle_pop(machine, &value));
  return add_to_top(machine, TR_P_LIST, &value, 1);
}

static tr_status op_set_item(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *pair[2] = {NULL, NULL};
  TR_TRY(tr_pickle_pop(machine, &pair[1]));
  TR_TRY(tr_pickle_pop(machine, &pair[0]));
  return add_to_top(machine, TR_P_DICT, pair, 2);
}

/* ---- memo ---- */

/* CPython numbers the memo from 0 without gaps; an index beyond the bytes read so far is an attack on memory.
 */
static tr_status remember(tr_pickle_machine *machine, uint64_t index) {
  tr_value *value = NULL;
  TR_TRY(top(machine, &value));
  if (index > machine->at)
    return tr_pickle_fail(machine, "memo entry %" PRIu64 " is out of all proportion", index);
  TR_TRY(tr_pickle_reserve(machine, &machine->memo, &machine->memo_room, (size_t)index + 1));
  machine->memo[index] = value;
  return TR_OK;
}

static tr_status recall(tr_pickle_machine *machine, uint64_t index) {
  if (index >= machine->memo_room || !machine->memo[index])
    return tr_pickle_fail(machine, "memo entry %" PRIu64 " was never set", index);
  return tr_pickle_push(machine, machine->memo[index]);
}

/* The index of an entry. argument: its bytes; 0: a line */
static tr_status take_index(tr_pickle_machine *machine, int argument, uint64_t *index) {
  tr_pickle_text line = {0};
  int64_t value;
  if (argument) return tr_pickle_take_integer(machine, argument, index);
  TR_TRY(tr_pickle_take_line(machine, &line));
  if (!tr_pickle_decimal(&line, &value) || value < 0)
    return tr_pickle_fail(machine, "the number of a memo entry is none");
  *index = (uint64_t)value;
  return TR_OK;
}

static tr_status op_put(tr_pickle_machine *machine, int argument) {
  uint64_t index = 0;
  TR_TRY(take_index(machine, argument, &index));
  return remember(machine, index);
}

/* The first free entry. Protocol 4 uses nothing else, so the entries before are all taken. */
static tr_status op_memoize(tr_pickle_machine *machine, int argument) {
  (void)argument;
  return remember(machine, machine->memoized++);
}

static tr_status op_get(tr_pickle_machine *machine, int argument) {
  uint64_t index = 0;
  TR_TRY(take_index(machine, argument, &index));
  return recall(machine, index);
}

/* ---- names and what they build ---- */

static tr_status take_name(tr_pickle_machine *machine) {
  tr_pickle_text module = {0}, name = {0};
  TR_TRY(tr_pickle_take_line(machine, &module));
  TR_TRY(tr_pickle_take_line(machine, &name));
  return tr_pickle_push_name(machine, &module, &name);
}

static tr_status op_global(tr_pickle_machine *machine, int argument) {
  (void)argument;
  return take_name(machine);
}

static tr_status op_stack_global(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *module = NULL, *name = NULL;
  TR_TRY(tr_pickle_pop(machine, &name));
  TR_TRY(tr_pickle_pop(machine, &module));
  if (name->kind != TR_P_TEXT || module->kind != TR_P_TEXT)
    return tr_pickle_fail(machine, "a name is given by something that is no text");
  return tr_pickle_push_name(machine, &module->as.text, &name->as.text);
}

static tr_status push_call(tr_pickle_machine *machine, const tr_value *callee, const tr_value *arguments) {
  tr_value *result = NULL;
  TR_TRY(tr_pickle_call(machine, callee, arguments, &result));
  return tr_pickle_push(machine, result);
}

static tr_status op_reduce(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *arguments = NULL, *callee = NULL;
  TR_TRY(tr_pickle_pop(machine, &arguments));
  TR_TRY(tr_pickle_pop(machine, &callee));
  return push_call(machine, callee, arguments);
}

/* cls.__new__(cls, ...). argument: whether keyword arguments stand above the others */
static tr_status op_new_object(tr_pickle_machine *machine, int argument) {
  const tr_value *keywords = NULL, *arguments = NULL, *class = NULL;
  if (argument) TR_TRY(tr_pickle_pop(machine, &keywords));
  TR_TRY(tr_pickle_pop(machine, &arguments));
  TR_TRY(tr_pickle_pop(machine, &class));
  return push_call(machine, class, arguments);
}

/* An instance made of what stands above the mark. argument: whether the class is the first of that, else two
 * lines name it. */
static tr_status op_instance(tr_pickle_machine *machine, int argument) {
  const tr_value **values = NULL, *class = NULL;
  tr_value *arguments = NULL;
  size_t n = 0;
  TR_TRY(pop_mark(machine, &values, &n));
  if (argument && n == 0) return tr_pickle_fail(machine, "an instance has no class");
  TR_TRY(make_of(machine, TR_P_TUPLE, values + (argument != 0), n - (argument != 0), &arguments));
  if (argument) {
    class = values[0];
  } else {
    TR_TRY(take_name(machine));
    TR_TRY(tr_pickle_pop(machine, &class));
  }
  return push_call(machine, class, arguments);
}

/* Gives an object its state. That of a dict (`_metadata` of a module) and of a tensor is let go. */
static tr_status op_build(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *state = NULL;
  tr_value *object = NULL;
  TR_TRY(tr_pickle_pop(machine, &state));
  TR_TRY(top(machine, &object));
  if (object->kind == TR_P_DICT || object->kind == TR_P_TENSOR) return TR_OK;
  if (object->kind != TR_P_OBJECT)
    return tr_pickle_fail(machine, "state is given to something that has none");
  object->as.object->state = state;
  return TR_OK;
}

static tr_status op_persistent(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const tr_value *id = NULL;
  tr_value *storage = NULL;
  TR_TRY(tr_pickle_pop(machine, &id));
  TR_TRY(tr_pickle_persistent(machine, id, &storage));
  return tr_pickle_push(machine, storage);
}

/* ---- the run ---- */

static tr_status op_protocol(tr_pickle_machine *machine, int argument) {
  (void)argument;
  uint64_t protocol = 0;
  TR_TRY(tr_pickle_take_integer(machine, 1, &protocol));
  if (protocol < 2 || protocol > 5)
    return tr_pickle_fail(machine, "protocol %" PRIu64 " is not supported (2 to 5 are)", protocol);
  return TR_OK;
}

/* A frame only says how far a reader may read ahead. */
static tr_status op_frame(tr_pickle_machine *machine, int argument) {
  (void)argument;
  uint64_t size = 0;
  TR_TRY(tr_pickle_take_integer(machine, 8, &size));
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
    ['N'] = {"NONE", tr_pickle_none, 0},
    [0x88] = {"NEWTRUE", tr_pickle_bool, true},
    [0x89] = {"NEWFALSE", tr_pickle_bool, false},
    ['K'] = {"BININT1", tr_pickle_integer, 1},
    ['M'] = {"BININT2", tr_pickle_integer, 2},
    ['J'] = {"BININT", tr_pickle_integer, 4},
    [0x8a] = {"LONG1", tr_pickle_long, 1},
    [0x8b] = {"LONG4", tr_pickle_long, 4},
    ['G'] = {"BINFLOAT", tr_pickle_float, 0},
    [0x8c] = {"SHORT_BINUNICODE", tr_pickle_text_of, 1},
    ['X'] = {"BINUNICODE", tr_pickle_text_of, 4},
    [0x8d] = {"BINUNICODE8", tr_pickle_text_of, 8},
    ['U'] = {"SHORT_BINSTRING", tr_pickle_text_of, 1}, /* texts of Python 2 */
    ['T'] = {"BINSTRING", tr_pickle_text_of, 4},
    ['C'] = {"SHORT_BINBYTES", tr_pickle_bytes, 1},
    ['B'] = {"BINBYTES", tr_pickle_bytes, 4},
    [0x8e] = {"BINBYTES8", tr_pickle_bytes, 8},
    [0x96] = {"BYTEARRAY8", tr_pickle_bytes, 8},
    ['I'] = {"INT", tr_pickle_line_integer, false},
    ['L'] = {"LONG", tr_pickle_line_integer, true},
    ['F'] = {"FLOAT", tr_pickle_line_float, 0},
    ['S'] = {"STRING", tr_pickle_line_text, true},
    ['V'] = {"UNICODE", tr_pickle_line_text, false},
    [')'] = {"EMPTY_TUPLE", op_empty, TR_P_TUPLE},
    [']'] = {"EMPTY_LIST", op_empty, TR_P_LIST},
    ['}'] = {"EMPTY_DICT", op_empty, TR_P_DICT},
    [0x8f] = {"EMPTY_SET", op_empty, TR_P_SET},
    ['('] = {"MARK", op_mark, 0},
    ['0'] = {"POP", op_pop, 0},
    ['1'] = {"POP_MARK", op_pop_mark, 0},
    ['2'] = {"DUP", op_duplicate, 0},
    ['t'] = {"TUPLE", op_gather, TR_P_TUPLE},
    ['l'] = {"LIST", op_gather, TR_P_LIST},
    ['d'] = {"DICT", op_gather, TR_P_DICT},
    [0x91] = {"FROZENSET", op_gather, TR_P_SET},
    [0x85] = {"TUPLE1", op_tuple, 1},
    [0x86] = {"TUPLE2", op_tuple, 2},
    [0x87] = {"TUPLE3", op_tuple, 3},
    ['a'] = {"APPEND", op_append, 0},
    ['e'] = {"APPENDS", op_add_marked, TR_P_LIST},
    [0x90] = {"ADDITEMS", op_add_marked, TR_P_SET},
    ['s'] = {"SETITEM", op_set_item, 0},
    ['u'] = {"SETITEMS", op_add_marked, TR_P_DICT},
    ['q'] = {"BINPUT", op_put, 1},
    ['r'] = {"LONG_BINPUT", op_put, 4},
    ['p'] = {"PUT", op_put, 0},
    [0x94] = {"MEMOIZE", op_memoize, 0},
    ['h'] = {"BINGET", op_get, 1},
    ['j'] = {"LONG_BINGET", op_get, 4},
    ['g'] = {"GET", op_get, 0},
    ['c'] = {"GLOBAL", op_global, 0},
    [0x93] = {"STACK_GLOBAL", op_stack_global, 0},
    ['R'] = {"REDUCE", op_reduce, 0},
    [0x81] = {"NEWOBJ", op_new_object, false},
    [0x92] = {"NEWOBJ_EX", op_new_object, true},
    ['i'] = {"INST", op_instance, false},
    ['o'] = {"OBJ", op_instance, true},
    ['b'] = {"BUILD", op_build, 0},
    ['Q'] = {"BINPERSID", op_persistent, 0},
    /* refused: they refer to what is not in the file */
    [0x97] = {.name = "NEXT_BUFFER"},
    [0x98] = {.name = "READONLY_BUFFER"},
    [0x82] = {.name = "EXT1"},
    [0x83] = {.name = "EXT2"},
    [0x84] = {.name = "EXT4"},
    ['P'] = {.name = "PERSID"},
};

tr_status tr_pickle_step(tr_pickle_machine *machine) {
  uint64_t code = 0;
  machine->at = machine->next;
  TR_TRY(tr_pickle_take_integer(machine, 1, &code));
  const opcode *op = &opcodes[code];
  if (!op->run)
    return tr_pickle_fail(machine, "opcode 0x%02x (%s) is not on the list that a checkpoint may use",
                          (unsigned)code, op->name ? op->name : "no pickle opcode");
  return op->run(machine, op->argument);
}
