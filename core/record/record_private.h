/* What the wrappers of arrays and operations tell recordings (core/record/record.h). Not for users of the
 * library.
 */
#ifndef TR_CORE_RECORD_PRIVATE_H
#define TR_CORE_RECORD_PRIVATE_H

#include "core/record/record.h"

/* Of a context; NULL: nothing was recorded yet. */
typedef struct tr_records tr_records;
tr_records **tr_ctx_records(tr_ctx *ctx);
void tr_records_close(tr_ctx *ctx);

/* Each, before the backend is asked, in a few nanoseconds where nothing is recorded. A status other than
 * TR_OK is for the recorder alone: it has no message. */

/* Something that cannot be part of a recording: "a wait". */
tr_status tr_record_refuses(tr_ctx *ctx, const char *what);
/* An operation with these operands (NULL among them: none). moves: it may be given arrays that move. */
tr_status tr_record_notes(tr_ctx *ctx, const char *what, bool moves, int n, const tr_array *const *operand);

/* So many bytes at this address are destroyed; NULL: anything may be. */
void tr_record_forgets(tr_ctx *ctx, const void *memory, size_t bytes);

#endif
