#include "core/text/lines_private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST (16 << 20)

size_t tr_byte_order_mark(const char *text, size_t size) {
  return size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

tr_status tr_lines_open(tr_ctx *ctx, const char *path, tr_lines *out) {
  *out = (tr_lines){.path = path, .file = fopen(path, "r")};
  return out->file ? TR_OK : TR_FAIL(ctx, TR_E_IO, "'%s' cannot be read: %s", path, strerror(errno));
}

void tr_lines_close(tr_lines *l) {
  if (l->file) fclose(l->file);
  free(l->text);
  *l = (tr_lines){0};
}

static tr_status grow(tr_ctx *ctx, tr_lines *l) {
  if (l->room > LONGEST)
    return TR_FAIL(ctx, TR_E_IO, "%s:%d: the line has more than %d bytes: is this a text file?", l->path,
                   l->number, LONGEST);
  size_t room = l->room ? 2 * l->room : 256;
  char *text = realloc(l->text, room);
  if (!text) return TR_FAIL(ctx, TR_E_MEM, "%s:%d: out of memory for the line", l->path, l->number);
  l->text = text;
  l->room = room;
  return TR_OK;
}

tr_status tr_lines_next(tr_ctx *ctx, tr_lines *l, bool *more) {
  size_t used = 0;
  bool comment = false;
  int c = getc(l->file);
  *more = c != EOF;
  if (l->number < INT_MAX) l->number++;
  for (; c != EOF && c != '\n'; c = getc(l->file)) {
    if (c == 0)
      return TR_FAIL(ctx, TR_E_IO, "%s:%d: the line has a NUL: this is no text file", l->path, l->number);
    comment = comment || c == '#';
    if (comment) continue;
    if (used + 1 >= l->room) TR_TRY(grow(ctx, l));
    l->text[used++] = (char)c;
  }
  if (ferror(l->file)) return TR_FAIL(ctx, TR_E_IO, "%s: %s", l->path, strerror(errno));
  if (l->room == 0) TR_TRY(grow(ctx, l));
  if (l->number == 1) {
    size_t mark = tr_byte_order_mark(l->text, used);
    memmove(l->text, l->text + mark, used -= mark);
  }
  l->text[used] = 0;
  return TR_OK;
}
