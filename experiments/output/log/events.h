/* Event files for TensorBoard: scalars and pictures by step. A record is its length, the masked CRC32C of
 * that, a protocol buffer (tensorflow/core/util/event.proto), and the masked CRC32C of that; each is flushed
 * as it is written, so that a run that dies leaves whole records and at most one part, which readers pass
 * over. */
#ifndef TR_EXPERIMENTS_OUTPUT_LOG_EVENTS_H
#define TR_EXPERIMENTS_OUTPUT_LOG_EVENTS_H

#include "core/context.h"

typedef struct events events;

/* Makes FOLDER/events.out.tfevents.SECONDS.transit.PID. Readers forget what older files of the folder say of
 * steps from `first` on: those are taken anew. */
tr_status events_open(tr_ctx *ctx, const char *folder, int64_t first, events **out);
/* The value of `tag` at a step. */
tr_status events_scalar(events *e, const char *tag, int64_t step, double value);
/* The picture in a file, a PNG in RGB (TR_E_IO), whose bytes are copied. */
tr_status events_image(events *e, const char *tag, int64_t step, const char *path);
void events_close(events **e); /* NULL is fine */

/* CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected, as iSCSI has it; of "123456789" it is 0xE3069283. */
uint32_t events_crc32c(const void *bytes, size_t size);

#endif
