/* Words of a command line that belong to no option. */
#include <stdlib.h>
#include <string.h>

#include "core/options/options_private.h"

static void *field(const tr_operand *operand, void *values) {
  return (char *)values + operand->offset;
}

static const tr_operand *operand_at(const tr_option_table *table, int i) {
  return i < TR_OPERANDS_MAX && table->operands[i].name ? &table->operands[i] : NULL;
}

static tr_status add(tr_ctx *ctx, tr_text_list *list, const char *word) {
  const char **longer = realloc(list->v, ((size_t)list->n + 1) * sizeof *longer);
  if (!longer) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d words", list->n + 1);
  list->v = longer;
  longer[list->n++] = word;
  return TR_OK;
}

tr_status tr_operand_take(tr_ctx *ctx, const tr_option_table *table, const char *word, void *values) {
  const tr_operand *operand;
  for (int i = 0; (operand = operand_at(table, i)); i++) {
    const char **out = field(operand, values);
    if (operand->many) return add(ctx, field(operand, values), word);
    if (*out) continue;
    *out = word;
    return TR_OK;
  }
  return TR_FAIL(ctx, TR_E_ARG, "'%s' is one argument too many: see '%s %s --help'", word, table->program,
                 table->name);
}

static bool is_given(const tr_operand *operand, void *values) {
  return operand->many ? ((tr_text_list *)field(operand, values))->n > 0
                       : *(const char **)field(operand, values) != NULL;
}

void tr_operands_text(const tr_option_table *table, bool brackets, char *text, size_t size) {
  const tr_operand *operand;
  size_t used = 0;
  *text = 0;
  for (int i = 0; (operand = operand_at(table, i)) && used < size; i++) {
    char name[96];
    snprintf(name, sizeof name, "%.80s%s", operand->name, operand->many ? "..." : "");
    used +=
        (size_t)snprintf(text + used, size - used, operand->required || !brackets ? " %s" : " [%s]", name);
  }
}

/* "transit convert IN OUT" */
tr_status tr_operands_check(tr_ctx *ctx, const tr_option_table *table, void *values) {
  const tr_operand *operand;
  char text[200];
  for (int i = 0; (operand = operand_at(table, i)); i++) {
    if (!operand->required || is_given(operand, values)) continue;
    tr_operands_text(table, false, text, sizeof text);
    return TR_FAIL(ctx, TR_E_ARG, "%s is missing: '%s %s%s'", operand->name, table->program, table->name,
                   text);
  }
  return TR_OK;
}

void tr_operands_free(const tr_option_table *table, void *values) {
  const tr_operand *operand;
  for (int i = 0; (operand = operand_at(table, i)); i++) {
    if (!operand->many) continue;
    tr_text_list *list = field(operand, values);
    free(list->v);
    *list = (tr_text_list){0};
  }
}
