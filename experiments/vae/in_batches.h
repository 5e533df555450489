/* Pictures one batch after the other, with a bar on a terminal. */
#ifndef TR_EXPERIMENTS_VAE_IN_BATCHES_H
#define TR_EXPERIMENTS_VAE_IN_BATCHES_H

#include "experiments/common/program.h"

/* each(run, first, count) for n pictures, `size` of them at a time and fewer in the last batch, until one
 * fails: its status. TR_E_INTERRUPTED after a signal, before the next batch. */
tr_status in_batches(program *p, int64_t n, int64_t size,
                     tr_status (*each)(void *run, int64_t first, int64_t count), void *run);

#endif
