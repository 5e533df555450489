/* Help and man page from the option tables. */
#include <ctype.h>
#include <string.h>

#include "core/options/options_private.h"

#define WIDTH  96
#define INDENT 30

/* Words of `text` from column `column` on, wrapped at WIDTH and continued at `indent`. */
static void wrap(FILE *out, const char *text, int column, int indent) {
  bool first = true;
  while (*text) {
    text += strspn(text, " \n");
    int length = (int)strcspn(text, " \n");
    if (length == 0) break;
    if (!first && column + 1 + length > WIDTH) {
      fprintf(out, "\n%*s", indent, "");
      column = indent;
      first = true;
    }
    column += fprintf(out, "%s%.*s", first ? "" : " ", length, text);
    first = false;
    text += length;
  }
  fputc('\n', out);
}

/* "ODE|SDE" or nothing. */
static void synopsis_modes(const tr_option_table *table, char *text, size_t size) {
  text[0] = 0;
  for (int m = 0; table->modes && table->modes[m]; m++) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", m ? "|" : "", table->modes[m]);
  }
}

/* What stands after the help text: the mode, the choices, the range and the default. */
static void remarks(const tr_ctx *ctx, const tr_option_table *table, const tr_option *option, char *text,
                    size_t size) {
  char part[512];
  text[0] = 0;
#define ADD(...)                                                                                             \
  do {                                                                                                       \
    size_t used_ = strlen(text);                                                                             \
    snprintf(text + used_, size - used_, __VA_ARGS__);                                                       \
  } while (0)
  if (option->kind) ADD(" One of");
  const tr_module *module;
  for (int i = 0; option->kind && (module = tr_module_at(ctx, option->kind, i)); i++)
    ADD("%s%s", i ? ", " : " ", module->name);
  if (option->kind) ADD(".");
  if (*tr_option_range(option, part, sizeof part)) ADD(" %c%s.", toupper((unsigned char)part[0]), part + 1);
  for (int m = 0; option->modes && table->modes[m]; m++)
    if (option->modes == 1u << m) ADD(" %s only.", table->modes[m]);
  if (option->flags & TR_OPTION_REQUIRED)
    ADD(" Required.");
  else if (option->default_text)
    ADD(" Default %s.", option->default_text);
  else if (option->default_note)
    ADD(" Default: %s.", option->default_note);
  for (const char *a = option->aliases; a && *a; a += strspn(a, ",")) {
    int length = (int)strcspn(a, ",");
    ADD("%s --%.*s%s", a == option->aliases ? " Also" : ",", length, a, a[length] ? "" : ".");
    a += length;
  }
#undef ADD
}

/* What stands for the value: "a|b|c" for a closed list of choices. */
static const char *value_name(const tr_option *option, char *text, size_t size) {
  if (!option->choices || option->type == TR_OPTION_INTS) return option->metavar ? option->metavar : "";
  snprintf(text, size, "%s", option->choices);
  for (char *c = text; *c; c++)
    if (*c == ',') *c = '|';
  return text;
}

const char *tr_option_metavar(const tr_option *option, char *text, size_t size) {
  if (option->metavar) return option->metavar;
  return option->choices ? value_name(option, text, size) : "VALUE";
}

void tr_options_help(const tr_ctx *ctx, const tr_option_table *table, FILE *out) {
  if (!ctx || !table || !table->name || !out) return;
  char text[1024], value[256];
  synopsis_modes(table, text, sizeof text);
  fprintf(out, "usage: %s %s", table->program, table->name);
  if (*text) fprintf(out, " %s", text);
  tr_operands_text(table, true, text, sizeof text);
  fputs(text, out);
  for (int i = 0; i < table->n_options; i++)
    if (table->options[i].flags & TR_OPTION_REQUIRED)
      fprintf(out, " --%s %s", table->options[i].name,
              tr_option_metavar(&table->options[i], value, sizeof value));
  fprintf(out, " [options]\n\n");
  wrap(out, table->summary, 0, 0);
  for (const char *p = table->details; p && *p;) {
    const char *end = strstr(p, "\n\n");
    char paragraph[2048];
    snprintf(paragraph, sizeof paragraph, "%.*s", (int)(end ? end - p : (long)strlen(p)), p);
    fputc('\n', out);
    wrap(out, paragraph, 0, 0);
    p = end ? end + 2 : NULL;
  }
  for (int i = 0; i < TR_OPERANDS_MAX && table->operands[i].name; i++) {
    fprintf(out, "%s  %-*s", i ? "" : "\n", INDENT - 2, table->operands[i].name);
    wrap(out, table->operands[i].help, INDENT, INDENT);
  }
  const char *group = "";
  for (int i = 0; i < table->n_options; i++) {
    const tr_option *option = &table->options[i];
    const char *heading = option->group ? option->group : "Options";
    if (strcmp(heading, group) != 0) fprintf(out, "\n%s:\n", heading);
    group = heading;
    int column = fprintf(out, "  --%s %s", option->name, value_name(option, value, sizeof value));
    if (column >= INDENT - 1) fputc('\n', out), column = 0;
    fprintf(out, "%*s", INDENT - column, "");
    char help[2048];
    remarks(ctx, table, option, text, sizeof text);
    snprintf(help, sizeof help, "%s%s", option->help, text);
    wrap(out, help, INDENT, INDENT);
  }
  fprintf(out, "\nAlso:\n  %-*s%s\n", INDENT - 2, "--help", "print this and exit");
}

/* Text for troff: dashes and backslashes are escaped, and no line begins with a control character. */
static void troff(FILE *out, const char *text) {
  bool line_start = true;
  for (; *text; text++) {
    if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
    if (*text == '\\')
      fputs("\\e", out);
    else if (*text == '-')
      fputs("\\-", out);
    else
      fputc(*text, out);
    line_start = *text == '\n';
  }
}

static void man_option(const tr_ctx *ctx, const tr_option_table *table, const tr_option *option, FILE *out) {
  char text[1024];
  fputs(".TP\n\\fB\\-\\-", out);
  troff(out, option->name);
  fputs("\\fR \\fI", out);
  troff(out, value_name(option, text, sizeof text));
  fputs("\\fR\n", out);
  troff(out, option->help);
  remarks(ctx, table, option, text, sizeof text);
  troff(out, text);
  fputc('\n', out);
}

void tr_options_man(const tr_ctx *ctx, const tr_option_table *table, FILE *out) {
  if (!ctx || !table || !table->name || !out) return;
  char modes[96], operands[200];
  synopsis_modes(table, modes, sizeof modes);
  fputs(".SS \"", out);
  troff(out, table->program);
  fprintf(out, " %s%s%s", table->name, *modes ? " " : "", modes);
  tr_operands_text(table, false, operands, sizeof operands);
  fprintf(out, "%s\"\n", operands);
  troff(out, table->summary);
  fputc('\n', out);
  for (const char *p = table->details; p && *p;) {
    const char *end = strstr(p, "\n\n");
    char paragraph[2048];
    snprintf(paragraph, sizeof paragraph, "%.*s", (int)(end ? end - p : (long)strlen(p)), p);
    fputs(".PP\n", out);
    troff(out, paragraph);
    fputc('\n', out);
    p = end ? end + 2 : NULL;
  }
  for (int i = 0; i < TR_OPERANDS_MAX && table->operands[i].name; i++) {
    fputs(".TP\n\\fI", out);
    troff(out, table->operands[i].name);
    fputs("\\fR\n", out);
    troff(out, table->operands[i].help);
    fputc('\n', out);
  }
  const char *group = "";
  for (int i = 0; i < table->n_options; i++) {
    const char *heading = table->options[i].group ? table->options[i].group : "Options";
    if (strcmp(heading, group) != 0) {
      fputs(".PP\n.B \"", out);
      troff(out, heading);
      fputs("\"\n", out);
    }
    group = heading;
    man_option(ctx, table, &table->options[i], out);
  }
}
