/* Creation of the registry, for the context only. */
#ifndef TR_CORE_MODULE_REGISTRY_PRIVATE_H
#define TR_CORE_MODULE_REGISTRY_PRIVATE_H

#include "core/module/registry.h"

typedef struct tr_registry tr_registry;
tr_status tr_registry_create(tr_registry **out);
void tr_registry_destroy(tr_registry **registry);

#endif
