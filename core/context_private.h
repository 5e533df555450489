/* What core keeps of a context. Not for users of the library. */
#ifndef TR_CORE_CONTEXT_PRIVATE_H
#define TR_CORE_CONTEXT_PRIVATE_H

#include "core/context.h"

/* An array took so many bytes, or gave them back (< 0). */
void tr_ctx_count_memory(tr_ctx *ctx, int64_t bytes);

#endif
