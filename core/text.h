/* Text from outside: names and contents of files, what a command line or a callback says. It may hold
 * anything, and is shown by these functions alone. Errors and warnings of a context go through them by
 * themselves. */
#ifndef TR_CORE_TEXT_H
#define TR_CORE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Copies `length` bytes of text to out (size >= 4 bytes, its NUL included) in a form that is one line of
 * valid UTF-8 and moves no terminal: every control character (C0, DEL and C1, as U+009B), every separator of
 * lines, every character that turns the direction of writing, and every byte that is no UTF-8 becomes one
 * '?'. So the copy is never longer than the text, and in a shell the pattern that finds a file of that name.
 * What does not fit is cut between two characters, and
 * "..." stands there. Returns out; "" for a text that is NULL. */
TR_API const char *tr_text_show(const char *text, size_t length, char *out, size_t size);

/* The same of what a format says, at most 4095 bytes of it. What is no number has no sign that means
 * anything: it is "nan", though printf says "-nan" of half of them. */
TR_API const char *tr_text_vshow(char *out, size_t size, const char *format, va_list args);

/* How the character at the beginning of `length` bytes is encoded: its bytes, and its number (may be NULL); 0
 * where there is none. Overlong forms, surrogates and numbers past U+10FFFF are none (RFC 3629). */
TR_API size_t tr_text_character(const char *text, size_t length, uint32_t *number);

/* Whether the text is UTF-8 throughout, whatever its characters. */
TR_API bool tr_text_is_utf8(const char *text, size_t length);

/* Whether the text ends so; false of NULL. */
TR_API bool tr_text_ends_with(const char *text, const char *ending);

/* Within the arguments of a call: a text, of which at most `most` bytes are shown. */
#define TR_SHOW(text, most) tr_text_show((text), strlen(text), (char[(most) + 1]){0}, (most) + 1)

#ifdef __cplusplus
}
#endif

#endif
