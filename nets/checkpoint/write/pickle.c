/* Opcodes: CPython's Lib/pickletools.py; the form of a tensor: torch._utils._rebuild_tensor_v2 with the
 * persistent id
 * ("storage", class, key, "cpu", elements), as torch.serialization writes it. */
#include "nets/checkpoint/write/pickle_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(tr_pickle_out *p, const void *bytes, size_t size) {
  if (p->failed) return;
  if (p->size + size > p->room) {
    const size_t room = 2 * (p->size + size) + 4096;
    unsigned char *grown = realloc(p->bytes, room);
    p->failed = !grown;
    if (!grown) return;
    p->bytes = grown, p->room = room;
  }
  memcpy(p->bytes + p->size, bytes, size);
  p->size += size;
}

static void put_op(tr_pickle_out *p, char op) {
  put(p, &op, 1);
}

/* `width` bytes of a number, the lowest first. */
static void put_little(tr_pickle_out *p, int width, uint64_t value) {
  unsigned char bytes[8];
  for (int i = 0; i < width; i++) bytes[i] = (unsigned char)(value >> 8 * i);
  put(p, bytes, (size_t)width);
}

void tr_pickle_put_start(tr_pickle_out *p) {
  put(p, "\x80\x02", 2);
}

void tr_pickle_put_stop(tr_pickle_out *p) {
  put_op(p, '.');
}

void tr_pickle_put_none(tr_pickle_out *p) {
  put_op(p, 'N');
}

void tr_pickle_put_bool(tr_pickle_out *p, bool value) {
  put_op(p, value ? '\x88' : '\x89');
}

void tr_pickle_put_int(tr_pickle_out *p, int64_t value) {
  if (value >= INT32_MIN && value <= INT32_MAX) {
    put_op(p, 'J');
    put_little(p, 4, (uint32_t)(int32_t)value);
    return;
  }
  put(p, "\x8a\x08", 2); /* LONG1 of eight bytes, two's complement */
  put_little(p, 8, (uint64_t)value);
}

void tr_pickle_put_real(tr_pickle_out *p, double value) {
  uint64_t bits;
  unsigned char bytes[8];
  memcpy(&bits, &value, sizeof bits);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(bits >> (56 - 8 * i)); /* the highest first */
  put_op(p, 'G');
  put(p, bytes, sizeof bytes);
}

void tr_pickle_put_text(tr_pickle_out *p, const char *text) {
  const size_t size = strlen(text);
  put_op(p, 'X');
  put_little(p, 4, (uint32_t)size);
  put(p, text, size);
}

void tr_pickle_put_dict(tr_pickle_out *p) {
  put(p, "}(", 2);
}

void tr_pickle_end_dict(tr_pickle_out *p) {
  put_op(p, 'u');
}

void tr_pickle_put_list(tr_pickle_out *p) {
  put(p, "](", 2);
}

void tr_pickle_end_list(tr_pickle_out *p) {
  put_op(p, 'e');
}

void tr_pickle_put_tuple(tr_pickle_out *p) {
  put_op(p, '(');
}

void tr_pickle_end_tuple(tr_pickle_out *p) {
  put_op(p, 't');
}

static void put_name(tr_pickle_out *p, const char *module, const char *name) {
  put_op(p, 'c');
  put(p, module, strlen(module));
  put_op(p, '\n');
  put(p, name, strlen(name));
  put_op(p, '\n');
}

static void put_extents(tr_pickle_out *p, int ndim, const int64_t *extent) {
  tr_pickle_put_tuple(p);
  for (int i = 0; i < ndim; i++) tr_pickle_put_int(p, extent[i]);
  tr_pickle_end_tuple(p);
}

static void put_storage(tr_pickle_out *p, const char *storage_class, long key, int64_t count) {
  char text[24];
  snprintf(text, sizeof text, "%ld", key);
  tr_pickle_put_tuple(p);
  tr_pickle_put_text(p, "storage");
  put_name(p, "torch", storage_class);
  tr_pickle_put_text(p, text);
  tr_pickle_put_text(p, "cpu");
  tr_pickle_put_int(p, count);
  tr_pickle_end_tuple(p);
  put_op(p, 'Q');
}

void tr_pickle_put_tensor(tr_pickle_out *p, const char *storage_class, long key, int ndim,
                          const int64_t *shape) {
  int64_t stride[8], count = 1;
  for (int i = ndim - 1; i >= 0; i--) stride[i] = count, count *= shape[i] ? shape[i] : 1;
  for (int i = 0; i < ndim; i++) count = shape[i] ? count : 0;
  put_name(p, "torch._utils", "_rebuild_tensor_v2");
  tr_pickle_put_tuple(p);
  put_storage(p, storage_class, key, count);
  tr_pickle_put_int(p, 0); /* where it begins in the storage */
  put_extents(p, ndim, shape);
  put_extents(p, ndim, stride);
  tr_pickle_put_bool(p, false); /* requires_grad */
  put_name(p, "collections", "OrderedDict");
  put(p, ")R", 2); /* its hooks: none */
  tr_pickle_end_tuple(p);
  put_op(p, 'R');
}
