/* The memory of the pickle machine, its run, and looking at what it made. */
#include "nets/checkpoint/pickle_private.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "nets/checkpoint/pickle_machine_private.h"

enum { BLOCK = 1 << 16 };
static const size_t max_values = (size_t)256 << 20;

/* Memory is taken in blocks and given back all at once. */
typedef struct block {
  struct block *next;
  size_t used, size;
  alignas(max_align_t) unsigned char bytes[];
} block;

struct tr_pickle {
  block *blocks;
  size_t total;
  const tr_value *root;
  const tr_pickle_storage *storages;
};

/* ---- errors and memory ---- */

tr_status tr_pickle_fail(tr_pickle_machine *machine, const char *format, ...) {
  char text[320];
  va_list args;
  va_start(args, format);
  tr_text_vshow(text, sizeof text, format, args);
  va_end(args);
  return TR_FAIL(machine->ctx, TR_E_IO, "'%s': pickle, offset %" PRIu64 ": %s", machine->source->file,
                 machine->source->base + machine->at, text);
}

tr_status tr_pickle_out_of_memory(tr_pickle_machine *machine) {
  return TR_FAIL(machine->ctx, TR_E_MEM, "'%s': pickle, offset %" PRIu64 ": its values need too much memory",
                 machine->source->file, machine->source->base + machine->at);
}

void *tr_pickle_allocate(tr_pickle_machine *machine, size_t size) {
  tr_pickle *pickle = machine->pickle;
  size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
  if (!pickle->blocks || size > pickle->blocks->size - pickle->blocks->used) {
    size_t room = size > BLOCK ? size : BLOCK;
    block *fresh = room > max_values - pickle->total ? NULL : malloc(sizeof *fresh + room);
    if (!fresh) {
      tr_pickle_out_of_memory(machine);
      return NULL;
    }
    *fresh = (block){.next = pickle->blocks, .size = room};
    pickle->blocks = fresh;
    pickle->total += room;
  }
  void *memory = pickle->blocks->bytes + pickle->blocks->used;
  pickle->blocks->used += size;
  return memory;
}

tr_value *tr_pickle_value(tr_pickle_machine *machine, tr_pickle_kind kind) {
  tr_value *value = tr_pickle_allocate(machine, sizeof *value);
  if (value) *value = (tr_value){.kind = kind};
  return value;
}

static tr_status run(tr_pickle_machine *machine) {
  while (!machine->root) {
    TR_TRY(tr_pickle_step(machine));
    if (machine->next > TR_PICKLE_MAX_SIZE)
      return tr_pickle_fail(machine, "the pickle is longer than %d MiB", TR_PICKLE_MAX_SIZE >> 20);
  }
  machine->pickle->root = machine->root;
  machine->pickle->storages = machine->storages;
  return TR_OK;
}

tr_status tr_pickle_read(tr_ctx *ctx, const tr_pickle_source *source, tr_pickle **out, size_t *consumed) {
  *out = NULL;
  tr_pickle_machine *machine = calloc(1, sizeof *machine);
  tr_pickle *pickle = calloc(1, sizeof *pickle);
  tr_status status = TR_OK;
  if (!machine || !pickle) {
    status = TR_FAIL(ctx, TR_E_MEM, "'%s': out of memory for a pickle", source->file);
  } else {
    machine->ctx = ctx;
    machine->source = source;
    machine->pickle = pickle;
    status = tr_pickle_reserve(machine, &machine->stack, &machine->stack_room, 1);
    if (status == TR_OK) status = run(machine);
    if (consumed) *consumed = machine->next;
    free((void *)machine->stack);
    free((void *)machine->memo);
  }
  free(machine);
  if (status != TR_OK) tr_pickle_close(&pickle);
  *out = pickle;
  return status;
}

void tr_pickle_close(tr_pickle **pickle) {
  if (!*pickle) return;
  for (block *b = (*pickle)->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(*pickle);
  *pickle = NULL;
}

/* ---- looking at values ---- */

const tr_value *tr_pickle_root(const tr_pickle *pickle) {
  return pickle->root;
}

const tr_pickle_storage *tr_pickle_storages(const tr_pickle *pickle) {
  return pickle->storages;
}

bool tr_text_equals(const tr_pickle_text *text, const char *word) {
  return text->size == strlen(word) && (text->size == 0 || memcmp(text->at, word, text->size) == 0);
}

/* What a class keeps of its own, or, with slots, a pair of that and the slots. */
static const tr_value *attributes(const tr_value *state) {
  if (tr_pickle_is(state, TR_P_TUPLE) && state->as.sequence.n == 2) state = state->as.sequence.items[0];
  return tr_pickle_is(state, TR_P_DICT) ? state : NULL;
}

const tr_value *tr_value_pairs(const tr_value *value) {
  if (!value || value->kind == TR_P_DICT) return value;
  if (value->kind != TR_P_OBJECT) return NULL;
  const tr_pickle_object *object = value->as.object;
  return object->items ? object->items : attributes(object->state);
}

const tr_value *tr_value_find(const tr_value *value, const char *key) {
  const tr_value *pairs = tr_value_pairs(value);
  for (size_t i = pairs ? pairs->as.sequence.n : 0; i-- > 0;) {
    const tr_value *k = pairs->as.sequence.items[2 * i];
    if (k->kind == TR_P_TEXT && tr_text_equals(&k->as.text, key)) return pairs->as.sequence.items[2 * i + 1];
  }
  return NULL;
}

const char *tr_text_printable(const tr_pickle_text *text, char *out, size_t size) {
  *out = 0; /* for a text of no bytes */
  return text->size ? tr_text_show(text->at, text->size, out, size) : out;
}
