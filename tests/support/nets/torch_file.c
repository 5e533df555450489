#include "tests/support/nets/torch_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scratch.h"

enum { ROOM = 1 << 16 };

typedef struct {
  char bytes[ROOM];
  size_t size;
} buffer;

typedef struct {
  const char *at; /* in the text */
  buffer object, data;
  int n; /* storages */
} writer;

static void put(buffer *b, const void *bytes, size_t size) {
  if (b->size + size > ROOM) exit(1);
  memcpy(b->bytes + b->size, bytes, size);
  b->size += size;
}

#define PUT(b, text) put((b), text, sizeof(text) - 1)

static void put_number(buffer *b, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) put(b, &(unsigned char){(unsigned char)(value >> 8 * i)}, 1);
}

static void put_text(buffer *b, const char *text, size_t size) {
  PUT(b, "X");
  put_number(b, size, 4);
  put(b, text, size);
}

static void put_integer(buffer *b, long value) {
  PUT(b, "J");
  put_number(b, (uint64_t)value, 4);
}

static void put_key(buffer *b, int key) {
  char name[8];
  put_text(b, name, (size_t)snprintf(name, sizeof name, "%d", key));
}

/* A tensor and the storage behind it. */
static void put_tensor(writer *w, const char *class, int count, const char *shape, size_t shape_size,
                       const void *data, size_t size) {
  buffer *b = &w->object;
  PUT(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
  put_text(b, "storage", 7);
  PUT(b, "ctorch\n");
  put(b, class, strlen(class));
  PUT(b, "Storage\n");
  put_key(b, w->n++);
  put_text(b, "cpu", 3);
  put_integer(b, count);
  PUT(b, "tQK\0");
  put(b, shape, shape_size);
  PUT(b, "\x89NtR");
  put_number(&w->data, (uint64_t)count, 8);
  put(&w->data, data, size);
}

#define VECTOR "K\2\x85K\1\x85"

static long take_number(writer *w) {
  char *end;
  long value = strtol(w->at, &end, 10);
  w->at = end;
  return value;
}

static void take_tensor(writer *w, char kind) {
  const float value = (float)(kind == '@' ? 0 : take_number(w)), two[4] = {value, value + 0.5f};
  const int64_t whole = (int64_t)value;
  buffer repeated = {0};
  put_integer(&repeated, whole);
  PUT(&repeated, "J\x40\x42\x0f\0\x86K\0K\0\x86"); /* 1000000 */
  if (kind == 'T') put_tensor(w, "Float", 2, VECTOR, sizeof VECTOR - 1, two, 8);
  if (kind == 'B') put_tensor(w, "ComplexFloat", 2, VECTOR, sizeof VECTOR - 1, two, 16);
  if (kind == '@') put_tensor(w, "Char", 2, VECTOR, sizeof VECTOR - 1, "\1\2", 2);
  if (kind == 'S') put_tensor(w, "Long", 1, "))", 2, &whole, 8);
  if (kind == 'E') put_tensor(w, "Float", 1, repeated.bytes, repeated.size, two, 4);
}

static size_t word(writer *w) {
  size_t n = 0;
  while (w->at[n] && !strchr(":,{}[]'", w->at[n])) n++;
  return n;
}

static void take_value(writer *w);

static void take_dict(writer *w) {
  PUT(&w->object, "}(");
  while (*w->at != '}') {
    size_t n = word(w);
    if (w->at[n] != ':') exit(1);
    put_text(&w->object, w->at, n);
    w->at += n + 1;
    take_value(w);
    if (*w->at == ',') w->at++;
  }
  w->at++;
  PUT(&w->object, "u");
}

static void take_list(writer *w) {
  PUT(&w->object, "](");
  while (*w->at != ']') {
    take_value(w);
    if (*w->at == ',') w->at++;
  }
  w->at++;
  PUT(&w->object, "e");
}

static void take_name(writer *w, bool call) {
  size_t n = word(w);
  PUT(&w->object, "cm\n");
  put(&w->object, w->at, n);
  PUT(&w->object, "\n");
  w->at += n;
  if (call) PUT(&w->object, ")R");
  if (!call || *w->at != '{') return;
  w->at++;
  take_dict(w);
  PUT(&w->object, "b");
}

static void take_quoted(writer *w) {
  size_t n = word(w);
  put_text(&w->object, w->at, n);
  w->at += n + 1;
}

static void take_numpy(writer *w) {
  PUT(&w->object,
      "cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0i4\x89\x88\x87R(K\3X\1\0\0\0<NNNtbC\4");
  put_number(&w->object, (uint64_t)take_number(w), 4);
  PUT(&w->object, "\x86R");
}

static void take_value(writer *w) {
  const char kind = *w->at++;
  if (kind == '{') take_dict(w);
  if (kind == '[') take_list(w);
  if (kind == '!' || kind == '^') take_name(w, kind == '!');
  if (kind == '\'') take_quoted(w);
  if (kind == '%') take_numpy(w);
  if (kind == '#') put_integer(&w->object, take_number(w));
  if (strchr("TSEB@", kind)) take_tensor(w, kind);
  if (!strchr("{[!^'%#TSEB@", kind)) exit(1);
}

void torch_file_write(const char *path, const char *what) {
  static writer w;
  static buffer file;
  w = (writer){.at = what};
  file.size = 0;
  take_value(&w);
  if (*w.at) exit(1);
  PUT(&file, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.");
  PUT(&file, "}X\x0d\0\0\0little_endian\x88s.");
  put(&file, w.object.bytes, w.object.size);
  PUT(&file, ".](");
  for (int i = 0; i < w.n; i++) put_key(&file, i);
  PUT(&file, "e.");
  put(&file, w.data.bytes, w.data.size);
  write_whole(path, file.bytes, file.size);
}
