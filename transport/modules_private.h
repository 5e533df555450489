/* The tables of the built-in modules of this room, each defined in a file of its own. */
#ifndef TR_TRANSPORT_MODULES_PRIVATE_H
#define TR_TRANSPORT_MODULES_PRIVATE_H

#include <stddef.h>

#include "core/module/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TR_MODULE(kind, table) extern const tr_module *const table;
#define TR_ROOM(function)
#include "transport/modules.def"
#undef TR_MODULE
#undef TR_ROOM

#ifdef __cplusplus
}
#endif

#endif
