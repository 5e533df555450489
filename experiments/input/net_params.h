/* The parameters of a network that its file does not tell: --net-param, and --num-heads, which is one of
 * them. */
#ifndef TR_EXPERIMENTS_INPUT_NET_PARAMS_H
#define TR_EXPERIMENTS_INPUT_NET_PARAMS_H

#include "experiments/common/common_options.h"
#include "nets/model.h"

/* What was given, for tr_model_open; the caller frees *told. TR_E_ARG for a parameter that no kind of network
 * has, one given in both spellings, and a value that is no whole number. */
tr_status net_params_told(tr_ctx *ctx, const model_options *options, int *n, tr_net_size **told);
/* Writes those of the network in use back, for the record: each into the option that is its own, if it has
 * one. */
tr_status net_params_resolve(tr_ctx *ctx, const tr_net_config *config, model_options *options);
/* Makes these the options of a guide (--guide-...), which have no --num-heads. */
void net_params_of_guide(model_options *options);
/* Whether any was given. */
bool net_params_given(const model_options *options);
/* How this one was, with its value: "--net-param NAME=2", or its own option. Written into text. */
void net_params_spelled(const model_options *options, const char *param, long value, char *text, size_t size);
/* How a parameter is given, for messages; of a guide. */
const char *net_params_option(const char *param);
const char *net_params_guide_option(const char *param);

#endif
