/* What every module says of itself: its names, one line for lists, and the parameters that its users may set
 * by name. */
#ifndef TR_CORE_MODULE_MODULE_H
#define TR_CORE_MODULE_MODULE_H

#include <stddef.h>

#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The finite numbers between two ends, each open, closed or not there. Zeroed: every finite number. */
typedef struct {
  unsigned ends; /* TR_RANGE_... */
  double low, high;
} tr_range;
enum {
  TR_RANGE_GE = 2, /* value >= low */
  TR_RANGE_GT = 4, /* value > low */
  TR_RANGE_LE = 8, /* value <= high */
  TR_RANGE_LT = 16 /* value < high */
};
TR_API bool tr_range_has(const tr_range *range, double value);
/* The range in words, "> 0" or "from 0 to 1", written into text; empty when it has no ends. Returns text. */
TR_API const char *tr_range_text(const tr_range *range, char *text, size_t size);

typedef struct {
  const char *name;  /* as its users spell it; no '=', no ',' */
  double value;      /* where nobody sets it; NaN: there is no usual one, it must be set */
  tr_range range;    /* of the values that make sense */
  const char *unset; /* OPTIONAL, with the value NaN: it may be left unset, which then means this, in words */
  const char *help;  /* one line */
} tr_param;

#define TR_PARAMS_MAX 8 /* of one module */

/* The fields that follow `summary` are OPTIONAL: write tables with designated initialisers. */
typedef struct {
  const char *name;       /* how users spell it */
  const char *aliases;    /* other accepted spellings, comma-separated, or NULL */
  const char *summary;    /* one line for `transit list` */
  const tr_param *params; /* n_params <= TR_PARAMS_MAX of them, with names of their own */
  int n_params;
  /* What is wrong with values, each in its range, that do not go together: TR_E_ARG naming them. */
  tr_status (*check)(tr_ctx *ctx, const double *values);
} tr_module;

/* The values of a module's parameters: number i is that of params[i]. Zeroed, none is set. */
typedef struct {
  unsigned set; /* bit i: set by name, not the default */
  double v[TR_PARAMS_MAX];
} tr_values;

/* Every parameter at its default, none set. */
TR_API tr_values tr_module_defaults(const tr_module *module);
/* Sets a parameter by name. TR_E_ARG: a name that the module lacks, with the nearest that it has and all of
 * them; a value out of range, with the range. */
TR_API tr_status tr_module_set(tr_ctx *ctx, const tr_module *module, tr_values *values, const char *name,
                               double value);
/* TR_E_ARG for a value out of range, for one that must be set and is NaN, and for values that do not go
 * together. */
TR_API tr_status tr_module_check(tr_ctx *ctx, const tr_module *module, const tr_values *values);
/* The values given, with the defaults where nothing is set, which is everywhere in a zeroed struct. */
TR_API tr_values tr_module_filled(const tr_module *module, const tr_values *given);
/* The same in place, and checks. */
TR_API tr_status tr_module_settle(tr_ctx *ctx, const tr_module *module, tr_values *values);
/* TR_E_ARG when the module declares parameters: for kinds that have no place for their values. `kind`: in
 * words, "predictions". */
TR_API tr_status tr_module_refuse_params(tr_ctx *ctx, const tr_module *module, const char *kind);
/* Whether two sets of settled values are the same. */
TR_API bool tr_values_equal(const tr_module *module, const tr_values *a, const tr_values *b);

#ifdef __cplusplus
}
#endif

#endif
