#include "core/options/options_private.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/require_private.h"
#include "core/text.h"
#include "core/text/lines_private.h"

#define METAVAR(option) tr_option_metavar((option), (char[256]){0}, 256)

static void *field(const tr_option *option, void *values) {
  return (char *)values + option->offset;
}

static bool in_mode(const tr_option *option, int mode) {
  return option->modes == 0 || (option->modes >> mode & 1u);
}

static bool is_alias(const tr_option *option, const char *name) {
  size_t length = strlen(name);
  for (const char *a = option->aliases; a && *a; a += strspn(a, ",")) {
    size_t of_alias = strcspn(a, ",");
    if (of_alias == length && strncmp(a, name, length) == 0) return true;
    a += of_alias;
  }
  return false;
}

static bool is_called(const tr_option *option, const char *name) {
  return strcmp(option->name, name) == 0 || is_alias(option, name);
}

int tr_option_row(const tr_option_table *table, int mode, const char *name) {
  if (!table || !name) return -1;
  for (int i = 0; i < table->n_options; i++)
    if (in_mode(&table->options[i], mode) && is_called(&table->options[i], name)) return i;
  return -1;
}

bool tr_option_given(const tr_option_table *table, const tr_parsed *parsed, const char *name) {
  if (!table || !parsed || !name) return false;
  int row = tr_option_row(table, parsed->mode, name);
  return row >= 0 && parsed->given[row];
}

static tr_range range_of(const tr_option *option) {
  return (tr_range){option->flags, option->low, option->high};
}

const char *tr_option_range(const tr_option *option, char *text, size_t size) {
  if (!option || !text) return "";
  const tr_range range = range_of(option);
  return tr_range_text(&range, text, size);
}

static bool in_range(const tr_option *option, double value) {
  const tr_range range = range_of(option);
  return tr_range_has(&range, value);
}

static tr_status bad_value(tr_ctx *ctx, const tr_option *option, const char *value, const char *wanted) {
  char range[96];
  tr_option_range(option, range, sizeof range);
  return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' is not right: use %s%s%s", option->name, value, wanted,
                 *range ? " " : "", range);
}

/* A number that no long holds: one end of the range is then that of the type. */
static tr_status too_far(tr_ctx *ctx, const tr_option *option, const char *value) {
  char low[64];
  const bool bounded = option->flags & TR_OPTION_GE;
  if (option->flags & (TR_OPTION_LE | TR_OPTION_LT)) return bad_value(ctx, option, value, "a whole number");
  snprintf(low, sizeof low, "%ld", bounded ? (long)option->low : LONG_MIN + 1);
  return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' is not right: use a whole number from %s to %ld", option->name,
                 value, low, LONG_MAX);
}

static tr_status parse_long(tr_ctx *ctx, const tr_option *option, const char *text, const char *whole,
                            long *out) {
  char *end;
  errno = 0;
  *out = strtol(text, &end, 10);
  if (errno == ERANGE && !*end) return too_far(ctx, option, whole);
  if (isspace((unsigned char)*text) || end == text || *end || errno || !in_range(option, (double)*out))
    return bad_value(ctx, option, whole, option->type == TR_OPTION_INTS ? "whole numbers" : "a whole number");
  return TR_OK;
}

static tr_status parse_seed(tr_ctx *ctx, const tr_option *option, const char *text, uint64_t *out) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  *out = value;
  if (isdigit((unsigned char)*text) && !*end && !errno && value <= UINT64_MAX) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' is not right: use a whole number from 0 to %llu", option->name,
                 text, (unsigned long long)UINT64_MAX);
}

static tr_status parse_double(tr_ctx *ctx, const tr_option *option, const char *text, const char *whole,
                              double *out) {
  char *end;
  *out = strtod(text, &end);
  bool list = option->type == TR_OPTION_DOUBLES,
       number = !isspace((unsigned char)*text) && end != text && !*end;
  if (number && !isfinite(*out))
    return bad_value(ctx, option, whole, list ? "finite numbers" : "a finite number");
  if (!number || !in_range(option, *out)) return bad_value(ctx, option, whole, list ? "numbers" : "a number");
  return TR_OK;
}

static tr_status check_list(tr_ctx *ctx, const tr_option *option, const char *text, const double *v, int n) {
  if (option->count && n != option->count)
    return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' has %d entr%s: give %d, separated by commas", option->name, text,
                   n, n == 1 ? "y" : "ies", option->count);
  if (option->flags & TR_OPTION_INCREASING)
    for (int i = 1; i < n; i++)
      if (!(v[i] > v[i - 1]))
        return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' is not increasing: %g does not come after %g", option->name,
                       text, v[i], v[i - 1]);
  return TR_OK;
}

/* Lists are read as doubles or longs side by side; `longs` is NULL for a list of doubles. */
static tr_status parse_entries(tr_ctx *ctx, const tr_option *option, const char *text, char *copy,
                               double *doubles, long *longs, int n) {
  for (int i = 0; i < n; i++) {
    char *comma = strchr(copy, ',');
    if (comma) *comma = 0;
    if (longs) {
      TR_TRY(parse_long(ctx, option, copy, text, &longs[i]));
      doubles[i] = (double)longs[i];
    } else {
      TR_TRY(parse_double(ctx, option, copy, text, &doubles[i]));
    }
    if (comma) copy = comma + 1;
  }
  return check_list(ctx, option, text, doubles, n);
}

/* Adds a number to a list with this room. */
static bool add_number(tr_int_list *list, int *room, long value) {
  if (list->n == *room) {
    if (*room > INT_MAX / 2) return false;
    int more = *room ? 2 * *room : 256;
    long *v = realloc(list->v, (size_t)more * sizeof *v);
    if (!v) return false;
    list->v = v;
    *room = more;
  }
  list->v[list->n++] = value;
  return true;
}

static tr_status parse_line(tr_ctx *ctx, const tr_option *option, const tr_lines *line, tr_int_list *list,
                            int *room) {
  char *rest = line->text;
  long value;
  for (char *word; (word = strtok_r(rest, " \t\r\f\v,", &rest));) {
    tr_status status = parse_long(ctx, option, word, word, &value);
    if (status != TR_OK) {
      const tr_error error = *tr_ctx_error(ctx);
      tr_ctx_clear(ctx);
      return TR_FAIL(ctx, status, "%s:%d: %s", line->path, line->number, TR_SHOW(error.message, 300));
    }
    if (!add_number(list, room, value))
      return TR_FAIL(ctx, TR_E_MEM, "out of memory reading --%s", option->name);
  }
  return TR_OK;
}

/* "@FILE" */
static tr_status parse_file(tr_ctx *ctx, const tr_option *option, const char *text, tr_int_list *out) {
  tr_int_list list = {.given = text};
  tr_lines lines;
  int room = 0;
  bool more = true;
  tr_status status = tr_lines_open(ctx, text + 1, &lines);
  while (status == TR_OK && more) {
    status = tr_lines_next(ctx, &lines, &more);
    if (status == TR_OK && more) status = parse_line(ctx, option, &lines, &list, &room);
  }
  tr_lines_close(&lines);
  if (status == TR_OK && list.n == 0)
    status = TR_FAIL(ctx, TR_E_IO, "--%s '%s': the file holds no numbers", option->name, text);
  if (status == TR_OK)
    *out = list;
  else
    free(list.v);
  return status;
}

static tr_status parse_list(tr_ctx *ctx, const tr_option *option, const char *text, void *out) {
  int n = 1;
  for (const char *c = text; *c; c++) n += *c == ',';
  bool ints = option->type == TR_OPTION_INTS;
  char *copy = strdup(text);
  double *doubles = calloc((size_t)n, sizeof *doubles);
  long *longs = ints ? calloc((size_t)n, sizeof *longs) : NULL;
  tr_status status = copy && doubles && (longs || !ints)
                         ? parse_entries(ctx, option, text, copy, doubles, longs, n)
                         : TR_FAIL(ctx, TR_E_MEM, "out of memory reading --%s", option->name);
  if (ints && status == TR_OK)
    *(tr_int_list *)out = (tr_int_list){.n = n, .v = longs}, longs = NULL;
  else if (status == TR_OK)
    *(tr_double_list *)out = (tr_double_list){n, doubles}, doubles = NULL;
  free(copy);
  free(doubles);
  free(longs);
  return status;
}

#define CHOICES_MAX 64

/* Splits "a,b,c" in place of `copy`. */
static int split_choices(const char *choices, char *copy, size_t size, const char **names) {
  int n = 0;
  snprintf(copy, size, "%s", choices);
  char *rest = copy;
  for (char *word; n < CHOICES_MAX && (word = strtok_r(rest, ",", &rest));) names[n++] = word;
  return n;
}

/* "; 'deis' is an ode-method", when another kind has the name. */
static void other_kind(tr_ctx *ctx, const char *kind, const char *name, char *text, size_t size) {
  const tr_module *module;
  const char *other;
  *text = 0;
  for (int k = 0; (other = tr_kind_at(ctx, k)) != NULL; k++) {
    if (strcmp(other, kind) == 0) continue;
    bool found = tr_find(ctx, other, name, &module) == TR_OK;
    bool an = strchr("aeio", *other) || strncmp(other, "sde", 3) == 0; /* as it is said */
    if (found) snprintf(text, size, "; '%s' is %s %s", module->name, an ? "an" : "a", other);
    tr_ctx_clear(ctx);
  }
}

static tr_status parse_registered(tr_ctx *ctx, const tr_option *option, const char *text, const char **out) {
  const tr_module *module;
  tr_status status = tr_find(ctx, option->kind, text, &module);
  if (status != TR_OK) {
    tr_error error = *tr_ctx_error(ctx);
    char other[128];
    tr_ctx_clear(ctx);
    other_kind(ctx, option->kind, text, other, sizeof other);
    return TR_FAIL(ctx, status, "--%s: %s%s", option->name, TR_SHOW(error.message, 340), other);
  }
  *out = module->name;
  return TR_OK;
}

static tr_status parse_choice(tr_ctx *ctx, const tr_option *option, const char *text, const char **out) {
  if (option->kind) return parse_registered(ctx, option, text, out);
  const char *names[CHOICES_MAX];
  char copy[256];
  int n = split_choices(option->choices, copy, sizeof copy, names);
  for (int i = 0; i < n; i++)
    if (strcmp(names[i], text) == 0) {
      *out = text;
      return TR_OK;
    }
  const char *near = tr_nearest(text, names, n);
  if (near)
    return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' is not a choice: did you mean '%s'? (known: %s)", option->name,
                   text, near, option->choices);
  return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' is not a choice: use one of %s", option->name, text,
                 option->choices);
}

/* A list of numbers, of a file of them, or a word in its place. */
static tr_status parse_ints(tr_ctx *ctx, const tr_option *option, const char *text, tr_int_list *out) {
  if (*text == '@' && option->flags & TR_OPTION_FROM_FILE) return parse_file(ctx, option, text, out);
  if (option->choices && isalpha((unsigned char)*text)) {
    TR_TRY(parse_choice(ctx, option, text, &out->given));
    return TR_OK;
  }
  return parse_list(ctx, option, text, out);
}

/* One entry of a list of texts; what is not a choice points into the list's own copy. */
static tr_status parse_text_entry(tr_ctx *ctx, const tr_option *option, const char *word,
                                  tr_text_list *list) {
  const char *value = word;
  if (!*word)
    return TR_FAIL(ctx, TR_E_ARG, "--%s has an empty entry: separate entries by one comma", option->name);
  if (option->kind || option->choices) TR_TRY(parse_choice(ctx, option, word, &value));
  for (int i = 0; i < list->n; i++)
    if (strcmp(list->v[i], value) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "--%s has '%s' twice: give it once", option->name, value);
  list->v[list->n++] = value;
  return TR_OK;
}

/* The entries and the text that they point into are one block. */
static tr_status parse_texts(tr_ctx *ctx, const tr_option *option, const char *text, tr_text_list *out) {
  size_t n = 1;
  for (const char *c = text; *c; c++) n += *c == ',';
  tr_text_list list = {0, malloc(n * sizeof *list.v + strlen(text) + 1)};
  if (!list.v) return TR_FAIL(ctx, TR_E_MEM, "out of memory reading --%s", option->name);
  char *word = (char *)(list.v + n);
  strcpy(word, text);
  tr_status status = TR_OK;
  for (char *comma = word; comma && status == TR_OK; word = comma + 1) {
    comma = strchr(word, ',');
    if (comma) *comma = 0;
    status = parse_text_entry(ctx, option, word, &list);
    if (!comma) break;
  }
  if (status == TR_OK)
    *out = list;
  else
    free(list.v);
  return status;
}

/* One "NAME=VALUE" at the end of the list, which has room. */
static tr_status parse_pair(tr_ctx *ctx, const tr_option *option, const char *word, const char *whole,
                            tr_pair_list *list) {
  const char *equals = strchr(word, '=');
  tr_pair *pair = &list->v[list->n];
  size_t length = equals ? (size_t)(equals - word) : 0;
  if (length == 0 || length >= sizeof pair->name)
    return TR_FAIL(ctx, TR_E_ARG, "--%s '%s' is not right: use NAME=VALUE, separated by commas", option->name,
                   whole);
  snprintf(pair->name, sizeof pair->name, "%.*s", (int)length, word);
  TR_TRY(parse_double(ctx, option, equals + 1, whole, &pair->value));
  for (int i = 0; i < list->n; i++)
    if (strcmp(list->v[i].name, pair->name) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "--%s has '%s' twice: give it once", option->name, pair->name);
  list->n++;
  return TR_OK;
}

/* Adds to what the list has. */
static tr_status parse_pairs(tr_ctx *ctx, const tr_option *option, const char *text, tr_pair_list *list) {
  size_t n = 1;
  for (const char *c = text; *c; c++) n += *c == ',';
  char *copy = strdup(text), *rest = copy;
  tr_pair *grown = realloc(list->v, ((size_t)list->n + n) * sizeof *grown);
  if (grown) list->v = grown;
  tr_status status =
      copy && grown ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory reading --%s", option->name);
  while (status == TR_OK && rest) {
    char *word = rest, *comma = strchr(word, ',');
    rest = comma ? comma + 1 : NULL;
    if (comma) *comma = 0;
    status = parse_pair(ctx, option, word, text, list);
  }
  free(copy);
  return status;
}

static tr_status parse_value(tr_ctx *ctx, const tr_option *option, const char *text, void *values) {
  void *out = field(option, values);
  switch (option->type) {
  case TR_OPTION_FLAG:
    *(bool *)out = true;
    return TR_OK;
  case TR_OPTION_INT:
    return parse_long(ctx, option, text, text, out);
  case TR_OPTION_SEED:
    return parse_seed(ctx, option, text, out);
  case TR_OPTION_DOUBLE:
    return parse_double(ctx, option, text, text, out);
  case TR_OPTION_TEXT:
    if (!*text) return TR_FAIL(ctx, TR_E_ARG, "--%s is empty: give a %s", option->name, METAVAR(option));
    *(const char **)out = text;
    return TR_OK;
  case TR_OPTION_CHOICE:
    return parse_choice(ctx, option, text, out);
  case TR_OPTION_INTS:
    return parse_ints(ctx, option, text, out);
  case TR_OPTION_DOUBLES:
    return parse_list(ctx, option, text, out);
  case TR_OPTION_TEXTS:
    return parse_texts(ctx, option, text, out);
  case TR_OPTION_PAIRS:
    return parse_pairs(ctx, option, text, out);
  }
  return TR_FAIL(ctx, TR_E_ARG, "--%s has no type that can be read", option->name);
}

static void unset(const tr_option *option, void *values) {
  void *out = field(option, values);
  if (option->type == TR_OPTION_INT) *(long *)out = TR_OPTION_UNSET;
  if (option->type == TR_OPTION_DOUBLE) *(double *)out = NAN;
}

/* "ODE and SDE": the modes that have some row of this name; returns how many there are. */
static int modes_with(const tr_option_table *table, const char *name, char *text, size_t size) {
  int n = 0;
  text[0] = 0;
  for (int m = 0; table->modes && table->modes[m]; m++) {
    if (tr_option_row(table, m, name) < 0) continue;
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", n++ ? " and " : "", table->modes[m]);
  }
  return n;
}

static tr_status unknown_option(tr_ctx *ctx, const tr_option_table *table, int mode, const char *name) {
  char having[96];
  if (modes_with(table, name, having, sizeof having) > 0)
    return TR_FAIL(ctx, TR_E_ARG, "--%s is not an option of '%s %s %s': it belongs to %s", name,
                   table->program, table->name, table->modes[mode], having);
  for (const tr_option_hint *hint = table->hints; hint && hint->name; hint++)
    if (strcmp(hint->name, name) == 0)
      return TR_FAIL(ctx, TR_E_ARG, "--%s is no option of '%s %s': %s", name, table->program, table->name,
                     hint->instead);
  const char *names[TR_OPTIONS_MAX + 1];
  int n = 0;
  for (int i = 0; i < table->n_options; i++) names[n++] = table->options[i].name;
  names[n++] = "help";
  const char *near = tr_nearest(name, names, n);
  if (near) return TR_FAIL(ctx, TR_E_ARG, "unknown option --%s: did you mean --%s?", name, near);
  return TR_FAIL(ctx, TR_E_ARG, "unknown option --%s: see '%s %s --help'", name, table->program, table->name);
}

/* One "--name value" or "--name=value" at argv[*at], which moves past what was read. */
static tr_status parse_option(tr_ctx *ctx, const tr_option_table *table, int argc, char *const *argv, int *at,
                              void *values, tr_parsed *parsed) {
  const char *word = argv[*at] + 2, *equals = strchr(word, '=');
  char name[64];
  tr_text_show(word, equals ? (size_t)(equals - word) : strlen(word), name, sizeof name);
  int row = tr_option_row(table, parsed->mode, name);
  if (row < 0) return unknown_option(ctx, table, parsed->mode, name);
  const tr_option *option = &table->options[row];
  if (parsed->given[row] && option->type != TR_OPTION_PAIRS)
    return is_alias(option, name)
               ? TR_FAIL(ctx, TR_E_ARG,
                         "--%s is another name of --%s, which is given already: give one of them", name,
                         option->name)
               : TR_FAIL(ctx, TR_E_ARG, "--%s is given twice: give it once", option->name);
  parsed->given[row] = true;
  ++*at;
  if (option->type == TR_OPTION_FLAG) {
    if (equals)
      return TR_FAIL(ctx, TR_E_ARG, "--%s takes no value: leave '=%s' away", option->name, equals + 1);
    return parse_value(ctx, option, "", values);
  }
  if (equals) return parse_value(ctx, option, equals + 1, values);
  if (*at >= argc || strncmp(argv[*at], "--", 2) == 0)
    return TR_FAIL(ctx, TR_E_ARG, "--%s needs a value: --%s %s", option->name, option->name, METAVAR(option));
  return parse_value(ctx, option, argv[(*at)++], values);
}

static bool asks_for_help(int argc, char *const *argv) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
  return false;
}

/* The mode stands first, so that every later error can name it. */
static tr_status parse_mode(tr_ctx *ctx, const tr_option_table *table, int argc, char *const *argv,
                            tr_parsed *parsed) {
  char list[96] = "";
  int n = 0;
  for (; table->modes[n]; n++) {
    if (argc > 0 && strcmp(argv[0], table->modes[n]) == 0) {
      parsed->mode = n;
      return TR_OK;
    }
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", n ? " or " : "", table->modes[n]);
  }
  if (argc == 0 || argv[0][0] == '-')
    return TR_FAIL(ctx, TR_E_ARG, "say %s first: '%s %s %s ...'", list, table->program, table->name,
                   table->modes[0]);
  const char *near = tr_nearest(argv[0], table->modes, n);
  if (near) return TR_FAIL(ctx, TR_E_ARG, "unknown mode '%s': did you mean '%s'?", argv[0], near);
  return TR_FAIL(ctx, TR_E_ARG, "unknown mode '%s': say %s", argv[0], list);
}

static tr_status parse_arguments(tr_ctx *ctx, const tr_option_table *table, int argc, char *const *argv,
                                 void *values, tr_parsed *parsed) {
  for (int i = 0; i < argc;) {
    if (strncmp(argv[i], "--", 2) == 0 && argv[i][2])
      TR_TRY(parse_option(ctx, table, argc, argv, &i, values, parsed));
    else if (argv[i][0] == '-' && argv[i][1])
      return TR_FAIL(ctx, TR_E_ARG, "unknown option %s: options begin with two dashes", argv[i]);
    else
      TR_TRY(tr_operand_take(ctx, table, argv[i++], values));
  }
  return TR_OK;
}

/* The required options that are not given, all of them. */
static tr_status check_required(tr_ctx *ctx, const tr_option_table *table, const tr_parsed *parsed) {
  char names[256] = "", uses[512] = "";
  size_t of_names = 0, of_uses = 0;
  int n = 0;
  for (int i = 0; i < table->n_options && of_names < sizeof names && of_uses < sizeof uses; i++) {
    const tr_option *option = &table->options[i];
    if (!in_mode(option, parsed->mode) || parsed->given[i] || !(option->flags & TR_OPTION_REQUIRED)) continue;
    of_names +=
        (size_t)snprintf(names + of_names, sizeof names - of_names, "%s--%s", n ? " and " : "", option->name);
    of_uses +=
        (size_t)snprintf(uses + of_uses, sizeof uses - of_uses, " --%s %s", option->name, METAVAR(option));
    n++;
  }
  return n ? TR_FAIL(ctx, TR_E_ARG, "%s %s missing: give%s", names, n > 1 ? "are" : "is", uses) : TR_OK;
}

static tr_status complete(tr_ctx *ctx, const tr_option_table *table, void *values, const tr_parsed *parsed) {
  TR_TRY(check_required(ctx, table, parsed));
  for (int i = 0; i < table->n_options; i++) {
    const tr_option *option = &table->options[i];
    bool open = in_mode(option, parsed->mode) && !parsed->given[i];
    if (open && option->default_text) TR_TRY(parse_value(ctx, option, option->default_text, values));
  }
  return tr_operands_check(ctx, table, values);
}

tr_status tr_options_parse(tr_ctx *ctx, const tr_option_table *table, int argc, char *const *argv,
                           void *values, tr_parsed *parsed) {
  if (parsed) *parsed = (tr_parsed){0};
  TR_REQUIRE(ctx, table, argv, values, parsed);
  if (argc < 0) return TR_FAIL(ctx, TR_E_ARG, "%d arguments of a command: use 0 or more", argc);
  memset(values, 0, table->values_size);
  if (table->n_options > TR_OPTIONS_MAX)
    return TR_FAIL(ctx, TR_E_ARG, "the table of '%s' has %d rows: %d at most", table->name, table->n_options,
                   TR_OPTIONS_MAX);
  for (int i = 0; i < table->n_options; i++) unset(&table->options[i], values);
  if (asks_for_help(argc, argv)) {
    parsed->help = true;
    return TR_OK;
  }
  if (table->modes) {
    TR_TRY(parse_mode(ctx, table, argc, argv, parsed));
    argc--, argv++;
  }
  TR_TRY(parse_arguments(ctx, table, argc, argv, values, parsed));
  return complete(ctx, table, values, parsed);
}

void tr_options_free(const tr_option_table *table, void *values) {
  if (!table || !values) return;
  tr_operands_free(table, values);
  for (int i = 0; i < table->n_options; i++) {
    const tr_option *option = &table->options[i];
    if (option->type == TR_OPTION_INTS) {
      tr_int_list *list = field(option, values);
      free(list->v);
      *list = (tr_int_list){0};
    } else if (option->type == TR_OPTION_DOUBLES) {
      tr_double_list *list = field(option, values);
      free(list->v);
      *list = (tr_double_list){0};
    } else if (option->type == TR_OPTION_TEXTS) {
      tr_text_list *list = field(option, values);
      free(list->v);
      *list = (tr_text_list){0};
    } else if (option->type == TR_OPTION_PAIRS) {
      tr_pair_list *list = field(option, values);
      free(list->v);
      *list = (tr_pair_list){0};
    }
  }
}
