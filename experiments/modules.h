/* Registers every built-in module of every room. */
#ifndef TR_EXPERIMENTS_MODULES_H
#define TR_EXPERIMENTS_MODULES_H

#include "core/context.h"

tr_status register_modules(tr_ctx *ctx);

#endif
