/* Status codes and error records. Every public function returns a tr_status; the text of an error lives in
 * the context (core/context.h), which keeps the first one. The library never prints, exits or aborts,
 * but where it is asked to end all ranks (tr_comm_abort, core/comm/comm.h). */
#ifndef TR_CORE_STATUS_H
#define TR_CORE_STATUS_H

#include "core/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TR_OK = 0,
  TR_E_ARG,         /* a value is out of its valid range, or a name is unknown */
  TR_E_SHAPE,       /* shapes, element types or contexts of arrays do not fit together */
  TR_E_MEM,         /* out of memory (host or device) */
  TR_E_UNSUPPORTED, /* the backend or module lacks this operation */
  TR_E_IO,          /* a file cannot be read or written, or its content is malformed */
  TR_E_DEVICE,      /* the device failed */
  TR_E_SOLVER,      /* a solver gave up: too much work, stalled step */
  TR_E_NONFINITE,   /* NaN or infinity where a number was needed */
  TR_E_INTERRUPTED  /* the caller asked to stop (tr_ctx_set_interrupt) */
} tr_status;

/* One error: what happened, said in one line, and where in the library it was noticed. */
typedef struct {
  tr_status status;
  char message[512];
  const char *file;
  int line;
} tr_error;

/* The name of a status, "TR_E_ARG" for example; "TR_E_?" for a value outside the enumeration. Static text. */
TR_API const char *tr_status_name(tr_status status);

/* Return from the calling function when the expression fails. */
#define TR_TRY(expr)                                                                                         \
  do {                                                                                                       \
    tr_status tr_try_status_ = (expr);                                                                       \
    if (tr_try_status_ != TR_OK) return tr_try_status_;                                                      \
  } while (0)

/* The same for functions with a clean-up section: status = expr; on failure jump to the label. */
#define TR_TRY_GOTO(status, expr, label)                                                                     \
  do {                                                                                                       \
    (status) = (expr);                                                                                       \
    if ((status) != TR_OK) goto label;                                                                       \
  } while (0)

#include "core/api.h"

#ifdef __cplusplus
}
#endif

#endif
