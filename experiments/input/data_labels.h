/* The classes of the inputs of a data set, as the options and the data say them. */
#ifndef TR_EXPERIMENTS_INPUT_DATA_LABELS_H
#define TR_EXPERIMENTS_INPUT_DATA_LABELS_H

#include "core/data/dataset.h"
#include "core/options/options.h"
#include "nets/net.h"

/* Labels of the first n inputs: those given (one for all, or one each), else those of the data, else
 * *otherwise for all (NULL: every class in turn). A class that the model lacks is noted in `trouble` of its
 * input, whose label becomes -1; given or taken for all it is TR_E_ARG, as is another number of entries. When
 * no input can be used that is the error. *out is malloc'd; NULL for a network without classes, which takes
 * none and does not look at those of the data. */
tr_status data_labels(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given, tr_dataset *data,
                      int64_t n, const long *otherwise, int32_t **out);

#endif
