/* Plain values of a pickle: numbers, texts and bytes, in binary and, as protocols 0 and 1 write them, in
 * lines. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/bytes_private.h"
#include "nets/checkpoint/pickle_machine_private.h"

/* ---- bytes ---- */

tr_status tr_pickle_take(tr_pickle_machine *machine, uint64_t n, const unsigned char **bytes) {
  if (!tr_range_inside(machine->next, n, machine->source->size))
    return tr_pickle_fail(machine, "the pickle is cut off: %" PRIu64 " bytes are wanted and %zu are left", n,
                          machine->source->size - machine->next);
  *bytes = machine->source->bytes + machine->next;
  machine->next += (size_t)n;
  return TR_OK;
}

tr_status tr_pickle_take_integer(tr_pickle_machine *machine, int n, uint64_t *value) {
  const unsigned char *bytes = NULL;
  TR_TRY(tr_pickle_take(machine, (uint64_t)n, &bytes));
  *value = 0;
  for (int i = n - 1; i >= 0; i--) *value = *value << 8 | bytes[i];
  return TR_OK;
}

tr_status tr_pickle_take_line(tr_pickle_machine *machine, tr_pickle_text *line) {
  const size_t left = machine->source->size - machine->next;
  const unsigned char *start = machine->source->bytes + machine->next;
  const unsigned char *end = left ? memchr(start, '\n', left) : NULL;
  if (!end) return tr_pickle_fail(machine, "the pickle is cut off inside a name or number");
  *line = (tr_pickle_text){.at = (const char *)start, .size = (size_t)(end - start)};
  machine->next += line->size + 1;
  return TR_OK;
}

bool tr_pickle_decimal(const tr_pickle_text *text, int64_t *value) {
  char digits[24], *end;
  if (text->size == 0 || text->size >= sizeof digits) return false;
  memcpy(digits, text->at, text->size);
  digits[text->size] = 0;
  errno = 0;
  *value = strtoll(digits, &end, 10);
  return errno == 0 && end == digits + text->size;
}

/* ---- numbers ---- */

tr_status tr_pickle_none(tr_pickle_machine *machine, int argument) {
  (void)argument;
  return tr_pickle_push(machine, tr_pickle_value(machine, TR_P_NONE));
}

/* argument: the truth */
tr_status tr_pickle_bool(tr_pickle_machine *machine, int argument) {
  tr_value *value = tr_pickle_value(machine, TR_P_BOOL);
  if (value) value->as.truth = argument;
  return tr_pickle_push(machine, value);
}

static tr_status push_integer(tr_pickle_machine *machine, int64_t integer) {
  tr_value *value = tr_pickle_value(machine, TR_P_INT);
  if (value) value->as.integer = integer;
  return tr_pickle_push(machine, value);
}

static tr_status push_text(tr_pickle_machine *machine, tr_pickle_kind kind, const void *at, uint64_t size) {
  tr_value *value = tr_pickle_value(machine, kind);
  if (value) value->as.text = (tr_pickle_text){.at = at, .size = (size_t)size};
  return tr_pickle_push(machine, value);
}

/* argument: bytes; four are signed, one and two are not */
tr_status tr_pickle_integer(tr_pickle_machine *machine, int argument) {
  uint64_t bits = 0;
  TR_TRY(tr_pickle_take_integer(machine, argument, &bits));
  return push_integer(machine, argument == 4 ? (int32_t)bits : (int64_t)bits);
}

/* Two's complement of any length; what needs more than 64 bits stays bytes. argument: bytes of the length */
tr_status tr_pickle_long(tr_pickle_machine *machine, int argument) {
  uint64_t n = 0, bits = 0;
  const unsigned char *bytes = NULL;
  TR_TRY(tr_pickle_take_integer(machine, argument, &n));
  TR_TRY(tr_pickle_take(machine, n, &bytes));
  if (n > 8) return push_text(machine, TR_P_BIG, bytes, n);
  for (size_t i = (size_t)n; i-- > 0;) bits = bits << 8 | bytes[i];
  if (n > 0 && n < 8 && bits >> (8 * n - 1)) bits |= UINT64_MAX << 8 * n;
  return push_integer(machine, (int64_t)bits);
}

static tr_status push_real(tr_pickle_machine *machine, double real) {
  tr_value *value = tr_pickle_value(machine, TR_P_FLOAT);
  if (value) value->as.real = real;
  return tr_pickle_push(machine, value);
}

tr_status tr_pickle_float(tr_pickle_machine *machine, int argument) {
  (void)argument;
  const unsigned char *bytes = NULL;
  double real;
  TR_TRY(tr_pickle_take(machine, 8, &bytes)); /* big-endian, unlike everything else */
  uint64_t bits = 0;
  for (int i = 0; i < 8; i++) bits = bits << 8 | bytes[i];
  memcpy(&real, &bits, sizeof bits);
  return push_real(machine, real);
}

/* ---- texts ---- */

static tr_status take_text(tr_pickle_machine *machine, tr_pickle_kind kind, int length_bytes) {
  uint64_t n = 0;
  const unsigned char *bytes = NULL;
  TR_TRY(tr_pickle_take_integer(machine, length_bytes, &n));
  TR_TRY(tr_pickle_take(machine, n, &bytes));
  return push_text(machine, kind, bytes, n);
}

/* argument: bytes of the length */
tr_status tr_pickle_text_of(tr_pickle_machine *machine, int argument) {
  return take_text(machine, TR_P_TEXT, argument);
}

/* argument: bytes of the length */
tr_status tr_pickle_bytes(tr_pickle_machine *machine, int argument) {
  return take_text(machine, TR_P_BYTES, argument);
}

/* ---- in lines ---- */

/* "01" and "00" are truths. argument: whether an L may stand behind the digits, for any size */
tr_status tr_pickle_line_integer(tr_pickle_machine *machine, int argument) {
  tr_pickle_text line = {0};
  int64_t value;
  TR_TRY(tr_pickle_take_line(machine, &line));
  if (!argument && line.size == 2 && line.at[0] == '0' && (line.at[1] == '0' || line.at[1] == '1'))
    return tr_pickle_bool(machine, line.at[1] == '1');
  if (argument && line.size > 1 && line.at[line.size - 1] == 'L') line.size--;
  if (tr_pickle_decimal(&line, &value)) return push_integer(machine, value);
  for (size_t i = line.size > 1 && line.at[0] == '-'; i < line.size; i++)
    if (line.at[i] < '0' || line.at[i] > '9') line.size = 0;
  if (line.size == 0) return tr_pickle_fail(machine, "a line that should hold a whole number does not");
  return push_text(machine, TR_P_BIG, line.at, line.size);
}

tr_status tr_pickle_line_float(tr_pickle_machine *machine, int argument) {
  (void)argument;
  tr_pickle_text line = {0};
  char digits[64], *end;
  TR_TRY(tr_pickle_take_line(machine, &line));
  size_t size = line.size < sizeof digits ? line.size : 0;
  if (size) memcpy(digits, line.at, size);
  digits[size] = 0;
  double real = strtod(digits, &end);
  if (size == 0 || end != digits + size)
    return tr_pickle_fail(machine, "a line that should hold a number does not");
  return push_real(machine, real);
}

/* What stands in the line, escapes and all. argument: whether in quotes */
tr_status tr_pickle_line_text(tr_pickle_machine *machine, int argument) {
  tr_pickle_text line = {0};
  TR_TRY(tr_pickle_take_line(machine, &line));
  if (!argument) return push_text(machine, TR_P_TEXT, line.at, line.size);
  bool quoted =
      line.size >= 2 && (line.at[0] == '\'' || line.at[0] == '"') && line.at[line.size - 1] == line.at[0];
  if (!quoted) return tr_pickle_fail(machine, "a text lacks its quotes");
  return push_text(machine, TR_P_TEXT, line.at + 1, line.size - 2);
}
