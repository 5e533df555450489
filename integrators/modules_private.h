/* The tables of the built-in modules of this room, each defined in a file of its own. */
#ifndef TR_INTEGRATORS_MODULES_PRIVATE_H
#define TR_INTEGRATORS_MODULES_PRIVATE_H

#include "core/module/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_MODULE(kind, table) extern const tr_module *const table;
#include "integrators/modules.def"
#undef TR_MODULE

#ifdef __cplusplus
}
#endif

#endif
