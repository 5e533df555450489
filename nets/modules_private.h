/* The tables of the built-in modules of this room, each defined in a file of its own. */
#ifndef TR_NETS_MODULES_PRIVATE_H
#define TR_NETS_MODULES_PRIVATE_H

#include "core/module/registry.h"

#define TR_MODULE(kind, table) extern const tr_module *const table;
#define TR_ROOM(function)
#include "nets/modules.def"
#undef TR_MODULE
#undef TR_ROOM

#endif
