/* The classes of inputs: what the options say, else what the files say, else what is taken, which is then
 * said. */
#ifndef TR_EXPERIMENTS_INPUT_DATA_LABELS_H
#define TR_EXPERIMENTS_INPUT_DATA_LABELS_H

#include "core/data/dataset.h"
#include "core/options/options.h"
#include "experiments/input/given.h"
#include "nets/net.h"

/* Where labels are from, in words of the record. */
extern const char labels_of_option[], labels_of_data[], labels_null[], labels_in_turn[], labels_none[];

/* Labels of the first n inputs of a data set: those given (one for all, or one each), else those of the data,
 * else the null class for all, with a warning; TR_E_ARG where the model has none. A class that the model
 * lacks is noted in `trouble` of its input, whose label becomes -1; given for all it is TR_E_ARG, as is
 * another number of entries. When no input can be used that is the error. *out is malloc'd; NULL for a
 * network without classes, which takes none and does not look at those of the data. *from: one of the above.
 */
tr_status data_labels(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given, tr_dataset *data,
                      int64_t n, const char **from, int32_t **out);

/* Labels of n states: those given, else the array `labels` (or `label`) of the .npz that `init` has open,
 * else the null class for states that are data (TR_E_ARG where there is none), with a warning, and every
 * class in turn for others. A class in the file that the model lacks is TR_E_ARG, naming the file. `init` may
 * be one that is not open. */
tr_status init_labels(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given,
                      const struct given *init, bool data, int64_t n, const char **from, int32_t **out);

#endif
