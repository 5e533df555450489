/* The version of the library, for programs and for records of runs. */
#ifndef TR_CORE_VERSION_H
#define TR_CORE_VERSION_H

#include "core/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The release of transit that is loaded, MAJOR.MINOR.PATCH: "0.2.0". Static text. */
TR_API const char *tr_version(void);

#ifdef __cplusplus
}
#endif

#endif
