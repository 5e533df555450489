/* The pickle machine as its opcodes (pickle.c) and its names (pickle_names.c) see it. */
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
  size_t height, stack_room, memo_room;
  size_t marks[TR_PICKLE_MAX_MARKS]; /* heights of the stack */
  int n_marks;
  uint64_t memoized;    /* entries that MEMOIZE has filled */
  const tr_value *root; /* set by STOP */
  const tr_pickle_storage *storages;
} tr_pickle_machine;

/* Runs one opcode. */
tr_status tr_pickle_step(tr_pickle_machine *machine);

/* One name of the closed list. */
typedef struct tr_pickle_name {
  const char *module, *name, *full; /* full: "module.name" */
  tr_dtype storage_dtype;           /* of storage classes */
  bool is_storage;
  /* What calling it with a tuple of arguments gives (REDUCE); NULL: it cannot be called. */
  tr_status (*call)(tr_pickle_machine *machine, const tr_value *arguments, tr_value **out);
  bool makes_namespace; /* cls.__new__(cls) gives a namespace (NEWOBJ) */
  bool makes_opaque;    /* calling it gives something that is not kept */
} tr_pickle_name;

const tr_pickle_name *tr_pickle_find_name(const tr_pickle_text *module, const tr_pickle_text *name);
const tr_pickle_name *tr_pickle_name_of(const tr_value *value); /* NULL if the value is no name */

/* The storage that a persistent id, ("storage", class, key, device, count[, view]), stands for. */
tr_status tr_pickle_persistent(tr_pickle_machine *machine, const tr_value *id, tr_value **out);

/* Memory that lives as long as the pickle. NULL after latching an error. */
void *tr_pickle_allocate(tr_pickle_machine *machine, size_t size);
tr_value *tr_pickle_value(tr_pickle_machine *machine, tr_pickle_kind kind);
tr_status tr_pickle_out_of_memory(tr_pickle_machine *machine);
/* TR_E_IO naming the file and the offset of the opcode at work. */
tr_status tr_pickle_fail(tr_pickle_machine *machine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
