/* What the files of a model share. */
#ifndef TR_NETS_MODEL_PRIVATE_H
#define TR_NETS_MODEL_PRIVATE_H

#include "nets/model.h"

/* An argument that says something; NULL where there is none, or None, or an object. */
const char *tr_model_told(const tr_model *m, const char *name);
/* TR_E_IO: what the file says of `name` is wrong, because of `error`. */
tr_status tr_model_wrong_arg(const tr_model *m, const char *name, const tr_error *error);
/* TR_OK when the states have the size that the options ask for: where it is not the trained one, tables that
 * can be made leave m->weights, and m->config is to be found out again (*again). resize.c */
tr_status tr_model_resize(tr_model *m, bool *again);
/* The size asked for is that of the states. */
bool tr_model_has_size(const tr_model *m);
/* Family, path, prediction and clock, from options and arguments; what is assumed is said in one line
 * (convention.c). */
tr_status tr_model_settle(tr_model *m, const tr_model_options *options);

#endif
