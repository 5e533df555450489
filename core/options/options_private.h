/* What the files of options share. Not for users of the library. */
#ifndef TR_CORE_OPTIONS_OPTIONS_PRIVATE_H
#define TR_CORE_OPTIONS_OPTIONS_PRIVATE_H

#include "core/options/options.h"

/* What stands for the value in a message: the metavar; without one the choices, "a|b|c", which text may hold.
 */
const char *tr_option_metavar(const tr_option *option, char *text, size_t size);

#endif
