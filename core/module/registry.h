/* The registry: modules found by kind and name. A module is a static const table that begins with a
 * tr_module; its kind is a short text ("interpolant", "diffusion", "last-step", "ode-method", "sde-method",
 * ...). */
#ifndef TR_CORE_MODULE_REGISTRY_H
#define TR_CORE_MODULE_REGISTRY_H

#include "core/module/module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds a module. The table and the text `kind` are borrowed and must outlive the context. Names have 1 to 63
 * characters; a name or alias that is taken in this kind, in whatever case, is TR_E_ARG, and so are
 * parameters that do not fit together: names that are empty, equal or hold '=' or ',', defaults out of range,
 * too many. Built-in and user modules register the same way. */
TR_API tr_status tr_register(tr_ctx *ctx, const char *kind, const tr_module *module);

/* The module of this kind with this name or alias (exact spelling first, then ignoring case). Unknown:
 * TR_E_ARG with the nearest right spelling and the list of names. Cast the result to the kind's table type.
 */
TR_API tr_status tr_find(tr_ctx *ctx, const char *kind, const char *name, const tr_module **out);

/* The module of this kind with this very name: no alias, no other case. NULL, and no error, when there is
 * none. */
TR_API const tr_module *tr_module_named(const tr_ctx *ctx, const char *kind, const char *name);

/* Modules in the order of registration: the i-th of this kind, NULL past the end. */
TR_API const tr_module *tr_module_at(const tr_ctx *ctx, const char *kind, int i);
/* The i-th kind in the order of first registration, NULL past the end. */
TR_API const char *tr_kind_at(const tr_ctx *ctx, int i);

/* The candidate nearest to `word` by edit distance (ignoring case); when none is near, one that begins with
 * the word or else contains it; NULL when there is nothing to suggest. Candidates: n texts. */
TR_API const char *tr_nearest(const char *word, const char *const *candidates, int n);

#ifdef __cplusplus
}
#endif

#endif
