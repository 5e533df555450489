/* What a training asks of losses beside transport/loss/loss.h. */
#ifndef TR_TRANSPORT_LOSS_LOSS_PRIVATE_H
#define TR_TRANSPORT_LOSS_LOSS_PRIVATE_H

#include "transport/loss/loss.h"

/* The numbers of rows first .. first + n - 1 on the device, views: what tr_loss_rows_interpolate reads, and
 * what tr_loss_rows_eval does. A recording of these for other rows is told that they move. */
tr_status tr_loss_rows_numbers(const tr_loss_rows *rows, int64_t first, int64_t n, tr_array *path,
                               tr_array *residual);

#endif
