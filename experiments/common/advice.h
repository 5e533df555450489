/* Errors and warnings of the library as the user of a command knows things. The library speaks to its
 * callers, of fields of structs ("raise max_steps"), of its own values ("model family dit") and of numbers in
 * its own scale; a command has options. */
#ifndef TR_EXPERIMENTS_COMMON_ADVICE_H
#define TR_EXPERIMENTS_COMMON_ADVICE_H

#include "core/options/options.h"

/* Who reads it: the options of a command in one of its modes. rtol: the option that holds the tolerance of
 * the solve in question; NULL: --rtol, of an SDE --sde-rtol where there is one. */
typedef struct {
  const tr_option_table *table;
  int mode;
  const char *rtol;
} advice_reader;

/* Rewrites a message (size bytes of room) in place. Advice that no option of the command follows goes. */
void advice_translate(const advice_reader *reader, char *text, size_t size);

/* The same of the context's error; returns status. */
tr_status advice_error(tr_ctx *ctx, tr_status status, const advice_reader *reader);

#endif
