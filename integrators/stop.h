/* Why a solve came to its end. */
#ifndef TR_INTEGRATORS_STOP_H
#define TR_INTEGRATORS_STOP_H

#include "core/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TR_STOP_ERROR,  /* it failed, or never began */
  TR_STOP_END,    /* it reached the last time */
  TR_STOP_MAX_NFE /* the next evaluation would have been one too many */
} tr_stop;
/* The word for records: "error", "end", "max-nfe". */
TR_API const char *tr_stop_name(tr_stop stop);

#ifdef __cplusplus
}
#endif

#endif
