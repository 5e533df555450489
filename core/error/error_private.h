/* An error of what has no context yet to latch it in, such as the opening of one. Not for users of the
 * library. */
#ifndef TR_CORE_ERROR_ERROR_PRIVATE_H
#define TR_CORE_ERROR_ERROR_PRIVATE_H

#include <stdarg.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills err, which may be NULL, with one line as tr_ctx_latch has it; returns the status. */
tr_status tr_error_fill(tr_error *err, tr_status status, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same with the arguments of another function. */
tr_status tr_error_vfill(tr_error *err, tr_status status, const char *file, int line, const char *format,
                         va_list args);
#define TR_FAIL_IN(err, status, ...) tr_error_fill((err), (status), __FILE__, __LINE__, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
