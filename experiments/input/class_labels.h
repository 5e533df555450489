/* --class-labels: numbers, a file of them, or classes drawn at random or as many of each. */
#ifndef TR_EXPERIMENTS_INPUT_CLASS_LABELS_H
#define TR_EXPERIMENTS_INPUT_CLASS_LABELS_H

#include "core/options/options.h"
#include "nets/net.h"

/* Name, type and values of a row of that option. */
#define CLASS_LABELS                                                                                         \
  .name = "class-labels", .type = TR_OPTION_INTS, .flags = TR_OPTION_GE | TR_OPTION_FROM_FILE, .low = 0,     \
  .metavar = "L1,L2,...|@FILE"
/* The same where samples are drawn. */
#define CLASS_LABELS_DRAWN                                                                                   \
  .name = "class-labels", .type = TR_OPTION_INTS, .flags = TR_OPTION_GE | TR_OPTION_FROM_FILE, .low = 0,     \
  .choices = "random,balanced", .metavar = "L1,L2,...|@FILE|random|balanced"
#define CLASS_LABELS_WORDS                                                                                   \
  "random: each sample's class is drawn, by the seed and the number of the sample; balanced: as many of "    \
  "each class, in turn. "

/* Whether nothing was given. */
bool class_labels_unset(const tr_int_list *given);

/* How many samples the labels are for: their number if there are several, one of each class if they shall be
 * balanced, else `otherwise`. */
long class_labels_count(const tr_net_info *info, const tr_int_list *given, long otherwise);

/* The labels of n samples, malloc'd: as tr_model_labels makes them of numbers, or as the words say (TR_E_ARG
 * for a network without classes, and for balanced classes where n is no multiple of their number). */
tr_status class_labels_make(tr_ctx *ctx, const tr_net_info *info, const tr_int_list *given, long n,
                            int32_t **out);

#endif
