#include "core/status.h"

#include <stdarg.h>

#include "core/error/error_private.h"
#include "core/text.h"

const char *tr_status_name(tr_status status) {
  static const char *const names[] = {
      "TR_OK",   "TR_E_ARG",    "TR_E_SHAPE",  "TR_E_MEM",       "TR_E_UNSUPPORTED",
      "TR_E_IO", "TR_E_DEVICE", "TR_E_SOLVER", "TR_E_NONFINITE", "TR_E_INTERRUPTED"};
  if ((int)status < 0 || (int)status >= (int)(sizeof names / sizeof *names)) return "TR_E_?";
  return names[status];
}

tr_status tr_error_fill(tr_error *err, tr_status status, const char *file, int line, const char *format,
                        ...) {
  if (!err) return status;
  va_list args;
  va_start(args, format);
  tr_text_vshow(err->message, sizeof err->message, format, args);
  va_end(args);
  err->status = status, err->file = file, err->line = line;
  return status;
}
