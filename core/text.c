#include "core/text.h"

#include <ctype.h>
#include <stdio.h>

#define FORMAT_ROOM 4096

size_t tr_text_character(const char *text, size_t length, uint32_t *number) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (!text || length == 0) return 0;
  const unsigned char *at = (const unsigned char *)text, first = at[0];
  size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (n == 0 || n > length) return 0;
  uint32_t c = n == 1 ? first : first & (0x7fu >> n);
  for (size_t i = 1; i < n; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
    c = c << 6 | (at[i] & 0x3fu);
  }
  if (c < least[n] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) return 0;
  if (number) *number = c;
  return n;
}

/* Controls, separators of lines and paragraphs, and what turns the direction of writing. */
static bool moves(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == 0x200e || c == 0x200f ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

const char *tr_text_show(const char *text, size_t length, char *out, size_t size) {
  if (!text || !out || size == 0) return "";
  size_t used = 0, fits = 0; /* fits: up to where "..." has room behind it */
  for (size_t i = 0, step; i < length; i += step) {
    uint32_t c = 0;
    size_t n = tr_text_character(text + i, length - i, &c);
    bool plain = n > 0 && !moves(c);
    step = n ? n : 1;
    n = plain ? n : 1;
    if (used + n >= size) { /* too long */
      snprintf(out + fits, size - fits, "...");
      return out;
    }
    memcpy(out + used, plain ? text + i : "?", n);
    used += n;
    if (used + 4 <= size) fits = used;
  }
  out[used] = 0;
  return out;
}

static bool is_of_word(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

/* A number by itself, not the end of a name such as "a-nan". Returns the length that is left. */
static size_t drop_signs_of_nan(char *text, size_t length) {
  static const char number[] = "-nan";
  const size_t n = sizeof number - 1;
  for (char *at = text; (at = strstr(at, number)); at++) {
    const bool begins = at == text || strchr(" (,[=:", at[-1]) != NULL;
    if (!begins || is_of_word(at[n])) continue;
    memmove(at, at + 1, (size_t)(text + length - at)); /* with the NUL */
    length--;
  }
  return length;
}

const char *tr_text_vshow(char *out, size_t size, const char *format, va_list args) {
  char raw[FORMAT_ROOM];
  if (!out || !format) return "";
  int length = vsnprintf(raw, sizeof raw, format, args);
  if (length < 0) raw[length = 0] = 0;
  const size_t there = (size_t)length < sizeof raw ? (size_t)length : sizeof raw - 1;
  return tr_text_show(raw, drop_signs_of_nan(raw, there), out, size);
}

bool tr_text_is_utf8(const char *text, size_t length) {
  for (size_t i = 0, n; text && i < length; i += n)
    if ((n = tr_text_character(text + i, length - i, NULL)) == 0) return false;
  return text != NULL;
}

bool tr_text_ends_with(const char *text, const char *ending) {
  if (!text || !ending) return false;
  const size_t length = strlen(text), n = strlen(ending);
  return length >= n && strcmp(text + length - n, ending) == 0;
}
