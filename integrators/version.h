/* The version of the solver library, for records of runs. */
#ifndef TR_INTEGRATORS_VERSION_H
#define TR_INTEGRATORS_VERSION_H

#include "core/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The release of SUNDIALS that is loaded: "6.4.1". Static text. */
TR_API const char *tr_sundials_version(void);

#ifdef __cplusplus
}
#endif

#endif
