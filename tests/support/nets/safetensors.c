#include "tests/support/nets/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t bytes_of(const tr_tensor *tensor, const char *dtype) {
  return (size_t)tensor->count * (strcmp(dtype, "BF16") == 0 ? 2 : 4);
}

/* The header, padded with spaces to a multiple of 8. */
static size_t write_header(const tr_tensors *tensors, const char *dtype, char *text, size_t size) {
  size_t at = 0, used = (size_t)snprintf(text, size, "{");
  for (int i = 0; i < tensors->n; i++) {
    const tr_tensor *t = &tensors->items[i];
    used += (size_t)snprintf(text + used, size - used, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i ? "," : "",
                             t->name, dtype);
    for (int d = 0; d < t->ndim; d++)
      used += (size_t)snprintf(text + used, size - used, "%s%lld", d ? "," : "", (long long)t->shape[d]);
    used += (size_t)snprintf(text + used, size - used, "],\"data_offsets\":[%zu,%zu]}", at,
                             at + bytes_of(t, dtype));
    at += bytes_of(t, dtype);
  }
  used += (size_t)snprintf(text + used, size - used, "}");
  while (used % 8) used += (size_t)snprintf(text + used, size - used, " ");
  return used;
}

void safetensors_write(const char *path, const tr_tensors *tensors, const char *dtype) {
  const size_t room = 256 * ((size_t)tensors->n + 1), width = strcmp(dtype, "BF16") == 0 ? 2 : 4;
  char *header = malloc(room);
  FILE *file = fopen(path, "wb");
  if (!header || !file) exit(1);
  uint64_t length = write_header(tensors, dtype, header, room);
  fwrite(&length, sizeof length, 1, file);
  fwrite(header, 1, length, file);
  for (int i = 0; i < tensors->n; i++)
    for (int64_t k = 0; k < tensors->items[i].count; k++) {
      const float value = (float)((const double *)tensors->items[i].data)[k];
      fwrite((const char *)&value + sizeof value - width, 1, width, file); /* the upper half, little-endian */
    }
  free(header);
  if (fclose(file) != 0) exit(1);
}
