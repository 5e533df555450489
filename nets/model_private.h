/* What the files of a model share. */
#ifndef TR_NETS_MODEL_PRIVATE_H
#define TR_NETS_MODEL_PRIVATE_H

#include "nets/model.h"

/* An argument that says something; NULL where there is none, or None, or an object. */
const char *tr_model_told(const tr_model *m, const char *name);
/* TR_E_IO: what the file says of `name` is wrong, because of `error`. */
tr_status tr_model_wrong_arg(const tr_model *m, const char *name, const tr_error *error);
/* Family, path, prediction and clock, from options and arguments; what is assumed is said in one line
 * (convention.c). */
tr_status tr_model_settle(tr_model *m, const tr_model_options *options);

#endif
