/* The pickle machine as its opcodes (pickle_opcodes.c, pickle_plain.c) and its names (pickle_names.c) see it.
 */
#ifndef TR_NETS_CHECKPOINT_PICKLE_MACHINE_PRIVATE_H
#define TR_NETS_CHECKPOINT_PICKLE_MACHINE_PRIVATE_H

#include "nets/checkpoint/pickle_private.h"

enum { TR_PICKLE_MAX_MARKS = 256 };

typedef struct tr_pickle_machine {
  tr_ctx *ctx;
  const tr_pickle_source *source;
  tr_pickle *pickle;
  size_t at, next; /* of the opcode at work; of the next byte to read */
  const tr_value **stack, **memo;
  size_t height, stack_room, memo_room; /* the stack has room from the start: it is never NULL */
  size_t marks[TR_PICKLE_MAX_MARKS];    /* heights of the stack */
  int n_marks;
  uint64_t memoized;    /* entries that MEMOIZE has filled */
  const tr_value *root; /* set by STOP */
  const tr_pickle_storage *storages;
} tr_pickle_machine;

/* Runs one opcode. */
tr_status tr_pickle_step(tr_pickle_machine *machine);

/* ---- opcodes of plain values, pickle_plain.c: what `argument` means stands there ---- */

tr_status tr_pickle_none(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_bool(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_integer(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_long(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_float(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_text_of(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_bytes(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_line_integer(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_line_float(tr_pickle_machine *machine, int argument);
tr_status tr_pickle_line_text(tr_pickle_machine *machine, int argument);

/* ---- bytes and stack ---- */

tr_status tr_pickle_push(tr_pickle_machine *machine, const tr_value *value);
tr_status tr_pickle_pop(tr_pickle_machine *machine, const tr_value **value);
tr_status tr_pickle_take(tr_pickle_machine *machine, uint64_t n, const unsigned char **bytes);
/* A little-endian unsigned integer of n bytes, n <= 8. */
tr_status tr_pickle_take_integer(tr_pickle_machine *machine, int n, uint64_t *value);
/* Up to the next line break, which is left out. */
tr_status tr_pickle_take_line(tr_pickle_machine *machine, tr_pickle_text *line);
/* A whole number in decimal that fills the text; false: it is none, or does not fit into 64 bits. */
bool tr_pickle_decimal(const tr_pickle_text *text, int64_t *value);

/* ---- names ---- */

/* A name that is understood: what calling it with a tuple of arguments gives (REDUCE), or the storage that it
 * is the class of. */
typedef struct tr_pickle_name {
  const char *module, *name, *full; /* full: "module.name" */
  tr_status (*call)(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out);
  /* Of the class of a storage, and of an element type: */
  bool is_storage, is_type;
  bool known; /* such elements can be read, as `dtype` */
  tr_dtype dtype;
  size_t element; /* bytes of one */
} tr_pickle_name;

/* The name as a value, understood or not. */
tr_status tr_pickle_push_name(tr_pickle_machine *machine, const tr_pickle_text *module,
                              const tr_pickle_text *name);
const tr_pickle_name *
tr_pickle_name_of(const tr_value *value); /* NULL: none, or one that is not understood */
/* Calls a name with arguments: what it stands for where it is understood, else an object. */
tr_status tr_pickle_call(tr_pickle_machine *machine, const tr_value *callee, const tr_value *arguments,
                         tr_value **out);
/* An object made by `callee`, a name or what a name made. */
tr_status tr_pickle_object_of(tr_pickle_machine *machine, const tr_value *callee, const tr_value *arguments,
                              tr_value **out);

/* The storage that a persistent id, ("storage", class, key, device, count[, view]), stands for. */
tr_status tr_pickle_persistent(tr_pickle_machine *machine, const tr_value *id, tr_value **out);
/* Of the names that rebuild tensors (pickle_tensors.c). */
tr_status tr_pickle_rebuild_tensor(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out);
tr_status tr_pickle_rebuild_typed(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out);
tr_status tr_pickle_rebuild_subclass(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out);
tr_status tr_pickle_rebuild_parameter(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out);

/* Item i of a list or tuple; NULL past its end. */
const tr_value *tr_pickle_item(const tr_value *sequence, size_t i);
bool tr_pickle_is(const tr_value *value, tr_pickle_kind kind); /* false for NULL */

/* Memory that lives as long as the pickle. NULL after latching an error. */
void *tr_pickle_allocate(tr_pickle_machine *machine, size_t size);
tr_value *tr_pickle_value(tr_pickle_machine *machine, tr_pickle_kind kind);
tr_status tr_pickle_out_of_memory(tr_pickle_machine *machine);
/* Makes room for index `need - 1` in a growing array of pointers, NULL at first. */
tr_status tr_pickle_reserve(tr_pickle_machine *machine, const tr_value ***array, size_t *room, size_t need);
/* Appends n pointers to a list, set or dict (where two pointers make a pair). */
tr_status tr_pickle_extend(tr_pickle_machine *machine, tr_value *container, const tr_value *const *values,
                           size_t n);
/* TR_E_IO naming the file and the offset of the opcode at work. */
tr_status tr_pickle_fail(tr_pickle_machine *machine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The class that stores elements of this type, "FloatStorage"; NULL: there is none. */
const char *tr_pickle_storage_class(tr_dtype dtype);

#endif
