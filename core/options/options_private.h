/* What the files of options share. Not for users of the library. */
#ifndef TR_CORE_OPTIONS_OPTIONS_PRIVATE_H
#define TR_CORE_OPTIONS_OPTIONS_PRIVATE_H

#include "core/options/options.h"

/* What stands for the value in a message: the metavar; without one the choices, "a|b|c", which text may hold.
 */
const char *tr_option_metavar(const tr_option *option, char *text, size_t size);

/* Words without dashes (core/options/operands.c): the next one goes where it belongs; whether all that must
 * be given are; and " IN [OUT]" for a usage, with brackets around what may be left away or without, written
 * into text. */
tr_status tr_operand_take(tr_ctx *ctx, const tr_option_table *table, const char *word, void *values);
tr_status tr_operands_check(tr_ctx *ctx, const tr_option_table *table, void *values);
void tr_operands_free(const tr_option_table *table, void *values);
void tr_operands_text(const tr_option_table *table, bool brackets, char *text, size_t size);

#endif
