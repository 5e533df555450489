/* Networks of kinds that are not here, told by the names of their tensors, so that a message can say what
 * they seem to be. */
#ifndef TR_NETS_FOREIGN_PRIVATE_H
#define TR_NETS_FOREIGN_PRIVATE_H

#include "nets/checkpoint/tensors.h"

/* "a Flux transformer"; NULL: nothing is known of them. Static text. */
const char *tr_net_foreign(const tr_tensors *weights);

#endif
