/* The parameters of modules (core/module/module.h) as options: --form-param NAME=VALUE,..., and the options
 * that some of them had before. */
#ifndef TR_EXPERIMENTS_COMMON_PARAM_OPTIONS_H
#define TR_EXPERIMENTS_COMMON_PARAM_OPTIONS_H

#include "core/options/options.h"

/* --eta X is --form-param eta=X. */
typedef struct {
  const char *option, *param;
  double value; /* NaN: not given */
} param_alias;

/* What the user gave for the modules of one role. */
typedef struct {
  const char *option; /* "form-param" */
  const tr_pair_list *pairs;
  const param_alias *aliases;
  int n_aliases;
} param_source;

/* Whether anything was. */
bool param_given(const param_source *source);
/* TR_E_ARG for a parameter given in both spellings, which names both, and for one, in either, that none of
 * these modules has, with what they have. */
tr_status param_check(tr_ctx *ctx, const param_source *source, const tr_module *const *modules, int n);
/* Sets what was given and the module has. TR_E_ARG, naming the option, for a value out of range. */
tr_status param_set(tr_ctx *ctx, const param_source *source, const tr_module *module, tr_values *values);
/* TR_E_ARG, naming the option, where the values do not go together. */
tr_status param_settled(tr_ctx *ctx, const char *option, const tr_module *module, const tr_values *values);
/* The first parameter that must be given and is not; NULL: there is none. */
const char *param_missing(const tr_module *module, const tr_values *values);
/* Whether the module has this parameter. */
bool param_known(const tr_module *module, const char *param);
/* Both, for a module that stands alone: everything given must be a parameter of it. */
tr_status param_set_all(tr_ctx *ctx, const param_source *source, const tr_module *module, tr_values *values);

/* Replaces the pairs by the values in use, for the record. */
tr_status param_resolve(tr_ctx *ctx, const tr_module *module, const tr_values *values, tr_pair_list *pairs);
/* All three, for a module that stands alone and parameters that have no other spelling. */
tr_status param_take(tr_ctx *ctx, const char *option, const tr_module *module, tr_pair_list *pairs,
                     tr_values *values);

#endif
